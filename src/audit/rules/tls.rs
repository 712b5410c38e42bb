//! CFG016: checks of certificates that are switched off, in variables, arguments, settings and the history.

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
use crate::report::{Rule, Severity};

pub(super) const CHECK: RuleCheck = RuleCheck { rules: &[Rule::UncheckedTls], files: true, run: check_tls };

/// How a variable has to be set so that a check is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OffWhen {
    /// It is there, with any value; nothing is a value too.
    Set,
    /// It is there and not empty.
    Filled,
    /// Its value is `1`, `true` and the like.
    On,
    /// Its value is `0`, `false` and the like.
    Off,
}

/// The variables that switch a check off, in small letters where their case does not count.
const VARIABLES: [(&str, OffWhen); 20] = [
    ("NODE_TLS_REJECT_UNAUTHORIZED", OffWhen::Off),
    ("PYTHONHTTPSVERIFY", OffWhen::Off),
    ("GIT_SSL_NO_VERIFY", OffWhen::Set),
    ("CURL_INSECURE", OffWhen::On),
    ("PERL_LWP_SSL_VERIFY_HOSTNAME", OffWhen::Off),
    ("PIP_TRUSTED_HOST", OffWhen::Filled),
    ("UV_INSECURE_HOST", OffWhen::Filled),
    ("GOINSECURE", OffWhen::Filled),
    ("CONDA_SSL_VERIFY", OffWhen::Off),
    ("BUNDLE_SSL_VERIFY_MODE", OffWhen::Off),
    ("YARN_ENABLE_STRICT_SSL", OffWhen::Off),
    ("YARN_STRICT_SSL", OffWhen::Off),
    ("npm_config_strict_ssl", OffWhen::Off),
    ("NPM_CONFIG_STRICT_SSL", OffWhen::Off),
    ("COMPOSER_DISABLE_TLS", OffWhen::On),
    ("VAULT_SKIP_VERIFY", OffWhen::On),
    ("NOMAD_SKIP_VERIFY", OffWhen::On),
    ("CONSUL_HTTP_SSL_VERIFY", OffWhen::Off),
    ("DOCKER_CONTENT_TRUST_INSECURE", OffWhen::On),
    ("SSL_NO_VERIFY", OffWhen::On),
];

/// Options of any program by which it does not look at certificates.
const OPTIONS: [&str; 8] = [
    "--no-check-certificate",
    "--no-check-certificates",
    "--insecure-skip-tls-verify",
    "--insecure-skip-verify",
    "--tls-skip-verify",
    "--unsafely-ignore-certificate-errors",
    "--strict-ssl=false",
    "--check-certificate=false",
];

/// Properties of Java, in any variable or argument.
const PROPERTIES: [&str; 3] = [
    "-Dmaven.wagon.http.ssl.insecure=true",
    "-Djdk.internal.httpclient.disableHostnameVerification",
    "-Dcom.sun.jndi.ldap.object.disableEndpointIdentification=true",
];

fn check_tls(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for (name, value) in view.env() {
        if let Some(what) = variable_off(name, value) {
            notes.found(Rule::UncheckedTls, FindingPlace::key(format!("config.Env[{name}]")), what);
        }
    }
    for key in ["Entrypoint", "Cmd"] {
        let words = view.words(key);
        if let Some(word) = words.iter().flat_map(|words| words.split_whitespace()).find(|word| is_option(word)) {
            let message = format!("the service is started with `{}`", shown(word));
            notes.found(Rule::UncheckedTls, FindingPlace::key(format!("config.{key}")), message);
        }
    }
    for file in view.settings() {
        check_file(view, notes, file);
    }
    tell_left_out(view, notes, CHECK.rules);
    for (index, line) in history_command::history(view) {
        let statements = history_command::statements(line);
        if let Some(what) = history_command::commands(&statements).find_map(|command| command_off(&command)) {
            let place = FindingPlace::key(format!("history[{index}]"));
            notes.weigh(Rule::UncheckedTls, Severity::Medium, place, what);
        }
    }
}

