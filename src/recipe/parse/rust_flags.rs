//! Checks flags of `cargo build` and of rustc, as [`go_flags`](super::go_flags) does those of Go.

use super::{
    super::{
        Located,
        native::is_native_for_rustc,
        shapes::{List, Spanned},
        wording::quoted,
    },
    RecipeText,
    advice::refused_flag,
};
use crate::report::{ErrorName, Failure};

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
