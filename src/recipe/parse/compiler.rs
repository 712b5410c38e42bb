//! Checks flags and environment variables that a recipe gives to a compiler.
//!
//! Refused are flags that run other programs, write elsewhere, or change what hardpan itself has set, and variables
//! that do the same. The recipe's author is trusted; these lists keep a recipe from meaning something else than it
//! says, and a mistake from becoming an image that cannot be rebuilt.

use std::collections::BTreeMap;

use super::{
    super::{
        Compiler, Located,
        native::is_native_for_rustc,
        shapes::{List, Pairs, Spanned},
        wording::quoted,
    },
    RecipeText, advice,
};
use crate::report::{ErrorName, Failure};

/// Flags of `go build` that hardpan refuses, and the key that is for them, if there is one.
const GO_FLAGS: [(&str, Option<&str>); 26] = [
    ("race", None),
    ("msan", None),
    ("asan", None),
    ("work", None),
    ("json", None),
    ("toolexec", None),
    ("overlay", None),
    ("o", None),
    ("C", Some("dir")),
    ("modfile", None),
    ("pkgdir", None),
    ("exec", None),
    ("n", None),
    ("mod", None),
    ("trimpath", None),
    ("buildvcs", Some("vcs")),
    ("ldflags", Some("ldflags")),
    ("tags", Some("tags")),
    ("compiler", None),
    ("gccgoflags", None),
    ("linkshared", None),
    ("debug-actiongraph", None),
    ("debug-runtime-trace", None),
    ("debug-trace", None),
    ("h", None),
    ("help", None),
];

/// Flags of Go's compiler, assembler and linker that run a program, read a response file or write elsewhere.
const GO_TOOL_FLAGS: [&str; 15] = [
    "o",
    "extld",
    "extldflags",
    "extar",
    "linkmode",
    "linkobj",
    "tmpdir",
    "outdir",
    "cpuprofile",
    "memprofile",
    "blockprofile",
    "mutexprofile",
    "traceprofile",
    "capturehostobjs",
    "benchmarkprofile",
];

/// Long flags of `cargo build` that hardpan refuses, and the key that is for them, if there is one.
const CARGO_FLAGS: [(&str, Option<&str>); 33] = [
    ("target-dir", None),
    ("build-dir", None),
    ("target", Some("target")),
    ("config", None),
    ("manifest-path", Some("dir")),
    ("out-dir", None),
    ("artifact-dir", None),
    ("lockfile-path", None),
    ("profile", Some("profile")),
    ("release", None),
    ("package", Some("cargo")),
    ("bin", Some("cargo")),
    ("bins", Some("cargo")),
    ("lib", Some("cargo")),
    ("example", Some("cargo")),
    ("examples", Some("cargo")),
    ("test", Some("cargo")),
    ("tests", Some("cargo")),
    ("bench", Some("cargo")),
    ("benches", Some("cargo")),
    ("all-targets", Some("cargo")),
    ("workspace", Some("cargo")),
    ("all", Some("cargo")),
    ("exclude", Some("cargo")),
    ("features", Some("features")),
    ("message-format", None),
    ("build-plan", None),
    ("unit-graph", None),
    ("compile-time-deps", None),
    ("help", None),
    ("version", None),
    ("list", None),
    ("explain", None),
];

/// Short flags of `cargo build` that hardpan refuses, as [`CARGO_FLAGS`].
const CARGO_SHORT: [(char, Option<&str>); 7] = [
    ('C', Some("dir")),
    ('Z', None),
    ('p', Some("cargo")),
    ('r', None),
    ('F', Some("features")),
    ('h', None),
    ('V', None),
];

/// Flags of rustc that hardpan refuses in `rustflags`, and the key that is for them, if there is one.
const RUSTC_FLAGS: [(&str, Option<&str>); 12] = [
    ("linker", Some("linker")),
    ("strip", Some("strip")),
    ("target", Some("target")),
    ("o", None),
    ("out-dir", None),
    ("incremental", None),
    ("sysroot", None),
    ("remap-path-prefix", None),
    ("emit", None),
    ("crate-type", None),
    ("metadata", None),
    ("extra-filename", None),
];

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

