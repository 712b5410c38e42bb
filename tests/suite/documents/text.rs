//! JSON as a text with a form: the order of its keys, how each is spelled, and keys that are there twice.

use std::fmt::Write as _;

use serde_json::Value;

/// A JSON value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Anything but a list or an object.
    Word(String),
    List(Vec<Self>),
    /// Members in their order; a key is what stands between its quotes.
    Object(Vec<(String, Self)>),
}

impl Text {
    /// The members of the object at a JSON pointer.
    #[track_caller]
    pub fn members(&mut self, pointer: &str) -> &mut Vec<(String, Self)> {
        let mut at = self;
        for step in pointer.split('/').skip(1) {
            at = match at {
                Self::Object(members) => {
                    let found = members.iter_mut().find(|(key, _)| key == step);
                    &mut found.unwrap_or_else(|| panic!("{pointer}: no `{step}`")).1
                }
                Self::List(items) => &mut items[step.parse::<usize>().expect("a number")],
                Self::Word(word) => panic!("{pointer}: {word}"),
            };
        }
        let Self::Object(members) = at else { panic!("{pointer} is no object: {at:?}") };
        members
    }

    /// The text, with `space` between any two tokens.
    pub fn written(&self, space: &str) -> String {
        let mut out = String::new();
        self.write(space, &mut out);
        out
    }

    fn write(&self, space: &str, out: &mut String) {
        match self {
            Self::Word(word) => out.push_str(word),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    out.push_str(space);
                    item.write(space, out);
                }
                write!(out, "{space}]").expect("a text");
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    write!(out, "{}{space}\"{key}\"{space}:{space}", if at == 0 { "" } else { "," }).expect("a text");
                    value.write(space, out);
                }
                write!(out, "{space}}}").expect("a text");
            }
        }
    }
}

impl From<&Value> for Text {
    fn from(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
            word => Self::Word(word.to_string()),
        }
    }
}
