//! The parser of recipes: text to [`Recipe`].
//!
//! One module a table. The first error ends the parse, with its place in the text.

mod advice;
mod binary;
mod compiler;
mod entries;
mod flag_list;
mod go_flags;
mod line_ends;
mod lock;
mod policy;
mod policy_file;
mod recipe_text;
mod resolved;
mod run;
mod rust_flags;
mod shared;
mod syntax;
mod system;
mod table_edits;
mod url;
mod word_kind;

use std::{collections::BTreeMap, sync::Arc};

pub use compiler::check_program;
pub use flag_list::{check_cargo_flags, check_go_flags};
pub use go_flags::{check_go_tool_flags, split_like_go};
pub use lock::parse_lock;
pub use policy::bytes;
pub use policy_file::parse_policy;
use recipe_text::{RecipeText, all};
pub use resolved::resolved_text;
pub use shared::{extends_of, parse_workspace};
pub use word_kind::{FEATURE, TAG, WordKind};

use super::{
    Located, Recipe, SharedFile, SystemSettings,
    lock::is_local_base,
    shapes::{Pairs, Spanned},
    variables,
    wording::quoted,
    written,
};
use crate::{
    layer::Compression,
    oci::Platform,
    report::{ErrorName, Failure, Limits, SourceText, holds_login, printable},
};

/// Reads a recipe. `path` is the name it is printed under; its last component gives the default name.
///
/// Everything that the text alone can tell is checked; the first thing that is wrong is the failure, at its place.
/// A byte order mark is skipped, and places count from behind it.
pub fn parse(path: &str, text: &str) -> Result<Recipe, Failure> {
    parse_shared(path, text, &[])
}

/// The same for a recipe that takes what it does not say itself from other files: `shared`, the nearest first.
pub fn parse_shared(path: &str, text: &str, shared: &[SharedFile]) -> Result<Recipe, Failure> {
    let mut page = open(path, text)?;
    let written = if shared.is_empty() { syntax::read(&page)? } else { shared::read(&mut page, shared)? };
    checked(page, path, shared, written)
}

