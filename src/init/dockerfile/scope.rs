//! Words and variables of a Dockerfile: quotes and `$VARIABLE` (BuildKit, `frontend/dockerfile/shell`). Memory is
//! bounded, whatever the variables hold.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::build_args::BuildArgs;
use crate::{init::toml_text::braces, report::Limits};

/// The placeholder in a template for an unknown value.
pub(in crate::init) const UNKNOWN: char = '\u{fffc}';

/// The variables at one place of the Dockerfile, and the escape character.
#[derive(Debug, Clone)]
pub(in crate::init) struct Scope {
    pub(in crate::init) values: BTreeMap<String, VariableValue>,
    /// Build arguments without a default: `docker build --build-arg` may set them.
    pub(in crate::init) declared: BTreeSet<String>,
    pub(in crate::init) escape: char,
    /// The build arguments, shared by all scopes of a Dockerfile.
    pub(in crate::init) variables: Rc<RefCell<BuildArgs>>,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::init) struct VariableValue {
    pub(in crate::init) text: String,
    /// The value as a recipe's string: variables as `{name}`, braces doubled.
    pub(in crate::init) template: String,
    pub(in crate::init) kind: VariableSource,
    /// The line that sets it; 0 for variables of BuildKit.
    pub(in crate::init) line: usize,
}

/// The origin of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::init) enum VariableSource {
    /// BuildKit itself.
    #[default]
    Platform,
    Arg,
    Env,
}

/// A word without quotes, with variables replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::init) struct DockerfileWord {
    pub(in crate::init) text: String,
    /// The word as a recipe's string, like [`VariableValue::template`]; [`UNKNOWN`] stands for an unknown value.
    pub(in crate::init) template: String,
    /// The variable without a known value, or the expression that only a shell can evaluate.
    pub(in crate::init) unknown: Option<String>,
}

impl DockerfileWord {
    /// A word without variables.
    pub(in crate::init) fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), template: braces(text), unknown: None }
    }

    /// Splits the word at the first `=`.
    pub(in crate::init) fn split(&self) -> Option<(String, Self)> {
        let (name, text) = self.text.split_once('=')?;
        let (_, template) = self.template.split_once('=')?;
        let (text, template) = (text.to_owned(), template.to_owned());
        Some((name.to_owned(), Self { text, template, unknown: self.unknown.clone() }))
    }

    fn push(&mut self, c: char) {
        self.text.push(c);
        self.template.push(c);
        if matches!(c, '{' | '}') {
            self.template.push(c);
        }
    }

    fn unknown(&mut self, what: String) {
        self.template.push(UNKNOWN);
        self.unknown = Some(what);
    }
}

impl Scope {
    /// A scope without values.
    pub(in crate::init) fn new(escape: char, variables: &Rc<RefCell<BuildArgs>>) -> Self {
        Self { values: BTreeMap::new(), declared: BTreeSet::new(), escape, variables: Rc::clone(variables) }
    }

    /// Sets a variable. A variable that exceeds the memory bound is unset.
    pub(in crate::init) fn set(&mut self, name: String, value: VariableValue) {
        let size = |name: &str, value: &VariableValue| name.len() + value.text.len() + value.template.len();
        let held: usize = self.values.iter().map(|(name, value)| size(name, value)).sum();
        if held + size(&name, &value) <= 2 * Limits::DOCKERFILE_VALUE_BYTES {
            self.values.insert(name, value);
        } else {
            self.values.remove(&name);
        }
    }

    /// Reads `text` as one word: quotes removed, variables replaced.
    pub(in crate::init) fn word(&self, text: &str) -> DockerfileWord {
        let mut reader = WordReader { scope: self, chars: text.chars().peekable(), depth: 0 };
        reader.word(|_| false)
    }

    /// Splits `text` at white space outside of quotes.
    pub(in crate::init) fn words(&self, text: &str) -> Vec<DockerfileWord> {
        let mut reader = WordReader { scope: self, chars: text.chars().peekable(), depth: 0 };
        let mut words = Vec::new();
        loop {
            while reader.chars.next_if(|c| c.is_whitespace()).is_some() {}
            if reader.chars.peek().is_none() {
                return words;
            }
            words.push(reader.word(char::is_whitespace));
        }
    }

    /// Replaces variables and keeps quotes, as in heredocs.
    pub(in crate::init) fn expand(&self, text: &str) -> DockerfileWord {
        let mut reader = WordReader { scope: self, chars: text.chars().peekable(), depth: 0 };
        let mut word = DockerfileWord::default();
        while let Some(c) = reader.chars.next() {
            match c {
                '$' => reader.variable(&mut word),
                c if c == self.escape && reader.chars.next_if_eq(&'$').is_some() => word.push('$'),
                c => word.push(c),
            }
        }
        word
    }
}

