//! Resolves a recipe to the plan of each platform: opens every path, compiles every program, checks the result.

mod base;
mod compiled_programs;
mod config;
mod expanded_binaries;
mod file_entries;
mod inputs;
mod named_files;
mod programs;
mod reach;
mod rehearsal;
mod trees;
mod unseen_inputs;
mod urls;

use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

pub use self::{
    inputs::{MachineInput, ProgramInputs, SourceInput},
    reach::{ResolveReach, UnseenInput},
};
use super::{
    base::{BaseConfig, FoundBase},
    bundles::MOZILLA_VERSION,
    check::{self, Objection},
    compile::MachineFiles,
    downloads::Downloads,
    host_bound::HostBound,
    outputs::OutputPaths,
    pinned_files::PinnedFiles,
    plan::{DebugFile, GroupKind, LeftOut, Plan, PlannedBase},
    planned_rootfs::{NodeKind, PlannedNode, PlannedRootfs},
    private_keys::{self, ShippedKeys},
    settings::BuildSettings,
    system,
    timezones::IANA_VERSION,
    variable_resolver::VariableResolver,
    waivers,
};
use crate::{
    oci::{Platform, RunConfig},
    policy::Policy,
    recipe::{BinaryEntry, BinarySource, Certificates, Compiler, Located, LockFile, Recipe},
    report::{ErrorName, Failure, Failures, Progress},
    rootfs::ResolveError,
};

/// Resolves one recipe for as many platforms as wanted.
pub struct Resolver<'a> {
    recipe: &'a Recipe,
    settings: &'a BuildSettings,
    progress: &'a dyn Progress,
    bound: HostBound,
    /// Paths that are no inputs.
    outputs: OutputPaths,
    /// The recipe, its lock and the cache.
    ignored: Vec<PathBuf>,
    variables: VariableResolver<'a>,
    /// Files that were read already.
    pinned: RefCell<PinnedFiles>,
    /// Files that were downloaded.
    downloads: Downloads<'a>,
    /// The certificates as PEM, once they were read.
    bundle: OnceCell<Option<Arc<Vec<u8>>>>,
    /// The policy of the gate, by which private keys are judged.
    policy: Policy,
    /// The lock beside the recipe.
    lock: Option<&'a LockFile>,
    /// The base, once it was found.
    base: OnceCell<Option<FoundBase>>,
    /// Set once the variables that no compile takes were named.
    noted: OnceCell<()>,
    /// The files of this machine that programs took, by compiler, `dir` and scope.
    machine: RefCell<BTreeMap<(Compiler, String, String), MachineFiles>>,
    reach: ResolveReach,
    /// What `reach` has left out so far.
    unseen: RefCell<BTreeSet<UnseenInput>>,
}

/// A platform whose inputs are found, but for the programs that are still to be compiled.
pub struct PreparedImage {
    platform: Platform,
    rootfs: PlannedRootfs,
    objections: Vec<Objection>,
    keys: Vec<ShippedKeys>,
    config: RunConfig,
    annotations: BTreeMap<String, String>,
    base: Option<PlannedBase>,
    debug_files: Vec<DebugFile>,
    left_out: Vec<LeftOut>,
}

impl<'a> Resolver<'a> {
    /// Opens the recipe's folder. `folder` is where the recipe is.
    pub fn new(
        recipe: &'a Recipe,
        folder: &Path,
        settings: &'a BuildSettings,
        progress: &'a dyn Progress,
    ) -> Result<Self, Failure> {
        Self::within(recipe, HostBound::of(folder, settings.allow_outside)?, settings, progress)
    }

    /// A resolver in a folder whose bound is known.
    pub fn within(
        recipe: &'a Recipe,
        bound: HostBound,
        settings: &'a BuildSettings,
        progress: &'a dyn Progress,
    ) -> Result<Self, Failure> {
        let variables = VariableResolver::new(recipe, &bound, settings)?;
        let path = bound.folder.join(recipe.source.path.rsplit('/').next().unwrap_or_default());
        let outputs = OutputPaths::for_recipe(&path, &recipe.shared, settings.cache.as_deref());
        Ok(Self {
            recipe,
            settings,
            progress,
            ignored: outputs.others().cloned().collect(),
            outputs,
            bound,
            variables,
            pinned: RefCell::default(),
            downloads: Downloads::new(settings, progress),
            bundle: OnceCell::new(),
            policy: Policy::hardened(),
            lock: None,
            base: OnceCell::new(),
            noted: OnceCell::new(),
            machine: RefCell::default(),
            reach: ResolveReach::default(),
            unseen: RefCell::default(),
        })
    }

    /// Sets the lock whose pins are used. A base that is named by a tag alone needs one.
    #[must_use]
    pub fn locked(self, lock: Option<&'a LockFile>) -> Self {
        Self { lock, ..self }
    }

    /// Sets the policy by which private keys are judged, that of the gate. Without it that is `hardened`.
    #[must_use]
    pub fn judged_by(self, policy: &Policy) -> Self {
        Self { policy: policy.clone(), ..self }
    }

