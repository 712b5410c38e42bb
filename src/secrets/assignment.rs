//! Finds settings whose name says that the value is a secret, such as `DB_PASSWORD=...`.

use super::{class::Class, entropy, placeholder};

/// How much a value must show to be taken for a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// In a variable or a file made for credentials: anything that is no placeholder.
    Any,
    /// In a script, where an assignment may be of anything: a value that no word and no number is.
    Chosen,
    /// In a file of settings: something that looks random.
    Random,
}

/// How suspicious a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suspicion {
    /// It is a password, however short.
    Password,
    /// It is a token or a key.
    Token,
    /// It may be one.
    Weak,
}

const PASSWORDS: [&str; 10] =
    ["password", "passwd", "passphrase", "pword", "pwd", "psw", "passcode", "pass", "requirepass", "masterauth"];
const TOKENS: [&str; 10] = [
    "secret",
    "secrets",
    "token",
    "credential",
    "credentials",
    "creds",
    "apikey",
    "secretkey",
    "accesskey",
    "privatekey",
];
/// Words before `key` that make it a secret one.
const KEYS: [&str; 20] = [
    "api",
    "access",
    "secret",
    "private",
    "encryption",
    "signing",
    "master",
    "storage",
    "account",
    "service",
    "admin",
    "deploy",
    "session",
    "cookie",
    "jwt",
    "hmac",
    "aes",
    "webhook",
    "app",
    "auth",
];
/// Last words that make it something about a secret and not the secret.
const ABOUT: [&str; 53] = [
    "url",
    "uri",
    "endpoint",
    "path",
    "file",
    "dir",
    "directory",
    "folder",
    "name",
    "id",
    "ids",
    "type",
    "length",
    "len",
    "size",
    "ttl",
    "expiry",
    "expires",
    "expiration",
    "expire",
    "timeout",
    "count",
    "enabled",
    "enable",
    "disabled",
    "alg",
    "algorithm",
    "header",
    "issuer",
    "audience",
    "version",
    "format",
    "prefix",
    "suffix",
    "hint",
    "policy",
    "min",
    "max",
    "field",
    "column",
    "label",
    "required",
    "rotation",
    "days",
    "regex",
    "pattern",
    "provider",
    "class",
    "store",
    "ring",
    "env",
    "host",
    "port",
];
/// Words that make it public.
const PUBLIC: [&str; 14] = [
    "public",
    "pub",
    "gpg",
    "pgp",
    "fingerprint",
    "checksum",
    "digest",
    "sha256",
    "csrf",
    "sort",
    "primary",
    "foreign",
    // Of sudo.
    "nopasswd",
    "nopassword",
];

/// The words of a name: `DB_PASSWORD`, `clientSecret` and `api.key` are two each.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut was_lower = false;
    for c in name.chars().take(128) {
        let breaks = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_lower);
        if breaks && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// How suspicious `name` is.
fn suspicion(name: &str) -> Option<Suspicion> {
    let words = words(name);
    let last = words.last()?.as_str();
    if ABOUT.contains(&last) || words.iter().any(|word| PUBLIC.contains(&word.as_str())) {
        return None;
    }
    let any = |list: &[&str]| words.iter().any(|word| list.iter().any(|entry| is_or_ends_with(word, entry)));
    if any(&PASSWORDS) {
        return Some(Suspicion::Password);
    }
    if any(&TOKENS) {
        return Some(Suspicion::Token);
    }
    let before_key = words.windows(2).any(|pair| pair[1] == "key" && KEYS.contains(&pair[0].as_str()));
    if before_key {
        return Some(Suspicion::Token);
    }
    matches!(last, "key" | "auth" | "authorization" | "authtoken").then_some(Suspicion::Weak)
}

/// Words that make a variable of a pipeline a secret, besides those of files.
const OF_PIPELINES: [&str; 4] = ["jwt", "webhook", "pat", "pem"];

/// Whether the name alone makes the value a secret for a program that may do without it: any key, any login.
pub(super) fn names_secret(name: &str) -> bool {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let is_key = words.last().is_some_and(|last| last == "key");
    // `DOCKER_AUTH_CONFIG` is a whole login.
    let is_login = words.windows(2).any(|pair| pair[0] == "auth" && pair[1] == "config");
    suspicion(name).is_some() || is_key || is_login || has(&OF_PIPELINES)
}

/// Whether `word` is `entry` or ends with it, as `dbpassword` and `authtoken` do. Short entries must be whole words:
/// `compass` is no `pass`.
fn is_or_ends_with(word: &str, entry: &str) -> bool {
    word == entry || (entry.len() > 4 && word.len() < 24 && word.ends_with(entry))
}

/// Whether `value`, as the value of `name`, is a secret.
pub(super) fn is_secret(name: &str, value: &str, demand: Demand) -> bool {
    let Some(suspicion) = suspicion(name) else { return false };
    let bits = entropy::tenths(value.as_bytes());
    let is_word = value.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.' | b' '));
    let is_number = Class::of(b"0-9.").all(value.as_bytes());
    if placeholder::is_placeholder(value) || value.len() > 4096 || value.contains("://") {
        return false;
    }
    match (demand, suspicion) {
        (Demand::Any, Suspicion::Password) => value.len() >= 3,
        (Demand::Any, Suspicion::Token) => value.len() >= 8 && !is_number,
        (Demand::Any, Suspicion::Weak) => value.len() >= 16 && bits >= 30 && !is_word && !is_number,
        (Demand::Chosen, Suspicion::Password) => {
            value.len() >= 6 && bits >= 24 && !is_word && !is_number && !is_phrase(value)
        }
        (Demand::Chosen, Suspicion::Token) => {
            value.len() >= 12 && bits >= 30 && !is_word && !is_number && !is_phrase(value)
        }
        (Demand::Random, Suspicion::Password) => {
            value.len() >= 8
                && bits >= 28
                && !is_word
                && !value.contains(char::is_whitespace)
                && !looks_like_code(value)
        }
        (Demand::Random, Suspicion::Token) => {
            value.len() >= 16
                && bits >= 35
                && !is_word
                && !value.contains(char::is_whitespace)
                && !looks_like_code(value)
        }
        (Demand::Chosen | Demand::Random, Suspicion::Weak) => false,
    }
}

