//! Pushes an image: plans first, then sends what is missing, and puts tags last.
//!
//! `commands::push` and `build --push` use [`PreparedPush`]. Planning only asks. Carrying a plan out sends blobs, then
//! manifests by their digests, each behind what it names; when all repositories are complete, the tags are put, one
//! after the other. Whenever a push ends, no tag names an incomplete image, and the next push sends only what is
//! missing.

mod contents;
mod plan;
mod referrers;
mod repository;
mod upload;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
};

use super::{
    Access,
    http::{RegistryClient, backoff, wait},
};
use crate::report::{ErrorName, Failure, Limits, Progress, parallel};
use contents::{PushContents, PushDocument};
pub use plan::{BlobAction, PlannedTag, PushJob, PushPlan, PushTarget, TagPolicy, TagRule};
use plan::{PUSH_THREAD, group_by_repository, plan_push};
use repository::{ManifestRefusal, PushRepository, StoredManifest};
use upload::{BlobTransfer, BlobUpload};

/// A push that is planned and not begun.
pub struct PreparedPush<'a> {
    job: PushJob<'a>,
    contents: PushContents,
    targets: Vec<(PushRepository, PushPlan)>,
}

impl<'a> PreparedPush<'a> {
    /// Asks every registry what it has. Nothing is changed anywhere.
    ///
    /// # Errors
    /// A registry that cannot be reached or lets us not in; a document of the image that is not what it should be; a
    /// tag that names something else, where the policy says that this is a fault.
    pub fn new(job: PushJob<'a>, access: &Access) -> Result<Self, Failure> {
        let contents = PushContents::read(job.root, job.blobs)?;
        let mut clients: BTreeMap<String, Arc<RegistryClient>> = BTreeMap::new();
        let mut targets: Vec<(PushRepository, PushPlan)> = Vec::new();
        for (reference, tags) in group_by_repository(job.targets, job.root.digest)? {
            let located = |failure: Failure| failure.or_in_path(reference.name());
            let client = match clients.get(reference.host()) {
                Some(client) => Arc::clone(client),
                None => Arc::new(RegistryClient::new(reference, access).map_err(located)?),
            };
            clients.insert(reference.host().to_owned(), Arc::clone(&client));
            let repository = PushRepository::new(client, reference.repository());
            let same = targets.iter().find(|(earlier, _)| Arc::ptr_eq(&earlier.client, &repository.client));
            let earlier = same.map(|(earlier, _)| earlier.name.clone());
            let plan = plan_push(&repository, reference, &tags, &contents, &job, earlier).map_err(located)?;
            targets.push((repository, plan));
        }
        Ok(Self { job, contents, targets })
    }

    /// The plans, one for each repository.
    pub fn plans(&self) -> impl Iterator<Item = &PushPlan> {
        self.targets.iter().map(|(_, plan)| plan)
    }

    /// Carries the plans out.
    ///
    /// # Errors
    /// A registry that refuses, or breaks off more often than [`Limits`] allows. No tag names half an image then.
    pub fn carry_out(self, progress: &dyn Progress) -> Result<Vec<PushPlan>, Failure> {
        self.send(progress)?;
        self.put_tags(progress)
    }

    /// Sends blobs and manifests to every repository; no tag names them yet.
    ///
    /// # Errors
    /// A registry that refuses, or breaks off more often than [`Limits`] allows.
    pub fn send(&self, progress: &dyn Progress) -> Result<(), Failure> {
        for (repository, plan) in &self.targets {
            self.push_contents(repository, plan, progress).map_err(|failure| failure.or_in_path(&plan.repository))?;
        }
        Ok(())
    }

    /// Puts the tags, after [`send`](Self::send). Tags that may not move are looked at once more: registries have no way to put a
    /// tag only where it is new, so another client may still be faster by the time of one request.
    ///
    /// # Errors
    /// A registry that refuses; a tag that another client has put meanwhile and that must not move.
    pub fn put_tags(mut self, progress: &dyn Progress) -> Result<Vec<PushPlan>, Failure> {
        let Some(root) = self.contents.documents.last() else {
            return Err(Failure::error(ErrorName::Internal, "the image has no manifest"));
        };
        for (repository, plan) in &mut self.targets {
            let located = |failure: Failure| failure.or_in_path(&plan.repository);
            for tag in plan.tags.iter_mut().filter(|tag| tag.put) {
                if tag.rule.policy != TagPolicy::Replace {
                    let was = repository.manifest_digest(&tag.name).map_err(located)?;
                    *tag = PlannedTag::plan(&tag.name, &tag.rule, was, plan.digest).map_err(located)?;
                    if !tag.put {
                        continue;
                    }
                }
                let mut put = repository.put_manifest(&tag.name, &root.blob, &root.bytes);
                if let Err(ManifestRefusal::Doubted(_)) = put {
                    wait(backoff(0));
                    put = repository.put_manifest(&tag.name, &root.blob, &root.bytes);
                }
                put.map_err(|untaken| located(untaken.failure()))?;
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
        let arrived =
            parallel::try_map_reporting(PUSH_THREAD, self.job.jobs, &missing, progress, |(blob, fate), progress| {
                let from = if let BlobAction::Mount(from) = fate { Some(from.as_str()) } else { None };
                let bytes = self.job.blobs.blob(blob)?;
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

    /// Puts a manifest by its digest. When the registry misses blobs that it said it had, they are sent once more. When it calls
    /// a digest invalid, blobs that are missing are sent, and it is asked once more.
    fn put_document(
        &self,
        repository: &PushRepository,
        sent: &PushDocument,
        task: &dyn crate::report::Task,
    ) -> Result<StoredManifest, Failure> {
        let digest = sent.blob.digest.to_string();
        let asks_first = match repository.put_manifest(&digest, &sent.blob, &sent.bytes) {
            Ok(stored) => return Ok(stored),
            Err(ManifestRefusal::Refused(failure)) => return Err(failure),
            Err(ManifestRefusal::Incomplete(_)) => false,
            Err(ManifestRefusal::Doubted(_)) => true,
        };
        if asks_first {
            wait(backoff(0));
        }
        let leaves: Vec<_> = sent.leaves.iter().filter_map(|at| self.contents.blobs.get(*at)).collect();
        parallel::try_map(PUSH_THREAD, self.job.jobs, &leaves, |_, blob| {
            if asks_first && repository.has_blob(blob)? {
                return Ok(BlobTransfer::Uploaded);
            }
            let bytes = self.job.blobs.blob(blob)?;
            BlobUpload { to: repository, blob, bytes: &*bytes, task }.run(None)
        })?;
        repository.put_manifest(&digest, &sent.blob, &sent.bytes).map_err(ManifestRefusal::failure)
    }
}

/// How many blobs are uploaded at once by default.
pub const JOBS: NonZeroUsize = match NonZeroUsize::new(Limits::UPLOADS) {
    Some(jobs) => jobs,
    None => NonZeroUsize::MIN,
};
