//! Sending an image: first looking, then what is missing, tags last.
//!
//! A plan is made of questions alone. Carrying it out sends blobs, then manifests by their digests, each behind what it
//! names; when all repositories have everything, the tags are put, one after the other. Whenever it ends, no tag names
//! something that is not whole, and the next push sends only what is missing.

mod contents;
mod parallel;
mod repository;
mod upload;

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc};

use super::{Access, Reference, auth::Wanted, http::Client};
use crate::{
    oci::Digest,
    place::{BlobRef, Blobs},
    report::{Failure, Limits, Progress},
};
use contents::{Contents, Sent};
use repository::{Repository, Untaken};
use upload::{Arrived, Upload};

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
pub struct Order<'a> {
    /// The manifest or index.
    pub root: &'a BlobRef,
    /// Where its bytes are.
    pub blobs: &'a (dyn Blobs + Sync),
    /// Where it goes; one without a tag is pushed by its digest alone.
    pub targets: &'a [Reference],
    /// The repository that the image is in, where it is in one: blobs may be mounted from there.
    pub from: Option<&'a Reference>,
    /// What becomes of tags.
    pub policy: TagPolicy,
    /// Blobs at once.
    pub jobs: NonZeroUsize,
}

/// What a push to one repository will do, or has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// `host/repository`.
    pub repository: String,
    /// Of the root.
    pub digest: Digest,
    /// Configs and layers; none when the manifest is there, because then they are too.
    pub blobs: Vec<(BlobRef, Fate)>,
    /// Manifests and indexes that are sent, the root last.
    pub manifests: Vec<BlobRef>,
    /// In the order of the command line.
    pub tags: Vec<Tag>,
}

/// What becomes of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The repository has it.
    There,
    /// The registry has it in this repository, and is asked to take it from there.
    Mount(String),
    /// It is sent.
    Upload,
}

/// What becomes of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// What it named before.
    pub was: Option<Digest>,
    /// Whether it is put.
    pub put: bool,
}

/// A push that was looked into and not begun.
pub struct Prepared<'a> {
    order: Order<'a>,
    contents: Contents,
    targets: Vec<(Repository, Plan)>,
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

impl Plan {
    /// Bytes of blobs that are sent.
    pub fn upload_bytes(&self) -> u64 {
        self.blobs.iter().filter(|(_, fate)| *fate == Fate::Upload).map(|(blob, _)| blob.size).sum()
    }

    /// Bytes of blobs that may have to be sent: a mount can be declined.
    fn most_bytes(&self) -> u64 {
        self.blobs.iter().filter(|(_, fate)| *fate != Fate::There).map(|(blob, _)| blob.size).sum()
    }
}

impl<'a> Prepared<'a> {
    /// Asks every registry what it has. Nothing is changed anywhere.
    ///
    /// # Errors
    /// A registry that cannot be reached or lets us not in; a document of the image that is not what it should be; a
    /// tag that names something else, where the policy says that this is a fault.
    pub fn new(order: Order<'a>, access: &Access) -> Result<Self, Failure> {
        let contents = Contents::read(order.root, order.blobs)?;
        let mut clients: BTreeMap<String, Arc<Client>> = BTreeMap::new();
        let mut targets: Vec<(Repository, Plan)> = Vec::new();
        for (name, tags) in by_repository(order.targets, order.root.digest)? {
            let reference = tags.1;
            let told = |failure: Failure| failure.or_in_path(&name);
            let client = match clients.get(reference.host()) {
                Some(client) => Arc::clone(client),
                None => Arc::new(Client::new(reference, access).map_err(told)?),
            };
            clients.insert(reference.host().to_owned(), Arc::clone(&client));
            let from = sources(reference, order.from, &targets);
            let pulled = from.iter().map(|name| format!("repository:{name}:pull"));
            let wanted: Wanted = pulled.chain([format!("repository:{}:pull,push", reference.repository())]).collect();
            let repository = Repository { client, name: reference.repository().to_owned(), wanted };
            let plan = look(&repository, &name, &tags.0, &contents, &order, from.first()).map_err(told)?;
            targets.push((repository, plan));
        }
        Ok(Self { order, contents, targets })
    }

