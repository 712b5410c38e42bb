//! Compiles the Go programs of several recipes with one `go build`: Go finds out once what they are made of, compiles shared
//! packages once, and links side by side.
//!
//! What comes out is kept with its record, so that the compile of each recipe finds a [known](super::known_go) program.
//! Whatever fails here is left to that compile, which reports it at the line of its recipe.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    super::{CompileRequest, Compiled, PlannedGo, Toolchain, compile_folder::CompileFolder},
    GoJob, ListedProgram, compile,
    compile_counter::CompileCounter,
    compile_folder,
    embeds::{EmbeddedFiles, check_embeds},
    known_go::GoRequest,
    known_listing::GoListing,
    ldflags,
    packages::{GoPackage, GoPackages},
    stamps, values,
};
use crate::report::{ErrorName, Failure, Silent, printable};

/// Programs that are not known, and that one `go build` can make: those with the same folder, platform and flags.
pub(in super::super) struct GoGroup<'a> {
    members: Vec<Member<'a>>,
    /// Tells groups apart.
    key: String,
}

/// A program that is compiled together with others.
struct Member<'a> {
    planned: &'a PlannedGo,
    request: GoRequest,
    folder: CompileFolder,
}

/// The groups of `programs` without those that are known. Groups are sorted, and each by package, so that two calls lock the
/// folders of their programs in one order.
pub(in super::super) fn groups<'a>(toolchain: &Toolchain<'_>, programs: &'a [PlannedGo]) -> Vec<GoGroup<'a>> {
    let mut groups: BTreeMap<String, BTreeMap<&str, &'a PlannedGo>> = BTreeMap::new();
    for planned in programs {
        let (binary, dir, checkout) = (&planned.binary, planned.dir.display(), planned.checkout.display());
        let flags = (values(binary), ldflags(binary), binary.strip);
        let key = format!("{dir} {checkout} {} {flags:?}", planned.platform);
        groups.entry(key).or_default().insert(&binary.package.value, planned);
    }
    let unknown = groups.into_iter().map(|(key, group)| GoGroup {
        members: group.into_values().filter_map(|planned| Member::unless_known(toolchain, planned)).collect(),
        key,
    });
    unknown.filter(|group| !group.members.is_empty()).collect()
}

impl<'a> Member<'a> {
    /// The program, if it has to be compiled and a record of it can be kept.
    fn unless_known(toolchain: &Toolchain<'_>, planned: &'a PlannedGo) -> Option<Self> {
        // What is to be said of a program is for the compile of its recipe to say.
        let quiet = Toolchain { progress: &Silent, checkout: &planned.checkout, ..toolchain.clone() };
        let (binary, dir) = (&planned.binary, planned.dir.as_path());
        let request = GoRequest::new(&quiet, binary, dir, &planned.platform)?;
        let folder = compile_folder(&quiet, binary, dir, &planned.platform).ok()?;
        matches!(request.find(&quiet, &folder, binary), Ok(None)).then_some(Self { planned, request, folder })
    }
}

impl<'a> GoGroup<'a> {
    /// The number of programs, at least one.
    pub(in super::super) fn count(&self) -> usize {
        self.members.len()
    }

    /// The bound of host paths of all of them.
    pub(in super::super) fn checkout(&self) -> &'a Path {
        self.members.first().map_or(Path::new(""), |member| &member.planned.checkout)
    }

    /// Compiles the programs, and keeps each with its record.
    ///
    /// # Errors
    /// Whatever goes wrong. Nothing is lost by that: the compile of each program reports it.
    pub(in super::super) fn compile(self, toolchain: &Toolchain<'_>) -> Result<(), Failure> {
        let Some(first) = self.members.first().map(|member| member.planned) else { return Ok(()) };
        let name = match self.count() {
            1 => printable(&first.binary.package.value).into_owned(),
            count => format!("{count} programs"),
        };
        let running = toolchain.progress.task(&format!("compile {name} (go, {})", first.platform), None);
        let order = CompileRequest {
            platform: &first.platform,
            origin: &first.binary.package.origin,
            running: &*running,
            pinned: &|_| Ok(()),
            waived: &|_, failure| Err(failure),
        };
        if self.count() > 1 {
            return compile_members(toolchain, self.members, &self.key, &order);
        }
        // The compile locks the folder anew.
        drop(self.members);
        let quiet = Toolchain { progress: &Silent, ..toolchain.clone() };
        compile(&quiet, &first.binary, &first.dir, &order).map(drop)
    }
}

fn compile_members(
    toolchain: &Toolchain<'_>,
    members: Vec<Member<'_>>,
    key: &str,
    order: &CompileRequest<'_>,
) -> Result<(), Failure> {
    let Some(first) = members.first().map(|member| member.planned) else { return Ok(()) };
    let quiet = Toolchain { progress: &Silent, ..toolchain.clone() };
    let own = toolchain.compile_folder("go", &[b"together", key.as_bytes()])?;
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
