//! An opened layout, archive or repository: its image sets, and the store that reads their blobs.
//!
//! `commands` and `build` get images only through [`OpenedImages`]; all documents in it are verified, layers are
//! verified when they are read.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use crate::{
    image::{
        BlobRef, ImageFormat, ImageSet, Packing, VerifiedBlobs, content_error_name, drain, reachable, store::Store,
    },
    oci::Open,
    report::Failure,
};

/// A layout, an archive or a repository whose documents were read and verified; layers are verified when they are read.
#[derive(Debug)]
pub struct OpenedImages {
    pub(crate) form: Option<ImageFormat>,
    pub(crate) path: PathBuf,
    pub(crate) store: Store,
    pub(crate) sets: Vec<ImageSet>,
}

impl OpenedImages {
    /// Its format; none for a registry.
    pub fn form(&self) -> Option<ImageFormat> {
        self.form
    }

    /// The image sets, one for each name in the place, in its order.
    pub fn sets(&self) -> &[ImageSet] {
        &self.sets
    }

    /// Reads every blob the place reaches and unpacks every layer: sizes, digests and diff_ids.
    ///
    /// # Errors
    /// The first mismatch.
    pub fn verify(&self) -> Result<(), Failure> {
        let mut unpacked = BTreeSet::new();
        for set in &self.sets {
            if let Some(root) = &set.root {
                reachable::verify_reachable(&self.store, root).map_err(|failure| failure.or_in_path(&self.path))?;
            }
            for layer in set.images.iter().flat_map(|image| &image.layers) {
                // Layers are shared between platforms; the packing is part of what is checked.
                let packing = Packing::of(&layer.descriptor.media_type) as u8;
                if !unpacked.insert((layer.descriptor.digest, layer.diff_id, packing)) {
                    continue;
                }
                layer.open_tar().and_then(|mut tar| drain(&mut tar)).map_err(|error| {
                    let doing = format!("unpack the layer `{}`", layer.descriptor.digest);
                    Failure::io(&doing, &self.path, &error).named(content_error_name(&error))
                })?;
            }
        }
        Ok(())
    }
}

impl VerifiedBlobs for OpenedImages {
    fn blob(&self, blob: &BlobRef) -> Result<Arc<dyn Open>, Failure> {
        Ok(Arc::new(self.store.blob(blob)))
    }
}
