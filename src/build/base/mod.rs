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

pub(super) use accounts::{complete_accounts, completed};
pub(super) use config::BaseConfig;
pub use name::BaseName;
pub(super) use pulled_base::{FoundBase, PulledBase};

use super::{host_bound::HostBound, settings::BuildSettings};
use crate::{
    image::LocalReference,
    oci::Platform,
    recipe::{Located, LockFile, LockedBase, PolicySettings},
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
            BaseName::Disk { .. } => BaseImages::on_disk(base, &bound)?,
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

/// Checks that a base is allowed and pinned, without looking for it, and says whether it is on the disk.
///
/// # Errors
/// At the line of `base`: no reference with a host and no path; a registry that the policy does not name; a tag that nothing
/// pins.
pub(super) fn is_on_disk(
    base: &Located<String>,
    policy: &PolicySettings,
    lock: Option<&LockFile>,
    settings: &BuildSettings,
) -> Result<bool, Failure> {
    Ok(pulled_base::pinned_reference(base, policy, lock, settings)?.is_none())
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
