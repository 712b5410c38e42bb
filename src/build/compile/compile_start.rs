//! [`CompileStart`]: the moment at which a compile began to read its sources. What is older is what the compile has read.

use std::{
    fs::{self, File, Metadata},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use crate::cache::{Identity, Moment, tells_edits};

/// The moment at which a compile began, on the clock of the file system of the cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct CompileStart(Option<Moment>);

impl CompileStart {
    /// The time at which `lock`, a file in `folder`, was changed.
    pub(super) fn of(folder: &Path, lock: &File) -> Self {
        Self(lock.metadata().ok().filter(|_| tells_edits(folder)).map(|lock| changed(&lock)))
    }

    /// Whether the file or folder at `path` was not changed since. `false` where its times do not tell edits, or have too
    /// few digits to tell.
    pub(super) fn is_after(&self, path: &Path) -> bool {
        let (Some(start), Ok(file)) = (self.0, fs::metadata(path)) else { return false };
        Identity::of(&file).is_settled(start) && tells_edits(path)
    }
}

fn changed(file: &Metadata) -> Moment {
    (file.ctime(), u32::try_from(file.ctime_nsec()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::{Duration, SystemTime};

    use super::*;

    fn is_older(file: &Metadata, start: &Metadata) -> bool {
        Identity::of(file).is_settled(changed(start))
    }

    #[test]
    fn a_time_of_whole_seconds_is_no_proof_that_a_file_of_that_second_is_older() {
        let folder = tempfile::tempdir().unwrap();
        let (source, lock) = (folder.path().join("source"), folder.path().join("lock"));
        let made = |path: &Path| {
            fs::write(path, "").unwrap();
            std::thread::sleep(Duration::from_millis(25));
            fs::metadata(path).unwrap()
        };
        let source_made = made(&source);
        let start = made(&lock);
        assert!(is_older(&source_made, &start) && !is_older(&start, &source_made));
        let second = |past: u64| {
            let now = start.modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(now - past);
            File::options().write(true).open(&source).unwrap().set_modified(time).unwrap();
            std::thread::sleep(Duration::from_millis(25));
            (fs::metadata(&source).unwrap(), made(&lock))
        };
        let (of_this_second, start_again) = second(0);
        assert!(!is_older(&of_this_second, &start_again));
        let (of_an_earlier_one, start_again) = second(5);
        assert!(is_older(&of_an_earlier_one, &start_again));
    }
}
