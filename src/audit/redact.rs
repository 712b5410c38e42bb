//! Removes secrets from the config before a report shows it.

use serde_json::Value;

use crate::secrets::{SecretHit, TextContext, scan_arguments, scan_text};

/// A command of the history, cut at its first secret.
pub(super) fn history(text: &str) -> String {
    cut(text, &scan_text(TextContext::History, text))
}

/// `text` up to its first secret, of which the masked form follows.
fn cut(text: &str, hits: &[SecretHit]) -> String {
    let Some(first) = hits.iter().min_by_key(|hit| hit.offset) else { return text.to_owned() };
    let before = usize::try_from(first.offset).ok().and_then(|at| text.get(..at)).unwrap_or_default();
    format!("{before}{} \u{2026}", first.masked)
}

/// The whole config, every text of it that holds a secret cut there.
pub(super) fn config(document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(Value::Array(entries)) = document.get_mut("history") {
        for entry in entries {
            for key in ["created_by", "comment"] {
                if let Some(Value::String(text)) = entry.get_mut(key) {
                    *text = history(text);
                }
            }
        }
    }
    for key in ["comment", "author"] {
        if let Some(Value::String(text)) = document.get_mut(key) {
            *text = history(text);
        }
    }
    // Docker's old builder kept the config of its last container, build arguments and all.
    for key in ["config", "container_config"] {
        if let Some(config) = document.get_mut(key) {
            run_config(config);
        }
    }
    document
}

/// Removes secrets from the run configuration.
fn run_config(config: &mut Value) {
    if let Some(Value::Array(lines)) = config.get_mut("Env") {
        for line in lines.iter_mut() {
            if let Value::String(text) = line {
                let (name, value) = text.split_once('=').unwrap_or((text, ""));
                let hits = scan_text(TextContext::Env { name }, value);
                let shown = cut(value, &hits);
                // A value that is a secret because of its name is masked together with that.
                let named = format!("{name}=");
                *text = if shown.starts_with(&named) { shown } else { named + &shown };
            }
        }
    }
    if let Some(Value::Object(labels)) = config.get_mut("Labels") {
        for (key, value) in labels.iter_mut() {
            if let Value::String(text) = value {
                *text = cut(text, &scan_text(TextContext::Label { key }, text));
            }
        }
    }
    if let Some(Value::Array(commands)) = config.get_mut("OnBuild") {
        for command in commands {
            if let Value::String(text) = command {
                *text = history(text);
            }
        }
    }
    for key in ["Entrypoint", "Cmd", "Shell"] {
        if let Some(words) = config.get_mut(key) {
            arguments(words);
        }
    }
    if let Some(words) = config.get_mut("Healthcheck").and_then(|check| check.get_mut("Test")) {
        arguments(words);
    }
}

/// The words of a command, every one from the first secret on left out.
fn arguments(words: &mut Value) {
    let Value::Array(list) = words else { return };
    let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
    let hits = scan_arguments(&texts);
    if !hits.is_empty() {
        *list = vec![Value::String(cut(&texts.join(" "), &hits))];
    }
}

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
        let shown = config(&document).to_string();
        assert!(!shown.contains(&token) && !shown.contains(secret), "{shown}");
        assert!(shown.contains("PATH=/bin") && shown.contains("RUN curl"), "{shown}");
    }
}
