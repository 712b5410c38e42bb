//! Entries become a layer: a canonical tar, compressed, and named by its bytes.
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
mod onlooker;
mod tar;
mod write;
mod zstd;

pub use entry::{Entry, EntryKind};
pub use onlooker::{Nobody, Onlooker};
pub use tar::{TarError, size as unpacked_size, write as write_tar};
pub use write::{Compression, Written, write};
use zstd::ZstdWriter;
