//! Translates a `.ko.yaml` into a recipe: builds with flags and variables, platforms, and notes about what is left out.
//!
//! ko makes an image of one import path, and so does a recipe: of several builds one becomes the image. Names follow
//! ko's documentation ("Configuration") and its reader of the file.

mod flags;
mod ko_file;
mod ko_templates;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::{
    DraftRequest, Toolchains,
    choice::ProgramChoice,
    dockerfile::LeftOutNotes,
    draft::{ProgramSource, RecipeDraft},
    folder, go, kodata,
    project::{Candidate, Project},
    project_finder, workspace, yaml,
};
use crate::{
    oci::Platform,
    report::{ErrorName, Failure, printable, quoted},
};
use ko_file::{KoBuild, KoFile};
use ko_templates::KoTemplates;

pub(super) use ko_file::is_ko;

/// Drafts the recipe for the project in `request.dir` and the file `text`, which messages call `name`.
pub(super) fn draft(
    request: &DraftRequest,
    name: &str,
    text: &str,
    tools: &dyn Toolchains,
) -> Result<RecipeDraft, Failure> {
    let dir = &request.dir;
    let mut notes = LeftOutNotes::default();
    let file = KoFile::read(name, yaml::parse(name, text)?, &mut notes)?;
    let mut project = project_finder::find(dir, tools)?;
    project.candidates.retain(|candidate| matches!(candidate.program.source, ProgramSource::Go { .. }));
    let mut draft = RecipeDraft {
        intro: format!("Written by `hardpan init --from {}`: {}.", printable(name), project.what),
        from: Some(format!("`{}`", printable(name))),
        said: std::mem::take(&mut project.said),
        ..RecipeDraft::default()
    };
    let builds = builds(dir, &file, &mut project, tools, &mut notes)?;
    if builds.is_empty() && project.candidates.is_empty() {
        let what = format!("ko builds Go programs, and this is {}", project.what);
        return Err(Failure::error(ErrorName::KoYaml, what).in_path(dir).hint("run `init` without `--from`"));
    }
    let mut templates = KoTemplates { dir, tools, vars: &mut draft.vars, notes: Vec::new() };
    let with_build =
        |candidate: Candidate, build: &KoBuild, templates: &mut KoTemplates<'_>, notes: &mut LeftOutNotes| {
            apply_build(candidate, build, &file, templates, notes)
        };
    let of_builds: Vec<_> =
        builds.into_iter().map(|(candidate, build)| with_build(candidate, build, &mut templates, &mut notes)).collect();
    let plain = KoBuild::default();
    let rest: Vec<_> = std::mem::take(&mut project.candidates)
        .into_iter()
        .map(|candidate| with_build(candidate, &plain, &mut templates, &mut notes))
        .collect();
    choose_program(&mut draft, project, of_builds, rest, request)?;
    platforms(&mut draft, &file, &mut notes);
    bases(&file, &mut notes);
    for (name, variable) in &draft.vars {
        draft.said.push(format!("variable: `{name}`, {}", variable.comment));
    }
    let of_folder = std::mem::take(&mut draft.left_out);
    draft.left_out = notes.lines(name);
    draft.left_out.extend(of_folder);
    Ok(draft)
}

/// Takes the programs of `builds` out of the project's candidates.
fn builds<'f>(
    dir: &Path,
    file: &'f KoFile,
    project: &mut Project,
    tools: &dyn Toolchains,
    notes: &mut LeftOutNotes,
) -> Result<Vec<(Candidate, &'f KoBuild)>, Failure> {
    let mut found: Vec<(Candidate, &KoBuild)> = Vec::new();
    for build in &file.builds {
        let text = |text: &Option<yaml::YamlText>| text.as_ref().map_or(".", |text| text.text.as_str()).to_owned();
        let (at, main) = (text(&build.dir), text(&build.main));
        let main = if Path::new(&main).extension().is_some_and(|end| end == "go") {
            folder::parent(&main).to_owned()
        } else {
            main
        };
        let wanted = workspace::below(dir, &format!("{at}/{main}"));
        let again = |(known, _): &(Candidate, &KoBuild)| Some(&known.folder) == wanted.as_ref();
        if let Some(earlier) = found.iter_mut().find(|known| again(known)) {
            notes.add(earlier.1.line, "a later build is for the same program, and ko takes that one");
            earlier.1 = build;
            continue;
        }
        if let Some(candidate) = wanted.as_deref().and_then(|wanted| take_candidate(dir, wanted, project, tools)) {
            found.push((candidate, build));
        } else {
            let place = quoted(&format!("{at}/{main}"));
            notes.add(build.line, format!("{place}: no Go program that hardpan can compile is there"));
        }
    }
    if let (true, Some(build)) = (found.is_empty(), file.builds.first()) {
        let what = format!("line {}: none of the `builds` is a Go program that hardpan can compile", build.line);
        return Err(Failure::error(ErrorName::KoYaml, what)
            .in_path(dir)
            .hint("`dir` and `main` of a build lead from this folder"));
    }
    Ok(found)
}

