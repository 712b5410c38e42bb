//! Finds secrets that Go's linker wrote into a program: `-ldflags="-X main.password=value"`.

use std::borrow::Cow;

use super::{
    assignment::{self, Demand},
    class::Class,
    found_secret::{FoundSecret, KeywordWindow},
};
use crate::report::{Limits, Severity};

/// How the flags begin, in a program's own build information and in commands.
pub(super) const FLAGS: &str = "-ldflags";

/// The first variable behind the keyword that is named like a secret. Reads up to the end of the line, a part that is no text,
/// or the next such flags.
pub(super) fn variable<'a>(window: KeywordWindow<'a>, work: &mut u64) -> Option<FoundSecret<'a>> {
    const TEXT: Class = Class::of(b"\t -~");
    let rest = window.rest().get(FLAGS.len()..)?;
    let line = rest.get(..TEXT.run(rest, Limits::LINKER_FLAGS_BYTES))?;
    let line = memchr::memmem::find(line, FLAGS.as_bytes()).and_then(|end| line.get(..end)).unwrap_or(line);
    *work += 3 * line.len() as u64;
    let text = std::str::from_utf8(line).ok()?;
    let mut parts = text.split(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '`'));
    let mut is_variable = false;
    let value = parts.find_map(|part| {
        let part = part.trim_start_matches('=');
        let setting = part.strip_prefix("-X=").or(is_variable.then_some(part));
        is_variable = part == "-X" || (is_variable && part.is_empty());
        let (name, value) = setting?.split_once('=')?;
        let name = name.rsplit(['.', '/']).next()?;
        assignment::is_secret(name, value, Demand::Any).then_some(value)
    })?;
    // The value is a part of the text.
    let at = window.keyword + FLAGS.len() + value.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    Some(FoundSecret {
        at: at..at + value.len(),
        value: Cow::Borrowed(value.as_bytes()),
        name: None,
        severity: Some(Severity::High),
        proven: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<String> {
        let window = KeywordWindow { bytes: line.as_bytes(), keyword: line.find(FLAGS).unwrap() };
        let found = variable(window, &mut 0)?;
        assert_eq!(&line.as_bytes()[found.at], &*found.value);
        Some(String::from_utf8(found.value.into_owned()).unwrap())
    }

    #[test]
    fn variables_named_like_secrets_are_found_in_every_spelling() {
        for line in [
            "build\t-ldflags=\"-s -w -X main.version=1.2 -X main.dbPassword=Sup3rS3cret9\"\n",
            "go build -ldflags \"-X 'example.com/app/cfg.apiToken=Sup3rS3cret9'\" ./...",
            "-ldflags=-X=main.password=Sup3rS3cret9",
        ] {
            assert_eq!(found(line).as_deref(), Some("Sup3rS3cret9"), "{line}");
        }
        for line in [
            "-ldflags=\"-X main.version=1.2 -X main.commit=0123456789abcdef0123\"",
            "-ldflags \"-X main.password=$(PASSWORD)\"",
            "-ldflags=\"-s -w\"\npassword=Sup3rS3cret9",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }
}
