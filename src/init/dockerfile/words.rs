//! Words and variables of a Dockerfile (BuildKit, `frontend/dockerfile/shell`).

use std::collections::BTreeMap;

use crate::report::Limits;

/// The variables at one place, and how this Dockerfile escapes.
#[derive(Debug, Clone)]
pub(in crate::init) struct Scope {
    pub(in crate::init) values: BTreeMap<String, String>,
    pub(in crate::init) escape: char,
}

/// A word after quotes are gone and variables are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::init) struct Word {
    pub(in crate::init) text: String,
    /// A variable without a known value, or something only a shell can evaluate.
    pub(in crate::init) unknown: Option<String>,
}

impl Scope {
    /// Gives a variable its value. One for which there is no room has none from then on.
    pub(in crate::init) fn set(&mut self, name: String, value: String) {
        let held: usize = self.values.iter().map(|(name, value)| name.len() + value.len()).sum();
        if held + name.len() + value.len() <= Limits::DOCKERFILE_VALUE_BYTES {
            self.values.insert(name, value);
        } else {
            self.values.remove(&name);
        }
    }

    /// `text` as one word: quotes gone, variables replaced.
    pub(in crate::init) fn word(&self, text: &str) -> Word {
        let mut reader = Reader { scope: self, chars: text.chars().peekable(), depth: 0 };
        reader.word(|_| false)
    }

    /// `text` split at white space outside of quotes.
    pub(in crate::init) fn words(&self, text: &str) -> Vec<Word> {
        let mut reader = Reader { scope: self, chars: text.chars().peekable(), depth: 0 };
        let mut words = Vec::new();
        loop {
            while reader.chars.next_if(|c| c.is_whitespace()).is_some() {}
            if reader.chars.peek().is_none() {
                return words;
            }
            words.push(reader.word(char::is_whitespace));
        }
    }

    /// Variables replaced, quotes left alone: heredocs.
    pub(in crate::init) fn expand(&self, text: &str) -> Word {
        let mut reader = Reader { scope: self, chars: text.chars().peekable(), depth: 0 };
        let mut word = Word::default();
        while let Some(c) = reader.chars.next() {
            match c {
                '$' => reader.variable(&mut word),
                c if c == self.escape && reader.chars.peek() == Some(&'$') => {
                    word.text.extend(reader.chars.next());
                }
                c => word.text.push(c),
            }
        }
        word
    }
}

/// Goes through a text once.
struct Reader<'a> {
    scope: &'a Scope,
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    depth: usize,
}

impl Reader<'_> {
    /// Reads up to an unquoted character that `ends` likes, which stays unread.
    fn word(&mut self, ends: impl Fn(char) -> bool) -> Word {
        let mut word = Word::default();
        while let Some(c) = self.chars.next_if(|c| !ends(*c)) {
            match c {
                '\'' => {
                    while let Some(c) = self.chars.next().filter(|c| *c != '\'') {
                        word.text.push(c);
                    }
                }
                '"' => self.quoted(&mut word),
                '$' => self.variable(&mut word),
                c if c == self.scope.escape => word.text.extend(self.chars.next()),
                c => word.text.push(c),
            }
        }
        word
    }

    /// The rest of a text in double quotes.
    fn quoted(&mut self, word: &mut Word) {
        while let Some(c) = self.chars.next() {
            match c {
                '"' => return,
                '$' => self.variable(word),
                c if c == self.scope.escape => match self.chars.next() {
                    Some(next) if ['"', '$', self.scope.escape].contains(&next) => word.text.push(next),
                    Some(next) => word.text.extend([c, next]),
                    None => word.text.push(c),
                },
                c => word.text.push(c),
            }
        }
    }

    /// What follows a `$`.
    fn variable(&mut self, word: &mut Word) {
        if self.chars.next_if_eq(&'{').is_some() {
            let mut inner = String::new();
            let mut open = 1;
            for c in self.chars.by_ref() {
                open += match c {
                    '{' => 1,
                    '}' => -1,
                    _ => 0,
                };
                if open == 0 {
                    break;
                }
                inner.push(c);
            }
            return self.braced(&inner, word);
        }
        let mut name = String::new();
        while let Some(c) = self.chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        match (name.is_empty(), self.chars.peek()) {
            (true, Some('(')) => word.unknown = Some("$(...)".into()),
            (true, _) => word.text.push('$'),
            (false, _) => self.put(&name, word),
        }
    }

    fn put(&self, name: &str, word: &mut Word) {
        match self.scope.values.get(name) {
            Some(value) if word.text.len() + value.len() <= Limits::DOCKERFILE_VALUE_BYTES => word.text.push_str(value),
            _ => word.unknown = Some(format!("${name}")),
        }
    }

    /// `${NAME}`, `${NAME:-default}` and their kin.
    fn braced(&mut self, inner: &str, word: &mut Word) {
        let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let (name, rest) = inner.split_at(end);
        let value = self.scope.values.get(name);
        let (colon, operator) = rest.strip_prefix(':').map_or((false, rest), |rest| (true, rest));
        let is_set = value.is_some_and(|value| !colon || !value.is_empty());
        let mut operator_chars = operator.chars();
        let kind = operator_chars.next();
        let other = operator_chars.as_str();
        if self.depth >= Limits::DOCKERFILE_DEPTH {
            word.unknown = Some(format!("${{{name}}}"));
            return;
        }
        match kind {
            None if !colon => self.put(name, word),
            Some('-' | '?') if is_set => self.put(name, word),
            Some('+') if !is_set => {}
            Some('-' | '+') => {
                let mut reader = Reader { scope: self.scope, chars: other.chars().peekable(), depth: self.depth + 1 };
                let inner = reader.word(|_| false);
                word.unknown = word.unknown.take().or(inner.unknown);
                word.text.push_str(&inner.text);
            }
            _ => word.unknown = Some(format!("${{{inner}}}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let values = [("A", "one"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Scope { values: BTreeMap::from(values), escape: '\\' }
    }

    #[test]
    fn variables_are_replaced_as_docker_does() {
        for (text, expected) in [
            ("$A/${A}", "one/one"),
            ("${B:-two}", "two"),
            ("${B:-${A}}", "one"),
            ("${EMPTY:-x}${EMPTY-y}", "x"),
            ("${A:+set}${B:+set}", "set"),
            ("'$A'\"$A\"\\$A", "$Aone$A"),
            ("a\\ b", "a b"),
            ("$", "$"),
        ] {
            assert_eq!(scope().word(text), Word { text: expected.into(), unknown: None }, "{text}");
        }
        for text in ["$B", "${B}", "${A#o}", "$(date)", "${"] {
            assert!(scope().word(text).unknown.is_some(), "{text}");
        }
    }

    #[test]
    fn words_end_at_white_space_outside_of_quotes() {
        let words: Vec<_> = scope().words("a=\"x y\"  b='p q' c\\ d").into_iter().map(|word| word.text).collect();
        assert_eq!(words, ["a=x y", "b=p q", "c d"]);
    }

    #[test]
    fn a_value_that_would_grow_without_end_is_unknown() {
        let mut scope = scope();
        scope.values.insert("BIG".into(), "x".repeat(Limits::DOCKERFILE_VALUE_BYTES / 2 + 1));
        assert!(scope.word("$BIG$BIG").unknown.is_some());
        let deep = format!("{}x{}", "${N:-".repeat(100), "}".repeat(100));
        assert!(scope.word(&deep).unknown.is_some());
    }
}
