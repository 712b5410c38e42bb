//! Chooses the Rust target of a drafted recipe: musl, else the machine's own target where musl does not build. `build`
//! itself never guesses a target.

use std::path::Path;

use super::{
    Toolchains,
    draft::{ProgramSource, RecipeDraft, Variable},
    folder,
};
use crate::{
    oci::Platform,
    report::{ErrorName, Failure},
};

/// Sets the target of this machine where the default target does not build and this one does.
pub(super) fn set(draft: &mut RecipeDraft, dir: &Path, tools: &dyn Toolchains) -> Result<(), Failure> {
    let programs = draft.binaries.iter().chain(draft.others.iter().filter(|_| draft.open.is_some()));
    let mut programs =
        programs.filter(|program| matches!(program.source, ProgramSource::Cargo { .. }) && program.target.is_none());
    let Some(first) = programs.next() else { return Ok(()) };
    let selection = if draft.open.is_some() { Vec::new() } else { selection(draft, first.dir.as_ref()) };
    let dir = folder::within(dir, first.dir.as_deref().unwrap_or_default());
    let platform = match draft.platforms.first() {
        Some(platform) => platform.clone(),
        None => Platform { os: "linux", architecture: "amd64", variant: None },
    };
    let musl = platform.rust_target();
    let Some(why) = tools.target_problem(&dir, musl, &selection)? else {
        let missing = tools.missing_input(&dir, musl, &selection)?;
        let builds = missing.map_or_else(|| "builds here".to_owned(), |missing| display_missing(&missing));
        draft.said.push(format!("target: `{musl}`, the default for {platform}, {builds}"));
        return Ok(());
    };
    let refused = |gnu: Option<String>| -> Result<Failure, Failure> {
        let also = gnu.map(|why| format!("; {why}")).unwrap_or_default();
        let failure =
            Failure::error(ErrorName::ToolMissing, format!("the target `{musl}` will not build here: {why}{also}"))
                .in_path(&dir);
        let missing = !tools.has_rust_target(&dir, musl)?;
        Ok(if missing { failure.hint(format!("`rustup target add {musl}`")) } else { failure })
    };
    let host = tools.rust_host(&dir)?;
    let arch = host.split('-').next().unwrap_or_default();
    let own = Platform::parse(&format!("linux/{arch}")).ok().filter(|_| host.ends_with("-linux-gnu"));
    let Some(own) = own.filter(|own| own == &platform || draft.platforms.is_empty()) else {
        return Err(refused(None)?);
    };
    if let Some(why) = tools.target_problem(&dir, &host, &selection)? {
        return Err(refused(Some(format!("and `{host}` neither: {why}")))?);
    }
    draft.said.push(format!("target: `{host}`, because the default, `{musl}`, will not build here: {why}"));
    if let Some(missing) = tools.missing_input(&dir, &host, &selection)? {
        draft.said.push(format!("target: it {}", display_missing(&missing)));
    }
    if own != platform {
        draft.said.push(format!("platform: {own}, this machine's, for the same reason"));
        draft.platforms = vec![own];
    }
    let note = format!(
        "The default, `{musl}`, will not build here: {why}. For a gnu target the C library is linked in, so the program \
         is static all the same."
    );
    for program in draft.binaries.iter_mut().chain(&mut draft.others) {
        if matches!(program.source, ProgramSource::Cargo { .. }) && program.target.is_none() {
            program.target = Some((host.clone(), note.clone()));
        }
    }
    Ok(())
}

/// The cargo flags that select the packages and features of the programs in one folder, as `build` passes them. Other
/// members of a workspace may need what these do not.
fn selection(draft: &RecipeDraft, dir: Option<&String>) -> Vec<String> {
    let chosen: Vec<_> = draft.binaries.iter().filter(|program| program.dir.as_ref() == dir).collect();
    let mut words = Vec::new();
    for program in &chosen {
        let ProgramSource::Cargo { package } = &program.source else { continue };
        let package = package.split('/').next().unwrap_or_default();
        words.extend(["--package".to_owned(), package.to_owned()]);
        for feature in program.features.iter().map(|feature| expand_defaults(draft, feature)) {
            // A feature belongs to one package, and `--features` cannot name a feature of a dependency for one
            // package.
            match chosen.as_slice() {
                [_] => words.push(format!("--features={feature}")),
                _ if feature.contains('/') => {}
                _ => words.push(format!("--features={package}/{feature}")),
            }
        }
        let flags = program.flags.iter().filter(|flag| ["--no-default-features", "--all-features"].contains(&&***flag));
        words.extend(flags.cloned());
    }
    words
}

/// Replaces variables of the recipe with their defaults.
fn expand_defaults(draft: &RecipeDraft, word: &str) -> String {
    let put =
        |word: String, (name, variable): (&String, &Variable)| word.replace(&format!("{{{name}}}"), &variable.value);
    draft.vars.iter().fold(word.to_owned(), put)
}

