//! Parses `[[file]]`, `[[tree]]`, `[[dir]]` and `[[symlink]]`, and refuses two entries for one path.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use super::{
    super::{
        DirectoryEntry, FileEntry, FileSource, Located, Recipe, SymlinkEntry, TreeEntry,
        shapes::{List, Loose, Spanned, TomlTable},
        wording::quoted,
        written,
    },
    recipe_text::{EXPECTED_STRING, RecipeText},
};
use crate::{
    oci::{ImagePath, Platform},
    report::{ErrorName, Failure, Rule, bounded_glob, printable},
};

/// One `[[file]]`.
pub(super) fn file(page: &RecipeText, at: Spanned<TomlTable<written::WrittenFile>>) -> Result<FileEntry, Failure> {
    let header = at.span;
    let TomlTable(table) = at.value;
    let kinds = [("from", &table.from), ("text", &table.text), ("url", &table.url)];
    let found: Vec<_> = kinds.into_iter().filter_map(|(kind, value)| Some((kind, value.as_ref()?))).collect();
    if let [_, .., (_, last)] = found.as_slice() {
        let names: Vec<_> = found.iter().map(|(kind, _)| *kind).collect();
        let what =
            format!("a file has exactly one of `from`, `text` and `url`, this one has `{}`", names.join("` and `"));
        return Err(page.failure(&last.span, what).named(ErrorName::RecipeConflict));
    }
    if let Some(digest) = table.sha256.as_ref().filter(|_| table.url.is_none()) {
        return Err(page.failure(&digest.span, "`sha256` goes with `url`").named(ErrorName::RecipeConflict));
    }
    if let Some(raw) = table.raw.as_ref().filter(|_| table.text.is_none()) {
        return Err(page
            .failure(&raw.span, "`raw` goes with `text`")
            .named(ErrorName::RecipeConflict)
            .hint("the bytes of other files are never changed; leave it out"));
    }
    let source = match (table.from, table.text, table.url) {
        (Some(from), _, _) => FileSource::From(page.host_template("`from`", from)?),
        (None, Some(text), _) => FileSource::Text(page.locate(text)),
        (None, None, Some(url)) => super::url::download(page, url, table.sha256)?,
        (None, None, None) => {
            return Err(page
                .failure(&header, "a file needs one of `from`, `text` and `url`")
                .named(ErrorName::RecipeMissing)
                .hint("add `from = \"path/of/the/file\"`"));
        }
    };
    Ok(FileEntry {
        origin: page.origin(&header),
        source,
        to: page.image_path(&table.to, false)?,
        replace: page.replace(table.replace)?,
        mode: table.mode.map_or(Ok(0o444), |at| mode(page, &at))?,
        platforms: page.own_platforms(table.platforms.as_ref())?,
    })
}

/// `mode`: 0444 or 0555, and the two rules by name.
fn mode(page: &RecipeText, at: &Spanned<Loose>) -> Result<u32, Failure> {
    const HINT: &str = "write `\"0444\"`, or `\"0555\"` for a file that is run";
    let text = at.value.text.as_str();
    let octal = text.trim_start_matches("0o");
    let digits = !octal.is_empty() && octal.bytes().all(|byte| byte.is_ascii_digit());
    let bits = digits.then(|| u32::from_str_radix(octal, 8).ok()).flatten();
    let failure = match bits {
        _ if !at.value.quoted => page.failure(&at.span, EXPECTED_STRING),
        Some(bits) if bits & 0o6000 != 0 => {
            page.refused(&at.span, Rule::Setuid, format!("the mode {} has setuid or setgid", quoted(text)))
        }
        Some(bits) if bits & 0o002 != 0 => {
            page.refused(&at.span, Rule::WorldWritable, format!("the mode {} is world-writable", quoted(text)))
        }
        Some(bits @ (0o444 | 0o555)) if matches!(text, "0444" | "0555") => return Ok(bits),
        Some(_) => page.failure(&at.span, format!("a file has mode `0444` or `0555`, not {}", quoted(text))),
        None => page.failure(&at.span, format!("{} is no mode", quoted(text))),
    };
    Err(failure.hint(HINT))
}

/// One `[[tree]]`.
pub(super) fn tree(page: &RecipeText, at: Spanned<TomlTable<written::WrittenTree>>) -> Result<TreeEntry, Failure> {
    const HINT: &str = "write `include = [\"**/*\"]` for everything but dotfiles";
    let header = at.span;
    let TomlTable(table) = at.value;
    let Some(include) = table.include else {
        return Err(page.failure(&header, "a tree names what it takes").named(ErrorName::RecipeMissing).hint(HINT));
    };
    if include.value.0.is_empty() {
        return Err(page.failure(&include.span, "a tree names what it takes, `include` is empty").hint(HINT));
    }
    Ok(TreeEntry {
        from: page.host_template("`from`", table.from)?,
        to: page.image_path(&table.to, true)?,
        include: globs(page, Some(include))?,
        exclude: globs(page, table.exclude)?,
        executable: globs(page, table.executable)?,
        replace: page.replace(table.replace)?,
        platforms: page.own_platforms(table.platforms.as_ref())?,
        origin: page.origin(&header),
    })
}

