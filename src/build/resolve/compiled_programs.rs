//! Adds the compiled programs of a recipe, and compares the files of this machine that they take with those of the lock.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    super::{
        check::Objection,
        compile::{CompileRequest, Compiled, MachineFiles, PlannedGo, Toolchain},
        plan::{DebugFile, GroupKind},
        planned_rootfs::PlannedNode,
        waivers,
    },
    PreparedImage, Resolver,
};
use crate::{
    oci::{ImagePath, Platform},
    recipe::{BinaryEntry, BinarySource, Compiler, Located, cargo_scope, cgo_scope},
    report::{ErrorName, Failure, Task, printable},
};

impl Resolver<'_> {
    /// Checks folder, variables and flags of a program that will be compiled.
    pub(super) fn check_source(&self, binary: &BinaryEntry, platform: &Platform) -> Result<(), Failure> {
        match &binary.source {
            BinarySource::Go(go) => {
                self.source_dir(go.dir.as_ref())?;
                self.expanded_go(go, platform)?;
            }
            BinarySource::Cargo(cargo) => {
                self.source_dir(cargo.dir.as_ref())?;
                self.expanded_cargo(cargo, platform)?;
            }
            BinarySource::Path(_) => {}
        }
        Ok(())
    }

    /// The Go programs for a platform, as their compile will ask for them.
    pub fn go_programs(&self, platform: &Platform) -> Result<Vec<PlannedGo>, Failure> {
        let mut programs = Vec::new();
        for binary in self.binaries(platform) {
            if let BinarySource::Go(go) = &binary.source {
                let dir = self.source_dir(go.dir.as_ref())?;
                let checkout = self.bound.checkout(&dir);
                let (binary, platform) = (self.expanded_go(go, platform)?, platform.clone());
                programs.push(PlannedGo { binary, dir, checkout, platform });
            }
        }
        Ok(programs)
    }

    /// Where a toolchain runs.
    pub(super) fn source_dir(&self, dir: Option<&Located<String>>) -> Result<PathBuf, Failure> {
        dir.map_or_else(|| Ok(self.bound.folder.clone()), |dir| self.bound.resolve(dir, &dir.value))
    }

    /// Compiles a program, unless it is prebuilt, and gives its path in the image.
    pub(super) fn add_binary(&self, prepared: &mut PreparedImage, binary: &BinaryEntry) -> Result<ImagePath, Failure> {
        let Some(compiled) = self.compile(binary, &prepared.platform)? else {
            let to = binary.to.as_ref().map(|to| to.value.clone());
            return to.ok_or_else(|| {
                Failure::error(ErrorName::RecipeMissing, "a prebuilt binary needs `to`").at(&binary.origin)
            });
        };
        let package = match &binary.source {
            BinarySource::Go(go) => &go.package.origin,
            BinarySource::Cargo(cargo) => &cargo.package.origin,
            BinarySource::Path(path) => &path.origin,
        };
        let (to, named) = match &binary.to {
            Some(to) => (to.value.clone(), &to.origin),
            None => (
                ImagePath::parse(&format!("/usr/bin/{}", compiled.name)).map_err(|error| {
                    Failure::error(ErrorName::RecipePath, error.to_string())
                        .at(package)
                        .hint("say where it goes with `to`")
                })?,
                package,
            ),
        };
        if let (BinarySource::Cargo(cargo), Some(made)) = (&binary.source, compiled.debug)
            && let Some(wanted) = &cargo.debug_file
        {
            let to = self.debug_file(wanted, &prepared.platform)?;
            prepared.debug_files.push(DebugFile { made, to, origin: wanted.origin.clone() });
        }
        let objections = compiled.objections.into_iter();
        prepared
            .objections
            .extend(objections.map(|failure| Objection { path: Some(to.clone()), failure: failure.at(package) }));
        let body = self.pin_file(prepared, &compiled.path, &compiled.name, &to, package)?;
        let node = PlannedNode::file(body, 0o555, GroupKind::Binaries, named)
            .with_content_origin(package)
            .with_replace(binary.replace);
        prepared.rootfs.add(to.clone(), node)?;
        Ok(to)
    }

    /// Reports the variables of the caller that have no effect on a compile, once for all programs.
    fn note_ignored(&self) {
        self.noted.get_or_init(|| {
            let compilers = self.recipe.binaries.iter().filter_map(|binary| match &binary.source {
                BinarySource::Go(_) => Some(Compiler::Go),
                BinarySource::Cargo(_) => Some(Compiler::Rust),
                BinarySource::Path(_) => None,
            });
            let compilers: Vec<_> = compilers.collect();
            if let Some(line) = Toolchain::ignored_variables(&self.settings.caller, &self.settings.passed, &compilers) {
                self.progress.step(&line);
            }
        });
    }

    /// Compares the files of this machine that a program takes with those of the lock, and keeps them for the plan.
    fn compare_files(
        &self,
        compiler: Compiler,
        dir: Option<&Located<String>>,
        scope: &str,
        files: &MachineFiles,
    ) -> Result<(), Failure> {
        let dir = dir.map_or(".", |dir| dir.value.as_str());
        let mut machine = self.machine.borrow_mut();
        let known = machine.entry((compiler, dir.to_owned(), scope.to_owned())).or_default();
        let new: Vec<_> = files.0.iter().filter(|(name, _)| !known.0.contains_key(*name)).collect();
        for (name, file) in &new {
            let path = file.path.to_string_lossy();
            self.progress.detail(&format!("  takes {name} for {scope}: {} {}", file.digest, printable(&path)));
        }
        let is_new = !new.is_empty();
        known.0.extend(files.0.clone());
        let Some(lock) = self.lock else { return Ok(()) };
        let digests = files.0.iter().map(|(name, file)| (name.clone(), file.digest)).collect();
        let mut differ = lock.other_files(compiler, dir, scope, &digests).into_iter();
        let Some(mut first) = differ.next() else { return Ok(()) };
        let more = differ.len();
        if more > 0 {
            first.what = format!("{} (and {more} more)", first.what);
        }
        if self.settings.locked {
            return Err(first);
        }
        if is_new {
            self.progress.warn(&first);
        }
        Ok(())
    }

    fn compile(&self, binary: &BinaryEntry, platform: &Platform) -> Result<Option<Compiled>, Failure> {
        match &binary.source {
            BinarySource::Path(_) => Ok(None),
            BinarySource::Go(go) => {
                let running = self.compiling(&format!("{} (go, {platform})", printable(&go.package.value)));
                let dir = self.source_dir(go.dir.as_ref())?;
                let (named_dir, scope) = (go.dir.as_ref(), cgo_scope(go, platform));
                let pinned = |files: &MachineFiles| self.compare_files(Compiler::Go, named_dir, &scope, files);
                let go = self.expanded_go(go, platform)?;
                let checkout = self.bound.checkout(&dir);
                let waived = |name: &str, failure| self.unless_excepted(binary, name, failure);
                let (origin, running) = (&binary.origin, running.as_ref());
                let order = CompileRequest { platform, origin, running, pinned: &pinned, waived: &waived };
                self.toolchain(&checkout).go(&go, &dir, &order).map(Some)
            }
            BinarySource::Cargo(cargo) => {
                let running = self.compiling(&format!("{} (cargo, {platform})", printable(&cargo.package.value)));
                let dir = self.source_dir(cargo.dir.as_ref())?;
                let (named_dir, scope) = (cargo.dir.as_ref(), cargo_scope(cargo, platform));
                let pinned = |files: &MachineFiles| self.compare_files(Compiler::Rust, named_dir, &scope, files);
                let cargo = self.expanded_cargo(cargo, platform)?;
                let checkout = self.bound.checkout(&dir);
                let waived = |name: &str, failure| self.unless_excepted(binary, name, failure);
                let (origin, running) = (&binary.origin, running.as_ref());
                let order = CompileRequest { platform, origin, running, pinned: &pinned, waived: &waived };
                self.toolchain(&checkout).cargo(&cargo, &dir, &order).map(Some)
            }
        }
    }

    /// Drops a refusal about a program that is still to be compiled, if an exception covers its path in the image.
    fn unless_excepted(&self, binary: &BinaryEntry, name: &str, failure: Failure) -> Result<(), Failure> {
        let path = binary.to.as_ref().map(|to| to.value.clone());
        let path = path.or_else(|| ImagePath::parse(&format!("/usr/bin/{name}")).ok());
        waivers::unless_excepted(&self.recipe.policy, self.settings.today, path.as_ref(), failure)
    }

    /// Reports what is compiled, until the task is dropped.
    fn compiling(&self, what: &str) -> Arc<dyn Task> {
        self.note_ignored();
        let line = format!("compile {what}");
        self.progress.step(&line);
        self.progress.task(&line, None)
    }

    /// `--offline`, the caller's environment and the folders, for the toolchains.
    pub(super) fn toolchain<'t>(&'t self, checkout: &'t Path) -> Toolchain<'t> {
        Toolchain {
            ignored: &self.ignored,
            written: Arc::clone(&self.outputs.written),
            ..self.settings.toolchain(checkout, self.progress)
        }
    }
}
