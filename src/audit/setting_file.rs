//! [`SettingFile`]: a file with settings of tools, as rules read it line by line.

use std::{borrow::Cow, collections::BTreeSet};

use super::{FindingPlace, image_view::ImageView, rule_file::RuleFile, rule_notes::RuleNotes};
use crate::{
    report::{Limits, Rule},
    rootfs::{EntryIndex, file_name, is_setting_file},
};

/// A file with settings that a container sees.
#[derive(Debug)]
pub(super) struct SettingFile<'a> {
    /// The path by which a tool looks for it; a link may lead from there.
    pub(super) path: String,
    /// The entry that holds its content.
    pub(super) at: EntryIndex,
    /// What was read of it; `None` where a link leads to a file that was not kept.
    text: Option<&'a [u8]>,
    /// Why not all of it was read.
    unread: Option<&'static str>,
}

impl<'a> SettingFile<'a> {
    /// Those of an image, in the order of their paths; no more than [`Limits::AUDIT_SETTINGS`].
    pub(super) fn all(view: &ImageView<'a>) -> Vec<Self> {
        let mut seen = BTreeSet::new();
        let paths: Vec<String> =
            view.nodes().map(|(path, ..)| path).filter(|path| is_setting_file(path)).map(str::to_owned).collect();
        let files = paths.into_iter().filter_map(|path| Self::at(view, path));
        let files = files.filter(|file| seen.insert((file.at, file_name(&file.path).to_owned())));
        files.take(Limits::AUDIT_SETTINGS).collect()
    }

    fn at(view: &ImageView<'a>, path: String) -> Option<Self> {
        match view.rule_file(&path) {
            RuleFile::Nothing => None,
            RuleFile::Unread(at) => {
                Some(Self { path, at, text: None, unread: Some("a link leads to it, and it was not kept") })
            }
            RuleFile::Kept(file) => {
                let at = file.node.inode;
                let is_whole = view.entry(at).is_some_and(|entry| entry.size == file.text.len() as u64);
                let unread = (!is_whole).then_some("it is larger than any such file");
                Some(Self { path, at, text: Some(file.text), unread })
            }
        }
    }

    /// The last component of the path by which it is looked for.
    pub(super) fn name(&self) -> &str {
        file_name(&self.path)
    }

    /// Its text; bytes that are no UTF-8 are replaced.
    pub(super) fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.text.unwrap_or_default())
    }

    /// Its place in a report.
    pub(super) fn place(&self, view: &ImageView<'_>) -> FindingPlace {
        view.place(self.at)
    }

    /// Tells `notes` where `rule` could not read all of it.
    pub(super) fn tell_unread(&self, view: &ImageView<'_>, notes: &mut RuleNotes, rule: Rule) {
        if let Some(why) = self.unread {
            notes.unknown(rule, self.place(view), why);
        }
    }
}

/// Tells `notes` where there are more files with settings than rules read.
pub(super) fn tell_left_out(view: &ImageView<'_>, notes: &mut RuleNotes, rules: &[Rule]) {
    if view.settings().len() >= Limits::AUDIT_SETTINGS {
        for rule in rules {
            notes.unknown(*rule, FindingPlace::default(), "there are more files with settings than are read");
        }
    }
}

/// The lines of a text that are no comments, without the blanks around them.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let is_comment = |line: &&str| ["#", ";", "//"].iter().any(|start| line.starts_with(start));
    text.lines().map(str::trim).filter(move |line| !line.is_empty() && !is_comment(line))
}

/// The setting on a line: its name in small letters, and its value without blanks and quotes. Name and value have `=`, `:`
/// or blanks between them.
pub(super) fn setting(line: &str) -> (String, &str) {
    let end = line.find(|c: char| matches!(c, '=' | ':') || c.is_whitespace()).unwrap_or(line.len());
    let (key, value) = line.split_at(end);
    let value = value.trim_start_matches(|c: char| matches!(c, '=' | ':') || c.is_whitespace());
    let value = value.trim_end_matches(';').trim_matches(|c: char| matches!(c, '"' | '\'') || c.is_whitespace());
    (key.to_ascii_lowercase(), value)
}

/// Whether a value switches something off.
pub(super) fn is_off(value: &str) -> bool {
    ["0", "false", "no", "off"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

/// Whether a value switches something on.
pub(super) fn is_on(value: &str) -> bool {
    ["1", "true", "yes", "on"].iter().any(|on| value.eq_ignore_ascii_case(on))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_in_the_spellings_of_their_tools() {
        let read =
            |text: &str| lines(text).map(setting).map(|(key, value)| format!("{key}>{value}")).collect::<Vec<_>>();
        assert_eq!(read("strict-ssl=false"), ["strict-ssl>false"]);
        assert_eq!(read("  sslVerify = \"false\" "), ["sslverify>false"]);
        assert_eq!(read("enableStrictSsl: false\n"), ["enablestrictssl>false"]);
        assert_eq!(read("PermitRootLogin\tyes"), ["permitrootlogin>yes"]);
        assert_eq!(read("# a\n; b\n//c\n\ninsecure"), ["insecure>"]);
        assert_eq!(read("Verify-Peer \"false\";"), ["verify-peer>false"]);
        assert_eq!(read("="), [">"]);
    }
}
