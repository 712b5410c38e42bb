//! What the toolchains say about a folder that has no recipe yet, for `hardpan init`: offline, and with nothing written
//! to the folder.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    Toolchain,
    c_packages::{CNeed, c_packages},
    cargo,
    cargo_config::{CargoConfiguration, CompileContext},
    cargo_tree::{self, CargoTree},
    child::{Child, ChildOutput},
    compile_folder::CompileFolder,
    environment::Environment,
    go,
    installed_rust::InstalledRust,
};
use crate::{
    oci::Platform,
    report::{ErrorName, Failure, printable},
};

/// The fields of `go list -json` that [`Toolchain::go_packages`] asks for (`go help list`).
const FIELDS: &str = "-json=ImportPath,Name,Dir,DepOnly,Standard,GoFiles,CgoFiles,Deps,Error,DepsErrors";

/// The head of a `go.mod`, as `go mod edit -json` has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoModDocument {
    module: GoModPath,
    go: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoModPath {
    path: String,
}

impl Toolchain<'_> {
    /// `go mod edit -json` in `dir`: what its `go.mod` says, as one document.
    pub fn go_module(&self, dir: &Path) -> Result<Vec<u8>, Failure> {
        let (go, environment, _compile_folder) = self.go_environment(dir)?;
        Self::go_edit(&go, dir, &environment)
    }

    /// `go work edit -json` of the `go.work` at `file`, as one document.
    pub fn go_work(&self, file: &Path) -> Result<Vec<u8>, Failure> {
        let dir = file.parent().unwrap_or(Path::new("/"));
        let (go, environment, _compile_folder) = self.go_environment(dir)?;
        let child = Child::new(&go, dir, &environment).args(["work", "edit", "-json"]).args([file]);
        answered(child.run()?, "go work edit -json")
    }

    fn go_edit(go: &Path, dir: &Path, environment: &Environment) -> Result<Vec<u8>, Failure> {
        answered(Child::new(go, dir, environment).args(["mod", "edit", "-json"]).run()?, "go mod edit -json")
    }

    /// `go list -e -deps -json ./...` for Linux: the module's packages and what they import, one document after the
    /// other. `cgo` says whether files that import "C" count; `work` is a `go.work` to look through.
    pub fn go_packages(&self, dir: &Path, work: Option<&Path>, cgo: bool) -> Result<Vec<u8>, Failure> {
        let (go, mut environment, compile_folder) = self.go_environment(dir)?;
        environment.insert("CGO_ENABLED".into(), if cgo { "1" } else { "0" }.into());
        environment.insert("GOWORK".into(), work.map_or_else(|| OsString::from("off"), Into::into));
        let list = ["list", "-e", "-deps", FIELDS];
        let ended = Child::new(&go, dir, &environment).args(list).args(["./..."]).run()?;
        if ended.status.success() || work.is_some() || !ended.complains("module lookup disabled by GOPROXY=off") {
            return answered(ended, "go list");
        }
        // A `go.mod` from before Go 1.17 names only some of its modules, and the others are not in the cache. For the
        // module's own packages it is enough to look without any, by way of a `go.mod` that requires none.
        let alone = compile_folder.temporary().join("go.mod");
        let module: GoModDocument = serde_json::from_slice(&Self::go_edit(&go, dir, &environment)?).map_err(|_| {
            Failure::error(ErrorName::ToolUnsupported, "unexpected output of `go mod edit -json`").in_path(dir)
        })?;
        let text = format!("module {}\n\ngo {}\n", module.module.path, module.go.as_deref().unwrap_or("1.16"));
        std::fs::write(&alone, text).map_err(|error| Failure::io("write", &alone, &error))?;
        let mut flag = OsString::from("-modfile=");
        flag.push(&alone);
        let arguments = list.map(OsString::from).into_iter().chain([flag, "-mod=mod".into(), "./...".into()]);
        answered(Child::new(&go, dir, &environment).args(arguments).run()?, "go list")
    }

    /// `cargo metadata --no-deps` in `dir`; refuses a workspace that `build` would refuse: one outside of the checkout
    /// or without a lock, and a cargo configuration outside of it that would change the program.
    pub fn cargo_workspace(&self, dir: &Path) -> Result<Vec<u8>, Failure> {
        let configuration = CargoConfiguration::read(dir, self.checkout, &self.cargo_home()?)?;
        let (rust, environment, _compile_folder) = self.rust_environment(dir)?;
        let (said, metadata) = cargo::metadata(self, &rust.cargo, dir, &environment)?;
        configuration.settle(&CompileContext {
            target: &rust.host,
            host: &rust.host,
            profile: "release",
            workspace: &metadata.workspace_root,
            environment: &environment,
            ask: &|flags| rust.cfgs(&rust.host, flags, dir, &environment),
        })?;
        Ok(said)
    }

    /// The triple of this machine, as its Rust has it.
    pub fn rust_host(&self, dir: &Path) -> Result<String, Failure> {
        Ok(self.rust_environment(dir)?.0.host)
    }

    /// Whether Rust's standard library for `target` is installed.
    pub fn has_rust_target(&self, dir: &Path, target: &str) -> Result<bool, Failure> {
        let (rust, environment, _compile_folder) = self.rust_environment(dir)?;
        rust.has_target(target, dir, &environment)
    }

    /// Why C in the dependencies of the workspace in `dir`, or of the packages that cargo's flags in `selection` choose,
    /// would not compile for a target on this machine, as the end of a sentence. Crates that are not on this machine yet
    /// are fetched where `fetch` allows it, as a build would; without them `Cargo.lock` alone says what there is.
    pub fn c_problem(
        &self,
        dir: &Path,
        target: &str,
        selection: &[String],
        fetch: bool,
    ) -> Result<Option<String>, Failure> {
        let (rust, environment, _compile_folder) = self.rust_environment(dir)?;
        let mut tree = cargo_tree_of(&rust, dir, &environment, target, selection)?;
        if tree.is_none() && fetch {
            let caller = self.cargo_fetch_environment(dir, &rust)?;
            Child::new(&rust.cargo, dir, &caller)
                .args(["fetch", "--quiet", "--locked"])
                .with_progress(self.progress)
                .run()?;
            tree = cargo_tree_of(&rust, dir, &environment, target, selection)?;
        }
        let tree = if let Some(tree) = tree {
            tree
        } else {
            let (_, metadata) = cargo::metadata(self, &rust.cargo, dir, &environment)?;
            CargoTree::of_lock(&metadata.workspace_root.join("Cargo.lock"))?
        };
        let packages = c_packages(&tree, target);
        let needs = |need: CNeed| packages.iter().find(|package| package.needs.contains(&need));
        let cxx = needs(CNeed::Cxx);
        let Some(package) = cxx.or_else(|| needs(CNeed::C)) else { return Ok(None) };
        let found = self.c_compiler(dir, target, &rust.host, cxx.is_some());
        let language = if cxx.is_some() { "C++" } else { "C" };
        let why = format!(
            "`{}` compiles {language}, and this machine has no {language} compiler for it",
            printable(&package.name)
        );
        Ok(found.is_none().then_some(why))
    }

    /// The library or the program that the same needs for a target and that is not on this machine; none where its
    /// crates are not here yet, so that it is not known.
    pub fn missing_input(&self, dir: &Path, target: &str, selection: &[String]) -> Result<Option<Failure>, Failure> {
        let (rust, environment, _compile_folder) = self.rust_environment(dir)?;
        // A feature may bring what is not here; then what the workspace has without it.
        let tree = match cargo_tree_of(&rust, dir, &environment, target, selection)? {
            Some(tree) => tree,
            None => cargo_tree_of(&rust, dir, &environment, target, &[])?.unwrap_or_default(),
        };
        let is_there = |name: &str| self.program(name).is_some();
        let mut packages = c_packages(&tree, target).into_iter();
        Ok(packages.find_map(|package| package.missing_library(target).or_else(|| package.missing_program(is_there))))
    }

    fn go_environment(&self, dir: &Path) -> Result<(PathBuf, Environment, CompileFolder), Failure> {
        let go = go::find_go(self, dir)?;
        let compile_folder = self.compile_folder("survey", &[dir.as_os_str().as_encoded_bytes()])?;
        let mut environment = self.compile_environment(&compile_folder);
        let platform = Platform { os: "linux", architecture: "amd64", variant: None };
        go::go_variables(&mut environment, &go, &compile_folder, &platform);
        environment.insert("GOWORK".into(), "off".into());
        Ok((go.program, environment, compile_folder))
    }

    pub(super) fn rust_environment(&self, dir: &Path) -> Result<(InstalledRust, Environment, CompileFolder), Failure> {
        let cargo_home = self.cargo_home()?;
        let compile_folder = self.compile_folder("survey", &[dir.as_os_str().as_encoded_bytes()])?;
        let mut environment = self.compile_environment(&compile_folder);
        cargo::cargo_variables(&mut environment, self, &compile_folder, &cargo_home);
        let rust = InstalledRust::query(self, dir, &environment)?;
        Ok((rust, environment, compile_folder))
    }
}

/// `cargo tree` for a target; `None` where crates are not on this machine.
fn cargo_tree_of(
    rust: &InstalledRust,
    dir: &Path,
    environment: &Environment,
    target: &str,
    selection: &[String],
) -> Result<Option<CargoTree>, Failure> {
    let chosen = selection.iter().map(String::as_str);
    let arguments = cargo_tree::ARGUMENTS.into_iter().chain(["--target", target]).chain(chosen);
    let ended = Child::new(&rust.cargo, dir, environment).args(arguments).run()?;
    ended.status.success().then(|| CargoTree::read(&ended.text())).transpose()
}

fn answered(ended: ChildOutput, what: &str) -> Result<Vec<u8>, Failure> {
    if ended.status.success() {
        Ok(ended.stdout)
    } else {
        Err(go::with_version_hint(&ended, ended.failure(ErrorName::SourceInvalid, what)))
    }
}