/// The page of a recipe.
fn open(path: &str, text: &str) -> Result<RecipeText, Failure> {
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > Limits::RECIPE_BYTES {
        let what = format!("the recipe is larger than {} MiB", Limits::RECIPE_BYTES >> 20);
        return Err(Failure::error(ErrorName::RecipeLimit, what).in_path(path));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
    let source = Arc::new(SourceText { path: printable(path).into_owned(), text });
    Ok(RecipeText::new(source))
}

/// The recipe, every value checked.
fn checked(
    mut page: RecipeText,
    path: &str,
    shared: &[SharedFile],
    written: written::RecipeDocument,
) -> Result<Recipe, Failure> {
    page.vars = vars(&page, written.vars)?;
    check_format(&page, written.format.as_ref())?;
    let base = base(&page, written.base)?;
    page.has_base = base.is_some();
    let recipe = Recipe {
        name: name(&page, path, written.name)?,
        platforms: match &written.platforms {
            Some(list) => page.platforms(list)?,
            None => vec![Platform { os: "linux", architecture: "amd64", variant: None }],
        },
        base,
        compression: compression(&page, written.compression.as_ref())?,
        annotations: page.labels("an annotation", written.annotations)?,
        binaries: all(written.binary, |at| binary::binary(&page, at))?,
        files: all(written.file, |at| entries::file(&page, at))?,
        trees: all(written.tree, |at| entries::tree(&page, at))?,
        dirs: all(written.dir, |at| entries::directory(&page, at))?,
        symlinks: all(written.symlink, |at| entries::symlink(&page, at))?,
        run: run::run(&page, written.run)?,
        system: system::system(&page, written.system)?,
        policy: policy::policy(&page, written.policy)?,
        extends: written.extends.map(|at| page.filled("`extends`", at)).transpose()?,
        shared: shared.to_vec(),
        vars: page.vars,
        source: page.source,
    };
    entries::refuse_two_for_one_path(&recipe)?;
    url::refuse_two_digests(&recipe)?;
    Ok(recipe)
}

/// `format`: 1.
fn check_format(page: &RecipeText, format: Option<&Spanned<i64>>) -> Result<(), Failure> {
    match format {
        Some(at) if at.value != 1 => Err(page
            .failure(&at.span, format!("format {} is not known to this version", at.value))
            .named(ErrorName::RecipeFormat)
            .hint("write `format = 1`, or leave it out")),
        _ => Ok(()),
    }
}

/// `base`; none for `scratch`.
fn base(page: &RecipeText, base: Option<Spanned<String>>) -> Result<Option<Located<String>>, Failure> {
    match base {
        Some(at) if at.value.trim().is_empty() => Err(page.failure(&at.span, "`base` is empty")),
        Some(at) if at.value == "scratch" => Ok(None),
        Some(at) if !is_local_base(&at.value) && holds_login(&at.value) => Err(page
            .failure(&at.span, "`base` holds a login, which every reader of the recipe would see")
            .hint("log in with `docker login`, or `--username` and `--password-stdin`")),
        at => at.map(|at| page.literal("`base`", at)).transpose(),
    }
}

/// `compression`, by its name.
fn compression(page: &RecipeText, compression: Option<&Spanned<String>>) -> Result<Compression, Failure> {
    let Some(at) = compression else { return Ok(Compression::Gzip) };
    Compression::ALL.into_iter().find(|known| known.name() == at.value).ok_or_else(|| {
        let failure = page.failure(&at.span, format!("unknown compression {}", quoted(&at.value)));
        failure.hint("known: `gzip`, `zstd`, `none`")
    })
}

/// `name`, else the stem of the file's name; none for `hardpan.toml`.
fn name(page: &RecipeText, path: &str, name: Option<Spanned<String>>) -> Result<Option<String>, Failure> {
    const RULE: &str = "a name has letters, digits, `.`, `_` and `-`, begins with a letter or a digit, and is at most \
                        128 long";
    if let Some(at) = name {
        if at.value.is_empty() {
            return Err(page.failure(&at.span, "`name` is empty").hint(RULE));
        }
        if !is_name(&at.value) {
            return Err(page.failure(&at.span, format!("{} is not a valid name", quoted(&at.value))).hint(RULE));
        }
        return Ok(Some(at.value));
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    if file == "hardpan.toml" {
        return Ok(None);
    }
    let stem = file.strip_suffix(".toml").unwrap_or(file);
    if !is_name(stem) {
        return Err(page
            .failure(&(0..0), format!("the file's name is not a valid name for an image: {}", quoted(stem)))
            .hint("write `name = \"...\"`"));
    }
    Ok(Some(stem.to_owned()))
}

/// Whether `text` can name an image, a folder of `out/` and a tag.
fn is_name(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= 128 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(good)
}

/// `[vars]`: names that hide nothing, values that can be printed.
fn vars(page: &RecipeText, pairs: Pairs) -> Result<BTreeMap<String, String>, Failure> {
    let mut vars = BTreeMap::new();
    for (key, value) in pairs.0 {
        let word = quoted(&key.value);
        if variables::WORDS.contains(&key.value.as_str()) {
            return Err(page
                .failure(&key.span, format!("{word} is a variable already"))
                .named(ErrorName::RecipeVariable));
        }
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if !key.value.starts_with(|c: char| c.is_ascii_lowercase()) || !key.value.bytes().all(good) {
            return Err(page
                .failure(&key.span, format!("{word} is no name of a variable"))
                .named(ErrorName::RecipeVariable)
                .hint("a name begins with a small letter and has small letters, digits, `_` and `-`"));
        }
        let value = page.plain(&format!("the variable {word}"), value)?;
        vars.insert(key.value, value.value);
    }
    Ok(vars)
}

impl SystemSettings {
    /// The settings of an image without `[system]`.
    fn default_at(origin: crate::report::Origin, base: bool) -> Self {
        use super::{Certificates, Passwd};
        Self {
            origin,
            certificates: if base { Certificates::Base } else { Certificates::Mozilla },
            extra_certificates: Vec::new(),
            passwd: if base { Passwd::Base } else { Passwd::Written },
            tmp: false,
            timezones: false,
            replace: false,
        }
    }
}

#[cfg(test)]
mod tests;
