//! Pushes an image: plans first, then sends what is missing, and puts tags last.
//!
//! `commands::push` and `build --push` use [`PreparedPush`]. Planning only asks. Carrying a plan out sends blobs, then
//! manifests by their digests, each behind what it names; when all repositories are complete, the tags are put, one
//! after the other. Where one tag of one repository is all that is put, it brings the manifest itself: that saves a wait, and the
//! tag is old or new as before. Whenever a push ends, no tag names an incomplete image, and the next push sends only what is
//! missing.

mod contents;
mod looks;
mod piecewise_upload;
mod plan;
mod referrers;
mod repository;
mod upload;
mod upload_session;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
};

use super::{
    Access,
    http::{RegistryClient, backoff, wait},
};
use crate::{
    image::document::DocumentKind,
    oci::Digest,
    report::{ErrorName, Failure, Limits, Progress, Silent, Task, parallel},
};
use contents::{PushContents, PushDocument};
pub use plan::{BlobAction, PlannedTag, PushJob, PushPlan, PushTarget, TagPolicy, TagRule};
use plan::{PUSH_THREAD, group_by_repository, plan_push};
use repository::{ManifestRefusal, PushRepository, StoredManifest};
use upload::{BlobTransfer, BlobUpload};
pub(super) use upload_session::stored_bytes;

