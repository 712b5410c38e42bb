//! Adds the run user to `/etc/passwd` and `/etc/group` of a base, for the resolver. The files of the base keep their
//! lines; a line is added only where none has the user's or group's number.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    build::{
        plan::GroupKind,
        planned_rootfs::{FileBody, NodeKind, PlannedNode, PlannedRootfs},
        system,
    },
    oci::{ImagePath, User},
    report::{ErrorName, Failure, Limits, Origin, Rule},
    rootfs::ResolveError,
};

/// One of the two files.
struct RunUserFile {
    path: &'static str,
    /// `user` or `group`, for messages.
    what: &'static str,
    /// The number that the image runs as.
    id: u32,
    /// How many fields the C libraries and Go want of a line.
    fields: usize,
    /// The fields after the name in the line for the run user.
    rest: String,
    /// The file where the base has none.
    whole: String,
}

/// Adds the run user to `/etc/passwd` and `/etc/group`, each where no line has its number: a program that looks up its own
/// user would fail. The changed files go into the system layer, at the path that links of the base resolve to.
///
/// # Errors
/// One of the two files is there and cannot be read, or the recipe itself brings it without the run user.
pub(in crate::build) fn complete_accounts(
    rootfs: &mut PlannedRootfs,
    user: User,
    origin: &Origin,
) -> Result<(), Failure> {
    files(user).iter().try_for_each(|file| file.add_run_user(rootfs, origin))
}

/// Both files, for that user.
fn files(user: User) -> [RunUserFile; 2] {
    [
        RunUserFile {
            path: "/etc/passwd",
            what: "user",
            id: user.uid,
            fields: 7,
            rest: format!(":x:{}:{}:nonroot:/nonexistent:/sbin/nologin\n", user.uid, user.gid),
            whole: system::passwd(user),
        },
        RunUserFile {
            path: "/etc/group",
            what: "group",
            id: user.gid,
            fields: 4,
            rest: format!(":x:{}:\n", user.gid),
            whole: system::group(user),
        },
    ]
}

/// `text` as `/etc/passwd` and as `/etc/group`, with a line for the run user; `None` where it has one already.
pub(in crate::build) fn completed(text: &[u8], user: User) -> [Option<Vec<u8>>; 2] {
    files(user).map(|file| (!file.has_id(text)).then(|| file.with_run_user(text.to_vec())))
}

impl RunUserFile {
    fn add_run_user(&self, rootfs: &mut PlannedRootfs, origin: &Origin) -> Result<(), Failure> {
        let path =
            ImagePath::parse(self.path).map_err(|error| Failure::error(ErrorName::Internal, error.to_string()))?;
        let (end, text) = match rootfs.follow(&path) {
            Ok(end) => {
                let text = self.text(rootfs, &end)?;
                if self.has_id(&text) {
                    return Ok(());
                }
                if rootfs.get(end.as_str()).is_some_and(|node| node.group != GroupKind::Base) {
                    let what = format!("`{}` of the recipe does not have the run {} {}", self.path, self.what, self.id);
                    let hint = format!("add a line such as `nonroot{}` to it", self.rest.trim_end());
                    return Err(Failure::refused(Rule::UnknownUser, what).hint(hint));
                }
                (end, self.with_run_user(text))
            }
            Err(ResolveError::Absent) if rootfs.get(path.as_str()).is_none() => (path, self.whole.clone().into_bytes()),
            Err(_) => return Err(self.unreadable("is a dangling link")),
        };
        let body = FileBody::Memory(Arc::new(text));
        rootfs.add(end, PlannedNode::file(body, 0o444, GroupKind::System, origin).with_replace(true))
    }

    /// The whole file.
    fn text(&self, rootfs: &PlannedRootfs, end: &ImagePath) -> Result<Vec<u8>, Failure> {
        match rootfs.get(end.as_str()).map(|node| &node.kind) {
            Some(NodeKind::File(body)) => body.read_small().ok_or_else(|| {
                let limit = Limits::AUDIT_KEPT_BYTES >> 20;
                self.unreadable(&format!("has no line of an account at its beginning, or more than {limit} MiB"))
            }),
            _ => Err(self.unreadable("is not a file")),
        }
    }

