//! [`path_text`]: maps the bytes of a name in a tar to text, one to one.

use std::borrow::Cow;

use crate::oci::FIRST_PRIVATE;

/// The first of 256 private characters, of which each stands for a byte that is no part of UTF-8 text: the last of all that
/// Unicode has, which no name uses. One that does is written byte by byte, too.
const FIRST: u32 = FIRST_PRIVATE as u32;

/// The text of a name: the name itself where it is UTF-8. A test makes the name of the text again.
pub(crate) fn path_text(bytes: &[u8]) -> Cow<'_, str> {
    let is_private = |text: &str| text.contains(|c| u32::from(c) >= FIRST);
    if let Ok(text) = std::str::from_utf8(bytes)
        && !is_private(text)
    {
        return text.into();
    }
    let mut text = String::with_capacity(2 * bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if u32::from(c) < FIRST {
                text.push(c);
            } else {
                text.extend(c.encode_utf8(&mut [0; 4]).bytes().filter_map(character));
            }
        }
        text.extend(chunk.invalid().iter().copied().filter_map(character));
    }
    text.into()
}

fn character(byte: u8) -> Option<char> {
    char::from_u32(FIRST + u32::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The name of a text that [`path_text`] made.
    fn path_bytes(text: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len());
        for c in text.chars() {
            match u32::from(c).checked_sub(FIRST).map(u8::try_from) {
                Some(Ok(byte)) => bytes.push(byte),
                _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bytes
    }

    #[test]
    fn names_that_are_text_are_themselves() {
        for name in ["", "a/b", "Főtanúsítvány.crt", "\u{10feff}"] {
            assert_eq!(path_text(name.as_bytes()), name);
        }
        assert_ne!(path_text(b"\xff"), path_text(b"\xfe"));
        assert_ne!(path_text(b"\xff"), path_text("\u{10ffff}".as_bytes()));
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in prop_oneof![any::<Vec<u8>>(), ".{0,9}".prop_map(String::into_bytes), "[\u{10fe00}-\u{10ffff}]{0,9}".prop_map(String::into_bytes)]) {
            prop_assert_eq!(path_bytes(&path_text(&name)), name);
        }
    }
}