/// One flag of `go build`, in any of the spellings of Go's flag package. Says whether the next text is a build mode.
pub(super) fn check_go_flag(flag: &Located<String>) -> Result<Option<()>, Failure> {
    let text = flag.value.as_str();
    let bare = text.strip_prefix("--").or_else(|| text.strip_prefix('-')).unwrap_or(text);
    let (name, value) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value)));
    if name.is_empty() || name.starts_with('-') {
        return Err(Failure::error(ErrorName::RecipeFlag, format!("{} is no flag", quoted(text))).at(&flag.origin));
    }
    if let Some((_, key)) = GO_FLAGS.iter().find(|(refused, _)| *refused == name) {
        return Err(refused_flag(flag, &format!("-{name}"), *key));
    }
    match (name, value) {
        ("buildmode", None) => return Ok(Some(())),
        ("buildmode", Some(mode)) => check_build_mode(flag, mode)?,
        ("gcflags" | "asmflags", Some(value)) => {
            // `pattern=flags` or flags alone.
            let value = if value.starts_with('-') { value } else { value.split_once('=').map_or(value, |(_, v)| v) };
            check_go_tool_flags(flag, value)?;
        }
        ("gcflags" | "asmflags", None) => {
            return Err(Failure::error(ErrorName::RecipeFlag, format!("`-{name}` has its value in the same text"))
                .at(&flag.origin)
                .hint(format!("write `-{name}=...`")));
        }
        _ => {}
    }
    Ok(None)
}

/// Build modes that give a program.
pub(super) fn check_build_mode(flag: &Located<String>, mode: &str) -> Result<(), Failure> {
    if ["pie", "exe", "default"].contains(&mode) {
        return Ok(());
    }
    let what = format!("the build mode {} gives no program", quoted(mode));
    Err(Failure::error(ErrorName::RecipeFlag, what).at(&flag.origin).hint("known here: `pie`, `exe`, `default`"))
}

/// `ldflags`, refused where a flag in them leads out. May hold variables, and is checked again with their values.
pub(super) fn ldflags(page: &RecipeText, list: Option<Spanned<List>>) -> Result<Vec<Located<String>>, Failure> {
    RecipeText::each(list, |at| {
        let located = page.template("`ldflags`", at)?;
        check_go_tool_flags(&located, &located.value)?;
        Ok(located)
    })
}

/// Checks the flags that `go build` hands to one of its tools, all in one `text`, such as an expanded `ldflags`: one
/// that runs a program, reads a response file or writes elsewhere fails at `at`.
pub fn check_go_tool_flags(at: &Located<String>, text: &str) -> Result<(), Failure> {
    for word in split_like_go(text) {
        if word.starts_with('@') {
            // Go's tools read more flags from such a file.
            return Err(
                Failure::error(ErrorName::RecipeFlag, format!("{} is a response file", quoted(word))).at(&at.origin)
            );
        }
        let Some(bare) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
        let name = bare.split('=').next().unwrap_or(bare);
        if GO_TOOL_FLAGS.contains(&name) {
            return Err(refused_flag(at, &format!("-{name}"), None));
        }
    }
    Ok(())
}

