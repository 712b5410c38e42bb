//! Recognises placeholders: values such as `changeme` or `${PASSWORD}` that stand where a secret belongs.

use super::{class::Class, entropy};

/// Words that placeholders consist of.
const STAND_INS: [&str; 34] = [
    "changeme",
    "change_me",
    "change-me",
    "change this",
    "changeit",
    "replaceme",
    "replace_me",
    "replace-me",
    "redacted",
    "your_",
    "your-",
    "yourpassword",
    "yoursecret",
    "yourtoken",
    "example",
    "placeholder",
    "dummy",
    "insert_",
    "insert-",
    "foobar",
    "xxxx",
    "****",
    "....",
    "----",
    "____",
    "todo",
    "fixme",
    "abcdefghijklmnopqrstuvwxyz",
    "1234567890123456",
    "0123456789abcdef",
    "not-a-secret",
    "notasecret",
    "hidden",
    "masked",
];
/// Whole values that are none.
const NOTHINGS: [&str; 30] = [
    "",
    "true",
    "false",
    "null",
    "none",
    "nil",
    "undefined",
    "yes",
    "no",
    "on",
    "off",
    "n/a",
    "password",
    "passwd",
    "secret",
    "token",
    "string",
    "test",
    "value",
    "empty",
    "default",
    "auto",
    "optional",
    "required",
    "prompt",
    "ask",
    "unset",
    "disabled",
    "enabled",
    "anonymous",
];

/// Whether `value` is a reference, a template, a word or a path where a secret would stand.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let lower = value.to_ascii_lowercase();
    is_reference(value)
        || NOTHINGS.contains(&lower.as_str())
        || STAND_INS.iter().any(|word| lower.contains(word))
        || is_one_repeated(value)
        || is_path(value)
}

/// Whether a token of the right form is one of a manual: made of a stop word, of one character, or counted up.
pub(super) fn is_sample_token(token: &[u8]) -> bool {
    let lower = token.to_ascii_lowercase();
    let has = |word: &str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
    ["example", "xxxxx", "abcdefghijkl", "12345678901234", "0123456789abcdef", "placeholder", "changeme", "redacted"]
        .iter()
        .any(|word| has(word))
        || token.windows(10).any(|part| part.iter().all(|byte| Some(byte) == part.first()))
}

/// Whether `value` has its real value from elsewhere: a variable, a template, a command, a format.
fn is_reference(value: &str) -> bool {
    let first = value.as_bytes().first().copied().unwrap_or_default();
    let wrapped = |open: char, close: char| value.starts_with(open) && value.ends_with(close);
    // `$` also begins the hashes of passwords, `$6$..`: those have a digit or a word and a second `$`.
    let is_variable = first == b'$' && value.bytes().skip(1).filter(|byte| *byte == b'$').count() < 2;
    is_variable
        || [
            "{{", "${", "$(", "<%", "#{", "%(", "@@", "!ref", "!sub", "!vault", "!secret", "env:", "env.", "vault:",
            "ref+",
        ]
        .iter()
        .any(|open| value.to_ascii_lowercase().starts_with(open))
        || value.contains("{{")
        || value.contains("${")
        || wrapped('<', '>')
        || wrapped('%', '%')
        || wrapped('[', ']')
        || wrapped('{', '}')
        || wrapped('(', ')')
        || wrapped('`', '`')
        || wrapped('_', '_')
        || matches!(value, "%s" | "%v" | "%q" | "%d" | "{}" | "{0}" | "?" | ":token" | ":password")
}

/// Whether `value` is the same character again and again.
fn is_one_repeated(value: &str) -> bool {
    let mut chars = value.chars();
    chars.next().is_some_and(|first| chars.all(|c| c == first))
}

/// Whether `value` is the path of a file and no base64 that begins with a slash.
fn is_path(value: &str) -> bool {
    const PATH: Class = Class::of(b"0-9A-Za-z/._ -");
    let rooted = value.strip_prefix('~').or_else(|| value.strip_prefix('.')).unwrap_or(value);
    let Some(rest) = rooted.strip_prefix('/') else { return false };
    let components = rest.split('/').filter(|name| !name.is_empty());
    PATH.all(value.as_bytes()) && components.clone().count() > 0 && components.clone().all(|name| name.len() < 40) && {
        let known = [
            "bin",
            "dev",
            "etc",
            "home",
            "opt",
            "proc",
            "root",
            "run",
            "srv",
            "tmp",
            "usr",
            "var",
            "app",
            "data",
            "mnt",
            "config",
            "secrets",
            "certs",
            "keys",
            "workspace",
            "Users",
        ];
        components.clone().next().is_some_and(|first| known.contains(&first)) || entropy::tenths(rest.as_bytes()) < 35
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_words_are_placeholders() {
        for value in [
            "",
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "$(cat /run/secrets/x)",
            "{{ .Values.password }}",
            "<password>",
            "%s",
            "%PASSWORD%",
            "changeme",
            "ChangeMe123",
            "your-api-key-here",
            "xxxxxxxxxxxx",
            "********",
            "aaaaaaaa",
            "/run/secrets/token",
            "./keys/private.pem",
            "true",
            "<%= ENV['X'] %>",
            "/etc/ssl/key.pem",
            "REDACTED",
            "thisisanexamplevalue",
            "[secret]",
            "__TOKEN__",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
    }

    #[test]
    fn real_looking_values_are_none() {
        for value in [
            "hunter2",
            "Tr0ub4dor&3",
            "p4ssw0rd!x",
            "/9j4AAQSkZJRgABAQEASABIAAD2wBDAAMCAgMCAgMDAwMEAwM=",
            "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2",
        ] {
            assert!(!is_placeholder(value), "{value}");
        }
    }
}
