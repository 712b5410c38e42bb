//! Checks a recipe as [`Resolver::finish`] would, as far as that needs no compiler. `hardpan init` uses it.

use std::sync::Arc;

use super::{PreparedImage, Resolver};
use crate::{
    build::{
        check,
        plan::GroupKind,
        planned_rootfs::{FileBody, PlannedNode},
    },
    oci::ImagePath,
    report::{ErrorName, Failure, Failures},
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
