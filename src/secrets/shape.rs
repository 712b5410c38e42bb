//! [`ShapePart`]: the shape of a token as data.
//!
//! Not regular expressions: a token is a prefix and runs of a few alphabets, and a table of those needs no compiler
//! at start, never goes back, and so reads each byte once.

use super::class::Class;

/// One piece of a token.
#[derive(Debug, Clone, Copy)]
pub(super) enum ShapePart {
    /// These bytes.
    Text(&'static str),
    /// As many of these bytes as there are, from the first number to the second. Never gives one back, so the next
    /// part must begin with another byte, or the numbers be equal.
    Run(Class, usize, usize),
    /// What comes before is no part of the secret.
    From,
}

/// Where in `text` the secret is, when `text` begins with `shape`. Counts the bytes it looked at into `work`.
pub(super) fn fit(shape: &[ShapePart], text: &[u8], work: &mut u64) -> Option<std::ops::Range<usize>> {
    let (mut at, mut from) = (0, 0);
    for part in shape {
        let rest = text.get(at..)?;
        let length = match part {
            ShapePart::Text(words) => rest.starts_with(words.as_bytes()).then_some(words.len()),
            ShapePart::Run(class, least, most) => {
                let run = class.run(rest, *most);
                *work += run as u64;
                (run >= *least).then_some(run)
            }
            ShapePart::From => {
                from = at;
                Some(0)
            }
        };
        *work += 1;
        at += length?;
    }
    Some(from..at)
}

/// The most bytes that `shape` can take.
#[cfg(test)]
pub(super) fn longest(shape: &[ShapePart]) -> usize {
    shape
        .iter()
        .map(|part| match part {
            ShapePart::Text(words) => words.len(),
            ShapePart::Run(_, _, most) => *most,
            ShapePart::From => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: &[ShapePart] = &[
        ShapePart::Text("id="),
        ShapePart::From,
        ShapePart::Run(Class::DIGIT, 2, 4),
        ShapePart::Text("-"),
        ShapePart::Run(Class::HEX, 1, 2),
    ];

    #[test]
    fn the_secret_begins_where_the_shape_says() {
        let mut work = 0;
        assert_eq!(fit(SHAPE, b"id=123-abcd", &mut work), Some(3..9));
        assert_eq!(fit(SHAPE, b"id=1-ab", &mut work), None);
        assert_eq!(fit(SHAPE, b"id=12345-ab", &mut work), None);
        assert_eq!(fit(SHAPE, b"id=123-", &mut work), None);
        assert_eq!(fit(SHAPE, b"id", &mut work), None);
        assert!(work < 60);
        assert_eq!(longest(SHAPE), 10);
    }
}
