//! [`DocumentScan`]: every string of a document searched for secrets, and the document as a report may show it.

use serde_json::{Map, Value};

use super::redact;
use crate::{
    report::{Limits, Rule},
    secrets::{SecretHit, TextContext, base64_text, scan_arguments, scan_text},
};

/// A document of an image, read as JSON: keys and values, whatever their names.
#[derive(Debug, Default)]
pub(super) struct DocumentScan {
    /// The document; every text with a secret in it ends there with its masked form.
    pub(super) shown: Value,
    /// The secrets, each with the key of its text, such as `config.Env[TOKEN]`. In the order of the document.
    pub(super) hits: Vec<(String, SecretHit)>,
    /// The first place below which documents inside of strings were too deep to be searched.
    pub(super) cut_at: Option<String>,
}

/// What a value of a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueRole {
    /// A value of any kind, by its key.
    Any,
    /// The document as a whole.
    Top,
    /// The configuration of a container.
    Run,
    /// The list of variables, and one of them.
    Variables,
    /// Labels or annotations, by their keys.
    Labels,
    /// The health check, whose `Test` is a command.
    Check,
    /// Words of one command.
    Command,
    /// A text that a builder wrote: a command, a comment, an author; and lists and objects of these.
    History,
}

/// Where the walk is.
#[derive(Debug, Clone)]
struct DocumentPlace {
    /// As findings name it.
    key: String,
    /// The last key of an object above.
    name: String,
    role: ValueRole,
    /// How many strings that hold a document are around it.
    depth: usize,
}

impl DocumentScan {
    /// Searches `document`. `name` begins the keys of all places, but those of a config, which begins them with nothing.
    pub(super) fn of(name: &str, document: &Value) -> Self {
        let mut scan = Self::default();
        let top = DocumentPlace { key: name.to_owned(), name: String::new(), role: ValueRole::Top, depth: 0 };
        scan.shown = scan.value(document, &top);
        scan
    }

