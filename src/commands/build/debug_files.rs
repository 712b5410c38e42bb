//! The files of `debug-file`: the symbols that were stripped from programs, for debuggers.

use std::{collections::BTreeSet, fs};

use crate::{
    build::Plan,
    commands::staged_file::StagedFile,
    report::{ErrorName, Failure, printable},
};

/// Writes the symbols of all programs beside their places.
///
/// # Errors
/// Two programs write to one path, or the system failed.
pub(super) fn stage_debug_files(plans: &[Plan]) -> Result<Vec<StagedFile>, Failure> {
    let mut taken = BTreeSet::new();
    let mut staged = Vec::new();
    for file in plans.iter().flat_map(|plan| &plan.debug_files) {
        if !taken.insert(&file.to) {
            let what = format!("two programs write their symbols to `{}`", printable(&file.to.to_string_lossy()));
            return Err(Failure::error(ErrorName::OutputConflict, what)
                .at(&file.origin)
                .hint("put `{arch}` into the path of `debug-file`"));
        }
        let folder = file.to.parent().unwrap_or(&file.to);
        fs::create_dir_all(folder).map_err(|error| Failure::io("make the folder", folder, &error).at(&file.origin))?;
        let mut one = StagedFile::begin("debug-file", &file.to, "name another file")
            .map_err(|failure| failure.at(&file.origin))?;
        one.write(fs::read(&file.made).map_err(|error| Failure::io("read the symbols", &file.made, &error))?)?;
        staged.push(one);
    }
    Ok(staged)
}
