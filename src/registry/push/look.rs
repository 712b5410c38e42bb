//! Asking what is where: a plan comes of questions alone.

use super::{
    PushJob, TagPolicy,
    contents::PushContents,
    parallel,
    plan::{BlobAction, PlannedTag, PushPlan},
    repository::PushRepository,
};
use crate::{
    image::BlobRef,
    oci::Digest,
    registry::Reference,
    report::{ErrorName, Failure, Rule},
};

/// A repository, as one of its references, and the tags that go there; in the order of the command line.
pub(super) type PushTargets<'a> = Vec<(&'a Reference, Vec<&'a str>)>;

/// Sorts targets by their repository.
///
/// # Errors
/// A digest that is not the image's.
pub(super) fn by_repository(targets: &[Reference], root: Digest) -> Result<PushTargets<'_>, Failure> {
    let mut all: PushTargets<'_> = Vec::new();
    for reference in targets {
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
        if let (Some((_, tags)), Some(tag)) = (all.get_mut(at), reference.tag())
            && !tags.contains(&tag)
        {
            tags.push(tag);
        }
    }
    Ok(all)
}

/// Where one blob may be mounted from: repositories of the same registry that have it, or will have.
struct MountSources<'a> {
    to: &'a Reference,
    order: &'a PushJob<'a>,
    /// The first earlier target at the same registry.
    earlier: Option<String>,
}

impl MountSources<'_> {
    /// Where the blob is known to be comes first, then where the image is, then an earlier target.
    fn of(&self, blob: &BlobRef) -> Option<String> {
        let known = self.order.origins.get(&blob.digest).into_iter().flatten().chain(self.order.from);
        let mut near = known
            .filter(|from| from.host() == self.to.host() && from.repository() != self.to.repository())
            .map(|from| from.repository().to_owned());
        near.next().or_else(|| self.earlier.clone())
    }
}

/// Asks one repository what it has.
///
/// `earlier` is a repository of the same registry that will have everything by then.
pub(super) fn look(
    repository: &PushRepository,
    reference: &Reference,
    tags: &[&str],
    contents: &PushContents,
    order: &PushJob<'_>,
    earlier: Option<String>,
) -> Result<PushPlan, Failure> {
    let digest = order.root.digest;
    let mut plan =
        PushPlan { repository: reference.name(), digest, blobs: Vec::new(), manifests: Vec::new(), tags: Vec::new() };
    for tag in tags {
        let was = repository.manifest_digest(tag)?;
        let other = was.filter(|was| *was != digest);
        if let (TagPolicy::Fail, Some(other)) = (order.policy, other) {
            let what = format!("the tag `{tag}` is `{other}` already, and `--tag-policy fail` lets no tag move");
            return Err(Failure::refused(Rule::TagExists, what).hint("push under a new tag"));
        }
        let put = was != Some(digest) && !(other.is_some() && order.policy == TagPolicy::Keep);
        plan.tags.push(PlannedTag { name: (*tag).to_owned(), was, put });
    }
    // A registry that has the manifest has all of it: it took it only with what it names.
    let is_tagged = plan.tags.iter().any(|tag| tag.was == Some(digest));
    // Whoever answers 200 to everything has other bytes.
    if is_tagged || repository.manifest_digest(&digest.to_string())? == Some(digest) {
        return Ok(plan);
    }
    let jobs = order.jobs;
    let there = parallel::map_parallel(&contents.documents, jobs, |sent| match sent.blob.digest {
        root if root == digest => Ok(false),
        child => Ok(repository.manifest_digest(&child.to_string())? == Some(child)),
    })?;
    let missing = contents.documents.iter().zip(there).filter(|(_, there)| !there).map(|(sent, _)| sent);
    let missing: Vec<_> = missing.collect();
    plan.manifests = missing.iter().map(|sent| sent.blob.clone()).collect();
    let mut leaves: Vec<usize> = missing.iter().flat_map(|sent| sent.leaves.iter().copied()).collect();
    leaves.sort_unstable();
    leaves.dedup();
    let blobs: Vec<_> = leaves.into_iter().filter_map(|at| contents.blobs.get(at)).collect();
    let there = parallel::map_parallel(&blobs, jobs, |blob| repository.has_blob(blob))?;
    let sources = MountSources { to: reference, order, earlier };
    plan.blobs = blobs
        .into_iter()
        .zip(there)
        .map(|(blob, there)| {
            let fate =
                if there { BlobAction::There } else { sources.of(blob).map_or(BlobAction::Upload, BlobAction::Mount) };
            (blob.clone(), fate)
        })
        .collect();
    Ok(plan)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::{image::VerifiedBlobs, oci::Open, registry::push::JOBS};

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
        let order = PushJob {
            root: &root,
            blobs: &Nothing,
            targets: &[],
            from: Some(&from),
            origins: &origins,
            policy: TagPolicy::Replace,
            jobs: JOBS,
        };
        let sources = |order, earlier: Option<&str>, to, blob: &BlobRef| {
            MountSources { to, order, earlier: earlier.map(str::to_owned) }.of(blob)
        };
        assert_eq!(sources(&order, Some("first"), &to, &based).as_deref(), Some("team/base"));
        assert_eq!(sources(&order, Some("first"), &to, &own).as_deref(), Some("built"));
        assert_eq!(sources(&order, None, &from, &own), None, "from itself to itself");
        let order = PushJob { from: None, ..order };
        assert_eq!(sources(&order, Some("first"), &to, &own).as_deref(), Some("first"));
        assert_eq!(sources(&order, None, &to, &own), None);
        let elsewhere = parse("far.example/app:1");
        assert_eq!(sources(&order, None, &elsewhere, &based), None, "another registry has nothing to mount");
    }
}
