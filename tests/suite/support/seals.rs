//! Seals of the cache as hardpan makes them, written again from its description: keyed BLAKE3 of parts, each with its length
//! before it. A forger has another key, or none.

/// The key of somebody else.
pub const FORGER: [u8; 32] = [0x66; 32];

/// The seal by a key.
pub fn seal(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    of(blake3::Hasher::new_keyed(key), parts)
}

/// What anybody can compute.
pub fn unkeyed_seal(parts: &[&[u8]]) -> [u8; 32] {
    of(blake3::Hasher::new(), parts)
}

fn of(mut hasher: blake3::Hasher, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}