    /// What will be done, one repository each.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.targets.iter().map(|(_, plan)| plan)
    }

    /// Does it.
    ///
    /// # Errors
    /// A registry that refuses, or breaks off more often than [`Limits`] allows. No tag names half an image then.
    pub fn carry_out(self, progress: &dyn Progress) -> Result<Vec<Plan>, Failure> {
        for (repository, plan) in &self.targets {
            self.fill(repository, plan, progress).map_err(|failure| failure.or_in_path(&plan.repository))?;
        }
        let Some(root) = self.contents.documents.last() else { return Err(Failure::new("the image has no manifest")) };
        for (repository, plan) in &self.targets {
            for tag in plan.tags.iter().filter(|tag| tag.put) {
                let put = repository.put(&tag.name, &root.blob, &root.bytes);
                put.map_err(|untaken| untaken.failure().or_in_path(&plan.repository))?;
            }
            for tag in &plan.tags {
                progress.step(&tag.told(&plan.repository, plan.digest));
            }
        }
        Ok(self.targets.into_iter().map(|(_, plan)| plan).collect())
    }

    /// Sends blobs and manifests to one repository.
    fn fill(&self, repository: &Repository, plan: &Plan, progress: &dyn Progress) -> Result<(), Failure> {
        if plan.manifests.is_empty() {
            return Ok(());
        }
        let task = progress.task(&format!("push to {}", plan.repository), Some(plan.most_bytes()));
        let missing: Vec<_> = plan.blobs.iter().filter(|(_, fate)| *fate != Fate::There).collect();
        let arrived = parallel::each(&missing, self.order.jobs, |(blob, fate)| {
            let from = if let Fate::Mount(from) = fate { Some(from.as_str()) } else { None };
            let bytes = self.order.blobs.blob(blob)?;
            let arrived = Upload { to: repository, blob, bytes: &*bytes, task: &*task }.run(from)?;
            progress.trace(&match arrived {
                Arrived::Mounted => format!("mounted {} in {}", blob.digest, plan.repository),
                Arrived::Sent => format!("uploaded {} ({} bytes) to {}", blob.digest, blob.size, plan.repository),
            });
            Ok(arrived)
        })?;
        for sent in self.contents.documents.iter().filter(|sent| plan.manifests.contains(&sent.blob)) {
            self.put(repository, sent, &*task)?;
        }
        drop(task);
        let mounted = arrived.iter().filter(|arrived| **arrived == Arrived::Mounted).count();
        let bytes: u64 = missing
            .iter()
            .zip(&arrived)
            .filter(|(_, arrived)| **arrived == Arrived::Sent)
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

    /// Puts a manifest by its digest. When the registry misses blobs that it said it had, they are sent once more.
    fn put(&self, repository: &Repository, sent: &Sent, task: &dyn crate::report::Task) -> Result<(), Failure> {
        let digest = sent.blob.digest.to_string();
        match repository.put(&digest, &sent.blob, &sent.bytes) {
            Ok(()) => return Ok(()),
            Err(Untaken::Refused(failure)) => return Err(failure),
            Err(Untaken::Incomplete(_)) => {}
        }
        let leaves: Vec<_> = sent.leaves.iter().filter_map(|at| self.contents.blobs.get(*at)).collect();
        parallel::each(&leaves, self.order.jobs, |blob| {
            let bytes = self.order.blobs.blob(blob)?;
            Upload { to: repository, blob, bytes: &*bytes, task }.run(None)
        })?;
        repository.put(&digest, &sent.blob, &sent.bytes).map_err(Untaken::failure)
    }
}

impl Untaken {
    fn failure(self) -> Failure {
        match self {
            Self::Incomplete(failure) | Self::Refused(failure) => failure,
        }
    }
}

impl Tag {
    /// What became of it, in a line.
    fn told(&self, repository: &str, digest: Digest) -> String {
        match (self.was, self.put) {
            (None, _) => format!("tag {repository}:{}", self.name),
            (Some(was), true) => format!("tag {repository}:{} moved, it was {was}", self.name),
            (Some(was), false) if was == digest => format!("tag {repository}:{} is that already", self.name),
            (Some(was), false) => format!("tag {repository}:{} stays with {was}", self.name),
        }
    }
}

