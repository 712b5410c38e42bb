//! Pulls the base of a recipe for one platform: finds it by its pinned digest, verifies each layer, and gives its file
//! system and config to the resolver.

use std::{collections::BTreeMap, sync::Arc};

use super::{BaseName, base_images::BaseImages, config::BaseConfig};
use crate::{
    build::{
        host_bound::HostBound,
        plan::{BaseLayer, PlannedBase},
        planned_rootfs::PlannedRootfs,
        settings::BuildSettings,
        waivers,
    },
    image::Packing,
    layer::WrittenLayer,
    oci::{Descriptor, Digest, Platform, media_type},
    recipe::{Located, LockFile, Pin, PolicySettings, Recipe},
    registry::Reference,
    report::{ErrorName, Failure, Limits, Progress, Rule, printable},
    rootfs::{LayerScan, ScanBudget, ScanDepth},
};

/// A base that is found and pinned; its images are read when they are asked for.
#[derive(Debug)]
pub(in crate::build) struct FoundBase {
    written: Located<String>,
    /// Where it is, by its digest; none on a disk.
    reference: Option<Reference>,
    images: BaseImages,
}

/// The base for one platform.
#[derive(Debug)]
pub(in crate::build) struct PulledBase {
    pub(in crate::build) plan: PlannedBase,
    pub(in crate::build) config: BaseConfig,
    /// Its file system.
    pub(in crate::build) rootfs: PlannedRootfs,
}

impl FoundBase {
    /// Opens the base of `recipe`, once it is allowed and pinned.
    ///
    /// # Errors
    /// At the line of `base`: a registry that the policy does not name; a tag that nothing pins; what [`super::look_up`]
    /// says.
    pub(in crate::build) fn find(
        written: &Located<String>,
        recipe: &Recipe,
        lock: Option<&LockFile>,
        bound: &HostBound,
        settings: &BuildSettings,
    ) -> Result<Self, Failure> {
        let at = |failure: Failure| failure.at(&written.origin);
        let Some(reference) = pinned_reference(written, &recipe.policy, lock, settings)? else {
            let images = BaseImages::on_disk(written, bound).map_err(at)?;
            return Ok(Self { written: written.clone(), reference: None, images });
        };
        let images = BaseImages::in_registry(&reference, &settings.access, settings.blobs.as_ref()).map_err(at)?;
        Ok(Self { written: written.clone(), reference: Some(reference), images })
    }

    /// Reads the image for `platform`: every layer once, its bytes checked against digest, size and `diff_id`.
    ///
    /// # Errors
    /// At the line of `base`: no such image, one that cannot be read, or one with non-distributable layers. At the
    /// lock's line of the platform: it is another image than the lock says.
    pub(in crate::build) fn pull(
        &self,
        platform: &Platform,
        lock: Option<&LockFile>,
        settings: &BuildSettings,
        progress: &dyn Progress,
    ) -> Result<PulledBase, Failure> {
        let at = |failure: Failure| failure.at(&self.written.origin);
        let image = self.images.image(platform).map_err(at)?;
        let manifest = image.descriptor.as_ref().map(|blob| blob.digest);
        lock.map_or(Ok(()), |lock| self.check_locked(platform, manifest, lock))?;
        if let Some((_, what)) = image.ambiguities().into_iter().next() {
            let failure = Failure::error(
                ErrorName::ImageInvalid,
                format!("the base is ambiguous, readers take different images from it: {}", printable(&what)),
            );
            return Err(at(failure.hint("push or export the base again with a current tool")));
        }
        if image.layers.len() > Limits::LAYERS {
            return Err(at(Failure::error(
                ErrorName::ImageTooLarge,
                format!("the base has more than {} layers", Limits::LAYERS),
            )));
        }
        let (mut scans, mut room) = (Vec::new(), ScanBudget::default());
        let mut layers = Vec::new();
        for stored in &image.layers {
            let media_type = oci_layer_type(&stored.descriptor.media_type).map_err(at)?;
            self.images.fetch(stored, progress).map_err(at)?;
            let scan = LayerScan::unpacked(stored.open_tar(), ScanDepth::Structure, &mut room);
            let unpacked_size = scan.unpacked_size;
            scans.push(Arc::new(scan));
            let (digest, size) = (stored.descriptor.digest, stored.descriptor.size);
            let blob = Descriptor { media_type, digest, size, platform: None, annotations: BTreeMap::default() };
            let written = WrittenLayer { diff_id: stored.diff_id, blob, unpacked_size };
            layers.push(BaseLayer { written, blob: Arc::clone(&stored.blob) });
        }
        let rootfs = PlannedRootfs::from_base(&scans, &self.written.origin).map_err(|(layer, error)| {
            at(match image.layers.get(layer) {
                Some(stored) => self.images.failure(stored, &error),
                None => Failure::error(ErrorName::ImageInvalid, error.to_string()),
            })
        })?;
        let config = BaseConfig::from_image_config(&image.config, layers.len(), &settings.source_date.to_string());
        let plan = PlannedBase {
            origin: self.written.origin.clone(),
            text: self.written.value.clone(),
            reference: self.reference.clone(),
            digest: self.digest(),
            manifest,
            layers,
            history: config.history.clone(),
        };
        Ok(PulledBase { plan, config, rootfs })
    }