    fn unreadable(&self, why: &str) -> Failure {
        let what = format!("`{}` of the base {why}, so the run {} cannot be added", self.path, self.what);
        let hint =
            "in `[system]`, `passwd = true` with `replace = true` writes it, and `passwd = false` leaves it as it is";
        Failure::error(ErrorName::Accounts, what).hint(hint)
    }

    /// Whether a line that a program would read has the number.
    fn has_id(&self, text: &[u8]) -> bool {
        account_lines(text).any(|line| {
            let number = line.get(2).and_then(|field| std::str::from_utf8(field).ok()?.parse::<u32>().ok());
            number == Some(self.id) && line.len() >= self.fields
        })
    }

    /// The file with a line for the run user, under a name that it does not have yet.
    fn with_run_user(&self, mut text: Vec<u8>) -> Vec<u8> {
        // Read once: a hostile base may have each of the names that are tried.
        let known: BTreeSet<&[u8]> = account_lines(&text).filter_map(|line| line.first().copied()).collect();
        let mut name = "nonroot".to_owned();
        let mut tried = 1;
        while known.contains(name.as_bytes()) {
            name = if tried == 1 { format!("nonroot-{}", self.id) } else { format!("nonroot-{}-{tried}", self.id) };
            tried += 1;
        }
        if text.last().is_some_and(|last| *last != b'\n') {
            text.push(b'\n');
        }
        text.extend(name.bytes().chain(self.rest.bytes()));
        text
    }
}

/// The fields of every line of accounts: neither comments nor what NIS once added.
fn account_lines(text: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter(|line| line.first().is_some_and(|first| !b"#+-:".contains(first)))
        .map(|line| line.split(|byte| *byte == b':').collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn passwd(id: u32) -> RunUserFile {
        let (rest, whole) = (format!(":x:{id}:{id}::/:/x\n"), String::new());
        RunUserFile { path: "/etc/passwd", what: "user", id, fields: 7, rest, whole }
    }

    #[test]
    fn an_account_is_known_by_its_number() {
        let text = b"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65533:nonroot:/home:/sbin/nologin";
        assert!(passwd(65532).has_id(text) && passwd(0).has_id(text));
        assert!(!passwd(65533).has_id(text), "that is its group");
        for line in ["a:x:6553\n65532", "+a:x:65532:1::/:/x", "#a:x:65532:1::/:/x", "a:x:65532", ":x:65532:1::/:/x"] {
            assert!(!passwd(65532).has_id(line.as_bytes()), "{line}: no program takes it for an account");
        }
        assert!(passwd(65532).has_id(b"a:x:065532:1::/:/x"), "as the C libraries read it");
    }

    #[test]
    fn a_line_is_added_under_a_name_that_is_free() {
        let with = |text: &str| String::from_utf8_lossy(&passwd(7).with_run_user(text.into())).into_owned();
        assert_eq!(with(""), "nonroot:x:7:7::/:/x\n");
        assert_eq!(with("a:x:1:1::/:/x"), "a:x:1:1::/:/x\nnonroot:x:7:7::/:/x\n");
        assert_eq!(with("nonroot:x:1:\n"), "nonroot:x:1:\nnonroot-7:x:7:7::/:/x\n");
        assert_eq!(with("nonroot\nnonroot-7:\n"), "nonroot\nnonroot-7:\nnonroot-7-2:x:7:7::/:/x\n");
        assert_eq!(with("#nonroot:\n"), "#nonroot:\nnonroot:x:7:7::/:/x\n");
    }

    #[test]
    fn a_base_that_has_every_name_that_is_tried_is_read_once() {
        use std::fmt::Write as _;
        // Read anew for each name, these are some billions of lines.
        let mut text = "nonroot:x:1:\nnonroot-7:\n".to_owned();
        (2..40_000).for_each(|tried| writeln!(text, "nonroot-7-{tried}:").unwrap());
        let with = passwd(7).with_run_user(text.into());
        assert!(with.ends_with(b"\nnonroot-7-40000:x:7:7::/:/x\n"));
        assert_eq!(completed(b"a:x:1:1::/:/x\n", User { uid: 1, gid: 1 })[0], None);
    }
}
