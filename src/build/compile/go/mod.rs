//! Compiles Go programs with `go build -trimpath`, offline, in an environment built from nothing.

mod cgo;
mod compile_counter;
mod declarations;
mod defaults;
mod embeds;
mod failures;
mod fallbacks;
#[doc(hidden)]
pub mod fuzzing;
mod git_checkout;
mod go_directives;
mod go_source;
mod go_source_name;
mod installed_go;
mod known_go;
mod known_listing;
mod modules;
mod packages;
mod revision;
mod stamps;
mod together;
mod tokens;

use std::{
    ffi::{OsStr, OsString},
    path::{Component, Path, PathBuf},
};

use self::{
    cgo::CgoCompile,
    compile_counter::CompileCounter,
    defaults::refuse_other_defaults,
    embeds::{EmbeddedFiles, check_embeds},
    fallbacks::Fallbacks,
    installed_go::{InstalledGo, program_of},
    known_go::GoRequest,
    known_listing::GoListing,
    modules::{has_vendor, is_chosen, workspace},
    packages::{FIELDS, GoPackages},
    revision::GoRevision,
};
use super::{
    CompileRequest, Compiled, Toolchain,
    child::{Child, ChildOutput},
    compile_folder::CompileFolder,
    enclosure::Enclosure,
    environment::{self, Environment},
    watched_paths::WatchedState,
};
use crate::{
    oci::Platform,
    recipe::{GoBinary, Strip},
    report::{ErrorName, Failure, parallel, printable},
};

pub(super) use self::{
    cgo::{c_compiler, inspect_machine},
    failures::with_version_hint,
    installed_go::{find_go, go_variables},
    known_go::known_version,
    together::{GoGroup, groups},
};
pub(in crate::build) use self::{go_directives::GoDirectives, go_source::GoSource, go_source_name::is_go_source};

/// Variables that a recipe cannot set: each has a key of its own in the recipe, or belongs to the fetch.
const RESERVED: [&str; 7] = ["GOFLAGS", "GOENV", "GOPROXY", "GOTOOLCHAIN", "GOOS", "GOARCH", "GOROOT"];

/// A Go program and where it is compiled.
struct GoJob<'a> {
    toolchain: &'a Toolchain<'a>,
    binary: &'a GoBinary,
    /// What Go is asked for: the package of `binary`, or those of several programs with the same flags.
    packages: Vec<String>,
    dir: &'a Path,
    compile_folder: CompileFolder,
    go: InstalledGo,
    /// What Go said before, where it would say the same now; until [`listing`](Self::listing) gives it.
    known: Option<GoListing>,
    environment: Environment,
    /// The C compiler and its files, with cgo.
    cgo: Option<CgoCompile>,
    /// The stamp, with `vcs = true`.
    revision: Option<GoRevision>,
    /// Whether the compile began anew after its modules were fetched.
    starts_after_fetch: bool,
}

/// The answer of `go list` about a program.
struct ListedProgram {
    /// The name of its file.
    name: String,
    /// Its packages.
    packages: GoPackages,
    /// The packages that it would have with cgo, where it has none.
    with_cgo: GoPackages,
    /// Its packages that differ without cgo; empty with cgo.
    fallbacks: Fallbacks,
}

/// Compiles `binary` in `dir`.
pub(super) fn compile(
    toolchain: &Toolchain<'_>,
    binary: &GoBinary,
    dir: &Path,
    order: &CompileRequest<'_>,
) -> Result<Compiled, Failure> {
    let work = workspace(toolchain, binary, dir)?;
    program_of(toolchain)?;
    let compile_folder = compile_folder(toolchain, binary, dir, order.platform)?;
    let request = GoRequest::new(toolchain, binary, dir, order.platform);
    if let Some(request) = &request
        && let Some(known) = request.find(toolchain, &compile_folder, binary)?
    {
        return Ok(known);
    }
    let mut job = GoJob::begin(toolchain, binary, dir, order, compile_folder, &work, request.as_ref())?;
    let is_known = job.known.is_some();
    let GoListing { module, has_vendor, packages, with_cgo, .. } = job.listing(&work, request.as_ref())?;
    let listed = job.listed_program(packages, with_cgo)?;
    check_embeds(toolchain, &binary.package.origin, &EmbeddedFiles::of(&listed.packages, toolchain))?;
    stamps::check_linker_variables(&binary.ldflags, &listed.packages)?;
    if binary.cgo {
        cgo::refuse_native(&listed.packages)?;
        cgo::refuse_languages(&listed.packages, job.cgo.as_ref().is_some_and(|cgo| cgo.has_cxx))?;
    }
    for stub in &listed.fallbacks.stubs {
        (order.waived)(&listed.name, stub.clone().at(&binary.package.origin))?;
    }
    if let Some(note) = listed.fallbacks.note() {
        toolchain.progress.step(&note);
    }
    let compiled = match job.build(&listed, order) {
        // What Go knows of modules may be gone, though their sources are there.
        Err(_) if is_known && job.may_fetch(has_vendor) => {
            job.fetch(&work)?;
            job.build(&listed, order)
        }
        built => built,
    }?;
    if let Some(request) = &request {
        job.keep_record(request, &job.compile_folder, &listed, &module, &compiled)?;
    }
    Ok(compiled)
}

