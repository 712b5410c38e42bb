//! Replaces the variables in the programs of a recipe for one platform, and checks their flags again afterwards.

use super::Resolver;
use crate::{
    oci::Platform,
    recipe::{
        CargoBinary, FEATURE, GoBinary, Located, TAG, WordKind, check_cargo_flags, check_go_flags, check_go_tool_flags,
        check_program,
    },
    report::Failure,
};

impl Resolver<'_> {
    /// `go` with every variable replaced.
    pub(super) fn expanded_go(&self, go: &GoBinary, platform: &Platform) -> Result<GoBinary, Failure> {
        let mut go = go.clone();
        self.replace_in(&mut go.tags, platform, Some(TAG))?;
        self.replace_in(&mut go.flags, platform, None)?;
        // Looked at again, as all below: a variable may have brought in a flag that leads out of the build.
        check_go_flags(&go.flags)?;
        self.replace_in(&mut go.ldflags, platform, None)?;
        go.ldflags.iter().try_for_each(|flag| check_go_tool_flags(flag, &flag.value))?;
        self.replace_in(go.env.values_mut(), platform, None)?;
        self.replace_in(&mut go.cc, platform, None)?;
        go.cc.iter().try_for_each(check_program)?;
        Ok(go)
    }

    /// `cargo` with every variable replaced.
    pub(in crate::build) fn expanded_cargo(
        &self,
        cargo: &CargoBinary,
        platform: &Platform,
    ) -> Result<CargoBinary, Failure> {
        let mut cargo = cargo.clone();
        self.replace_in(&mut cargo.features, platform, Some(FEATURE))?;
        self.replace_in(&mut cargo.flags, platform, None)?;
        check_cargo_flags(&cargo.flags)?;
        self.replace_in(cargo.env.values_mut(), platform, None)?;
        self.replace_in(&mut cargo.linker, platform, None)?;
        self.replace_in(&mut cargo.cc, platform, None)?;
        cargo.linker.iter().chain(&cargo.cc).try_for_each(check_program)?;
        self.replace_in(&mut cargo.debug_file, platform, None)?;
        Ok(cargo)
    }

    /// Replaces the variables of each text; `kind` is what the value must still be.
    fn replace_in<'t>(
        &self,
        texts: impl IntoIterator<Item = &'t mut Located<String>>,
        platform: &Platform,
        kind: Option<WordKind>,
    ) -> Result<(), Failure> {
        for text in texts {
            text.value = self.variables.expand(text, platform)?;
            kind.map_or(Ok(()), |kind| kind.check(text, &text.value))?;
        }
        Ok(())
    }
}
