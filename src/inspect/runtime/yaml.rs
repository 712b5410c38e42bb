//! [`Yaml`]: writes block-style YAML that readers of YAML 1.1 and 1.2 understand alike.

use std::fmt::Write as _;

/// A value; maps keep the order in which they are written.
#[derive(Debug, Clone)]
pub(super) enum Yaml {
    /// A string, whatever it looks like.
    Text(String),
    /// A number.
    Number(u64),
    /// `true` or `false`.
    Bool(bool),
    /// A block sequence; `[]` when it is empty.
    List(Vec<Yaml>),
    /// A block mapping; `{}` when it is empty.
    Map(Vec<(String, Yaml)>),
    /// Comment lines, in the place of a map's entry, whose key is not written. Our own words.
    Comment(String),
}

/// Words that YAML 1.1 or 1.2 take for something else than a string.
const RESERVED: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan"];

/// A string.
pub(super) fn text(text: impl Into<String>) -> Yaml {
    Yaml::Text(text.into())
}

/// A map.
pub(super) fn map<const N: usize>(entries: [(&str, Yaml); N]) -> Yaml {
    Yaml::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

impl Yaml {
    /// Adds an entry to a map; nothing happens to any other value.
    pub(super) fn put(&mut self, key: &str, value: Yaml) {
        if let Self::Map(entries) = self {
            entries.push((key.to_owned(), value));
        }
    }

    /// Adds comment lines to a map, which has other entries; nothing happens to any other value.
    pub(super) fn comment(&mut self, lines: &str) {
        self.put("", Self::Comment(lines.to_owned()));
    }

    /// The document, with a line break at its end.
    pub(super) fn document(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Map(entries) if !entries.is_empty() => self.write(&mut out, 0),
            Self::List(items) if !items.is_empty() => self.write(&mut out, 0),
            scalar => {
                let _ = writeln!(out, "{}", scalar.flow());
            }
        }
        out
    }

    /// Writes the lines of a collection that is not empty. The first line is not indented when `out` ends within one.
    fn write(&self, out: &mut String, indent: usize) {
        let pad = |out: &mut String| {
            if out.is_empty() || out.ends_with('\n') {
                out.push_str(&" ".repeat(indent));
            }
        };
        match self {
            Self::Map(entries) => {
                for (key, value) in entries {
                    if let Self::Comment(lines) = value {
                        for line in lines.lines() {
                            pad(out);
                            let _ = writeln!(out, "# {line}");
                        }
                        continue;
                    }
                    pad(out);
                    out.push_str(&scalar(key));
                    out.push(':');
                    value.write_after(out, indent + 2, true);
                }
            }
            Self::List(items) => {
                for item in items {
                    pad(out);
                    out.push('-');
                    item.write_after(out, indent + 2, false);
                }
            }
            _ => {}
        }
    }

    /// Writes the value that belongs to a key or a dash, on its line or on those below.
    fn write_after(&self, out: &mut String, indent: usize, below: bool) {
        let is_block = match self {
            Self::Map(entries) => !entries.is_empty(),
            Self::List(items) => !items.is_empty(),
            _ => false,
        };
        if is_block {
            out.push(if below { '\n' } else { ' ' });
            self.write(out, indent);
        } else {
            let _ = writeln!(out, " {}", self.flow());
        }
    }

    /// A value of one line.
    fn flow(&self) -> String {
        match self {
            Self::Text(text) => scalar(text),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::List(_) => "[]".to_owned(),
            Self::Map(_) => "{}".to_owned(),
            Self::Comment(_) => String::new(),
        }
    }
}

/// A string: plain where every reader takes it for a string, in double quotes otherwise. JSON's escapes are YAML's.
fn scalar(text: &str) -> String {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '@' | ':');
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with(':')
        && text.chars().all(inner)
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str());
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_ascii() && !c.is_ascii_control() => quoted.push(c),
            c if u32::from(c) > 0xffff => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
            c => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_string_to_everybody_is_plain() {
        for plain in ["hello", "/var/lib", "registry.example.com/a@sha256:00ff", "linux/arm64", "ALL"] {
            assert_eq!(scalar(plain), plain);
        }
        for quoted in
            ["", "8080:8080", "1e3", "yes", "NO", "null", "~", "a b", "a: b", "a:", "- a", "#", "*a", "0x1", ".5"]
        {
            assert_eq!(scalar(quoted), format!("\"{quoted}\""));
        }
        assert_eq!(scalar("a\"\\\n\u{85}\u{1f600}"), r#""a\"\\\u000a\u0085\U0001f600""#);
    }

    #[test]
    fn comments_stand_between_the_entries_of_their_map() {
        let mut inner = map([("a", Yaml::Number(1))]);
        inner.comment("first:\n  second");
        inner.put("b", Yaml::Number(2));
        let all = map([("list", Yaml::List(vec![inner]))]);
        assert_eq!(all.document(), "list:\n  - a: 1\n    # first:\n    #   second\n    b: 2\n");
    }

    #[test]
    fn collections_nest_and_empty_ones_stay_on_their_line() {
        let inner = map([("name", text("a")), ("list", Yaml::List(vec![Yaml::Number(1), Yaml::Bool(true)]))]);
        let all = map([
            ("items", Yaml::List(vec![inner.clone(), Yaml::List(vec![text("x")]), inner])),
            ("empty", Yaml::List(vec![])),
            ("none", map([])),
        ]);
        let expected = "items:\n  - name: a\n    list:\n      - 1\n      - true\n  - - x\n  - name: a\n    list:\n      \
                        - 1\n      - true\nempty: []\nnone: {}\n";
        assert_eq!(all.document(), expected);
    }
}
