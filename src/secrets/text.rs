//! Finds secrets in texts of an image's configuration: variables, labels, the history and arguments.

use super::{
    assignment::{self, Demand},
    hit::{Hits, SecretFingerprint, SecretHit, mask},
    keywords::Keywords,
    kind::ContentKind,
    placeholder,
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
        }
        TextContext::Setting { key } => {
            if assignment::is_secret(key, text, Demand::Any) && !is_seen(&hits, text, 0) {
                hits.add(named(context, key, text, 0));
            }
        }
        TextContext::Label { key } => {
            if assignment::is_secret(key, text, Demand::Random) && !is_seen(&hits, text, 0) {
                hits.add(named(context, key, text, 0));
            }
        }
        TextContext::History | TextContext::Argument if may_command(text) => {
            let words: Vec<CommandWord> = split(text);
            command(context, &words, &mut hits);
        }
        TextContext::History | TextContext::Argument => {}
    }
    hits.sorted()
}

/// Whether a variable of this machine looks like a secret, by its name or its value. Here that costs nothing where it is none:
/// the name alone is enough, whatever the value, and so is the address of a service with a login in it.
pub fn is_secret_variable(name: &str, value: &str) -> bool {
    assignment::names_secret(name) || !detected(value).is_empty()
}

/// The hits of detectors in a text.
pub(super) fn detected(text: &str) -> Vec<SecretHit> {
    if !SecretScanner::may_hold(text) {
        return Vec::new();
    }
    // No path: nothing is a sample here.
    let mut scanner = SecretScanner::new(ContentKind::Text, "");
    scanner.push(text.as_bytes());
    scanner.finish()
}

/// The secrets in the header of an entry of a tar: its names, records and padding, as they stand there.
pub fn scan_header(bytes: &[u8]) -> Vec<SecretHit> {
    if !Keywords::get(false).any(bytes) {
        return Vec::new();
    }
    let mut scanner = SecretScanner::new(ContentKind::Text, "");
    scanner.push(bytes);
    scanner.finish()
}

/// Whether the words of a text may say a secret: that takes a setting, an option, or a header, which has a blank in it
/// and therefore quotes or backslashes around that. Most lines of a history have none of these.
fn may_command(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr2(b'=', b'-', bytes).is_some()
        || memchr::memchr(b':', bytes).is_some() && memchr::memchr3(b'"', b'\'', b'\\', bytes).is_some()
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

/// One word of a command, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CommandWord {
    at: usize,
    text: String,
}

/// The words of a command as a shell would see them, roughly: quotes join, backslashes escape, operators part.
fn split(text: &str) -> Vec<CommandWord> {
    let mut words = Vec::new();
    let mut word = CommandWord { at: 0, text: String::new() };
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let escaped = if c == '\\' && quote != Some('\'') { chars.next().map(|(_, c)| c) } else { None };
        let is_break =
            quote.is_none() && escaped.is_none() && (c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | ')'));
        if is_break {
            if !word.text.is_empty() {
                words.push(std::mem::replace(&mut word, CommandWord { at: 0, text: String::new() }));
            }
            continue;
        }
        if word.text.is_empty() {
            word.at = at;
        }
        match (escaped, quote) {
            (Some(c), _) => word.text.push(c),
            (None, Some(open)) if c == open => quote = None,
            (None, None) if matches!(c, '"' | '\'') => quote = Some(c),
            _ => word.text.push(c),
        }
    }
    if !word.text.is_empty() {
        words.push(word);
    }
    words
}

/// Looks at the words of a command: settings, options, headers, logins.
fn command(context: TextContext<'_>, words: &[CommandWord], hits: &mut Hits) {
    // Words that say what `-u` and `-p` mean, until another program begins.
    let mut program = "";
    for (number, word) in words.iter().enumerate() {
        let text = word.text.as_str();
        if let "curl" | "wget" | "sshpass" | "login" | "mysql" | "mysqldump" =
            text.rsplit('/').next().unwrap_or_default()
        {
            program = text.rsplit('/').next().unwrap_or_default();
        }
        let next = words.get(number + 1).filter(|next| !next.text.starts_with('-'));
        let found = setting(text)
            .or_else(|| header(text))
            .map(|(name, value)| (name, value, word.at))
            .or_else(|| {
                next.and_then(|next| option(program, text, &next.text).map(|(name, value)| (name, value, next.at)))
            })
            .or_else(|| glued(program, text).map(|(name, value)| (name, value, word.at)));
        if let Some((name, value, at)) = found.filter(|(_, value, at)| !is_seen(hits, value, *at)) {
            hits.add(named(context, name, value, at));
        }
    }
}

/// `NAME=value` and `--name=value`.
fn setting(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    (is_name && assignment::is_secret(name, value, Demand::Any)).then_some((name, value))
}

/// `Authorization: Bearer value`, `X-Api-Key: value`.
fn header(word: &str) -> Option<(&str, &str)> {
    let (name, rest) = word.split_once(": ")?;
    let name = name.rsplit(['\n', '\r']).next().unwrap_or(name);
    let value = rest.split_ascii_whitespace().last()?;
    let is_login = name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("proxy-authorization");
    let is_secret = is_login && value.len() >= 8 && !placeholder::is_placeholder(value)
        || assignment::is_secret(name, value, Demand::Any);
    is_secret.then_some((name, value))
}

/// `--password value`, `-u user:value` of curl, `-p value` of a login.
fn option<'a>(program: &str, option: &'a str, value: &'a str) -> Option<(&'a str, &'a str)> {
    match (program, option) {
        ("curl" | "wget", "-u" | "--user" | "-U" | "--proxy-user") => {
            let (_, password) = value.split_once(':')?;
            (!placeholder::is_placeholder(password)).then_some((option, password))
        }
        ("sshpass" | "login", "-p") => (!placeholder::is_placeholder(value)).then_some((option, value)),
        _ if option.starts_with("--") && !option.contains('=') => {
            assignment::is_secret(option, value, Demand::Any).then_some((option, value))
        }
        _ => None,
    }
}

/// `-pvalue` of mysql and sshpass, `-uuser:value` of curl.
fn glued<'a>(program: &str, word: &'a str) -> Option<(&'a str, &'a str)> {
    let (name, value) = match program {
        "mysql" | "mysqldump" | "sshpass" => ("-p", word.strip_prefix("-p")?),
        "curl" => ("-u", word.strip_prefix("-u")?.split_once(':')?.1),
        _ => return None,
    };
    (value.len() >= 3 && !placeholder::is_placeholder(value)).then_some((name, value))
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
