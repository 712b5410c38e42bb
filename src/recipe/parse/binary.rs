//! Parses `[[binary]]`: its source (`go`, `cargo` or `path`) and the keys that each source takes.

use super::{
    super::{
        BinaryEntry, BinarySource, CargoBinary, Compiler, GoBinary, Located, Strip,
        shapes::{Spanned, StripWord, TomlTable},
        variables,
        wording::quoted,
        written,
    },
    RecipeText, compiler, flag_list, go_flags, rust_flags,
    word_kind::{FEATURE, LIBRARY, TAG, WordKind},
};
use crate::report::{ErrorName, Failure};

/// One `[[binary]]`.
pub(super) fn binary(
    page: &RecipeText,
    at: Spanned<TomlTable<written::WrittenBinary>>,
) -> Result<BinaryEntry, Failure> {
    let header = at.span;
    let TomlTable(mut table) = at.value;
    let kind = kind(page, &header, &table)?;
    refuse_foreign_keys(page, kind, &table)?;
    let to = table.to.take().map(|to| page.image_path(&to, false)).transpose()?;
    if kind == "path" && to.is_none() {
        return Err(page
            .failure(&header, "a binary with `path` needs `to`")
            .named(ErrorName::RecipeMissing)
            .hint("add `to = \"/usr/bin/...\"`"));
    }
    let platforms = page.own_platforms(table.platforms.as_ref())?;
    let replace = page.replace(table.replace.take())?;
    let source = source(page, table)?;
    Ok(BinaryEntry { origin: page.origin(&header), source, to, replace, platforms })
}

/// Which of `go`, `cargo` and `path` is there.
fn kind(
    page: &RecipeText,
    header: &std::ops::Range<usize>,
    table: &written::WrittenBinary,
) -> Result<&'static str, Failure> {
    let kinds = [("go", &table.go), ("cargo", &table.cargo), ("path", &table.path)];
    let found: Vec<_> = kinds.into_iter().filter_map(|(kind, value)| Some((kind, value.as_ref()?))).collect();
    match found.as_slice() {
        [(kind, _)] => Ok(kind),
        [] => Err(page
            .failure(header, "a binary needs one of `go`, `cargo` and `path`")
            .named(ErrorName::RecipeMissing)
            .hint("add `go = \".\"` for a Go package, `cargo = \"name\"` for a Cargo package")),
        [.., (_, last)] => {
            let names: Vec<_> = found.iter().map(|(kind, _)| *kind).collect();
            let names = names.join("` and `");
            let what = format!("a binary has exactly one of `go`, `cargo` and `path`, this one has `{names}`");
            Err(page.failure(&last.span, what).named(ErrorName::RecipeConflict))
        }
    }
}

/// Refuses keys that mean nothing for the chosen kind.
fn refuse_foreign_keys(page: &RecipeText, kind: &str, table: &written::WrittenBinary) -> Result<(), Failure> {
    let span = |list: &Option<Spanned<_>>| list.as_ref().map(|at: &Spanned<_>| at.span.clone());
    let keys = [
        ("dir", &["go", "cargo"][..], table.dir.as_ref().map(|at| at.span.clone())),
        ("target", &["cargo"], table.target.as_ref().map(|at| at.span.clone())),
        ("tags", &["go"], span(&table.tags)),
        ("ldflags", &["go"], span(&table.ldflags)),
        ("features", &["cargo"], span(&table.features)),
        ("flags", &["go", "cargo"], span(&table.flags)),
        ("env", &["go", "cargo"], table.env.as_ref().map(|at| at.span.clone())),
        ("vcs", &["go"], table.vcs.as_ref().map(|at| at.span.clone())),
        ("cgo", &["go"], table.cgo.as_ref().map(|at| at.span.clone())),
        ("cc", &["go", "cargo"], table.cc.as_ref().map(|at| at.span.clone())),
        ("libraries", &["go", "cargo"], span(&table.libraries)),
        ("profile", &["cargo"], table.profile.as_ref().map(|at| at.span.clone())),
        ("rustflags", &["cargo"], span(&table.rustflags)),
        ("linker", &["cargo"], table.linker.as_ref().map(|at| at.span.clone())),
        ("strip", &["go", "cargo"], table.strip.as_ref().map(|at| at.span.clone())),
        ("debug-file", &["cargo"], table.debug_file.as_ref().map(|at| at.span.clone())),
        ("auditable", &["cargo"], table.auditable.as_ref().map(|at| at.span.clone())),
    ];
    for (key, kinds, span) in keys {
        if let Some(span) = span.filter(|_| !kinds.contains(&kind)) {
            let what = format!("`{key}` goes with `{}`, not with `{kind}`", kinds.join("` and `"));
            return Err(page.failure(&span, what).named(ErrorName::RecipeConflict));
        }
    }
    Ok(())
}

