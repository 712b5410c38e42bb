//! What tells one state of a file from another without reading it.

use std::{fs::Metadata, os::unix::fs::MetadataExt as _};

/// A moment on the clock of a file system: seconds since 1970, and nanoseconds.
pub type Moment = (i64, u32);

/// Device, inode, size and both times of a file. Nobody can set the time of the last change (`ctime`), so content that
/// was changed under an old modification time has another identity, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) modified: Moment,
    pub(super) changed: Moment,
}

/// Seconds that a coarse clock may stand still: two on FAT, one on old ext3 and HFS+.
const COARSE: i64 = 2;

impl Identity {
    /// The identity of what was looked at.
    pub fn of(meta: &Metadata) -> Self {
        let nanos = |nanos: i64| u32::try_from(nanos).unwrap_or_default();
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), nanos(meta.mtime_nsec())),
            changed: (meta.ctime(), nanos(meta.ctime_nsec())),
        }
    }

    /// Bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is the same file with the same content as far as its size and modification time tell: what a rename or
    /// another link leaves as it was.
    pub fn is_renamed(&self, other: &Self) -> bool {
        (self.device, self.inode, self.size, self.modified) == (other.device, other.inode, other.size, other.modified)
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
        before(self.modified) && before(self.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed_at(changed: Moment) -> Identity {
        Identity { device: 1, inode: 2, size: 3, modified: (50, 7), changed }
    }

    #[test]
    fn what_was_changed_in_the_same_tick_is_not_settled() {
        assert!(changed_at((100, 4_000_001)).is_settled((100, 8_000_001)));
        assert!(!changed_at((100, 4_000_001)).is_settled((100, 4_000_001)));
        assert!(!changed_at((100, 8_000_001)).is_settled((100, 4_000_001)));
        assert!(!changed_at((101, 1)).is_settled((100, 999_999_999)));
        let modified = Identity { modified: (200, 1), ..changed_at((100, 1)) };
        assert!(!modified.is_settled((150, 1)), "a modification time ahead of the clock tells nothing");
    }

    #[test]
    fn whole_milliseconds_wait_for_the_coarsest_clock() {
        assert!(!changed_at((100, 0)).is_settled((101, 999_000_000)));
        assert!(changed_at((100, 0)).is_settled((102, 0)));
        assert!(!changed_at((100, 5_000_000)).is_settled((100, 900_000_000)));
    }
}
