//! The parallel map: the one pool of worker threads over a list of items.
//!
//! Everything that works on many items at once uses it (recipes, input files, blobs of a registry), so that it has one
//! contract: the caller cannot tell from results, failure or printed lines how many threads there were.

use std::{
    convert::Infallible,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use parking_lot::Mutex;

use super::{OrderedProgress, Progress};

/// Calls `work` with the index and the value of each item, on up to `threads` threads, the calling one included. Returns
/// the results in the order of the items. An item is dropped when its work is done. Threads have `name`.
///
/// # Errors
/// The error of the first item, in the order of the items, whose work fails: a serial run returns the same. After an
/// error no further item is begun.
///
/// # Panics
/// A panic of `work` is passed on, unless an item before it fails.
pub fn try_map<I, R, E>(
    name: &str,
    threads: NonZeroUsize,
    items: I,
    work: impl Fn(usize, I::Item) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E>
where
    I: IntoIterator<IntoIter: ExactSizeIterator + Send>,
    R: Send,
    E: Send,
{
    let items = items.into_iter();
    let threads = threads.get().min(items.len());
    let (queue, is_stopped) = (Mutex::new(items.enumerate()), AtomicBool::new(false));
    // Items are begun in their order, so that all items before one that fails have been begun, and end.
    let worker = || {
        let mut done = Vec::new();
        while !is_stopped.load(Ordering::Relaxed) {
            let Some((index, item)) = queue.lock().next() else { break };
            let result = catch_unwind(AssertUnwindSafe(|| work(index, item)));
            if !matches!(result, Ok(Ok(_))) {
                is_stopped.store(true, Ordering::Relaxed);
            }
            done.push((index, result));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        // When the system has no more threads, those that run do the work.
        let start = |_| thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, worker).ok();
        let started: Vec<_> = (1..threads).map_while(start).collect();
        let mut done = worker();
        for thread in started {
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result.unwrap_or_else(|panic| resume_unwind(panic))).collect()
}

/// Does two things at the same time, `beside` on a thread with `name`; one after the other where the system has no more threads.
///
/// # Panics
/// A panic of either is passed on.
pub fn both<A, B: Send>(name: &str, here: impl FnOnce() -> A, beside: impl Fn() -> B + Sync) -> (A, B) {
    let beside = &beside;
    thread::scope(|scope| {
        let started = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, beside);
        let here = here();
        let beside = match started {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => beside(),
        };
        (here, beside)
    })
}

/// [`try_map`] for work that does not fail.
pub fn map<I, R>(name: &str, threads: NonZeroUsize, items: I, work: impl Fn(usize, I::Item) -> R + Sync) -> Vec<R>
where
    I: IntoIterator<IntoIter: ExactSizeIterator + Send>,
    R: Send,
{
    let Ok(results) = try_map(name, threads, items, |index, item| Ok::<_, Infallible>(work(index, item)));
    results
}

/// [`try_map`] for work that reports progress: `progress` gets the lines that a serial run prints, in the same order.
///
/// # Errors
/// Those of [`try_map`].
pub fn try_map_reporting<I, R, E>(
    name: &str,
    threads: NonZeroUsize,
    items: I,
    progress: &dyn Progress,
    work: impl Fn(I::Item, &dyn Progress) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E>
where
    I: IntoIterator<IntoIter: ExactSizeIterator + Send>,
    R: Send,
    E: Send,
{
    let ordered = OrderedProgress::new(progress);
    try_map(name, threads, items, |index, item| ordered.report(index, |progress| work(item, progress)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::{
        sync::{Arc, atomic::AtomicUsize},
        time::Duration,
    };

    use super::{
        super::{Failure, ProgressLevel, Silent, Task},
        *,
    };

    fn threads(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    /// Later items end before earlier ones.
    fn sleep(index: usize) {
        thread::sleep(Duration::from_micros(((50 - index.min(50)) * 20) as u64));
    }

    #[test]
    fn results_and_the_first_error_are_those_of_a_serial_run() {
        for count in [1, 2, 7, 100] {
            let doubled = map("test", threads(count), 0..50_usize, |index, item| {
                assert_eq!(index, item);
                sleep(index);
                item * 2
            });
            assert!(doubled.into_iter().eq((0..50).map(|item| item * 2)));
            let failed = try_map("test", threads(count), 0..50_usize, |index, item| {
                sleep(index);
                if item % 10 == 7 { Err(item) } else { Ok(()) }
            });
            assert_eq!(failed, Err(7));
        }
        assert_eq!(try_map("test", threads(2), [0; 0], |_, item| Err::<(), _>(item)), Ok(Vec::new()));
    }

    #[test]
    fn two_things_are_done_and_a_panic_of_either_is_passed_on() {
        assert_eq!(both("test", || 1, || "two"), (1, "two"));
        let panics = |here: bool| {
            let work = |panics: bool| {
                assert!(!panics, "this one");
            };
            catch_unwind(|| both("test", || work(here), || work(!here))).unwrap_err()
        };
        assert!([true, false].iter().all(|here| panics(*here).downcast_ref() == Some(&"this one")));
    }

    #[test]
    fn nothing_is_begun_after_an_error() {
        let begun = AtomicUsize::new(0);
        let failed = try_map("test", threads(4), 0..100, |_, item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if item >= 3 { Err(item) } else { Ok(()) }
        });
        assert_eq!(failed, Err(3));
        // Each of the four threads may have one item in hand when another one fails.
        assert!(begun.into_inner() <= 7);
    }

    #[test]
    fn a_panic_is_passed_on_unless_an_item_before_it_fails() {
        for count in [1, 4] {
            let run = |fails: usize| {
                catch_unwind(|| {
                    try_map("test", threads(count), 0..20_usize, |index, item| {
                        sleep(index);
                        match item {
                            5 => panic!("five"),
                            item if item == fails => Err(item),
                            _ => Ok(()),
                        }
                    })
                })
            };
            assert_eq!(run(6).unwrap_err().downcast_ref(), Some(&"five"));
            assert_eq!(run(4).unwrap(), Err(4));
        }
    }

    /// Keeps the steps that it gets.
    #[derive(Debug, Default)]
    struct Steps(Mutex<Vec<String>>);

    impl Progress for Steps {
        fn step(&self, line: &str) {
            self.0.lock().push(line.to_owned());
        }

        fn detail(&self, _line: &str) {}
        fn trace(&self, _line: &str) {}
        fn warn(&self, _failure: &Failure) {}

        fn task(&self, what: &str, bytes: Option<u64>) -> Arc<dyn Task> {
            Silent.task(what, bytes)
        }

        fn shows(&self, _level: ProgressLevel) -> bool {
            true
        }
    }

    #[test]
    fn progress_is_that_of_a_serial_run_up_to_the_first_error() {
        for count in [1, 2, 7] {
            let steps = Steps::default();
            let failed = try_map_reporting("test", threads(count), 0..30_usize, &steps, |item, progress| {
                progress.step(&format!("{item} begins"));
                sleep(item);
                progress.step(&format!("{item} ends"));
                if item % 10 == 7 { Err(item) } else { Ok(()) }
            });
            assert_eq!(failed, Err(7));
            let expected = (0..8).flat_map(|item| [format!("{item} begins"), format!("{item} ends")]);
            assert!(steps.0.into_inner().into_iter().eq(expected), "{count} threads");
        }
    }

    #[test]
    fn no_more_threads_run_than_asked_for_and_all_of_those() {
        let (now, highest) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let barrier = std::sync::Barrier::new(3);
        map("test", threads(3), 0..9, |_, _| {
            highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Three items at a time, or this waits forever.
            barrier.wait();
            now.fetch_sub(1, Ordering::SeqCst);
        });
        assert_eq!(highest.into_inner(), 3);
    }
}