/// A push that is planned and not begun.
pub struct PreparedPush<'a> {
    job: PushJob<'a>,
    contents: PushContents,
    targets: Vec<(PushRepository, PushPlan)>,
    /// Whether the root is put by its tag alone.
    tag_brings_root: bool,
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
        Ok(Self { job, contents, targets, tag_brings_root: false })
    }

    /// The plans, one for each repository.
    pub fn plans(&self) -> impl Iterator<Item = &PushPlan> {
        self.targets.iter().map(|(_, plan)| plan)
    }

    /// Lets the tag bring the manifest, where one tag of one repository is all that is put. Only for the only push of a call: with
    /// more tags, what is refused should be known before the first one moves.
    pub fn let_tag_bring_manifest(&mut self) {
        if let [(_, plan)] = self.targets.as_slice() {
            self.tag_brings_root = plan.tags.len() == 1 && plan.tags.iter().all(|tag| tag.put);
        }
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

    /// Whether a tag has to bring the manifest itself, because a registry did not take it by its digest: what that registry refuses is
    /// known before other tags move only if this push puts its tags first.
    pub fn is_manifest_due(&self) -> bool {
        self.targets.iter().any(|(repository, _)| repository.is_root_due())
    }

    /// Puts the tags, after [`send`](Self::send). Tags that may not move are looked at once more: registries have no way to put a
    /// tag only where it is new, so another client may still be faster by the time of one request.
    ///
    /// # Errors
    /// A registry that refuses; a tag that another client has put meanwhile and that must not move.
    pub fn put_tags(self, progress: &dyn Progress) -> Result<Vec<PushPlan>, Failure> {
        let mut plans: Vec<_> = self.targets.iter().map(|(_, plan)| plan.clone()).collect();
        // First where a tag has to bring the root: what is refused there is known before other tags move.
        let (first, last): (Vec<_>, Vec<_>) =
            self.targets.iter().map(|(to, _)| to).zip(&mut plans).partition(|(to, _)| to.is_root_due());
        for (repository, plan) in first.into_iter().chain(last) {
            let located = |failure: Failure| failure.or_in_path(&plan.repository);
            self.put_tags_of(repository, plan.digest, &mut plan.tags).map_err(located)?;
        }
        for plan in &plans {
            for tag in &plan.tags {
                progress.step(&tag.summary(&plan.repository, plan.digest));
            }
        }
        Ok(plans)
    }

    /// Puts the tags of one repository.
    fn put_tags_of(&self, repository: &PushRepository, digest: Digest, tags: &mut [PlannedTag]) -> Result<(), Failure> {
        let root = self.root()?;
        let task = Silent.task("", None);
        let put = |reference: &str| {
            let stored = self.put_document(repository, reference, root, &*task)?;
            if repository.is_root_due() {
                repository.set_root_due(false);
                self.list_referrers(repository, |sent| sent.blob.digest == digest && !stored.is_listed)?;
            }
            Ok(())
        };
        for tag in tags.iter_mut().filter(|tag| tag.put) {
            if tag.rule.policy != TagPolicy::Replace {
                let was = repository.manifest_digest(&tag.name)?;
                *tag = PlannedTag::plan(&tag.name, &tag.rule, was, digest)?;
                if !tag.put {
                    continue;
                }
            }
            put(&tag.name)?;
        }
        // No tag has brought it after all: another client has put the one that would have.
        if repository.is_root_due() { put(&digest.to_string()) } else { Ok(()) }
    }

    fn root(&self) -> Result<&PushDocument, Failure> {
        self.contents.documents.last().ok_or_else(|| Failure::error(ErrorName::Internal, "the image has no manifest"))
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
        // A login that may not be one is not tried by several at once.
        let jobs = if repository.is_login_doubted() { NonZeroUsize::MIN } else { self.job.jobs };
        let arrived = parallel::try_map_reporting(PUSH_THREAD, jobs, &missing, progress, |(blob, fate), progress| {
            let from = if let BlobAction::Mount(from) = fate { Some(from.as_str()) } else { None };
            let bytes = self.job.blobs.blob(blob)?;
            let upload = BlobUpload { to: repository, blob, bytes: &*bytes, task: &*task, is_whole: true };
            let arrived = upload.run(from)?;
            progress.trace(&match arrived {
                BlobTransfer::Mounted => format!("mounted {} in {}", blob.digest, plan.repository),
                BlobTransfer::Uploaded => {
                    format!("uploaded {} ({} bytes) to {}", blob.digest, blob.size, plan.repository)
                }
            });
            Ok(arrived)
        })?;
        let listed = self.put_manifests(repository, plan, &*task)?;
        let is_due = |sent: &PushDocument| repository.is_root_due() && sent.blob.digest == plan.digest;
        self.list_referrers(repository, |sent| !listed.contains(&sent.blob.digest) && !is_due(sent))?;
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

    /// Puts the manifests by their digests, those that name no other one at once, then indexes, the root last; or leaves the root to
    /// its tags. Tells which of them the registry has listed as referrers.
    fn put_manifests(
        &self,
        repository: &PushRepository,
        plan: &PushPlan,
        task: &dyn Task,
    ) -> Result<BTreeSet<Digest>, Failure> {
        let put = |sent: &PushDocument| self.put_document(repository, &sent.blob.digest.to_string(), sent, task);
        let missing = self.contents.documents.iter().filter(|sent| plan.manifests.contains(&sent.blob));
        let (root, children): (Vec<_>, Vec<_>) = missing.partition(|sent| sent.blob.digest == plan.digest);
        let (images, indexes): (Vec<_>, Vec<_>) =
            children.into_iter().partition(|sent| DocumentKind::of(&sent.blob.media_type) == DocumentKind::Manifest);
        let mut stored: Vec<_> = parallel::try_map(PUSH_THREAD, self.job.jobs, &images, |_, sent| put(sent))?
            .into_iter()
            .zip(&images)
            .map(|(stored, sent)| (stored, *sent))
            .collect();
        for sent in indexes {
            stored.push((put(sent)?, sent));
        }
        for sent in root {
            if self.tag_brings_root {
                repository.set_root_due(true);
                continue;
            }
            match put(sent) {
                Ok(root) => stored.push((root, sent)),
                // Some registries take a manifest by a tag alone.
                Err(failure) if is_refusal(&failure) && plan.tags.iter().any(|tag| tag.put) => {
                    repository.set_root_due(true);
                }
                Err(failure) => return Err(failure),
            }
        }
        let listed = stored.into_iter().filter(|(stored, _)| stored.is_listed);
        Ok(listed.map(|(_, sent)| sent.blob.digest).collect())
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

    /// Puts a manifest by its digest or a tag. When the registry misses blobs that it said it had, they are sent once more. When it calls
    /// a digest invalid, blobs that are missing are sent, and it is asked once more.
    fn put_document(
        &self,
        repository: &PushRepository,
        reference: &str,
        sent: &PushDocument,
        task: &dyn Task,
    ) -> Result<StoredManifest, Failure> {
        let asks_first = match repository.put_manifest(reference, &sent.blob, &sent.bytes) {
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
            if asks_first && repository.has_blob(blob)?.or(false) {
                return Ok(BlobTransfer::Uploaded);
            }
            let bytes = self.job.blobs.blob(blob)?;
            // What came whole and is not there goes in pieces.
            BlobUpload { to: repository, blob, bytes: &*bytes, task, is_whole: false }.run(None)
        })?;
        repository.put_manifest(reference, &sent.blob, &sent.bytes).map_err(ManifestRefusal::failure)
    }
}

/// Whether the registry was reached, let us in, and does not take what it was sent.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.name, Some(ErrorName::RegistryRefusal | ErrorName::RegistryNotFound))
}

/// How many blobs are uploaded at once by default.
pub const JOBS: NonZeroUsize = match NonZeroUsize::new(Limits::UPLOADS) {
    Some(jobs) => jobs,
    None => NonZeroUsize::MIN,
};
