//! The images that a base offers, and the choice of the one for a platform. [`super::PulledBase`] and `hardpan lock`
//! use it. Digests and sizes of all blobs are verified when they are read.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use oci_spec::image::{Arch, Os};

use super::name;
use crate::{
    build::host_bound::HostBound,
    cache::Cache,
    image::{
        BlobRef, BlobSource, ImageSet, LocalReference, QuotedDigest, Store, StoredImage, StoredLayer,
        content_error_name,
        document::{self, ImageDocument},
        image_sets,
        reachable::{self, DocumentBudget},
    },
    oci::{Digest, Platform},
    recipe::Located,
    registry::{Access, Reference, RepositorySources},
    report::{ErrorName, Failure, Limits, Progress, printable, shown},
};

/// An image, or an index of several. Of an index only the images that are asked for are read.
#[derive(Debug)]
pub(super) struct BaseImages {
    store: Store,
    cache: Option<Cache>,
    /// For messages.
    place: PathBuf,
    root: Option<BlobRef>,
    offers: Vec<Offer>,
}

/// One image of a base.
#[derive(Debug)]
struct Offer {
    /// `os/architecture[/variant]`. Foreign text.
    platform: String,
    image: Offered,
}

#[derive(Debug)]
enum Offered {
    /// Its manifest, which was not read yet.
    Manifest(BlobRef),
    Image(Box<StoredImage>),
}

impl BaseImages {
    /// The image or index that `reference` names in its registry. Blobs in the cache are not fetched; fetched ones are cached.
    ///
    /// # Errors
    /// Without a socket what is not in the cache; a registry that cannot be reached or has no such image; a document that
    /// is not what its digest says, or larger or deeper than [`Limits`] allows.
    pub(super) fn in_registry(reference: &Reference, access: &Access, cache: Option<&Cache>) -> Result<Self, Failure> {
        let place = PathBuf::from(reference.to_string());
        let in_place = |failure: Failure| failure.or_in_path(&place);
        // A blocked registry is refused whatever the cache has.
        let sources = RepositorySources::of(reference, access).map_err(in_place)?;
        let known = reference.digest().and_then(|digest| {
            let bytes = cache?.document(digest, Limits::MANIFEST_BYTES)?;
            let media_type = document::own_media_type(&bytes).ok()?;
            Some(BlobRef { media_type, digest, size: bytes.len() as u64 })
        });
        let (remote, root) = match known {
            Some(root) => ((!access.offline).then(|| sources.unopened()), root),
            None if access.offline => {
                let failure = Failure::error(
                    ErrorName::Offline,
                    "the base is not in the cache, and `--offline` forbids network access",
                );
                return Err(in_place(failure.hint("build once without `--offline`")));
            }
            None => {
                let (remote, root) = sources.open().map_err(in_place)?;
                (Some(remote), root)
            }
        };
        let cached = cache.cloned().map(|cache| Arc::new(cache) as Arc<dyn BlobSource>);
        let remote = remote.map(|remote| Arc::new(remote) as Arc<dyn BlobSource>);
        let store = Store::of_sources(cached.into_iter().chain(remote).collect(), &place);
        let offers = offers(&store, &root).map_err(in_place)?;
        Ok(Self { store, cache: cache.cloned(), place, root: Some(root), offers })
    }

    /// Opens a base on the disk, within the bound of the recipe's inputs.
    ///
    /// # Errors
    /// No image there, or several; another digest than the one behind the path.
    pub(super) fn on_disk(base: &Located<String>, bound: &HostBound) -> Result<Self, Failure> {
        let exists = |path: &str| bound.folder.join(path).exists();
        let (text, digest) = name::split_digest(&base.value, exists)?;
        let local = LocalReference::parse(text, exists)?;
        let real = bound.resolve(base, local.path)?;
        let (mut sets, _) = local.open(&real).map_err(|failure| failure.in_path(local.path))?;
        let set = match (sets.pop(), sets.is_empty()) {
            (Some(only), true) => only,
            (None, _) => {
                return Err(Failure::error(
                    ErrorName::ImageNotFound,
                    format!("`{}` contains no image", printable(text)),
                ));
            }
            (Some(_), false) => {
                let what = format!("`{}` contains {} images, and a base is one", printable(text), sets.len() + 1);
                return Err(Failure::error(ErrorName::Base, what).hint("name one of them, as in `oci:PATH:NAME`"));
            }
        };
        let found = Self::of_set(set, Path::new(local.path));
        match (digest, found.digest()) {
            (Some(wanted), Some(there)) if wanted != there => Err(Failure::error(
                ErrorName::Base,
                format!("`{}` has the digest `{there}`, not `{wanted}`", printable(local.path)),
            )),
            (Some(_), None) => Err(Failure::error(
                ErrorName::ImageUnsupported,
                "a docker archive has no manifest that a digest could name",
            )),
            _ => Ok(found),
        }
    }

