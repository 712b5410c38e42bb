//! The practices of the catalogue, looked for in any image.
//!
//! Each layer is read once, as a stream, and never extracted. What the layers hold is kept as facts, bounded by
//! [`Limits`](crate::report::Limits); the rules then read the facts. A rule that could not look says so, and an audit with
//! such a rule is never clean.

mod accounts;
mod engine;
mod facts;
mod finding;
mod gzip_header;
mod notes;
mod place;
mod policy;
mod readings;
mod redact;
mod rules;
#[cfg(test)]
mod sample;
mod view;
mod watch;

pub use crate::rootfs::Presence;
pub use engine::{Judged, Judgement, Request, audit, judge_seen};
pub use facts::{Audit, ImageAudit, LayerFacts, Override, PolicySummary, SizedPath};
pub use finding::{Finding, NotApplicable, Unknown, Waived};
pub use place::{LayerRef, Place};
pub use watch::{LayerWatch, Seen, SharedScans};
