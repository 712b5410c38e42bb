//! The only reader of tars from outside: layers for the audit, `inspect` and bases, and the members of archives.
//!
//! It takes a tar as Go's reader does, because that is what engines unpack with. Where other readers take an entry otherwise,
//! the entry has a [`Flaw`].

mod entry;
mod extended;
mod header;
mod path_text;
mod tape;

pub(crate) use entry::{Flaw, Magic, TarEntry, TarEntryKind, name};
pub(crate) use path_text::path_text;
pub(crate) use tape::{Tape, TapeItem};
