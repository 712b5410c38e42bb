//! Finds fields in a layer's gzip header that depend on when and where it was made.

use std::io::Read as _;

use crate::image::{Packing, StoredLayer};

/// The fields of the gzip header that depend on when and where the layer was made, as a list for a message.
pub(super) fn gzip_header(stored: &StoredLayer) -> Option<String> {
    if Packing::of(&stored.descriptor.media_type) != Packing::Gzip {
        return None;
    }
    let mut head = [0; 10];
    stored.blob.open().ok()?.read_exact(&mut head).ok()?;
    let [0x1f, 0x8b, 8, flags, time @ .., _, system] = head else { return None };
    let time = u32::from_le_bytes(time.get(..4)?.try_into().ok()?);
    let mut parts = Vec::new();
    if time != 0 {
        parts.push(format!("the time {time}"));
    }
    for (bit, what) in [(8, "a file name"), (16, "a comment"), (4, "an extra field")] {
        if flags & bit != 0 {
            parts.push(what.to_owned());
        }
    }
    // 3 is Unix and 255 unknown, which is what compressors write everywhere.
    if !matches!(system, 3 | 255) {
        parts.push(format!("the system {system}"));
    }
    (!parts.is_empty()).then(|| parts.join(" and "))
}
