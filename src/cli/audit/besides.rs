//! [`Besides`]: what a report says besides its audits.

use crate::{
    commands::audit::{AuditReport, BaselineReport},
    policy::DatedWaiver,
};

/// What belongs to the whole call, and what is left out of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Besides<'a> {
    /// Exceptions that end soon.
    pub(super) ending: &'a [DatedWaiver],
    /// What a baseline did.
    pub(super) baseline: Option<&'a BaselineReport>,
    /// Whether SARIF has results of findings that are waived or in the baseline, too, marked as suppressed.
    pub(super) keeps_suppressed: bool,
}

impl<'a> Besides<'a> {
    /// Those of a report.
    pub(super) fn of(report: &'a AuditReport, keeps_suppressed: bool) -> Self {
        Self { ending: &report.ending, baseline: report.baseline.as_ref(), keeps_suppressed }
    }
}

#[cfg(test)]
impl<'a> From<&'a [DatedWaiver]> for Besides<'a> {
    fn from(ending: &'a [DatedWaiver]) -> Self {
        Self { ending, ..Self::default() }
    }
}
