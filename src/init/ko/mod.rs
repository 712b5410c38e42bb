//! A `.ko.yaml` as a recipe: its builds with their flags and variables, its platforms, and a list of what is left out.
//!
//! ko makes an image of one import path, and so does a recipe: of several builds one becomes the image. Names follow
//! ko's documentation ("Configuration") and its reader of the file.

mod file;
mod flags;
mod template;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::{
    Request, Toolchains,
    choice::Choice,
    dockerfile::Notes,
    draft::{Draft, Source},
    folder, go, kodata,
    project::{self, Candidate, Project},
    quoted, workspace, yaml,
};
use crate::{
    oci::Platform,
    report::{ErrorName, Failure, printable},
};
use file::{KoBuild, KoFile};
use template::Templates;

pub(super) use file::is_ko;

/// The recipe for the project in `request.dir` and the file `text`, which messages call `name`.
pub(super) fn draft(request: &Request, name: &str, text: &str, tools: &dyn Toolchains) -> Result<Draft, Failure> {
    let dir = &request.dir;
    let mut notes = Notes::default();
    let file = KoFile::read(name, yaml::parse(name, text)?, &mut notes)?;
    let mut project = project::find(dir, tools)?;
    project.candidates.retain(|candidate| matches!(candidate.program.source, Source::Go { .. }));
    let mut draft = Draft {
        intro: format!("Written by `hardpan init --from {}`: {}.", printable(name), project.what),
        from: Some(format!("`{}`", printable(name))),
        said: std::mem::take(&mut project.said),
        ..Draft::default()
    };
    let builds = builds(dir, &file, &mut project, tools, &mut notes)?;
    if builds.is_empty() && project.candidates.is_empty() {
        let what = format!("ko builds Go programs, and this is {}", project.what);
        return Err(Failure::error(ErrorName::KoYaml, what).in_path(dir).hint("run `init` without `--from`"));
    }
    let mut templates = Templates { dir, tools, vars: &mut draft.vars, notes: Vec::new() };
    let apply = |candidate: Candidate, build: &KoBuild, templates: &mut Templates<'_>, notes: &mut Notes| {
        settled(candidate, build, &file, templates, notes)
    };
    let of_builds: Vec<_> =
        builds.into_iter().map(|(candidate, build)| apply(candidate, build, &mut templates, &mut notes)).collect();
    let plain = KoBuild::default();
    let rest: Vec<_> = std::mem::take(&mut project.candidates)
        .into_iter()
        .map(|candidate| apply(candidate, &plain, &mut templates, &mut notes))
        .collect();
    choose(&mut draft, project, of_builds, rest, request)?;
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

/// The programs of `builds`, taken out of the project's.
fn builds<'f>(
    dir: &Path,
    file: &'f KoFile,
    project: &mut Project,
    tools: &dyn Toolchains,
    notes: &mut Notes,
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
        if let Some(candidate) = wanted.as_deref().and_then(|wanted| taken(dir, wanted, project, tools)) {
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

/// The program in the folder `wanted`, of the project or of a module that was not looked at.
fn taken(dir: &Path, wanted: &str, project: &mut Project, tools: &dyn Toolchains) -> Option<Candidate> {
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

/// A program with the settings of its build; what the build does not say, the file's defaults do.
fn settled(
    mut candidate: Candidate,
    build: &KoBuild,
    file: &KoFile,
    templates: &mut Templates<'_>,
    notes: &mut Notes,
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
    // Where ko puts it; what names the path, such as `command` of a Pod, goes on to work.
    let name = candidate.id.rsplit('/').next().unwrap_or(&candidate.id);
    program.to = Some(format!("/ko-app/{name}"));
    candidate
}

/// Chooses among the builds, or among all programs where there are none or the caller names one.
fn choose(
    draft: &mut Draft,
    mut project: Project,
    of_builds: Vec<Candidate>,
    rest: Vec<Candidate>,
    request: &Request,
) -> Result<(), Failure> {
    let wanted = request.binary.as_deref();
    let (mut later, mut candidates) = (rest, of_builds);
    let is_only = candidates.len() == 1 && wanted.is_none();
    if candidates.is_empty() || wanted.is_some() {
        candidates.append(&mut later);
    } else {
        // What the file names is meant, whatever else is there.
        project.passed_over.clear();
    }
    candidates.sort_by(|one, other| one.rank.cmp(&other.rank));
    project.candidates = candidates;
    let others = match project.choose(wanted)? {
        Choice::Chosen(chosen, why, others) => {
            let why = if is_only { "the only one of `builds`".into() } else { why };
            draft.said.push(format!("program: {} ({why})", chosen.program));
            let left_out = kodata::take(draft, &request.dir, &chosen.folder);
            draft.left_out.extend(left_out);
            draft.binaries.push(chosen.program);
            others
        }
        Choice::Open(candidates, failure) => {
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
fn platforms(draft: &mut Draft, file: &KoFile, notes: &mut Notes) {
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

/// The bases, of which nothing is in the image.
fn bases(file: &KoFile, notes: &mut Notes) {
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
