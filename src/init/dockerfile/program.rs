//! The program that the image of a Dockerfile runs, and where it comes from.

use std::path::Path;

use super::{
    Notes, accept,
    build::Wanted,
    command_line::{command, unwrap},
    config::Config,
    follow::{Made, Whence},
    sources::{has_sources, set_platform},
    stages::{Stages, absolute},
    words::braces,
};
use crate::{
    init::{
        Toolchains,
        draft::{Draft, Program, Source, platforms_of},
        prebuilt,
        project::{self, Candidate, Project},
        quoted,
    },
    report::{ErrorName, Failure, printable},
};

/// Where a bare name is looked for: Docker's default `PATH`, and where compilers install.
const PATH: [&str; 8] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/go/bin", "/usr/local/cargo/bin"];

/// Follows paths of the image to programs.
pub(super) struct Finder<'a> {
    pub(super) dir: &'a Path,
    pub(super) name: &'a str,
    pub(super) tools: &'a dyn Toolchains,
    pub(super) stages: &'a Stages,
    /// The last stage.
    pub(super) last: usize,
    /// The sources in `dir`, once they were asked for.
    pub(super) project: Option<Project>,
}

/// The program, and how it is called.
pub(super) struct Found {
    /// The line that names it; 0 for none.
    line: usize,
    pub(super) program: Program,
    /// Arguments that are part of the entrypoint.
    pub(super) fixed: Vec<String>,
    /// Arguments that a caller may replace.
    pub(super) args: Vec<String>,
    said: Vec<String>,
}

