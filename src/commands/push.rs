//! `hardpan push`: pushes images from layouts, archives or registries to registries. `build --push` uses the same
//! preparation.

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf};

use super::{open_image, policy};
use crate::{
    image::{BlobRef, LocalReference, OpenedImages, VerifiedBlobs},
    oci::Digest,
    recipe::{TagPatterns, VariableValues},
    registry::{
        Access, Reference,
        push::{JOBS, PreparedPush, PushJob, PushPlan, PushTarget, TagPolicy, TagRule},
    },
    report::{ErrorName, Failure, Failures, Progress, printable},
};

/// What to push, and how.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// Every IMAGE, as it was named.
    pub images: Vec<String>,
    /// Where each of them goes.
    pub targets: Vec<PushReference>,
    /// Whether variables of the targets are replaced: `{name}` is the last part of the image's path or repository.
    pub has_variables: bool,
    /// `--policy`: which tags may move.
    pub policy_file: Option<PathBuf>,
    /// How.
    pub settings: PushSettings,
    /// Only report what would be done.
    pub dry_run: bool,
}

/// A reference of the command line that images are pushed to.
#[derive(Debug, Clone)]
pub struct PushReference {
    /// The reference with its host; it may hold variables.
    pub text: String,
    /// The option that says that its tag must be new, if one does.
    pub new_by: Option<&'static str>,
}

/// How to push, for `push` and for `build --push`.
#[derive(Debug, Clone)]
pub struct PushSettings {
    /// What becomes of tags that are there, where neither the reference nor the policy file says more.
    pub policy: TagPolicy,
    /// Which tags may move, as the policy file says.
    pub patterns: TagPatterns,
    /// Blobs at once; none is four.
    pub jobs: Option<NonZeroUsize>,
    /// How registries are reached.
    pub access: Access,
}

/// An image with what was done for it, or would be.
#[derive(Debug, Clone)]
pub struct PushedImage {
    /// As it was named.
    pub image: String,
    /// For each repository.
    pub plans: Vec<PushPlan>,
}

/// An image that was opened, with its targets.
struct OpenedPush {
    image: String,
    root: BlobRef,
    opened: OpenedImages,
    targets: Vec<PushTarget>,
    from: Option<Reference>,
}

