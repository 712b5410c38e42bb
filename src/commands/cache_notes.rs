//! Tells, once a call, that the cache cannot be used, or that what it remembers cannot be believed.

use crate::{cache::Cache, report::Progress};

/// Takes the lock of the cache, and tells what is in the way. `done` is what the call does, such as `built`.
pub(super) fn enter_cache(cache: Option<&Cache>, done: &str, progress: &dyn Progress) {
    let Some(cache) = cache else { return };
    if let Err(failure) = cache.enter() {
        if !cache.is_readable() {
            progress.step(&format!("note: {done} without a cache: {failure}"));
            return;
        }
        progress.detail(&format!("{done} with a cache that can only be read: {failure}"));
    }
    if let Some(failure) = cache.key_fault() {
        progress.step(&format!("note: what the cache remembers is not used, and nothing is added: {failure}"));
    }
}
