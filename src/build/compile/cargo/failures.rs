//! Turns a failed run of cargo into one sentence with a hint.

use super::{
    super::{
        c_compiler::install_hint,
        caller_folders::{cannot_write, denial},
        child::ChildOutput,
    },
    CargoJob,
};
use crate::report::{ErrorName, Failure, printable};

/// Where cargo says which build script failed.
const SCRIPT: &str = "failed to run custom build command for `";
/// Functions that older crates `libc` call by names which musl does not have any more.
const LARGE_FILES: [&str; 19] = [
    "creat64",
    "fallocate64",
    "fopen64",
    "fstat64",
    "fstatat64",
    "fstatfs64",
    "fstatvfs64",
    "ftruncate64",
    "getrlimit64",
    "lseek64",
    "lstat64",
    "mmap64",
    "open64",
    "openat64",
    "pread64",
    "pwrite64",
    "readdir64",
    "stat64",
    "truncate64",
];
/// Messages of linkers about an undefined symbol.
const UNDEFINED: [&str; 2] = ["undefined symbol: ", "undefined reference to `"];

impl CargoJob<'_> {
    /// The failure of `what`, in one sentence where cargo's own needs knowledge of this environment.
    pub(super) fn explain(&self, ended: &ChildOutput, name: ErrorName, what: &str) -> Failure {
        if ended.complains("--locked was passed") {
            let hint = "`cargo update --workspace` brings it up to date";
            return Failure::error(ErrorName::SourceUnpinned, "`Cargo.lock` does not match `Cargo.toml`")
                .in_path(self.dir)
                .hint(hint);
        }
        let offline = ["--offline was specified", "offline mode", "retry without `--offline`"];
        if self.toolchain.offline && offline.iter().any(|words| ended.complains(words)) {
            return ended
                .failure(ErrorName::Offline, what)
                .hint("crates are missing in the cargo home: build once without `--offline`");
        }
        // Everything that the lock pins was fetched, so that it is the feature of a dependency that asks for more.
        let asks_more = self.binary.features.iter().any(|feature| feature.value.contains('/'));
        if asks_more && offline.iter().any(|words| ended.complains(words)) {
            return self.not_pinned(ended.failure(ErrorName::SourceUnpinned, what));
        }
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        if let Some((package, _)) = text.split_once(SCRIPT).and_then(|(_, rest)| rest.split_once('`')) {
            let what = format!("the build script of `{}`", printable(package));
            let failure = ended.failure_with(ErrorName::CompileFailed, &what, without_protocol(&text).as_bytes());
            return match self.script_hint(&text) {
                Some(hint) => failure.hint(hint),
                None => failure,
            };
        }
        let failure = ended.failure(name, what);
        if let Some(why) = denial(&self.cargo_home)
            && ["Permission denied", "Read-only file system"].iter().any(|words| text.contains(words))
        {
            let why = cannot_write(&self.cargo_home, &why);
            return failure.hint(format!("{why} and lacks crates: `CARGO_HOME` names a folder for them"));
        }
        match link_hint(&text) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    /// The hint for a failed build script.
    fn script_hint(&self, text: &str) -> Option<String> {
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if says(&[
            "ToolNotFound",
            "failed to find tool",
            "Failed to find tool",
            "CMAKE_CXX_COMPILER",
            "CMAKE_C_COMPILER",
        ]) {
            return Some(install_hint(self.target, &self.rust.host, says(&["g++", "c++"])));
        }
        if says(&["OpenSSL installation", "openssl-sys"]) {
            return Some(
                "the feature `vendored` of the crate `openssl` compiles OpenSSL with the program; or take rustls"
                    .into(),
            );
        }
        if says(&["pkg-config", "PKG_CONFIG"]) {
            return Some("pkg-config finds no library of this machine: take the feature of the crate that compiles its library (`vendored`, `bundled`, `static`)".into());
        }
        if says(&["is `cmake` not installed", "`cmake`"]) {
            return Some("on Debian, `apt install cmake`".into());
        }
        says(&["libclang"]).then(|| "bindgen needs libclang: on Debian, `apt install libclang-dev`".into())
    }
}

/// The hint for a failed link.
fn link_hint(text: &str) -> Option<String> {
    if !text.contains("rust-lld") {
        return None;
    }
    let symbol = UNDEFINED.iter().find_map(|words| text.split_once(words)?.1.split(['\n', '\'', '`']).next());
    let link = "`linker = \"...\"` in the recipe links with a C compiler for the target";
    // glibc's names for files of more than 2 GiB, which musl 1.2.4 dropped, and with it Rust's musl targets.
    if let Some(symbol) = symbol.map(str::trim).filter(|symbol| LARGE_FILES.contains(symbol)) {
        let symbol = printable(symbol);
        return Some(format!(
            "musl has no `{symbol}` any more, which crates `libc` before 0.2.146 call: `cargo update --package libc`"
        ));
    }
    if let Some(symbol) = symbol {
        return Some(format!("the self-contained link has no `{}`: {link}", printable(symbol.trim())));
    }
    text.contains("unknown argument").then(|| format!("a build script has flags for a compiler driver: {link}"))
}

/// Without the lines by which build scripts talk to cargo.
fn without_protocol(text: &str) -> String {
    let is_protocol = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("cargo:") || line.starts_with("cargo::") || line == "--- stdout"
    };
    text.lines().filter(|line| !is_protocol(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_script_says_to_cargo_is_left_out() {
        let text = "error: x\n  --- stdout\n  cargo:rerun-if-env-changed=CC\n  cargo::metadata=a=b\n  a word\n\n  --- stderr\n  it broke\n";
        assert_eq!(without_protocol(text), "error: x\n  a word\n\n  --- stderr\n  it broke");
    }

    #[test]
    fn a_function_that_musl_dropped_is_a_matter_of_the_crate_and_another_one_of_the_linker() {
        let said =
            |symbol: &str| link_hint(&format!("note: rust-lld: error: undefined symbol: {symbol}\n>>> by x")).unwrap();
        assert!(said("open64").contains("`cargo update --package libc`"), "{}", said("open64"));
        assert!(said("png_read").contains("`linker = "), "{}", said("png_read"));
    }
}
