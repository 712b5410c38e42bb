//! Writes layers: entries become a canonical tar, compressed, with its digest and diff_id. `build` uses it.
//!
//! Everything here is part of `format = 1`: the same entries give the same bytes on every machine, whatever the
//! number of threads or the size of reads. Memory does not depend on the size of the entries.
//!
//! ```text
//!                    the calling thread                          `jobs` workers
//! entries ─tar─▶ bytes ─┬─ SHA-256 ─▶ diff_id, unpacked size
//!                       └─ blocks of 1 MiB ───────────────────▶ raw deflate, CRC-32
//!                              draft ◀── in order, one member ◀──────┘
//! ```
//!
//! That is gzip, whose encoder is the crate `hardpan-deflate`; zstd has threads of its own, and a layer that is not
//! compressed goes to the draft as it is.

mod entry;
pub(crate) mod foreign_tar;
mod layer_observer;
mod tar;
mod write;
mod zstd;

pub use entry::{EntryKind, LayerEntry};
pub use layer_observer::{LayerObserver, NoObserver, WrittenLayer};
pub use tar::{TarError, size as unpacked_size, write as write_tar};
pub use write::{Compression, write};
use zstd::ZstdWriter;
