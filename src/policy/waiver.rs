//! [`Waiver`]: one `[[policy.allow]]`, an exception from a rule with a reason and a last day.

use super::PathGlob;
use crate::report::{Origin, Rule};

/// An exception.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// The table.
    pub origin: Origin,
    /// Which rule is waived.
    pub rule: Rule,
    /// For which paths of the image or keys of its documents; `None` is all.
    pub path: Option<PathGlob>,
    /// For the finding of this fingerprint alone, as the reports of audits have it. What has none is not covered.
    pub fingerprint: Option<String>,
    /// Why; not empty.
    pub reason: String,
    /// The last day it holds: year, month, day.
    pub until: (u16, u8, u8),
}

/// The part of an image that breaks a rule, as the `path` of a waiver selects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaiverTarget<'a> {
    /// A path of the image, absolute.
    Path(&'a str),
    /// A path that leads through a linked folder, and the one that it leads to: a pattern over either is about it.
    Linked {
        /// As the image uses it.
        used: &'a str,
        /// As the layer has it.
        real: &'a str,
    },
    /// A key of its documents, such as `config.Env[LOG]`.
    Key(&'a str),
    /// The image as a whole, which no pattern selects.
    Image,
}

impl Waiver {
    /// Whether it is about what breaks `rule`, be it in force or not. Without a path it is about everything; one that names
    /// a fingerprint is about no target.
    pub fn covers(&self, rule: Rule, target: WaiverTarget<'_>) -> bool {
        // The rule first: it is sooner compared than a pattern.
        if self.rule != rule || self.fingerprint.is_some() {
            return false;
        }
        match (&self.path, target) {
            (None, _) => true,
            (Some(glob), WaiverTarget::Path(path)) => glob.matches(path),
            (Some(glob), WaiverTarget::Linked { used, real }) => glob.matches(used) || glob.matches(real),
            (Some(glob), WaiverTarget::Key(key)) => glob.matches_key(key),
            (Some(_), WaiverTarget::Image) => false,
        }
    }

    /// Whether it names the finding of `rule` by its fingerprint.
    pub fn names(&self, rule: Rule, fingerprint: &str) -> bool {
        self.rule == rule && self.fingerprint.as_deref() == Some(fingerprint)
    }

    /// Whether it holds on the day `today`; it does on its last one.
    pub fn holds(&self, today: (u16, u8, u8)) -> bool {
        today <= self.until
    }

    /// The last day it holds, `2027-06-30`.
    pub fn last_day(&self) -> String {
        let (year, month, day) = self.until;
        format!("{year:04}-{month:02}-{day:02}")
    }
}
