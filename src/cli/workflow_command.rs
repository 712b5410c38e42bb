//! Workflow commands of GitHub: `::error file=F,title=T::message`, a line each.
//!
//! GitHub's runner ends a command at the line break, a property at `,`, the properties at `::`; it undoes `%25`, `%0D`, `%0A`
//! everywhere and `%3A`, `%2C` in properties, and nothing else. A line is a command if it begins with `::`, blanks before it
//! do not count; the older form `##[command]` is one wherever in a line it is.

use std::{borrow::Cow, fmt::Write as _};

/// A command without its line break. Without properties it is `::command::message`.
pub(super) fn workflow_command(command: &str, properties: &[(&str, &str)], message: &str) -> String {
    let mut line = format!("::{command}");
    for (index, (name, value)) in properties.iter().enumerate() {
        let before = if index == 0 { ' ' } else { ',' };
        // Writing to a String cannot fail.
        let _ = write!(line, "{before}{name}={}", property(value));
    }
    line.push_str("::");
    line.push_str(&data(message));
    line
}

/// `text` for a log that takes commands, in which no line is a command: what a compiler prints, or the line of a recipe,
/// comes from a pull request.
pub(super) fn without_commands(text: &str) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    // A carriage return alone ends a line, too.
    for line in text.split_inclusive(['\n', '\r']) {
        let blank = line.len() - line.trim_start().len();
        let (blank, rest) = line.split_at(blank);
        safe.push_str(blank);
        let rest = match rest.strip_prefix("::") {
            Some(rest) => {
                safe.push_str("\\u{3a}:");
                rest
            }
            None => rest,
        };
        safe.push_str(&rest.replace("##", "#\\u{23}"));
    }
    Cow::Owned(safe)
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runner_would_act_on_is_escaped() {
        assert_eq!(workflow_command("group", &[], "a:b,c%\r\n"), "::group::a:b,c%25%0D%0A");
        let line = workflow_command("error", &[("file", "a:b,c%\r\n"), ("line", "7")], "::x");
        assert_eq!(line, "::error file=a%3Ab%2Cc%25%0D%0A,line=7::::x");
    }

    #[test]
    fn no_line_of_other_texts_is_a_command() {
        for (text, safe) in [
            ("::stop-commands::x", "\\u{3a}:stop-commands::x"),
            ("  \t\u{a0}::set-output name=a::b", "  \t\u{a0}\\u{3a}:set-output name=a::b"),
            ("a\n::x\r::y\r\n ::z", "a\n\\u{3a}:x\r\\u{3a}:y\r\n \\u{3a}:z"),
            (":::x", "\\u{3a}::x"),
            ("7 | # ##[add-mask]x ###", "7 | # #\\u{23}[add-mask]x #\\u{23}#"),
            ("std::fmt: a ::b", "std::fmt: a ::b"),
            ("##\n", "#\\u{23}\n"),
        ] {
            assert_eq!(without_commands(text), safe, "{text:?}");
        }
    }
}
