//! POL001 and POL002: waivers that have ended or cover nothing.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const EXPIRED_WAIVER: RuleFacts = RuleFacts {
    code: "POL001",
    name: "expired-waiver",
    title: "a waiver has expired",
    severity: Severity::Low,
    rationale: "What it excepted is reported again, or is gone; decide anew whether the exception is needed.",
    remediation: "Renew the waiver with a new date, or remove it.",
    sources: &[],
};

pub(in crate::report) const UNUSED_WAIVER: RuleFacts = RuleFacts {
    code: "POL002",
    name: "unused-waiver",
    title: "a waiver excepts nothing",
    severity: Severity::Low,
    rationale: "An exception that covers nothing will one day hide something new.",
    remediation: "Remove the waiver.",
    sources: &[],
};
