//! Runs jobs in parallel with the results of a serial run.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::report::Failures;

/// Does `work` on each item, up to `jobs` of them at a time, and gives the results in the order of the items. What an item
/// takes in memory can go as soon as its work is done.
///
/// # Errors
/// The failure of the first item that has one, as if they were done in turn; items behind it may be done or not.
pub(super) fn side_by_side<T: Send, R: Send>(
    jobs: NonZeroUsize,
    items: Vec<T>,
    work: impl Fn(usize, T) -> Result<R, Failures> + Sync,
) -> Result<Vec<R>, Failures> {
    let (count, failed) = (items.len(), AtomicUsize::new(usize::MAX));
    let left: Mutex<BTreeMap<usize, T>> = Mutex::new(items.into_iter().enumerate().collect());
    let results: Mutex<Vec<(usize, Result<R, Failures>)>> = Mutex::default();
    let worker = || {
        loop {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
            let Some((index, item)) = next else { return };
            // What is behind a failure is not wanted any more; what is before it may fail itself.
            if index > failed.load(Ordering::Relaxed) {
                return;
            }
            let result = work(index, item);
            if result.is_err() {
                failed.fetch_min(index, Ordering::Relaxed);
            }
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    thread::scope(|scope| {
        for _ in 1..jobs.get().min(count) {
            // Without another thread this one does it all.
            if thread::Builder::new().name("recipe".to_owned()).spawn_scoped(scope, worker).is_err() {
                break;
            }
        }
        worker();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;
    use crate::report::Failure;

    #[test]
    fn results_and_failures_are_those_of_one_behind_the_other() {
        let items: Vec<usize> = (0..50).collect();
        for jobs in [1, 2, 7, 100] {
            let jobs = NonZeroUsize::new(jobs).unwrap();
            let slow = |index: usize| thread::sleep(Duration::from_micros(((50 - index) * 20) as u64));
            let all = side_by_side(jobs, items.clone(), |index, item| {
                slow(index);
                Ok(item * 2)
            });
            assert!(all.unwrap().into_iter().eq((0..50).map(|item| item * 2)));
            let failed = side_by_side(jobs, items.clone(), |index, item| {
                slow(index);
                if item % 10 == 7 { Err(Failure::new(format!("{item}")).into()) } else { Ok(()) }
            });
            assert_eq!(failed.unwrap_err().0, [Failure::new("7")]);
        }
        assert!(side_by_side(NonZeroUsize::MIN, vec![0; 0], |_, _| Ok(())).unwrap().is_empty());
    }
}
