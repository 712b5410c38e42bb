//! Plans a push: asks each repository what it has, and decides which blobs to mount, which to upload, and which tags to
//! put.
//!
//! [`PreparedPush`](super::PreparedPush) carries a plan out, `hardpan push --dry-run` prints it. Planning changes nothing
//! in the registry.

use std::{collections::BTreeMap, num::NonZeroUsize};

use super::{
    contents::PushContents,
    looks::Looks,
    repository::{Look, PushRepository},
};
use crate::{
    image::{BlobRef, VerifiedBlobs},
    oci::Digest,
    registry::Reference,
    report::{ErrorName, Failure, Rule},
};

/// The name of the threads that ask and send.
pub(super) const PUSH_THREAD: &str = "push";

/// What becomes of a tag that names something else already; the later, the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TagPolicy {
    /// It moves.
    #[default]
    Replace,
    /// It stays.
    Keep,
    /// Nothing is sent.
    Fail,
}

/// What becomes of one tag that names something else already, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagRule {
    /// What becomes of it.
    pub policy: TagPolicy,
    /// The reason of a tag that does not move, as a clause such as "`--tag-policy fail` lets no tag move".
    pub because: String,
}

/// Where an image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushTarget {
    /// One without a tag is pushed by its digest alone.
    pub reference: Reference,
    /// What becomes of its tag.
    pub rule: TagRule,
}

/// An image to push, and its targets.
#[derive(Clone, Copy)]
pub struct PushJob<'a> {
    /// The manifest or index.
    pub root: &'a BlobRef,
    /// Where its bytes are.
    pub blobs: &'a (dyn VerifiedBlobs + Sync),
    /// Where it goes.
    pub targets: &'a [PushTarget],
    /// The repository that the image is in, where it is in one: blobs may be mounted from there.
    pub from: Option<&'a Reference>,
    /// Where single blobs are known to be, such as a base's layers in the base's repository: at the same registry, a
    /// blob is mounted from there.
    pub origins: &'a BTreeMap<Digest, Vec<Reference>>,
    /// Blobs at once.
    pub jobs: NonZeroUsize,
}

impl TagPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Replace, Self::Keep, Self::Fail];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Fail => "fail",
        }
    }
}

/// What a push to one repository will do, or has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushPlan {
    /// `host/repository`.
    pub repository: String,
    /// Of the root.
    pub digest: Digest,
    /// Configs and layers; none when the manifest is there, because then they are too.
    pub blobs: Vec<(BlobRef, BlobAction)>,
    /// Manifests and indexes that are sent, the root last.
    pub manifests: Vec<BlobRef>,
    /// In the order of the command line.
    pub tags: Vec<PlannedTag>,
}

/// What becomes of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobAction {
    /// The repository has it.
    There,
    /// The registry has it in this repository, and is asked to take it from there.
    Mount(String),
    /// It is sent.
    Upload,
}

/// What becomes of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTag {
    /// Its name.
    pub name: String,
    /// What it named before.
    pub was: Option<Digest>,
    /// Whether it is put.
    pub put: bool,
    /// What becomes of it where it names something else.
    pub rule: TagRule,
}

impl PushPlan {
    /// Bytes of blobs that are sent.
    pub fn upload_bytes(&self) -> u64 {
        self.blobs.iter().filter(|(_, fate)| *fate == BlobAction::Upload).map(|(blob, _)| blob.size).sum()
    }

    /// Bytes of blobs that may have to be sent: a mount can be declined.
    pub(super) fn most_bytes(&self) -> u64 {
        self.blobs.iter().filter(|(_, fate)| *fate != BlobAction::There).map(|(blob, _)| blob.size).sum()
    }
}

impl PlannedTag {
    /// Plans a tag that names `was` now. What a registry does not say, only a tag that may not move has to know.
    ///
    /// # Errors
    /// It names another image, and must not move; or that is not known.
    pub(super) fn plan(name: &str, rule: &TagRule, was: Look<Option<Digest>>, digest: Digest) -> Result<Self, Failure> {
        let was = match rule.policy {
            TagPolicy::Replace => was.or(None),
            TagPolicy::Keep | TagPolicy::Fail => was.known().map_err(|failure| {
                let hint = "a tag that may not move is looked at first, which takes a login that may pull";
                if failure.hint.is_none() { failure.hint(hint) } else { failure }
            })?,
        };
        let other = was.filter(|was| *was != digest);
        if let (TagPolicy::Fail, Some(other)) = (rule.policy, other) {
            let what = format!("the tag `{name}` is `{other}` already, and not `{digest}`: {}", rule.because);
            return Err(Failure::refused(Rule::TagExists, what).hint("push under a new tag"));
        }
        let put = was != Some(digest) && !(other.is_some() && rule.policy == TagPolicy::Keep);
        Ok(Self { name: name.to_owned(), was, put, rule: rule.clone() })
    }

    /// The line that reports it.
    pub(super) fn summary(&self, repository: &str, digest: Digest) -> String {
        match (self.was, self.put) {
            (None, _) => format!("tag {repository}:{}", self.name),
            (Some(was), true) => format!("tag {repository}:{} moved, it was {was}", self.name),
            (Some(was), false) if was == digest => format!("tag {repository}:{} is that already", self.name),
            (Some(was), false) => format!("tag {repository}:{} stays with {was}", self.name),
        }
    }
}

/// A repository, as one of its references, and the tags that go there; in the order of the command line.
pub(super) type PushTargets<'a> = Vec<(&'a Reference, Vec<(&'a str, &'a TagRule)>)>;

