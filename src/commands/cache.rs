//! `hardpan cache`: status, prune and verify of the cache.

use crate::{
    cache::{Cache, Pruned, Status, Verified},
    report::{Failure, Progress},
};

/// What is in the cache.
pub fn status(cache: &Cache) -> Status {
    cache.status()
}

/// Removes what was not used for longest until no more than `limit` bytes are left.
pub fn prune(cache: &Cache, limit: u64, progress: &dyn Progress) -> Result<Pruned, Failure> {
    let _task = progress.task("prune the cache, once no build uses it", None);
    cache.prune(limit)
}

/// Reads all of it, and removes what is damaged.
pub fn verify(cache: &Cache, progress: &dyn Progress) -> Result<Verified, Failure> {
    let _task = progress.task("verify the cache, once no build uses it", None);
    cache.verify()
}
