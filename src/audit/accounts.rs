//! [`RunUser`]: resolves `User` of the config by the image's passwd and group files, as runtimes do.

use super::rule_file::{KeptFile, RuleFile};
use crate::report::Limits;

/// A file of accounts.
#[derive(Debug, Default)]
pub(super) struct AccountFile<'a> {
    pub(super) file: RuleFile<'a>,
    pub(super) accounts: Vec<Account>,
}

/// One line of passwd or group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    /// The second field is there, and nothing is in it.
    pub(super) is_open: bool,
    /// The third, where it is a number. Runtimes take anything else, and nothing, for 0.
    pub(super) id: Option<u64>,
    /// In passwd: the primary group, likewise.
    pub(super) group: Option<u64>,
    /// In group: the other members.
    pub(super) members: Vec<String>,
}

/// The lines of passwd or group that have a name; runtimes take blanks around a line for nothing.
pub(super) fn accounts(file: &KeptFile<'_>) -> Vec<Account> {
    let text = String::from_utf8_lossy(file.text);
    text.lines()
        .filter_map(|line| {
            let mut fields = line.trim().split(':');
            let name = fields.next()?.to_owned();
            let password = fields.next();
            let third = fields.next();
            // Nothing logs in by a line that ends behind its second field.
            let is_open = password == Some("") && third.is_some();
            let id = third.and_then(number);
            let fourth = fields.next().unwrap_or_default();
            let members = fourth.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            (!name.is_empty()).then_some(Account { name, is_open, id, group: number(fourth), members })
        })
        .collect()
}

/// A number as runtimes read one; what is out of range is above [`Limits::ID`](crate::report::Limits::ID).
fn number(text: &str) -> Option<u64> {
    let (digits, negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    if !is_number(digits) {
        return None;
    }
    let value = digits.parse().unwrap_or(u64::MAX);
    Some(if negative && value != 0 { u64::MAX } else { value })
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Where the group of a user without a written one is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupFrom {
    /// It is written.
    Config,
    /// The account in passwd has it.
    Passwd,
    /// Nothing has one, and runtimes take root's.
    Nothing,
}

/// The user of the container, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunUser {
    /// As it is written.
    pub(super) text: String,
    /// `None` is a name that the image does not have, or what is no user at all.
    pub(super) uid: Option<u64>,
    /// The group: written, else the account's, else 0 as runtimes do.
    pub(super) gid: Option<u64>,
    pub(super) group_from: GroupFrom,
    /// The other groups, by `/etc/group`.
    pub(super) groups: Vec<u64>,
    /// Why it is no user.
    pub(super) malformed: Option<&'static str>,
    /// The user's part is a name.
    pub(super) named: bool,
    /// The user's part is a number that is also the name of an account with uid 0.
    pub(super) names_root: bool,
}

/// Why a user or group is none.
fn malformed(word: &str) -> Option<&'static str> {
    if word.starts_with(['-', '+']) && is_number(word.get(1..).unwrap_or_default()) {
        Some("it has a sign")
    } else if word.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Some("it has a blank")
    } else if !is_number(word) {
        None
    } else if word.parse::<u64>().map_or(true, |id| id > u64::from(Limits::ID)) {
        Some("an id is above 2147483647")
    } else {
        (word.len() > 10).then_some("an id has more than ten digits")
    }
}

