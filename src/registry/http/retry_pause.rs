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

/// How long one request, or the reading of one answer, is repeated after faults that may pass.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    /// `--retry`: the sum of all pauses; [`Limits::RETRIES`] repetitions where the caller does not say.
    total: Option<Duration>,
    waited: Duration,
    repetitions: u32,
    /// The pause that the registry asked for last, where that was more than there is patience for.
    declined: Option<Duration>,
}

impl Patience {
    /// All of it: what `--retry` says, if it says something.
    pub(crate) fn new(total: Option<Duration>) -> Self {
        Self { total, waited: Duration::ZERO, repetitions: 0, declined: None }
    }

    /// The pause before the next repetition, which is counted; none where there is no patience left. `headers` are those of
    /// the answer, if there was one.
    pub(crate) fn pause(&mut self, headers: Option<&HeaderMap>) -> Option<Duration> {
        let left = match self.total {
            None => (self.repetitions < Limits::RETRIES).then_some(Limits::RETRY_AFTER)?,
            Some(total) => total.checked_sub(self.waited).filter(|left| !left.is_zero())?,
        };
        let asked = headers.and_then(asked);
        self.declined = asked.filter(|asked| *asked > left);
        if self.declined.is_some() {
            return None;
        }
        // The last pause ends with the patience.
        let pause = asked.map_or_else(|| backoff(self.repetitions), |asked| asked.max(backoff(0))).min(left);
        self.waited = self.waited.saturating_add(pause);
        self.repetitions = self.repetitions.saturating_add(1);
        Some(pause)
    }

    /// All of it again, because something came.
    pub(crate) fn renew(&mut self) {
        *self = Self::new(self.total);
    }

    /// Whether the registry asked for a longer pause than there is patience for.
    pub(crate) fn has_declined(&self) -> bool {
        self.declined.is_some()
    }

    /// In parentheses behind a message: the pause that the registry asked for in vain, and how often and how long a caller who
    /// asked for it was patient in vain; empty for others.
    pub(crate) fn account(&self) -> String {
        let mut parts = Vec::new();
        if let Some(asked) = self.declined {
            let most = match self.total {
                None => format!("without `--retry` no pause is longer than {} s", Limits::RETRY_AFTER.as_secs()),
                Some(total) => {
                    let left = total.saturating_sub(self.waited).as_secs_f64();
                    format!("`--retry` leaves {left:.1} s")
                }
            };
            parts.push(format!("it asks for a pause of {} s, and {most}", asked.as_secs()));
        }
        if self.total.is_some() && self.repetitions > 0 {
            let seconds = self.waited.as_secs_f64();
            parts.push(format!(
                "gave up after {} tries and {seconds:.1} s of pauses",
                self.repetitions.saturating_add(1)
            ));
        }
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
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
        let mut usual = Patience::new(None);
        let mut pause = |after| usual.pause(Some(&headers(after, None)));
        assert_eq!(pause("1"), Some(Duration::from_secs(1)));
        assert!(pause("0").unwrap() > Duration::ZERO);
        assert_eq!(pause("86400"), None);
        let most = "it asks for a pause of 86400 s, and without `--retry` no pause is longer than 120 s";
        assert_eq!(usual.account(), format!(" ({most})"));
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
        assert!(said.has_declined());
        assert_eq!(said.account(), " (it asks for a pause of 61 s, and `--retry` leaves 60.0 s)");
        assert_eq!(said.pause(Some(&headers("59", None))), Some(Duration::from_secs(59)));
        assert!(!said.has_declined());
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
