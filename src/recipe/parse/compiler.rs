//! Checks the programs and environment variables that a recipe gives to a compiler.
//!
//! Refused are variables that run other programs, write elsewhere, or change what hardpan itself has set.

use std::collections::BTreeMap;

use super::{
    super::{
        Compiler, Located,
        shapes::{Pairs, Spanned},
        wording::quoted,
    },
    RecipeText,
    advice::{self, advised},
};
use crate::report::{ErrorName, Failure};

/// Variables that hardpan sets itself, or that make a toolchain run another program.
const OWN_VARIABLES: [&str; 31] = [
    "CC",
    "GO386",
    "PATH",
    "HOME",
    "TMPDIR",
    "SOURCE_DATE_EPOCH",
    "CGO_ENABLED",
    "GOAMD64",
    "GOARCH",
    "GOARM",
    "GOAUTH",
    "GOCACHE",
    "GOCACHEPROG",
    "GOENV",
    "GOFLAGS",
    "GOMODCACHE",
    "GOOS",
    "GOPATH",
    "GOPROXY",
    "GOROOT",
    "GOTMPDIR",
    "GOTOOLCHAIN",
    "CARGO",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_HOME",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
];

/// Such variables of Go alone.
const GO_VARIABLES: [&str; 2] = ["CXX", "FC"];

/// Beginnings of such variables.
const OWN_PREFIXES: [&str; 5] = ["CARGO_BUILD_", "CARGO_TARGET_", "CARGO_PROFILE_", "CARGO_UNSTABLE_", "LD_"];

/// `cc` and `linker`: a program in `PATH`, or a path relative to `dir`. May hold variables.
pub(super) fn program(page: &RecipeText, what: &str, at: Spanned<String>) -> Result<Located<String>, Failure> {
    let located = page.host_template(what, at)?;
    check_program(&located)?;
    Ok(located)
}

/// Refuses what names no single program; called again when variables have been replaced.
pub fn check_program(at: &Located<String>) -> Result<(), Failure> {
    if at.value.is_empty() || at.value.starts_with('-') || at.value.contains(char::is_whitespace) {
        let failure =
            Failure::error(ErrorName::RecipeValue, format!("{} names no program", quoted(&at.value))).at(&at.origin);
        return Err(failure.hint("write one name that is in `PATH`, or one path; its flags belong in a script"));
    }
    Ok(())
}

/// `env` of a compiler.
pub(super) fn environment(
    page: &RecipeText,
    compiler: Compiler,
    pairs: Option<Spanned<Pairs>>,
) -> Result<BTreeMap<String, Located<String>>, Failure> {
    let mut environment = BTreeMap::new();
    for (key, value) in pairs.map(|at| at.value.0).unwrap_or_default() {
        page.variable_name(&key)?;
        let name = key.value;
        let word = quoted(&name);
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(good) {
            return Err(page
                .failure(&key.span, format!("{word} is no name of an environment variable"))
                .hint("a name has letters, digits and `_`, and does not begin with a digit"));
        }
        let of_go = compiler == Compiler::Go && GO_VARIABLES.contains(&name.as_str());
        let own = OWN_VARIABLES.contains(&name.as_str()) || OWN_PREFIXES.iter().any(|own| name.starts_with(own));
        if own || of_go {
            let what = format!("the variable {word} is not for a recipe to set");
            let failure = page.failure(&key.span, what).named(ErrorName::RecipeFlag);
            return Err(advised(failure, advice::of_variable(compiler, &name)));
        }
        if name == "GOWORK" {
            check_go_work(page, compiler, &key.span, &value)?;
        }
        environment.insert(name, page.template(&format!("the variable {word}"), value)?);
    }
    Ok(environment)
}

/// `GOWORK`: with `go`, off or a file near the folder where the toolchain runs.
fn check_go_work(
    page: &RecipeText,
    compiler: Compiler,
    key: &std::ops::Range<usize>,
    value: &Spanned<String>,
) -> Result<(), Failure> {
    if compiler != Compiler::Go {
        return Err(page.failure(key, "`GOWORK` goes with `go`, not with `cargo`").named(ErrorName::RecipeConflict));
    }
    if value.value.is_empty() || value.value.starts_with(['/', '-']) {
        return Err(page.failure(&value.span, "`GOWORK` is `off`, or a path relative to `dir`"));
    }
    Ok(())
}
