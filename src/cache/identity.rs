//! [`Identity`]: the state of a file (device, inode, size, times) that shows whether it changed since it was read.

use std::{fs::Metadata, os::unix::fs::MetadataExt as _};

use rustix::fs::Stat;
use serde::{Deserialize, Serialize};

/// A moment on the clock of a file system: seconds since 1970, and nanoseconds.
pub type Moment = (i64, u32);

/// Device, inode, size and both times of a file. Where the file system keeps true times
/// ([`tells_changes`](super::tells_changes)), no program can set the time of the last change (`ctime`), so content that was
/// changed under an old modification time has another identity, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    modified: i64,
    changed: i64,
    /// The parts of a second of both: side by side they take no more than they need.
    nanos: (u32, u32),
}

/// Seconds that a coarse clock may stand still: two on FAT, one on old ext3 and HFS+.
const COARSE: i64 = 2;

impl Identity {
    pub(super) const fn new((device, inode): (u64, u64), size: u64, modified: Moment, changed: Moment) -> Self {
        Self { device, inode, size, modified: modified.0, changed: changed.0, nanos: (modified.1, changed.1) }
    }

    /// The identity by the metadata of an open file or a path.
    pub fn of(meta: &Metadata) -> Self {
        let nanos = |nanos: i64| u32::try_from(nanos).unwrap_or_default();
        let modified = (meta.mtime(), nanos(meta.mtime_nsec()));
        Self::new((meta.dev(), meta.ino()), meta.size(), modified, (meta.ctime(), nanos(meta.ctime_nsec())))
    }

    /// The identity by a `stat` relative to the file's directory.
    pub fn of_stat(stat: &Stat) -> Self {
        let nanos = |nanos: u64| u32::try_from(nanos).unwrap_or_default();
        let modified = (stat.st_mtime, nanos(stat.st_mtime_nsec));
        let changed = (stat.st_ctime, nanos(stat.st_ctime_nsec));
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        Self::new((stat.st_dev, stat.st_ino), size, modified, changed)
    }

    /// The identity on a device with another number.
    pub(super) const fn on_device(&self, device: u64) -> Self {
        Self { device, ..*self }
    }

    /// The modification time (`mtime`), which any program may set.
    pub(super) const fn modified(&self) -> Moment {
        (self.modified, self.nanos.0)
    }

    /// The time of the last change (`ctime`), which the kernel sets.
    pub(super) const fn changed(&self) -> Moment {
        (self.changed, self.nanos.1)
    }

    /// Bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is the same file with the same content as far as its size and modification time tell: what a rename or
    /// another link leaves as it was.
    pub fn is_renamed(&self, other: &Self) -> bool {
        (self.device, self.inode, self.size, self.modified())
            == (other.device, other.inode, other.size, other.modified())
    }

    /// Whether a change at `moment` or later is certain to give the file another identity: git's rule of the racy entry.
    ///
    /// A file that was written in the same tick of the clock as it was read may be written again in that tick, and no
    /// time tells.
    pub fn is_settled(&self, moment: Moment) -> bool {
        let before = |time: Moment| {
            // Times that never have a part of a millisecond come from a clock that ticks slower than the kernel's.
            if time.1.is_multiple_of(1_000_000) { time.0.saturating_add(COARSE) <= moment.0 } else { time < moment }
        };
        before(self.modified()) && before(self.changed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed_at(changed: Moment) -> Identity {
        Identity::new((1, 2), 3, (50, 7), changed)
    }

    #[test]
    fn what_was_changed_in_the_same_tick_is_not_settled() {
        assert!(changed_at((100, 4_000_001)).is_settled((100, 8_000_001)));
        assert!(!changed_at((100, 4_000_001)).is_settled((100, 4_000_001)));
        assert!(!changed_at((100, 8_000_001)).is_settled((100, 4_000_001)));
        assert!(!changed_at((101, 1)).is_settled((100, 999_999_999)));
        let modified = Identity::new((1, 2), 3, (200, 1), (100, 1));
        assert!(!modified.is_settled((150, 1)), "a modification time ahead of the clock tells nothing");
    }

    #[test]
    fn whole_milliseconds_wait_for_the_coarsest_clock() {
        assert!(!changed_at((100, 0)).is_settled((101, 999_000_000)));
        assert!(changed_at((100, 0)).is_settled((102, 0)));
        assert!(!changed_at((100, 5_000_000)).is_settled((100, 900_000_000)));
    }
}
