//! Decides by content which compiled units of a workspace's own packages may be used again.
//!
//! Cargo compares modification times, which lie as soon as sources are replaced by older ones (`git switch`, `rsync -t`, an
//! unpacked archive) or several checkouts share a target directory. So hardpan keeps the state of the sources that each
//! package was compiled from, and removes cargo's fingerprints of the packages whose state is another one before cargo
//! runs. What stays is cargo's to judge, and its mistakes are then only recompiles.
//!
//! Crates of registries and git are not compared: `Cargo.lock` pins their content.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    super::{
        Toolchain,
        compile_folder::{CompileFolder, remove_folder},
        git,
        machine::file_names,
    },
    compile_paths::CompilePaths,
    dep_info::{dep_info, reruns, units},
    workspace_sources::{OUTSIDE, SourceListing, WorkspaceSources, group_name},
};
use crate::{
    cache::{read_regular, tells_changes},
    oci::Digest,
    report::{ErrorName, Failure, Limits, printable},
};

/// The file in which the record is, in the folder of the compile.
const FILE: &str = "units.json";

/// The inputs from which the units in a target directory were compiled.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct UnitRecord {
    /// By group: packages without an entry have no unit that may be used again.
    packages: BTreeMap<String, PackageRecord>,
    /// The digest of each variable that recipes gave to the compile.
    env: BTreeMap<String, String>,
    /// The fingerprint of each tool and library outside of the toolchain, by target and path.
    tools: BTreeMap<String, String>,
    /// A build script or a macro asked git, so that the revision counts.
    #[serde(default)]
    asks_git: bool,
}

/// The inputs from which the units of one package were compiled.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PackageRecord {
    state: String,
    /// Files elsewhere that its compilers and build scripts read: relative to the workspace, or absolute.
    named: BTreeSet<String>,
}

/// A package of the workspace.
#[derive(Debug, Clone)]
pub(super) struct OwnPackage {
    pub(super) name: String,
    /// Relative to the workspace's root.
    pub(super) folder: PathBuf,
    /// The names of its targets, as rustc has them (`-` is `_`).
    pub(super) crates: BTreeSet<String>,
}

/// The inputs of a compile beside the sources.
#[derive(Debug, Default)]
pub(super) struct CompileInputs<'a> {
    /// Variables of the recipe.
    pub(super) env: BTreeMap<&'a str, &'a str>,
    /// The triple that is compiled for.
    pub(super) target: &'a str,
    /// Tools and libraries of the machine by path, with the fingerprint of each.
    pub(super) tools: BTreeMap<String, String>,
    /// The revision that git reports, where a build script or a macro asked it.
    pub(super) revision: String,
}

/// The target directory of a workspace before and after one run of cargo.
pub(super) struct Freshness<'a> {
    pub(super) compile_folder: &'a CompileFolder,
    pub(super) target_dir: &'a Path,
    pub(super) paths: &'a CompilePaths,
    /// The workspace's folder on this machine.
    pub(super) root: &'a Path,
    pub(super) sources: &'a WorkspaceSources<'a>,
    pub(super) packages: &'a [OwnPackage],
}

/// The states of all groups before cargo ran.
#[derive(Debug)]
pub(super) struct PreparedUnits {
    record: UnitRecord,
    listing: Option<SourceListing>,
    /// The states of the known packages and of the files that they named.
    before: BTreeMap<String, PackageRecord>,
}

impl PreparedUnits {
    /// Whether a build script or a macro of an earlier compile asked git.
    pub(super) fn asked_git(&self) -> bool {
        self.record.asks_git
    }
}