/// What the last compile of `binary` has read; none where that is not all known, or something changed.
pub(super) fn known_inputs(
    toolchain: &Toolchain<'_>,
    binary: &GoBinary,
    dir: &Path,
    platform: &Platform,
) -> Option<Vec<WatchedState>> {
    let folder = compile_folder(toolchain, binary, dir, platform).ok()?;
    GoRequest::new(toolchain, binary, dir, platform)?.inputs(toolchain, &folder)
}

/// Turns off what Go remembers of the files of a package (constraints, imports, embedded files) by their sizes and
/// modification times: sources that were replaced with both of them kept would be compiled as they were declared before.
fn without_index(environment: &mut Environment) {
    let settings = environment.entry("GODEBUG".into()).or_default();
    if !settings.is_empty() {
        settings.push(",");
    }
    settings.push("goindex=0");
}

/// Its folder in the cache. `go build` keeps its own cache by content; here only the program is kept apart.
fn compile_folder(
    toolchain: &Toolchain<'_>,
    binary: &GoBinary,
    dir: &Path,
    platform: &Platform,
) -> Result<CompileFolder, Failure> {
    let cc = binary.cc.as_ref().map(|cc| cc.value.as_str());
    let c = (binary.cgo, cc);
    let vcs = binary.vcs.is_some();
    let said = format!("{:?} {:?} {platform} {vcs} {:?} {c:?}", values(binary), ldflags(binary), binary.strip);
    let key = [dir.as_os_str().as_encoded_bytes(), binary.package.value.as_bytes(), said.as_bytes()];
    toolchain.compile_folder("go", &key)
}

/// Tags, flags and variables, for a key.
fn values(binary: &GoBinary) -> (Vec<&str>, Vec<&str>, Vec<(&str, &str)>) {
    (
        binary.tags.iter().map(|tag| tag.value.as_str()).collect(),
        binary.flags.iter().map(|flag| flag.value.as_str()).collect(),
        binary.env.iter().map(|(name, value)| (name.as_str(), value.value.as_str())).collect(),
    )
}

/// `ldflags` of the recipe, which are joined by spaces, so that Go splits and unquotes them.
fn ldflags(binary: &GoBinary) -> Vec<&str> {
    binary.ldflags.iter().map(|flag| flag.value.as_str()).collect()
}

impl<'a> GoJob<'a> {
    /// Finds Go and the C compiler, and settles the environment of the compile.
    fn begin(
        toolchain: &'a Toolchain<'a>,
        binary: &'a GoBinary,
        dir: &'a Path,
        order: &CompileRequest<'_>,
        compile_folder: CompileFolder,
        work: &OsStr,
        request: Option<&GoRequest>,
    ) -> Result<Self, Failure> {
        compile_folder.mark_start();
        let known = request.and_then(|request| request.find_listing(toolchain, &compile_folder, work));
        let go = match &known {
            None => find_go(toolchain, dir)?,
            Some(known) => {
                let mut go = known.go.clone();
                go.settle_caches(toolchain)?;
                go
            }
        };
        let mut environment = toolchain.compile_environment(&compile_folder);
        go_variables(&mut environment, &go, &compile_folder, order.platform);
        toolchain.pass_go_cache(&mut environment)?;
        let is_reserved = |name: &str| RESERVED.contains(&name) || (binary.vcs.is_some() && name.starts_with("GIT_"));
        environment::add_recipe(&mut environment, &binary.env, is_reserved)?;
        let cgo = if binary.cgo {
            Some(cgo::add(&mut environment, toolchain, binary, dir, order, &compile_folder)?)
        } else {
            None
        };
        environment.insert("GOWORK".into(), work.to_owned());
        if known.is_none() {
            refuse_other_defaults(&go.program, dir, &environment)?;
        }
        without_index(&mut environment);
        Ok(Self {
            toolchain,
            binary,
            packages: vec![binary.package.value.clone()],
            dir,
            compile_folder,
            go,
            known,
            environment,
            cgo,
            revision: None,
            starts_after_fetch: false,
        })
    }

