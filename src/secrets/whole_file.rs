//! Reads small files that are one secret as a whole.

use super::{class::Class, exposed::Exposed, names::Format, placeholder};
use crate::report::Severity;

/// The secret that the whole of a file of that format is.
pub(super) fn token(format: Format, whole: &[u8]) -> Option<Exposed> {
    let start = whole.len() - whole.trim_ascii_start().len();
    let value = whole.trim_ascii();
    let line = 1 + memchr::memchr_iter(b'\n', whole.get(..start)?).count() as u64;
    let text = std::str::from_utf8(value).ok()?;
    let detector = match format {
        Format::Token(detector) => {
            let is_one = !text.contains(char::is_whitespace) && !placeholder::is_placeholder(text);
            // A person chose the password; a token has more characters.
            let least = if detector == "ansible-vault-password" { 4 } else { 8 };
            (is_one && text.len() >= least).then_some(detector)?
        }
        // 128 or 256 bits: Rails' master key, and keys like it.
        Format::Key(detector) => (matches!(value.len(), 32 | 64) && Class::HEX.all(value)).then_some(detector)?,
        _ => return None,
    };
    Some(Exposed::new(detector, Severity::High, "", value).at(start as u64, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_all_of_its_file_and_a_token_is_one_word() {
        let key = "8d5f0c1e9b7a6d4c3b2a1f0e9d8c7b6a";
        assert_eq!(token(Format::Key("raw-key"), format!("\n{key}\n").as_bytes()).unwrap().offset, 1);
        assert_eq!(token(Format::Key("raw-key"), format!("{key}0").as_bytes()), None);
        assert_eq!(token(Format::Key("raw-key"), b"ssh-rsa AAAA"), None);
        let pass = |text: &[u8]| token(Format::Token("ansible-vault-password"), text);
        assert!(pass(b"hunter2\n").is_some());
        assert_eq!(pass(b"#!/bin/sh\necho a\n"), None);
        assert_eq!(pass(b""), None);
    }
}
