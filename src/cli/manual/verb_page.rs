//! [`VerbPage`]: what stands around the options in the help of a verb.

use std::fmt::Write as _;

/// The page of a verb.
#[derive(Debug, Clone, Copy)]
pub(super) struct VerbPage {
    /// What the verb does, as paragraphs.
    pub(super) about: &'static str,
    /// Command and remark.
    pub(super) examples: Examples,
    /// The text after the examples: exit codes, and further help topics.
    pub(super) end: &'static str,
}

/// Commands with a remark each.
pub(super) type Examples = &'static [(&'static str, &'static str)];

/// The examples as lines, remarks below each other where the commands are short.
pub(super) fn examples(examples: Examples) -> String {
    /// Commands longer than this get their remark after two spaces.
    const COLUMN: usize = 48;
    let longest = examples.iter().map(|(command, _)| command.len()).filter(|length| *length <= COLUMN).max();
    let width = longest.unwrap_or(0);
    let mut text = String::from(if examples.is_empty() { "" } else { "Examples:" });
    for (command, remark) in examples {
        // Writing to a String cannot fail.
        let _ = match *remark {
            "" => write!(text, "\n  {command}"),
            remark => write!(text, "\n  {command:<width$}  # {remark}"),
        };
    }
    text
}
