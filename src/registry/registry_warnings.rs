//! Warnings of registries, `Warning: 299 - "..."` (distribution-spec, "Warnings"), and about where images are pulled from. `cli` prints
//! each once.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Secret, url::Url};
use crate::report::{Failure, Limits, shown};

/// Warnings about registries, each once, in the order in which they came, and details for who asks for them. Copies share what they
/// hold.
#[derive(Debug, Clone, Default)]
pub struct RegistryWarnings(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    warnings: Vec<Failure>,
    details: Vec<String>,
}

impl RegistryWarnings {
    /// Takes note of what an answer of `url` has in its `Warning` fields.
    pub(super) fn record<'a>(&self, url: &Url, fields: impl Iterator<Item = &'a [u8]>, secrets: &[Secret]) {
        for text in fields.filter_map(|field| text(&String::from_utf8_lossy(field))) {
            let text = Secret::hide(secrets, text);
            self.warn(Failure::warning(format!("{} says: {}", shown(&url.authority()), shown(&text))));
        }
    }

    /// Adds a warning.
    pub(super) fn warn(&self, warning: Failure) {
        let mut heard = self.0.lock();
        if heard.warnings.len() < Limits::NOTICES && !heard.warnings.contains(&warning) {
            heard.warnings.push(warning);
        }
    }

    /// Adds a line for those who want to know more; it is safe to print.
    pub(super) fn detail(&self, line: String) {
        let mut heard = self.0.lock();
        if heard.details.len() < Limits::NOTICES && !heard.details.contains(&line) {
            heard.details.push(line);
        }
    }

    /// The warnings so far, which are then forgotten.
    pub fn take(&self) -> Vec<Failure> {
        std::mem::take(&mut self.0.lock().warnings)
    }

    /// The details so far, which are then forgotten.
    pub fn take_details(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().details)
    }
}

/// The text of a warning. Of other codes and agents the specification says nothing, and they are not shown.
fn text(field: &str) -> Option<String> {
    let quoted = field.trim().strip_prefix("299 - \"")?;
    let mut text = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn warnings_are_kept_once_and_only_those_that_are_meant() {
        let (notices, url) = (RegistryWarnings::default(), Url::parse("https://r.example/v2/").unwrap());
        let copy = notices.clone();
        for field in
            ["299 - \"soon \\\"gone\\\" \u{1b}[2J\"", "299 - \"soon \\\"gone\\\" \u{1b}[2J\"", "110 - \"stale\""]
        {
            copy.record(&url, [field.as_bytes()].into_iter(), &[]);
        }
        for field in ["299 - \"\"", "299 - unquoted", "299 - \"open", "299 other \"x\"", ""] {
            copy.record(&url, [field.as_bytes()].into_iter(), &[]);
        }
        let heard: Vec<_> = notices.take().into_iter().map(|failure| failure.what).collect();
        assert_eq!(heard, ["r.example:443 says: soon \"gone\" \\u{1b}[2J"]);
        assert!(notices.take().is_empty());
        for n in 0..1000 {
            copy.record(&url, [format!("299 - \"{n}\"").as_bytes()].into_iter(), &[]);
        }
        assert_eq!(notices.take().len(), Limits::NOTICES);
    }
}
