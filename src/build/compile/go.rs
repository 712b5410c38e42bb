//! `go build`, with `-trimpath` and an environment of its own.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Component, Path, PathBuf},
};

use super::{
    Compiled, Toolchain,
    bench::Bench,
    child::{Child, Ended},
    environment::{self, Environment},
};
use crate::{
    oci::Platform,
    recipe::{GoBinary, Strip},
    report::{Failure, printable},
};

/// Variables that a recipe cannot set: each has a key of its own in the recipe, or belongs to the fetch.
const RESERVED: [&str; 7] = ["GOFLAGS", "GOENV", "GOPROXY", "GOTOOLCHAIN", "GOOS", "GOARCH", "GOROOT"];
/// One line a package: import path, name, whether it is a dependency only, whether it is Go's own, its folder.
const LISTING: &str = "{{.ImportPath}}\t{{.Name}}\t{{.DepOnly}}\t{{.Standard}}\t{{.Dir}}";

/// A Go program and where it is compiled.
struct Job<'a> {
    toolchain: &'a Toolchain<'a>,
    binary: &'a GoBinary,
    dir: &'a Path,
    bench: Bench,
    program: PathBuf,
    environment: Environment,
    module_cache: PathBuf,
}

/// What Go of the caller says about itself.
pub(super) struct Installed {
    pub(super) program: PathBuf,
    module_cache: PathBuf,
    build_cache: PathBuf,
    /// Whether the caller wants the module cache to be writable.
    writable_cache: bool,
}

/// Compiles `binary` in `dir`.
pub(super) fn compile(
    toolchain: &Toolchain<'_>,
    binary: &GoBinary,
    dir: &Path,
    platform: &Platform,
) -> Result<Compiled, Failure> {
    let work = workspace(toolchain, binary, dir)?;
    let go = installed(toolchain, dir)?;
    let bench = bench(toolchain, binary, dir, platform)?;
    let mut environment = toolchain.hermetic(&bench);
    go_variables(&mut environment, &go, &bench, platform);
    environment::add_recipe(&mut environment, &binary.env, |name| RESERVED.contains(&name))?;
    environment.insert("GOWORK".into(), work.clone());
    if binary.vcs {
        environment::pass_over_output(&mut environment, toolchain, &bench, dir)?;
    }
    let job = Job { toolchain, binary, dir, bench, program: go.program, environment, module_cache: go.module_cache };
    let module = job.module()?;
    // A vendor folder is the checkout's own copy of what a fetch would bring.
    let vendored = |file: &Path| {
        file.parent().is_some_and(|folder| folder.join("vendor/modules.txt").exists()) && uses_vendor(file)
    };
    if !toolchain.offline && !vendored(&module) && !vendored(Path::new(&work)) {
        job.fetch(&work, go.writable_cache)?;
    }
    let name = job.name()?;
    job.build(&name)
}

/// Whether Go takes a vendor folder by itself: from `go 1.14` on, as the file says (go.dev/ref/mod, "Vendoring"). An
/// older module with one is built from the module cache all the same.
fn uses_vendor(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let version = text.lines().find_map(|line| line.trim().strip_prefix("go ")).unwrap_or_default();
    let mut numbers = version.trim().split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (1, 14)
}

