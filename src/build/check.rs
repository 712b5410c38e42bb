//! Checks of the planned file system that hold for every image, whatever its recipe says: entrypoint, programs and
//! their libraries, links, writable directories. The resolver runs them before anything is packed; the audit runs its
//! rules later.

use super::{
    plan::GroupKind,
    planned_rootfs::{FileBody, NodeKind, PlannedNode, PlannedPrograms, PlannedRootfs},
};
use crate::{
    elf::{self, Elf},
    oci::{ImagePath, Platform},
    recipe::Located,
    report::{ErrorName, Failure, Origin, Rule, printable},
    rootfs::{
        ResolveError, join, parent,
        programs::{Loader, LoaderSearch},
    },
};

/// A refusal about a path of the image; the path is what an exception of the policy may name.
#[derive(Debug)]
pub(super) struct Objection {
    pub(super) path: Option<ImagePath>,
    pub(super) failure: Failure,
}

/// How each toolchain links a program that needs nothing from the image.
const LINK_STATICALLY: &str =
    "link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C";

/// Checks the finished file system of one platform. Reports every fault, not only the first one.
pub(super) fn check_rootfs(
    rootfs: &PlannedRootfs,
    env: &[String],
    entrypoint: &str,
    at: &Origin,
    platform: &Platform,
) -> Vec<Objection> {
    let mut found = Vec::new();
    let programs = PlannedPrograms { rootfs, env };
    let mut search = LoaderSearch::new(&programs);
    let mut object = |path: &ImagePath, failure: Failure| found.push(Objection { path: Some(path.clone()), failure });
    let entry = match resolve_entrypoint(rootfs, entrypoint) {
        Ok(path) => Some(path),
        Err(failure) => {
            found.push(Objection { path: None, failure: failure.at(at) });
            return found;
        }
    };
    for (path, node) in rootfs.iter() {
        let is_entry = entry.as_ref() == Some(path);
        if let NodeKind::File(body) = &node.kind {
            if is_entry && node.mode & 0o111 == 0 {
                let what =
                    format!("the run user cannot execute the entrypoint `{path}`: its mode is {:04o}", node.mode);
                let failure = Failure::refused(Rule::EntrypointNotExecutable, what);
                let hint = match node.group {
                    GroupKind::Base => "build on a base where every user may execute it",
                    _ => "add `mode = \"0555\"` to its `[[file]]`, or `executable = \"...\"` to its `[[tree]]`",
                };
                object(path, failure.at(&node.origin).hint(hint));
            } else if (is_entry || node.group == GroupKind::Binaries)
                && let Some(failure) = check_program(&mut search, path, body, is_entry, platform)
            {
                object(path, failure.at(&node.content));
            }
        }
        if let Some(failure) = check_writable(rootfs, path, node, entry.as_ref()) {
            object(path, failure);
        }
        // The audit reports links of the base.
        if node.group != GroupKind::Base
            && let NodeKind::Symlink(target) = &node.kind
            && let Some(failure) = check_link(rootfs, path, target, node)
        {
            object(path, failure);
        }
    }
    found
}

/// The checks that need no compiled programs: writable directories and links.
pub(super) fn check_before_compile(rootfs: &PlannedRootfs, entry: Option<&ImagePath>) -> Vec<Objection> {
    let mut found = Vec::new();
    for (path, node) in rootfs.iter().filter(|(_, node)| node.group != GroupKind::Base) {
        let link = match &node.kind {
            NodeKind::Symlink(target) => check_link(rootfs, path, target, node),
            _ => None,
        };
        let failures = check_writable(rootfs, path, node, entry).into_iter().chain(link);
        found.extend(failures.map(|failure| Objection { path: Some(path.clone()), failure }));
    }
    found
}

