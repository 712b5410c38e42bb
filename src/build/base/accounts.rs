//! Whether the base knows the run user.

use crate::{
    build::merged::{Merged, NodeKind},
    oci::{ImagePath, User},
    report::{Failure, Rule},
};

/// Refuses a base whose passwd and group do not have the run user: a program that looks itself up would fail.
///
/// # Errors
/// One of the two files is not there, cannot be read, or has no line with the number.
pub(in crate::build) fn check(merged: &Merged, user: User) -> Result<(), Failure> {
    for (path, what, id) in [("/etc/passwd", "user", user.uid), ("/etc/group", "group", user.gid)] {
        if text(merged, path).is_some_and(|text| has(&text, id)) {
            continue;
        }
        let what = format!("`{path}` of the base does not have the run {what} {id}");
        let hint = "`passwd = true` and `replace = true` in `[system]` write it; or take a `user` that the base has";
        return Err(Failure::refused(Rule::UnknownUser, what).hint(hint));
    }
    Ok(())
}

fn text(merged: &Merged, path: &str) -> Option<Vec<u8>> {
    let end = merged.follow(&ImagePath::parse(path).ok()?).ok()?;
    match &merged.get(&end)?.kind {
        NodeKind::File(body) => body.small(),
        _ => None,
    }
}

/// Whether the third field of a line is the number.
fn has(text: &[u8], id: u32) -> bool {
    let id = id.to_string();
    text.split(|byte| *byte == b'\n').any(|line| line.split(|byte| *byte == b':').nth(2) == Some(id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_known_by_its_number() {
        let text = b"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65533:nonroot:/home:/sbin/nologin\n";
        assert!(has(text, 65532));
        assert!(!has(text, 65533), "that is its group");
        assert!(!has(b"a:x:6553\n65532\n", 65532));
    }
}
