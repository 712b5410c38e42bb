//! Writes the streams whose digest `tests/decoders` holds. It needs no C compiler and no libraries, so that it can be
//! built in seconds for a processor on which the tests themselves do not run:
//!
//! ```console
//! $ rustup target add aarch64-unknown-linux-musl
//! $ export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
//! $ cargo build --release --package hardpan-deflate --example streams --target aarch64-unknown-linux-musl
//! $ qemu-aarch64-static target/aarch64-unknown-linux-musl/release/examples/streams | sha256sum
//! ```
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::cast_possible_truncation, reason = "bytes are cut out of numbers")]

#[path = "../tests/decoders/corpus.rs"]
mod corpus;

use std::{
    io::{self, Write as _},
    num::NonZeroUsize,
};

use hardpan_deflate::{Deflater, GzipWriter};

fn main() -> io::Result<()> {
    let mut deflater = Deflater::new();
    let mut out = io::stdout().lock();
    for bytes in (0..2_000).map(corpus::small) {
        out.write_all(&deflater.deflate(bytes.clone(), true))?;
        out.write_all(&deflater.deflate(bytes, false))?;
    }
    for bytes in corpus::borders() {
        let mut writer = GzipWriter::new(Vec::new(), NonZeroUsize::MIN);
        writer.write_all(&bytes)?;
        writer.finish()?;
        out.write_all(&writer.into_inner())?;
    }
    Ok(())
}