    /// The images of an opened layout or archive.
    fn of_set(set: ImageSet, place: &Path) -> Self {
        let offer = |image: StoredImage| {
            let platform = match &image.platform {
                Some(own) => text(own.os(), own.architecture(), own.variant().as_deref()),
                None => config_platform(&image),
            };
            Offer { platform, image: Offered::Image(Box::new(image)) }
        };
        let offers = set.images.into_iter().map(offer).collect();
        Self { store: Store::default(), cache: None, place: place.to_owned(), root: set.root, offers }
    }

    /// The digest of the manifest or index; a docker archive has neither.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.root.as_ref().map(|root| root.digest)
    }

    /// The image for `platform`: of that architecture, and of its variant or one that it includes.
    ///
    /// # Errors
    /// There is none, it is for another platform than the index says, or it cannot be read.
    pub(super) fn image(&self, platform: &Platform) -> Result<StoredImage, Failure> {
        let best = self.offers.iter().filter_map(|offer| Some((rank(&offer.platform, platform)?, offer)));
        // The first of equals, as runtimes take it.
        let Some((_, offer)) = best.min_by_key(|(rank, _)| *rank) else {
            let has: BTreeSet<String> = self.offers.iter().map(|offer| shown(&offer.platform)).collect();
            let has = has.into_iter().take(16).collect::<Vec<_>>().join(", ");
            let failure = Failure::error(ErrorName::ImagePlatform, format!("the base has no image for {platform}"));
            return Err(if has.is_empty() { failure } else { failure.hint(format!("it has {has}")) });
        };
        let image = match &offer.image {
            Offered::Image(image) => (**image).clone(),
            Offered::Manifest(blob) => self.read(blob).map_err(|failure| failure.or_in_path(&self.place))?,
        };
        let own = config_platform(&image);
        let (os, rest) = own.split_once('/').unwrap_or_default();
        if (os, rest.split('/').next()) != (platform.os, Some(platform.architecture)) {
            return Err(Failure::error(
                ErrorName::ImageInvalid,
                format!("the base for {platform} is for {} by its config", shown(&own)),
            ));
        }
        Ok(image)
    }

    /// The manifest of the image for `platform`.
    ///
    /// # Errors
    /// As of [`Self::image`].
    pub(super) fn manifest(&self, platform: &Platform) -> Result<Digest, Failure> {
        let image = self.image(platform)?;
        image
            .descriptor
            .map(|blob| blob.digest)
            .ok_or_else(|| Failure::error(ErrorName::ImageUnsupported, "a docker archive has no manifest"))
    }

    /// Puts a layer into the cache, so that it is fetched once however often it is read.
    ///
    /// # Errors
    /// The layer cannot be read, or is not what its digest says.
    pub(super) fn fetch(&self, layer: &StoredLayer, progress: &dyn Progress) -> Result<(), Failure> {
        let (digest, size) = (layer.descriptor.digest, layer.descriptor.size);
        let Some(cache) = self.cache.as_ref().filter(|cache| cache.blob(digest, size).is_none()) else {
            return Ok(());
        };
        let fault = |error: io::Error| self.store.failure(&layer.descriptor, &error);
        let mut reader = layer.blob.open().map_err(fault)?;
        // A cache that cannot be written is no reason to fail.
        let Ok(mut draft) = cache.draft() else { return Ok(()) };
        let what = format!("fetch the layer {digest} of the base");
        let task = progress.task(&what, Some(size));
        let mut buffer = vec![0; 256 << 10];
        loop {
            let read = reader.read(&mut buffer).map_err(fault)?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            if io::Write::write_all(&mut draft, bytes).is_err() {
                return Ok(());
            }
            task.advance(read as u64);
        }
        drop(task);
        progress.step(&what);
        let _ = draft.seal(digest, size);
        Ok(())
    }

    /// An error of reading a layer, with the digest of the layer and the place of the base.
    pub(super) fn failure(&self, layer: &StoredLayer, error: &io::Error) -> Failure {
        let digest = layer.descriptor.digest;
        if error.kind() == io::ErrorKind::NotFound {
            return Failure::error(ErrorName::BlobMissing, format!("the layer `{digest}` of the base is missing"))
                .in_path(&self.place);
        }
        let doing = format!("read the layer `{digest}` of the base");
        Failure::io(&doing, &self.place, error).named(content_error_name(error))
    }

    fn read(&self, blob: &BlobRef) -> Result<StoredImage, Failure> {
        match reachable::read_document(&self.store, &mut DocumentBudget::new(), blob)? {
            ImageDocument::Manifest(manifest, document) => {
                image_sets::read_image(&self.store, blob, *manifest, document)
            }
            ImageDocument::Index(..) => {
                Err(Failure::error(ErrorName::ImageInvalid, format!("`{}` is an index", blob.digest)))
            }
        }
    }
}

