//! From a folder to a recipe: finds the project, chooses its program, reads a Dockerfile, writes `hardpan.toml`.
//!
//! What the toolchains know comes through [`Toolchains`], in their own documented forms, so that this room starts no
//! child and agrees with what `build` will do. Everything it decides is said in one line each ([`Drafted::said`]);
//! what a Dockerfile says and a recipe cannot is listed line by line ([`Drafted::left_out`]).
//!
//! # One program an image
//!
//! Of several programs one becomes the image: the one that carries the name of the module or package (what
//! `go install module@latest` and `cargo run` take), the others stand in the recipe as comments. ko makes an image of
//! each import path for the same reason: an image that holds programs it does not run holds more than it needs.

mod cargo;
mod dockerfile;
mod draft;
mod folder;
mod go;
mod prebuilt;
mod project;
mod write;

use std::path::{Path, PathBuf};

pub use write::{refuse_existing, write};

use crate::{
    oci::Platform,
    report::{Failure, Failures, printable},
};
use draft::{Draft, Source};

/// What the toolchains and the files of this machine answer. `dir` is always canonical.
pub trait Toolchains {
    /// `go mod edit -json`: one document.
    fn go_module(&self, dir: &Path) -> Result<Vec<u8>, Failure>;
    /// `go list -e -deps -json ./...` for Linux, with or without cgo, through the `go.work` of `work`.
    fn go_packages(&self, dir: &Path, work: Option<&Path>, cgo: bool) -> Result<Vec<u8>, Failure>;
    /// `cargo metadata --no-deps`: one document. A missing `Cargo.lock` is a failure.
    fn cargo_workspace(&self, dir: &Path) -> Result<Vec<u8>, Failure>;
    /// The triple of this machine's Rust.
    fn rust_host(&self, dir: &Path) -> Result<String, Failure>;
    /// Whether Rust's standard library for a triple is installed.
    fn has_rust_target(&self, dir: &Path, target: &str) -> Result<bool, Failure>;
    /// The platform of a static program; an error is why no image can have it; `None` is no program.
    fn prebuilt(&self, file: &Path) -> Option<Result<Platform, String>>;
}

/// What to write a recipe for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The project's folder, canonical. Default of the command line: the current one.
    pub dir: PathBuf,
    /// The folder of the recipe, canonical: host paths are relative to it.
    pub recipe_dir: PathBuf,
    /// The image's name, when the caller gives one.
    pub name: Option<String>,
    /// A Dockerfile: its name for messages, and its text.
    pub dockerfile: Option<(String, String)>,
}

/// A recipe that is not written yet.
#[derive(Debug, Clone)]
pub struct Drafted {
    /// TOML with comments.
    pub text: String,
    /// What was chosen and why, one line each.
    pub said: Vec<String>,
    /// What the Dockerfile says and the recipe does not, one line each, as `Dockerfile:12: ...`.
    pub left_out: Vec<String>,
}

/// What looks at a recipe that is not written yet: whether `build` would take it, as far as no compiler is needed. The
/// paths are those of its programs.
pub type Check<'a> = &'a dyn Fn(&str, &[String]) -> Result<(), Failures>;

/// Drafts the recipe. A folder without a program that hardpan can make an image of is a failure that says what is
/// missing. What `check` refuses of a Dockerfile's recipe is left out of it, with its line.
pub fn draft(request: &Request, tools: &dyn Toolchains, check: Check<'_>) -> Result<Drafted, Failures> {
    let (mut draft, mut leftovers) = match &request.dockerfile {
        Some((name, text)) => {
            let (draft, leftovers) = dockerfile::draft(&request.dir, name, text, tools)?;
            (draft, Some(leftovers))
        }
        None => (plain(&request.dir, tools)?, None),
    };
    set_rust_target(&mut draft, &request.dir, tools)?;
    draft.name.clone_from(&request.name);
    draft.prefix = folder::relative(&request.recipe_dir, &request.dir)?;
    loop {
        let text = draft.to_string();
        let programs: Vec<_> = draft.binaries.iter().map(draft::Program::image_path).collect();
        let Err(failures) = check(&text, &programs) else {
            return Ok(Drafted { text, said: draft.said, left_out: draft.left_out });
        };
        let Some(leftovers) = &mut leftovers else { return Err(failures) };
        let Some(first) = failures.0.into_iter().next() else {
            return Err(Failure::new("the recipe would be refused").into());
        };
        leftovers.leave_out(&mut draft, first)?;
    }
}

/// Without a Dockerfile: the project's own program.
fn plain(dir: &Path, tools: &dyn Toolchains) -> Result<Draft, Failure> {
    let mut project = project::find(dir, tools)?;
    let mut draft = Draft::default();
    draft.said.append(&mut project.said);
    let chosen = project.candidates.remove(0);
    let why = project.why(&chosen);
    draft.said.push(format!("program: {} ({why})", chosen.program));
    draft.intro = format!("Written by `hardpan init`: {}.", project.what);
    draft.platforms = draft::platforms_of(&chosen.program);
    draft.binaries.push(chosen.program);
    draft.others = project.candidates.into_iter().map(|candidate| candidate.program).collect();
    if dir.join("Dockerfile").is_file() {
        draft
            .said
            .push("there is a `Dockerfile`: `--from Dockerfile` takes over its ports, variables and files".into());
    }
    Ok(draft)
}

/// Names the target that is installed, when the default is not: `build` never guesses one.
fn set_rust_target(draft: &mut Draft, dir: &Path, tools: &dyn Toolchains) -> Result<(), Failure> {
    let unset = |program: &&draft::Program| program.target.is_none();
    let programs =
        || draft.binaries.iter().filter(|program| matches!(program.source, Source::Cargo { .. })).filter(unset);
    let Some(first) = programs().next() else { return Ok(()) };
    let dir = folder::within(dir, first.dir.as_deref().unwrap_or_default());
    let platform = match draft.platforms.first() {
        Some(platform) => platform.clone(),
        None => Platform { os: "linux", architecture: "amd64", variant: None },
    };
    let musl = platform.rust_target();
    if tools.has_rust_target(&dir, musl)? {
        draft.said.push(format!("target: `{musl}`, the default for {platform}, is installed"));
        return Ok(());
    }
    let host = tools.rust_host(&dir)?;
    let arch = host.split('-').next().unwrap_or_default();
    let gnu = host.ends_with("-linux-gnu") && tools.has_rust_target(&dir, &host)?;
    let own = Platform::parse(&format!("linux/{arch}")).ok().filter(|_| gnu);
    let missing = || {
        Failure::new(format!("the standard library for `{musl}` is not installed"))
            .in_path(&dir)
            .hint(format!("`rustup target add {musl}`"))
    };
    let own = own.ok_or_else(missing)?;
    if own != platform && !draft.platforms.is_empty() {
        return Err(missing());
    }
    draft.said.push(format!("target: `{host}`, because `{musl}` is not installed and this one is"));
    if own != platform {
        draft.said.push(format!("platform: {own}, this machine's, for the same reason"));
        draft.platforms = vec![own];
    }
    let note = format!(
        "The default, `{musl}`, is not installed here (`rustup target add {musl}` brings it). For a gnu target the C \
         library is linked in, so the program is static all the same."
    );
    for program in draft.binaries.iter_mut().chain(&mut draft.others) {
        if matches!(program.source, Source::Cargo { .. }) && program.target.is_none() {
            program.target = Some((host.clone(), note.clone()));
        }
    }
    Ok(())
}

/// A name of a file or a package, for a sentence.
fn quoted(text: &str) -> String {
    format!("`{}`", printable(text))
}