/// Tags and one reference of each repository, in the order of the command line.
type Targets<'a> = Vec<(String, (Vec<&'a str>, &'a Reference))>;

fn by_repository(targets: &[Reference], root: Digest) -> Result<Targets<'_>, Failure> {
    let mut all: Targets<'_> = Vec::new();
    for reference in targets {
        if let Some(digest) = reference.digest().filter(|digest| *digest != root) {
            let what = format!("the image is `{root}`, and cannot be pushed as `{digest}`");
            return Err(Failure::new(what).in_path(reference.to_string()).hint("leave the digest out"));
        }
        let name = reference.name();
        let at = all.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            all.push((name, (Vec::new(), reference)));
            all.len() - 1
        });
        if let (Some((_, (tags, _))), Some(tag)) = (all.get_mut(at), reference.tag())
            && !tags.contains(&tag)
        {
            tags.push(tag);
        }
    }
    Ok(all)
}

/// Repositories of the same registry that have the blobs, or will have: where the image is, and earlier targets.
fn sources(to: &Reference, from: Option<&Reference>, earlier: &[(Repository, Plan)]) -> Vec<String> {
    let same = from.filter(|from| from.host() == to.host() && from.repository() != to.repository());
    let own = same.map(|from| from.repository().to_owned());
    let host = format!("{}/", to.host());
    let before = earlier.iter().filter(|(_, plan)| plan.repository.starts_with(&host));
    own.into_iter().chain(before.map(|(repository, _)| repository.name.clone())).take(1).collect()
}

/// Asks one repository what it has.
fn look(
    repository: &Repository,
    name: &str,
    tags: &[&str],
    contents: &Contents,
    order: &Order<'_>,
    from: Option<&String>,
) -> Result<Plan, Failure> {
    let digest = order.root.digest;
    let mut plan =
        Plan { repository: name.to_owned(), digest, blobs: Vec::new(), manifests: Vec::new(), tags: Vec::new() };
    for tag in tags {
        let was = repository.manifest(tag)?;
        let other = was.filter(|was| *was != digest);
        if let (TagPolicy::Fail, Some(other)) = (order.policy, other) {
            let what = format!("the tag `{tag}` is `{other}` already, and `--tag-policy fail` lets no tag move");
            return Err(Failure::new(what));
        }
        let put = was != Some(digest) && !(other.is_some() && order.policy == TagPolicy::Keep);
        plan.tags.push(Tag { name: (*tag).to_owned(), was, put });
    }
    // A registry that has the manifest has all of it: it took it only with what it names.
    let is_tagged = plan.tags.iter().any(|tag| tag.was == Some(digest));
    if is_tagged || repository.manifest(&digest.to_string())?.is_some() {
        return Ok(plan);
    }
    let jobs = order.jobs;
    let there = parallel::each(&contents.documents, jobs, |sent| match sent.blob.digest {
        root if root == digest => Ok(false),
        child => Ok(repository.manifest(&child.to_string())?.is_some()),
    })?;
    let missing = contents.documents.iter().zip(there).filter(|(_, there)| !there).map(|(sent, _)| sent);
    let missing: Vec<_> = missing.collect();
    plan.manifests = missing.iter().map(|sent| sent.blob.clone()).collect();
    let mut leaves: Vec<usize> = missing.iter().flat_map(|sent| sent.leaves.iter().copied()).collect();
    leaves.sort_unstable();
    leaves.dedup();
    let blobs: Vec<_> = leaves.into_iter().filter_map(|at| contents.blobs.get(at)).collect();
    let there = parallel::each(&blobs, jobs, |blob| repository.has_blob(blob))?;
    plan.blobs = blobs
        .into_iter()
        .zip(there)
        .map(|(blob, there)| {
            let fate = match from {
                _ if there => Fate::There,
                Some(from) => Fate::Mount(from.clone()),
                None => Fate::Upload,
            };
            (blob.clone(), fate)
        })
        .collect();
    Ok(plan)
}

/// How many blobs travel at once, when nobody says.
pub const JOBS: NonZeroUsize = match NonZeroUsize::new(Limits::UPLOADS) {
    Some(jobs) => jobs,
    None => NonZeroUsize::MIN,
};