/// What a variable switches off.
fn variable_off(name: &str, value: &str) -> Option<String> {
    let set = VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, when)| *when);
    let is_off = match set {
        Some(OffWhen::Set) => true,
        Some(OffWhen::Filled) => !value.trim().is_empty(),
        Some(OffWhen::On) => is_on(value),
        Some(OffWhen::Off) => is_off(value),
        None => value.split_whitespace().any(|word| PROPERTIES.contains(&word)),
    };
    is_off.then(|| format!("`{name}` switches checks of certificates off"))
}

fn is_option(word: &str) -> bool {
    let (option, value) = word.split_once('=').unwrap_or((word, ""));
    (OPTIONS.contains(&option) && !is_off(value)) || OPTIONS.contains(&word) || PROPERTIES.contains(&word)
}

/// An option without its value, which may be anything.
fn shown(word: &str) -> &str {
    word.split('=').next().unwrap_or(word)
}

/// Looks at one file of settings.
fn check_file(view: &ImageView<'_>, notes: &mut RuleNotes, file: &SettingFile<'_>) {
    let Some(is_switched_off) = reader(file) else { return };
    let text = file.text();
    if let Some(line) = lines(&text).find(|line| is_switched_off(line)) {
        let (name, _) = setting(line.trim_start_matches('-'));
        let message = format!("`{}` switches checks of certificates off: `{name}`", file.path);
        notes.weigh(Rule::UncheckedTls, Severity::Medium, file.place(view), message);
    } else {
        file.tell_unread(view, notes, Rule::UncheckedTls);
    }
}

/// What tells whether a line of this file switches the check off; `None` for files of other tools.
fn reader(file: &SettingFile<'_>) -> Option<fn(&str) -> bool> {
    let below = |folder: &str| file.path.starts_with(folder);
    match file.name() {
        ".curlrc" | "curlrc" => Some(|line| matches!(line, "-k" | "--insecure" | "insecure")),
        ".wgetrc" | "wgetrc" => Some(|line| {
            let (name, value) = setting(line);
            name.replace(['_', '-'], "") == "checkcertificate" && is_off(value)
        }),
        ".npmrc" | "npmrc" | ".yarnrc" => Some(|line| is_set_off(line, &["strict-ssl"])),
        ".yarnrc.yml" => Some(|line| is_set_off(line, &["enablestrictssl"])),
        ".condarc" => Some(|line| is_set_off(line, &["ssl_verify"])),
        ".gitconfig" | "gitconfig" => Some(|line| is_set_off(line, &["sslverify"])),
        "config" if file.path.ends_with("/git/config") => Some(|line| is_set_off(line, &["sslverify"])),
        "pip.conf" => Some(|line| setting(line).0 == "trusted-host"),
        "yum.conf" | "dnf.conf" => Some(|line| is_set_off(line, &["sslverify"])),
        _ if below("/etc/yum.repos.d/") || below("/etc/zypp/repos.d/") => Some(|line| is_set_off(line, &["sslverify"])),
        _ if below("/etc/apt/apt.conf") => Some(is_apt_off),
        _ => None,
    }
}

/// Whether a line of apt's configuration, which may have several settings in braces, has one that switches the check off.
fn is_apt_off(line: &str) -> bool {
    line.split(['{', '}', ';']).any(|part| {
        let (name, value) = part.trim().split_once(char::is_whitespace).unwrap_or((part, ""));
        let name = name.rsplit(':').next().unwrap_or_default().to_ascii_lowercase();
        matches!(name.as_str(), "verify-peer" | "verify-host") && is_off(value.trim().trim_matches('"'))
    })
}

fn is_set_off(line: &str, names: &[&str]) -> bool {
    let (name, value) = setting(line);
    names.contains(&name.as_str()) && is_off(value)
}