/// The program in the folder `wanted`, from the project's candidates or from a nested module.
fn take_candidate(dir: &Path, wanted: &str, project: &mut Project, tools: &dyn Toolchains) -> Option<Candidate> {
    let at = |candidates: &[Candidate]| candidates.iter().position(|candidate| candidate.folder == wanted);
    if let Some(at) = at(&project.candidates) {
        return Some(project.candidates.remove(at));
    }
    let mut module = wanted;
    while !folder::within(dir, module).join("go.mod").is_file() {
        if module.is_empty() {
            return None;
        }
        module = folder::parent(module);
    }
    let mut nested = go::project(dir, &[module.to_owned()], tools).ok()?;
    at(&nested.candidates).map(|at| nested.candidates.remove(at))
}

/// Applies the settings of a build to its program; the file's defaults fill the gaps.
fn apply_build(
    mut candidate: Candidate,
    build: &KoBuild,
    file: &KoFile,
    templates: &mut KoTemplates<'_>,
    notes: &mut LeftOutNotes,
) -> Candidate {
    let mut build = build.clone();
    for (own, default) in
        [(&mut build.env, &file.env), (&mut build.flags, &file.flags), (&mut build.ldflags, &file.ldflags)]
    {
        if own.is_empty() {
            own.clone_from(default);
        }
    }
    let program = &mut candidate.program;
    if build.line > 0 {
        let id = build.id.as_ref().map(|id| format!(" `{}`", printable(id))).unwrap_or_default();
        program.comment = format!("The build{id} of line {}.", build.line);
    }
    flags::take(&build, program, templates, notes);
    // The path of ko, so that a Pod's `command` goes on to work.
    let name = candidate.id.rsplit('/').next().unwrap_or(&candidate.id);
    program.to = Some(format!("/ko-app/{name}"));
    candidate
}

/// Chooses among the builds, or among all programs where there are none or the caller names one.
fn choose_program(
    draft: &mut RecipeDraft,
    mut project: Project,
    of_builds: Vec<Candidate>,
    rest: Vec<Candidate>,
    request: &DraftRequest,
) -> Result<(), Failure> {
    let wanted = request.binary.as_deref();
    let (mut later, mut candidates) = (rest, of_builds);
    let is_only = candidates.len() == 1 && wanted.is_none();
    if candidates.is_empty() || wanted.is_some() {
        candidates.append(&mut later);
    } else {
        // Builds in the file decide, whatever other programs the project has.
        project.passed_over.clear();
    }
    candidates.sort_by(|one, other| one.rank.cmp(&other.rank));
    project.candidates = candidates;
    let others = match project.choose(wanted)? {
        ProgramChoice::Chosen(chosen, why, others) => {
            let why = if is_only { "the only one of `builds`".into() } else { why };
            draft.said.push(format!("program: {} ({why})", chosen.program));
            let left_out = kodata::take(draft, &request.dir, &chosen.folder);
            draft.left_out.extend(left_out);
            draft.binaries.push(chosen.program);
            others
        }
        ProgramChoice::Open(candidates, failure) => {
            draft.open = Some(failure);
            for candidate in candidates.iter().filter(|one| kodata::is_there(&request.dir, &one.folder)) {
                draft.said.push(format!("`kodata` of {}: `--binary` takes it too", candidate.program));
            }
            candidates
        }
    };
    draft.others = others.into_iter().chain(later).map(|candidate| candidate.program).collect();
    Ok(())
}

/// `defaultPlatforms`.
fn platforms(draft: &mut RecipeDraft, file: &KoFile, notes: &mut LeftOutNotes) {
    let mut platforms: Vec<Platform> = Vec::new();
    for text in &file.platforms {
        for word in text.text.split([',', ' ']).filter(|word| !word.is_empty()) {
            match Platform::parse(word) {
                Ok(platform) if platforms.contains(&platform) => {}
                Ok(platform) => platforms.push(platform),
                Err(_) if word == "all" => {
                    notes.add(text.line, "`all`: those of the base; name the platforms that the image is for");
                }
                Err(_) => notes.add(text.line, format!("the platform `{word}`: hardpan makes no image for it")),
            }
        }
    }
    let default = Platform { os: "linux", architecture: "amd64", variant: None };
    if platforms != [default] {
        draft.platforms = platforms;
    }
}

/// Notes about base images: nothing of them is in the image.
fn bases(file: &KoFile, notes: &mut LeftOutNotes) {
    let what = |image: &str| {
        format!(
            "the image begins empty, nothing of a base is in it; where the program needs one, \
             `base = \"{image}\"` and `hardpan lock`"
        )
    };
    if let Some(base) = &file.base {
        notes.add(base.line, format!("`defaultBaseImage: {}`: {}", base.text, what(&base.text)));
    }
    for (path, image) in &file.overrides {
        notes.add(path.line, format!("the base `{}` of `{}`: {}", image.text, path.text, what(&image.text)));
    }
}
