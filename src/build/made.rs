//! Layers that were made in this call, for all of its images.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{cache::Fingerprint, layer::Written, place::StagedBlob};

/// By everything that reaches their bytes.
type Layers = BTreeMap<Fingerprint, (Written, StagedBlob)>;

/// Layers by everything that reaches their bytes. Images that are built side by side take a layer from where it was
/// staged first, whether that image has passed its gate or not: each image has a gate of its own, and none of them becomes
/// visible when one fails.
#[derive(Debug, Default)]
pub struct Made {
    layers: Mutex<Layers>,
    large: Mutex<()>,
    compiles: CompilePlaces,
}

/// How many programs are being compiled, and those that wait for their place.
#[derive(Debug, Default)]
struct CompilePlaces {
    taken: Mutex<usize>,
    freed: Condvar,
}

/// The place of one compile; it is free again when this is dropped.
#[derive(Debug)]
pub struct CompilePlace<'a>(&'a CompilePlaces);

impl Drop for CompilePlace<'_> {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_sub(1);
        self.0.freed.notify_one();
    }
}

/// Compiles at the same time. One that finds everything fresh hardly uses a second processor; of more than two that
/// compile much, each with all processors, memory would be the bound.
const COMPILES: usize = 2;

impl Made {
    /// The layer of that key.
    pub(super) fn find(&self, key: &Fingerprint) -> Option<(Written, StagedBlob)> {
        self.layers().get(key).cloned()
    }

    /// Whether the layer of that key was made.
    pub(super) fn has(&self, key: &Fingerprint) -> bool {
        self.layers().contains_key(key)
    }

    /// Takes note of a layer.
    pub(super) fn add(&self, key: Fingerprint, written: &Written, blob: StagedBlob) {
        self.layers().entry(key).or_insert_with(|| (written.clone(), blob));
    }

    /// Waits for a place to compile in. Programs of one workspace queue anyway, at the folder in which it is compiled.
    pub fn compile_place(&self, jobs: NonZeroUsize) -> CompilePlace<'_> {
        let most = COMPILES.min(jobs.get());
        let mut taken = self.compiles.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken >= most {
            taken = self.compiles.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken += 1;
        CompilePlace(&self.compiles)
    }

    /// Waits for the turn of what takes all processors for itself: one large layer at a time, so that memory does not
    /// depend on how many images are built side by side.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn layers(&self) -> MutexGuard<'_, Layers> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    fn no_more_than_two_compile_at_a_time_and_with_one_job_one() {
        for (jobs, most) in [(1, 1), (2, 2), (8, 2)] {
            let jobs = NonZeroUsize::new(jobs).unwrap_or(NonZeroUsize::MIN);
            let (made, now, highest) = (Made::default(), AtomicUsize::new(0), AtomicUsize::new(0));
            thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        let place = made.compile_place(jobs);
                        highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(5));
                        now.fetch_sub(1, Ordering::SeqCst);
                        drop(place);
                    });
                }
            });
            let highest = highest.load(Ordering::SeqCst);
            assert!(highest <= most && now.load(Ordering::SeqCst) == 0, "{highest} of {most}");
        }
    }
}
