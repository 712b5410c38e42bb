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
    /// A key of its documents, such as `config.Env[LOG]`.
    Key(&'a str),
    /// The image as a whole, which no pattern selects.
    Image,
}

impl Waiver {
    /// Whether it is about what breaks `rule`, be it in force or not. Without a path it is about everything.
    pub fn covers(&self, rule: Rule, target: WaiverTarget<'_>) -> bool {
        let selects = match (&self.path, target) {
            (None, _) => true,
            (Some(glob), WaiverTarget::Path(path)) => glob.matches(path),
            (Some(glob), WaiverTarget::Key(key)) => glob.matches_key(key),
            (Some(_), WaiverTarget::Image) => false,
        };
        selects && self.rule == rule
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