/// Its folder in the cache. `go build` keeps its own cache by content; here only the program is kept apart.
fn bench(toolchain: &Toolchain<'_>, binary: &GoBinary, dir: &Path, platform: &Platform) -> Result<Bench, Failure> {
    let said = format!("{:?} {:?} {platform} {} {:?}", values(binary), ldflags(binary), binary.vcs, binary.strip);
    let key = [dir.as_os_str().as_encoded_bytes(), binary.package.value.as_bytes(), said.as_bytes()];
    toolchain.bench("go", &key)
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

/// `GOWORK`: off, unless the recipe names a file of the checkout. So a `go.work` in a parent folder has no effect.
fn workspace(toolchain: &Toolchain<'_>, binary: &GoBinary, dir: &Path) -> Result<OsString, Failure> {
    let Some(named) = binary.env.get("GOWORK").filter(|named| named.value != "off" && !named.value.is_empty()) else {
        return Ok("off".into());
    };
    let path = dir.join(&named.value);
    let canonical = fs::canonicalize(&path)
        .map_err(|error| Failure::io("read the `GOWORK` file", &path, &error).at(&named.origin))?;
    if !canonical.starts_with(toolchain.checkout) {
        let what = format!("`{}` is outside of the checkout", printable(&named.value));
        return Err(Failure::new(what).at(&named.origin));
    }
    Ok(canonical.into_os_string())
}

/// Finds Go and asks it where its caches are, in the caller's environment, because `go env -w` may have moved them.
pub(super) fn installed(toolchain: &Toolchain<'_>, dir: &Path) -> Result<Installed, Failure> {
    let Some(found) = toolchain.program("go") else {
        return Err(
            Failure::new("Go is not installed: `go` is not in `PATH`").hint("install it from https://go.dev/dl")
        );
    };
    let mut environment = toolchain.fetching();
    environment.insert("GOWORK".into(), "off".into());
    let names = ["GOMODCACHE", "GOCACHE", "GOROOT", "GOFLAGS"];
    let answer = Child::new(&found, dir, &environment).args(["env", "-json"]).args(names).run()?;
    if !answer.status.success() {
        return Err(answer.failure("go env"));
    }
    let answers: std::collections::BTreeMap<String, String> = serde_json::from_slice(&answer.stdout)
        .map_err(|error| Failure::new(format!("`go env` answered what is no JSON: {error}")))?;
    let value = |name: &str| answers.get(name).cloned().unwrap_or_default();
    // The `go` in `PATH` may be a version manager's, which needs a home to find the real one.
    let real = Path::new(&value("GOROOT")).join("bin/go");
    Ok(Installed {
        program: if real.is_absolute() && real.exists() { real } else { found },
        module_cache: value("GOMODCACHE").into(),
        build_cache: value("GOCACHE").into(),
        writable_cache: value("GOFLAGS").split_whitespace().any(|flag| flag == "-modcacherw"),
    })
}

/// Everything that makes Go the same everywhere. `GOFLAGS` stays away, not `-mod=readonly`: that is the default, and
/// naming it would turn a vendor folder off.
pub(super) fn go_variables(environment: &mut Environment, go: &Installed, bench: &Bench, platform: &Platform) {
    let fixed = [
        ("GOENV", "off"),
        ("GOPROXY", "off"),
        ("GOTOOLCHAIN", "local"),
        ("GOTELEMETRY", "off"),
        ("GOVCS", "*:off"),
        ("CGO_ENABLED", "0"),
        ("GOOS", platform.os),
        ("GOARCH", platform.architecture),
    ];
    for (name, value) in fixed {
        environment.insert(name.into(), value.into());
    }
    environment.insert("GOPATH".into(), bench.home().join("go").into());
    environment.insert("GOMODCACHE".into(), go.module_cache.clone().into());
    environment.insert("GOCACHE".into(), go.build_cache.clone().into());
    // Named even where they are Go's defaults: a distribution may have built Go with others.
    match (platform.architecture, platform.variant) {
        ("amd64", variant) => environment.insert("GOAMD64".into(), variant.unwrap_or("v1").into()),
        ("arm", variant) => environment.insert("GOARM".into(), variant.unwrap_or("v7").trim_start_matches('v').into()),
        ("arm64", _) => environment.insert("GOARM64".into(), "v8.0".into()),
        ("386", _) => environment.insert("GO386".into(), "sse2".into()),
        _ => None,
    };
}

impl Job<'_> {
    /// Runs Go in the compile's environment.
    fn go<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Ended, Failure> {
        Child::new(&self.program, self.dir, &self.environment).args(arguments).told(self.toolchain.progress).run()
    }

    /// The `go.mod`, which lies in the checkout.
    fn module(&self) -> Result<PathBuf, Failure> {
        let answer = self.go(["env", "GOMOD"])?;
        if !answer.status.success() {
            return Err(answer.failure("go env"));
        }
        let file = PathBuf::from(answer.text());
        if !file.is_absolute() || file == Path::new("/dev/null") {
            let hint = "`dir` in the recipe is the folder with the `go.mod`; `go mod init` writes one";
            return Err(Failure::new("there is no `go.mod` in this folder").in_path(self.dir).hint(hint));
        }
        if !file.starts_with(self.toolchain.checkout) {
            return Err(Failure::new("this `go.mod` is outside of the checkout").in_path(file));
        }
        Ok(file)
    }

    /// Brings the modules of this one package, in the caller's environment: proxies, private modules and credentials
    /// are the caller's. `GOFLAGS` is not: `-mod=mod` would write to `go.sum`. Not `go mod download`: that one writes
    /// to `go.sum` itself, and brings modules that only tests need.
    fn fetch(&self, work: &OsStr, writable_cache: bool) -> Result<(), Failure> {
        let mut environment = self.toolchain.fetching();
        for (name, value) in &self.environment {
            let name_text = name.to_string_lossy();
            // What selects files; not what keeps Go from the network and from the caller's settings.
            if ["GOOS", "GOARCH", "CGO_ENABLED"].contains(&name_text.as_ref()) {
                environment.insert(name.clone(), value.clone());
            }
        }
        environment.insert("GOWORK".into(), work.to_owned());
        // Not empty, which would mean those of `go env -w`. The default, but for a vendor folder, and that one needs no
        // fetch.
        let flags = if writable_cache { "-mod=readonly -modcacherw" } else { "-mod=readonly" };
        environment.insert("GOFLAGS".into(), flags.into());
        // In a workspace Go adds to `go.work.sum` whatever the command; what was there comes back.
        let mut sums = work.to_owned();
        sums.push(".sum");
        let sums = PathBuf::from(sums);
        let before = fs::read(&sums).ok();
        let arguments = ["list", "-buildvcs=false", "-deps", "-f", ""].map(OsString::from);
        let ended = Child::new(&self.program, self.dir, &environment)
            .args(arguments)
            .args(self.selection())
            .told(self.toolchain.progress)
            .run()?;
        if work != "off" && fs::read(&sums).ok() != before {
            let restored = before.map_or_else(|| fs::remove_file(&sums), |bytes| fs::write(&sums, bytes));
            restored.map_err(|error| Failure::io("put back what `go list` changed", &sums, &error))?;
        }
        if ended.status.success() { Ok(()) } else { Err(self.unlisted(&ended)) }
    }

    /// The failure of `go list`. To Go a package that begins without a dot is one of the standard library.
    fn unlisted(&self, ended: &Ended) -> Failure {
        let package = &self.binary.package;
        let failure = self.explain(ended, "go list").at(&package.origin);
        if failure.hint.is_none() && ended.complains("is not in std") && self.dir.join(&package.value).is_dir() {
            return failure.hint(format!("write it as `./{}`", printable(&package.value)));
        }
        failure
    }

    /// The name of the program; refuses what is no program, and code from outside of the checkout.
    fn name(&self) -> Result<String, Failure> {
        let arguments = [OsString::from("list"), "-deps".into(), "-f".into(), LISTING.into()];
        let ended = self.go(arguments.into_iter().chain(self.selection()))?;
        if !ended.status.success() {
            return Err(self.unlisted(&ended));
        }
        let text = ended.text();
        let (mut named, caches) = (Vec::new(), [self.toolchain.checkout, self.module_cache.as_path()]);
        for line in text.lines() {
            let fields: Vec<_> = line.splitn(5, '\t').collect();
            let [import_path, name, dependency, standard, folder] = fields.as_slice() else { continue };
            if *standard == "false" && !caches.iter().any(|inside| Path::new(folder).starts_with(inside)) {
                let what = format!("the Go package `{}` is outside of the checkout", printable(import_path));
                return Err(Failure::new(what).in_path(folder).at(&self.binary.package.origin));
            }
            if *dependency == "false" {
                named.push((*import_path, *name));
            }
        }
        match named.as_slice() {
            [(import_path, "main")] => Ok(program_name(import_path).to_owned()),
            [_] => Err(self.no_program("is a library, not a program")),
            _ => Err(self.no_program("is more than one package")),
        }
    }

    /// The package is no single program; the hint lists those that there are.
    fn no_program(&self, why: &str) -> Failure {
        let package = &self.binary.package;
        let failure = Failure::new(format!("`{}` {why}", printable(&package.value))).at(&package.origin);
        let format = "{{if eq .Name \"main\"}}{{.Dir}}{{end}}";
        let Ok(listed) = self.go(["list", "-e", "-f", format, "./..."]) else { return failure };
        let text = listed.text();
        let below = text.lines().filter_map(|folder| Path::new(folder).strip_prefix(self.dir).ok());
        let mut programs: Vec<_> = below
            .map(|folder| match folder.to_string_lossy() {
                here if here.is_empty() => "`.`".to_owned(),
                folder => format!("`./{}`", printable(&folder)),
            })
            .collect();
        programs.sort();
        programs.truncate(20);
        if programs.is_empty() {
            return failure.hint("a program is a package whose files begin with `package main`");
        }
        failure.hint(format!("the programs here: {}", programs.join(", ")))
    }

    /// What `go list` and `go build` both need to select the same files.
    fn selection(&self) -> Vec<OsString> {
        let tags: Vec<_> = self.binary.tags.iter().map(|tag| tag.value.as_str()).collect();
        let mut arguments = Vec::new();
        if !tags.is_empty() {
            arguments.push(format!("-tags={}", tags.join(",")).into());
        }
        arguments.extend(self.binary.flags.iter().map(|flag| OsString::from(&flag.value)));
        // After `--` a package cannot be read as a flag.
        arguments.extend(["--".into(), OsString::from(&self.binary.package.value)]);
        arguments
    }

    /// Compiles.
    fn build(&self, name: &str) -> Result<Compiled, Failure> {
        let made = self.bench.temporary().join("program");
        let mut linker = vec![match self.binary.strip {
            Strip::Symbols => "-s -w -buildid=",
            Strip::DebugInfo => "-w -buildid=",
            Strip::Nothing => "-buildid=",
        }];
        linker.extend(ldflags(self.binary));
        let arguments = [
            OsString::from("build"),
            "-trimpath".into(),
            format!("-buildvcs={}", self.binary.vcs).into(),
            format!("-p={}", self.toolchain.jobs).into(),
            "-o".into(),
            made.clone().into(),
            format!("-ldflags={}", linker.join(" ")).into(),
        ];
        let ended = self.go(arguments.into_iter().chain(self.selection()))?;
        if !ended.status.success() {
            return Err(self.explain(&ended, "go build"));
        }
        Ok(Compiled {
            path: self.bench.hand_over(&made, "", name)?,
            name: name.to_owned(),
            debug: None,
            objections: Vec::new(),
        })
    }

    /// The failure of `what`, in one sentence where Go's own needs knowledge of this environment.
    fn explain(&self, ended: &Ended, what: &str) -> Failure {
        let complains = |all: &[&str]| all.iter().any(|words| ended.complains(words));
        let failure = ended.failure(what);
        if self.toolchain.offline && complains(&["module lookup disabled by GOPROXY=off"]) {
            return failure.hint("modules are missing in the module cache: build once without `--offline`");
        }
        if complains(&["build constraints exclude all Go files"]) {
            return failure.hint("programs are built without cgo: files that `import \"C\"` are left out");
        }
        let above = self.dir.ancestors().take_while(|folder| folder.starts_with(self.toolchain.checkout));
        let ignored =
            !self.binary.env.contains_key("GOWORK") && above.into_iter().any(|at| at.join("go.work").exists());
        if ignored && complains(&["no required module provides package", "missing go.sum entry", "to add it:"]) {
            return failure
                .hint("a `go.work` counts only where the recipe says so: `env = { GOWORK = \"../go.work\" }`");
        }
        let stale =
            ["missing go.sum entry", "updates to go.mod needed", "updates to go.sum needed", "inconsistent vendoring"];
        if complains(&stale) {
            return failure.hint("`go mod tidy` brings `go.mod` and `go.sum` up to date");
        }
        failure
    }
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
    fn a_vendor_folder_of_an_old_module_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("go.mod");
        for (text, used) in
            [("module x\n", false), ("module x\n\ngo 1.13\n", false), ("go 1.14\n", true), ("go 1.24.1 // new\n", true)]
        {
            fs::write(&file, text).unwrap();
            assert_eq!(uses_vendor(&file), used, "{text}");
        }
    }

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
