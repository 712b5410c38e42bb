//! A record as an `ActionResult` of Bazel's remote execution API, which is all that bazel-remote takes below `/ac/`: the bytes
//! are its `stdout_raw`.
//!
//! A server may add fields: bazel-remote notes in `execution_metadata` which machine stored the result. Nothing but
//! `stdout_raw` is read, and what it holds is signed.

/// Field 5, with a length (the encoding of protocol buffers: number and wire type).
const STDOUT_RAW: u64 = 5 << 3 | LENGTH;
/// The wire type of fields with a length.
const LENGTH: u64 = 2;

/// The most bytes that a message has besides its record.
pub(super) const MOST_BESIDES: u64 = 4096;

/// What comes before `size` bytes that are one field of a message.
pub(super) fn head(size: u64) -> Vec<u8> {
    let mut head = Vec::new();
    for number in [STDOUT_RAW, size] {
        push_varint(&mut head, number);
    }
    head
}

/// The record in a message; none where there is none, or several, or where the message is cut.
pub(super) fn record(mut message: &[u8]) -> Option<&[u8]> {
    let mut found = None;
    while !message.is_empty() {
        let tag = take_varint(&mut message)?;
        let length = match tag & 7 {
            0 => {
                take_varint(&mut message)?;
                0
            }
            1 => 8,
            LENGTH => usize::try_from(take_varint(&mut message)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (field, rest) = message.split_at_checked(length)?;
        message = rest;
        if tag == STDOUT_RAW && found.replace(field).is_some() {
            return None;
        }
    }
    found
}

fn push_varint(to: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            to.push(low & 0x7f);
            return;
        }
        to.push(low | 0x80);
    }
}

fn take_varint(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has one bit of the 64.
        number |= bits.checked_shl(place * 7).filter(|shifted| shifted >> (place * 7) == bits)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_record_is_found_in_its_message_among_fields_of_others() {
        for size in [0_usize, 1, 127, 128, 300, 16_384] {
            let held = vec![7; size];
            let message = [head(size as u64), held.clone()].concat();
            assert_eq!(record(&message), Some(&held[..]), "{size}");
            // As bazel-remote gives it back: with `execution_metadata { worker: "::1" }`.
            let metadata = [0x4a, 5, 0x0a, 3, b':', b':', b'1'];
            assert_eq!(record(&[&message[..], &metadata].concat()), Some(&held[..]), "{size}");
            // An exit code, fields of 8 and of 4 bytes.
            let others = [&[0x20, 0x80, 0x01][..], &[0x31, 1, 2, 3, 4, 5, 6, 7, 8], &[0x35, 1, 2, 3, 4]].concat();
            assert_eq!(record(&[&others[..], &message].concat()), Some(&held[..]), "{size}");
            assert_eq!(record(&[&message[..], &message].concat()), None, "twice");
            assert_eq!(record(&[&message[..], b"x"].concat()), None, "cut");
            assert_eq!(record(&message[..message.len() - 1]), None, "cut");
        }
        // From the encoding of protocol buffers: a field of 300 bytes.
        assert_eq!(head(300), [0x2a, 0xac, 0x02]);
        assert_eq!(record(b""), None);
        let endless = [&[0x2a][..], &[0xff; 12]].concat();
        assert_eq!(record(&endless), None);
        let huge = [&[0x2a][..], &[0xff; 9], &[0x7f]].concat();
        assert_eq!(record(&huge), None, "more than 64 bits");
    }
}
