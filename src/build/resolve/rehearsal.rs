//! Checks a recipe as [`Resolver::finish`] would, as far as that needs no compiler. `hardpan init`, `hardpan check` and the
//! first look of `hardpan build` use it.

use std::{collections::BTreeSet, sync::Arc};

use super::{PreparedImage, Resolver, UnseenInput, unseen_inputs::unseen_body};
use crate::{
    build::{
        check,
        plan::GroupKind,
        planned_rootfs::{FileBody, PlannedNode},
    },
    oci::{ImagePath, Platform},
    recipe::{BinaryEntry, BinarySource},
    report::{ErrorName, Failure, Failures, printable},
};

impl Resolver<'_> {
    /// Looks at the file system as if the programs were there, at `programs`; the first of them is what runs.
    pub fn rehearse(&self, prepared: PreparedImage, programs: &[String]) -> Result<(), Failures> {
        let PreparedImage { mut rootfs, mut objections, keys, .. } = prepared;
        let programs: Vec<_> = programs.iter().filter_map(|path| ImagePath::parse(path).ok()).collect();
        for (at, path) in programs.iter().enumerate() {
            let origin =
                self.recipe.binaries.get(at).map_or_else(|| self.recipe.start(), |binary| binary.origin.clone());
            match rootfs.get(path.as_str()) {
                Some(there) if there.group != GroupKind::Binaries => {
                    return Err(Failure::error(ErrorName::EntryConflict, format!("`{path}` is the path of a program"))
                        .at(&there.origin)
                        .into());
                }
                Some(_) => {}
                None => {
                    let body = FileBody::Memory(Arc::default());
                    rootfs.add(path.clone(), PlannedNode::file(body, 0o555, GroupKind::Binaries, &origin))?;
                }
            }
        }
        self.add_parents_and_workdir(&mut rootfs)?;
        objections.extend(check::check_before_compile(&rootfs, programs.first()));
        let left = self.uncovered_failures(&keys, objections);
        if left.is_empty() { Ok(()) } else { Err(Failures(left)) }
    }
}

impl Resolver<'_> {
    /// Checks one platform of the recipe as far as that needs no compiler: all of it, where nothing is compiled and the
    /// resolver sees everything; else what is certain without the rest.
    ///
    /// # Errors
    /// Everything that a build would refuse.
    pub(in crate::build) fn check(&self, platform: &Platform) -> Result<(), Failures> {
        let binaries = self.binaries(platform);
        let compiled = || binaries.iter().filter(|binary| !matches!(binary.source, BinarySource::Path(_)));
        if compiled().next().is_some() {
            self.note_unseen(UnseenInput::Program);
        }
        let missing: Vec<_> = compiled().filter_map(|binary| self.check_package(binary).err()).collect();
        let prepared = match self.prepare(platform) {
            Ok(prepared) if missing.is_empty() => prepared,
            Ok(_) => return Err(Failures(missing)),
            Err(failures) => return Err(Failures(failures.0.into_iter().chain(missing).collect())),
        };
        if self.unseen.borrow().is_empty() {
            return self.finish(prepared).map(drop);
        }
        // A link may lead to what is not there, unless every path of the image is known.
        let is_known = |input: &UnseenInput| matches!(input, UnseenInput::Download | UnseenInput::Program);
        let has_all_paths = compiled().all(|binary| binary.to.is_some()) && self.unseen.borrow().iter().all(is_known);
        let PreparedImage { mut rootfs, mut objections, keys, .. } = prepared;
        for binary in compiled() {
            if let Some(to) = &binary.to {
                let node = PlannedNode::file(unseen_body(), 0o555, GroupKind::Binaries, &to.origin);
                rootfs.add(to.value.clone(), node.with_replace(binary.replace))?;
            }
        }
        self.add_parents_and_workdir(&mut rootfs)?;
        self.recipe.run.workdir.iter().try_for_each(|workdir| check::check_workdir(&rootfs, workdir))?;
        if has_all_paths {
            objections.extend(check::check_before_compile(&rootfs, None));
        }
        let left = self.uncovered_failures(&keys, objections);
        if left.is_empty() { Ok(()) } else { Err(Failures(left)) }
    }

    /// That there is something to compile.
    fn check_package(&self, binary: &BinaryEntry) -> Result<(), Failure> {
        let (package, what) = match &binary.source {
            BinarySource::Go(go) if go.package.value.starts_with('.') => {
                let folder = self.source_dir(go.dir.as_ref())?.join(&go.package.value);
                let what = format!("the package `{}` does not exist", printable(&go.package.value));
                (&go.package, (!folder.is_dir()).then_some(what))
            }
            BinarySource::Cargo(cargo) => {
                let folder = self.source_dir(cargo.dir.as_ref())?;
                let has_manifest = folder.ancestors().any(|above| above.join("Cargo.toml").is_file());
                let what = "there is no `Cargo.toml`, neither in the recipe's `dir` nor above it".to_owned();
                (&cargo.package, (!has_manifest).then_some(what))
            }
            _ => return Ok(()),
        };
        match what {
            Some(what) => Err(Failure::error(ErrorName::InputNotFound, what).at(&package.origin)),
            None => Ok(()),
        }
    }

    /// The kinds of inputs that were not looked at since the last call.
    pub(in crate::build) fn take_unseen(&self) -> BTreeSet<UnseenInput> {
        self.unseen.take()
    }
}
