//! Hints for flags and variables that a recipe cannot set: which key to write instead, and why.

use super::super::{Compiler, Located};
use crate::report::{ErrorName, Failure};

/// Variables of Go, and of both.
const GO: [(&str, &str); 21] = [
    ("CC", "name the C compiler by `cc`"),
    ("CXX", "name the C compiler by `cc`; the one for C++ is the one that belongs to it"),
    ("FC", "name the C compiler by `cc`; the one for Fortran is the one that belongs to it"),
    ("CGO_ENABLED", "leave it out: programs are compiled without cgo, unless the recipe says `cgo = true`"),
    ("GO386", "leave it out: `sse2` is what a `linux/386` image is made for"),
    ("GOAMD64", "name it by the platform: `platforms = [\"linux/amd64/v3\"]`"),
    ("GOARCH", "name it by the platform: `platforms = [\"linux/arm64\"]`"),
    ("GOARM", "name it by the platform: `platforms = [\"linux/arm/v7\"]`, or `v6`"),
    ("GOAUTH", CALLER),
    ("GOCACHE", CALLER),
    ("GOCACHEPROG", "leave it out: it runs a program"),
    ("GOENV", "leave it out: settings of `go env -w` do not reach a program"),
    (
        "GOFLAGS",
        "write its flags under `flags`, those of `-tags` under `tags`, and those of `-ldflags` under `ldflags`",
    ),
    ("GOMODCACHE", CALLER),
    ("GOOS", "leave it out: images are for Linux"),
    ("GOPATH", CALLER),
    ("GOPROXY", CALLER),
    ("GOROOT", "leave it out: the `go` in `PATH` compiles, and `hardpan lock` pins its version"),
    ("GOTMPDIR", CALLER),
    ("GOTOOLCHAIN", "leave it out: the `go` in `PATH` compiles, and `hardpan lock` pins its version"),
    ("SOURCE_DATE_EPOCH", DATE),
];

/// Variables of cargo, as whole names, or as a beginning and an end.
const CARGO: [(&str, &str, &str); 17] = [
    ("CC", "", "name the C compiler by `cc`"),
    ("CARGO_TARGET_", "_LINKER", "name the linker by `linker`"),
    ("CARGO_TARGET_", "_RUSTFLAGS", "write its flags under `rustflags`"),
    ("CARGO_TARGET_", "_RUNNER", "leave it out: a build runs no program"),
    ("CARGO_TARGET_DIR", "", CALLER),
    ("CARGO_PROFILE_", "", "write it into `[profile.release]` of `Cargo.toml`, or into a profile that `profile` names"),
    ("CARGO_BUILD_TARGET", "", "name the target by `target`"),
    ("CARGO_BUILD_RUSTFLAGS", "", "write its flags under `rustflags`"),
    ("CARGO_BUILD_JOBS", "", "call `hardpan build --jobs`"),
    ("CARGO_BUILD_", "", "leave it out: it changes where and by what cargo compiles"),
    ("CARGO_ENCODED_RUSTFLAGS", "", "write its flags under `rustflags`"),
    ("CARGO_HOME", "", CALLER),
    ("RUSTC", "", "leave it out: `rust-toolchain.toml` of the checkout names the compiler"),
    ("RUSTFLAGS", "", "write its flags under `rustflags`"),
    ("RUSTUP_HOME", "", CALLER),
    ("RUSTUP_TOOLCHAIN", "", "leave it out: `rust-toolchain.toml` of the checkout names the compiler"),
    ("SOURCE_DATE_EPOCH", "", DATE),
];

const CALLER: &str = "it belongs to the machine: set it in the environment of hardpan, not in a recipe";
const DATE: &str = "leave it out: compilers get 0, and the date of the image is that of hardpan's own environment";

/// The hint for a variable that a recipe cannot set.
pub(super) fn of_variable(compiler: Compiler, name: &str) -> Option<&'static str> {
    let of_go = || GO.iter().find(|(known, _)| *known == name).map(|(_, advice)| *advice);
    let of_cargo = || {
        let is_it = |start: &str, end: &str| {
            if start.ends_with('_') { name.starts_with(start) && name.ends_with(end) } else { name == start }
        };
        CARGO.iter().find(|(start, end, _)| is_it(start, end)).map(|(_, _, advice)| *advice)
    };
    match compiler {
        Compiler::Go => of_go().or_else(of_cargo),
        Compiler::Rust => of_cargo().or_else(of_go),
    }
}

/// The hint for a flag of `go build` or `cargo build` that a recipe cannot give; `flag` has its dashes.
pub(super) fn of_flag(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "-race" | "-msan" | "-asan" => {
            "it is for tests: the program would need cgo and many times the memory; use `go test` with it"
        }
        "-trimpath" => "not needed: every Go program is compiled with it",
        "-mod" => "not needed: a `vendor` folder is used where there is one, and `go.mod` stays as it is",
        "-n" => "it compiles nothing; `hardpan build -vv` prints the commands",
        "-work" => "not needed: the folder is emptied by the next compile",
        "-json" => "not needed: errors of the compiler are shown as they are",
        "-toolexec" | "-exec" => "a recipe runs no programs besides the compilers",
        "-overlay" | "-modfile" => "have the files in the checkout as they are to be compiled",
        "-compiler" | "-gccgoflags" => "programs are compiled by Go's own compiler",
        "-linkshared" | "-pkgdir" => "programs are linked statically",
        "-extldflags" => "not needed: programs are static, and with `cgo = true` the linker gets `-static`",
        "-linkmode" => "not needed: Go links by itself, and with `cgo = true` the C compiler does",
        "-extld" => "name the C compiler by `cc`",
        "--release" | "-r" => "not needed: `release` is the profile, unless `profile` names another one",
        "--config" => "write it into `.cargo/config.toml` of the checkout",
        "-o" | "--target-dir" | "--build-dir" | "--out-dir" | "--artifact-dir" => "say where the program goes by `to`",
        _ => return None,
    })
}

/// The refusal of a flag.
pub(super) fn refused_flag(at: &Located<String>, flag: &str, key: Option<&str>) -> Failure {
    if let Some(key) = key {
        let failure =
            Failure::error(ErrorName::RecipeFlag, format!("the flag `{flag}` has a key of its own")).at(&at.origin);
        return failure.hint(format!("write it under `{key}`"));
    }
    let failure =
        Failure::error(ErrorName::RecipeFlag, format!("the flag `{flag}` is not allowed in a recipe")).at(&at.origin);
    advised(failure, of_flag(flag))
}

/// A failure with its advice, where there is one.
pub(super) fn advised(failure: Failure, advice: Option<&str>) -> Failure {
    match advice {
        Some(advice) => failure.hint(advice),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_a_kind_have_the_advice_of_their_end() {
        let of = |name| of_variable(Compiler::Rust, name);
        assert_eq!(of("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER"), Some("name the linker by `linker`"));
        assert_eq!(of("CARGO_TARGET_X_RUSTFLAGS"), Some("write its flags under `rustflags`"));
        assert_eq!(of("CARGO_TARGET_DIR"), Some(CALLER));
        assert_eq!(of("LD_PRELOAD"), None);
    }
}
