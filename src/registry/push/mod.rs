//! Sending an image: first looking, then what is missing, tags last.
//!
//! A plan is made of questions alone. Carrying it out sends blobs, then manifests by their digests, each behind what it
//! names; when all repositories have everything, the tags are put, one after the other. Whenever it ends, no tag names
//! something that is not whole, and the next push sends only what is missing.

mod contents;
mod look;
mod parallel;
mod plan;
mod referrers;
mod repository;
mod upload;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
};

use super::{Access, Reference, http::RegistryClient};
use crate::{
    image::{BlobRef, VerifiedBlobs},
    oci::Digest,
    report::{ErrorName, Failure, Limits, Progress},
};
use contents::{PushContents, PushDocument};
use look::{by_repository, look};
pub use plan::{BlobAction, PlannedTag, PushPlan};
use repository::{ManifestRefusal, PushRepository, StoredManifest};
use upload::{BlobTransfer, BlobUpload};

/// What becomes of a tag that names something else already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TagPolicy {
    /// It moves.
    #[default]
    Replace,
    /// It stays.
    Keep,
    /// Nothing is sent.
    Fail,
}

/// What to send where.
#[derive(Clone, Copy)]
pub struct PushJob<'a> {
    /// The manifest or index.
    pub root: &'a BlobRef,
    /// Where its bytes are.
    pub blobs: &'a (dyn VerifiedBlobs + Sync),
    /// Where it goes; one without a tag is pushed by its digest alone.
    pub targets: &'a [Reference],
    /// The repository that the image is in, where it is in one: blobs may be mounted from there.
    pub from: Option<&'a Reference>,
    /// Where single blobs are known to be, such as a base's layers in the base's repository: at the same registry, a
    /// blob is mounted from there.
    pub origins: &'a BTreeMap<Digest, Vec<Reference>>,
    /// What becomes of tags.
    pub policy: TagPolicy,
    /// Blobs at once.
    pub jobs: NonZeroUsize,
}

/// A push that was looked into and not begun.
pub struct PreparedPush<'a> {
    order: PushJob<'a>,
    contents: PushContents,
    targets: Vec<(PushRepository, PushPlan)>,
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

impl<'a> PreparedPush<'a> {
    /// Asks every registry what it has. Nothing is changed anywhere.
    ///
    /// # Errors
    /// A registry that cannot be reached or lets us not in; a document of the image that is not what it should be; a
    /// tag that names something else, where the policy says that this is a fault.
    pub fn new(order: PushJob<'a>, access: &Access) -> Result<Self, Failure> {
        let contents = PushContents::read(order.root, order.blobs)?;
        let mut clients: BTreeMap<String, Arc<RegistryClient>> = BTreeMap::new();
        let mut targets: Vec<(PushRepository, PushPlan)> = Vec::new();
        for (reference, tags) in by_repository(order.targets, order.root.digest)? {
            let told = |failure: Failure| failure.or_in_path(reference.name());
            let client = match clients.get(reference.host()) {
                Some(client) => Arc::clone(client),
                None => Arc::new(RegistryClient::new(reference, access).map_err(told)?),
            };
            clients.insert(reference.host().to_owned(), Arc::clone(&client));
            let repository = PushRepository::new(client, reference.repository());
            let same = targets.iter().find(|(earlier, _)| Arc::ptr_eq(&earlier.client, &repository.client));
            let earlier = same.map(|(earlier, _)| earlier.name.clone());
            let plan = look(&repository, reference, &tags, &contents, &order, earlier).map_err(told)?;
            targets.push((repository, plan));
        }
        Ok(Self { order, contents, targets })
    }

    /// What will be done, one repository each.
    pub fn plans(&self) -> impl Iterator<Item = &PushPlan> {
        self.targets.iter().map(|(_, plan)| plan)
    }

    /// Does it.
    ///
    /// # Errors
    /// A registry that refuses, or breaks off more often than [`Limits`] allows. No tag names half an image then.
    pub fn carry_out(self, progress: &dyn Progress) -> Result<Vec<PushPlan>, Failure> {
        for (repository, plan) in &self.targets {
            self.push_contents(repository, plan, progress).map_err(|failure| failure.or_in_path(&plan.repository))?;
        }
        let Some(root) = self.contents.documents.last() else {
            return Err(Failure::error(ErrorName::Internal, "the image has no manifest"));
        };
        for (repository, plan) in &self.targets {
            for tag in plan.tags.iter().filter(|tag| tag.put) {
                let put = repository.put_manifest(&tag.name, &root.blob, &root.bytes);
                put.map_err(|untaken| untaken.failure().or_in_path(&plan.repository))?;
            }
            for tag in &plan.tags {
                progress.step(&tag.summary(&plan.repository, plan.digest));
            }
        }
        Ok(self.targets.into_iter().map(|(_, plan)| plan).collect())
    }

