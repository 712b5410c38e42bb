//! [`bounded_glob`]: the one way in which a text becomes a glob.

use globset::{Glob, GlobBuilder};

use super::Limits;

/// Braces inside of each other: the compiler of the glob calls itself for each.
const MOST_NESTED: usize = 16;

/// The glob that `text` is: `*`, `?` and `[..]` stay within one name of a path, `**` does not, `{a,b}` is either, and a
/// backslash takes the meaning from a sign.
///
/// Its matcher can be compiled. Without these bounds that is a panic, in `globset`, for a pattern that is larger than its
/// automaton may be, or nested deeper than its stack.
///
/// # Errors
/// A sentence about a pattern that is none, that is longer than a path can be, or that is nested too deeply.
pub fn bounded_glob(text: &str) -> Result<Glob, String> {
    if text.len() > Limits::PATH_BYTES {
        return Err(format!("it has more than the {} bytes that a path can have", Limits::PATH_BYTES));
    }
    if nesting(text) > MOST_NESTED {
        return Err(format!("it has more than {MOST_NESTED} braces inside of each other"));
    }
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
    glob.map_err(|error| error.kind().to_string())
}

/// How many braces are open at most, those behind a backslash and in brackets aside.
fn nesting(text: &str) -> usize {
    let (mut open, mut most, mut in_brackets) = (0_usize, 0, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ']' => in_brackets = false,
            _ if in_brackets => {}
            '\\' => drop(chars.next()),
            '[' => in_brackets = true,
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        bounded_glob(pattern).unwrap().compile_matcher().is_match(path)
    }

    #[test]
    fn every_pattern_that_is_read_can_be_compiled() {
        let nested = |depth: usize| format!("{}a{}", "{b,".repeat(depth), "}".repeat(depth));
        // What takes most of an automaton for each byte.
        for piece in ["?", "*", "**/", "[!a]", "{?,*}", "\u{10ffff}", "[\u{80}-\u{10ffff}]", "a"] {
            let glob = bounded_glob(&piece.repeat(Limits::PATH_BYTES / piece.len())).unwrap();
            let _ = glob.compile_matcher().is_match("b");
        }
        assert!(matches(&nested(MOST_NESTED), "a") && matches(&nested(MOST_NESTED), "b"));
        assert_eq!(bounded_glob(&nested(17)).unwrap_err(), "it has more than 16 braces inside of each other");
        assert!(bounded_glob(&"{".repeat(4000)).is_err());
        assert_eq!(
            bounded_glob(&"?".repeat(4097)).unwrap_err(),
            "it has more than the 4096 bytes that a path can have"
        );
        assert!(bounded_glob("a[").is_err() && bounded_glob("{a").is_err());
    }

    #[test]
    fn braces_that_mean_themselves_are_not_counted() {
        assert!(matches(&"\\{".repeat(40), &"{".repeat(40)));
        assert!(matches(&"[{]".repeat(40), &"{".repeat(40)));
        // A bracket that is the first of a set is taken for its end here: refused, where `globset` would take it.
        assert!(bounded_glob(&format!("[]{}]", "{".repeat(40))).is_err());
    }
}
