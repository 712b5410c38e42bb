//! What the images of one call of `build` have in common: processors, memory, and which layers are new.
//!
//! `commands` makes one [`BuildRun`] a call; the builds of all recipes share it. It bounds what runs at the same time, and
//! reaches no byte of any image.

use std::{collections::BTreeSet, num::NonZeroUsize};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::{cache::Fingerprint, report::Limits};

/// Compiles at the same time where the memory of the machine is not known.
const COMPILES: u64 = 2;

/// Bounds what the images of one call do at the same time.
#[derive(Debug)]
pub struct BuildRun {
    /// How many compiles may run at the same time.
    most_compiles: usize,
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
    /// A run with `jobs` threads and this many bytes of memory, if that is known.
    pub fn new(jobs: NonZeroUsize, memory: Option<u64>) -> Self {
        Self {
            most_compiles: most_compiles(jobs, memory),
            new_layers: Mutex::default(),
            large_layer: Mutex::default(),
            compiles: Mutex::default(),
            compile_ended: Condvar::new(),
        }
    }

    /// Waits until fewer recipes are being compiled than may be: at most as many as there are jobs, and as many as the memory
    /// has room for. Programs of one workspace queue anyway, at the lock of its target folder.
    pub fn wait_for_compile_slot(&self) -> CompileSlot<'_> {
        let mut running = self.compiles.lock();
        while *running >= self.most_compiles {
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

/// How many compiles may run at the same time. Each starts as many compilers as there are jobs, when it has that much to do.
fn most_compiles(jobs: NonZeroUsize, memory: Option<u64>) -> usize {
    let threads = u64::try_from(jobs.get()).unwrap_or(u64::MAX);
    let have_room = memory.map_or(COMPILES, |memory| memory / threads.saturating_mul(Limits::COMPILER_BYTES));
    usize::try_from(have_room).unwrap_or(usize::MAX).clamp(1, jobs.get())
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
    fn as_many_compile_at_a_time_as_there_are_jobs_and_memory_for() {
        let gib = |count: u64| Some(count << 30);
        for (jobs, memory, most) in [
            (1, gib(64), 1),
            (2, gib(64), 2),
            (2, gib(2), 1),
            (4, gib(16), 4),
            (4, gib(7), 2),
            (4, Some(0), 1),
            (16, gib(64), 5),
            (1, None, 1),
            (8, None, 2),
            (usize::MAX, Some(u64::MAX), 1),
        ] {
            let jobs = NonZeroUsize::new(jobs).unwrap_or(NonZeroUsize::MIN);
            assert_eq!(most_compiles(jobs, memory), most, "{jobs} jobs, {memory:?}");
        }
    }

    #[test]
    fn no_more_compile_at_a_time_than_may() {
        for most in [1, 2] {
            let jobs = NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN);
            let run = BuildRun::new(jobs, Some(64 << 30));
            let (now, highest) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let start = Barrier::new(6);
            thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        start.wait();
                        let slot = run.wait_for_compile_slot();
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