    /// Refuses an image for `platform` that is not the one of the lock, where the lock pins this base.
    fn check_locked(&self, platform: &Platform, found: Option<Digest>, lock: &LockFile) -> Result<(), Failure> {
        let pinned = lock.lock.bases.get(&self.written.value).filter(|locked| Some(locked.digest) == self.digest());
        let image = pinned.and_then(|locked| locked.platforms.iter().find(|(known, _)| known == platform));
        let (Some((_, locked)), Some(found)) = (image, found) else { return Ok(()) };
        if *locked == found {
            return Ok(());
        }
        let pin = Pin::Base(self.written.value.clone());
        let what = format!("{pin} has `{found}` for {platform}, not `{locked}`");
        let failure = Failure::answer(what).at(&lock.place(&pin, &platform.to_string()));
        Err(failure.hint(format!("`hardpan lock --update {}` pins it anew", printable(pin.printable_name()))))
    }

    /// The digest of the index or manifest that the base names; a docker archive has neither.
    fn digest(&self) -> Option<Digest> {
        self.images.digest()
    }
}

/// The reference of an allowed base with the digest that pins it; none of one on the disk.
///
/// # Errors
/// At the line of `base`: a registry that the policy does not name; a tag that nothing pins; no name of a base.
pub(super) fn pinned_reference(
    written: &Located<String>,
    policy: &PolicySettings,
    lock: Option<&LockFile>,
    settings: &BuildSettings,
) -> Result<Option<Reference>, Failure> {
    let at = |failure: Failure| failure.at(&written.origin);
    let name = BaseName::parse(&written.value).map_err(at)?;
    check_registries(policy, &name, settings).map_err(at)?;
    let BaseName::Registry(reference) = name else { return Ok(None) };
    let locked = || Some(lock?.lock.bases.get(&written.value)?.digest);
    let Some(digest) = reference.digest().or_else(locked) else {
        let what = format!("the base `{}` is not pinned", printable(&written.value));
        let hint = "`hardpan lock` pins it, or write `@sha256:...` behind it";
        return Err(at(Failure::refused(Rule::UnpinnedBase, what).hint(hint)));
    };
    Ok(Some(reference.pinned(digest)))
}

/// `policy.registries`, of the recipe and of the policy file: both must name the base's. One on the disk is in none of them.
pub(super) fn check_registries(
    policy: &PolicySettings,
    name: &BaseName,
    settings: &BuildSettings,
) -> Result<(), Failure> {
    for registries in [&policy.registries, &policy.registries_above] {
        let allowed = match name {
            _ if registries.is_empty() => true,
            BaseName::Registry(reference) => registries.iter().any(|one| reference.is_below(&one.value)),
            BaseName::Disk { .. } => false,
        };
        if !allowed {
            let list: Vec<_> = registries.iter().take(8).map(|one| format!("`{}`", printable(&one.value))).collect();
            let what = match name {
                BaseName::Registry(reference) => format!("the base `{}` is from none of", reference.name()),
                BaseName::Disk { .. } => "a base on the disk is from none of".to_owned(),
            };
            let failure = Failure::refused(Rule::BaseNotAllowed, format!("{what} the policy's registries"));
            let failure = failure.hint(format!("the policy allows {}", list.join(", ")));
            waivers::unless_excepted(policy, settings.today, None, failure)?;
        }
    }
    Ok(())
}

/// OCI's name of a layer's media type; the bytes stay what they are.
fn oci_layer_type(media_type: &str) -> Result<&'static str, Failure> {
    if media_type.contains("nondistributable") || media_type.contains("foreign") {
        let what = format!("the base has a non-distributable (foreign) layer, `{}`", printable(media_type));
        return Err(Failure::error(ErrorName::ImageUnsupported, what)
            .hint("registries do not store such layers; build on another base"));
    }
    match Packing::of(media_type) {
        Packing::Plain => Ok(media_type::LAYER),
        Packing::Gzip => Ok(media_type::LAYER_GZIP),
        Packing::Zstd => Ok(media_type::LAYER_ZSTD),
        Packing::Unknown => Err(Failure::error(
            ErrorName::ImageUnsupported,
            format!("the base has a layer of the unknown media type `{}`", printable(media_type)),
        )),
    }
}