/// Where the program comes from, checked.
fn source(page: &RecipeText, table: written::WrittenBinary) -> Result<BinarySource, Failure> {
    if let Some(path) = table.path {
        return Ok(BinarySource::Path(page.host_template("`path`", path)?));
    }
    let dir = table.dir.map(|at| directory(page, at)).transpose()?;
    let strip = table.strip.map_or(Ok(Strip::Symbols), |at| strip(page, &at))?;
    let cc = table.cc.map(|at| compiler::program(page, "`cc`", at)).transpose()?;
    let libraries = RecipeText::each(table.libraries, |at| {
        let located = page.filled("`libraries`", at)?;
        LIBRARY.check(&located, &located.value).map(|()| located)
    })?;
    if let Some(go) = table.go {
        let cgo = table.cgo.is_some_and(|at| at.value);
        if let Some(cc) = cc.as_ref().filter(|_| !cgo) {
            let what = "`cc` is the C compiler of a program with `cgo = true`, which is not here";
            let failure = Failure::error(ErrorName::RecipeConflict, what);
            return Err(failure.at(&cc.origin).hint("add `cgo = true`, or leave `cc` out"));
        }
        if let Some(library) = libraries.first().filter(|_| !cgo) {
            let what = "`libraries` are for a program with `cgo = true`, which is not here";
            let failure = Failure::error(ErrorName::RecipeConflict, what);
            return Err(failure.at(&library.origin).hint("add `cgo = true`, or leave `libraries` out"));
        }
        return Ok(BinarySource::Go(GoBinary {
            package: go_package(page, go)?,
            dir,
            tags: RecipeText::each(table.tags, |at| word_template(page, &TAG, at))?,
            ldflags: go_flags::ldflags(page, table.ldflags)?,
            flags: flag_list::flags(page, Compiler::Go, table.flags)?,
            env: compiler::environment(page, Compiler::Go, table.env)?,
            vcs: table.vcs.filter(|at| at.value).map(|at| page.origin(&at.span)),
            cgo,
            cc,
            libraries,
            strip,
        }));
    }
    let (package, binary) = cargo_package(page, table.cargo)?;
    Ok(BinarySource::Cargo(CargoBinary {
        package,
        binary,
        dir,
        target: table.target.map(|at| target(page, at)).transpose()?,
        features: RecipeText::each(table.features, |at| word_template(page, &FEATURE, at))?,
        flags: flag_list::flags(page, Compiler::Rust, table.flags)?,
        env: compiler::environment(page, Compiler::Rust, table.env)?,
        profile: table.profile.map(|at| profile(page, at)).transpose()?,
        rustflags: rust_flags::rustflags(page, table.rustflags)?,
        linker: table.linker.map(|at| compiler::program(page, "`linker`", at)).transpose()?,
        cc,
        libraries,
        strip,
        debug_file: debug_file(page, table.debug_file, strip)?,
        auditable: table.auditable.is_none_or(|at| at.value),
    }))
}

/// `strip`.
fn strip(page: &RecipeText, at: &Spanned<StripWord>) -> Result<Strip, Failure> {
    match &at.value {
        StripWord::Switch(true) => Ok(Strip::Symbols),
        StripWord::Switch(false) => Ok(Strip::Nothing),
        StripWord::Word(word) if word == "debuginfo" => Ok(Strip::DebugInfo),
        StripWord::Word(word) => Err(page
            .failure(&at.span, format!("`strip` cannot be {}", quoted(word)))
            .hint("write `true` (symbols and debug information), `\"debuginfo\"`, or `false`")),
    }
}

/// `profile`: the name of a profile, as cargo accepts it.
fn profile(page: &RecipeText, at: Spanned<String>) -> Result<Located<String>, Failure> {
    let at = word(page, "a Cargo profile", "_-", at)?;
    if matches!(at.value.as_str(), "dev" | "test" | "debug") {
        let what = format!("the profile {} makes no program that is fit for an image", quoted(&at.value));
        return Err(Failure::error(ErrorName::RecipeValue, what)
            .at(&at.origin)
            .hint("leave it out for `release`, or name one that inherits from it"));
    }
    Ok(at)
}