/// What a command of the history does without looking at certificates.
fn command_off(command: &Command<'_>) -> Option<String> {
    let by_variable = command.variables.iter().find(|(name, value)| variable_off(name, value).is_some());
    if let Some((name, _)) = by_variable {
        return Some(format!("a command of the build ran with `{name}`, which switches checks of certificates off"));
    }
    let is_off = match command.name {
        "curl" => is_curl_insecure(command),
        "git" => has_off(command, "sslverify"),
        "npm" | "yarn" | "pnpm" => has_off(command, "strict-ssl"),
        "pip" | "pip3" | "python" | "python3" | "uv" => {
            let names = ["--trusted-host", "trusted-host", "global.trusted-host", "--allow-insecure-host"];
            command.words.iter().any(|word| names.contains(&shown(word)))
        }
        "conda" | "mamba" => has_off(command, "ssl_verify"),
        "apt-get" | "apt" => command.words.iter().any(|word| {
            let (name, value) = word.rsplit_once('=').unwrap_or((word, ""));
            let name = name.to_ascii_lowercase();
            (name.ends_with("verify-peer") || name.ends_with("verify-host")) && is_off(value)
        }),
        "yum" | "dnf" | "microdnf" => command.words.iter().any(|word| {
            let option = word.strip_prefix("--setopt=").unwrap_or(word);
            is_set_off(option.rsplit('.').next().unwrap_or(option), &["sslverify"])
        }),
        "composer" => command.has(&["--disable-tls"]),
        "http" | "https" => command.has(&["--verify=no", "--verify=false"]),
        _ => false,
    };
    let is_off = is_off || !command.is(&["echo", "printf", ""]) && command.words.iter().any(|word| is_option(word));
    is_off.then(|| format!("`{}` of the build did not look at certificates", command.name))
}

/// Whether a setting of that name is switched off by the next word, or by a value in the same one: `strict-ssl false`,
/// `http.sslVerify=false`.
fn has_off(command: &Command<'_>, name: &str) -> bool {
    let ends = |word: &str| word.to_ascii_lowercase().ends_with(name);
    let pairs = command.words.windows(2).any(|pair| matches!(pair, [key, value] if ends(key) && is_off(value)));
    pairs
        || command.words.iter().any(|word| word.split_once('=').is_some_and(|(key, value)| ends(key) && is_off(value)))
}

