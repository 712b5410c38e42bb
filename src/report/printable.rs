//! [`printable`]: escapes text from outside (file names, image metadata, answers of servers) for terminals and logs.

use std::{borrow::Cow, fmt::Write as _};

/// `text` with control, escape and bidirectional characters written as `\u{..}`.
///
/// File names, image metadata and answers of other machines pass through here before they are printed, so that
/// none of them can move the cursor, forge a line or reorder what is read. The second `#` of `##` is written so, too:
/// the runners of GitHub and Azure take `##[command]` and `##vso[command]` for orders, wherever in a line they stand.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut last = ' ';
    for c in text.chars() {
        let before = std::mem::replace(&mut last, c);
        match c {
            '#' if before == '#' => safe.push_str("\\u{23}"),
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            // A byte of a name that is no UTF-8 (`layer::foreign_tar`).
            '\u{10ff00}'..='\u{10ffff}' => {
                let _ = write!(safe, "\\x{:02x}", u32::from(c) & 0xff);
            }
            c if is_plain(c) => safe.push(c),
            c => safe.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(safe)
}

/// Whether `c` changes nothing but the cell it stands in.
fn is_plain(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // separators, bidirectional embeddings and overrides
            | '\u{2060}'..='\u{206f}' // invisible operators, bidirectional isolates
            | '\u{061c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' | '\u{10ff00}'..='\u{10ffff}'))
}

/// Whether a name or a password is in front of the host of a reference, as in `me:password@registry.example.com/app`.
/// Such a text is shown nowhere. An `@` with a digest behind it is none.
pub fn holds_login(text: &str) -> bool {
    let Some((before, after)) = text.split_once('@') else { return false };
    let is_digest = ["sha256:", "sha512:"].iter().any(|algorithm| after.starts_with(algorithm));
    after.contains('/') || (!is_digest && before.contains(':'))
}

/// A name from outside (of a file, a package, a command) in backticks, safe to print.
pub fn quoted(name: &str) -> String {
    format!("`{}`", printable(name))
}

/// Foreign text for a message: printable, and no longer than one can read.
pub fn shown(text: &str) -> String {
    const CHARS: usize = 120;
    let mut short: String = text.chars().take(CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    printable(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(printable("größe/日本.txt"), Cow::Borrowed(_)));
    }

    #[test]
    fn escapes_line_breaks_and_direction_marks_become_visible() {
        assert_eq!(printable("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(printable("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(printable("x\u{202e}gpj.exe"), "x\\u{202e}gpj.exe");
    }

    #[test]
    fn what_a_pipeline_would_obey_becomes_visible() {
        assert_eq!(printable("a##[add-mask]b"), "a#\\u{23}[add-mask]b");
        assert_eq!(printable("###vso[x]"), "#\\u{23}\\u{23}vso[x]");
        assert_eq!(printable("a#b"), "a#b");
    }

    #[test]
    fn a_login_is_told_from_a_digest() {
        for (text, holds) in [
            ("me:pw@r.example/a", true),
            ("me@r.example/a", true),
            ("docker://me:pw@r.example/a:1", true),
            ("https://me:pw@r.example", true),
            ("me:p/w@r.example/a", true),
            ("me:pw@r.example:5000", true),
            ("r.example:5000/a:1@sha256:00", false),
            ("r.example/a@sha512:00", false),
            ("r.example/a:1", false),
            ("somebody@mail.example", false),
        ] {
            assert_eq!(holds_login(text), holds, "{text}");
        }
    }
}
