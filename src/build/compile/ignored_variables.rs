//! Names the variables of the caller's environment that have no effect on a compile, although they would have one
//! outside of hardpan.

use std::ffi::OsStr;

use super::{Toolchain, environment::Environment};
use crate::{build::passed_variables::PassedVariables, recipe::Compiler, report::printable};

/// Variables of Go, each with the value that a compile has anyway. A fetch goes without them too: it is to bring what
/// the compile needs, and one with a mistake would stop it.
pub(super) const GO: [(&str, &str); 18] = [
    ("CGO_ENABLED", "0"),
    ("GO111MODULE", "on"),
    ("GO386", "sse2"),
    ("GOAMD64", "v1"),
    ("GOARCH", ""),
    ("GOARM", "7"),
    ("GOARM64", "v8.0"),
    ("GOCACHEPROG", ""),
    ("GOEXPERIMENT", ""),
    ("GOFIPS140", "off"),
    ("GOMIPS", ""),
    ("GOMIPS64", ""),
    ("GOOS", "linux"),
    ("GOPPC64", ""),
    ("GORISCV64", ""),
    ("GOROOT", ""),
    ("GOTOOLCHAIN", "local"),
    ("GOWORK", "off"),
];
/// Flags in `GOFLAGS` that a compile has anyway, or that it takes over.
const GO_FLAGS: [&str; 4] = ["-buildvcs=false", "-mod=readonly", "-modcacherw", "-trimpath"];
/// Variables of cargo and rustc.
const RUST: [&str; 12] = [
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];
/// Variables of C compilers, and of the `cc` crate also with `HOST_` and `TARGET_` before them or a triple after.
const C: [&str; 8] = ["AR", "ARFLAGS", "CC", "CFLAGS", "CPPFLAGS", "CXX", "CXXFLAGS", "LDFLAGS"];
/// Where C compilers and `pkg-config` look for headers and libraries.
const C_PLACES: [&str; 9] = [
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "LIBRARY_PATH",
    "PKG_CONFIG",
    "PKG_CONFIG_LIBDIR",
    "PKG_CONFIG_PATH",
    "PKG_CONFIG_SYSROOT_DIR",
    "PKG_CONFIG_ALL_STATIC",
];

impl Toolchain<'_> {
    /// A line that names the variables of the caller that could change a program of these compilers elsewhere and are
    /// not taken by hardpan; never their values.
    pub fn ignored_variables(caller: &Environment, passed: &PassedVariables, compilers: &[Compiler]) -> Option<String> {
        let said = caller.iter().filter(|(_, value)| !value.is_empty());
        let said = said.filter(|(name, _)| !passed.compile.contains(&*name.to_string_lossy()));
        let names = said.filter(|(name, value)| {
            let name = name.to_string_lossy();
            compilers.iter().any(|compiler| match compiler {
                Compiler::Go => is_of_go(&name, value),
                Compiler::Rust => is_of_rust(&name, caller),
            })
        });
        let names: Vec<_> = names.map(|(name, _)| format!("`{}`", printable(&name.to_string_lossy()))).collect();
        let (is, has) = if names.len() == 1 { ("is", "has") } else { ("are", "have") };
        (!names.is_empty()).then(|| {
            format!("note: {} {is} set in the environment and {has} no effect on the compile", names.join(", "))
        })
    }
}

fn is_of_go(name: &str, value: &OsStr) -> bool {
    if name == "GOFLAGS" {
        return value.to_string_lossy().split_whitespace().any(|flag| !GO_FLAGS.contains(&flag));
    }
    GO.iter().any(|(known, default)| *known == name && value != *default)
}

