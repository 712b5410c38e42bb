//! Adds the prebuilt programs of a recipe, and chooses the entrypoint among all programs.

use super::{
    super::{plan::GroupKind, planned_rootfs::PlannedNode},
    PreparedImage, Resolver, is_for_platform,
    unseen_inputs::unseen_body,
};
use crate::{
    oci::{ImagePath, Platform},
    recipe::{BinaryEntry, BinarySource},
    report::{ErrorName, Failure, Origin},
};

impl<'a> Resolver<'a> {
    /// Adds a prebuilt program, before any compiler runs. One that is to be compiled is left out.
    pub(super) fn add_prebuilt(&self, prepared: &mut PreparedImage, binary: &BinaryEntry) -> Result<(), Failure> {
        let (BinarySource::Path(path), Some(to)) = (&binary.source, &binary.to) else { return Ok(()) };
        let body = if self.is_unseen(path) {
            unseen_body()
        } else {
            let shown = self.variables.expand(path, &prepared.platform)?;
            let host = self.bound.resolve(path, &shown)?;
            self.pin_file(prepared, &host, &shown, &to.value, &path.origin)?
        };
        let node = PlannedNode::file(body, 0o555, GroupKind::Binaries, &to.origin).with_content_origin(&path.origin);
        prepared.rootfs.add(to.value.clone(), node.with_replace(binary.replace))
    }

    /// `entrypoint` of the recipe, else its only binary. With several binaries, none is picked.
    pub(super) fn entrypoint(
        &self,
        programs: &[ImagePath],
        platform: &Platform,
    ) -> Result<(Vec<String>, Origin), Failure> {
        match (&self.recipe.run.entrypoint, programs) {
            (Some(written), _) => Ok((written.value.clone(), written.origin.clone())),
            (None, [only]) => Ok((vec![only.as_str().to_owned()], self.recipe.run.origin.clone())),
            (None, _) => Err(self.no_entrypoint(&self.binaries(platform), platform)),
        }
    }

    pub(super) fn no_entrypoint(&self, binaries: &[&BinaryEntry], platform: &Platform) -> Failure {
        let Some(last) = binaries.last() else {
            let what = format!("the image for {platform} has no entrypoint, because the recipe has no binary for it");
            return Failure::error(ErrorName::RecipeMissing, what)
                .at(&self.recipe.start())
                .hint("add a `[[binary]]`, or name a file with `entrypoint` in `[run]`");
        };
        let path = binaries.iter().find_map(|binary| binary.to.as_ref());
        let path = path.map_or_else(|| "/usr/bin/...".to_owned(), |to| to.value.to_string());
        Failure::error(
            ErrorName::RecipeMissing,
            format!("{} binaries, and no `entrypoint` says which of them runs", binaries.len()),
        )
        .at(&last.origin)
        .hint(format!("add `entrypoint = [\"{path}\"]` to `[run]`"))
    }

    pub(super) fn binaries(&self, platform: &Platform) -> Vec<&'a BinaryEntry> {
        self.recipe.binaries.iter().filter(|binary| is_for_platform(binary.platforms.as_ref(), platform)).collect()
    }
}