    /// The packages of what is compiled, as Go says, or as it said before; with modules fetched. From here on sources are
    /// read.
    fn listing(&mut self, work: &OsStr, request: Option<&GoRequest>) -> Result<GoListing, Failure> {
        if let Some(known) = self.known.take() {
            self.choose_vendor(known.has_vendor);
            return Ok(known);
        }
        let module = self.choose_modules(work)?;
        let (packages, with_cgo) = self.list()?;
        let has_vendor = has_vendor(&module, work);
        let listing = GoListing { go: self.go.clone(), module, has_vendor, packages, with_cgo };
        if let Some(request) = request {
            self.keep_listing(request, &listing);
        }
        Ok(listing)
    }

    /// Finds the module, settles where other modules come from, and fetches those.
    fn choose_modules(&mut self, work: &OsStr) -> Result<PathBuf, Failure> {
        // What Go itself is was asked before, and is checked again before a record is kept.
        self.compile_folder.mark_start();
        let module = self.module()?;
        let has_vendor = has_vendor(&module, work);
        self.choose_vendor(has_vendor);
        if let Some(origin) = &self.binary.vcs {
            let revision = GoRevision::read(self.toolchain, &self.compile_folder, self.dir, &module);
            self.revision = Some(revision.map_err(|failure| failure.at(origin))?);
        }
        if self.may_fetch(has_vendor) {
            self.fetch(work)?;
            // What was just fetched is younger than the start. Nothing else that the compile reads was read yet.
            self.starts_after_fetch = is_chosen(self.dir, &module, work);
            if self.starts_after_fetch {
                self.compile_folder.mark_start();
            }
        }
        Ok(module)
    }

    /// Makes Go's own choice, so that no `go.env` makes another one.
    fn choose_vendor(&mut self, has_vendor: bool) {
        let flags = if has_vendor { "-mod=vendor" } else { "-mod=readonly" };
        self.environment.insert("GOFLAGS".into(), flags.into());
    }

    /// Whether modules are fetched. A vendor folder is the checkout's own copy of what a fetch would bring.
    fn may_fetch(&self, has_vendor: bool) -> bool {
        !self.toolchain.offline && !has_vendor
    }

    /// Runs Go in the compile's environment.
    fn run_go<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<ChildOutput, Failure> {
        Child::new(&self.go.program, self.dir, &self.environment)
            .args(arguments)
            .with_progress(self.toolchain.progress)
            .run()
    }

    /// The program with these packages; refuses what is no program, and code from outside of the checkout.
    fn listed_program(&self, packages: GoPackages, with_cgo: GoPackages) -> Result<ListedProgram, Failure> {
        let name = self.name(&packages)?;
        let fallbacks = Fallbacks::compare(&packages, &with_cgo)?;
        Ok(ListedProgram { name, packages, with_cgo, fallbacks })
    }

    /// `go list -deps`, with and without cgo at the same time: the packages without cgo, or with it where the recipe wants it; and those with cgo where it does not.
    fn list(&self) -> Result<(GoPackages, GoPackages), Failure> {
        let list =
            || self.run_go([OsString::from("list"), "-deps".into(), FIELDS.into()].into_iter().chain(self.selection()));
        let (own, with_cgo) =
            parallel::both("go list", list, || if self.binary.cgo { Ok(None) } else { self.list_with_cgo().map(Some) });
        let own = own?;
        if !own.status.success() {
            return Err(self.list_failure(&own));
        }
        let with_cgo = with_cgo?.unwrap_or_default();
        Ok((GoPackages::parse(&own.stdout)?, with_cgo))
    }

    /// The packages that the program would have with cgo. Errors of packages are ignored: without cgo none of them matters.
    fn list_with_cgo(&self) -> Result<GoPackages, Failure> {
        let mut environment = self.environment.clone();
        environment.insert("CGO_ENABLED".into(), "1".into());
        let list = [OsString::from("list"), "-e".into(), "-deps".into(), FIELDS.into()];
        let list = list.into_iter().chain(self.selection());
        let ended = Child::new(&self.go.program, self.dir, &environment).args(list).run()?;
        // Without an answer, stubs could not be recognised.
        if ended.stdout.is_empty() {
            Err(ended.failure(ErrorName::SourceInvalid, "go list"))
        } else {
            GoPackages::parse(&ended.stdout)
        }
    }

    /// The name of the program.
    fn name(&self, packages: &GoPackages) -> Result<String, Failure> {
        let caches = [self.toolchain.checkout, self.go.module_cache.as_path()];
        let outside = packages
            .iter()
            .find(|package| !package.standard && !caches.iter().any(|inside| package.dir.starts_with(inside)));
        if let Some(package) = outside {
            let what = format!("the Go package `{}` is outside of the checkout", printable(&package.import_path));
            return Err(Failure::error(ErrorName::SourceUnpinned, what)
                .in_path(&package.dir)
                .at(&self.binary.package.origin));
        }
        match packages.named().as_slice() {
            [package] if package.name == "main" => Ok(program_name(&package.import_path).to_owned()),
            [_] => Err(self.no_program("is a library, not a program")),
            _ => Err(self.no_program("is more than one package")),
        }
    }

