//! The program that the image of a Dockerfile runs, and where it comes from.

use std::path::Path;

use super::{
    Notes,
    build::Wanted,
    config::{Config, Words},
    stages::{Made, Stages, absolute, is_folder},
};
use crate::{
    init::{
        Toolchains,
        draft::{Draft, Program, platforms_of},
        prebuilt,
        project::{self, Candidate, Project},
        quoted,
    },
    oci::Platform,
    report::{Failure, printable},
};

/// Where a bare name is looked for: Docker's default `PATH`, and where compilers install.
const PATH: [&str; 8] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/go/bin", "/usr/local/cargo/bin"];
/// Programs that only start another one.
const WRAPPERS: [&str; 7] = ["tini", "dumb-init", "docker-init", "catatonit", "su-exec", "gosu", "env"];

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
        loop {
            unwrap(line, &mut entry, &mut args, notes);
            let Some(first) = entry.first().cloned() else { break };
            let path = self.path(&first, &config.workdir);
            let made = match self.stages.made(self.last, &path) {
                // Not in the context: something in a stage that cannot be followed has put it there.
                Made::Context(from) if !self.dir.join(&from).exists() && self.by_name(&path).is_some() => {
                    Made::Elsewhere
                }
                made => made,
            };
            match made {
                Made::Compiled(wanted) => {
                    let program = self.compiled(&wanted, &path, notes)?;
                    let said = vec![format!("entrypoint: `{}`, of line {line}", printable(&path))];
                    return Ok(Found { program, fixed: entry.split_off(1), args, said });
                }
                Made::Context(from) => match self.copied(&from, &path)? {
                    Some(program) => {
                        let said = vec![format!("entrypoint: `{}`, a prebuilt program", printable(&path))];
                        return Ok(Found { program, fixed: entry.split_off(1), args, said });
                    }
                    None => notes.add(line, format!("`{first}` is a script, and there is no shell in the image")),
                },
                Made::Elsewhere => {
                    if let Some(program) = self.by_name(&path) {
                        let said =
                            vec![format!("entrypoint: `{}`; its name is the project's program", printable(&path))];
                        return Ok(Found { program, fixed: entry.split_off(1), args, said });
                    }
                    if !self.has_compile() {
                        return Err(self.foreign(line, &first));
                    }
                    notes.add(line, format!("`{first}`: nothing in the Dockerfile says where it comes from"));
                }
            }
            // A script mostly ends with `exec "$@"`: then the arguments are the program.
            entry = if args.is_empty() { Vec::new() } else { vec![args.remove(0)] };
        }
        self.any(line, notes)
    }

    /// The whole path of the word that is run.
    fn path(&self, word: &str, workdir: &str) -> String {
        if word.contains('/') {
            return absolute(workdir, word);
        }
        let folders = PATH.iter().copied().chain([workdir]);
        let here = |path: &String| match self.stages.made(self.last, path) {
            Made::Compiled(_) => true,
            Made::Context(from) => self.dir.join(from).exists(),
            Made::Elsewhere => false,
        };
        let known = folders.map(|folder| absolute(folder, word)).find(here);
        known.unwrap_or_else(|| absolute("/usr/bin", word))
    }

    /// The program of the sources that a compile line means, at `path` of the image.
    pub(super) fn compiled(&mut self, wanted: &Wanted, path: &str, notes: &mut Notes) -> Result<Program, Failure> {
        let package = wanted.package.clone().unwrap_or_else(|| ".".into());
        let bare = package.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let package_folder = if package.rsplit_once('.').is_some_and(|(_, end)| end == "go") { bare } else { &package };
        let folder = self.stages.context(wanted.stage, &absolute(&wanted.dir, package_folder));
        let project = self.project()?;
        let of_go = |candidate: &&Candidate| candidate.id == package || Some(&candidate.folder) == folder.as_ref();
        let named = |candidate: &&Candidate| candidate.program.name == wanted.file;
        let of_cargo = |candidate: &&Candidate| {
            let binary = wanted.binary.as_ref().unwrap_or(&wanted.file);
            let in_package =
                wanted.package.as_ref().is_none_or(|package| candidate.id.starts_with(&format!("{package}/")));
            in_package && (candidate.program.name == *binary)
        };
        let exact =
            if wanted.is_go { project.candidates.iter().find(of_go) } else { project.candidates.iter().find(of_cargo) };
        let found = exact.or_else(|| project.candidates.iter().find(named));
        let chosen = match (found, project.candidates.first()) {
            (Some(found), _) => found,
            (None, Some(first)) => {
                let what =
                    format!("the program it compiles is not among those of the project; {} is taken", first.program);
                notes.add(wanted.line, what);
                first
            }
            (None, None) => return Err(Failure::new("the project has no program")),
        };
        let mut program = chosen.program.clone();
        program.tags.extend(wanted.tags.iter().cloned());
        program.ldflags.extend(wanted.ldflags.iter().map(|flag| super::config::braces(flag)));
        let more: Vec<_> =
            wanted.features.iter().filter(|feature| !program.features.contains(feature)).cloned().collect();
        program.features.extend(more);
        program.flags.extend(wanted.flags.iter().cloned());
        program.comment = format!("Line {} compiles it.", wanted.line);
        if let Some(platform) = wanted.arch.as_ref().and_then(|arch| Platform::parse(&format!("linux/{arch}")).ok()) {
            program.platforms = vec![platform];
        }
        for left_out in &wanted.left_out {
            notes.add(wanted.line, left_out.clone());
        }
        program.to = Some(path.to_owned()).filter(|path| *path != format!("/usr/bin/{}", program.name));
        Ok(program)
    }

    /// A program of the context; `None` for a script or a folder.
    fn copied(&self, from: &str, path: &str) -> Result<Option<Program>, Failure> {
        let host = self.dir.join(from);
        match self.tools.prebuilt(&host) {
            Some(Ok(platform)) => {
                let mut program = prebuilt::candidate(super::config::braces(from), &[platform]).program;
                program.to = Some(path.to_owned());
                Ok(Some(program))
            }
            Some(Err(why)) => Err(Failure::new(format!("{} {why}", quoted(from))).in_path(self.dir)),
            None if host.exists() => Ok(None),
            None => {
                let what = format!("`{}` copies {}, which is not there", printable(self.name), quoted(from));
                Err(Failure::new(what).in_path(self.dir).hint("build it first; `init` looks at the file"))
            }
        }
    }

    /// A program of the project that has the name of `path`.
    fn by_name(&mut self, path: &str) -> Option<Program> {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let project = self.project().ok()?;
        let mut program = project.candidates.iter().find(|candidate| candidate.program.name == name)?.program.clone();
        program.to = Some(path.to_owned()).filter(|path| *path != format!("/usr/bin/{name}"));
        Some(program)
    }

    /// Without a usable `ENTRYPOINT` or `CMD`: the program that a stage compiles and the last one copies, else the
    /// project's.
    fn any(&mut self, line: usize, notes: &mut Notes) -> Result<Found, Failure> {
        let chain = self.stages.chain();
        let steps = chain.iter().filter_map(|at| Some((*at, self.stages.0.get(*at)?)));
        let mut compiled = None;
        for (at, step) in steps.flat_map(|(at, stage)| stage.steps.iter().map(move |step| (at, step))) {
            let stage =
                step.instruction.flag("from").and_then(|from| self.stages.named(&step.scope.word(from).text, at));
            let (Some(stage), Some((sources, to))) = (stage, super::stages::copy_words(step)) else { continue };
            for source in sources {
                if let Made::Compiled(wanted) = self.stages.made(stage, &absolute("/", &source)) {
                    let target = absolute(&step.workdir, &to);
                    let path = if is_folder(step, &[], &to) { absolute(&target, &wanted.file) } else { target };
                    compiled = Some((wanted, path));
                }
            }
        }
        if let Some((wanted, path)) = compiled {
            let program = self.compiled(&wanted, &path, notes)?;
            let said =
                vec![format!("entrypoint: `{}`, the program that line {} compiles", printable(&path), wanted.line)];
            return Ok(Found { program, fixed: Vec::new(), args: Vec::new(), said });
        }
        if !self.has_compile() {
            return Err(self.foreign(line, ""));
        }
        let first = self.project()?.candidates.first().map(|candidate| candidate.program.clone());
        let program = first.ok_or_else(|| Failure::new("the project has no program"))?;
        let said = vec![format!(
            "entrypoint: {program}, the project's program; the Dockerfile names none that can be followed"
        )];
        Ok(Found { program, fixed: Vec::new(), args: Vec::new(), said })
    }

    /// Whether some stage compiles a program of Go or Rust.
    fn has_compile(&self) -> bool {
        let mut steps = self.stages.0.iter().flat_map(|stage| &stage.steps);
        steps.any(|step| step.commands.iter().any(super::build::is_compile))
    }

    /// The image runs what hardpan cannot make.
    fn foreign(&self, line: usize, program: &str) -> Failure {
        let base =
            self.stages.chain().first().and_then(|at| self.stages.0.get(*at)).map(|stage| stage.base.text.clone());
        let base = base.unwrap_or_default();
        let place =
            if line == 0 { printable(self.name).into_owned() } else { format!("{}:{line}", printable(self.name)) };
        let what = if program.is_empty() {
            format!("{place}: no `ENTRYPOINT` or `CMD` names a program that Go or Rust compiles, or that is copied in")
        } else {
            format!("{place}: the image runs {}, which its base {} brings", quoted(program), quoted(&base))
        };
        Failure::new(what)
            .hint("hardpan makes images of static programs: Go, Rust or a prebuilt one; there is no recipe for this")
    }

    fn project(&mut self) -> Result<&Project, Failure> {
        match &mut self.project {
            Some(project) => Ok(project),
            empty => Ok(empty.insert(project::find(self.dir, self.tools)?)),
        }
    }
}

