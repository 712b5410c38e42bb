//! The audit: checks an image against the rules of the catalogue. `commands` runs it on images and on what a build made.
//!
//! Each layer is read once, as a stream, and never extracted. What the layers hold is kept as facts, bounded by
//! [`Limits`](crate::report::Limits); the rules then read the facts. A rule that could not look says so, and an audit with
//! such a rule is never clean.

mod accounts;
mod document_scan;
mod engine;
mod facts;
mod finding;
mod finding_place;
mod fingerprint;
mod flood;
mod gzip_header;
mod image_programs;
mod image_view;
mod layer_watch;
mod path_masks;
mod place_list;
mod policy;
mod readings;
mod redact;
mod rule_file;
mod rule_notes;
mod rules;
#[cfg(test)]
mod sample_image;
mod setting_file;
mod used_paths;

pub use crate::rootfs::Presence;
pub use engine::{AuditQuery, Judged, Judgement, audit, judge_seen};
pub use facts::{Audit, ImageAudit, LayerFacts, PolicySummary, SeverityOverride, SizedPath};
pub use finding::{Accepted, Finding, NotApplicable, Unknown, Unread, Waived};
pub use finding_place::{FindingPlace, LayerRef};
pub use layer_watch::{LayerWatch, SeenLayers, SharedScans};
