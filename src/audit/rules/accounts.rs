//! USR006 to USR008: passwd, group and shadow of the image.

use std::collections::BTreeMap;

use super::{
    super::{
        accounts::{Account, AccountFile},
        image_view::ImageView,
        rule_file::{KeptFile, RuleFile},
        rule_notes::RuleNotes,
    },
    rule_check::RuleCheck,
};
use crate::report::{Limits, Rule, Severity};

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::EmptyPassword, Rule::DuplicateId, Rule::OversizedAccounts],
    files: true,
    run: check_accounts,
};

/// Files with passwords in their second field, besides `/etc/passwd`.
const SHADOWS: [&str; 2] = ["/etc/shadow", "/etc/master.passwd"];

fn check_accounts(view: &ImageView<'_>, notes: &mut RuleNotes) {
    check_passwords(view, notes, "/etc/passwd", &view.passwd);
    for path in SHADOWS {
        check_passwords(view, notes, path, &view.account_file(path));
    }
    check_ids(view, notes, ("/etc/passwd", "uid"), &view.passwd);
    check_ids(view, notes, ("/etc/group", "gid"), &view.group);
}

/// `+` and `-` are the marks of NIS, and no accounts.
fn is_mark(account: &Account) -> bool {
    account.name.starts_with(['+', '-', '#'])
}

/// Accounts without a password.
fn check_passwords(view: &ImageView<'_>, notes: &mut RuleNotes, path: &str, listed: &AccountFile<'_>) {
    let Some(file) = read_accounts(view, notes, path, listed, Rule::EmptyPassword) else { return };
    let empty = |account: &&Account| account.is_open && !is_mark(account);
    for account in listed.accounts.iter().filter(empty) {
        let message = format!("the account `{}` has an empty password", account.name);
        notes.found(Rule::EmptyPassword, view.place(file.node.inode), message);
    }
}

/// Ids that are there twice, and files that are too long.
fn check_ids(view: &ImageView<'_>, notes: &mut RuleNotes, (path, what): (&str, &str), listed: &AccountFile<'_>) {
    let Some(file) = read_accounts(view, notes, path, listed, Rule::DuplicateId) else { return };
    let mut owners: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for account in listed.accounts.iter().filter(|account| !is_mark(account)) {
        if let Some(id) = account.id.filter(|id| *id <= u64::from(Limits::ID)) {
            owners.entry(id).or_default().push(&account.name);
        }
    }
    for (id, names) in owners.into_iter().filter(|(_, names)| names.len() > 1) {
        let severity = if id == 0 && what == "uid" { Severity::High } else { Severity::Medium };
        let names = names.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("{names} share the {what} {id}");
        notes.weigh(Rule::DuplicateId, severity, view.place(file.node.inode), message);
    }
    let size = view.entry(file.node.inode).map_or(0, |entry| entry.size);
    if size > Limits::AUDIT_KEPT_BYTES as u64 {
        let message = format!("it has {size} bytes, which runtimes read whole");
        notes.found(Rule::OversizedAccounts, view.place(file.node.inode), message);
    } else if file.longest > Limits::AUDIT_ACCOUNT_LINE {
        let message = format!("a line of it has {} bytes", file.longest);
        notes.found(Rule::OversizedAccounts, view.place(file.node.inode), message);
    }
}

/// The file, if it was read. Says where one is there and was not.
fn read_accounts<'a>(
    view: &ImageView<'_>,
    notes: &mut RuleNotes,
    path: &str,
    listed: &AccountFile<'a>,
    rule: Rule,
) -> Option<KeptFile<'a>> {
    match listed.file {
        RuleFile::Kept(file) => Some(file),
        RuleFile::Unread(at) => {
            notes.unknown(
                rule,
                view.place(at),
                format!("`{path}` is a symbolic link to it, and its content is not that of an accounts file"),
            );
            None
        }
        RuleFile::Nothing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, has};
    use super::*;

    #[test]
    fn empty_passwords_shared_ids_and_endless_lines_are_found() {
        let found = |passwd: &str, shadow: &str| {
            let files = [SampleFile::text("etc/passwd", passwd), SampleFile::text("etc/shadow", shadow)];
            has(&SampleImage::new().layer(files).audit(), CHECK.rules)
        };
        let good = "root:x:0:0::/:\n\n#\na:x:1:1::/:\n";
        assert_eq!(found(good, "root:!:1::::::\na:*:1::::::\n"), []);
        assert_eq!(found(good, "root::1::::::\n"), [Rule::EmptyPassword]);
        assert_eq!(found("root::0:0::/:\n", ""), [Rule::EmptyPassword]);
        assert_eq!(found("root:x:0:0::/:\ntoor:x:0:0::/:\n", ""), [Rule::DuplicateId]);
        assert_eq!(found(&format!("{good}b:x:2:2:{}:/:\n", "x".repeat(70_000)), ""), [Rule::OversizedAccounts]);
    }
}