/// The working directory must be a folder: the runtime changes to it before it starts the program.
pub(super) fn check_workdir(rootfs: &PlannedRootfs, workdir: &Located<ImagePath>) -> Result<(), Failure> {
    let end = rootfs.follow(&workdir.value).ok();
    match end.as_ref().and_then(|end| rootfs.get(end.as_str())).map(|node| &node.kind) {
        Some(NodeKind::File(_) | NodeKind::Special) => Err(Failure::error(
            ErrorName::EntryConflict,
            format!("the working directory `{}` is a file", workdir.value),
        )
        .at(&workdir.origin)),
        _ => Ok(()),
    }
}

/// The file that the entrypoint names, links followed.
fn resolve_entrypoint(rootfs: &PlannedRootfs, entrypoint: &str) -> Result<ImagePath, Failure> {
    let shown = printable(entrypoint);
    let path = ImagePath::parse(entrypoint).map_err(|error| {
        Failure::error(ErrorName::ProgramAccess, format!("the entrypoint `{shown}`: {error}"))
            .hint("there is no shell to search a PATH")
    })?;
    let end = rootfs.follow(&path).map_err(|lost| {
        let failure = Failure::error(
            ErrorName::ProgramAccess,
            match lost {
                ResolveError::Absent | ResolveError::NotADirectory => {
                    format!("the entrypoint `{shown}` is not in the image")
                }
                ResolveError::Loop => format!("the entrypoint `{shown}` is a link that leads back to itself"),
                ResolveError::Exhausted => "resolving the symbolic links of the image takes too many steps".to_owned(),
            },
        );
        match program_paths(rootfs).as_slice() {
            [] => failure,
            all => failure.hint(format!("the image has {}", all.join(", "))),
        }
    })?;
    match rootfs.get(end.as_str()).map(|node| &node.kind) {
        Some(NodeKind::File(_)) => Ok(end),
        Some(NodeKind::Special) => {
            Err(Failure::error(ErrorName::ProgramAccess, format!("the entrypoint `{shown}` is a device")))
        }
        _ => Err(Failure::error(ErrorName::ProgramAccess, format!("the entrypoint `{shown}` is a folder"))),
    }
}

fn program_paths(rootfs: &PlannedRootfs) -> Vec<String> {
    let binaries = rootfs.iter().filter(|(_, node)| node.group == GroupKind::Binaries);
    binaries
        .filter(|(_, node)| matches!(node.kind, NodeKind::File(_)))
        .map(|(path, _)| format!("`{path}`"))
        .take(8)
        .collect()
}

/// A program must be an ELF file for the platform, and find all it needs in the image.
fn check_program(
    search: &mut LoaderSearch<'_, PlannedPrograms<'_>>,
    path: &ImagePath,
    body: &FileBody,
    is_entry: bool,
    platform: &Platform,
) -> Option<Failure> {
    let role = if is_entry { "the entrypoint " } else { "" };
    let parsed = match body.elf() {
        Ok(parsed) => parsed,
        Err(error) => {
            return Some(Failure::error(ErrorName::InputChanged, format!("cannot read `{path}` again: {error}")));
        }
    };
    let elf = match parsed {
        Ok(elf) => elf,
        Err(why) => {
            let failure = Failure::error(ErrorName::ProgramFormat, format!("{role}`{path}` {}", why.sentence()));
            return Some(match why {
                elf::NotElf::Script(_) => failure.hint("there is no interpreter in the image; ship a compiled program"),
                _ => failure,
            });
        }
    };
    if let Some(own) = elf.unfit(platform) {
        let what = format!("{role}`{path}` is for {own}, the image is for {platform}");
        let hint = "build it for the image's platform, or limit the entry with `platforms = [..]`";
        return Some(Failure::refused(Rule::WrongArchitecture, what).hint(hint));
    }
    if !elf.starts {
        return Some(Failure::error(
            ErrorName::ProgramFormat,
            format!("{role}`{path}` is a library without an entry point, not a program"),
        ));
    }
    check_loading(search, path, role, &elf)
}