/// Words as `cmd/internal/quoted` of Go splits them: at white space, but a word that begins with a quote goes on to
/// the next one.
pub fn split_like_go(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if matches!(first, '"' | '\'') {
            let inner = rest.get(1..).unwrap_or_default();
            inner.split_once(first).unwrap_or((inner, ""))
        } else {
            rest.split_once(char::is_whitespace).unwrap_or((rest, ""))
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// One flag of `cargo build`, long or a cluster of short ones.
pub(super) fn check_cargo_flag(flag: &Located<String>) -> Result<(), Failure> {
    let text = flag.value.as_str();
    if let Some(long) = text.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or(long);
        if name.is_empty() {
            return Err(Failure::error(ErrorName::RecipeFlag, format!("{} is no flag", quoted(text))).at(&flag.origin));
        }
        return match CARGO_FLAGS.iter().find(|(refused, _)| *refused == name) {
            Some((_, key)) => Err(refused_flag(flag, &format!("--{name}"), *key)),
            None => Ok(()),
        };
    }
    // `-v` and `-q` take no value, so that more flags may follow in the same text: `-vZunstable`.
    let short = text.chars().skip(1).find(|c| !"vq".contains(*c));
    if let Some((name, key)) = CARGO_SHORT.iter().find(|(refused, _)| Some(*refused) == short) {
        return Err(refused_flag(flag, &format!("-{name}"), *key));
    }
    match short {
        None if text.len() > 1 => Ok(()),
        Some('j') => Ok(()),
        _ => Err(Failure::error(ErrorName::RecipeFlag, format!("{} is no flag of `cargo build`", quoted(text)))
            .at(&flag.origin)),
    }
}

/// `rustflags`: literal texts that replace neither the compiler nor what hardpan asks of it.
pub(super) fn rustflags(page: &RecipeText, list: Option<Spanned<List>>) -> Result<Vec<Located<String>>, Failure> {
    RecipeText::each(list, |at| {
        let located = page.literal("a flag of rustc", at)?;
        check_rustflag(&located)?;
        Ok(located)
    })
}

/// One text of `rustflags`.
fn check_rustflag(flag: &Located<String>) -> Result<(), Failure> {
    let text = flag.value.as_str();
    if text.starts_with('@') {
        return Err(
            Failure::error(ErrorName::RecipeFlag, format!("{} is a response file", quoted(text))).at(&flag.origin)
        );
    }
    let bare = text.trim_start_matches('-');
    let codegen = bare.strip_prefix("codegen").map_or(bare, |rest| rest.trim_start_matches(['=', ' ']));
    let codegen = codegen.strip_prefix('C').map_or(codegen, str::trim_start);
    let name = codegen.split(['=', ' ']).next().unwrap_or_default();
    if let Some((_, key)) = RUSTC_FLAGS.iter().find(|(refused, _)| *refused == name) {
        return Err(refused_flag(flag, &format!("-{}{name}", if codegen == bare { "-" } else { "C" }), *key));
    }
    if is_native_for_rustc(text) {
        let what = "`target-cpu=native` makes a program for the machine that compiles it";
        return Err(Failure::error(ErrorName::RecipeFlag, what)
            .at(&flag.origin)
            .hint("name the CPU, such as `-Ctarget-cpu=x86-64-v3`"));
    }
    Ok(())
}

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

/// The refusal of a flag.
fn refused_flag(at: &Located<String>, flag: &str, key: Option<&str>) -> Failure {
    if let Some(key) = key {
        let failure =
            Failure::error(ErrorName::RecipeFlag, format!("the flag `{flag}` has a key of its own")).at(&at.origin);
        return failure.hint(format!("write it under `{key}`"));
    }
    let failure =
        Failure::error(ErrorName::RecipeFlag, format!("the flag `{flag}` is not allowed in a recipe")).at(&at.origin);
    advised(failure, advice::of_flag(flag))
}

/// A failure with its advice, where there is one.
fn advised(failure: Failure, advice: Option<&str>) -> Failure {
    match advice {
        Some(advice) => failure.hint(advice),
        None => failure,
    }
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

#[cfg(test)]
mod tests {
    use super::split_like_go;

    #[test]
    fn words_are_split_as_go_splits_them() {
        assert_eq!(split_like_go("-s  -w\t-X a.b=c"), ["-s", "-w", "-X", "a.b=c"]);
        assert_eq!(split_like_go("-X 'a.b=c -o d' \"-extld=x\""), ["-X", "a.b=c -o d", "-extld=x"]);
        assert_eq!(split_like_go("'open"), ["open"]);
        assert!(split_like_go("  ").is_empty());
    }
}