/// Whether a value is several words, or has what a shell or a program replaces.
fn is_phrase(value: &str) -> bool {
    value.contains(char::is_whitespace) || value.contains(['$', '`', '*', '\\', '/']) || looks_like_code(value)
}

/// Whether a value calls or names something in a program.
fn looks_like_code(value: &str) -> bool {
    value.contains(['(', ')', '[', ']', '{', '}', '<', '>', '|'])
        || value.contains("::")
        || value.contains("->")
        || (value.contains('.') && value.split('.').all(|part| part.bytes().all(|byte| byte.is_ascii_alphabetic())))
}

/// The name and the value that a line sets: `export A=b`, `a: b`, `"a": "b",`, `'a' => 'b'`, `define('A', 'b');`.
pub(super) fn of_line(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', ';', '*']) || line.starts_with("//") {
        return None;
    }
    let (left, right) = match line.strip_prefix("define(") {
        Some(rest) => rest.split_once(',')?,
        None => split(line)?,
    };
    let left = left.trim_end().trim_end_matches(['"', '\'', ']', '?']);
    let name = left.rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))).next()?;
    Some((name, unquoted(right))).filter(|(name, value)| !name.is_empty() && !value.is_empty())
}

/// `line` at its first `=>`, `:=`, `=` or `: `.
fn split(line: &str) -> Option<(&str, &str)> {
    let mut line = line;
    // A loop, because a line may be nothing but signs.
    loop {
        let at = line.find(['=', ':'])?;
        let (left, right) = line.split_at_checked(at)?;
        let left = left.strip_prefix("export ").unwrap_or(left);
        if !left.is_empty() {
            return Some((left, right.trim_start_matches([':', '=', '>'])));
        }
        // `:gem_key: value`, a symbol of Ruby.
        line = right.get(1..)?;
    }
}

/// `value` without its quotes, a comment behind it and what ends the statement.
fn unquoted(value: &str) -> &str {
    let value = value.trim_start();
    for quote in ['"', '\'', '`'] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default();
        }
    }
    let end = value.find(" #").unwrap_or(value.len());
    value.get(..end).unwrap_or(value).trim_end().trim_end_matches([',', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_by_their_words() {
        for name in
            ["DB_PASSWORD", "clientSecret", "api_key", "API-KEY", "authToken", "mysql.pwd", "PGPASSWORD", "apikey"]
        {
            assert!(is_secret(name, "Zk3vQ9xT2mBn7LpW", Demand::Any), "{name}");
        }
        for name in [
            "KEYBOARD",
            "MONKEY",
            "COMPASS",
            "TOKENIZER",
            "GPG_KEY",
            "PUBLIC_KEY",
            "TOKEN_URL",
            "SECRET_NAME",
            "PASSWORD_FILE",
            "SORT_KEY",
            "AUTHOR",
            "BYPASS",
            "PATH",
            "password_min",
        ] {
            assert!(!is_secret(name, "Zk3vQ9xT2mBn7LpW", Demand::Any), "{name}");
        }
    }

    #[test]
    fn values_are_asked_for_more_where_more_is_written() {
        assert!(is_secret("password", "hunter2", Demand::Any));
        assert!(!is_secret("password", "hunter2", Demand::Random));
        assert!(!is_secret("password", "Enter your password", Demand::Random));
        assert!(!is_secret("token", "12345678", Demand::Any));
        assert!(!is_secret("password", "getpass.getpass()", Demand::Random));
        assert!(!is_secret("password", "config.user.password", Demand::Random));
        assert!(!is_secret("secret", "${SECRET}", Demand::Any));
        assert!(!is_secret("key", "value", Demand::Any));
    }

    #[test]
    fn lines_of_every_form_are_split() {
        for (line, expected) in [
            ("A=b", Some(("A", "b"))),
            ("export A=b # why", Some(("A", "b"))),
            ("  a: b", Some(("a", "b"))),
            ("\"a\": \"b\",", Some(("a", "b"))),
            ("'a' => 'b',", Some(("a", "b"))),
            ("define( 'A', 'b' );", Some(("A", "b"))),
            (":a_key: b", Some(("a_key", "b"))),
            ("a = 'b c'", Some(("a", "b c"))),
            ("//host/:_authToken=b", Some(("_authToken", "b"))),
            ("const a = \"b\";", Some(("a", "b"))),
            ("# a=b", None),
            ("a", None),
            ("a=", None),
            ("größe=b", Some(("e", "b"))),
            ("ö=b", None),
        ] {
            let expected = if line.starts_with("//") { None } else { expected };
            assert_eq!(of_line(line), expected, "{line}");
        }
    }

    #[test]
    fn a_line_of_nothing_but_signs_needs_no_more_stack_than_any_other() {
        for line in [":".repeat(8192), "=".repeat(8192), "export :".repeat(1024), format!("{}a: b", ":".repeat(8000))] {
            let small = std::thread::Builder::new().stack_size(128 << 10);
            let expected = line.ends_with('b').then(|| ("a".to_owned(), "b".to_owned()));
            let read = move || of_line(&line).map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(small.spawn(read).unwrap().join().unwrap(), expected);
        }
    }
}
