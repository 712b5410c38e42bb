//! Finds the installed Go, and sets the variables by which it compiles the same on every machine.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::{
    Toolchain,
    caller_folders::{cannot_write, denial, is_open},
    child::Child,
    compile_folder::CompileFolder,
    environment::Environment,
};
use crate::{
    oci::Platform,
    report::{ErrorName, Failure},
};

/// The Go of the caller, and its caches.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct InstalledGo {
    pub(in super::super) program: PathBuf,
    pub(super) module_cache: PathBuf,
    build_cache: PathBuf,
    /// Where the caller gets modules from (`GOPROXY`); it may hold a password, so that no record has it.
    #[serde(skip)]
    pub(super) proxy: String,
    /// Whether the caller wants the module cache to be writable.
    pub(super) writable_cache: bool,
}

/// The `go` in `PATH`.
pub(super) fn program_of(toolchain: &Toolchain<'_>) -> Result<PathBuf, Failure> {
    toolchain.program("go").ok_or_else(|| {
        Failure::error(ErrorName::ToolMissing, "Go is not installed: `go` is not in `PATH`")
            .hint("install it from https://go.dev/dl")
    })
}

/// Finds Go and asks it where its caches are, in the caller's environment, because `go env -w` may have moved them.
pub(in super::super) fn find_go(toolchain: &Toolchain<'_>, dir: &Path) -> Result<InstalledGo, Failure> {
    let found = program_of(toolchain)?;
    let mut environment = toolchain.fetch_environment()?;
    environment.insert("GOWORK".into(), "off".into());
    let names = ["GOMODCACHE", "GOCACHE", "GOROOT", "GOFLAGS", "GOPROXY"];
    let answer = Child::new(&found, dir, &environment).args(["env", "-json"]).args(names).run()?;
    if !answer.status.success() {
        return Err(answer.failure(ErrorName::ToolUnsupported, "go env"));
    }
    let answers: std::collections::BTreeMap<String, String> =
        serde_json::from_slice(&answer.stdout).map_err(|error| {
            Failure::error(ErrorName::ToolUnsupported, format!("unexpected output of `go env`, invalid JSON: {error}"))
        })?;
    let value = |name: &str| answers.get(name).cloned().unwrap_or_default();
    // The `go` in `PATH` may be a version manager's, which needs a home to find the real one.
    let real = Path::new(&value("GOROOT")).join("bin/go");
    let mut go = InstalledGo {
        program: if real.is_absolute() && real.exists() { real } else { found },
        module_cache: value("GOMODCACHE").into(),
        build_cache: value("GOCACHE").into(),
        proxy: value("GOPROXY"),
        writable_cache: value("GOFLAGS").split_whitespace().any(|flag| flag == "-modcacherw"),
    };
    go.settle_caches(toolchain)?;
    Ok(go)
}

impl InstalledGo {
    /// Puts the caches into the scratch folder that Go could not use where the caller has them. A module cache that can only
    /// be read may hold all that is needed.
    pub(super) fn settle_caches(&mut self, toolchain: &Toolchain<'_>) -> Result<(), Failure> {
        let build_cache = &self.build_cache;
        // `00` is one of the folders in it, which all have the same owner.
        let denied = || denial(build_cache).or_else(|| denial(&build_cache.join("00")));
        if build_cache.is_absolute()
            && let Some(why) = denied()
        {
            self.build_cache = toolchain.scratch(&cannot_write(build_cache, &why))?.join("go-build");
        }
        let modules = &self.module_cache;
        if modules.is_absolute()
            && !is_open(modules)
            && let Some(why) = denial(modules)
        {
            let why = cannot_write(modules, &why);
            self.move_modules(toolchain, &why)?;
        }
        Ok(())
    }

    /// Whether what is in its caches ends with the call.
    pub(super) fn is_in_scratch(&self, toolchain: &Toolchain<'_>) -> bool {
        [&self.module_cache, &self.build_cache].into_iter().any(|cache| toolchain.scratch.holds(cache))
    }

    /// `GOPROXY` with the module cache before the caller's proxies; none where its path would need an escape in a URL.
    pub(super) fn proxy_of_modules(&self) -> Option<String> {
        let path = self.module_cache.to_str().filter(|path| path.starts_with('/'))?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@~".contains(&byte);
        (path.bytes().all(is_plain) && !self.proxy.is_empty())
            .then(|| format!("file://{path}/cache/download,{}", self.proxy))
    }

    /// Fetches modules to the scratch folder from now on.
    pub(super) fn move_modules(&mut self, toolchain: &Toolchain<'_>, why: &str) -> Result<(), Failure> {
        self.module_cache = toolchain.scratch(why)?.join("go-mod");
        // Folders without write bits could not be removed at the end.
        self.writable_cache = true;
        Ok(())
    }
}

/// Sets the variables that make Go independent of this machine, except `GOFLAGS`: its `-mod` depends on the module.
pub(in super::super) fn go_variables(
    environment: &mut Environment,
    go: &InstalledGo,
    compile_folder: &CompileFolder,
    platform: &Platform,
) {
    let fixed = [
        ("GOENV", "off"),
        ("GOPROXY", "off"),
        ("GOTOOLCHAIN", "local"),
        ("GOTELEMETRY", "off"),
        ("GOVCS", "*:off"),
        ("CGO_ENABLED", "0"),
        ("GOFIPS140", "off"),
        ("GOOS", platform.os),
        ("GOARCH", platform.architecture),
    ];
    for (name, value) in fixed {
        environment.insert(name.into(), value.into());
    }
    environment.insert("GOPATH".into(), compile_folder.home().join("go").into());
    environment.insert("GOMODCACHE".into(), go.module_cache.clone().into());
    environment.insert("GOCACHE".into(), go.build_cache.clone().into());
    // Named even where they are Go's defaults: a distribution may have built Go with others, or `go.env` may say so.
    match (platform.architecture, platform.variant) {
        ("amd64", variant) => environment.insert("GOAMD64".into(), variant.unwrap_or("v1").into()),
        ("arm", variant) => environment.insert("GOARM".into(), variant.unwrap_or("v7").trim_start_matches('v').into()),
        ("arm64", _) => environment.insert("GOARM64".into(), "v8.0".into()),
        ("386", _) => environment.insert("GO386".into(), "sse2".into()),
        ("mips64le", _) => environment.insert("GOMIPS64".into(), "hardfloat".into()),
        ("ppc64le", _) => environment.insert("GOPPC64".into(), "power8".into()),
        ("riscv64", _) => environment.insert("GORISCV64".into(), "rva20u64".into()),
        _ => None,
    };
}
