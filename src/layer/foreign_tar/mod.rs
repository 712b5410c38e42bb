//! The one reader of layers that others wrote: the audit, `inspect` and bases take entries from here, so that they see the same.
//!
//! It takes a tar as Go's reader does, because that is what engines unpack with. Where other readers take an entry otherwise,
//! the entry has a [`Flaw`].

mod entry;
mod extended;
mod header;
mod path_text;
mod tape;

pub(crate) use entry::{Entry, Flaw, Kind, Magic, name};
pub(crate) use tape::{Tape, Tell};
