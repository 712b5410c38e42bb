//! Any bytes are unpacked as each kind of layer: what comes out is the same twice, bounded, and of the diff_id that is told.

use std::{
    io::{self, Read as _},
    sync::Arc,
};

use flate2::read::MultiGzDecoder;
use hardpan::{
    image::{BlobRef, StoredLayer, most_unpacked},
    oci::{DiffId, Digest},
};

/// Bytes of a layer that are read here.
const MOST: u64 = 4 << 20;

pub fn run(bytes: &[u8]) {
    for packing in ["tar+zstd", "tar+gzip", "tar"] {
        let read = |diff_id: Digest| -> (Vec<u8>, io::Result<u64>) {
            let media_type = format!("application/vnd.oci.image.layer.v1.{packing}");
            let descriptor = BlobRef { media_type, digest: Digest::of(bytes), size: bytes.len() as u64 };
            let layer = StoredLayer { descriptor, diff_id: DiffId::new(diff_id), blob: Arc::new(bytes.to_vec()) };
            let mut unpacked = Vec::new();
            let ended = layer.open_tar().and_then(|tar| io::copy(&mut tar.take(MOST), &mut unpacked));
            (unpacked, ended)
        };
        // No bytes have this digest.
        let (unpacked, ended) = read(Digest::from_bytes([0; 32]));
        assert!(unpacked.len() as u64 <= most_unpacked(bytes.len() as u64));
        let Err(error) = ended else {
            assert!(unpacked.len() as u64 == MOST, "a layer that is not what its config says");
            continue;
        };
        let said = error.to_string();
        assert!(!said.is_empty() && !said.chars().any(char::is_control), "{said:?}");
        let found = Digest::of(&unpacked);
        let is_whole = said.contains(&format!("the unpacked bytes are `{found}`"));
        let (again, ended) = read(found);
        assert!(again == unpacked);
        assert_eq!(ended.is_ok(), is_whole, "{said}");
        if is_whole && packing == "tar+gzip" {
            let mut by_other = Vec::new();
            MultiGzDecoder::new(bytes).read_to_end(&mut by_other).unwrap();
            assert!(by_other == unpacked);
        }
    }
}
