//! The formats of an audit report: text, JSON, SARIF, GitHub annotations, HTML. `hardpan audit` prints one of them and
//! writes others to files.
//!
//! Text from an image passes through [`printable`](crate::report::printable) or is escaped by the rules of the format,
//! so that no file name can forge a line, a pipeline command or a tag.

mod arguments;
mod baseline;
mod besides;
mod columns;
mod fleet_table;
mod github;
mod groups;
mod html;
mod json;
mod phrases;
mod report_form;
mod report_options;
mod sarif;
mod text;
mod waivers;

#[cfg(test)]
mod hostile_audit;
#[cfg(test)]
mod sample_audit;

pub(super) use arguments::{AuditArguments, run};
pub(super) use json::{schema, written};
pub(super) use text::TextStyle;
