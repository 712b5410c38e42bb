//! What the images of one call of `build` have in common: processors, memory, and which layers are new.
//!
//! `commands` makes one [`BuildRun`] a call; the builds of all recipes share it. It bounds what runs at the same time, and
//! reaches no byte of any image.

use std::{collections::BTreeSet, num::NonZeroUsize};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::cache::Fingerprint;

/// Compiles at the same time. One that finds everything fresh hardly uses a second processor; of more than two that
/// compile much, each with all processors, memory would be the bound.
const COMPILES: usize = 2;

/// Bounds what the images of one call do at the same time.
#[derive(Debug, Default)]
pub struct BuildRun {
    new_layers: Mutex<BTreeSet<Fingerprint>>,
    large_layer: Mutex<()>,
    compiles: Mutex<usize>,
    compile_ended: Condvar,
}

/// The slot of one compile; free again when this is dropped.
#[derive(Debug)]
pub struct CompileSlot<'a>(&'a BuildRun);

impl Drop for CompileSlot<'_> {
    fn drop(&mut self) {
        let mut running = self.0.compiles.lock();
        *running = running.saturating_sub(1);
        self.0.compile_ended.notify_one();
    }
}

impl BuildRun {
    /// Waits until fewer than two programs are being compiled, or fewer than `jobs`. Programs of one workspace queue
    /// anyway, at the lock of its target folder.
    pub fn wait_for_compile_slot(&self, jobs: NonZeroUsize) -> CompileSlot<'_> {
        let most = COMPILES.min(jobs.get());
        let mut running = self.compiles.lock();
        while *running >= most {
            self.compile_ended.wait(&mut running);
        }
        *running += 1;
        CompileSlot(self)
    }

    /// Waits until no other large layer is being packed: packing one takes all processors, and its buffers, so that memory
    /// does not depend on how many images are built at the same time.
    pub(super) fn wait_for_large_layer(&self) -> MutexGuard<'_, ()> {
        self.large_layer.lock()
    }

    /// Notes that this call packed the layer of that key.
    pub(super) fn note_new_layer(&self, key: Fingerprint) {
        self.new_layers.lock().insert(key);
    }

    /// Whether this call packed the layer of that key. Each image of the call reports it as new, whichever of them
    /// was the first.
    pub(super) fn is_new_layer(&self, key: &Fingerprint) -> bool {
        self.new_layers.lock().contains(key)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Barrier,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
    };

    use super::*;

    #[test]
    fn at_most_two_compile_at_a_time_and_with_one_job_one() {
        for (jobs, most) in [(1, 1), (2, 2), (8, 2)] {
            let jobs = NonZeroUsize::new(jobs).unwrap_or(NonZeroUsize::MIN);
            let (run, now, highest) = (BuildRun::default(), AtomicUsize::new(0), AtomicUsize::new(0));
            let start = Barrier::new(6);
            thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        start.wait();
                        let slot = run.wait_for_compile_slot(jobs);
                        highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        (0..1000).for_each(|_| thread::yield_now());
                        now.fetch_sub(1, Ordering::SeqCst);
                        drop(slot);
                    });
                }
            });
            let highest = highest.load(Ordering::SeqCst);
            assert!(highest <= most && now.load(Ordering::SeqCst) == 0, "{highest} of {most}");
        }
    }
}
