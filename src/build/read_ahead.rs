//! Reads and pins many files with several threads before the resolver needs them. A file that cannot be read is left to
//! the resolver, which reports it at its line of the recipe.

use std::{num::NonZeroUsize, path::Path};

use super::pinned::PinnedFile;
use crate::{
    cache::Cache,
    report::{Limits, parallel},
};

/// The name of the threads.
const THREAD: &str = "read";

/// Files of one folder.
pub(super) struct FolderFiles<'a> {
    /// Canonical.
    pub(super) folder: &'a Path,
    pub(super) names: Vec<&'a [u8]>,
}

/// Pins files, in their order. `None` for a file that cannot be pinned: the caller pins it again and reports the failure.
pub(super) fn pin_folders(
    files: &[FolderFiles<'_>],
    jobs: NonZeroUsize,
    cache: Option<&Cache>,
) -> Vec<Option<PinnedFile>> {
    let pieces: Vec<(&Path, &[&[u8]])> = files
        .iter()
        .flat_map(|beside| beside.names.chunks(Limits::READER_FILES).map(|names| (beside.folder, names)))
        .collect();
    let count: usize = pieces.iter().map(|(_, names)| names.len()).sum();
    let threads = jobs.get().min(Limits::READERS).min(count / Limits::READER_FILES);
    let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
    parallel::map(THREAD, threads, pieces, |_, (folder, names)| PinnedFile::pin_beside(folder, names, cache))
        .into_iter()
        .flatten()
        .collect()
}

/// Pins files (canonical) that may be few and large. Files that cannot be pinned are left out, and all of them where
/// threads would gain nothing: the caller pins them.
pub(super) fn pin_large(files: &[&Path], jobs: NonZeroUsize, cache: Option<&Cache>) -> Vec<PinnedFile> {
    let (files, threads) = plan_reads(files, jobs.get().min(Limits::READERS), cache);
    let Some(threads) = NonZeroUsize::new(threads).filter(|threads| threads.get() > 1) else { return Vec::new() };
    let pinned = parallel::map(THREAD, threads, files, |_, file| PinnedFile::pin(file, "", cache).ok());
    pinned.into_iter().flatten().collect()
}

/// The files to read, the largest first, so that no thread is left with it at the end; and the number of threads.
fn plan_reads<'f>(files: &[&'f Path], most: usize, cache: Option<&Cache>) -> (Vec<&'f Path>, usize) {
    if most < 2 || files.len() < 2 {
        return (Vec::new(), 0);
    }
    let mut unread: Vec<_> = files.iter().map(|file| (PinnedFile::unread_bytes(file, cache), *file)).collect();
    unread.retain(|(bytes, _)| *bytes > 0);
    unread.sort_unstable_by(|one, other| other.cmp(one));
    let worth = unread.iter().fold(0_u64, |all, (bytes, _)| all.saturating_add(*bytes)) / Limits::READER_BYTES;
    let threads = most.min(unread.len()).min(usize::try_from(worth).unwrap_or(usize::MAX));
    (unread.into_iter().map(|(_, file)| file).collect(), threads)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{collections::BTreeSet, path::PathBuf};

    use super::*;
    use crate::cache::Fingerprint;

    #[test]
    fn files_are_in_their_order_and_what_is_missing_is_none() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let names: Vec<_> = (0..5 * Limits::READER_FILES + 9).map(|number| number.to_string()).collect();
        for (number, name) in names.iter().enumerate().filter(|(number, _)| number % 7 != 3) {
            std::fs::write(folders[number % 2].path().join(name), name).unwrap();
        }
        let beside = |(folder, start): (&'_ tempfile::TempDir, usize)| -> Vec<usize> {
            let _ = folder;
            (start..names.len()).step_by(2).collect()
        };
        let numbers: Vec<Vec<usize>> = folders.iter().zip(0..).map(beside).collect();
        let files: Vec<_> = folders
            .iter()
            .zip(&numbers)
            .map(|(folder, numbers)| FolderFiles {
                folder: folder.path(),
                names: numbers.iter().map(|number| names[*number].as_bytes()).collect(),
            })
            .collect();
        for jobs in [1, 2, 3, 16] {
            let pinned = pin_folders(&files, NonZeroUsize::new(jobs).unwrap(), None);
            assert_eq!(pinned.len(), names.len());
            for (number, pinned) in numbers.concat().into_iter().zip(&pinned) {
                let expected = (number % 7 != 3).then(|| Fingerprint::of(number.to_string().as_bytes()));
                assert_eq!(pinned.as_ref().map(PinnedFile::fingerprint), expected, "{number}");
            }
        }
        let gone = FolderFiles { folder: Path::new("/does/not/exist"), names: vec![b"a", b"b"] };
        assert!(matches!(pin_folders(&[gone], NonZeroUsize::MIN, None).as_slice(), [None, None]));
    }

    #[test]
    fn what_became_a_link_or_leads_elsewhere_is_not_pinned() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("real")).unwrap();
        std::fs::write(folder.path().join("real/a"), "a").unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("real/link")).unwrap();
        std::os::unix::fs::symlink("real", folder.path().join("other")).unwrap();
        let pinned = |folder: &Path| {
            let files = [FolderFiles { folder, names: vec![b"a", b"link"] }];
            pin_folders(&files, NonZeroUsize::MIN, None).iter().map(Option::is_some).collect::<Vec<_>>()
        };
        assert_eq!(pinned(&folder.path().join("real")), [true, false]);
        assert_eq!(pinned(&folder.path().join("other")), [false, false]);
    }

    #[test]
    fn a_few_large_files_are_worth_a_thread_each_and_the_largest_is_first() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = usize::try_from(Limits::READER_BYTES).unwrap();
        let paths = [10, bytes, 0, 3 * bytes].map(|size| (folder.path().join(size.to_string()), size));
        for (path, size) in &paths {
            std::fs::write(path, vec![7; *size]).unwrap();
        }
        let missing = folder.path().join("missing");
        let files = [&paths[0].0, &paths[1].0, &paths[2].0, &paths[3].0, &missing].map(PathBuf::as_path);
        assert_eq!(plan_reads(&files, 9, None), (vec![files[3], files[1], files[0]], 3));
        assert_eq!(
            (plan_reads(&files, 1, None).1, plan_reads(&files[..3], 9, None).1, plan_reads(&files[3..4], 9, None).1),
            (0, 1, 0)
        );
        let pinned = pin_large(&files, NonZeroUsize::new(3).unwrap(), None);
        let prints: BTreeSet<_> = pinned.iter().map(PinnedFile::fingerprint).collect();
        assert_eq!(prints, [10, bytes, 3 * bytes].map(|size| Fingerprint::of(&vec![7; size])).into());
    }
}
