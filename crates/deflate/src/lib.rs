#![doc = include_str!("../README.md")]
//!
//! # Where to read
//!
//! * `deflate`: one block of input as raw DEFLATE. Its page explains the algorithm and who invented which part of it.
//! * `gzip`: one gzip member from blocks that several threads compress.
//! * `zlib`: a zlib stream around the same blocks.

mod deflate;
mod gzip;
#[cfg(test)]
mod test_data;
mod zlib;

pub use deflate::Deflater;
pub use gzip::GzipWriter;
pub use zlib::zlib;

/// The number of input bytes that are compressed as one block, without looking at the bytes before it.
///
/// The borders of blocks are in the output, so this number cannot change without changing the output.
pub const BLOCK_BYTES: usize = 1 << 20;