/// Groups targets by their repository.
///
/// # Errors
/// A digest that is not the image's.
pub(super) fn group_by_repository(targets: &[PushTarget], root: Digest) -> Result<PushTargets<'_>, Failure> {
    let mut all: PushTargets<'_> = Vec::new();
    for PushTarget { reference, rule } in targets {
        if let Some(digest) = reference.digest().filter(|digest| *digest != root) {
            let what = format!("the image is `{root}`, and cannot be pushed as `{digest}`");
            return Err(Failure::error(ErrorName::Reference, what)
                .in_path(reference.to_string())
                .hint("leave the digest out"));
        }
        let same = |known: &Reference| known.name() == reference.name();
        let at = all.iter().position(|(known, _)| same(known)).unwrap_or_else(|| {
            all.push((reference, Vec::new()));
            all.len() - 1
        });
        let (Some((_, tags)), Some(tag)) = (all.get_mut(at), reference.tag()) else { continue };
        match tags.iter_mut().find(|(known, _)| *known == tag) {
            // Named twice, it keeps to the stricter rule.
            Some((_, known)) if known.policy < rule.policy => *known = rule,
            Some(_) => {}
            None => tags.push((tag, rule)),
        }
    }
    Ok(all)
}

/// Where one blob may be mounted from: repositories of the same registry that have it, or will have.
struct MountSources<'a> {
    to: &'a Reference,
    job: &'a PushJob<'a>,
    /// The first earlier target at the same registry.
    earlier: Option<String>,
}

impl MountSources<'_> {
    /// Where the blob is known to be comes first, then where the image is, then an earlier target.
    fn source_of(&self, blob: &BlobRef) -> Option<String> {
        let known = self.job.origins.get(&blob.digest).into_iter().flatten().chain(self.job.from);
        let mut near = known
            .filter(|from| from.host() == self.to.host() && from.repository() != self.to.repository())
            .map(|from| from.repository().to_owned());
        near.next().or_else(|| self.earlier.clone())
    }
}

/// Plans the push to one repository by asking what it has.
///
/// `earlier` is a repository of the same registry that will have everything by then.
pub(super) fn plan_push(
    repository: &PushRepository,
    reference: &Reference,
    tags: &[(&str, &TagRule)],
    contents: &PushContents,
    job: &PushJob<'_>,
    earlier: Option<String>,
) -> Result<PushPlan, Failure> {
    let digest = job.root.digest;
    let mut plan =
        PushPlan { repository: reference.name(), digest, blobs: Vec::new(), manifests: Vec::new(), tags: Vec::new() };
    let looks = Looks::ask(repository, tags, digest, contents, job.jobs)?;
    let has_root = looks.has_root();
    for ((tag, rule), was) in tags.iter().zip(looks.tags) {
        plan.tags.push(PlannedTag::plan(tag, rule, was, digest)?);
    }
    // A registry that has the manifest has all of it: it took it only with what it names.
    if has_root {
        return Ok(plan);
    }
    let missing = contents.documents.iter().zip(looks.documents).filter(|(_, there)| !there).map(|(sent, _)| sent);
    let missing: Vec<_> = missing.collect();
    plan.manifests = missing.iter().map(|sent| sent.blob.clone()).collect();
    let mut leaves: Vec<usize> = missing.iter().flat_map(|sent| sent.leaves.iter().copied()).collect();
    leaves.sort_unstable();
    leaves.dedup();
    let all: Vec<_> = contents.blobs.iter().zip(looks.blobs).collect();
    let blobs: Vec<_> = leaves.into_iter().filter_map(|at| all.get(at).copied()).collect();
    let sources = MountSources { to: reference, job, earlier };
    plan.blobs = blobs
        .into_iter()
        .map(|(blob, there)| {
            let fate = if there {
                BlobAction::There
            } else {
                sources.source_of(blob).map_or(BlobAction::Upload, BlobAction::Mount)
            };
            (blob.clone(), fate)
        })
        .collect();
    Ok(plan)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::{oci::Open, registry::push::JOBS};

    struct Nothing;

    impl VerifiedBlobs for Nothing {
        fn blob(&self, _: &BlobRef) -> Result<Arc<dyn Open>, Failure> {
            Err(Failure::error(ErrorName::Internal, "nothing is here"))
        }
    }

    #[test]
    fn a_blob_is_mounted_from_where_it_is_known_to_be() {
        let blob = |bytes: &[u8]| BlobRef { media_type: String::new(), digest: Digest::of(bytes), size: 1 };
        let parse = |text: &str| Reference::parse(text).unwrap();
        let (root, based, own) = (blob(b"root"), blob(b"base"), blob(b"own"));
        let places = ["other.example/base", "r.example/app", "r.example/team/base:1", "r.example/base"].map(parse);
        let origins = BTreeMap::from([(based.digest, places.to_vec())]);
        let from = parse("r.example/built:2");
        let to = parse("r.example/app:1");
        let job =
            PushJob { root: &root, blobs: &Nothing, targets: &[], from: Some(&from), origins: &origins, jobs: JOBS };
        let sources = |job, earlier: Option<&str>, to, blob: &BlobRef| {
            MountSources { to, job, earlier: earlier.map(str::to_owned) }.source_of(blob)
        };
        assert_eq!(sources(&job, Some("first"), &to, &based).as_deref(), Some("team/base"));
        assert_eq!(sources(&job, Some("first"), &to, &own).as_deref(), Some("built"));
        assert_eq!(sources(&job, None, &from, &own), None, "from itself to itself");
        let job = PushJob { from: None, ..job };
        assert_eq!(sources(&job, Some("first"), &to, &own).as_deref(), Some("first"));
        assert_eq!(sources(&job, None, &to, &own), None);
        let elsewhere = parse("far.example/app:1");
        assert_eq!(sources(&job, None, &elsewhere, &based), None, "another registry has nothing to mount");
    }
}
