//! Many files, read before they are asked for, by as many threads as there are processors.

use std::{num::NonZeroUsize, path::Path, thread};

use super::pinned::{PinnedFile, Scan};
use crate::{cache::Cache, report::Limits};

/// Pins `hosts` (canonical), in their order. What cannot be pinned is `None`: it is read again in its turn, by whoever
/// can say what it is for.
pub(super) fn pin(hosts: &[&Path], jobs: NonZeroUsize, cache: Option<&Cache>) -> Vec<Option<(PinnedFile, Scan)>> {
    let pin = |hosts: &[&Path]| -> Vec<_> { hosts.iter().map(|host| PinnedFile::pin(host, "", cache).ok()).collect() };
    let threads = jobs.get().min(Limits::READERS).min(hosts.len() / Limits::READER_FILES);
    if threads < 2 {
        // Nothing to gain: each is read in its turn.
        return Vec::new();
    }
    thread::scope(|scope| {
        let parts = hosts.chunks(hosts.len().div_ceil(threads));
        // Where the system has no thread left, the files of that part are read in their turn.
        let start = |part| thread::Builder::new().name("read".to_owned()).spawn_scoped(scope, move || pin(part)).ok();
        let started: Vec<_> = parts.map(|part| (part.len(), start(part))).collect();
        let ended = started.into_iter().flat_map(|(files, thread)| {
            let pinned = thread.and_then(|thread| thread.join().ok());
            pinned.unwrap_or_else(|| (0..files).map(|_| None).collect())
        });
        ended.collect()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cache::Fingerprint;

    #[test]
    fn files_are_in_their_order_and_what_is_missing_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> =
            (0..5 * Limits::READER_FILES).map(|number| folder.path().join(number.to_string())).collect();
        for (number, path) in paths.iter().enumerate().filter(|(number, _)| number % 7 != 3) {
            std::fs::write(path, number.to_string()).unwrap();
        }
        let hosts: Vec<&Path> = paths.iter().map(std::path::PathBuf::as_path).collect();
        for jobs in [2, 3, 16] {
            let pinned = pin(&hosts, NonZeroUsize::new(jobs).unwrap(), None);
            assert_eq!(pinned.len(), hosts.len());
            for (number, pinned) in pinned.iter().enumerate() {
                let expected = (number % 7 != 3).then(|| Fingerprint::of(number.to_string().as_bytes()));
                assert_eq!(pinned.as_ref().map(|(file, _)| file.fingerprint()), expected);
            }
        }
        assert!(pin(&hosts, NonZeroUsize::MIN, None).is_empty());
        assert!(pin(&hosts[..9], NonZeroUsize::MAX, None).is_empty());
    }
}