impl Finder<'_> {
    /// The program that `ENTRYPOINT` and `CMD` name, else the one that the build makes.
    pub(super) fn find(&mut self, config: &Config, notes: &mut Notes) -> Result<Found, Failure> {
        let (line, mut entry, mut args) = command(config, notes);
        // A script of the context that comes first.
        let mut script = None;
        let mut is_first = true;
        loop {
            unwrap(line, &mut entry, &mut args, notes);
            let Some(first) = entry.first().cloned() else { break };
            let path = self.stages.behind_links(self.last, &self.path(&first, &config.workdir));
            let made = match self.stages.made(self.last, &path) {
                // Not in the context: something in a stage that cannot be followed has put it there.
                Made::Context(from) if !self.dir.join(&from).exists() && self.by_name(&path).is_some() => {
                    Made::Elsewhere(Whence::Unknown)
                }
                Made::Context(from) if !self.dir.join(&from).exists() => match self.stages.whence(self.last, line) {
                    Whence::Run(line) => Made::Elsewhere(Whence::Run(line)),
                    _ => Made::Context(from),
                },
                made => made,
            };
            match made {
                Made::Compiled(wanted) => {
                    let program = self.compiled(&wanted, &path, notes)?;
                    let said = vec![format!("entrypoint: `{}`, of line {line}", printable(&path))];
                    return Ok(Found { line, program, fixed: entry.split_off(1), args, said });
                }
                Made::Context(from) => {
                    if let Some(program) = self.copied(&from, &path, line)? {
                        let said = vec![format!("entrypoint: `{}`, a prebuilt program", printable(&path))];
                        return Ok(Found { line, program, fixed: entry.split_off(1), args, said });
                    }
                    notes.add(line, format!("`{first}` is a script, and there is no shell in the image"));
                    script.get_or_insert(from);
                }
                // The word after a script that starts no program is an argument, and so are those behind it.
                Made::Elsewhere(_) if !is_first && self.has_compile() && self.by_name(&path).is_none() => {
                    let words = [&entry[..], &args[..]].concat().join(" ");
                    notes.add(
                        line,
                        format!(
                            "`{words}`: arguments of what the image does not run; `args` in `[run]` are the program's"
                        ),
                    );
                    break;
                }
                Made::Elsewhere(whence) => {
                    if let Some(program) = self.by_name(&path) {
                        if matches!(whence, Whence::Unknown | Whence::Run(_)) {
                            notes.by_name = Some(path.clone());
                        }
                        let said =
                            vec![format!("entrypoint: `{}`; its name is the project's program", printable(&path))];
                        return Ok(Found { line, program, fixed: entry.split_off(1), args, said });
                    }
                    if let (Whence::Run(copy), false) = (whence, self.has_compile()) {
                        let program = self.only(copy, &first, &path, notes)?;
                        let said = vec![format!("entrypoint: `{}`, the project's only program", printable(&path))];
                        return Ok(Found { line, program, fixed: entry.split_off(1), args, said });
                    }
                    if !self.has_compile() {
                        return Err(self.foreign(line, &first, whence));
                    }
                    notes.add(line, format!("`{first}`: nothing in the Dockerfile says where it comes from"));
                }
            }
            // A script mostly ends with `exec "$@"`: then the arguments are the program.
            entry = if args.is_empty() { Vec::new() } else { vec![args.remove(0)] };
            is_first = false;
        }
        self.any(line, script.as_deref(), notes)
    }

    /// The whole path of the word that is run.
    fn path(&self, word: &str, workdir: &str) -> String {
        if word.contains('/') {
            return absolute(workdir, word);
        }
        let folders = PATH.iter().copied().chain([workdir]);
        let here = |path: &String| match self.stages.made(self.last, &self.stages.behind_links(self.last, path)) {
            Made::Compiled(_) => true,
            Made::Context(from) => self.dir.join(from).exists(),
            Made::Elsewhere(_) => false,
        };
        let known = folders.map(|folder| absolute(folder, word)).find(here);
        known.unwrap_or_else(|| absolute("/usr/bin", word))
    }

    /// The program of the sources that a compile line means, at `path` of the image.
    pub(super) fn compiled(&mut self, wanted: &Wanted, path: &str, notes: &mut Notes) -> Result<Program, Failure> {
        let mut program = self.chosen(wanted, notes)?;
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
        for why in accept::keep(&mut program, &vars) {
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

    /// The project's program that a compile line means.
    fn chosen(&mut self, wanted: &Wanted, notes: &mut Notes) -> Result<Program, Failure> {
        let package = wanted.package.clone().unwrap_or_else(|| ".".into());
        let bare = package.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let package_folder = if package.rsplit_once('.').is_some_and(|(_, end)| end == "go") { bare } else { &package };
        let folder = self.stages.context(wanted.stage, &absolute(&wanted.dir, package_folder));
        let sources = folder.as_ref().is_some_and(|folder| has_sources(self.dir, folder, wanted));
        let project = self.project()?;
        let kind = |candidate: &&Candidate| matches!(candidate.program.source, Source::Go { .. }) == wanted.is_go;
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
        // Sources that are here and are no program of the project: another module, or one that needs cgo.
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

    /// One more program of the image, at `to`; the `COPY` is on `line`.
    pub(super) fn another(&mut self, draft: &mut Draft, wanted: &Wanted, to: &str, line: usize, notes: &mut Notes) {
        let program = match self.compiled(wanted, to, notes) {
            Ok(program) => program,
            Err(failure) => {
                let what = failure.what.split_once(": ").map_or(failure.what.as_str(), |(_, what)| what);
                return notes.add(line, format!("`{to}`: {what}"));
            }
        };
        // Of several programs a recipe says which one runs.
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

    /// The project's only program, for one that a `RUN` makes which cannot be followed; its `COPY` is on line `copy`.
    fn only(&mut self, copy: usize, first: &str, path: &str, notes: &mut Notes) -> Result<Program, Failure> {
        let name = printable(self.name).into_owned();
        let candidates = &self.project()?.candidates;
        let [only] = candidates.as_slice() else {
            let all: Vec<_> = candidates.iter().take(12).map(|candidate| candidate.program.to_string()).collect();
            let what = format!("{name}:{copy}: the image runs {}, and what makes it cannot be followed", quoted(first));
            return Err(Failure::error(ErrorName::ProjectAmbiguous, what).hint(format!(
                "the programs of this folder are {}; write a recipe for one of them with `hardpan init`",
                all.join(", ")
            )));
        };
        let mut program = only.program.clone();
        program.to = Some(path.to_owned()).filter(|path| *path != format!("/usr/bin/{}", program.name));
        notes.put("to", path, copy);
        notes.by_name = Some(path.to_owned());
        notes.add(
            copy,
            format!(
                "`{first}`: what makes it cannot be followed, nor its flags; {program}, the only program here, is taken"
            ),
        );
        Ok(program)
    }

    /// A program of the context; `None` for a script or a folder.
    fn copied(&self, from: &str, path: &str, line: usize) -> Result<Option<Program>, Failure> {
        let host = self.dir.join(from);
        match self.tools.prebuilt(&host) {
            Some(Ok(platform)) => {
                let mut program = prebuilt::candidate(self.stages.templates.shown(from), &[platform]).program;
                program.to = Some(path.to_owned());
                Ok(Some(program))
            }
            Some(Err(why)) => Err(Failure::error(
                ErrorName::ProgramFormat,
                format!("{}:{line}: {} {why}", printable(self.name), quoted(from)),
            )),
            None if host.exists() => Ok(None),
            None => {
                let what = format!(
                    "{}:{line}: the image runs `{}`, which is {} of this folder, and that is not there",
                    printable(self.name),
                    printable(path),
                    quoted(from)
                );
                Err(Failure::error(ErrorName::InputNotFound, what).hint("build it first; `init` looks at the file"))
            }
        }
    }

    /// A program of the project that has the name of `path`.
    fn by_name(&mut self, path: &str) -> Option<Program> {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let project = self.project().ok()?;
        let programs = || project.candidates.iter().map(|candidate| &candidate.program);
        let called = |program: &&Program| program.image_path().rsplit('/').next() == Some(&name);
        let mut program = programs().find(|program| program.name == name).or_else(|| programs().find(called))?.clone();
        program.to = Some(path.to_owned()).filter(|path| *path != format!("/usr/bin/{}", program.name));
        Some(program)
    }

    /// Without a usable `ENTRYPOINT` or `CMD`: the program that a stage compiles and the last one copies, else the
    /// project's. Of several programs the script decides that the image would run: `script` is its path in the context.
    fn any(&mut self, line: usize, script: Option<&str>, notes: &mut Notes) -> Result<Found, Failure> {
        let all = self.all_compiled();
        let text = script.and_then(|script| std::fs::read_to_string(self.dir.join(script)).ok()).unwrap_or_default();
        let named = started(&text, &all.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>());
        if let Some((wanted, path)) = all.get(named.unwrap_or_default()) {
            let program = self.compiled(wanted, path, notes)?;
            let how = match (named, script, all.as_slice()) {
                (_, _, [_]) => format!("the program that line {} compiles", wanted.line),
                (Some(_), Some(script), _) => format!("which `{}` names", printable(script)),
                _ => format!("the first of {} programs in the image; `entrypoint` in `[run]` names another", all.len()),
            };
            let said = vec![format!("entrypoint: `{}`, {how}", printable(path))];
            return Ok(Found { line, program, fixed: Vec::new(), args: Vec::new(), said });
        }
        if !self.has_compile() {
            return Err(self.foreign(line, "", Whence::Unknown));
        }
        let first = self.project()?.candidates.first().map(|candidate| candidate.program.clone());
        let program = first.ok_or_else(|| Failure::error(ErrorName::ProjectUnknown, "the project has no program"))?;
        let said = vec![format!(
            "entrypoint: {program}, the project's program; the Dockerfile names none that can be followed"
        )];
        Ok(Found { line, program, fixed: Vec::new(), args: Vec::new(), said })
    }

    /// The programs that a stage compiles and the image copies, with their paths, in the order of the lines.
    fn all_compiled(&self) -> Vec<(Box<Wanted>, String)> {
        let chain = self.stages.chain();
        let steps = chain.iter().filter_map(|at| Some((*at, self.stages.list.get(*at)?)));
        let mut all = Vec::new();
        for (at, step) in steps.flat_map(|(at, stage)| stage.steps.iter().map(move |step| (at, step))) {
            let stage =
                step.instruction.flag("from").and_then(|from| self.stages.named(&step.scope.word(from).text, at));
            let (Some(stage), Some((sources, to))) = (stage, super::stages::copy_words(step)) else { continue };
            let target = absolute(&step.workdir, &to);
            let into = self.stages.is_folder(at, step, sources.len(), &to);
            for source in sources {
                if let Made::Compiled(wanted) = self.stages.made(stage, &absolute("/", &source)) {
                    let path = if into { absolute(&target, &wanted.file) } else { target.clone() };
                    all.push((wanted, path));
                }
            }
        }
        all
    }

    /// Whether some stage compiles a program of Go or Rust.
    fn has_compile(&self) -> bool {
        let mut steps = self.stages.list.iter().flat_map(|stage| &stage.steps);
        steps.any(|step| step.commands.iter().any(super::build::is_compile))
    }

    /// The line of a `COPY` or `ADD` of the image in which a variable has no known value, and the variable.
    fn unknown_copy(&self) -> Option<(usize, String)> {
        let chain = self.stages.chain();
        let steps = chain.iter().filter_map(|at| self.stages.list.get(*at)).flat_map(|stage| &stage.steps);
        let mut copies = steps.filter(|step| ["COPY", "ADD"].contains(&step.instruction.name.as_str()));
        copies.find_map(|step| {
            let unknown = super::stages::operands(step).into_iter().find_map(|word| word.unknown)?;
            Some((step.instruction.line, unknown))
        })
    }

    /// The image runs what hardpan cannot make.
    fn foreign(&self, line: usize, program: &str, whence: Whence) -> Failure {
        if let (Whence::Unknown, false, Some((copy, unknown))) = (whence, program.is_empty(), self.unknown_copy()) {
            let what = format!(
                "{}:{copy}: the image runs {}, which this line may bring, and the value of {} in it is not known here",
                printable(self.name),
                quoted(program),
                quoted(&unknown)
            );
            return Failure::error(ErrorName::Dockerfile, what).hint(
                "an `ARG` with a default gives it one; without `--from`, `hardpan init` looks at the sources alone",
            );
        }
        let base =
            self.stages.chain().first().and_then(|at| self.stages.list.get(*at)).map(|stage| stage.base.text.clone());
        let base = base.unwrap_or_default();
        let (line, how) = match whence {
            Whence::Unknown if base == "scratch" => (line, "which no line puts there".to_owned()),
            Whence::Unknown => (line, format!("which its base {} brings", quoted(&base))),
            Whence::Run(copy) | Whence::Base(copy) => {
                (copy, "which this line copies from a stage that has it from its base".to_owned())
            }
            Whence::Image(copy) => (copy, "which this line copies from another image".to_owned()),
        };
        let place =
            if line == 0 { printable(self.name).into_owned() } else { format!("{}:{line}", printable(self.name)) };
        let what = if program.is_empty() {
            format!("{place}: no `ENTRYPOINT` or `CMD` names a program that Go or Rust compiles, or that is copied in")
        } else {
            format!("{place}: the image runs {}, {how}", quoted(program))
        };
        Failure::error(ErrorName::Dockerfile, what)
            .hint("hardpan makes images of static programs: Go, Rust or a prebuilt one; there is no recipe for this")
    }

    fn project(&mut self) -> Result<&Project, Failure> {
        match &mut self.project {
            Some(project) => Ok(project),
            empty => Ok(empty.insert(project::find(self.dir, self.tools)?)),
        }
    }
}

/// The index of the program that a shell script starts: the program of its last `exec`, else the last program that it
/// names.
fn started(script: &str, paths: &[&str]) -> Option<usize> {
    let is_end = |c: char| c.is_whitespace() || "\"'`();|&<>=".contains(c);
    let lines = script.lines().filter(|line| !line.trim_start().starts_with('#')).rev();
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(is_end).collect()).collect();
    let is_name = |word: &str, path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        word == path || word == name || word.ends_with(&format!("/{name}"))
    };
    let named = |line: &Vec<&str>| paths.iter().position(|path| line.iter().any(|word| is_name(word, path)));
    let of_exec = lines.iter().filter(|line| line.contains(&"exec")).find_map(named);
    of_exec.or_else(|| lines.iter().find_map(named))
}

/// Puts the program into the recipe; `cmd` is the line of its arguments.
pub(super) fn take(draft: &mut Draft, found: Found, cmd: usize, name: &str, notes: &mut Notes) -> Result<(), Failure> {
    let controls = |words: &[String]| words.iter().any(|word| word.chars().any(char::is_control));
    if controls(&found.fixed) {
        let what = format!("{}:{}: an argument of the entrypoint has a control character", printable(name), found.line);
        return Err(
            Failure::error(ErrorName::Dockerfile, what).hint("a recipe takes none; write the arguments without")
        );
    }
    draft.platforms = if found.program.platforms.is_empty() { Vec::new() } else { platforms_of(&found.program) };
    draft.said.push(format!("program: {}", found.program));
    draft.said.extend(found.said);
    if !found.fixed.is_empty() {
        draft.run.entrypoint = [vec![found.program.image_path()], found.fixed].concat();
    }
    notes.put("run", "args", cmd);
    if controls(&found.args) {
        notes.add(cmd, "`CMD`: an argument has a control character, which a recipe takes not; there are no arguments");
    } else {
        draft.run.args = found.args.iter().map(|arg| braces(arg)).collect();
    }
    draft.binaries.push(found.program);
    Ok(())
}