/// A missing library or program, as the end of a sentence: the recipe is right, and the machine or the features of a
/// crate are not.
fn display_missing(missing: &Failure) -> String {
    let hint = missing.hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
    format!("does not build here yet: {}{hint}", missing.what)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::init::draft::DraftProgram;

    /// A machine of amd64, and why each target will not build there.
    struct FakeMachine(Vec<(&'static str, &'static str)>);

    impl Toolchains for FakeMachine {
        fn go_module(&self, dir: &Path) -> Result<Vec<u8>, Failure> {
            Err(Failure::error(ErrorName::ToolMissing, "no go here").in_path(dir))
        }

        fn go_packages(&self, dir: &Path, _: Option<&Path>, _: bool) -> Result<Vec<u8>, Failure> {
            self.go_module(dir)
        }

        fn cargo_workspace(&self, dir: &Path) -> Result<Vec<u8>, Failure> {
            self.go_module(dir)
        }

        fn rust_host(&self, _: &Path) -> Result<String, Failure> {
            Ok("x86_64-unknown-linux-gnu".into())
        }

        fn has_rust_target(&self, _: &Path, _: &str) -> Result<bool, Failure> {
            Ok(true)
        }

        fn target_problem(&self, _: &Path, target: &str, _: &[String]) -> Result<Option<String>, Failure> {
            Ok(self.0.iter().find(|(known, _)| *known == target).map(|(_, why)| (*why).to_owned()))
        }

        fn missing_input(&self, _: &Path, _: &str, _: &[String]) -> Result<Option<Failure>, Failure> {
            let missing = self.0.iter().find(|(known, _)| *known == "input");
            Ok(missing.map(|(_, what)| Failure::error(ErrorName::ToolMissing, *what).hint("the way out")))
        }

        fn prebuilt(&self, _: &Path) -> Option<Result<Platform, String>> {
            None
        }
    }

    const MUSL: &str = "x86_64-unknown-linux-musl";
    const GNU: &str = "x86_64-unknown-linux-gnu";

    fn drafted(problems: &[(&'static str, &'static str)]) -> Result<RecipeDraft, Failure> {
        let mut draft = RecipeDraft::default();
        draft.binaries.push(DraftProgram::new("app", ProgramSource::Cargo { package: "app".into() }));
        draft.others.push(DraftProgram::new("other", ProgramSource::Cargo { package: "other".into() }));
        set(&mut draft, Path::new("/project"), &FakeMachine(problems.to_vec())).map(|()| draft)
    }

    #[test]
    fn musl_is_taken_where_it_builds_and_the_machine_s_own_target_with_the_reason_where_not() {
        let musl = drafted(&[]).unwrap();
        assert!(musl.binaries[0].target.is_none());
        assert!(musl.said[0].contains("builds here"), "{:?}", musl.said);
        let gnu = drafted(&[(MUSL, "`ring` builds C, and there is no `musl-gcc`")]).unwrap();
        assert!(gnu.said[0].contains(GNU) && gnu.said[0].contains("no `musl-gcc`"), "{:?}", gnu.said);
        let text = gnu.to_string();
        assert!(text.contains(&format!("target = \"{GNU}\"")) && text.contains("`ring` builds C"), "{text}");
        assert!(gnu.others[0].target.is_some());
    }

    #[test]
    fn a_library_that_is_missing_is_said_with_the_way_out_and_no_target_builds_here() {
        for problems in [&[("input", "a library")][..], &[("input", "a library"), (MUSL, "a reason")]] {
            let said = drafted(problems).unwrap().said.join("\n");
            assert!(said.contains("does not build here yet: a library: the way out"), "{said}");
            assert!(!said.contains("builds here"), "{said}");
        }
    }

    #[test]
    fn where_no_target_builds_both_reasons_are_said() {
        let failure = drafted(&[(MUSL, "one reason"), (GNU, "another reason")]).unwrap_err();
        assert!(failure.what.contains("one reason") && failure.what.contains("another reason"), "{failure}");
    }

    #[test]
    fn a_program_that_is_not_chosen_yet_has_its_target_too() {
        let mut draft =
            RecipeDraft { open: Some(Failure::error(ErrorName::ProjectAmbiguous, "which?")), ..RecipeDraft::default() };
        draft.others.push(DraftProgram::new("app", ProgramSource::Cargo { package: "app".into() }));
        set(&mut draft, Path::new("/project"), &FakeMachine(vec![(MUSL, "a reason")])).unwrap();
        assert_eq!(draft.others[0].target.as_ref().unwrap().0, GNU);
    }

    #[test]
    fn the_packages_and_the_features_of_the_chosen_programs_are_looked_at() {
        let mut draft = RecipeDraft::default();
        let mut app = DraftProgram::new("app", ProgramSource::Cargo { package: "app/server".into() });
        app.features = vec!["{set}".into(), "dep/x".into()];
        app.flags = vec!["--no-default-features".into(), "-j2".into()];
        draft.vars.insert("set".into(), Variable { value: "fast".into(), comment: String::new() });
        draft.binaries.push(app);
        let one = ["--package", "app", "--features=fast", "--features=dep/x", "--no-default-features"];
        assert_eq!(selection(&draft, None), one);
        draft.binaries.push(DraftProgram::new("other", ProgramSource::Cargo { package: "other".into() }));
        let two = ["--package", "app", "--features=app/fast", "--no-default-features", "--package", "other"];
        assert_eq!(selection(&draft, None), two);
    }
}
