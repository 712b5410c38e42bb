//! Turns a failed run of `go` into one sentence with a hint.

use std::path::Path;

use super::{super::child::ChildOutput, GoJob, ListedProgram, cgo};
use crate::report::{ErrorName, Failure, printable};

/// The hint where a package cannot be compiled without its C code.
const NEEDS_CGO: &str = "`{package}` has no code without cgo for this, and programs are compiled without cgo unless the recipe says `cgo = true`";

/// Messages of Go about the network.
const NETWORK: [&str; 6] =
    ["dial tcp", "proxyconnect tcp", "connection refused", "connection reset", "i/o timeout", "TLS handshake"];

/// Adds what to do about a module that wants a newer Go; Go itself would download one, if it were not kept from that.
pub(in crate::build::compile) fn with_version_hint(ended: &ChildOutput, failure: Failure) -> Failure {
    if !ended.complains("; GOTOOLCHAIN=local)") {
        return failure;
    }
    failure
        .named(ErrorName::ToolUnsupported)
        .hint("the `go` in `PATH` compiles, and fetches no other Go: install the version that is asked for")
}

impl GoJob<'_> {
    /// The failure of `go list`. To Go a package that begins without a dot is one of the standard library.
    ///
    /// Without cgo a package may have no file at all.
    pub(super) fn list_failure(&self, ended: &ChildOutput) -> Failure {
        let package = &self.binary.package;
        let failure = self.explain(ended, ErrorName::SourceInvalid, "go list").at(&package.origin);
        if ended.complains("build constraints exclude all Go files") && !self.binary.cgo {
            let with_cgo = self.list_with_cgo().unwrap_or_default();
            let of_c = |folder: &Path| ended.complains(&folder.to_string_lossy());
            let found = with_cgo.iter().find(|package| !package.cgo_files.is_empty() && of_c(&package.dir));
            if let Some(found) = found {
                return failure.hint(NEEDS_CGO.replace("{package}", &printable(&found.import_path)));
            }
        }
        if failure.hint.is_none() && ended.complains("is not in std") && self.dir.join(&package.value).is_dir() {
            return failure.hint(format!("write it as `./{}`", printable(&package.value)));
        }
        failure
    }

    /// The package is no single program; the hint lists those that there are.
    pub(super) fn no_program(&self, why: &str) -> Failure {
        let package = &self.binary.package;
        let failure = Failure::error(ErrorName::SourceInvalid, format!("`{}` {why}", printable(&package.value)))
            .at(&package.origin);
        let format = "{{if eq .Name \"main\"}}{{.Dir}}{{end}}";
        let Ok(listed) = self.run_go(["list", "-e", "-f", format, "./..."]) else { return failure };
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

    /// The failure of `what`, in one sentence where Go's own needs knowledge of this environment.
    pub(super) fn explain(&self, ended: &ChildOutput, name: ErrorName, what: &str) -> Failure {
        let complains = |all: &[&str]| all.iter().any(|words| ended.complains(words));
        let failure = with_version_hint(ended, ended.failure(name, what));
        if self.toolchain.offline && complains(&["module lookup disabled by GOPROXY=off"]) {
            let failure = failure.named(ErrorName::Offline);
            return failure.hint("modules are missing in the module cache: build once without `--offline`");
        }
        if complains(&NETWORK) {
            return failure.named(ErrorName::CompileNetwork);
        }
        let above = self.dir.ancestors().take_while(|folder| folder.starts_with(self.toolchain.checkout));
        let ignored =
            !self.binary.env.contains_key("GOWORK") && above.into_iter().any(|at| at.join("go.work").exists());
        let lookup = "import lookup disabled by -mod=readonly";
        if ignored && complains(&["no required module provides package", "missing go.sum entry", "to add it:", lookup])
        {
            return failure
                .hint("a `go.work` counts only where the recipe says so: `env = { GOWORK = \"../go.work\" }`");
        }
        if complains(&[lookup]) {
            return failure.hint("`go get`, with the package, adds the module that it is in to `go.mod`");
        }
        if complains(&[": no matching files found"]) {
            return failure.hint(
                "a `//go:embed` finds no file of this checkout: what the project's own build makes, a web page for \
                 instance, must be there before the program is compiled",
            );
        }
        let stale =
            ["missing go.sum entry", "updates to go.mod needed", "updates to go.sum needed", "inconsistent vendoring"];
        if complains(&stale) {
            let failure = failure.named(ErrorName::SourceUnpinned);
            return failure.hint("`go mod tidy` brings `go.mod` and `go.sum` up to date");
        }
        failure
    }

    /// The failure of a compile.
    pub(super) fn compile_failure(&self, ended: &ChildOutput, listed: &ListedProgram) -> Failure {
        let failure = self.explain(ended, ErrorName::CompileFailed, "go build");
        let left_out = listed.fallbacks.whole.iter().find(|package| ended.complains(&format!("# {package}\n")));
        if let Some(package) = left_out.filter(|_| ended.complains("undefined: ")) {
            return failure.hint(NEEDS_CGO.replace("{package}", &printable(package)));
        }
        if self.binary.cgo {
            return cgo::explain(ended, failure);
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

    use super::*;

    #[test]
    fn a_go_that_is_too_old_is_said_with_the_way_out() {
        let hint = |complaint: &str| {
            let ended = ChildOutput {
                status: ExitStatus::from_raw(256),
                stdout: Vec::new(),
                stderr: complaint.as_bytes().to_vec(),
            };
            with_version_hint(&ended, ended.failure(ErrorName::SourceInvalid, "go list")).hint
        };
        let old = "go: go.mod requires go >= 1.27.0 (running go 1.26.8; GOTOOLCHAIN=local)\n";
        assert!(hint(old).is_some_and(|hint| hint.contains("install the version")));
        assert_eq!(hint("go: updates to go.mod needed\n"), None);
    }
}
