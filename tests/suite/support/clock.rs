//! The clock that file systems take the times of files from.

use std::{fs, thread::sleep, time::Duration};

/// Two ticks of the slowest kernel.
const TICKS: Duration = Duration::from_millis(20);

/// Waits until what is changed from now on has a later time than what was changed before. Asks a file for the time: the
/// kernel's clock for files ticks slower than the other one.
pub fn tick() {
    let probe = tempfile::NamedTempFile::new().expect("a file");
    let now = || {
        fs::write(probe.path(), "now").expect("the file");
        fs::metadata(probe.path()).and_then(|meta| meta.modified()).expect("its time")
    };
    let first = now();
    while now() < first + TICKS {
        sleep(Duration::from_millis(1));
    }
}