impl Freshness<'_> {
    /// Removes the fingerprints of every unit whose inputs are others than what it was compiled from.
    ///
    /// Until [`remember`](Self::remember), the record has no entry for these packages: a compile that is cut off leaves
    /// units that are not used again.
    pub(super) fn prepare(
        &self,
        listing: Option<SourceListing>,
        mut inputs: CompileInputs<'_>,
        toolchain: &Toolchain<'_>,
    ) -> Result<PreparedUnits, Failure> {
        let mut record = self.read();
        if record.asks_git {
            inputs.revision = git::revision_fingerprint(toolchain, self.root);
        }
        let (inputs, progress) = (&inputs, toolchain.progress);
        if tools_changed(&record, inputs) {
            remove_folder(&self.target_dir.join(inputs.target))?;
        }
        for (path, fingerprint) in &inputs.tools {
            record.tools.insert(format!("{} {path}", inputs.target), fingerprint.clone());
        }
        let before = self.states_before(&record, listing.as_ref());
        let changed = self.changed_groups(&record, &before, inputs);
        let env = digests(inputs);
        let undeclared = if record.env == env { BTreeSet::new() } else { self.undeclared() };
        record.env = env;
        for package in self.packages.iter().filter(|package| changed.contains(&package.group())) {
            progress.trace(&format!(
                "the package `{}` is compiled again: its sources are others",
                printable(&package.name)
            ));
            record.packages.remove(&package.group());
        }
        record.packages.retain(|group, _| self.packages.iter().any(|package| package.group() == *group));
        self.write(&record)?;
        let names: BTreeSet<_> = self
            .packages
            .iter()
            .filter(|package| changed.contains(&package.group()))
            .map(|package| package.name.as_str())
            .collect();
        self.remove_fingerprints(&|unit| {
            let name = unit.rsplit_once('-').map_or(unit, |(name, _)| name);
            names.contains(name) || undeclared.contains(unit)
        })?;
        Ok(PreparedUnits { record, listing, before })
    }

    /// Keeps what the units were compiled from, unless a file changed while cargo ran. The files of the workspace now, if
    /// it is certain that no source changed while cargo ran.
    ///
    /// `asks_git` says that a build script or a macro asked git while cargo ran: from now on the revision counts.
    pub(super) fn remember(&self, before: PreparedUnits, asks_git: bool) -> Result<Option<SourceListing>, Failure> {
        let PreparedUnits { mut record, listing: Some(listing), before } = before else { return Ok(None) };
        record.asks_git |= asks_git;
        let Some(after) = self.sources.list() else { return Ok(None) };
        let none = BTreeSet::new();
        if self.sources.state(&listing, OUTSIDE, &none) != self.sources.state(&after, OUTSIDE, &none) {
            return Ok(None);
        }
        let mut are_certain = true;
        for package in self.packages {
            let group = package.group();
            let known = before.get(&group);
            let is_same = match known {
                Some(known) => known.state == self.whole_state(&after, &group, &known.named),
                None => self.sources.state(&listing, &group, &none) == self.sources.state(&after, &group, &none),
            };
            let named = self.named(package, &after);
            // The state of a file that is named for the first time was not read before cargo ran; its time shows whether it
            // is older.
            let is_old = named
                .iter()
                .filter(|name| known.is_none_or(|known| !known.named.contains(*name)))
                .all(|name| self.is_older(&self.root.join(name)));
            // Without a state they are compiled again, and the state of the named files is read before that.
            let is_certain = is_same && is_old;
            are_certain &= is_certain;
            let state = if is_certain { self.whole_state(&after, &group, &named) } else { String::new() };
            record.packages.insert(group, PackageRecord { state, named });
        }
        self.write(&record)?;
        Ok(are_certain.then_some(after))
    }

    /// Every path on this machine that units in the target directory were compiled from, be they of the workspace or of
    /// its dependencies. What build scripts of dependencies name relative to their own folder is pinned with them.
    pub(super) fn all_named(&self) -> BTreeSet<PathBuf> {
        let mut named: BTreeSet<PathBuf> = self.packages.iter().flat_map(|package| self.read_by(package)).collect();
        for profile in self.profiles() {
            let build = profile.join("build");
            for unit in file_names(&build) {
                named.extend(reruns(&build.join(unit).join("output")).into_iter().filter(|path| path.is_absolute()));
            }
        }
        named.into_iter().map(|path| self.paths.host(&path)).collect()
    }

    /// The states of the packages of the record now, with the files that they named when they were compiled.
    fn states_before(&self, record: &UnitRecord, listing: Option<&SourceListing>) -> BTreeMap<String, PackageRecord> {
        let Some(listing) = listing else { return BTreeMap::new() };
        let state = |(group, known): (&String, &PackageRecord)| {
            let state = self.whole_state(listing, group, &known.named);
            (group.clone(), PackageRecord { state, named: known.named.clone() })
        };
        record.packages.iter().map(state).collect()
    }

    /// The groups whose state is not that of the record.
    fn changed_groups(
        &self,
        record: &UnitRecord,
        before: &BTreeMap<String, PackageRecord>,
        inputs: &CompileInputs<'_>,
    ) -> BTreeSet<String> {
        let all = self.packages.iter().map(OwnPackage::group);
        let is_same_env = record.env == digests(inputs);
        let is_same = |group: &String| record.packages.get(group).is_some_and(|known| before.get(group) == Some(known));
        all.filter(|group| !is_same_env || !is_same(group)).collect()
    }

    /// The state of a package and of the files that are in none.
    fn whole_state(&self, listing: &SourceListing, group: &str, named: &BTreeSet<String>) -> String {
        let own = self.sources.state(listing, group, named);
        let shared = self.sources.state(listing, OUTSIDE, &BTreeSet::new());
        Digest::of(format!("{own} {shared}").as_bytes()).hex()
    }

    /// Whether a file is older than the start of this run. `false` on file systems without reliable times. What is not
    /// there, or in the target directory, is no source.
    fn is_older(&self, path: &Path) -> bool {
        let has_true_times = || tells_changes(path) && tells_changes(self.compile_folder.root());
        !path.exists() || (self.compile_folder.start().is_after(path) && has_true_times())
    }

    /// The files outside of a package that its units were compiled from, by dep-info and by `rerun-if-changed`.
    fn named(&self, package: &OwnPackage, listing: &SourceListing) -> BTreeSet<String> {
        let own = self.root.join(&package.folder);
        let read = self.read_by(package).into_iter().map(|path| self.paths.host(&path));
        let outside = read.filter(|host| !host.starts_with(self.target_dir));
        // A file of the package is in its state already, unless the walk left it out.
        let is_listed = |host: &Path| {
            let below = host.strip_prefix(self.root).ok();
            host.starts_with(&own) && below.is_some_and(|below| listing.has(below))
        };
        let unlisted = outside.filter(|host| !is_listed(host));
        unlisted.map(|host| host.strip_prefix(self.root).unwrap_or(&host).to_string_lossy().into_owned()).collect()
    }

    /// Every path that the units of a package name, in the paths of the compile.
    fn read_by(&self, package: &OwnPackage) -> Vec<PathBuf> {
        let (root, base) = (self.paths.inside(self.root), self.paths.inside(&self.root.join(&package.folder)));
        let mut read = Vec::new();
        for profile in self.profiles() {
            let deps = profile.join("deps");
            for (name, _) in units(&deps).filter(|(_, name)| package.crates.contains(name)) {
                read.extend(dep_info(&deps.join(name)).iter().map(|path| root.join(path)));
            }
            let build = profile.join("build");
            for (name, _) in units(&build).filter(|(_, name)| *name == package.name) {
                let folder = build.join(name);
                read.extend(reruns(&folder.join("output")).iter().map(|path| base.join(path)));
                for (script, _) in units(&folder) {
                    read.extend(dep_info(&folder.join(script)).iter().map(|path| root.join(path)));
                }
            }
        }
        read
    }

    /// The units whose build script says nothing about its inputs: it may read any variable.
    fn undeclared(&self) -> BTreeSet<String> {
        let mut undeclared = BTreeSet::new();
        for profile in self.profiles() {
            for unit in file_names(&profile.join("build")) {
                let output = profile.join("build").join(&unit).join("output");
                let output = read_regular(&output, Limits::CHILD_OUTPUT_BYTES);
                if output.is_ok_and(|output| memchr::memmem::find(&output, b"rerun-if-").is_none()) {
                    undeclared.insert(unit);
                }
            }
        }
        undeclared
    }

    /// The folders in which cargo keeps units: `<profile>` for the host, `<triple>/<profile>` for targets.
    fn profiles(&self) -> Vec<PathBuf> {
        let folders = |path: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
        };
        let mut profiles = folders(self.target_dir);
        profiles.extend(profiles.clone().iter().flat_map(|folder| folders(folder)));
        profiles.retain(|folder| folder.join(".fingerprint").is_dir());
        profiles.sort();
        profiles
    }

    fn remove_fingerprints(&self, is_stale: &dyn Fn(&str) -> bool) -> Result<(), Failure> {
        for profile in self.profiles() {
            let fingerprints = profile.join(".fingerprint");
            for unit in file_names(&fingerprints).iter().filter(|unit| is_stale(unit)) {
                remove_folder(&fingerprints.join(unit))?;
            }
        }
        Ok(())
    }

    /// The record; empty where there is none that is sealed and parses, so that every package counts as changed.
    fn read(&self) -> UnitRecord {
        let text = self.compile_folder.record(FILE).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn write(&self, record: &UnitRecord) -> Result<(), Failure> {
        let text = serde_json::to_vec(record).map_err(|error| {
            Failure::error(ErrorName::Internal, format!("cannot record the state of the sources: {error}"))
        })?;
        self.compile_folder.keep(FILE, &text)
    }
}

impl OwnPackage {
    /// Its name among the [`WorkspaceSources`].
    fn group(&self) -> String {
        group_name(&self.folder)
    }
}

/// Whether a tool or library at a known path is another one than before.
fn tools_changed(record: &UnitRecord, inputs: &CompileInputs<'_>) -> bool {
    let known = |path: &str| record.tools.get(&format!("{} {path}", inputs.target));
    inputs.tools.iter().any(|(path, fingerprint)| known(path).is_some_and(|known| known != fingerprint))
}

/// The digest of each variable. Values may be secrets, and are not kept.
fn digests(inputs: &CompileInputs<'_>) -> BTreeMap<String, String> {
    let variables = inputs.env.iter().map(|(name, value)| (*name, *value));
    let all = variables.chain([("what git says", inputs.revision.as_str())]);
    all.map(|(name, value)| (name.to_owned(), Digest::of(value.as_bytes()).hex())).collect()
}
