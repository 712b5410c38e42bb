//! USR009 and NET007: rights without a password, and logins of root.

use super::{
    super::{
        image_view::ImageView,
        rule_notes::RuleNotes,
        setting_file::{SettingFile, lines, setting, tell_left_out},
    },
    rule_check::RuleCheck,
};
use crate::report::Rule;

pub(super) const CHECK: RuleCheck =
    RuleCheck { rules: &[Rule::PasswordlessSudo, Rule::RootLogin], files: true, run: check_logins };

fn check_logins(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for file in view.settings() {
        let path = file.path.as_str();
        let (rule, found): (Rule, fn(&str) -> Option<&'static str>) = match file.name() {
            "sudoers" => (Rule::PasswordlessSudo, sudo_without_password),
            _ if path.starts_with("/etc/sudoers.d/") && is_read_by_sudo(file.name()) => {
                (Rule::PasswordlessSudo, sudo_without_password)
            }
            "doas.conf" => (Rule::PasswordlessSudo, doas_without_password),
            _ if path.starts_with("/etc/doas.d/") => (Rule::PasswordlessSudo, doas_without_password),
            "sshd_config" => (Rule::RootLogin, open_login),
            _ if path.starts_with("/etc/ssh/sshd_config.d/") => (Rule::RootLogin, open_login),
            _ => continue,
        };
        tell(view, notes, file, rule, found);
    }
    tell_left_out(view, notes, CHECK.rules);
}

fn tell(
    view: &ImageView<'_>,
    notes: &mut RuleNotes,
    file: &SettingFile<'_>,
    rule: Rule,
    found: fn(&str) -> Option<&'static str>,
) {
    let text = file.text();
    match lines(&text).find_map(found) {
        Some(what) => notes.found(rule, file.place(view), format!("`{}` {what}", file.path)),
        None => file.tell_unread(view, notes, rule),
    }
}

/// sudo passes over the files of its folder that have a dot or a tilde at the end.
fn is_read_by_sudo(name: &str) -> bool {
    !name.contains('.') && !name.ends_with('~')
}

fn sudo_without_password(line: &str) -> Option<&'static str> {
    let is_default = line.starts_with("Defaults") && line.contains("!authenticate");
    (line.contains("NOPASSWD") || is_default).then_some("lets accounts run commands as others without a password")
}

fn doas_without_password(line: &str) -> Option<&'static str> {
    let mut words = line.split_whitespace();
    let permits = words.next() == Some("permit") && words.any(|word| word == "nopass");
    permits.then_some("lets accounts run commands as others without a password")
}

fn open_login(line: &str) -> Option<&'static str> {
    let (name, value) = setting(line);
    match (name.as_str(), value) {
        ("permitrootlogin", value) if value.eq_ignore_ascii_case("yes") => Some("lets root log in with a password"),
        ("permitemptypasswords", value) if value.eq_ignore_ascii_case("yes") => {
            Some("lets accounts log in that have no password")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, has};
    use super::*;

    #[test]
    fn rights_without_a_password_are_found() {
        let with = |path: &str, text: &str| {
            has(&SampleImage::new().layer([SampleFile::text(path, text).mode(0o440)]).audit(), CHECK.rules)
        };
        for (path, bad, good) in [
            ("etc/sudoers", "app ALL=(ALL) NOPASSWD: ALL\n", "# app ALL=(ALL) NOPASSWD: ALL\nroot ALL=(ALL:ALL) ALL\n"),
            ("etc/sudoers.d/app", "Defaults:app !authenticate\n", "Defaults env_reset\n"),
            ("etc/doas.conf", "permit nopass :wheel\n", "permit persist :wheel\ndeny nopass x\n"),
        ] {
            assert_eq!(with(path, bad), [Rule::PasswordlessSudo], "{path}");
            assert_eq!(with(path, good), [], "{path}");
        }
        assert_eq!(with("etc/sudoers.d/README.old", "x ALL=NOPASSWD: ALL"), [], "sudo does not read it");
        for (bad, good) in [
            ("PermitRootLogin yes\n", "#PermitRootLogin yes\nPermitRootLogin prohibit-password\n"),
            ("permitemptypasswords=yes\n", "PermitEmptyPasswords no\n"),
        ] {
            assert_eq!(with("etc/ssh/sshd_config", bad), [Rule::RootLogin]);
            assert_eq!(with("etc/ssh/sshd_config", good), []);
            assert_eq!(with("etc/ssh/sshd_config.d/x.conf", bad), [Rule::RootLogin]);
        }
    }
}
