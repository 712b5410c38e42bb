//! The one reader of tars that others wrote: the audit, `inspect` and bases take the entries of layers from here, and archives
//! their members, so that all see the same.
//!
//! It takes a tar as Go's reader does, because that is what engines unpack with. Where other readers take an entry otherwise,
//! the entry has a [`Flaw`].

mod entry;
mod extended;
mod header;
mod path_text;
mod tape;

pub(crate) use entry::{Entry, Flaw, Kind, Magic, name};
pub(crate) use path_text::path_text;
pub(crate) use tape::{Tape, Tell};
