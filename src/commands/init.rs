//! `hardpan init`: writes a recipe for the project in a folder. Gives `init` the toolchains of this machine, and checks the
//! recipe by resolving it before it is written.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use super::policy;
use crate::{
    build::{BuildSettings, HostBound, Resolver, compile},
    elf,
    init::{self, Toolchains},
    oci::Platform,
    recipe::{self, GitWord},
    report::{ErrorName, Failure, Failures, Limits, Progress, Silent, printable},
};

/// What the recipe is called when the command line does not say.
pub const DEFAULT_RECIPE: &str = "hardpan.toml";

/// What to write a recipe for.
#[derive(Debug, Clone)]
pub struct InitRequest {
    /// The project's folder; empty is the current one.
    pub dir: PathBuf,
    /// A Dockerfile or a `.ko.yaml` to translate, from the current folder, or else from `dir`.
    pub from: Option<PathBuf>,
    /// Where the recipe goes; `-` is stdout, `None` is `hardpan.toml` in `dir`.
    pub output: Option<PathBuf>,
    /// Replace a recipe that is there.
    pub force: bool,
    /// The image's name.
    pub name: Option<String>,
    /// The program that the image is for.
    pub binary: Option<String>,
    /// For the toolchains, and for the check that the recipe's inputs are there.
    pub settings: BuildSettings,
}

/// What goes to stdout.
#[derive(Debug, Clone)]
pub enum WrittenRecipe {
    /// The recipe's path; it is on the disk.
    At(PathBuf),
    /// The recipe's text; nothing was written.
    Text(String),
}

/// The toolchains of this machine.
struct Installed<'a> {
    settings: &'a BuildSettings,
    progress: &'a dyn Progress,
    /// The bound of what they may read their configuration from.
    checkout: PathBuf,
}

/// Writes the recipe, and reports to `progress` what was chosen and what is left out. It has been read back, and every file
/// it names is there: what `build` may still refuse is for the compiler to find.
///
/// Where no program could be chosen the recipe has all of them as comments, and the failure is their list.
pub fn init(request: &InitRequest, progress: &dyn Progress) -> Result<WrittenRecipe, Failures> {
    let dir = folder(&request.dir)?;
    let to_stdout = request.output.as_deref() == Some(Path::new("-"));
    let path = match &request.output {
        Some(path) if !to_stdout => path.clone(),
        _ => request.dir.join(DEFAULT_RECIPE),
    };
    if !to_stdout {
        init::refuse_existing(&path, request.force)?;
    }
    let recipe_dir = folder(path.parent().unwrap_or(Path::new("")))?;
    let from = request.from.as_ref().map(|from| source(from, &request.dir)).transpose()?;
    let checkout = HostBound::of(&dir, false)?.root;
    let tools = Installed { settings: &request.settings, progress, checkout };
    let asked = init::DraftRequest {
        dir,
        recipe_dir: recipe_dir.clone(),
        name: request.name.clone(),
        binary: request.binary.clone(),
        from,
    };
    let drafted =
        init::draft(&asked, &tools, &|text, programs| check(&path, &recipe_dir, text, programs, &request.settings))?;
    for line in &drafted.said {
        progress.step(&printable(line));
    }
    for line in &drafted.left_out {
        progress.step(&format!("left out: {line}"));
    }
    match drafted.open {
        // A failed run prints no data: the list is in the failure.
        Some(open) if to_stdout => return Err(open.into()),
        None if to_stdout => return Ok(WrittenRecipe::Text(drafted.text)),
        _ => {}
    }
    init::write(&path, &drafted.text, request.force)?;
    drafted.open.map_or(Ok(WrittenRecipe::At(path.clone())), |open| Err(open.in_path(&path).into()))
}

