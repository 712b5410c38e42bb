//! CFG017: packages whose signatures nobody looked at, in the history and in the settings of package managers.

use super::{
    super::{
        FindingPlace,
        image_view::ImageView,
        rule_notes::RuleNotes,
        setting_file::{SettingFile, is_off, is_on, lines, setting, tell_left_out},
    },
    history_command::{self, Command},
    rule_check::RuleCheck,
};
use crate::report::Rule;

pub(super) const CHECK: RuleCheck = RuleCheck { rules: &[Rule::UnverifiedPackages], files: true, run: check_packages };

/// Options by which a package manager takes what is not signed, for each of them.
const OPTIONS: [(&[&str], &[&str]); 4] = [
    (
        &["apt", "apt-get", "aptitude"],
        &["--allow-unauthenticated", "--force-yes", "--allow-insecure-repositories", "--allow-weak-repositories"],
    ),
    (&["apk"], &["--allow-untrusted"]),
    (&["rpm"], &["--nosignature", "--nogpgcheck", "--nodigest"]),
    (
        &["yum", "dnf", "microdnf", "tdnf", "zypper"],
        &["--nogpgcheck", "--no-gpgchecks", "--no-gpg-checks", "--allow-unsigned-rpm"],
    ),
];

/// Settings of apt that take what is not signed, in small letters and without what stands before the last colon.
const APT_SETTINGS: [&str; 4] = [
    "allowunauthenticated",
    "allowinsecurerepositories",
    "allowdowngradetoinsecurerepositories",
    "allow-unauthenticated",
];

fn check_packages(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for file in view.settings() {
        check_file(view, notes, file);
    }
    tell_left_out(view, notes, CHECK.rules);
    for (index, line) in history_command::history(view) {
        let place = || FindingPlace::key(format!("history[{index}]"));
        let statements = history_command::statements(line);
        if let Some(option) = history_command::commands(&statements).find_map(|command| unverified(&command)) {
            let message = format!("the build installed packages with `{option}`");
            notes.found(Rule::UnverifiedPackages, place(), message);
        } else if has_trusted_option(line) {
            let message = "the build added a repository as trusted, whoever signs it";
            notes.found(Rule::UnverifiedPackages, place(), message);
        }
    }
}

/// The option by which a command takes packages that are not signed.
fn unverified(command: &Command<'_>) -> Option<String> {
    let (_, options) = OPTIONS.iter().find(|(names, _)| command.is(names))?;
    let found = command.words.iter().find(|word| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        options.contains(&name) && !is_off(value)
    });
    let by_setting = || {
        command.words.iter().find(|word| {
            let setting = word.trim_start_matches("--setopt=").trim_start_matches("-o");
            let (name, value) = setting.rsplit_once('=').unwrap_or((setting, ""));
            let name = name.rsplit([':', '.']).next().unwrap_or_default().to_ascii_lowercase();
            name == "gpgcheck" && is_off(value) || APT_SETTINGS.contains(&name.as_str()) && is_on(value)
        })
    };
    found.or_else(by_setting).map(|word| (*word).to_owned())
}

/// Looks at one file of settings.
fn check_file(view: &ImageView<'_>, notes: &mut RuleNotes, file: &SettingFile<'_>) {
    let path = file.path.as_str();
    let text = file.text();
    let found = if path.starts_with("/etc/apt/sources.list") {
        is_trusted_source(&text).then(|| format!("`{path}` trusts a repository, whoever signs it"))
    } else if path.starts_with("/etc/apt/apt.conf") {
        is_unverified_apt(&text).then(|| format!("`{path}` lets apt install what is not signed"))
    } else if matches!(file.name(), "yum.conf" | "dnf.conf")
        || path.starts_with("/etc/yum.repos.d/")
        || path.starts_with("/etc/zypp/repos.d/")
    {
        unverified_repository(&text).map(|name| format!("`{path}` does not look at signatures of `{name}`"))
    } else {
        return;
    };
    match found {
        Some(message) => notes.found(Rule::UnverifiedPackages, file.place(view), message),
        None => file.tell_unread(view, notes, Rule::UnverifiedPackages),
    }
}

/// Whether a list of apt's sources has one that is trusted unseen: `deb [trusted=yes] ...`, or `Trusted: yes`.
fn is_trusted_source(text: &str) -> bool {
    lines(text).any(|line| {
        let (name, value) = setting(line);
        name == "trusted" && is_on(value) || line.starts_with("deb") && has_trusted_option(line)
    })
}

