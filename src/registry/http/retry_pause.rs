//! The pause before a request is repeated: `Retry-After`, else exponential backoff with jitter.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    thread,
    time::Duration,
};

use jiff::fmt::rfc2822::DateTimeParser;
use ureq::http::{HeaderMap, header};

use crate::report::Limits;

/// The pause before the first retry.
const FIRST: Duration = Duration::from_millis(200);
/// No pause of our own is longer.
const LONGEST: Duration = Duration::from_secs(20);

/// The pause before the `attempt`th repetition, counted from 0: doubled each time, capped, and shortened by up to a
/// half at random, so that many clients do not come back together.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let full = FIRST.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(LONGEST);
    // Every state of the hasher has keys of its own, which the system gives.
    let random = RandomState::new().build_hasher().finish() % 512;
    full.mul_f64((1024.0 - f64::from(u32::try_from(random).unwrap_or(0))) / 1024.0)
}

/// What the registry asks for in `Retry-After`: seconds, or a date, which is counted from the registry's own clock.
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let after = text(header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let wait = date(after)?.as_second().checked_sub(date(text(header::DATE)?.trim())?.as_second())?;
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

/// The pause before the `attempt`th repetition; none when the registry asks for more patience than there is.
pub(crate) fn before(attempt: u32, headers: Option<&HeaderMap>) -> Option<Duration> {
    match headers.and_then(asked) {
        Some(asked) if asked > Limits::RETRY_AFTER => None,
        Some(asked) => Some(asked.max(backoff(0))),
        None => Some(backoff(attempt)),
    }
}

/// Waits.
pub(crate) fn wait(pause: Duration) {
    thread::sleep(pause);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(after: &str, date: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(header::DATE, date.parse().unwrap());
        }
        headers
    }

    #[test]
    fn pauses_double_up_to_a_cap_and_are_not_all_the_same() {
        for attempt in 0..100 {
            let pause = backoff(attempt);
            let full = FIRST.as_millis() << attempt.min(20);
            assert!(
                pause <= LONGEST && pause.as_millis() <= full && pause.as_millis() >= full.min(LONGEST.as_millis()) / 2
            );
        }
        let first = backoff(9);
        assert!((0..64).any(|_| backoff(9) != first));
    }

    #[test]
    fn what_the_registry_asks_for_is_kept_within_reason() {
        let seconds = |after, date| asked(&headers(after, date)).map(|wait| wait.as_secs());
        let now = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(seconds("7", None), Some(7));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT", now), Some(30));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT", None), None);
        for none in ["soon", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(seconds(none, now), None, "{none}");
        }
        assert_eq!(before(0, Some(&headers("86400", None))), None);
        assert_eq!(before(0, Some(&headers("1", None))), Some(Duration::from_secs(1)));
        assert!(before(3, Some(&headers("0", None))).unwrap() > Duration::ZERO);
    }
}
