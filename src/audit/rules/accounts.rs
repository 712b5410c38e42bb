//! The accounts of the image: USR006 to USR008.

use std::collections::BTreeMap;

use super::{
    super::{
        accounts::Account,
        notes::Notes,
        view::{Kept, Listed, Stored, View},
    },
    Check,
};
use crate::report::{Limits, Rule, Severity};

pub(super) const CHECK: Check =
    Check { rules: &[Rule::EmptyPassword, Rule::DuplicateId, Rule::OversizedAccounts], files: true, look };

/// Files with passwords in their second field, besides `/etc/passwd`.
const SHADOWS: [&str; 2] = ["/etc/shadow", "/etc/master.passwd"];

fn look(view: &View<'_>, notes: &mut Notes) {
    passwords(view, notes, "/etc/passwd", &view.passwd);
    for path in SHADOWS {
        passwords(view, notes, path, &view.listed(path));
    }
    ids(view, notes, ("/etc/passwd", "uid"), &view.passwd);
    ids(view, notes, ("/etc/group", "gid"), &view.group);
}

/// `+` and `-` are the marks of NIS, and no accounts.
fn is_mark(account: &Account) -> bool {
    account.name.starts_with(['+', '-', '#'])
}

/// Accounts without a password.
fn passwords(view: &View<'_>, notes: &mut Notes, path: &str, listed: &Listed<'_>) {
    let Some(file) = read(view, notes, path, listed, Rule::EmptyPassword) else { return };
    let empty = |account: &&Account| account.is_open && !is_mark(account);
    for account in listed.accounts.iter().filter(empty) {
        let message = format!("the account `{}` has an empty password", account.name);
        notes.found(Rule::EmptyPassword, view.place(file.node.inode), message);
    }
}

/// Ids that are there twice, and files that are too long.
fn ids(view: &View<'_>, notes: &mut Notes, (path, what): (&str, &str), listed: &Listed<'_>) {
    let Some(file) = read(view, notes, path, listed, Rule::DuplicateId) else { return };
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
fn read<'a>(view: &View<'_>, notes: &mut Notes, path: &str, listed: &Listed<'a>, rule: Rule) -> Option<Kept<'a>> {
    match listed.file {
        Stored::Kept(file) => Some(file),
        Stored::Unread(at) => {
            notes.unknown(rule, view.place(at), format!("`{path}` is a link to it, and it does not look like one"));
            None
        }
        Stored::Nothing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::{File, Sample, has};
    use super::*;

    #[test]
    fn empty_passwords_shared_ids_and_endless_lines_are_found() {
        let found = |passwd: &str, shadow: &str| {
            let files = [File::text("etc/passwd", passwd), File::text("etc/shadow", shadow)];
            has(&Sample::new().layer(files).audit(), CHECK.rules)
        };
        let good = "root:x:0:0::/:\n\n#\na:x:1:1::/:\n";
        assert_eq!(found(good, "root:!:1::::::\na:*:1::::::\n"), []);
        assert_eq!(found(good, "root::1::::::\n"), [Rule::EmptyPassword]);
        assert_eq!(found("root::0:0::/:\n", ""), [Rule::EmptyPassword]);
        assert_eq!(found("root:x:0:0::/:\ntoor:x:0:0::/:\n", ""), [Rule::DuplicateId]);
        assert_eq!(found(&format!("{good}b:x:2:2:{}:/:\n", "x".repeat(70_000)), ""), [Rule::OversizedAccounts]);
    }
}
