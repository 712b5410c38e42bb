//! CFG018 and CFG019: commands of the build that change what they should not: upgrades of everything, modes for everybody.

use super::{
    super::{FindingPlace, image_view::ImageView, rule_notes::RuleNotes},
    history_command::{self, Command},
    rule_check::RuleCheck,
};
use crate::report::Rule;

pub(super) const CHECK: RuleCheck =
    RuleCheck { rules: &[Rule::SystemUpgrade, Rule::OpenChmod], files: false, run: check_commands };

fn check_commands(view: &ImageView<'_>, notes: &mut RuleNotes) {
    if !history_command::has_history(view) {
        for rule in CHECK.rules {
            notes.not_applicable(*rule, "the image has no history");
        }
        return;
    }
    for (index, line) in history_command::history(view) {
        let place = || FindingPlace::key(format!("history[{index}]"));
        let statements = history_command::statements(line);
        let all: Vec<Command<'_>> = history_command::commands(&statements).collect();
        if let Some(command) = all.iter().find(|command| is_upgrade(command)) {
            let message = format!("`{} {}` of the build upgraded every package", command.name, command.verb());
            notes.found(Rule::SystemUpgrade, place(), message);
        }
        if let Some(mode) = all.iter().find_map(open_mode) {
            let message = format!("`chmod -R {mode}` of the build lets everybody write");
            notes.found(Rule::OpenChmod, place(), message);
        }
    }
}

/// Whether a command upgrades all packages, and not some that it names.
fn is_upgrade(command: &Command<'_>) -> bool {
    let verb = command.verb();
    let names_none = || {
        let words = command.words.iter().skip_while(|word| **word != verb).skip(1);
        // A redirection or a comment ends the packages.
        !words.take_while(|word| !word.contains(['#', '>', '&'])).any(|word| !word.starts_with('-'))
    };
    match command.name {
        "apt" | "apt-get" | "aptitude" => matches!(verb, "upgrade" | "dist-upgrade" | "full-upgrade" | "safe-upgrade"),
        "apk" => verb == "upgrade" && names_none(),
        "yum" | "dnf" | "microdnf" | "tdnf" => {
            matches!(verb, "upgrade" | "update" | "distro-sync") && names_none() && !command.has(&["--security"])
        }
        "zypper" => matches!(verb, "dup" | "dist-upgrade") || matches!(verb, "up" | "update") && names_none(),
        "pacman" => {
            let is_sync = |word: &str| word.starts_with("-S") && word.contains('u') || word == "--sysupgrade";
            command.words.iter().any(|word| is_sync(word))
        }
        _ => false,
    }
}

/// The mode by which a recursive `chmod` lets everybody write: `777`, `0777`, `a+rwX`, `o+w`.
fn open_mode<'a>(command: &Command<'a>) -> Option<&'a str> {
    let is_recursive =
        |word: &str| word == "--recursive" || word.starts_with('-') && !word.starts_with("--") && word.contains('R');
    if command.name != "chmod" || !command.words.iter().any(|word| is_recursive(word)) {
        return None;
    }
    let mode = command.words.iter().copied().find(|word| !word.starts_with('-'))?;
    let by_number = u32::from_str_radix(mode, 8).is_ok_and(|bits| bits & 0o2 != 0 && bits & 0o1000 == 0);
    // Without letters of whom the umask takes the write bit of others away.
    let is_symbolic = mode.bytes().all(|byte| b"ugoa+-=,rwxXst".contains(&byte));
    let by_letters = mode
        .split(',')
        .filter_map(|part| part.split_once(['+', '=']))
        .any(|(who, what)| who.contains(['a', 'o']) && what.contains('w'));
    (by_number || is_symbolic && by_letters).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleImage, has};
    use super::*;

    fn with(line: &str) -> Vec<Rule> {
        has(&SampleImage::new().history(line).layer([]).audit(), CHECK.rules)
    }

    #[test]
    fn upgrades_of_everything_are_found() {
        for bad in [
            "RUN /bin/sh -c apt-get update && apt-get -y upgrade # buildkit",
            "RUN apt-get dist-upgrade -y",
            "RUN apk -U upgrade",
            "RUN apk --no-cache upgrade && rm -rf /x",
            "RUN yum update -y 2>&1 && yum clean all",
            "RUN dnf -y upgrade",
            "RUN zypper dup",
            "RUN pacman -Syu --noconfirm",
        ] {
            assert_eq!(with(bad), [Rule::SystemUpgrade], "{bad}");
        }
        for good in [
            "RUN apt-get update",
            "RUN apt-get install -y upgrade",
            "RUN apk upgrade libssl3",
            "RUN yum update -y openssl",
            "RUN dnf upgrade --security -y",
            "RUN pacman -S x",
            "RUN pip install --upgrade pip",
            "RUN echo apt-get upgrade",
        ] {
            assert_eq!(with(good), [], "{good}");
        }
    }

    #[test]
    fn modes_for_everybody_are_found() {
        for bad in [
            "RUN /bin/sh -c chmod -R 777 /app",
            "RUN chmod 0777 -R /app",
            "RUN mkdir /x && chmod --recursive a+rwX /x",
            "RUN chmod -fR o+w /x",
            "RUN sudo chmod -R u=rwx,g=rwx,o=rwx /x",
        ] {
            assert_eq!(with(bad), [Rule::OpenChmod], "{bad}");
        }
        for good in [
            "RUN chmod 777 /x",
            "RUN chmod -R 755 /x",
            "RUN chmod -R 1777 /x",
            "RUN chmod -R g+w /x",
            "RUN chmod -R +w /x",
            "RUN chmod -R",
        ] {
            assert_eq!(with(good), [], "{good}");
        }
    }
}