/// Patterns of a tree: relative to its folder, and staying there.
fn globs(page: &RecipeText, list: Option<Spanned<List>>) -> Result<Vec<Located<String>>, Failure> {
    RecipeText::each(list, |at| {
        let located = page.filled("a pattern", at)?;
        let word = quoted(&located.value);
        if located.value.starts_with('/') {
            return Err(Failure::error(ErrorName::RecipePattern, format!("the pattern {word} begins with `/`"))
                .at(&located.origin)
                .hint("patterns are relative to `from`"));
        }
        if located.value.split('/').any(|part| part == "..") {
            return Err(Failure::error(ErrorName::RecipePattern, format!("the pattern {word} leaves the folder"))
                .at(&located.origin));
        }
        check_glob(&located)?;
        Ok(located)
    })
}

/// A glob that can be read.
fn check_glob(at: &Located<String>) -> Result<(), Failure> {
    bounded_glob(&at.value).map(drop).map_err(|why| {
        let what = format!("{} is no pattern: {}", quoted(&at.value), printable(&why));
        Failure::error(ErrorName::RecipePattern, what).at(&at.origin)
    })
}

/// One `[[dir]]`.
pub(super) fn directory(
    page: &RecipeText,
    at: Spanned<TomlTable<written::WrittenDirectory>>,
) -> Result<DirectoryEntry, Failure> {
    let TomlTable(table) = at.value;
    Ok(DirectoryEntry {
        origin: page.origin(&at.span),
        to: page.image_path(&table.to, false)?,
        writable: table.writable.is_some_and(|at| at.value),
        volume: table.volume.is_some_and(|at| at.value),
        replace: page.replace(table.replace)?,
        platforms: page.own_platforms(table.platforms.as_ref())?,
    })
}

/// One `[[symlink]]`.
pub(super) fn symlink(
    page: &RecipeText,
    at: Spanned<TomlTable<written::WrittenSymlink>>,
) -> Result<SymlinkEntry, Failure> {
    let TomlTable(table) = at.value;
    Ok(SymlinkEntry {
        origin: page.origin(&at.span),
        to: page.image_path(&table.to, false)?,
        target: page.literal("`target`", table.target)?,
        replace: page.replace(table.replace)?,
        platforms: page.own_platforms(table.platforms.as_ref())?,
    })
}

/// The path that an entry names, and the platforms it is for.
type NamedPath<'a> = (&'a Located<ImagePath>, Option<&'a Vec<Platform>>);

/// Refuses two entries that name one path for one platform. What trees and defaults bring is for `build`.
pub(super) fn refuse_two_for_one_path(recipe: &Recipe) -> Result<(), Failure> {
    let binaries = recipe.binaries.iter().filter_map(|entry| Some((entry.to.as_ref()?, entry.platforms.as_ref())));
    let files = recipe.files.iter().map(|entry| (&entry.to, entry.platforms.as_ref()));
    let dirs = recipe.dirs.iter().map(|entry| (&entry.to, entry.platforms.as_ref()));
    let symlinks = recipe.symlinks.iter().map(|entry| (&entry.to, entry.platforms.as_ref()));
    let mut entries: Vec<NamedPath<'_>> = binaries.chain(files).chain(dirs).chain(symlinks).collect();
    // In the order of the texts, shared ones first, so that the message points at the later of the two.
    let rank = |to: &Located<ImagePath>| {
        recipe.shared.iter().position(|file| Arc::ptr_eq(&file.source, &to.origin.source)).map_or(0, |at| at + 1)
    };
    entries.sort_by_key(|(to, _)| (Reverse(rank(to)), to.origin.span.start));
    let mut seen: BTreeMap<&ImagePath, Vec<NamedPath<'_>>> = BTreeMap::new();
    for (to, platforms) in entries {
        let others = seen.entry(&to.value).or_default();
        if let Some((first, _)) = others.iter().find(|(_, theirs)| overlap(platforms, *theirs)) {
            let line = first.origin.line_seen_from(&to.origin);
            return Err(Failure::error(ErrorName::EntryConflict, format!("`{}` is on {line} already", to.value))
                .at(&to.origin)
                .hint("one path has one entry; `platforms` may tell them apart"));
        }
        others.push((to, platforms));
    }
    Ok(())
}

/// Whether two lists of platforms, where none means all, have one in common.
fn overlap(a: Option<&Vec<Platform>>, b: Option<&Vec<Platform>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.iter().any(|platform| b.contains(platform)),
        _ => true,
    }
}