/// Whether curl has `--insecure` or `-k`, alone or among other letters: `-fsSLk`, and not `-o k`.
fn is_curl_insecure(command: &Command<'_>) -> bool {
    /// Letters that take what follows for their value.
    const WITH_VALUE: &str = "AbcCdDeEFhHKmoPQrtTuUwxXyYz";
    command.words.iter().any(|word| {
        if let Some(long) = word.strip_prefix("--") {
            return matches!(long, "insecure" | "proxy-insecure");
        }
        let letters = word.strip_prefix('-').unwrap_or_default();
        letters.chars().take_while(|letter| !WITH_VALUE.contains(*letter)).any(|letter| letter == 'k')
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::sample_image::{SampleFile, SampleImage, found, has};
    use super::*;

    #[test]
    fn variables_and_arguments_that_switch_checks_off_are_found() {
        let with = |line: &str| has(&SampleImage::new().env(&[line]).layer([]).audit(), CHECK.rules);
        for bad in [
            "NODE_TLS_REJECT_UNAUTHORIZED=0",
            "PYTHONHTTPSVERIFY=0",
            "GIT_SSL_NO_VERIFY=false",
            "PIP_TRUSTED_HOST=pypi.org",
            "NPM_CONFIG_STRICT_SSL=False",
            "MAVEN_OPTS=-Xmx1g -Dmaven.wagon.http.ssl.insecure=true",
            "VAULT_SKIP_VERIFY=true",
        ] {
            assert_eq!(with(bad), [Rule::UncheckedTls], "{bad}");
        }
        for good in [
            "NODE_TLS_REJECT_UNAUTHORIZED=1",
            "PYTHONHTTPSVERIFY=1",
            "PIP_TRUSTED_HOST=",
            "NPM_CONFIG_STRICT_SSL=true",
            "VAULT_SKIP_VERIFY=0",
            "MY_GIT_SSL_NO_VERIFY=1",
        ] {
            assert_eq!(with(good), [], "{good}");
        }
        let arguments =
            |word: &str| has(&SampleImage::new().config("Cmd", json!(["serve", word])).layer([]).audit(), CHECK.rules);
        assert_eq!(arguments("--insecure-skip-tls-verify"), [Rule::UncheckedTls]);
        assert_eq!(arguments("--insecure-skip-tls-verify=false"), []);
        assert_eq!(arguments("--tls-verify"), []);
    }

    #[test]
    fn settings_that_switch_checks_off_are_found() {
        let with = |path: &str, text: &str| {
            let audit = SampleImage::new().layer([SampleFile::text(path, text)]).audit();
            assert!(!audit.is_incomplete(), "{path}");
            has(&audit, CHECK.rules)
        };
        for (path, bad, good) in [
            ("root/.curlrc", "silent\ninsecure\n", "silent\n# insecure\n"),
            ("root/.curlrc", "-k", "-o k"),
            ("etc/wgetrc", "check_certificate = off", "#check_certificate = off"),
            ("root/.npmrc", "strict-ssl=false", "strict-ssl=true"),
            ("root/.yarnrc", "strict-ssl false", "strict-ssl true"),
            ("root/.yarnrc.yml", "enableStrictSsl: false", "enableStrictSsl: true"),
            ("root/.gitconfig", "[http]\n\tsslVerify = false", "[http]\n\tsslVerify = true"),
            ("etc/pip.conf", "[global]\ntrusted-host = pypi.org", "[global]\nindex-url = https://pypi.org"),
            ("etc/apt/apt.conf.d/9", "Acquire::https::Verify-Peer \"false\";", "Acquire::https::Verify-Peer \"true\";"),
            (
                "etc/apt/apt.conf",
                "Acquire { https { Verify-Peer \"false\"; }; };",
                "Acquire { https { Timeout \"0\"; }; };",
            ),
            ("etc/yum.repos.d/x.repo", "[x]\nsslverify=0", "[x]\nsslverify=1"),
        ] {
            assert_eq!(with(path, bad), [Rule::UncheckedTls], "{path}: {bad}");
            assert_eq!(with(path, good), [], "{path}: {good}");
        }
        assert_eq!(with("app/node_modules/x/.npmrc", "strict-ssl=false"), [], "nobody reads it");
    }

    #[test]
    fn settings_that_cannot_be_read_are_no_pass() {
        let big = format!("{}\nsilent\n", "#".repeat(70_000));
        let audit = SampleImage::new().layer([SampleFile::text("root/.curlrc", &big)]).audit();
        assert!(audit.is_incomplete());
        let many = (0..1000).map(|number| SampleFile::text(&format!("home/{number}/.curlrc"), "silent\n"));
        assert!(SampleImage::new().layer(many).audit().is_incomplete());
        let linked = [SampleFile::symlink("root/.curlrc", "/opt/rc"), SampleFile::text("opt/rc", "insecure\n")];
        assert!(SampleImage::new().layer(linked).audit().is_incomplete());
    }

    #[test]
    fn downloads_of_the_build_without_checks_are_found() {
        let with = |line: &str| {
            let audit = SampleImage::new().history(line).layer([]).audit();
            found(&audit, Rule::UncheckedTls).first().map(|one| one.severity)
        };
        for bad in [
            "RUN /bin/sh -c curl -k https://x -o y",
            "RUN curl -fsSLk https://x",
            "RUN /bin/sh -c apt-get update && wget --no-check-certificate https://x",
            "RUN npm config set strict-ssl false",
            "RUN git config --global http.sslVerify false",
            "RUN git -c http.sslVerify=false clone https://x",
            "RUN GIT_SSL_NO_VERIFY=1 git clone https://x",
            "RUN export NODE_TLS_REJECT_UNAUTHORIZED=0; npm i",
            "RUN pip install --trusted-host pypi.org x",
            "RUN pip install --trusted-host=pypi.org x",
            "RUN apt-get -o Acquire::https::Verify-Peer=false update",
            "RUN yum --setopt=sslverify=false install x",
            "RUN bash -c \"curl --insecure https://x\"",
        ] {
            assert_eq!(with(bad), Some(Severity::Medium), "{bad}");
        }
        for good in [
            "RUN curl -fsSL https://x -o k",
            "RUN curl -o- https://x",
            "RUN echo curl -k https://x",
            "RUN npm config set strict-ssl true",
            "RUN git config --global http.sslVerify true",
            "RUN pip install x",
            "RUN apt-get install -k x",
            "RUN tar -xkf x",
        ] {
            assert_eq!(with(good), None, "{good}");
        }
    }
}