/// Puts the program into the recipe.
pub(super) fn take(draft: &mut Draft, found: Found) {
    draft.platforms = if found.program.platforms.is_empty() { Vec::new() } else { platforms_of(&found.program) };
    draft.said.push(format!("program: {}", found.program));
    draft.said.extend(found.said);
    if !found.fixed.is_empty() {
        draft.run.entrypoint = [vec![found.program.image_path()], found.fixed].concat();
    }
    let args = found.args.iter().map(|arg| super::config::braces(arg));
    draft.run.args = args.filter(|arg| !arg.chars().any(char::is_control)).collect();
    draft.binaries.push(found.program);
}

/// Line, entrypoint and arguments as Docker joins them.
fn command(config: &Config, notes: &mut Notes) -> (usize, Vec<String>, Vec<String>) {
    let mut form = |name: &str, words: &Words| {
        if words.needs_shell {
            notes.add(words.line, format!("`{name}`: the shell form, and there is no shell in the image"));
        } else if words.is_shell {
            let what = format!("`{name}`: the shell form; its words are taken as they are, without a shell");
            notes.add(words.line, what);
        }
    };
    match (&config.entrypoint, &config.cmd) {
        (Some(entrypoint), cmd) => {
            form("ENTRYPOINT", entrypoint);
            let mut args = Vec::new();
            if let Some(cmd) = cmd {
                if entrypoint.is_shell || cmd.is_shell {
                    notes.add(cmd.line, "`CMD`: beside an `ENTRYPOINT`, only the exec form of both gives arguments");
                } else {
                    args.clone_from(&cmd.list);
                }
            }
            (entrypoint.line, entrypoint.list.clone(), args)
        }
        (None, Some(cmd)) => {
            form("CMD", cmd);
            let mut args = cmd.list.clone();
            let entry = if args.is_empty() { Vec::new() } else { vec![args.remove(0)] };
            (cmd.line, entry, args)
        }
        (None, None) => (0, Vec::new(), Vec::new()),
    }
}

/// Takes away programs that only start the next one.
fn unwrap(line: usize, entry: &mut Vec<String>, args: &mut Vec<String>, notes: &mut Notes) {
    while let Some(first) = entry.first().cloned() {
        let name = first.rsplit('/').next().unwrap_or_default();
        if ["sh", "bash", "ash", "dash"].contains(&name) {
            notes.add(line, format!("`{first}`: there is no shell in the image"));
            entry.clear();
            args.clear();
            return;
        }
        if !WRAPPERS.contains(&name) {
            return;
        }
        notes.add(
            line,
            format!(
                "`{first}`: the program runs as PID 1, with the numeric user; `--init` of the engine reaps children"
            ),
        );
        entry.remove(0);
        // Its own flags, the `--` and, for those that change the user, the user.
        let takes_user = ["su-exec", "gosu"].contains(&name);
        while entry.first().is_some_and(|word| word.starts_with('-')) {
            entry.remove(0);
        }
        if takes_user && !entry.is_empty() {
            entry.remove(0);
        }
        if entry.is_empty() && !args.is_empty() {
            entry.push(args.remove(0));
        }
    }
}