    /// The same, where the call writes to `paths`, for this recipe and for others: [real](super::real_path) paths. What lies
    /// there is no input, and a recipe that names it is refused.
    #[must_use]
    pub fn writing(mut self, paths: &Arc<BTreeSet<PathBuf>>) -> Self {
        self.bound.written = Arc::clone(paths);
        self.assuming(paths, false)
    }

    /// The same, where a build without options would write to `paths`: a recipe may name them.
    #[must_use]
    pub fn would_write(self, paths: &Arc<BTreeSet<PathBuf>>) -> Self {
        self.assuming(paths, true)
    }

    fn assuming(mut self, paths: &Arc<BTreeSet<PathBuf>>, is_assumed: bool) -> Self {
        self.outputs.written = Arc::clone(paths);
        self.outputs.is_assumed = is_assumed;
        self.variables.written = Arc::clone(paths);
        self
    }

    /// Where symbols of programs are to be written, for all of `platforms`.
    pub fn debug_files(&self, platforms: &[Platform]) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        for platform in platforms {
            for binary in self.binaries(platform) {
                if let BinarySource::Cargo(cargo) = &binary.source
                    && let Some(wanted) = &cargo.debug_file
                {
                    files.push(self.debug_file(wanted, platform)?);
                }
            }
        }
        Ok(files)
    }

    fn debug_file(&self, wanted: &Located<String>, platform: &Platform) -> Result<PathBuf, Failure> {
        Ok(self.bound.folder.join(self.variables.expand(wanted, platform)?))
    }

    /// The image's name.
    pub fn name(&self) -> &str {
        self.variables.name()
    }

    /// A text of the command line with its variables replaced; `platform` when there is only one.
    pub fn expand_argument(&self, text: &str, platform: Option<&Platform>) -> Result<String, Failure> {
        self.variables.for_platform(platform, |variables| variables.expand_text(text))
    }

    /// Warns where the commit is not all that is built.
    pub fn warn_of_changes(&self, progress: &dyn Progress) {
        self.variables.warn_of_changes(progress);
    }

    /// Everything that needs no compiler. Called for every platform before the first compile, so that a mistake costs seconds
    /// and not the time of a build.
    ///
    /// # Errors
    /// What is wrong with each entry, not only with the first.
    pub fn prepare(&self, platform: &Platform) -> Result<PreparedImage, Failures> {
        let mut prepared = PreparedImage {
            platform: platform.clone(),
            rootfs: PlannedRootfs::default(),
            objections: Vec::new(),
            keys: Vec::new(),
            config: RunConfig::default(),
            annotations: BTreeMap::new(),
            base: None,
            debug_files: Vec::new(),
            left_out: Vec::new(),
        };
        let mut failures = Vec::new();
        let base = self.begin_on_base(&mut prepared).unwrap_or_else(|failure| {
            failures.push(failure);
            None
        });
        let has_bundle = self.add_system(&mut prepared.rootfs).unwrap_or_else(|failure| {
            failures.push(failure);
            false
        });
        failures.extend(self.add_entries(&mut prepared));
        let binaries = self.binaries(platform);
        if self.recipe.run.entrypoint.is_none() && binaries.len() != 1 {
            failures.push(self.no_entrypoint(&binaries, platform));
        }
        for binary in &binaries {
            let added = self.add_prebuilt(&mut prepared, binary);
            failures.extend(added.and_then(|()| self.check_source(binary, platform)).err());
        }
        failures.extend(self.add_config(&mut prepared, has_bundle).err());
        if !failures.is_empty() {
            return Err(Failures(failures));
        }
        match base {
            Some(config) => self.finish_on_base(&mut prepared, &config)?,
            None => BaseConfig::default().merge_into(&mut prepared.config),
        }
        // Fails now where `finish` would fail; the programs add their directories in `finish`.
        if has_compile(&binaries) {
            self.add_parents_and_workdir(&mut prepared.rootfs.clone())?;
        }
        Ok(prepared)
    }

    /// Adds the system layer, and says whether it has certificates.
    fn add_system(&self, rootfs: &mut PlannedRootfs) -> Result<bool, Failure> {
        let bundle = self.bundle(rootfs)?;
        let zones = system::zones(&self.recipe.system, self.timezones())?;
        system::add(&self.recipe.system, self.recipe.run.user, bundle.as_ref(), &zones, rootfs)?;
        Ok(bundle.is_some())
    }

    /// Adds files, trees, folders and links, and gives the failures of those that could not be added.
    fn add_entries(&self, prepared: &mut PreparedImage) -> Vec<Failure> {
        let (platform, mut failures) = (prepared.platform.clone(), Vec::new());
        self.pin_named_files(&platform);
        for file in self.recipe.files.iter().filter(|file| is_for_platform(file.platforms.as_ref(), &platform)) {
            failures.extend(self.add_file(prepared, file).err());
        }
        for tree in self.recipe.trees.iter().filter(|tree| is_for_platform(tree.platforms.as_ref(), &platform)) {
            failures.extend(self.add_tree(prepared, tree).err());
        }
        failures.extend(self.add_dirs(prepared).err());
        for link in self.recipe.symlinks.iter().filter(|link| is_for_platform(link.platforms.as_ref(), &platform)) {
            let target = link.target.value.as_str().into();
            let node = PlannedNode::symlink(target, GroupKind::Files, &link.to.origin)
                .with_content_origin(&link.target.origin);
            failures.extend(prepared.rootfs.add(link.to.value.clone(), node.with_replace(link.replace)).err());
        }
        failures
    }

    /// The certificates, read once for all platforms where no base has some of them.
    fn bundle(&self, rootfs: &PlannedRootfs) -> Result<Option<Arc<Vec<u8>>>, Failure> {
        let (system, now) = (&self.recipe.system, self.settings.now);
        if system.certificates == Certificates::Base {
            let base = system::base_bundle(rootfs);
            return system::bundle(system, MOZILLA_VERSION, base.as_deref(), &self.bound, now, self.progress);
        }
        if let Some(known) = self.bundle.get() {
            return Ok(known.clone());
        }
        let locked = self.lock.and_then(|lock| lock.lock.bundle.as_ref());
        let version = locked.map_or(MOZILLA_VERSION, |bundle| &bundle.version);
        let bundle = system::bundle(system, version, None, &self.bound, now, self.progress)?;
        Ok(self.bundle.get_or_init(|| bundle).clone())
    }

    /// Which version of the time zones the image gets: that of the lock, else the newest.
    fn timezones(&self) -> &str {
        let locked = self.lock.and_then(|lock| lock.lock.timezones.as_ref());
        locked.map_or(IANA_VERSION, |locked| &locked.version)
    }

    /// Compiles what is to be compiled and checks the whole.
    pub fn finish(&self, mut prepared: PreparedImage) -> Result<Plan, Failures> {
        let mut programs = Vec::new();
        for binary in self.binaries(&prepared.platform) {
            programs.push(self.add_binary(&mut prepared, binary)?);
        }
        let (entrypoint, at) = self.entrypoint(&programs, &prepared.platform)?;
        let first = entrypoint.first().cloned().unwrap_or_default();
        prepared.config.entrypoint = entrypoint;
        self.add_parents_and_workdir(&mut prepared.rootfs)?;
        self.recipe.run.workdir.iter().try_for_each(|workdir| check::check_workdir(&prepared.rootfs, workdir))?;
        prepared.objections.extend(check::check_rootfs(
            &prepared.rootfs,
            &prepared.config.env,
            &first,
            &at,
            &prepared.platform,
        ));
        let left = self.uncovered_failures(&prepared.keys, prepared.objections);
        if !left.is_empty() {
            return Err(Failures(left));
        }
        let groups = prepared.rootfs.into_groups();
        prepared.base.iter().try_for_each(|base| base.check_layers(groups.len()))?;
        Ok(Plan {
            platform: prepared.platform,
            base: prepared.base,
            compression: self.recipe.compression,
            groups,
            config: prepared.config,
            annotations: prepared.annotations,
            source_date: self.settings.source_date,
            debug_files: prepared.debug_files,
            left_out: prepared.left_out,
        })
    }

    /// The failures of an image that no exception covers.
    fn uncovered_failures(&self, keys: &[ShippedKeys], objections: Vec<Objection>) -> Vec<Failure> {
        let (policy, settings) = (&self.recipe.policy, self.settings);
        let mut left = private_keys::refusals(keys, &self.policy, policy, settings.today);
        left.extend(waivers::apply_waivers(policy, settings.today, settings.locked, objections));
        left
    }

    /// Adds the folders that paths are in, and the working directory.
    fn add_parents_and_workdir(&self, rootfs: &mut PlannedRootfs) -> Result<(), Failure> {
        rootfs.add_parents()?;
        let Some(workdir) = self.recipe.run.workdir.as_ref() else { return Ok(()) };
        let path = &workdir.value;
        match rootfs.follow(path) {
            Ok(end) if end.is_root() => Ok(()),
            Ok(end) if rootfs.get(end.as_str()).is_some_and(|node| matches!(node.kind, NodeKind::Directory)) => Ok(()),
            Ok(_) | Err(ResolveError::NotADirectory) => {
                Err(Failure::error(ErrorName::EntryConflict, format!("the working directory `{path}` is a file"))
                    .at(&workdir.origin))
            }
            // The check of links reports a dangling one.
            Err(_) if rootfs.get(path.as_str()).is_some() => Ok(()),
            // Runtimes make a missing working directory, but cannot on a read-only root.
            Err(_) => {
                rootfs.add(path.clone(), PlannedNode::directory(GroupKind::Files, &workdir.origin))?;
                rootfs.add_parents()
            }
        }
    }
}

/// Whether one of these programs is compiled.
fn has_compile(binaries: &[&BinaryEntry]) -> bool {
    binaries.iter().any(|binary| !matches!(binary.source, BinarySource::Path(_)))
}

/// Whether an entry with these platforms exists on this one.
fn is_for_platform(platforms: Option<&Vec<Platform>>, platform: &Platform) -> bool {
    platforms.is_none_or(|platforms| platforms.contains(platform))
}
