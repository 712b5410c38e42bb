//! A door for the tests of the encoder: raw deflate without threads around it. Nothing else uses it.

use super::deflate::Deflater;

/// Compresses blocks of up to a MiB, one after the other, each for itself; the flag says that it is the last one of its
/// stream.
pub fn deflater() -> impl FnMut(&[u8], bool) -> Vec<u8> {
    let mut deflater = Deflater::new();
    move |block, last| deflater.deflate(block.to_vec(), last)
}
