//! Compiles the Go programs of several recipes with one `go build`: Go finds out once what they are made of, compiles shared
//! packages once, and links side by side.
//!
//! What comes out is kept with its record, so that the compile of each recipe finds a [known](super::known_go) program.
//! Whatever fails here is left to that compile, which reports it at the line of its recipe.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::{
    super::{CompileRequest, Compiled, PlannedGo, Toolchain, compile_folder::CompileFolder},
    GoJob, ListedProgram,
    compile_counter::CompileCounter,
    compile_folder,
    embeds::{EmbeddedFiles, check_embeds},
    known_go::GoRequest,
    known_listing::GoListing,
    ldflags,
    packages::{GoPackage, GoPackages},
    stamps, values,
};
use crate::report::{ErrorName, Failure, Silent};

/// A program that is compiled together with others.
struct Member<'a> {
    planned: &'a PlannedGo,
    request: GoRequest,
    folder: CompileFolder,
}

/// The programs that one `go build` can make: those with the same folder, platform and flags. Each group is sorted by package,
/// so that two calls lock the folders of its programs in one order.
pub(in super::super) fn groups<'a>(programs: &'a [PlannedGo]) -> Vec<Vec<&'a PlannedGo>> {
    let mut groups: BTreeMap<String, BTreeMap<&str, &'a PlannedGo>> = BTreeMap::new();
    for planned in programs {
        let (binary, dir, checkout) = (&planned.binary, planned.dir.display(), planned.checkout.display());
        let flags = (values(binary), ldflags(binary), binary.strip);
        let key = format!("{dir} {checkout} {} {flags:?}", planned.platform);
        groups.entry(key).or_default().insert(&binary.package.value, planned);
    }
    groups.into_values().map(|group| group.into_values().collect()).collect()
}

/// Compiles those of a group that are not known, if there are several of them.
///
/// # Errors
/// Whatever goes wrong. Nothing is lost by that: the compile of each program reports it.
pub(in super::super) fn compile_group(
    toolchain: &Toolchain<'_>,
    group: &[&PlannedGo],
    order: &CompileRequest<'_>,
) -> Result<(), Failure> {
    // What is to be said of a program is for the compile of its recipe to say.
    let quiet = Toolchain { progress: &Silent, ..toolchain.clone() };
    let mut members = Vec::new();
    for planned in group {
        let (binary, dir) = (&planned.binary, planned.dir.as_path());
        let Some(request) = GoRequest::new(toolchain, binary, dir, &planned.platform) else { continue };
        let folder = compile_folder(toolchain, binary, dir, &planned.platform)?;
        if matches!(request.find(&quiet, &folder, binary), Ok(None)) {
            members.push(Member { planned, request, folder });
        }
    }
    let Some(first) = members.first().filter(|_| members.len() > 1).map(|member| member.planned) else {
        return Ok(());
    };
    let own = toolchain.compile_folder("go", &[b"together", first.dir.as_os_str().as_encoded_bytes()])?;
    let (all, work) = (GoRequest::of_all(members.iter().map(|member| &member.request)), "off".as_ref());
    for member in &members {
        member.folder.mark_start();
    }
    let mut job = GoJob::begin(toolchain, &first.binary, &first.dir, order, own, work, all.as_ref())?;
    job.packages = members.iter().map(|member| member.planned.binary.package.value.clone()).collect();
    let listing = job.listing(work, all.as_ref())?;
    if job.starts_after_fetch {
        for member in &members {
            member.folder.mark_start();
        }
    }
    let mut waiting = Vec::new();
    for member in members {
        let Some(import_path) = import_path(&listing.packages, member.planned) else { continue };
        let packages = listing.packages.of_program(&import_path);
        let with_cgo = listing.with_cgo.of_program(&import_path);
        let Ok(listed) = job.listed_program(packages, with_cgo) else { continue };
        if is_sound(&quiet, member.planned, &listed) {
            waiting.push((member, import_path, listed));
        }
    }
    // Go puts each program under its own name into the folder: programs of one name take turns.
    while !waiting.is_empty() {
        let mut names = BTreeSet::new();
        let (now, later) = waiting.into_iter().partition(|(_, _, listed)| names.insert(listed.name.clone()));
        make(&mut job, now, &listing, order)?;
        waiting = later;
    }
    Ok(())
}

/// The import path of a program, by its package in the recipe: a folder, or an import path already.
fn import_path(packages: &GoPackages, planned: &PlannedGo) -> Option<String> {
    let written = planned.binary.package.value.as_str();
    let folder = fs::canonicalize(planned.dir.join(written)).ok();
    let named = packages.named();
    let is_it = |package: &&&GoPackage| package.import_path == written || Some(&package.dir) == folder.as_ref();
    named.iter().find(is_it).map(|package| package.import_path.clone())
}

/// Whether the compile of the program alone would get as far as the compiler.
fn is_sound(toolchain: &Toolchain<'_>, planned: &PlannedGo, listed: &ListedProgram) -> bool {
    let (binary, embedded) = (&planned.binary, EmbeddedFiles::of(&listed.packages, toolchain));
    check_embeds(toolchain, &binary.package.origin, &embedded).is_ok()
        && stamps::check_linker_variables(&binary.ldflags, &listed.packages).is_ok()
        && listed.fallbacks.stubs.is_empty()
}

/// Compiles programs whose names differ, and keeps each with its record.
fn make(
    job: &mut GoJob<'_>,
    members: Vec<(Member<'_>, String, ListedProgram)>,
    listing: &GoListing,
    order: &CompileRequest<'_>,
) -> Result<(), Failure> {
    job.packages = members.iter().map(|(_, import_path, _)| import_path.clone()).collect();
    let made = job.compile_folder.temporary().join("programs");
    fs::create_dir_all(&made).map_err(|error| Failure::io("create the folder", &made, &error))?;
    let count = CompileCounter::new(&listing.packages, order.running, job.toolchain.progress);
    let ended = job.go_build(&made, &count)?;
    if !ended.status.success() {
        return Err(ended.failure(ErrorName::CompileFailed, "go build"));
    }
    for (member, _, listed) in members {
        let path = member.folder.hand_over(&made.join(&listed.name), "", &listed.name)?;
        let compiled = Compiled { path, name: listed.name.clone(), debug: None, objections: Vec::new() };
        job.keep_record(&member.request, &member.folder, &listed, &listing.module, &compiled)?;
    }
    Ok(())
}
