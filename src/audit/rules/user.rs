//! USR001 to USR005: the user of the container.

use super::{
    super::{FindingPlace, accounts::GroupFrom, image_view::ImageView, rule_file::RuleFile, rule_notes::RuleNotes},
    rule_check::RuleCheck,
};
use crate::report::{Limits, Rule, Severity};

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::RootUser, Rule::NamedUser, Rule::MalformedUser, Rule::RootGroup, Rule::UnknownUser],
    files: true,
    run: check_user,
};

fn check_user(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let user = &view.user;
    let place = || FindingPlace::key("config.User");
    let shown = &user.text;
    if let Some(why) = user.malformed {
        notes.found(Rule::MalformedUser, place(), format!("the user `{shown}` is malformed: {why}"));
    }
    if user.uid == Some(0) {
        let message = if shown.is_empty() {
            "no user is set, so that the image runs as root".to_owned()
        } else {
            format!("the user `{shown}` is root")
        };
        notes.found(Rule::RootUser, place(), message);
    } else if user.names_root {
        let message = format!("the user `{shown}` is also the name of an account with uid 0");
        notes.found(Rule::RootUser, place(), message);
    }
    if user.malformed.is_some() {
        return;
    }
    if user.named {
        notes.found(Rule::NamedUser, place(), format!("the user `{shown}` is a name, not a number"));
    }
    let unread = |path: &str| matches!(view.rule_file(path), RuleFile::Unread(_)) || is_cut(view, path);
    let missing = [
        (user.named && user.uid.is_none(), "/etc/passwd"),
        (user.group_from == GroupFrom::Config && user.gid.is_none(), "/etc/group"),
    ];
    for (_, path) in missing.iter().filter(|(missing, _)| *missing && view.complete) {
        if unread(path) {
            for rule in [Rule::RootUser, Rule::RootGroup, Rule::UnknownUser] {
                notes.unknown(rule, place(), format!("`{path}` cannot be read, or is too long"));
            }
        } else {
            notes.found(Rule::UnknownUser, place(), format!("`{path}` has no entry for a name of `{shown}`"));
        }
    }
    // Root's group is the least of root's troubles.
    if user.gid == Some(0) && user.uid.is_some_and(|uid| uid != 0) {
        let (severity, message) = match user.group_from {
            GroupFrom::Config => (Severity::Medium, format!("the user `{shown}` runs in root's group")),
            GroupFrom::Passwd => (Severity::Medium, format!("the user `{shown}` is in root's group, by `/etc/passwd`")),
            GroupFrom::Nothing => {
                (Severity::Low, format!("the user `{shown}` names no group, and runtimes then take root's"))
            }
        };
        notes.weigh(Rule::RootGroup, severity, place(), message);
    }
}

/// Whether a file of accounts is longer than what was kept of it.
fn is_cut(view: &ImageView<'_>, path: &str) -> bool {
    view.find(path).is_ok_and(|(_, _, entry)| entry.size > Limits::AUDIT_KEPT_BYTES as u64)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, has};
    use super::*;

    #[test]
    fn root_named_malformed_and_unknown_users_are_found_and_a_numeric_one_is_none() {
        let family = CHECK.rules;
        for (user, rules) in [
            ("65532:65532", &[][..]),
            ("", &[Rule::RootUser]),
            ("00", &[Rule::RootUser]),
            ("root:root", &[Rule::RootUser, Rule::NamedUser]),
            ("toor", &[Rule::RootUser, Rule::NamedUser]),
            ("app:app", &[Rule::NamedUser]),
            ("ghost", &[Rule::NamedUser, Rule::UnknownUser]),
            ("4294967296", &[Rule::MalformedUser]),
            ("-1", &[Rule::MalformedUser]),
            ("65532:0", &[Rule::RootGroup]),
            ("65532", &[Rule::RootGroup]),
        ] {
            let sample = SampleImage::new().user(user).layer([
                SampleFile::text("etc/passwd", "root:x:0:0::/:\n\n:::\napp:x:10:10::/:\ntoor:x:0:5::/:\n"),
                SampleFile::text("etc/group", "root:x:0:\napp:x:10:\n"),
            ]);
            assert_eq!(has(&sample.audit(), family), rules, "{user}");
        }
    }
}