/// Sends every image to every target, or says what that would take. Registries are asked what they have for all images before
/// the first one is sent, and tags are put when all are there.
///
/// # Errors
/// An image that cannot be read or has no manifest; two images for one tag; a registry that does not take one. Tags move last,
/// so none names something that is not whole.
pub fn push(request: &PushRequest, progress: &dyn Progress) -> Result<Vec<PushedImage>, Failures> {
    let mut settings = request.settings.clone();
    if let Some(file) = &request.policy_file {
        let file = policy::read(file)?;
        policy::add_token_realms(Some(&file), &mut settings.access)?;
        settings.patterns = file.tags;
    }
    let mut opened: Vec<OpenedPush> = Vec::new();
    for image in &request.images {
        let targets = targets_of(image, request, &settings)?;
        let taken = |target: &&PushTarget| {
            let tag = |other: &PushTarget| other.reference.tag().is_some() && other.reference == target.reference;
            opened.iter().find(|before| before.targets.iter().any(tag)).is_some()
        };
        if let Some(target) = targets.iter().find(taken) {
            let what = format!("`{}` would name `{}` and another image", target.reference, printable(image));
            return Err(Failure::error(ErrorName::OutputConflict, what).hint("put `{name}` into `--to`").into());
        }
        opened.push(open(image, targets, &settings.access)?);
    }
    let origins = BTreeMap::new();
    let mut prepared = Vec::new();
    for one in &opened {
        prepared.push(prepare(&one.root, &one.opened, &one.targets, one.from.as_ref(), &origins, &settings)?);
    }
    let images = opened.iter().map(|one| one.image.clone());
    if request.dry_run {
        let plans = prepared.iter().map(|push| push.plans().cloned().collect());
        return Ok(images.zip(plans).map(|(image, plans)| PushedImage { image, plans }).collect());
    }
    if let [only] = prepared.as_mut_slice() {
        only.let_tag_bring_manifest();
    }
    prepared.iter().try_for_each(|push| push.send(progress))?;
    let mut in_turn: Vec<_> = images.zip(prepared).enumerate().collect();
    in_turn.sort_by_key(|(_, (_, push))| !push.is_manifest_due());
    let put = |(index, (image, push)): (usize, (String, PreparedPush<'_>))| {
        Ok::<_, Failure>((index, PushedImage { image, plans: push.put_tags(progress)? }))
    };
    let mut pushed = in_turn.into_iter().map(put).collect::<Result<Vec<_>, _>>()?;
    pushed.sort_by_key(|(index, _)| *index);
    Ok(pushed.into_iter().map(|(_, image)| image).collect())
}

/// Where an image goes.
fn targets_of(image: &str, request: &PushRequest, settings: &PushSettings) -> Result<Vec<PushTarget>, Failure> {
    let target = |reference: &PushReference| {
        if !request.has_variables {
            return target(&reference.text, reference.new_by, settings);
        }
        let unknown = |_| Err(Failure::error(ErrorName::Usage, "`--to` has no variable but `{name}`"));
        let words = BTreeMap::from([("name", name_of(image)?)]);
        let variables = VariableValues { words, vars: BTreeMap::new(), git: &unknown };
        let text = variables
            .expand_text(&reference.text)
            .map_err(|failure| Failure { what: format!("`--to`: {}", failure.what), ..failure })?;
        target(&text, reference.new_by, settings)
    };
    request.targets.iter().map(target).collect()
}

/// `{name}`: the last part of the image's path without `.tar`, or of its repository.
fn name_of(image: &str) -> Result<String, Failure> {
    let path = match open_image::remote(image)? {
        Some(reference) => reference.repository().to_owned(),
        None => LocalReference::parse(image, |path| std::path::Path::new(path).exists())?.path.to_owned(),
    };
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = last.strip_suffix(".tar").unwrap_or(last);
    if name.is_empty() || name == "." || name == ".." {
        let what = format!("`{}` has no name for `{{name}}`", printable(image));
        return Err(Failure::error(ErrorName::Usage, what).hint("write it as the path of a layout or archive"));
    }
    Ok(name.to_owned())
}

/// Opens an image that is one and has a manifest.
fn open(image: &str, targets: Vec<PushTarget>, access: &Access) -> Result<OpenedPush, Failure> {
    let (sets, opened) = open_image::open(image, access)?;
    let shown = printable(image);
    let [set] = sets.as_slice() else {
        let what = format!("`{shown}` holds {} images, and one is pushed", sets.len());
        return Err(Failure::error(ErrorName::Usage, what).hint("name one of them, as in `oci:PATH:NAME`"));
    };
    let Some(root) = set.root.clone() else {
        let what = format!("`{shown}` has no manifest, as a registry needs it: it is a docker archive");
        return Err(Failure::error(ErrorName::ImageUnsupported, what)
            .hint("`skopeo copy docker-archive:... oci:...` makes one"));
    };
    let from = open_image::remote(image)?;
    Ok(OpenedPush { image: image.to_owned(), root, opened, targets, from })
}

/// Asks the registries what it takes to push `root` to `targets`. Blobs may be mounted from the repository that the image is in, and
/// single ones from where they are known to be.
pub(super) fn prepare<'a>(
    root: &'a BlobRef,
    blobs: &'a (dyn VerifiedBlobs + Sync),
    targets: &'a [PushTarget],
    from: Option<&'a Reference>,
    origins: &'a BTreeMap<Digest, Vec<Reference>>,
    settings: &PushSettings,
) -> Result<PreparedPush<'a>, Failure> {
    let jobs = settings.jobs.unwrap_or(JOBS);
    PreparedPush::new(PushJob { root, blobs, targets, from, origins, jobs }, &settings.access)
}

/// Parses a reference that an image is pushed to, and says what becomes of its tag. It needs its host: leaving it out would mean
/// Docker Hub.
pub(super) fn target(text: &str, new_by: Option<&str>, settings: &PushSettings) -> Result<PushTarget, Failure> {
    let bare = text.strip_prefix("docker://").unwrap_or(text);
    Reference::refuse_login(bare)?;
    if !Reference::has_host(bare) {
        let what = format!("`{}` names no registry", printable(text));
        return Err(
            Failure::error(ErrorName::Reference, what).hint("write its host, as in `registry.example.com/hello:1.0`")
        );
    }
    let reference = Reference::parse(bare)?;
    let fixed = reference.tag().and_then(|tag| settings.patterns.fixes(tag));
    let rule = match (new_by, fixed, settings.policy) {
        (Some(option), ..) => TagRule { policy: TagPolicy::Fail, because: format!("`{option}` moves no tag") },
        (None, Some(because), _) => TagRule { policy: TagPolicy::Fail, because },
        (None, None, TagPolicy::Fail) => {
            TagRule { policy: TagPolicy::Fail, because: "`--tag-policy fail` lets no tag move".to_owned() }
        }
        (None, None, policy) => TagRule { policy, because: String::new() },
    };
    Ok(PushTarget { reference, rule })
}