/// Whether a line has `trusted=yes` between brackets, as apt writes it.
fn has_trusted_option(line: &str) -> bool {
    let mut rest = line;
    while let Some((_, inside)) = rest.split_once('[') {
        let (options, after) = inside.split_once(']').unwrap_or((inside, ""));
        let is_trusted = |option: &str| option.strip_prefix("trusted=").is_some_and(is_on);
        if options.split_whitespace().any(is_trusted) {
            return true;
        }
        rest = after;
    }
    false
}

fn is_unverified_apt(text: &str) -> bool {
    lines(text).flat_map(|line| line.split(['{', '}', ';'])).any(|part| {
        let (name, value) = part.trim().split_once(char::is_whitespace).unwrap_or((part, ""));
        let name = name.rsplit(':').next().unwrap_or_default().to_ascii_lowercase();
        APT_SETTINGS.contains(&name.as_str()) && is_on(value.trim().trim_matches('"'))
    })
}

/// The first repository in use whose packages are not checked, by its section.
fn unverified_repository(text: &str) -> Option<String> {
    let mut section = "main";
    let (mut unchecked, mut enabled) = (false, true);
    for line in lines(text).chain(["[]"]) {
        if let Some(next) = line.strip_prefix('[') {
            if unchecked && enabled {
                return Some(section.to_owned());
            }
            section = next.trim_end_matches(']');
            (unchecked, enabled) = (false, true);
        }
        match setting(line) {
            (name, value) if name == "gpgcheck" => unchecked = is_off(value),
            (name, value) if name == "enabled" => enabled = !is_off(value),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, has};
    use super::*;

    #[test]
    fn repositories_that_nobody_checks_are_found() {
        let with = |path: &str, text: &str| {
            has(&SampleImage::new().layer([SampleFile::text(path, text)]).audit(), CHECK.rules)
        };
        for (path, bad, good) in [
            (
                "etc/apt/sources.list",
                "deb [arch=amd64 trusted=yes] http://x stable main",
                "# deb [trusted=yes] http://x stable main\ndeb [signed-by=/x] http://x stable main",
            ),
            (
                "etc/apt/sources.list.d/x.sources",
                "Types: deb\nURIs: http://x\nTrusted: yes\n",
                "Types: deb\nTrusted: no\n",
            ),
            (
                "etc/apt/apt.conf.d/99x",
                "APT::Get::AllowUnauthenticated \"true\";",
                "APT::Get::AllowUnauthenticated \"false\";",
            ),
            ("etc/apt/apt.conf", "APT { Get { AllowUnauthenticated \"1\"; }; };", "// AllowUnauthenticated \"1\";"),
            ("etc/yum.repos.d/x.repo", "[x]\nname=x\ngpgcheck=0\n", "[x]\nenabled=0\ngpgcheck=0\n[y]\ngpgcheck=1\n"),
            ("etc/dnf/dnf.conf", "[main]\ngpgcheck=False\n", "[main]\ngpgcheck=1\nrepo_gpgcheck=0\n"),
        ] {
            assert_eq!(with(path, bad), [Rule::UnverifiedPackages], "{path}: {bad}");
            assert_eq!(with(path, good), [], "{path}: {good}");
        }
    }

    #[test]
    fn installs_without_signatures_are_found() {
        let with = |line: &str| has(&SampleImage::new().history(line).layer([]).audit(), CHECK.rules);
        for bad in [
            "RUN /bin/sh -c apt-get install -y --allow-unauthenticated x",
            "RUN apt-get --force-yes install x",
            "RUN apt-get -o APT::Get::AllowUnauthenticated=true install x",
            "RUN apk add --no-cache --allow-untrusted x.apk",
            "RUN rpm -i --nosignature x.rpm",
            "RUN dnf install -y --nogpgcheck x",
            "RUN yum --setopt=gpgcheck=0 install x",
            "RUN echo 'deb [trusted=yes] http://x ./' > /etc/apt/sources.list.d/x.list",
        ] {
            assert_eq!(with(bad), [Rule::UnverifiedPackages], "{bad}");
        }
        for good in [
            "RUN apt-get install -y x",
            "RUN dpkg -i --force-yes x",
            "RUN apk add x",
            "RUN echo --allow-untrusted",
            "RUN dnf install --setopt=gpgcheck=1 x",
            "RUN test [ $trusted=yes ]",
        ] {
            assert_eq!(with(good), [], "{good}");
        }
    }
}
