//! [`Keywords`]: one search for the keywords of all detectors.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use memchr::memmem;

use super::{detector::Detector, detectors::DETECTORS};
use crate::report::Rule;

/// The keywords of a set of detectors, ready to be looked for.
#[derive(Debug)]
pub(super) struct Keywords {
    /// `None` only if the table could not be built; the tests know that it can.
    automaton: Option<AhoCorasick>,
    /// The detector of each keyword, in the automaton's order.
    owners: Vec<&'static Detector>,
    words: Vec<&'static str>,
    longest: usize,
    /// One search for each keyword, where there are few: random bytes begin one of them too often for the automaton.
    finders: Vec<memmem::Finder<'static>>,
}

/// The detectors of private keys, which are used in all files.
static KEYS: LazyLock<Keywords> =
    LazyLock::new(|| Keywords::of(DETECTORS.iter().filter(|d| d.rule == Rule::PrivateKey)).one_by_one());
static TEXT: LazyLock<Keywords> = LazyLock::new(|| Keywords::of(DETECTORS.iter()));
static BINARY: LazyLock<Keywords> = LazyLock::new(|| Keywords::of(DETECTORS.iter().filter(|d| d.in_binaries)));

impl Keywords {
    /// The keywords for text, or for binary data.
    pub(super) fn get(is_binary: bool) -> &'static Self {
        if is_binary { &BINARY } else { &TEXT }
    }

    /// The keywords of private keys.
    pub(super) fn of_keys() -> &'static Self {
        &KEYS
    }

    fn of(detectors: impl Iterator<Item = &'static Detector>) -> Self {
        let mut words = Vec::new();
        let mut owners = Vec::new();
        for detector in detectors {
            for word in detector.keywords {
                words.push(*word);
                owners.push(detector);
            }
        }
        // No keyword begins another, so that at each place there is at most one, whatever the order.
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(&words).ok();
        let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
        Self { automaton, owners, words, longest, finders: Vec::new() }
    }

    /// Searches for each keyword by itself. None of them may overlap itself.
    fn one_by_one(self) -> Self {
        Self { finders: self.words.iter().copied().map(memmem::Finder::new).collect(), ..self }
    }

    /// Whether there is a keyword in `bytes`.
    pub(super) fn any(&self, bytes: &[u8]) -> bool {
        self.automaton.as_ref().is_some_and(|automaton| automaton.is_match(bytes))
    }

    /// Calls `see` for each keyword of `bytes` that begins in `from..to`, also for those that overlap.
    pub(super) fn each(&self, bytes: &[u8], from: usize, to: usize, mut see: impl FnMut(usize, &'static Detector)) {
        let Some(automaton) = &self.automaton else { return };
        let end = bytes.len().min(to + self.longest - 1);
        if !self.finders.is_empty() {
            let range = bytes.get(from..end).unwrap_or_default();
            for (finder, detector) in self.finders.iter().zip(&self.owners) {
                let places = finder.find_iter(range).map(|at| from + at).take_while(|at| *at < to);
                places.for_each(|at| see(at, detector));
            }
            return;
        }
        let mut at = from;
        while at < to {
            let Some(found) = automaton.find(Input::new(bytes).range(at..end)) else { return };
            if found.start() >= to {
                return;
            }
            if let Some(detector) = self.owners.get(found.pattern().as_usize()) {
                see(found.start(), detector);
            }
            at = found.start() + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keyword_is_found_where_it_is_and_overlapping_ones_too() {
        for is_binary in [false, true] {
            let keywords = Keywords::get(is_binary);
            assert!(keywords.automaton.is_some());
            let mut seen = Vec::new();
            let text = "..ops_eyJ..ghp_ghp_";
            keywords.each(text.as_bytes(), 0, text.len(), |at, _| seen.push(at));
            assert_eq!(seen, if is_binary { vec![6, 11, 15] } else { vec![2, 6, 11, 15] });
        }
    }

    #[test]
    fn a_keyword_across_the_end_of_a_range_belongs_to_the_range_it_begins_in() {
        let text = b"....ghp_....";
        for border in 0..text.len() {
            let mut seen = Vec::new();
            Keywords::get(true).each(text, 0, border, |at, _| seen.push(at));
            Keywords::get(true).each(text, border, text.len(), |at, _| seen.push(at));
            assert_eq!(seen, [4], "{border}");
        }
    }
}
