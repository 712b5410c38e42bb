//! Which image of a set an engine of this machine gets, and in which archive.

use super::loaded_image::Engine;
use crate::{
    image::{BlobRef, ImageFormat, ImageSet, Packing, StoredImage, archive::ArchiveContents},
    oci::Platform,
    report::{ErrorName, Failure, shown},
};

/// What an engine gets. `name` is the whole name, with its tag.
pub(super) fn archive_contents<'a>(
    root: Option<&'a BlobRef>,
    images: Vec<&'a StoredImage>,
    name: &str,
) -> Result<ArchiveContents<'a>, Failure> {
    let root = root.ok_or_else(|| Failure::error(ErrorName::Internal, "the image has no manifest"))?;
    let (reference, name) = (name.to_owned(), Some(name.to_owned()));
    Ok(ArchiveContents { form: ImageFormat::OciArchive, root, images, reference, image_name: name.clone(), tag: name })
}

/// The failure of a load without a name.
pub(super) fn no_name_failure() -> Failure {
    Failure::error(ErrorName::Internal, "the image has no name in the engine")
}

/// The image that an engine for one platform gets, and its platform when there was a choice.
///
/// A single image is loaded whatever its platform is: the user chose it.
pub(super) fn choose_for_host<'a>(
    set: &'a ImageSet,
    engine: Engine,
    host: Option<&Platform>,
) -> Result<(&'a StoredImage, Option<String>), Failure> {
    if let [only] = set.images.as_slice()
        && only.descriptor == set.root
    {
        return Ok((only, None));
    }
    let fits = |image: &&StoredImage| host.is_some_and(|host| platform(image).0 == host.architecture);
    // Of several variants the least demanding one: the variant of this processor is not known.
    let found = set.images.iter().filter(fits).min_by_key(|image| platform(image).1);
    found.map(|image| (image, Some(platform_text(image)))).ok_or_else(|| no_image_failure(set, engine, host))
}

/// Refuses an index that has nothing for this machine, for an engine that would take all of it.
pub(super) fn check_host(set: &ImageSet, engine: Engine, host: Option<&Platform>) -> Result<(), Failure> {
    choose_for_host(set, engine, host).map(|_| ())
}

fn no_image_failure(set: &ImageSet, engine: Engine, host: Option<&Platform>) -> Failure {
    let host = host.map_or_else(|| std::env::consts::ARCH.to_owned(), Platform::to_string);
    let there: Vec<_> = set.images.iter().map(|image| format!("`{}`", shown(&platform_text(image)))).collect();
    let what = format!("no image for `{host}`, where {engine} would run it; there are {}", there.join(", "));
    Failure::error(ErrorName::ImagePlatform, what).hint(format!("`--platform {host}` builds one"))
}

/// Architecture and variant, as the config says it.
fn platform(image: &StoredImage) -> (String, Option<String>) {
    let named = Platform::parse(&platform_text(image)).ok();
    named.map_or_else(
        || (image.config.architecture().to_string(), image.config.variant().clone()),
        |platform| (platform.architecture.to_owned(), platform.variant.map(str::to_owned)),
    )
}

pub(super) fn platform_text(image: &StoredImage) -> String {
    let config = &image.config;
    let variant = config.variant().as_ref().map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", config.os(), config.architecture())
}

/// The platform of this machine, unless hardpan does not know its architecture.
pub(super) fn this_machine() -> Option<Platform> {
    Platform::parse(&format!("linux/{}", std::env::consts::ARCH)).ok()
}

/// Whether some layer is packed with zstd.
pub(super) fn has_zstd(image: &StoredImage) -> bool {
    image.layers.iter().any(|layer| Packing::of(&layer.descriptor.media_type) == Packing::Zstd)
}