/// A program that is linked dynamically must find its loader and every library in the image.
fn check_loading(
    search: &mut LoaderSearch<'_, PlannedPrograms<'_>>,
    path: &ImagePath,
    role: &str,
    elf: &Elf,
) -> Option<Failure> {
    let mut missing = Vec::new();
    let refuse = |what: &str| {
        let what = format!("{role}`{path}` is linked dynamically, and {what}");
        Failure::refused(Rule::DynamicBinary, what)
    };
    let loader = search.loader(elf);
    if let Loader::Missing(loader) = &loader {
        missing.push(loader.clone());
    }
    missing.extend(search.missing(path.as_str(), elf));
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|name| format!("`{}`", printable(name))).collect();
        return Some(refuse(&format!("the image lacks {}", names.join(", "))).hint(LINK_STATICALLY));
    }
    match loader {
        Loader::NotExecutable(loader) => {
            let failure = refuse(&format!("its loader `{loader}` is not executable"));
            Some(failure.hint("add `mode = \"0555\"` to a `[[file]]`, or its pattern to `executable` of a `[[tree]]`"))
        }
        Loader::Unnamed => Some(refuse("names no loader that would find its libraries").hint(LINK_STATICALLY)),
        Loader::NotNeeded | Loader::Missing(_) | Loader::Found(_) => None,
    }
}

/// A directory that the run user can write must not hold programs or system files: the owner of a directory can replace
/// what is in it.
fn check_writable(
    rootfs: &PlannedRootfs,
    path: &ImagePath,
    node: &PlannedNode,
    entry: Option<&ImagePath>,
) -> Option<Failure> {
    if !matches!(node.kind, NodeKind::Directory) || node.uid == 0 {
        return None;
    }
    let (inside, _) = rootfs.below(path).find(|(inside, node)| {
        let stands_on = matches!(node.group, GroupKind::System | GroupKind::Binaries) || entry == Some(*inside);
        !matches!(node.kind, NodeKind::Directory) && stands_on
    })?;
    let what = format!("the run user could replace `{inside}`, because `{path}` is writable");
    Some(Failure::error(ErrorName::EntryConflict, what).at(&node.origin).hint("make a folder of its own writable"))
}

/// A link must lead to something in the image, or to where the runtime mounts things.
fn check_link(rootfs: &PlannedRootfs, path: &ImagePath, target: &str, node: &PlannedNode) -> Option<Failure> {
    let fault = |what: &str| {
        Some(
            Failure::error(ErrorName::InputLink, format!("the link `{path}` to `{}` {what}", printable(target)))
                .at(&node.content),
        )
    };
    match rootfs.follow(path) {
        Ok(_) => None,
        Err(ResolveError::Loop) => fault("leads back to itself"),
        Err(_) if leads_outside_the_image(rootfs, path, target) => None,
        Err(_) => fault("leads to nothing in the image").map(|failure| {
            failure.hint("links may also lead below `/dev`, `/proc`, `/sys`, `/run` or a writable `[[dir]]`")
        }),
    }
}

/// Whether a dangling link points at something that is there only while the container runs.
fn leads_outside_the_image(rootfs: &PlannedRootfs, path: &ImagePath, target: &str) -> bool {
    let end = join(parent(path.as_str()), target);
    let mut above = end.as_str();
    let mounted = ["/dev", "/proc", "/sys", "/run"];
    let is_mounted = |at: &str| mounted.contains(&at) || rootfs.get(at).is_some_and(is_writable);
    if mounted.contains(&above) {
        return true;
    }
    while above != "/" {
        above = parent(above);
        if is_mounted(above) {
            return true;
        }
    }
    false
}

/// Whether the run user, or every user as in `/tmp`, may write into the folder.
fn is_writable(node: &PlannedNode) -> bool {
    node.uid != 0 || node.mode & 0o1000 != 0
}
