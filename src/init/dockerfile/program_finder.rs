//! Finds the program that the image of a Dockerfile runs: compiled, prebuilt, or the project's program of that name.

use std::path::Path;

use super::{
    LeftOutNotes,
    command_line::{command, unwrap},
    compile_line::CompileLine,
    config::DockerfileConfig,
    file_origin::{FileOrigin, UntracedOrigin},
    small_text,
    stage_path::absolute,
    stages::Stages,
};
use crate::{
    init::{
        Toolchains,
        draft::{DraftProgram, RecipeDraft, platforms_of},
        prebuilt,
        project::Project,
        project_finder,
        toml_text::braces,
    },
    report::{ErrorName, Failure, printable, quoted},
};

/// The folders in which a bare program name is searched: Docker's default `PATH`, and where compilers install.
const PATH: [&str; 8] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/go/bin", "/usr/local/cargo/bin"];

/// Traces paths of the image to programs.
pub(super) struct ProgramFinder<'a> {
    pub(super) dir: &'a Path,
    pub(super) name: &'a str,
    pub(super) tools: &'a dyn Toolchains,
    pub(super) stages: &'a Stages,
    /// The last stage.
    pub(super) last: usize,
    /// The project in `dir`, read on demand.
    pub(super) project: Option<Project>,
}

/// The program that the image runs, and its arguments.
pub(super) struct FoundProgram {
    /// The line that names it; 0 for none.
    line: usize,
    pub(super) program: DraftProgram,
    /// Arguments that are part of the entrypoint.
    pub(super) fixed: Vec<String>,
    /// Arguments that a caller may replace.
    pub(super) args: Vec<String>,
    said: Vec<String>,
}

