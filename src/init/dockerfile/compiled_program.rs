//! Chooses the project's program for a compile line of the Dockerfile, and gives it the settings of the line.

use super::{
    LeftOutNotes,
    compile_line::CompileLine,
    program_finder::ProgramFinder,
    refused_settings,
    sources::{has_sources, set_platform},
    stage_path::absolute,
};
use crate::{
    init::{
        draft::{DraftProgram, ProgramSource, RecipeDraft},
        project::Candidate,
    },
    report::{ErrorName, Failure, printable, quoted},
};

impl ProgramFinder<'_> {
    /// The project's program for a compile line, with its settings, at `path` of the image.
    pub(super) fn compiled_program(
        &mut self,
        wanted: &CompileLine,
        path: &str,
        notes: &mut LeftOutNotes,
    ) -> Result<DraftProgram, Failure> {
        let mut program = self.choose_candidate(wanted, notes)?;
        program.tags.extend(wanted.tags.iter().cloned());
        program.ldflags.extend(wanted.ldflags.iter().cloned());
        let more: Vec<_> =
            wanted.features.iter().filter(|feature| !program.features.contains(feature)).cloned().collect();
        program.features.extend(more);
        program.flags.extend(wanted.flags.iter().cloned());
        program.env.extend(wanted.env.clone());
        program.cgo |= wanted.cgo;
        program.profile.clone_from(&wanted.profile);
        program.rustflags.clone_from(&wanted.rustflags);
        program.linker.clone_from(&wanted.linker);
        program.cc.clone_from(&wanted.cc);
        let vars = self.stages.variables.borrow().all();
        for why in refused_settings::drop_refused_settings(&mut program, &vars) {
            notes.add(wanted.line, why);
        }
        program.comment = format!("Line {} compiles it.", wanted.line);
        for (line, left_out) in &wanted.left_out {
            notes.add(*line, left_out.clone());
        }
        if wanted.several {
            notes.add(wanted.line, "it compiles several packages; those that the image has not are left out");
        }
        set_platform(&mut program, wanted, notes);
        program.to = Some(path.to_owned()).filter(|path| *path != format!("/usr/bin/{}", program.name));
        notes.put("to", path, wanted.line);
        Ok(program)
    }

    /// The project's program that a compile line builds.
    fn choose_candidate(&mut self, wanted: &CompileLine, notes: &mut LeftOutNotes) -> Result<DraftProgram, Failure> {
        let package = wanted.package.clone().unwrap_or_else(|| ".".into());
        let bare = package.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let package_folder = if package.rsplit_once('.').is_some_and(|(_, end)| end == "go") { bare } else { &package };
        let folder = self.stages.context(wanted.stage, &absolute(&wanted.dir, package_folder));
        let sources = folder.as_ref().is_some_and(|folder| has_sources(self.dir, folder, wanted));
        let project = self.project()?;
        let kind =
            |candidate: &&Candidate| matches!(candidate.program.source, ProgramSource::Go { .. }) == wanted.is_go;
        let of_go = |candidate: &&Candidate| candidate.id == package || Some(&candidate.folder) == folder.as_ref();
        let named = |candidate: &&Candidate| candidate.program.name == wanted.file;
        let of_cargo = |candidate: &&Candidate| {
            let binary = wanted.binary.as_ref().unwrap_or(&wanted.file);
            let in_package =
                wanted.package.as_ref().is_none_or(|package| candidate.id.starts_with(&format!("{package}/")));
            in_package && (candidate.program.name == *binary)
        };
        let candidates = || project.candidates.iter().filter(kind);
        let exact = if wanted.is_go { candidates().find(of_go) } else { candidates().find(of_cargo) };
        // The sources exist and are not a candidate: another module, or a program that needs cgo.
        let others = exact.is_none() && sources;
        let found = exact.or_else(|| candidates().find(named).filter(|_| !others));
        let all: Vec<_> = candidates().collect();
        let package_named = !wanted.is_go && (wanted.package.is_some() || wanted.binary.is_some());
        let external = wanted.package.as_ref().is_some_and(|package| package.contains('@'));
        let external = external || others || package_named;
        let chosen = match (found, all.as_slice()) {
            (Some(found), _) => found,
            (None, [only]) if !external => {
                let what = format!(
                    "the program it compiles is not found among those of the project; {} is taken",
                    only.program
                );
                notes.add(wanted.line, what);
                only
            }
            (None, candidates) => {
                let all: Vec<_> = candidates.iter().take(12).map(|candidate| candidate.program.to_string()).collect();
                let place = format!("{}:{}", printable(self.name), wanted.line);
                let what = format!(
                    "{place}: the program that this line compiles, {}, is none of this folder's",
                    quoted(&wanted.file)
                );
                let hint = match folder.filter(|folder| others && !folder.is_empty()) {
                    Some(folder) => format!("run `init` in the folder {}, where its sources are", quoted(&folder)),
                    None if all.is_empty() => "run `init` in the folder where its sources are".into(),
                    None => format!("the programs of this folder are {}", all.join(", ")),
                };
                return Err(Failure::error(ErrorName::Dockerfile, what).hint(hint));
            }
        };
        Ok(chosen.program.clone())
    }

    /// Adds another program of the image, at `to`; the `COPY` is on `line`.
    pub(super) fn add_program(
        &mut self,
        draft: &mut RecipeDraft,
        wanted: &CompileLine,
        to: &str,
        line: usize,
        notes: &mut LeftOutNotes,
    ) {
        let program = match self.compiled_program(wanted, to, notes) {
            Ok(program) => program,
            Err(failure) => {
                let what = failure.what.split_once(": ").map_or(failure.what.as_str(), |(_, what)| what);
                return notes.add(line, format!("`{to}`: {what}"));
            }
        };
        // With several programs the recipe needs an entrypoint.
        if let (true, Some(first)) = (draft.run.entrypoint.is_empty(), draft.binaries.first()) {
            draft.run.entrypoint = vec![first.image_path()];
        }
        if program.platforms != draft.binaries.first().map(|first| first.platforms.clone()).unwrap_or_default() {
            notes.add(
                wanted.line,
                format!("`{to}`: it is for another platform than the entrypoint; `platforms` is that one's"),
            );
        }
        draft.said.push(format!("program: {program} too, as the Dockerfile copies it"));
        draft.binaries.push(program);
    }
}
