//! Runs work on many items at once; results and the first failure are those of a serial run.

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use crate::report::Failure;

/// Does `work` for each of `items`, `jobs` at once. After the first failure nothing more is begun.
///
/// # Errors
/// Of several failures the one of the first item.
pub(super) fn map_parallel<T: Sync, R: Send>(
    items: &[T],
    jobs: NonZeroUsize,
    work: impl Fn(&T) -> Result<R, Failure> + Sync,
) -> Result<Vec<R>, Failure> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results: Vec<Mutex<Option<Result<R, Failure>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let run = || {
        while !stop.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(place)) = (items.get(at), results.get(at)) else { return };
            let result = work(item);
            if result.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    thread::scope(|scope| {
        for _ in 1..jobs.get().min(items.len()) {
            scope.spawn(run);
        }
        run();
    });
    let mut done = Vec::with_capacity(items.len());
    for place in results {
        // Of none nothing was begun, because of a failure that comes behind.
        if let Some(result) = place.into_inner().unwrap_or_else(PoisonError::into_inner) {
            done.push(result?);
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn results_keep_the_order_and_the_first_failure_ends_it() {
        let jobs = NonZeroUsize::new(4).unwrap();
        let items: Vec<u32> = (0..100).collect();
        assert_eq!(
            map_parallel(&items, jobs, |item| Ok(item * 2)).unwrap(),
            items.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
        assert!(map_parallel(&[] as &[u32], jobs, |item| Ok(*item)).unwrap().is_empty());
        let begun = AtomicUsize::new(0);
        let failed = map_parallel(&items, jobs, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item >= 3 { Err(Failure::new(format!("{item}"))) } else { Ok(()) }
        });
        assert_eq!(failed.unwrap_err().what, "3");
        assert!(begun.into_inner() <= 8);
    }
}
