//! A cache of glibc's loader gives paths that are in it, and not many more of them than it has bytes.

use super::checks;

/// Names that are asked for.
const NAMES: usize = 64;

pub fn run(bytes: &[u8]) {
    let text = checks::text(bytes);
    let mut names: Vec<&str> = text.split('\0').filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(NAMES);
    let paths = hardpan::rootfs::programs::fuzzing::ld_cache(bytes, &names);
    assert!(paths.iter().all(|path| text.contains(path.as_str())));
    assert!(paths.iter().map(String::len).sum::<usize>() <= 16 * bytes.len());
}