    /// Searches a value, and gives it as it may be shown.
    fn value(&mut self, value: &Value, place: &DocumentPlace) -> Value {
        match value {
            Value::Object(map) => Value::Object(self.object(map, place)),
            Value::Array(list) => Value::Array(self.list(list, place)),
            Value::String(text) => Value::String(self.text(text, place)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn object(&mut self, map: &Map<String, Value>, place: &DocumentPlace) -> Map<String, Value> {
        let mut shown = Map::new();
        for (key, value) in map {
            let hits = scan_text(TextContext::Label { key: "" }, key);
            let shown_key = redact::cut(key, &hits);
            let below = place.below(&shown_key);
            self.report(&below.key, hits);
            let value = self.value(value, &below);
            // Two keys may be shown as one.
            let mut unique = shown_key;
            while shown.contains_key(&unique) {
                unique.push('\u{2026}');
            }
            shown.insert(unique, value);
        }
        shown
    }

    fn list(&mut self, list: &[Value], place: &DocumentPlace) -> Vec<Value> {
        let words: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
        match (place.role, words) {
            (ValueRole::Command, Some(words)) => {
                let hits = scan_arguments(&words);
                if hits.is_empty() {
                    return list.to_vec();
                }
                let shown = redact::cut(&words.join(" "), &hits);
                self.report(&place.key, hits);
                vec![Value::String(shown)]
            }
            (ValueRole::Variables, Some(lines)) => {
                lines.into_iter().map(|line| Value::String(self.variable(line, place))).collect()
            }
            _ => {
                let at = |number| DocumentPlace { key: format!("{}[{number}]", place.key), ..place.clone() };
                list.iter().enumerate().map(|(number, value)| self.value(value, &at(number))).collect()
            }
        }
    }

    /// `NAME=value`.
    fn variable(&mut self, line: &str, place: &DocumentPlace) -> String {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let in_name = scan_text(TextContext::Label { key: "" }, name);
        let shown_name = redact::cut(name, &in_name);
        let key = format!("{}[{shown_name}]", place.key);
        let hits = scan_text(TextContext::Env { name }, value);
        let shown = redact::cut(value, &hits);
        let is_changed = !hits.is_empty() || !in_name.is_empty();
        self.report(&key, in_name.into_iter().map(|hit| SecretHit { rule: rule_of_variable(&hit), ..hit }).collect());
        self.report(&key, hits);
        // A value that is a secret because of its name is masked together with that.
        let named = format!("{shown_name}=");
        match (is_changed, shown.starts_with(&named)) {
            (false, _) => line.to_owned(),
            (true, true) => shown,
            (true, false) => named + &shown,
        }
    }

    fn text(&mut self, text: &str, place: &DocumentPlace) -> String {
        let hits = scan_text(place.context(), text);
        if !hits.is_empty() {
            let shown = redact::cut(text, &hits);
            self.report(&place.key, hits.into_iter().map(|hit| place.judged(hit)).collect());
            return shown;
        }
        if self.inner(text, place) { redact::hidden() } else { text.to_owned() }
    }

    /// Searches the document or the text that a string holds, plain or in base64; whether a secret is in it. BuildKit keeps its
    /// arguments so (`moby.buildkit.buildinfo.v1`), and a descriptor's `data` holds the bytes it names.
    fn inner(&mut self, text: &str, place: &DocumentPlace) -> bool {
        let decoded = base64_text(text);
        let plain = decoded.as_deref().unwrap_or(text);
        let is_document = plain.trim_start().starts_with(['{', '[']);
        if place.depth >= Limits::NESTED_DOCUMENTS {
            if is_document || decoded.is_some() {
                self.cut_at.get_or_insert_with(|| place.key.clone());
            }
            return false;
        }
        let inside = DocumentPlace { depth: place.depth + 1, role: ValueRole::Any, ..place.clone() };
        let before = self.hits.len();
        if is_document {
            if let Ok(document) = serde_json::from_str::<Value>(plain) {
                self.value(&document, &inside);
            }
        } else if decoded.is_some() {
            self.text(plain, &inside);
        }
        self.hits.len() > before
    }

    fn report(&mut self, key: &str, hits: Vec<SecretHit>) {
        self.hits.extend(hits.into_iter().map(|hit| (key.to_owned(), hit)));
    }
}

/// The rule for a secret in the name of a variable.
fn rule_of_variable(hit: &SecretHit) -> Rule {
    if hit.rule == Rule::PrivateKey { hit.rule } else { Rule::SecretInEnv }
}

impl DocumentPlace {
    /// The place of a key of this object.
    fn below(&self, name: &str) -> Self {
        let role = match (self.role, name) {
            // Docker's old builder kept the configuration of its last container, build arguments and all.
            (ValueRole::Top, "config" | "container_config") => ValueRole::Run,
            (ValueRole::Top, "history" | "author" | "comment")
            | (ValueRole::Run, "OnBuild")
            | (ValueRole::History, _) => ValueRole::History,
            (ValueRole::Run, "Env") => ValueRole::Variables,
            (ValueRole::Run, "Entrypoint" | "Cmd" | "Shell") | (ValueRole::Check, "Test") => ValueRole::Command,
            (ValueRole::Run, "Healthcheck") => ValueRole::Check,
            (ValueRole::Run, "Labels") | (_, "annotations") => ValueRole::Labels,
            _ => ValueRole::Any,
        };
        let key = match (self.key.as_str(), self.role) {
            ("", _) => name.to_owned(),
            // Keys of labels have dots of their own.
            (above, ValueRole::Labels) => format!("{above}[{name}]"),
            (above, ValueRole::Check) => above.to_owned(),
            (above, _) => format!("{above}.{name}"),
        };
        Self { key, name: name.to_owned(), role, depth: self.depth }
    }

    /// How a text at this place is read.
    fn context(&self) -> TextContext<'_> {
        match self.role {
            ValueRole::History => TextContext::History,
            ValueRole::Command => TextContext::Argument,
            ValueRole::Variables => TextContext::Env { name: "" },
            // BuildKit's name of a build argument.
            _ if self.name.starts_with("build-arg:") => {
                TextContext::Env { name: self.name.trim_start_matches("build-arg:") }
            }
            ValueRole::Labels => TextContext::Label { key: &self.name },
            _ => TextContext::Setting { key: &self.name },
        }
    }

    /// A hit with the rule of its place: a build argument is part of how the image was made.
    fn judged(&self, hit: SecretHit) -> SecretHit {
        let is_argument = self.name.starts_with("build-arg:") && hit.rule == Rule::SecretInEnv;
        if is_argument { SecretHit { rule: Rule::SecretInHistory, ..hit } } else { hit }
    }
}

#[cfg(test)]
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_of_a_secret_is_left_in_the_config() {
        let token = format!("gh{}_{}", "p", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8");
        let secret = "correct-horse-battery-9";
        let document = json!({
            "history": [{ "created_by": format!("RUN curl -H 'Authorization: Bearer {token}' x && rm x") }],
            "config": {
                "Env": [format!("DB_PASSWORD={secret}"), "PATH=/bin"],
                "Labels": { "x": format!("https://user:{secret}@git.corp.io/") },
                "Cmd": ["run", format!("--password={secret}")],
                "OnBuild": [format!("RUN curl -H 'Authorization: Bearer {token}' x")],
            },
            "container_config": { "Env": [format!("DB_PASSWORD={secret}")], "Cmd": ["sh", "-c", format!("x {token}")] },
            "comment": format!("made with {token}"),
        });
        let shown = DocumentScan::of("", &document).shown.to_string();
        assert!(!shown.contains(&token) && !shown.contains(secret), "{shown}");
        assert!(shown.contains("PATH=/bin") && shown.contains("RUN curl"), "{shown}");
    }
}