/// The images that `root` reaches. Those whose platform the index does not give are read for it.
fn offers(store: &Store, root: &BlobRef) -> Result<Vec<Offer>, Failure> {
    let (mut offers, mut seen, mut budget) = (Vec::new(), BTreeSet::new(), DocumentBudget::new());
    let mut ahead = VecDeque::from([(root.clone(), 0)]);
    while let Some((blob, depth)) = ahead.pop_front() {
        reachable::check_depth(depth)?;
        if !seen.insert(blob.digest) {
            continue;
        }
        let index = match reachable::read_document(store, &mut budget, &blob)? {
            ImageDocument::Index(index, _) => index,
            ImageDocument::Manifest(..) if depth > 0 && offers.len() >= Limits::BASE_IMAGES => {
                let what = format!("the index names more than {} images without a platform", Limits::BASE_IMAGES);
                return Err(Failure::error(ErrorName::ImageTooLarge, what));
            }
            ImageDocument::Manifest(manifest, document) => {
                match image_sets::read_image(store, &blob, *manifest, document) {
                    Ok(image) => {
                        offers
                            .push(Offer { platform: config_platform(&image), image: Offered::Image(Box::new(image)) });
                    }
                    Err(failure) if depth == 0 => return Err(failure),
                    // Signatures and other artifacts may be in an index, too.
                    Err(_) => {}
                }
                continue;
            }
        };
        for descriptor in index.manifests() {
            let below = BlobRef::of(descriptor, QuotedDigest(blob.digest))?;
            if image_sets::reason_to_skip(&below.media_type, descriptor.platform().as_ref())?.is_some() {
                continue;
            }
            match descriptor.platform() {
                Some(own) if document::DocumentKind::of(&below.media_type) == document::DocumentKind::Manifest => {
                    let platform = text(own.os(), own.architecture(), own.variant().as_deref());
                    offers.push(Offer { platform, image: Offered::Manifest(below) });
                }
                _ => ahead.push_back((below, depth + 1)),
            }
        }
    }
    Ok(offers)
}

/// How well an image for the platform `own` runs on `wanted`: 0 is best, `None` not at all.
fn rank(own: &str, wanted: &Platform) -> Option<usize> {
    let own = Platform::parse(own).ok()?;
    if (own.os, own.architecture) != (wanted.os, wanted.architecture) {
        return None;
    }
    // Each runs what is before it.
    let levels: &[Option<&str>] = match wanted.architecture {
        "amd64" => &[None, Some("v2"), Some("v3"), Some("v4")],
        "arm" => &[Some("v6"), Some("v7")],
        _ => &[None],
    };
    let level = |variant| levels.iter().position(|known| *known == variant);
    level(wanted.variant)?.checked_sub(level(own.variant)?)
}

fn config_platform(image: &StoredImage) -> String {
    let config = &image.config;
    text(config.os(), config.architecture(), config.variant().as_deref())
}

fn text(os: &Os, architecture: &Arch, variant: Option<&str>) -> String {
    let base = format!("{os}/{architecture}");
    variant.filter(|variant| !variant.is_empty()).map_or(base.clone(), |variant| format!("{base}/{variant}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_image_runs_where_its_variant_is_included() {
        let ranks = |own: &str, wanted: &str| rank(own, &Platform::parse(wanted).unwrap());
        assert_eq!(ranks("linux/amd64", "linux/amd64"), Some(0));
        assert_eq!(ranks("linux/amd64", "linux/amd64/v3"), Some(2));
        assert_eq!(ranks("linux/amd64/v3", "linux/amd64/v2"), None);
        assert_eq!(ranks("linux/arm64/v8", "linux/arm64"), Some(0));
        assert_eq!(ranks("linux/arm/v6", "linux/arm/v7"), Some(1));
        assert_eq!(ranks("linux/arm/v7", "linux/arm/v6"), None);
        assert_eq!(ranks("windows/amd64", "linux/amd64"), None);
        assert_eq!(ranks("linux/nonsense", "linux/amd64"), None);
    }
}