    /// The arguments by which `go list` and `go build` select the same files.
    fn selection(&self) -> Vec<OsString> {
        let own = self.binary.cgo.then_some(cgo::TAGS).into_iter().flatten();
        let tags: Vec<_> = self.binary.tags.iter().map(|tag| tag.value.as_str()).chain(own).collect();
        let mut arguments = Vec::new();
        if !tags.is_empty() {
            arguments.push(format!("-tags={}", tags.join(",")).into());
        }
        arguments.extend(self.binary.flags.iter().map(|flag| OsString::from(&flag.value)));
        // After `--` a package cannot be read as a flag.
        arguments.push("--".into());
        arguments.extend(self.packages.iter().map(OsString::from));
        arguments
    }

    /// Compiles.
    fn build(&self, listed: &ListedProgram, order: &CompileRequest<'_>) -> Result<Compiled, Failure> {
        let made = self.compile_folder.temporary().join("program");
        let count = CompileCounter::new(&listed.packages, order.running, self.toolchain.progress);
        let ended = self.go_build(&made, &count)?;
        if !ended.status.success() {
            return Err(self.compile_failure(&count.without_names(ended), listed));
        }
        if let Some(cgo) = &self.cgo {
            let go_root = go_root(&self.go.program);
            let own = [self.toolchain.checkout, &self.go.module_cache, self.compile_folder.root(), &go_root];
            (order.pinned)(&cgo.check(&self.compile_folder, &own)?)?;
        }
        if let (Some(revision), Some(origin)) = (&self.revision, &self.binary.vcs) {
            let checked = revision.check(&self.go.program, &made, &self.environment);
            checked.map_err(|failure| failure.at(origin))?;
        }
        let path = self.compile_folder.hand_over(&made, "", &listed.name)?;
        Ok(Compiled { path, name: listed.name.clone(), debug: None, objections: Vec::new() })
    }
}

impl GoJob<'_> {
    /// `go build` to `made`: a file, or a folder for several programs.
    fn go_build(&self, made: &Path, count: &CompileCounter<'_>) -> Result<ChildOutput, Failure> {
        let mut linker = vec![match self.binary.strip {
            Strip::Symbols => "-s -w -buildid=",
            Strip::DebugInfo => "-w -buildid=",
            Strip::Nothing => "-buildid=",
        }];
        let external = self.cgo.as_ref().map(|cgo| cgo.linker(&self.binary.flags, &self.compile_folder)).transpose()?;
        linker.extend(external.as_deref());
        linker.extend(ldflags(self.binary));
        let arguments = [
            OsString::from("build"),
            // Names each package when its compile begins.
            "-v".into(),
            "-trimpath".into(),
            format!("-buildvcs={}", self.revision.is_some()).into(),
            format!("-p={}", self.toolchain.jobs).into(),
            "-o".into(),
            made.into(),
            format!("-ldflags={}", linker.join(" ")).into(),
        ];
        // The end of hardpan ends the compilers that `go build` started, too.
        let watch = Enclosure::watched(self.toolchain.program);
        let mut environment = self.environment.clone();
        if let Some(revision) = &self.revision {
            revision.add_to(&mut environment);
        }
        let go = Child::new(&self.go.program, self.dir, &environment).in_enclosure(watch.as_ref());
        go.args(arguments.into_iter().chain(self.selection())).with_progress(count).run()
    }
}

/// The folder of Go itself, whose `bin/go` is `program`.
fn go_root(program: &Path) -> PathBuf {
    program.parent().and_then(Path::parent).map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The name `go build` gives: the last element of the import path, but not a major version (`cmd/go`,
/// `DefaultExecName`).
fn program_name(import_path: &str) -> &str {
    let mut elements = Path::new(import_path).components().rev().filter_map(|element| match element {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let last = elements.next().unwrap_or(import_path);
    let is_version = last.strip_prefix('v').is_some_and(|digits| {
        !digits.is_empty()
            && digits != "1"
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    if is_version { elements.next().unwrap_or(last) } else { last }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_as_go_names_it() {
        for (import_path, name) in [
            ("example.com/foo", "foo"),
            ("example.com/foo/v2", "foo"),
            ("example.com/foo/cmd/bar", "bar"),
            ("example.com/foo/v1", "v1"),
            ("example.com/foo/v02", "v02"),
            ("example.com/foo/vx", "vx"),
            ("gopkg.in/foo.v2", "foo.v2"),
            ("foo", "foo"),
            ("v2", "v2"),
        ] {
            assert_eq!(program_name(import_path), name, "{import_path}");
        }
    }
}
