//! [`Sha256`]: the only SHA-256 implementation in use, ring's, which the registries' TLS needs anyway.
//!
//! Measured with `cargo bench --bench layer`: where the processor has instructions for it (SHA-NI, ARMv8) ring and `sha2`
//! take the same time, and everywhere else ring takes two thirds of it (190 MB/s against 110 to 130). A digest is no risk
//! to the frozen format: there is one right answer, and a test asks `sha2` for it.

use std::{fmt, io};

use ring::digest::{Context, SHA256};

use super::Digest;

/// A digest that is being made of bytes as they come.
#[derive(Clone)]
pub struct Sha256(Context);

impl Sha256 {
    /// The hash of no bytes yet.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Takes the next bytes, in pieces of any size.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that came.
    pub fn finish(self) -> Digest {
        let mut bytes = [0; 32];
        // The same length by the definition of the algorithm.
        for (to, from) in bytes.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        Digest::from_bytes(bytes)
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256(..)")
    }
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The digest of everything that `reader` gives, in bounded memory.
    pub fn of_reader(reader: &mut dyn io::Read) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::Digest as _;

    use super::*;

    proptest! {
        /// Two who never saw each other's code say the same, wherever the bytes are cut.
        #[test]
        fn it_is_what_another_implementation_says(
            bytes in prop::collection::vec(any::<u8>(), 0..20_000),
            cuts in prop::collection::vec(0_usize..300, 0..40),
        ) {
            let mut hasher = Sha256::new();
            let mut rest = bytes.as_slice();
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                hasher.update(now);
                rest = later;
                let so_far = bytes.len() - rest.len();
                let expected: [u8; 32] = sha2::Sha256::digest(bytes.get(..so_far).unwrap_or_default()).into();
                prop_assert_eq!(hasher.clone().finish(), Digest::from_bytes(expected));
            }
            hasher.update(rest);
            let expected: [u8; 32] = sha2::Sha256::digest(&bytes).into();
            prop_assert_eq!(hasher.finish(), Digest::from_bytes(expected));
        }
    }
}
