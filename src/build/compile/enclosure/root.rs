//! Builds the root file system of an enclosure: the entries of the host's `/`, and a `/build` with hardpan's mounts.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::symlink,
    path::{Component, Path, PathBuf},
};

use rustix::{
    mount::{
        MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change, mount_remount,
        unmount,
    },
    process::{chdir, pivot_root},
};

use super::{BindMount, Enclosure};
use crate::report::io_reason;

/// Where the host's root stands while the new one is built.
const HOST: &str = "/.hardpan-host";
/// Where the file system of the new root is mounted at first; it hides this folder of the host for a moment only.
const FIRST: &str = "/tmp";

/// Gives this process a root with `mounts`. It must be in a mount namespace of its own.
pub(super) fn change_root(mounts: &[BindMount]) -> Result<(), String> {
    // By their real names, because an absolute link would lead out of the host's root after the change.
    let mut resolved = Vec::new();
    for BindMount { host, inside } in mounts {
        let host = fs::canonicalize(host).map_err(|error| failed("find", host, &error))?;
        resolved.push((top_name(inside)?, inside.as_path(), host));
    }
    resolved.sort();
    pivot().map_err(|error| format!("a root of its own is not permitted (pivot_root): {}", io_reason(&error)))?;
    show_host(&resolved)?;
    for (at, (_, inside, host)) in resolved.iter().enumerate() {
        let is_nested = resolved.iter().take(at).any(|(_, outer, _)| inside.starts_with(outer));
        if !is_nested {
            fs::create_dir_all(inside).map_err(|error| failed("make", inside, &error))?;
        }
        bind(&on_host(host), inside)?;
    }
    leave_host_root().map_err(|error| format!("the host's root cannot be left: {}", io_reason(&error)))
}

/// The name below `/build` that `inside` takes.
fn top_name(inside: &Path) -> Result<OsString, String> {
    let refused = || format!("`{}` is not a path below `{}`", inside.display(), Enclosure::ROOT);
    let mut parts = inside.strip_prefix(Enclosure::ROOT).map_err(|_| refused())?.components();
    let first = parts.next();
    match first {
        Some(Component::Normal(name)) if parts.all(|part| matches!(part, Component::Normal(_))) => Ok(name.to_owned()),
        _ => Err(refused()),
    }
}

/// Makes an empty file system the root, in which the old one is a folder.
fn pivot() -> io::Result<()> {
    // Mounts of the host still arrive, ours never leave.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    mount("tmpfs", FIRST, "tmpfs", MountFlags::NODEV | MountFlags::NOSUID, Some(c"mode=0755"))?;
    let put_old = Path::new(FIRST).join(HOST.trim_start_matches('/'));
    fs::create_dir(&put_old)?;
    pivot_root(FIRST, &put_old)?;
    chdir("/")?;
    Ok(())
}

/// The host's root goes, and the new one takes no more entries: they would be lost in silence.
fn leave_host_root() -> io::Result<()> {
    unmount(HOST, UnmountFlags::DETACH)?;
    fs::remove_dir(HOST)?;
    mount_remount("/", MountFlags::BIND | MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID, c"")?;
    Ok(())
}

/// Shows the host's entries of `/`, and those of its `/build` whose names are not taken.
fn show_host(taken: &[(OsString, &Path, PathBuf)]) -> Result<(), String> {
    for name in names(Path::new(HOST))? {
        if name != Enclosure::ROOT.trim_start_matches('/') {
            show(&Path::new(HOST).join(&name), &Path::new("/").join(&name))?;
        }
    }
    let build = Path::new(Enclosure::ROOT);
    fs::create_dir(build).map_err(|error| failed("make", build, &error))?;
    let hosts = on_host(build);
    if hosts.is_dir() {
        for name in names(&hosts)? {
            if !taken.iter().any(|(other, ..)| *other == name) {
                show(&hosts.join(&name), &build.join(&name))?;
            }
        }
    }
    Ok(())
}

/// Shows one entry of the host under another path: a link as the same link, everything else by a mount.
fn show(entry: &Path, to: &Path) -> Result<(), String> {
    let kind = match fs::symlink_metadata(entry) {
        Ok(metadata) => metadata.file_type(),
        // It went in between.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read", to, &error)),
    };
    let made = if kind.is_symlink() {
        fs::read_link(entry).and_then(|target| symlink(target, to))
    } else if kind.is_dir() {
        fs::create_dir(to)
    } else {
        fs::write(to, [])
    };
    made.map_err(|error| failed("make", to, &error))?;
    if kind.is_symlink() { Ok(()) } else { bind(entry, to) }
}

fn bind(from: &Path, to: &Path) -> Result<(), String> {
    mount_bind_recursive(from, to).map_err(|error| failed("mount", to, &error.into()))
}

fn names(folder: &Path) -> Result<Vec<OsString>, String> {
    let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>();
    read().map_err(|error| failed("read", folder, &error))
}

/// An absolute path of the host while its root is a folder.
fn on_host(path: &Path) -> PathBuf {
    Path::new(HOST).join(path.strip_prefix("/").unwrap_or(path))
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {doing} `{}`: {}", path.display(), io_reason(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_stands_below_build_and_nowhere_else() {
        assert_eq!(top_name(Path::new("/build/source")), Ok("source".into()));
        assert_eq!(top_name(Path::new("/build/a/b")), Ok("a".into()));
        for bad in ["/build", "/build/", "/build/..", "/build/a/../../etc", "/buildx/a", "build/a", "/etc"] {
            assert!(top_name(Path::new(bad)).is_err(), "{bad}");
        }
    }
}
