//! `hardpan push`: pushes an image from a layout, an archive or a registry to registries. `build --push` uses the same
//! preparation.

use std::{collections::BTreeMap, num::NonZeroUsize};

use super::open_image;
use crate::{
    image::{BlobRef, VerifiedBlobs},
    oci::Digest,
    registry::{
        Access, Reference,
        push::{JOBS, PreparedPush, PushJob, PushPlan, TagPolicy},
    },
    report::{ErrorName, Failure, Failures, Progress, printable},
};

/// What to push, and how.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// IMAGE, as it was named.
    pub image: String,
    /// Where to; each a reference with its host.
    pub targets: Vec<String>,
    /// How.
    pub settings: PushSettings,
    /// Only report what would be done.
    pub dry_run: bool,
}

/// How to push, for `push` and for `build --push`.
#[derive(Debug, Clone)]
pub struct PushSettings {
    /// What becomes of tags that are there.
    pub policy: TagPolicy,
    /// Blobs at once; none is four.
    pub jobs: Option<NonZeroUsize>,
    /// How registries are reached.
    pub access: Access,
}

/// Sends the image to every target, or says what that would take.
///
/// # Errors
/// An image that cannot be read or has no manifest; a registry that does not take it. Tags move last, so none names
/// something that is not whole.
pub fn push(request: &PushRequest, progress: &dyn Progress) -> Result<Vec<PushPlan>, Failures> {
    let targets = request.targets.iter().map(|text| target(text)).collect::<Result<Vec<_>, _>>()?;
    let (sets, opened) = open_image::open(&request.image, &request.settings.access)?;
    let shown = printable(&request.image);
    let [set] = sets.as_slice() else {
        let what = format!("`{shown}` holds {} images, and one is pushed", sets.len());
        return Err(Failure::error(ErrorName::Usage, what).hint("name one of them, as in `oci:PATH:NAME`").into());
    };
    let Some(root) = &set.root else {
        let what = format!("`{shown}` has no manifest, as a registry needs it: it is a docker archive");
        return Err(Failure::error(ErrorName::ImageUnsupported, what)
            .hint("`skopeo copy docker-archive:... oci:...` makes one")
            .into());
    };
    let from = open_image::remote(&request.image)?;
    let origins = BTreeMap::new();
    let prepared = prepare(root, &opened, &targets, from.as_ref(), &origins, &request.settings)?;
    if request.dry_run {
        return Ok(prepared.plans().cloned().collect());
    }
    Ok(prepared.carry_out(progress)?)
}

/// Asks the registries what it takes to push `root` to `targets`. Blobs may be mounted from the repository that the image is in, and
/// single ones from where they are known to be.
pub(super) fn prepare<'a>(
    root: &'a BlobRef,
    blobs: &'a (dyn VerifiedBlobs + Sync),
    targets: &'a [Reference],
    from: Option<&'a Reference>,
    origins: &'a BTreeMap<Digest, Vec<Reference>>,
    settings: &PushSettings,
) -> Result<PreparedPush<'a>, Failure> {
    let (policy, jobs) = (settings.policy, settings.jobs.unwrap_or(JOBS));
    PreparedPush::new(PushJob { root, blobs, targets, from, origins, policy, jobs }, &settings.access)
}

/// Parses a reference that an image is pushed to. It needs its host: leaving it out would mean Docker Hub.
pub(super) fn target(text: &str) -> Result<Reference, Failure> {
    let bare = text.strip_prefix("docker://").unwrap_or(text);
    Reference::refuse_login(bare)?;
    if !Reference::has_host(bare) {
        let what = format!("`{}` names no registry", printable(text));
        return Err(
            Failure::error(ErrorName::Reference, what).hint("write its host, as in `registry.example.com/hello:1.0`")
        );
    }
    Reference::parse(bare)
}
