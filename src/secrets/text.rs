//! Finds secrets in texts of an image's configuration: variables, labels, the history and arguments.

use super::{
    assignment::{self, Demand},
    command::{self, CommandWord, may_command, split},
    connection,
    hit::{Hits, SecretFingerprint, SecretHit, mask},
    kind::ContentKind,
    scanner::SecretScanner,
};
use crate::report::{Rule, Severity};

/// Where a text of the configuration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextContext<'a> {
    /// The value of a variable.
    Env {
        /// The variable.
        name: &'a str,
    },
    /// The value of a label or an annotation.
    Label {
        /// Its key.
        key: &'a str,
    },
    /// The value of any other key of a document.
    Setting {
        /// The key.
        key: &'a str,
    },
    /// A command or a comment of the history.
    History,
    /// Words of the entrypoint, the arguments or the health check.
    Argument,
}

impl TextContext<'_> {
    fn rule(self) -> Rule {
        match self {
            Self::Env { .. } => Rule::SecretInEnv,
            Self::Label { .. } | Self::Setting { .. } => Rule::SecretInLabel,
            Self::History => Rule::SecretInHistory,
            Self::Argument => Rule::SecretInArguments,
        }
    }
}

/// The secrets in `text`. Offsets are those in `text`. A private key breaks the rule about private keys wherever it
/// is; everything else breaks the rule of its place.
pub fn scan_text(context: TextContext<'_>, text: &str) -> Vec<SecretHit> {
    let mut hits = Hits::default();
    for hit in detected(text) {
        let rule = if hit.rule == Rule::PrivateKey { hit.rule } else { context.rule() };
        let severity = if hit.severity == Severity::Medium { Severity::High } else { hit.severity };
        hits.add(SecretHit { rule, severity, ..hit });
    }
    match context {
        TextContext::Env { name } => {
            if assignment::is_secret(name, text, Demand::Any) && !is_seen(&hits, text, 0) {
                hits.add(named(context, name, text, 0));
            }
            connected(context, name, text, &mut hits);
        }
        TextContext::Setting { key } => {
            if assignment::is_secret(key, text, Demand::Any) && !is_seen(&hits, text, 0) {
                hits.add(named(context, key, text, 0));
            }
            connected(context, key, text, &mut hits);
        }
        TextContext::Label { key } => {
            if assignment::is_secret(key, text, Demand::Random) && !is_seen(&hits, text, 0) {
                hits.add(named(context, key, text, 0));
            }
            connected(context, key, text, &mut hits);
        }
        TextContext::History | TextContext::Argument if may_command(text) => {
            let words: Vec<CommandWord> = split(text);
            command(context, &words, &mut hits);
        }
        TextContext::History | TextContext::Argument => {}
    }
    hits.sorted()
}

/// Adds the password of the connection string that `text` is.
fn connected(context: TextContext<'_>, name: &str, text: &str, hits: &mut Hits) {
    let Some(password) = connection::password(text) else { return };
    // Where the password is in the text, of which it is a part.
    let at = password.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    if !is_seen(hits, password, 0) {
        hits.add(named(context, name, password, at));
    }
}

/// Whether a variable of this machine looks like a secret, by its name or its value. Here that costs nothing where it is none:
/// the name alone is enough, whatever the value, and so is the address of a service with a login in it.
pub fn is_secret_variable(name: &str, value: &str) -> bool {
    assignment::names_secret(name) || !detected(value).is_empty()
}

/// The hits of detectors in a text.
pub(super) fn detected(text: &str) -> Vec<SecretHit> {
    if !SecretScanner::may_hold(text.as_bytes()) {
        return Vec::new();
    }
    // No path: nothing is a sample here.
    let mut scanner = SecretScanner::new(ContentKind::Text, "");
    scanner.push(text.as_bytes());
    without_lines(scanner.finish().hits)
}

/// The secrets in the header of an entry of a tar: its names, records and padding, as they stand there.
pub fn scan_header(bytes: &[u8]) -> Vec<SecretHit> {
    if !SecretScanner::may_hold(bytes) {
        return Vec::new();
    }
    let mut scanner = SecretScanner::new(ContentKind::Text, "");
    scanner.push(bytes);
    without_lines(scanner.finish().hits)
}

/// Hits in a text that is no file: its lines say nothing.
fn without_lines(mut hits: Vec<SecretHit>) -> Vec<SecretHit> {
    for hit in &mut hits {
        hit.line = None;
    }
    hits
}

/// The secrets in the words of an entrypoint or of arguments, which need no quotes. Offsets are those in the words
/// joined by spaces.
pub fn scan_arguments(words: &[&str]) -> Vec<SecretHit> {
    let mut hits = Hits::default();
    let mut at = 0;
    let mut split: Vec<CommandWord> = Vec::new();
    for word in words {
        for hit in scan_text(TextContext::Argument, word) {
            hits.add(SecretHit { offset: hit.offset + at as u64, ..hit });
        }
        split.push(CommandWord { at, text: (*word).to_owned() });
        at += word.len() + 1;
    }
    command(TextContext::Argument, &split, &mut hits);
    hits.sorted()
}

/// Looks at the words of a command: settings, options, headers, logins.
fn command(context: TextContext<'_>, words: &[CommandWord], hits: &mut Hits) {
    command::each_secret(words, Demand::Any, &mut |secret| {
        if !is_seen(hits, secret.value, secret.at) {
            hits.add(named(context, secret.name, secret.value, secret.at));
        }
    });
}

/// Whether a detector has said already that this value is a secret, under a better name.
fn is_seen(hits: &Hits, value: &str, at: usize) -> bool {
    let range = at as u64..=(at + value.len() + 64) as u64;
    hits.any(|hit| hit.fingerprint == SecretFingerprint::of(value.as_bytes()) || range.contains(&hit.offset))
}

fn named(context: TextContext<'_>, name: &str, value: &str, at: usize) -> SecretHit {
    let name: String = name.chars().take(64).collect();
    let masked = if name.contains(value) { mask(b"") } else { format!("{name}={}", mask(b"")) };
    SecretHit {
        rule: context.rule(),
        detector: "named-secret",
        severity: Severity::High,
        offset: at as u64,
        masked,
        line: None,
        fingerprint: SecretFingerprint::of(value.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Commands of what makes a secret of a word, and of what parts and joins words.
    fn commands() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            3 => proptest::sample::select(vec!["curl", "mysql", "login", "-u", "-p", "--password", "--token", "DB_PASSWORD",
                "Authorization", "X-Api-Key", "Bearer", "Zk3vQ9xT2mBn7LpW", "user"]),
            4 => proptest::sample::select(vec![" ", ":", ": ", "=", "-", "'", "\"", "\\", "\n", ";", "|", "\t", "\u{2003}"]),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

        #[test]
        fn a_text_that_is_not_read_as_a_command_holds_no_secret_as_one(text in commands()) {
            let mut hits = Hits::default();
            command(TextContext::History, &split(&text), &mut hits);
            prop_assert!(may_command(&text) || hits.sorted().is_empty(), "{}", text);
        }
    }
}
