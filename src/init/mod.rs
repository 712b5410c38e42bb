//! Drafts a recipe for a folder: finds the project, chooses its program, translates a Dockerfile or `.ko.yaml`, writes
//! `hardpan.toml`. `commands::init` is the only caller.
//!
//! Facts of the toolchains come through [`Toolchains`], in the documented JSON of `go` and `cargo`, so that this room
//! starts no child process and agrees with what `build` does. Every decision is one line in [`DraftedRecipe::said`];
//! every instruction without a counterpart is one line in [`DraftedRecipe::left_out`].
//!
//! # One program an image
//!
//! An image that holds programs it does not run holds more than it needs, so one program becomes the image (as with
//! ko): the program with the name of the module or package, which `go install module@latest` and `cargo run` take. The
//! other programs are comments in the recipe. Where no reason decides, all of them are comments, and the caller chooses
//! ([`DraftedRecipe::open`]).

mod cargo;
mod choice;
mod dockerfile;
mod draft;
mod drafted_recipe;
mod folder;
mod go;
mod ko;
mod kodata;
mod prebuilt;
mod program;
mod project;
mod project_finder;
mod rank;
mod rust_target;
mod toml_text;
mod toolchains;
mod workspace;
mod write;
mod yaml;

use std::path::Path;

pub use drafted_recipe::{DraftRequest, DraftedRecipe};
pub use toolchains::{Toolchains, missing_target};
pub use write::{refuse_existing, write};

use crate::report::{ErrorName, Failure, Failures, printable, quoted};
use choice::ProgramChoice;
use draft::{ProgramSource, RecipeDraft};

/// The greatest depth at which a Dockerfile is found.
const DOCKERFILE_DEPTH: usize = 2;
/// The most Dockerfiles that a message names.
const DOCKERFILES: usize = 6;
/// Folders of scripts and builds, where the Dockerfile of a project may be.
const DOCKERFILE_FOLDERS: [&str; 4] = ["build", "ci", "script", "scripts"];

/// Checks a recipe that is not written yet: whether `build` accepts it, as far as that is known without compiling. The
/// second argument holds the image paths of its programs.
pub type RecipeCheck<'a> = &'a dyn Fn(&str, &[String]) -> Result<(), Failures>;

/// Drafts the recipe. Fails where the folder has no program that hardpan can build. A part of a Dockerfile's recipe
/// that `check` refuses is left out, with a note at its line.
pub fn draft(
    request: &DraftRequest,
    tools: &dyn Toolchains,
    check: RecipeCheck<'_>,
) -> Result<DraftedRecipe, Failures> {
    let (mut draft, mut leftovers) = match &request.from {
        Some((name, text)) if ko::is_ko(name, text) => (ko::draft(request, name, text, tools)?, None),
        Some(_) if request.binary.is_some() => {
            let what = "`--binary` does not go with a Dockerfile, which names its program itself";
            return Err(Failure::error(ErrorName::Usage, what).into());
        }
        Some((name, text)) => {
            let (draft, leftovers) = dockerfile::draft(&request.dir, name, text, tools)?;
            (draft, Some(leftovers))
        }
        None => (draft_project(&request.dir, request.binary.as_deref(), tools)?, None),
    };
    note_low_ports(&mut draft);
    rust_target::set(&mut draft, &request.dir, tools)?;
    draft.name.clone_from(&request.name);
    draft.prefix = folder::relative(&request.recipe_dir, &request.dir)?;
    loop {
        let (text, trial, programs) = render_drafts(&mut draft);
        let Err(failures) = check(&trial, &programs) else {
            let open = draft.open.take();
            return Ok(DraftedRecipe { text, said: draft.said, left_out: draft.left_out, open, trial });
        };
        let Some(leftovers) = &mut leftovers else { return Err(failures) };
        let Some(first) = failures.0.into_iter().next() else {
            return Err(Failure::error(ErrorName::Internal, "the recipe would be refused").into());
        };
        leftovers.leave_out(&mut draft, first)?;
    }
}

/// Renders the recipe, the recipe with a program in any case, and the image paths of its programs.
fn render_drafts(draft: &mut RecipeDraft) -> (String, String, Vec<String>) {
    let text = draft.to_string();
    let paths = |draft: &RecipeDraft| draft.binaries.iter().map(draft::DraftProgram::image_path).collect();
    if draft.open.is_none() || draft.others.is_empty() {
        return (text.clone(), text, paths(draft));
    }
    let (open, first) = (draft.open.take(), draft.others.remove(0));
    draft.binaries.push(first);
    let (trial, programs) = (draft.to_string(), paths(draft));
    draft.others.splice(0..0, draft.binaries.pop());
    draft.open = open;
    (text, trial, programs)
}

