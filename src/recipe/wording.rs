//! Quoting and spelling suggestions for words of a recipe in messages.
//!
//! The parser uses them; what they return is safe to print and bounded in length.

use crate::report::printable;

/// How many characters of a word that came from outside a sentence shows.
const SHOWN: usize = 60;

/// `text` in backticks, safe to print and cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}...`", printable(text.get(..end).unwrap_or_default())),
        None => format!("`{}`", printable(text)),
    }
}

/// The candidate that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer ones are no typing errors, and the comparison is quadratic.
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    let bound = (word.chars().count() / 3).max(1);
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, &plain(candidate));
    let near = candidates.into_iter().map(|candidate| (distance(candidate), candidate));
    near.filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Keys of Dockerfiles and compose files, and the keys of a recipe that mean the same.
const ELSEWHERE: [(&str, &str); 16] = [
    ("binaries", "binary"),
    ("build-args", "vars"),
    ("ca-certificates", "certificates"),
    ("cmd", "args"),
    ("command", "args"),
    ("copy", "file"),
    ("dirs", "dir"),
    ("dst", "to"),
    ("environment", "env"),
    ("expose", "ports"),
    ("files", "file"),
    ("source", "from"),
    ("src", "from"),
    ("tag", "name"),
    ("working-dir", "workdir"),
    ("volumes", "dir"),
];

/// The hint for a wrong word: what other tools mean by it, the near one, else all of them where they are few.
pub(super) fn suggestion(word: &str, candidates: &[&str]) -> Option<String> {
    let plain = word.to_lowercase().replace('_', "-");
    let ours = ELSEWHERE.iter().find(|(theirs, ours)| *theirs == plain && candidates.contains(ours));
    if let Some((_, ours)) = ours {
        return Some(format!("here it is `{ours}`"));
    }
    if let Some(near) = nearest(word, candidates.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    (!candidates.is_empty() && candidates.len() <= 16).then(|| format!("known here: {}", listed(candidates)))
}

/// `a`, `b`, `c`.
pub(super) fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_their_word_and_strange_words_find_none() {
        let words = ["name", "platforms", "stop-signal"];
        assert_eq!(nearest("nmae", words), Some("name"));
        assert_eq!(nearest("Platform", words), Some("platforms"));
        assert_eq!(nearest("stop_signal", words), Some("stop-signal"));
        assert_eq!(nearest("volume", words), None);
        assert_eq!(nearest(&"n".repeat(100_000), words), None);
    }

    #[test]
    fn words_of_other_tools_are_translated_where_ours_fits() {
        assert_eq!(suggestion("CMD", &["args", "env"]).as_deref(), Some("here it is `args`"));
        assert_eq!(suggestion("working_dir", &["workdir"]).as_deref(), Some("here it is `workdir`"));
        assert_eq!(suggestion("cmd", &["rule"]).as_deref(), Some("known here: `rule`"));
    }

    #[test]
    fn long_and_hostile_words_are_cut_and_made_visible() {
        assert_eq!(quoted("a\u{1b}[2J"), "`a\\u{1b}[2J`");
        assert_eq!(quoted(&"x".repeat(1000)).len(), 65);
    }
}
