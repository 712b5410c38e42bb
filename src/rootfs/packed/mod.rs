//! Packed files: what is inside of archives and compressed files of a layer is searched for secrets as files are.
//!
//! A file is recognised by its first bytes, never by its name; a zip also where other bytes stand in front of it.
//! [`FileUnpacker`] reads it as a stream, on the way to the rest of the scan: gzip, zstd, xz, lzma, bzip2, zip, tar, ar and
//! cpio, one inside of the other down to [`PACKED_DEPTH`](crate::report::Limits::PACKED_DEPTH). What it cannot read is an
//! [`UnreadPart`], never clean.
//!
//! # Bounds
//!
//! Memory: the window of each decoder that is open, a buffer for each, and the list of a zip's members. Time: bytes and
//! members by [`PackedBudget`]. A zip is read from its first byte to its last, so that members which overlap cost nothing.

mod ar;
mod budget;
mod cpio;
mod findings;
mod format;
pub mod fuzzing;
mod lookahead;
mod member;
mod observed;
#[cfg(test)]
mod tests;
mod unpacker;
mod zip;

pub(crate) use budget::PackedBudget;
pub(crate) use findings::{PackedFindings, UnreadPart};
pub(super) use unpacker::FileUnpacker;
