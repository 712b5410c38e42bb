//! The pause before a request is repeated: `Retry-After`, else exponential backoff with jitter; and [`Patience`], which says
//! how long requests are repeated.

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
pub(in crate::registry) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let after = text(header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let wait = date(after)?.as_second().checked_sub(date(text(header::DATE)?.trim())?.as_second())?;
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

/// The pause before the `attempt`th repetition; none when the registry asks for a longer one than `most`.
fn before(attempt: u32, headers: Option<&HeaderMap>, most: Duration) -> Option<Duration> {
    match headers.and_then(asked) {
        Some(asked) if asked > most => None,
        Some(asked) => Some(asked.max(backoff(0))),
        None => Some(backoff(attempt)),
    }
}

/// How long one request, or the reading of one answer, is repeated after faults that may pass.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    /// `--retry`: the sum of all pauses; [`Limits::RETRIES`] repetitions where the caller does not say.
    total: Option<Duration>,
    waited: Duration,
    repetitions: u32,
}

impl Patience {
    /// All of it: what `--retry` says, if it says something.
    pub(crate) fn new(total: Option<Duration>) -> Self {
        Self { total, waited: Duration::ZERO, repetitions: 0 }
    }

    /// The pause before the next repetition, which is counted; none where there is no patience left. `headers` are those of
    /// the answer, if there was one.
    pub(crate) fn pause(&mut self, headers: Option<&HeaderMap>) -> Option<Duration> {
        let pause = match self.total {
            None => {
                before(self.repetitions, headers, Limits::RETRY_AFTER).filter(|_| self.repetitions < Limits::RETRIES)
            }
            Some(total) => {
                let left = total.checked_sub(self.waited).filter(|left| !left.is_zero())?;
                // The last pause ends with the patience.
                before(self.repetitions, headers, left).map(|pause| pause.min(left))
            }
        }?;
        self.waited = self.waited.saturating_add(pause);
        self.repetitions = self.repetitions.saturating_add(1);
        Some(pause)
    }

    /// All of it again, because something came.
    pub(crate) fn renew(&mut self) {
        *self = Self::new(self.total);
    }

    /// How often and how long a caller who asked for it was patient in vain, in parentheses behind a message; empty for
    /// others.
    pub(crate) fn account(&self) -> String {
        match self.total {
            Some(_) if self.repetitions > 0 => {
                let seconds = self.waited.as_secs_f64();
                format!(" (gave up after {} tries and {seconds:.1} s of pauses)", self.repetitions.saturating_add(1))
            }
            _ => String::new(),
        }
    }
}

/// Whether a fault is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// It stays as it is: a certificate, a name that does not exist.
    No,
    /// It passes where the server comes back, which `--retry` says that it does: nothing listens.
    WithServer,
    /// It may be gone at once.
    Yes,
}

impl Passing {
    /// Whether a caller tries again whose `--retry` is `total`.
    pub(crate) fn is_transient(self, total: Option<Duration>) -> bool {
        match self {
            Self::No => false,
            Self::WithServer => total.is_some_and(|total| !total.is_zero()),
            Self::Yes => true,
        }
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
        let before = |attempt, after| before(attempt, Some(&headers(after, None)), Limits::RETRY_AFTER);
        assert_eq!(before(0, "86400"), None);
        assert_eq!(before(0, "1"), Some(Duration::from_secs(1)));
        assert!(before(3, "0").unwrap() > Duration::ZERO);
    }

    #[test]
    fn patience_ends_with_its_seconds_or_with_the_usual_number_of_tries() {
        let mut usual = Patience::new(None);
        assert_eq!(std::iter::from_fn(|| usual.pause(None)).count(), Limits::RETRIES as usize);
        assert_eq!(usual.account(), "");
        let minute = Duration::from_secs(60);
        let mut said = Patience::new(Some(minute));
        assert_eq!(std::iter::from_fn(|| said.pause(None)).sum::<Duration>(), minute);
        assert!(said.account().ends_with("tries and 60.0 s of pauses)"), "{}", said.account());
        said.renew();
        assert_eq!(said.pause(Some(&headers("61", None))), None);
        assert_eq!(said.pause(Some(&headers("59", None))), Some(Duration::from_secs(59)));
        assert_eq!(Patience::new(Some(Duration::ZERO)).pause(None), None);
    }

    #[test]
    fn a_server_that_does_not_listen_is_waited_for_only_where_the_caller_says_so() {
        let second = Some(Duration::from_secs(1));
        let waits = |passing: Passing| [None, second, Some(Duration::ZERO)].map(|total| passing.is_transient(total));
        assert_eq!(waits(Passing::No), [false; 3]);
        assert_eq!(waits(Passing::WithServer), [false, true, false]);
        assert_eq!(waits(Passing::Yes), [true; 3]);
    }
}
