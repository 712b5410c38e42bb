//! What the fingerprint of a finding looks like, in policies and baselines.

/// Whether a text is a fingerprint as reports have them: 32 hexadecimal digits in lower case, and maybe `-2` or a greater
/// number behind them.
pub fn is_fingerprint(text: &str) -> bool {
    let (digest, number) = text.split_once('-').map_or((text, None), |(digest, number)| (digest, Some(number)));
    let is_number = |number: &str| {
        number.len() <= 6
            && !number.starts_with('0')
            && number != "1"
            && number.parse::<u32>().is_ok_and(|_| digits(number))
    };
    digest.len() == 32
        && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && number.is_none_or(is_number)
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_fingerprint;

    #[test]
    fn a_fingerprint_has_32_digits_and_maybe_a_number() {
        let plain = "0123456789abcdef".repeat(2);
        for (text, expected) in [
            (plain.clone(), true),
            (format!("{plain}-2"), true),
            (format!("{plain}-1"), false),
            (format!("{plain}-02"), false),
            (format!("{plain}-+2"), false),
            (format!("{plain}-"), false),
            (format!("{plain}0"), false),
            (plain.to_uppercase(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_fingerprint(&text), expected, "{text}");
        }
    }
}