/// Drafts the recipe of the project's own program, without a Dockerfile.
fn draft_project(dir: &Path, wanted: Option<&str>, tools: &dyn Toolchains) -> Result<RecipeDraft, Failure> {
    let mut project = project_finder::find(dir, tools)?;
    let mut draft = RecipeDraft::default();
    draft.said.append(&mut project.said);
    draft.intro = format!("Written by `hardpan init`: {}.", project.what);
    match project.choose(wanted)? {
        ProgramChoice::Chosen(chosen, why, others) => {
            draft.said.push(format!("program: {} ({why})", chosen.program));
            draft.platforms = draft::platforms_of(&chosen.program);
            if matches!(chosen.program.source, ProgramSource::Go { .. }) {
                draft.from = Some("what ko would take".into());
                draft.left_out = kodata::take(&mut draft, dir, &chosen.folder);
            }
            draft.binaries.push(chosen.program);
            draft.others = others.into_iter().map(|candidate| candidate.program).collect();
        }
        ProgramChoice::Open(candidates, failure) => {
            draft.open = Some(failure);
            draft.others = candidates.into_iter().map(|candidate| candidate.program).collect();
        }
    }
    draft.said.extend(list_dockerfiles(dir));
    if let Some(file) = [".ko.yaml", ".ko.yml"].into_iter().find(|file| dir.join(file).is_file()) {
        draft.said.push(format!("there is a `{file}`: `--from {file}` takes over its builds, flags and platforms"));
    }
    Ok(draft)
}

/// A note about Dockerfiles for `--from`, nearest first; those of examples and tests only where there is no other.
fn list_dockerfiles(dir: &Path) -> Option<String> {
    let is_one = |name: &str| {
        ["Dockerfile", "Containerfile"].iter().any(|kind| {
            name.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
                || name.strip_suffix(kind).is_some_and(|rest| rest.ends_with('.'))
        }) && !name.ends_with(".dockerignore")
    };
    let found = folder::files(dir, DOCKERFILE_DEPTH, is_one);
    let (aside, meant): (Vec<_>, Vec<_>) = found.into_iter().partition(|path| {
        folder::parent(path).split('/').any(|part| rank::is_aside(part) && !DOCKERFILE_FOLDERS.contains(&part))
    });
    let all = if meant.is_empty() { aside } else { meant };
    let first = printable(all.first()?).into_owned();
    let takes = "takes over its ports, variables and files";
    if all.len() == 1 {
        return Some(format!("there is a {}: `--from {first}` {takes}", quoted(&first)));
    }
    let mut names: Vec<_> = all.iter().take(DOCKERFILES).map(|path| quoted(path)).collect();
    if let Some(more) = all.len().checked_sub(DOCKERFILES).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    Some(format!("there are Dockerfiles: {}; `--from {first}` {takes}", names.join(", ")))
}

/// Notes the ports that the run user may not be allowed to bind.
fn note_low_ports(draft: &mut RecipeDraft) {
    let low = |port: &&String| {
        port.split('/').next().and_then(|number| number.parse().ok()).is_some_and(|port: u16| port < 1024)
    };
    let ports: Vec<_> = draft.run.ports.iter().filter(low).map(|port| format!("`{port}`")).collect();
    if ports.is_empty() {
        return;
    }
    let (word, is) = if ports.len() == 1 { ("port", "is") } else { ("ports", "are") };
    draft.said.push(format!(
        "{word}: {} {is} below 1024, and the user is not root; whether the program may listen there depends on the \
         engine (Docker allows it; others need the sysctl `net.ipv4.ip_unprivileged_port_start=0`)",
        ports.join(", ")
    ));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(files: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "FROM scratch\n").unwrap();
        }
        list_dockerfiles(folder.path()).unwrap_or_default()
    }

    #[test]
    fn a_dockerfile_that_is_not_at_the_root_is_told_of() {
        for (files, said) in [
            (&["Dockerfile"][..], "there is a `Dockerfile`: `--from Dockerfile` takes"),
            (&["build/package/Dockerfile"], "`--from build/package/Dockerfile` takes"),
            (&["scripts/Dockerfile", "examples/Dockerfile"], "there is a `scripts/Dockerfile`"),
            (
                &["Containerfile", "docker/Dockerfile.alpine"],
                "Dockerfiles: `Containerfile`, `docker/Dockerfile.alpine`; ",
            ),
            (&["deploy/server.Dockerfile"], "there is a `deploy/server.Dockerfile`"),
            (&["examples/a/Dockerfile"], "there is a `examples/a/Dockerfile`"),
            (&["Dockerfile.dockerignore", "vendor/x/Dockerfile", "Dockerfiles.md"], ""),
        ] {
            let line = found(files);
            assert!(line.contains(said) && line.is_empty() == said.is_empty(), "{files:?}: {line}");
        }
    }
}
