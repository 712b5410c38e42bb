//! Shannon entropy of a text, by which random tokens are distinguished from words.

/// Shannon's entropy of the bytes of `text`, in tenths of a bit a byte.
///
/// Tenths, in whole numbers, so that thresholds compare the same on every machine.
pub(super) fn tenths(text: &[u8]) -> u32 {
    let mut counts = [0_u32; 256];
    for byte in text {
        counts[usize::from(*byte)] += 1;
    }
    // Texts are tokens of at most some thousand bytes: exact in an f64.
    #[allow(clippy::cast_precision_loss)]
    let total = text.len().max(1) as f64;
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum();
    // Between 0 and 80.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let tenths = (bits * 10.0 + 1e-6).floor() as u32;
    tenths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_the_textbook() {
        assert_eq!(tenths(b""), 0);
        assert_eq!(tenths(b"aaaaaaaa"), 0);
        assert_eq!(tenths(b"abababab"), 10);
        assert_eq!(tenths(b"abcdefgh"), 30);
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(tenths(&all), 80);
    }
}