impl ProgramFinder<'_> {
    /// Finds the program that `ENTRYPOINT` and `CMD` name, else a program that the build makes.
    pub(super) fn find(
        &mut self,
        config: &DockerfileConfig,
        notes: &mut LeftOutNotes,
    ) -> Result<FoundProgram, Failure> {
        let (line, mut entry, mut args) = command(config, notes);
        // A script of the context in front of the program.
        let mut script = None;
        let mut is_first = true;
        loop {
            unwrap(line, &mut entry, &mut args, notes);
            let Some(first) = entry.first().cloned() else { break };
            let path = self.stages.behind_links(self.last, &self.path(&first, &config.workdir));
            match self.origin(&path, line) {
                FileOrigin::Compiled(wanted) => {
                    let program = self.compiled_program(&wanted, &path, notes)?;
                    let said = vec![format!("entrypoint: `{}`, of line {line}", printable(&path))];
                    return Ok(FoundProgram { line, program, fixed: entry.split_off(1), args, said });
                }
                FileOrigin::Context(from) => {
                    if let Some(program) = self.prebuilt_program(&from, &path, line)? {
                        let said = vec![format!("entrypoint: `{}`, a prebuilt program", printable(&path))];
                        return Ok(FoundProgram { line, program, fixed: entry.split_off(1), args, said });
                    }
                    notes.add(line, format!("`{first}` is a script, and there is no shell in the image"));
                    script.get_or_insert(from);
                }
                // Words after a script that do not name a program are arguments.
                FileOrigin::Elsewhere(_)
                    if !is_first && self.has_compile() && self.program_by_name(&path).is_none() =>
                {
                    let words = [&entry[..], &args[..]].concat().join(" ");
                    notes.add(
                        line,
                        format!(
                            "`{words}`: arguments of what the image does not run; `args` in `[run]` are the program's"
                        ),
                    );
                    break;
                }
                FileOrigin::Elsewhere(whence) => {
                    if let Some(program) = self.program_by_name(&path) {
                        if matches!(whence, UntracedOrigin::Unknown | UntracedOrigin::Run(_)) {
                            notes.by_name = Some(path.clone());
                        }
                        let said =
                            vec![format!("entrypoint: `{}`; its name is the project's program", printable(&path))];
                        return Ok(FoundProgram { line, program, fixed: entry.split_off(1), args, said });
                    }
                    if let (UntracedOrigin::Run(copy), false) = (whence, self.has_compile()) {
                        let program = self.take_only_program(copy, &first, &path, notes)?;
                        let said = vec![format!("entrypoint: `{}`, the project's only program", printable(&path))];
                        return Ok(FoundProgram { line, program, fixed: entry.split_off(1), args, said });
                    }
                    if !self.has_compile() {
                        return Err(self.foreign_program_failure(line, &first, whence));
                    }
                    notes.add(line, format!("`{first}`: nothing in the Dockerfile says where it comes from"));
                }
            }
            // Most entrypoint scripts end with `exec "$@"`: then the arguments are the program.
            entry = if args.is_empty() { Vec::new() } else { vec![args.remove(0)] };
            is_first = false;
        }
        self.find_without_command(line, script.as_deref(), notes)
    }

    /// The origin of a program of the image; `line` is that of its `ENTRYPOINT` or `CMD`.
    fn origin(&mut self, path: &str, line: usize) -> FileOrigin {
        match self.stages.made(self.last, path) {
            // The file is not in the context, so an untraced command of a stage made it.
            FileOrigin::Context(from) if !self.dir.join(&from).exists() => {
                if self.program_by_name(path).is_some() {
                    return FileOrigin::Elsewhere(UntracedOrigin::Unknown);
                }
                match self.stages.whence(self.last, line) {
                    UntracedOrigin::Run(line) => FileOrigin::Elsewhere(UntracedOrigin::Run(line)),
                    _ => FileOrigin::Context(from),
                }
            }
            origin => origin,
        }
    }

    /// The absolute path of the program that a word names.
    fn path(&self, word: &str, workdir: &str) -> String {
        if word.contains('/') {
            return absolute(workdir, word);
        }
        let folders = PATH.iter().copied().chain([workdir]);
        let here = |path: &String| match self.stages.made(self.last, &self.stages.behind_links(self.last, path)) {
            FileOrigin::Compiled(_) => true,
            FileOrigin::Context(from) => self.dir.join(from).exists(),
            FileOrigin::Elsewhere(_) => false,
        };
        let known = folders.map(|folder| absolute(folder, word)).find(here);
        known.unwrap_or_else(|| absolute("/usr/bin", word))
    }

    /// The project's only program, in place of a program that an untraced `RUN` makes; its `COPY` is on line `copy`.
    fn take_only_program(
        &mut self,
        copy: usize,
        first: &str,
        path: &str,
        notes: &mut LeftOutNotes,
    ) -> Result<DraftProgram, Failure> {
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

    /// A prebuilt program of the context; `None` for a script or a folder.
    fn prebuilt_program(&self, from: &str, path: &str, line: usize) -> Result<Option<DraftProgram>, Failure> {
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
                Err(Failure::error(ErrorName::InputNotFound, what).hint("build it first; `init` reads the program"))
            }
        }
    }

    /// The project's program with the name of `path`.
    fn program_by_name(&mut self, path: &str) -> Option<DraftProgram> {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let project = self.project().ok()?;
        let programs = || project.candidates.iter().map(|candidate| &candidate.program);
        let called = |program: &&DraftProgram| program.image_path().rsplit('/').next() == Some(&name);
        let mut program = programs().find(|program| program.name == name).or_else(|| programs().find(called))?.clone();
        program.to = Some(path.to_owned()).filter(|path| *path != format!("/usr/bin/{}", program.name));
        Some(program)
    }

    /// Without a usable `ENTRYPOINT` or `CMD`: a program that a stage compiles and the last stage copies, else the
    /// project's. The entrypoint script decides between several programs: `script` is its path in the context.
    fn find_without_command(
        &mut self,
        line: usize,
        script: Option<&str>,
        notes: &mut LeftOutNotes,
    ) -> Result<FoundProgram, Failure> {
        let all = self.compiled_programs();
        let text = script.and_then(|script| small_text(&self.dir.join(script))).unwrap_or_default();
        let named = program_started_by(&text, &all.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>());
        if let Some((wanted, path)) = all.get(named.unwrap_or_default()) {
            let program = self.compiled_program(wanted, path, notes)?;
            let how = match (named, script, all.as_slice()) {
                (_, _, [_]) => format!("the program that line {} compiles", wanted.line),
                (Some(_), Some(script), _) => format!("which `{}` names", printable(script)),
                _ => format!("the first of {} programs in the image; `entrypoint` in `[run]` names another", all.len()),
            };
            let said = vec![format!("entrypoint: `{}`, {how}", printable(path))];
            return Ok(FoundProgram { line, program, fixed: Vec::new(), args: Vec::new(), said });
        }
        if !self.has_compile() {
            return Err(self.foreign_program_failure(line, "", UntracedOrigin::Unknown));
        }
        let first = self.project()?.candidates.first().map(|candidate| candidate.program.clone());
        let program = first.ok_or_else(|| Failure::error(ErrorName::ProjectUnknown, "the project has no program"))?;
        let said = vec![format!(
            "entrypoint: {program}, the project's program; the Dockerfile names none that can be followed"
        )];
        Ok(FoundProgram { line, program, fixed: Vec::new(), args: Vec::new(), said })
    }

    /// The compiled programs that the image copies, with their paths, in the order of the lines.
    fn compiled_programs(&self) -> Vec<(Box<CompileLine>, String)> {
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
                if let FileOrigin::Compiled(wanted) = self.stages.made(stage, &absolute("/", &source)) {
                    let path = if into { absolute(&target, &wanted.file) } else { target.clone() };
                    all.push((wanted, path));
                }
            }
        }
        all
    }

    /// Whether any stage compiles a Go or Rust program.
    fn has_compile(&self) -> bool {
        let mut steps = self.stages.list.iter().flat_map(|stage| &stage.steps);
        steps.any(|step| step.commands.iter().any(super::compile_line::is_compile))
    }

    /// The first `COPY` or `ADD` of the image with a variable of unknown value: its line, and the variable.
    fn unknown_copy(&self) -> Option<(usize, String)> {
        let chain = self.stages.chain();
        let steps = chain.iter().filter_map(|at| self.stages.list.get(*at)).flat_map(|stage| &stage.steps);
        let mut copies = steps.filter(|step| ["COPY", "ADD"].contains(&step.instruction.name.as_str()));
        copies.find_map(|step| {
            let unknown = super::stages::operands(step).into_iter().find_map(|word| word.unknown)?;
            Some((step.instruction.line, unknown))
        })
    }

    /// The failure for an image that runs a program which hardpan cannot build.
    fn foreign_program_failure(&self, line: usize, program: &str, whence: UntracedOrigin) -> Failure {
        if let (UntracedOrigin::Unknown, false, Some((copy, unknown))) =
            (whence, program.is_empty(), self.unknown_copy())
        {
            let what = format!(
                "{}:{copy}: the image runs {}, which this line may bring, and the value of {} in it is not known here",
                printable(self.name),
                quoted(program),
                quoted(&unknown)
            );
            return Failure::error(ErrorName::Dockerfile, what)
                .hint("an `ARG` with a default gives it one; without `--from`, `hardpan init` reads the sources only");
        }
        let base =
            self.stages.chain().first().and_then(|at| self.stages.list.get(*at)).map(|stage| stage.base.text.clone());
        let base = base.unwrap_or_default();
        let (line, how) = match whence {
            UntracedOrigin::Unknown if base == "scratch" => (line, "which no line puts there".to_owned()),
            UntracedOrigin::Unknown => (line, format!("which its base {} brings", quoted(&base))),
            UntracedOrigin::Run(copy) | UntracedOrigin::Base(copy) => {
                (copy, "which this line copies from a stage that has it from its base".to_owned())
            }
            UntracedOrigin::Image(copy) => (copy, "which this line copies from another image".to_owned()),
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

    /// The project in `dir`.
    pub(super) fn project(&mut self) -> Result<&Project, Failure> {
        match &mut self.project {
            Some(project) => Ok(project),
            empty => Ok(empty.insert(project_finder::find(self.dir, self.tools)?)),
        }
    }
}

/// The index of the program that a shell script starts: the program of its last `exec`, else the last program that it
/// names.
fn program_started_by(script: &str, paths: &[&str]) -> Option<usize> {
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

/// Adds the program to the recipe; `cmd` is the line of its arguments.
pub(super) fn put_program(
    draft: &mut RecipeDraft,
    found: FoundProgram,
    cmd: usize,
    name: &str,
    notes: &mut LeftOutNotes,
) -> Result<(), Failure> {
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
