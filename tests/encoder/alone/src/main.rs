//! The encoder alone, from hardpan's own sources: writes what `tests/encoder` holds by its golden digest. It needs no C
//! compiler and no libraries, so it is built for other processors in seconds:
//!
//! ```console
//! $ rustup target add aarch64-unknown-linux-musl
//! $ export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
//! $ cd tests/encoder/alone && cargo build --release --target aarch64-unknown-linux-musl
//! $ qemu-aarch64-static target/aarch64-unknown-linux-musl/release/hardpan-encoder | sha256sum
//! ```
#![allow(dead_code)]

#[path = "../../corpus.rs"]
mod corpus;
#[path = "../../../../src/layer/gzip/mod.rs"]
mod gzip;
#[path = "../../../../src/report/limits.rs"]
mod limits;

/// What the encoder imports.
mod report {
    pub(crate) use crate::limits::Limits;
}

use std::{
    io::{self, Write as _},
    num::NonZeroUsize,
};

fn main() -> io::Result<()> {
    let mut deflate = gzip::fuzzing::deflater();
    let mut out = io::stdout().lock();
    for bytes in (0..2_000).map(corpus::small) {
        out.write_all(&deflate(&bytes, true))?;
        out.write_all(&deflate(&bytes, false))?;
    }
    for bytes in corpus::borders() {
        let mut writer = gzip::GzipWriter::new(Vec::new(), NonZeroUsize::MIN);
        writer.write_all(&bytes)?;
        writer.finish()?;
        out.write_all(&writer.into_inner())?;
    }
    Ok(())
}
