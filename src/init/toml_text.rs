//! Values, keys and comments of a drafted recipe as TOML text; braces, which a recipe takes for variables, doubled.

use crate::report::printable;

/// Columns of a comment.
const WIDTH: usize = 110;

/// A path of the project relative to the recipe's folder.
pub(super) fn host(prefix: &str, path: &str) -> String {
    let joined: Vec<_> = [prefix, path].into_iter().filter(|part| !part.is_empty() && *part != ".").collect();
    if joined.is_empty() { ".".into() } else { joined.join("/") }
}

/// A TOML string.
pub(super) fn text(value: &str) -> String {
    toml::Value::from(value).to_string()
}

/// An array of TOML strings.
pub(super) fn texts<T: ToString>(values: &[T]) -> String {
    let values: Vec<_> = values.iter().map(|value| text(&value.to_string())).collect();
    format!("[{}]", values.join(", "))
}

/// A TOML key: bare where it can be.
pub(super) fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if bare { name.to_owned() } else { text(name) }
}

/// `text` as comment lines; none for an empty one.
pub(super) fn wrapped(text: &str) -> Vec<String> {
    let text = printable(text);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("# {word}")),
        }
    }
    lines
}

/// Doubles braces, so that the recipe has no variable in the text.
pub(super) fn braces(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}