/// `debug-file`, which needs something that is taken out of the program.
fn debug_file(
    page: &RecipeText,
    at: Option<Spanned<String>>,
    strip: Strip,
) -> Result<Option<Located<String>>, Failure> {
    let Some(at) = at else { return Ok(None) };
    if strip == Strip::Nothing {
        let failure = page
            .failure(&at.span, "`debug-file` takes what `strip` leaves out, and `strip = false` leaves out nothing");
        return Err(failure.named(ErrorName::RecipeConflict).hint("leave one of the two out"));
    }
    page.host_template("`debug-file`", at).map(Some)
}

/// `dir`: relative, and nothing that a toolchain could take for a flag.
fn directory(page: &RecipeText, at: Spanned<String>) -> Result<Located<String>, Failure> {
    if at.value.starts_with(['/', '-']) {
        return Err(page
            .failure(&at.span, "`dir` is relative to the recipe, and begins with neither `/` nor `-`")
            .hint("write it as `./...` or `../...`"));
    }
    page.literal("`dir`", at)
}

/// `go`: one package.
fn go_package(page: &RecipeText, at: Spanned<String>) -> Result<Located<String>, Failure> {
    let located = page.filled("`go`", at)?;
    let text = located.value.as_str();
    let failure =
        |what: &str| Failure::error(ErrorName::RecipeValue, format!("{} {what}", quoted(text))).at(&located.origin);
    if text.split('/').any(|part| part.contains("...")) || ["all", "std", "cmd", "tool", "work"].contains(&text) {
        return Err(failure("means several packages; a binary is one"));
    }
    if text.rsplit_once('.').is_some_and(|(_, end)| end == "go") {
        return Err(failure("is a file").hint("name the folder of the package, such as `./cmd/server`"));
    }
    let relative = matches!(text, "." | "..") || text.starts_with("./") || text.starts_with("../");
    let import = |c: char| c.is_alphanumeric() || "-._~+/".contains(c);
    let absolute = text.starts_with(['/', '-', '.']) || text.contains("//") || text.ends_with('/');
    if !relative && (absolute || !text.chars().all(import)) {
        return Err(failure("is no Go package").hint("write `.`, `./cmd/server`, or an import path of the module"));
    }
    Ok(located)
}

/// `cargo`: a package, or a package and a binary.
fn cargo_package(page: &RecipeText, at: Option<Spanned<String>>) -> Result<(Located<String>, Option<String>), Failure> {
    // `kind` has seen that it is there.
    let at =
        at.ok_or_else(|| Failure::error(ErrorName::RecipeMissing, "a binary needs one of `go`, `cargo` and `path`"))?;
    let (package, binary) = match at.value.split_once('/') {
        Some((package, binary)) => (package, Some(binary)),
        None => (at.value.as_str(), None),
    };
    let good = |name: &str| {
        !name.is_empty() && !name.starts_with('-') && name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c))
    };
    if !good(package) || !binary.is_none_or(good) {
        return Err(page
            .failure(&at.span, format!("{} is no Cargo package", quoted(&at.value)))
            .hint("write `package`, or `package/binary` for one of several"));
    }
    let (package, binary) = (package.to_owned(), binary.map(str::to_owned));
    Ok((Located { value: package, origin: page.origin(&at.span) }, binary))
}

/// `target`: the name of a target, not the path of a specification.
fn target(page: &RecipeText, at: Spanned<String>) -> Result<Located<String>, Failure> {
    let at = word(page, "a target triple", "_.-", at)?;
    // Cargo takes a text that ends so for a file, in any case of the letters.
    if at.value.to_lowercase().ends_with(".json") {
        return Err(
            Failure::error(ErrorName::RecipeValue, "`target` is the name of a target, not a file").at(&at.origin)
        );
    }
    Ok(at)
}

/// A word of letters, digits and `more` that cannot be taken for a flag.
fn word(
    page: &RecipeText,
    what: &'static str,
    more: &'static str,
    at: Spanned<String>,
) -> Result<Located<String>, Failure> {
    let at = page.locate(at);
    let value = at.value.clone();
    WordKind::new(what, more).check(&at, &value)?;
    Ok(at)
}

/// A word that may hold variables; its value is checked again when they are replaced.
fn word_template(page: &RecipeText, kind: &WordKind, at: Spanned<String>) -> Result<Located<String>, Failure> {
    let at = page.locate(at);
    let outline = variables::outline(&at, &page.vars)?;
    kind.check(&at, &outline)?;
    Ok(at)
}
