//! Work on many things at once, with the result of one behind the other.

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::report::Failures;

/// Does `work` on each item, up to `jobs` of them at a time, and gives the results in the order of the items.
///
/// # Errors
/// The failure of the first item that has one, as if they were done in turn; items behind it may be done or not.
pub(super) fn side_by_side<T: Sync, R: Send>(
    jobs: NonZeroUsize,
    items: &[T],
    work: impl Fn(usize, &T) -> Result<R, Failures> + Sync,
) -> Result<Vec<R>, Failures> {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let slots: Vec<Mutex<Option<Result<R, Failures>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(slot)) = (items.get(index), slots.get(index)) else { return };
            // What is behind a failure is not wanted any more; what is before it may fail itself.
            if index > failed.load(Ordering::Relaxed) {
                return;
            }
            let result = work(index, item);
            if result.is_err() {
                failed.fetch_min(index, Ordering::Relaxed);
            }
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    thread::scope(|scope| {
        for _ in 1..jobs.get().min(items.len()) {
            // Without another thread this one does it all.
            if thread::Builder::new().name("recipe".to_owned()).spawn_scoped(scope, worker).is_err() {
                break;
            }
        }
        worker();
    });
    slots.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
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
            let all = side_by_side(jobs, &items, |index, item| {
                slow(index);
                Ok(item * 2)
            });
            assert!(all.unwrap().into_iter().eq((0..50).map(|item| item * 2)));
            let failed = side_by_side(jobs, &items, |index, item| {
                slow(index);
                if *item % 10 == 7 { Err(Failure::new(format!("{item}")).into()) } else { Ok(()) }
            });
            assert_eq!(failed.unwrap_err().0, [Failure::new("7")]);
        }
        assert!(side_by_side(NonZeroUsize::MIN, &[0; 0], |_, _| Ok(())).unwrap().is_empty());
    }
}
