//! The memory that this process may use, which bounds how many compilers run at the same time.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where version 2 of control groups is, by systemd's and every container runtime's convention.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// Bytes: what the system can give without swapping, or less where a control group allows less, as in a container or a job of a
/// pipeline. `None` where the system does not say.
pub(super) fn available_memory() -> Option<u64> {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let system = read(Path::new("/proc/meminfo")).as_deref().and_then(of_meminfo);
    let group = read(Path::new("/proc/self/cgroup")).as_deref().and_then(group_path);
    let folders = group.iter().flat_map(|group| group.ancestors()).take_while(|path| path.starts_with(CONTROL_GROUPS));
    // The group that a container sees as the root one has its limit there.
    let limits = folders.filter_map(|folder| of_limit(&read(&folder.join("memory.max"))?));
    system.into_iter().chain(limits).min()
}

/// `MemAvailable` of `/proc/meminfo`, which is in units of 1024 bytes (proc_meminfo(5)).
fn of_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}

/// The folder of the group that `/proc/self/cgroup` names for version 2: `0::/PATH` (cgroups(7)).
fn group_path(text: &str) -> Option<PathBuf> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    // A process outside of its namespace sees `/../..`.
    let is_below = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    Some(if is_below { Path::new(CONTROL_GROUPS).join(path) } else { PathBuf::from(CONTROL_GROUPS) })
}

/// `memory.max` of a group; `max` is no limit.
fn of_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let text = "MemTotal:       16384000 kB\nMemFree:  1 kB\nMemAvailable:    2048 kB\n";
        assert_eq!((of_meminfo(text), of_meminfo("MemFree: 1 kB\n")), (Some(2 << 20), None));
        assert_eq!((of_limit("1073741824\n"), of_limit("max\n"), of_limit("")), (Some(1 << 30), None, None));
        let group = |text| group_path(text).map(|path| path.display().to_string());
        assert_eq!(group("1:cpu:/x\n0::/a.slice/b\n").as_deref(), Some("/sys/fs/cgroup/a.slice/b"));
        assert_eq!(group("0::/\n").as_deref(), Some("/sys/fs/cgroup/"));
        assert_eq!(group("0::/../../x\n").as_deref(), Some("/sys/fs/cgroup"));
        assert_eq!(group("1:memory:/x\n"), None);
    }
}
