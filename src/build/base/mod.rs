//! The base image of a recipe: parsing of `base`, the policy's registries, pulling, and the settings that are
//! inherited. The resolver, `hardpan lock` and `hardpan plan` use it.
//!
//! A base in a registry is named by its host and pinned by a digest, which the recipe writes or the lock holds: what a tag
//! names today is asked for by [`look_up`] alone, for `hardpan lock`. A base on the disk is an input like any file that a
//! recipe names: what lies there is what is taken, under the same bound; a digest may follow its path, and is checked.

mod accounts;
mod base_images;
mod config;
mod name;
mod pulled_base;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(super) use accounts::complete_accounts;
pub(super) use config::BaseConfig;
pub use name::BaseName;
pub(super) use pulled_base::{FoundBase, PulledBase};

use super::{host_bound::HostBound, settings::BuildSettings};
use crate::{
    image::LocalReference,
    oci::Platform,
    recipe::{Located, LockedBase, PolicySettings},
    report::{ErrorName, Failure, printable},
};
use base_images::BaseImages;

/// The digests that `base` of a recipe in `folder` has now: asks the registry what the tag points at, unless a digest is
/// written, and gives the digest of the manifest or index and of the manifest for each platform, in their order.
///
/// A base on the disk is looked up, too. A docker archive has no manifest, and cannot be.
///
/// # Errors
/// At the line of `base`: no reference with a host and no path; a registry or place without such an image; no image for
/// one of the platforms; a socket that `--offline` forbids.
pub fn look_up(
    base: &Located<String>,
    platforms: &[Platform],
    folder: &Path,
    settings: &BuildSettings,
) -> Result<LockedBase, Failure> {
    let bound = HostBound::of(folder, settings.allow_outside)?;
    let look = || {
        let found = match BaseName::parse(&base.value)? {
            BaseName::Registry(reference) => {
                BaseImages::in_registry(&reference, &settings.access, settings.blobs.as_ref())?
            }
            BaseName::Disk { .. } => open_disk_base(base, &bound)?,
        };
        let digest = found
            .digest()
            .ok_or_else(|| Failure::error(ErrorName::ImageUnsupported, "a docker archive has no manifest to pin"))?;
        let manifest = |platform: &Platform| Ok((platform.clone(), found.manifest(platform)?));
        let platforms = platforms.iter().map(manifest).collect::<Result<_, Failure>>()?;
        Ok(LockedBase { digest, platforms })
    };
    look().map_err(|failure: Failure| failure.at(&base.origin))
}

/// Refuses a base from a registry that the policy does not name, before the registry is contacted.
///
/// # Errors
/// At the line of `base`: a registry that the policy does not name.
pub(super) fn check_allowed(
    base: &Located<String>,
    policy: &PolicySettings,
    settings: &BuildSettings,
) -> Result<(), Failure> {
    let allowed = BaseName::parse(&base.value).and_then(|name| pulled_base::check_registries(policy, &name, settings));
    allowed.map_err(|failure| failure.at(&base.origin))
}

/// Refuses to write an image to where its own base is.
///
/// # Errors
/// At the line of `base`: it is what is at `output`.
pub(super) fn check_output(base: &Located<String>, bound: &HostBound, output: &Path) -> Result<(), Failure> {
    let exists = |path: &str| bound.folder.join(path).exists();
    let place = || {
        let BaseName::Disk { .. } = BaseName::parse(&base.value).ok()? else { return None };
        let (text, _) = name::split_digest(&base.value, exists).ok()?;
        let real = bound.resolve(base, LocalReference::parse(text, exists).ok()?.path).ok()?;
        Some(fs::canonicalize(output).ok()? == fs::canonicalize(real).ok()?)
    };
    // Opening it reports a base that does not exist.
    if place() != Some(true) {
        return Ok(());
    }
    let what = format!("the image would be written over its own base, `{}`", printable(&base.value));
    Err(Failure::error(ErrorName::OutputConflict, what)
        .at(&base.origin)
        .hint("give the image another `name` or `--output`"))
}

/// Where a base on the disk lies, links not followed; none for one in a registry.
///
/// # Errors
/// No reference with a host and no path.
pub(super) fn disk_path(base: &Located<String>, folder: &Path) -> Result<Option<PathBuf>, Failure> {
    let BaseName::Disk { .. } = BaseName::parse(&base.value)? else { return Ok(None) };
    let exists = |path: &str| folder.join(path).exists();
    let (text, _) = name::split_digest(&base.value, exists)?;
    Ok(Some(folder.join(LocalReference::parse(text, exists)?.path)))
}

/// Opens a base on the disk.
fn open_disk_base(base: &Located<String>, bound: &HostBound) -> Result<BaseImages, Failure> {
    let exists = |path: &str| bound.folder.join(path).exists();
    let (text, digest) = name::split_digest(&base.value, exists)?;
    let local = LocalReference::parse(text, exists)?;
    let real = bound.resolve(base, local.path)?;
    let (mut sets, _) = local.open(&real).map_err(|failure| failure.in_path(local.path))?;
    let set = match (sets.pop(), sets.is_empty()) {
        (Some(only), true) => only,
        (None, _) => {
            return Err(Failure::error(ErrorName::ImageNotFound, format!("`{}` contains no image", printable(text))));
        }
        (Some(_), false) => {
            let what = format!("`{}` contains {} images, and a base is one", printable(text), sets.len() + 1);
            return Err(Failure::error(ErrorName::Base, what).hint("name one of them, as in `oci:PATH:NAME`"));
        }
    };
    let found = BaseImages::on_disk(set, Path::new(local.path));
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