    /// Sends blobs and manifests to one repository.
    fn push_contents(
        &self,
        repository: &PushRepository,
        plan: &PushPlan,
        progress: &dyn Progress,
    ) -> Result<(), Failure> {
        if plan.manifests.is_empty() {
            return self.list_referrers(repository, |_| true);
        }
        let task = progress.task(&format!("push to {}", plan.repository), Some(plan.most_bytes()));
        let missing: Vec<_> = plan.blobs.iter().filter(|(_, fate)| *fate != BlobAction::There).collect();
        let arrived = parallel::map_parallel(&missing, self.order.jobs, |(blob, fate)| {
            let from = if let BlobAction::Mount(from) = fate { Some(from.as_str()) } else { None };
            let bytes = self.order.blobs.blob(blob)?;
            let arrived = BlobUpload { to: repository, blob, bytes: &*bytes, task: &*task }.run(from)?;
            progress.trace(&match arrived {
                BlobTransfer::Mounted => format!("mounted {} in {}", blob.digest, plan.repository),
                BlobTransfer::Uploaded => {
                    format!("uploaded {} ({} bytes) to {}", blob.digest, blob.size, plan.repository)
                }
            });
            Ok(arrived)
        })?;
        let mut listed = BTreeSet::new();
        for sent in self.contents.documents.iter().filter(|sent| plan.manifests.contains(&sent.blob)) {
            if self.put_document(repository, sent, &*task)?.is_listed {
                listed.insert(sent.blob.digest);
            }
        }
        self.list_referrers(repository, |sent| !listed.contains(&sent.blob.digest))?;
        drop(task);
        let mounted = arrived.iter().filter(|arrived| **arrived == BlobTransfer::Mounted).count();
        let bytes: u64 = missing
            .iter()
            .zip(&arrived)
            .filter(|(_, arrived)| **arrived == BlobTransfer::Uploaded)
            .map(|((blob, _), _)| blob.size)
            .sum();
        progress.step(&format!(
            "push {}: {} blobs uploaded ({bytes} bytes), {mounted} mounted, {} there already; {} manifests",
            plan.repository,
            arrived.len() - mounted,
            plan.blobs.len() - missing.len(),
            plan.manifests.len()
        ));
        Ok(())
    }

    /// Enters what refers to another image into that one's list, where the registry did not do it: also what was there
    /// before, because a push may have ended between the two.
    fn list_referrers(
        &self,
        repository: &PushRepository,
        is_open: impl Fn(&PushDocument) -> bool,
    ) -> Result<(), Failure> {
        for sent in self.contents.documents.iter().filter(|sent| is_open(sent)) {
            if let Some(subject) = &sent.subject {
                referrers::list_referrer(repository, sent, subject)?;
            }
        }
        Ok(())
    }

    /// Puts a manifest by its digest. When the registry misses blobs that it said it had, they are sent once more.
    fn put_document(
        &self,
        repository: &PushRepository,
        sent: &PushDocument,
        task: &dyn crate::report::Task,
    ) -> Result<StoredManifest, Failure> {
        let digest = sent.blob.digest.to_string();
        match repository.put_manifest(&digest, &sent.blob, &sent.bytes) {
            Ok(stored) => return Ok(stored),
            Err(ManifestRefusal::Refused(failure)) => return Err(failure),
            Err(ManifestRefusal::Incomplete(_)) => {}
        }
        let leaves: Vec<_> = sent.leaves.iter().filter_map(|at| self.contents.blobs.get(*at)).collect();
        parallel::map_parallel(&leaves, self.order.jobs, |blob| {
            let bytes = self.order.blobs.blob(blob)?;
            BlobUpload { to: repository, blob, bytes: &*bytes, task }.run(None)
        })?;
        repository.put_manifest(&digest, &sent.blob, &sent.bytes).map_err(ManifestRefusal::failure)
    }
}

impl ManifestRefusal {
    fn failure(self) -> Failure {
        match self {
            Self::Incomplete(failure) | Self::Refused(failure) => failure,
        }
    }
}

/// How many blobs travel at once, when nobody says.
pub const JOBS: NonZeroUsize = match NonZeroUsize::new(Limits::UPLOADS) {
    Some(jobs) => jobs,
    None => NonZeroUsize::MIN,
};
