//! Whether a dynamically linked program would start in the image.

use std::collections::BTreeSet;

use super::merged::{Merged, Node, NodeKind};
use crate::{elf::Elf, oci::ImagePath};

/// Where glibc's loader looks when a file does not say and there is no `ld.so.cache`: Debian's folders and Fedora's.
const GLIBC_FOLDERS: [&str; 6] = ["/lib/{}", "/usr/lib/{}", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];
/// Where musl's loader looks.
const MUSL_FOLDERS: [&str; 3] = ["/lib", "/usr/local/lib", "/usr/lib"];

/// The loader and the libraries, of the program and of its libraries, that are not in the image.
pub(super) fn missing(merged: &Merged, program: &ImagePath, elf: &Elf) -> Vec<String> {
    let mut missing = Vec::new();
    if let Some(loader) = &elf.loader
        && find(merged, loader).is_none()
    {
        missing.push(loader.clone());
    }
    let is_musl = elf.loader.as_ref().is_some_and(|loader| loader.contains("/ld-musl-"));
    let folders = if is_musl { &MUSL_FOLDERS[..] } else { &GLIBC_FOLDERS };
    let mut seen = BTreeSet::new();
    let mut open = vec![(program.clone(), elf.clone())];
    while let Some((path, elf)) = open.pop() {
        for name in &elf.needed {
            if !seen.insert(name.clone()) || is_musl && is_in_musls_loader(name) {
                continue;
            }
            match library(merged, &path, &elf, name, folders) {
                None => missing.push(name.clone()),
                Some(found) => open.push(found),
            }
        }
    }
    missing
}

/// The program's loader, when it is in the image without the permission that the kernel asks for (`execve`, EACCES).
pub(super) fn idle_loader<'a>(merged: &'a Merged, elf: &Elf) -> Option<(ImagePath, &'a Node)> {
    let path = find(merged, elf.loader.as_ref()?)?;
    let node = merged.get(&path)?;
    (node.mode & 0o111 == 0).then_some((path, node))
}

/// The library of that name for a machine like `elf`'s: its place, and what it needs itself.
fn library(merged: &Merged, path: &ImagePath, elf: &Elf, name: &str, folders: &[&str]) -> Option<(ImagePath, Elf)> {
    let origin = path.parent().unwrap_or_else(ImagePath::root).to_text().into_owned();
    let written = elf.search.iter().map(|folder| folder.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin));
    let triple = match elf.machine.number {
        62 => "x86_64-linux-gnu",
        183 => "aarch64-linux-gnu",
        40 => "arm-linux-gnueabihf",
        3 => "i386-linux-gnu",
        243 => "riscv64-linux-gnu",
        21 => "powerpc64le-linux-gnu",
        22 => "s390x-linux-gnu",
        _ => "none",
    };
    let usual = folders.iter().map(|folder| folder.replace("{}", triple));
    let candidates = if name.contains('/') {
        vec![name.to_owned()]
    } else {
        written.chain(usual).map(|folder| format!("{folder}/{name}")).collect()
    };
    candidates.iter().filter_map(|candidate| find(merged, candidate)).find_map(|found| {
        let NodeKind::File(body) = &merged.get(&found)?.kind else { return None };
        let library = body.elf().ok()?.ok()?;
        library.machine.same_cpu(elf.machine).then_some((found, library))
    })
}

/// Whether musl's loader is that library itself (`load_library` in `ldso/dynlink.c`).
fn is_in_musls_loader(name: &str) -> bool {
    let own = ["c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."];
    name.strip_prefix("lib").is_some_and(|rest| own.iter().any(|own| rest.starts_with(own)))
}

/// The file at an absolute path of the image; `..` and doubled slashes as the kernel takes them.
fn find(merged: &Merged, path: &str) -> Option<ImagePath> {
    let mut names = path.strip_prefix('/')?.split('/');
    let clean = names.try_fold(ImagePath::root(), |at, name| match name {
        "" | "." => Some(at),
        ".." => Some(at.parent().unwrap_or(at)),
        name => at.join(name.as_bytes()).ok(),
    })?;
    let end = merged.follow(&clean).ok()?;
    matches!(merged.get(&end)?.kind, NodeKind::File(_)).then_some(end)
}