/// Reads a text once, from left to right.
struct WordReader<'a> {
    scope: &'a Scope,
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    depth: usize,
}

impl WordReader<'_> {
    /// Reads a word up to the first unquoted character for which `ends` is true, which stays unread.
    fn word(&mut self, ends: impl Fn(char) -> bool) -> DockerfileWord {
        let mut word = DockerfileWord::default();
        while let Some(c) = self.chars.next_if(|c| !ends(*c)) {
            match c {
                '\'' => {
                    while let Some(c) = self.chars.next().filter(|c| *c != '\'') {
                        word.push(c);
                    }
                }
                '"' => self.quoted(&mut word),
                '$' => self.variable(&mut word),
                c if c == self.scope.escape => self.chars.next().into_iter().for_each(|c| word.push(c)),
                c => word.push(c),
            }
        }
        word
    }

    /// Reads the rest of a double-quoted text.
    fn quoted(&mut self, word: &mut DockerfileWord) {
        while let Some(c) = self.chars.next() {
            match c {
                '"' => return,
                '$' => self.variable(word),
                c if c == self.scope.escape => match self.chars.next() {
                    Some(next) if ['"', '$', self.scope.escape].contains(&next) => word.push(next),
                    Some(next) => [c, next].into_iter().for_each(|c| word.push(c)),
                    None => word.push(c),
                },
                c => word.push(c),
            }
        }
    }

    /// Reads the variable behind a `$`.
    fn variable(&mut self, word: &mut DockerfileWord) {
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
            (true, Some('(')) => self.substitution(word),
            (true, _) => word.push('$'),
            (false, _) => self.put(&name, word),
        }
    }

    fn put(&self, name: &str, word: &mut DockerfileWord) {
        match self.scope.values.get(name) {
            Some(value) if word.text.len() + value.text.len() <= Limits::DOCKERFILE_VALUE_BYTES => {
                word.text.push_str(&value.text);
                word.template.push_str(&value.template);
            }
            _ => word.unknown(format!("${name}")),
        }
    }

    /// Skips the rest of `$(...)`, which only a shell can evaluate.
    fn substitution(&mut self, word: &mut DockerfileWord) {
        let (mut inner, mut open) = (String::new(), 0_usize);
        for c in self.chars.by_ref() {
            match c {
                '(' => open += 1,
                ')' => open = open.saturating_sub(1),
                _ => {}
            }
            inner.push(c);
            if open == 0 {
                break;
            }
        }
        word.unknown(format!("${inner}"));
    }

    /// Reads `${NAME}`, `${NAME:-default}` and similar forms.
    fn braced(&mut self, inner: &str, word: &mut DockerfileWord) {
        let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let (name, rest) = inner.split_at(end);
        let value = self.scope.values.get(name);
        let (colon, operator) = rest.strip_prefix(':').map_or((false, rest), |rest| (true, rest));
        let is_set = value.is_some_and(|value| !colon || !value.text.is_empty());
        let mut operator_chars = operator.chars();
        let kind = operator_chars.next();
        let other = operator_chars.as_str();
        if self.depth >= Limits::DOCKERFILE_DEPTH {
            word.unknown(format!("${{{name}}}"));
            return;
        }
        match kind {
            None if !colon => self.put(name, word),
            Some('-' | '?') if is_set => self.put(name, word),
            Some('+') if !is_set => {}
            Some('-' | '+') => {
                let mut reader =
                    WordReader { scope: self.scope, chars: other.chars().peekable(), depth: self.depth + 1 };
                let mut inner = reader.word(|_| false);
                // The default in `${NAME:-default}` of a declared build argument counts like the default of its `ARG`.
                if kind == Some('-') && inner.unknown.is_none() && self.scope.declared.contains(name) {
                    inner.template = self.scope.variables.borrow_mut().template(name, &inner.text);
                }
                word.unknown = word.unknown.take().or(inner.unknown);
                word.text.push_str(&inner.text);
                word.template.push_str(&inner.template);
            }
            _ => word.unknown(format!("${{{inner}}}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let mut scope = Scope::new('\\', &Rc::default());
        for (name, value) in [("A", "one"), ("EMPTY", "")] {
            scope.values.insert(name.to_owned(), literal(value));
        }
        scope
    }

    fn literal(text: &str) -> VariableValue {
        VariableValue { text: text.to_owned(), template: braces(text), ..VariableValue::default() }
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
            assert_eq!(scope().word(text), DockerfileWord::literal(expected), "{text}");
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
        scope.values.insert("BIG".into(), literal(&"x".repeat(Limits::DOCKERFILE_VALUE_BYTES / 2 + 1)));
        assert!(scope.word("$BIG$BIG").unknown.is_some());
        let deep = format!("{}x{}", "${N:-".repeat(100), "}".repeat(100));
        assert!(scope.word(&deep).unknown.is_some());
    }
}