/// Reads the recipe back, and resolves all of it that needs no compiler. Its programs will be at `programs`.
fn check(
    path: &Path,
    folder: &Path,
    text: &str,
    programs: &[String],
    settings: &BuildSettings,
) -> Result<(), Failures> {
    let mut recipe = recipe::parse(&path.to_string_lossy(), text)?;
    let policy = policy::of_build(None, &mut recipe.policy)?;
    let resolver = Resolver::new(&recipe, folder, settings, &Silent)?.judged_by(&policy);
    for platform in &recipe.platforms {
        resolver.rehearse(resolver.prepare(platform)?, programs)?;
    }
    Ok(())
}

/// A folder's canonical path; an empty one is the current folder.
fn folder(path: &Path) -> Result<PathBuf, Failure> {
    let shown = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let found = std::fs::canonicalize(shown).map_err(|error| Failure::io("open the folder", shown, &error))?;
    if found.is_dir() { Ok(found) } else { Err(Failure::error(ErrorName::FileKind, "is not a folder").in_path(shown)) }
}

/// The name and the text of a Dockerfile or a `.ko.yaml`.
fn source(from: &Path, dir: &Path) -> Result<(String, String), Failure> {
    let inside = dir.join(from);
    let path = if from.exists() || !inside.exists() { from.to_path_buf() } else { inside };
    let fault = |error: &std::io::Error| Failure::io("read the file", &path, error);
    let mut bytes = Vec::new();
    // A pipe has no size, and neither has a device, which need not end.
    let read = File::open(&path).and_then(|file| file.take(Limits::RECIPE_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| fault(&error))?;
    if bytes.len() as u64 > Limits::RECIPE_BYTES {
        return Err(Failure::error(ErrorName::FileTooLarge, "the file is larger than 1 MiB").in_path(&path));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::error(ErrorName::Dockerfile, "the file is not UTF-8").in_path(&path))?;
    Ok((from.to_string_lossy().into_owned(), text))
}

impl Installed<'_> {
    fn toolchain(&self) -> compile::Toolchain<'_> {
        compile::Toolchain { offline: true, blobs: None, ..self.settings.toolchain(&self.checkout, self.progress) }
    }
}

impl Toolchains for Installed<'_> {
    fn go_module(&self, dir: &Path) -> Result<Vec<u8>, Failure> {
        self.toolchain().go_module(dir)
    }

    fn go_packages(&self, dir: &Path, work: Option<&Path>, cgo: bool) -> Result<Vec<u8>, Failure> {
        self.toolchain().go_packages(dir, work, cgo)
    }

    fn go_work(&self, file: &Path) -> Result<Vec<u8>, Failure> {
        self.toolchain().go_work(file)
    }

    fn cargo_workspace(&self, dir: &Path) -> Result<Vec<u8>, Failure> {
        self.toolchain().cargo_workspace(dir)
    }

    fn rust_host(&self, dir: &Path) -> Result<String, Failure> {
        self.toolchain().rust_host(dir)
    }

    fn has_rust_target(&self, dir: &Path, target: &str) -> Result<bool, Failure> {
        self.toolchain().has_rust_target(dir, target)
    }

    fn git(&self, dir: &Path, variable: &str) -> Result<String, Failure> {
        let word = match variable {
            "git.revision" => GitWord::Revision,
            "git.tag" => GitWord::Tag,
            "git.dirty" => GitWord::Dirty,
            _ => {
                return Err(
                    Failure::error(ErrorName::Internal, format!("`{variable}` is no variable of git")).in_path(dir)
                );
            }
        };
        self.toolchain().git(word, dir)
    }

    fn target_problem(&self, dir: &Path, target: &str, selection: &[String]) -> Result<Option<String>, Failure> {
        if !self.has_rust_target(dir, target)? {
            return Ok(Some(init::missing_target(target)));
        }
        self.toolchain().c_problem(dir, target, selection, !self.settings.offline)
    }

    fn missing_input(&self, dir: &Path, target: &str, selection: &[String]) -> Result<Option<Failure>, Failure> {
        self.toolchain().missing_input(dir, target, selection)
    }

    fn prebuilt(&self, file: &Path) -> Option<Result<Platform, String>> {
        elf::prebuilt(file)
    }
}