/// The folders and the number of jobs are left out: they change no program.
fn is_of_rust(name: &str, caller: &Environment) -> bool {
    if name == "RUSTUP_TOOLCHAIN" {
        // Below `cargo run` it is set by rustup itself, which counts how deep it is.
        let has = |name: &str| caller.contains_key(OsStr::new(name));
        return !(has("RUST_RECURSION_COUNT") && has("CARGO_MANIFEST_DIR"));
    }
    if let Some(key) = name.strip_prefix("CARGO_PROFILE_") {
        return !["DEV_", "TEST_", "BENCH_"].iter().any(|other| key.starts_with(other));
    }
    if let Some(key) = name.strip_prefix("CARGO_TARGET_") {
        return key.ends_with("_RUSTFLAGS") || key.ends_with("_LINKER");
    }
    let bare = name.strip_prefix("TARGET_").or_else(|| name.strip_prefix("HOST_")).unwrap_or(name);
    RUST.contains(&name)
        || name.starts_with("CARGO_UNSTABLE_")
        || C_PLACES.contains(&name)
        || C.contains(&bare)
        || C.iter().any(|known| name.strip_prefix(known).is_some_and(|rest| is_triple(rest.trim_start_matches('_'))))
}

/// Whether a text is the triple of a target, with dashes or with underscores.
fn is_triple(text: &str) -> bool {
    text.split(['-', '_']).count() >= 3
        && ["linux", "none", "darwin", "windows", "wasi"].iter().any(|os| text.contains(os))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(caller: &[(&str, &str)], compilers: &[Compiler]) -> Option<String> {
        let caller = caller.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Toolchain::ignored_variables(&caller, &PassedVariables::default(), compilers)
    }

    #[test]
    fn variables_that_could_change_the_program_are_named_without_their_values() {
        for name in [
            "RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_PROFILE_DIST_LTO",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER",
            "CARGO_BUILD_TARGET",
            "CC",
            "TARGET_CC",
            "CC_aarch64_unknown_linux_musl",
            "CFLAGS_x86_64-unknown-linux-gnu",
        ] {
            let line = format!("note: `{name}` is set in the environment and has no effect on the compile");
            assert_eq!(said(&[(name, "secret")], &[Compiler::Rust]), Some(line));
            assert_eq!(said(&[(name, "secret")], &[Compiler::Go]), None, "{name}");
            assert_eq!(said(&[(name, "")], &[Compiler::Rust]), None, "{name}");
        }
        for (name, value) in [("GOFLAGS", "-mod=mod"), ("CGO_ENABLED", "1"), ("GOARCH", "arm64"), ("GOEXPERIMENT", "x")]
        {
            assert!(said(&[(name, value)], &[Compiler::Go]).is_some(), "{name}");
            assert_eq!(said(&[(name, value)], &[Compiler::Rust]), None, "{name}");
        }
        let both = said(&[("CGO_ENABLED", "1"), ("RUSTFLAGS", "-Cx")], &[Compiler::Go, Compiler::Rust]);
        let line = "note: `CGO_ENABLED`, `RUSTFLAGS` are set in the environment and have no effect on the compile";
        assert_eq!(both.as_deref(), Some(line));
    }

    #[test]
    fn variables_without_an_effect_or_set_by_the_toolchain_itself_are_no_news() {
        let quiet = [
            // What `cargo run` and rustup set for a child.
            ("RUSTUP_TOOLCHAIN", "stable"),
            ("RUST_RECURSION_COUNT", "1"),
            ("CARGO", "/bin/cargo"),
            ("CARGO_MANIFEST_DIR", "/src"),
            ("CARGO_PKG_NAME", "hardpan"),
            ("CARGO_HOME", "/cargo"),
            ("RUSTUP_HOME", "/rustup"),
            // Folders, registries, another profile.
            ("CARGO_TARGET_DIR", "/target"),
            ("CARGO_REGISTRIES_MINE_INDEX", "https://example.com"),
            ("CARGO_PROFILE_DEV_DEBUG", "0"),
            ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", "qemu"),
            // What hardpan does anyway.
            ("GOTOOLCHAIN", "local"),
            ("CGO_ENABLED", "0"),
            ("GOFLAGS", "-modcacherw -trimpath"),
            ("GOPROXY", "https://example.com"),
            ("GOPATH", "/go"),
        ];
        assert_eq!(said(&quiet, &[Compiler::Go, Compiler::Rust]), None);
    }
}