impl RunUser {
    /// Reads `User`, and looks its names up.
    pub(super) fn of(text: &str, passwd: &[Account], group: &[Account]) -> Self {
        let (user, rest) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        let why = match rest {
            Some(rest) if rest.contains(':') => Some("it has more than one colon"),
            Some("") => Some("the group is empty"),
            Some(_) if user.is_empty() => Some("the user is empty"),
            Some(rest) => malformed(user).or_else(|| malformed(rest)),
            None => malformed(user),
        };
        let account =
            |accounts: &'_ [Account], name: &str| accounts.iter().find(|account| account.name == name).cloned();
        // Root with a sign or blanks around it is still root.
        let bare = user.trim().trim_start_matches(['+', '-']);
        let is_zero = !bare.is_empty() && bare.bytes().all(|byte| byte == b'0');
        let own = if is_number(user) {
            let uid = user.parse().ok();
            passwd.iter().find(|account| account.id.is_some() && account.id == uid).cloned()
        } else {
            account(passwd, user)
        };
        let uid = match &own {
            _ if user.is_empty() || is_zero || user == "root" => Some(0),
            _ if is_number(user) => user.parse().ok(),
            Some(own) => Some(own.id.unwrap_or(0)),
            None => None,
        };
        let (gid, group_from) = match (rest, &own) {
            (None | Some(""), Some(own)) => (Some(own.group.unwrap_or(0)), GroupFrom::Passwd),
            (None | Some(""), None) => (uid.map(|_| 0), GroupFrom::Nothing),
            (Some(word), _) if is_number(word) => (word.parse().ok(), GroupFrom::Config),
            (Some("root"), _) => (Some(0), GroupFrom::Config),
            (Some(word), _) => (account(group, word).map(|found| found.id.unwrap_or(0)), GroupFrom::Config),
        };
        let member = |one: &&Account| own.as_ref().is_some_and(|own| one.members.contains(&own.name));
        let malformed = why.or_else(|| {
            let above = |id: Option<u64>| id.is_some_and(|id| id > u64::from(Limits::ID));
            (above(uid) || above(gid)).then_some("its account has an id above 2147483647")
        });
        Self {
            text: text.to_owned(),
            uid,
            gid,
            group_from,
            groups: group.iter().filter(member).filter_map(|one| one.id).collect(),
            malformed,
            named: !user.is_empty() && !is_number(user),
            names_root: is_number(user)
                && !is_zero
                && account(passwd, user).is_some_and(|own| own.id.unwrap_or(0) == 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> RunUser {
        let line = |name: &str, id, group| Account { name: name.into(), is_open: false, id, group, members: vec![] };
        let passwd = [
            line("root", Some(0), Some(0)),
            line("app", Some(10), Some(20)),
            line("toor", Some(0), None),
            line("short", None, None),
            line("77", Some(0), Some(0)),
            line("huge", Some(1 << 32), Some(5)),
        ];
        let staff = Account { members: vec!["app".to_owned()], ..line("staff", Some(50), None) };
        RunUser::of(text, &passwd, &[staff])
    }

    #[test]
    fn root_is_root_however_it_is_written() {
        for text in [
            "",
            "0",
            "00",
            "000",
            "0:65532",
            "0:0",
            "root",
            "root:root",
            "toor",
            "short",
            "+0",
            "-0",
            " 0",
            "00000000000",
        ] {
            assert_eq!(user(text).uid, Some(0), "{text}");
        }
        assert_eq!((user("app").uid, user("app").gid), (Some(10), Some(20)));
        assert_eq!((user("10").uid, user("10").gid), (Some(10), Some(20)));
        assert_eq!((user("99").uid, user("99").gid), (Some(99), Some(0)), "runtimes fall back to root's group");
        assert_eq!(user("99:staff").gid, Some(50));
        assert_eq!(user("nobody").uid, None);
        assert_eq!((user("nobody").gid, user("99:none").gid), (None, None));
        assert_eq!((user("app").groups, user("10:5").groups, user("99").groups), (vec![50], vec![50], vec![]));
        assert!(user("77").names_root && !user("10").names_root);
        assert_eq!((user("77").uid, user("0x0").uid, user("0 ").uid), (Some(77), None, Some(0)));
    }

    #[test]
    fn what_runtimes_disagree_about_is_malformed() {
        for text in [
            "-1",
            "+5:5",
            "1:2:3",
            "1:",
            ":1",
            " 1",
            "1 ",
            "4294967296",
            "1:99999999999",
            "2147483648",
            "00000000000",
            "huge",
            "1:2:",
            ":",
            "1\t",
            "-1:5",
        ] {
            assert!(user(text).malformed.is_some(), "{text}");
        }
        for text in ["", "0", "65532:65532", "2147483647", "app", "app:staff"] {
            assert_eq!(user(text).malformed, None, "{text}");
        }
    }
}
