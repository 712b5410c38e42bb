//! Merges a recipe with the files that it shares with others, before anything of them is checked: each value keeps its place.
//!
//! Tables whose keys are free or are settings of their own are merged key by key; `[[file]]` and other entries, and exceptions
//! of the policy, are added up; anything else of a nearer file replaces what a farther one says.

use std::{path::Path, sync::Arc};

use toml::{
    Spanned as TomlSpanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    super::{
        Located, SharedFile, SharedKind, WorkspaceSettings,
        shapes::{Spanned, TomlTable},
        toml_writer::value_text,
        written,
    },
    RecipeText, policy, syntax,
    table_edits::{begin_paths_with, moved_by},
};
use crate::report::{ErrorName, Failure, SourceText};

/// Tables that are merged key by key.
const MERGED: [&str; 8] =
    ["annotations", "vars", "run", "run.env", "run.labels", "system", "policy", "policy.severity"];

/// Arrays that are added up, the farther file's first.
const ADDED: [&str; 5] = ["file", "tree", "dir", "symlink", "policy.allow"];

/// Keys that stand in the recipe itself.
const OWN: [&str; 3] = ["format", "name", "binary"];

/// `extends` of a text, if it has one; what is wrong with its type is for the parser to say.
///
/// # Errors
/// The text is no TOML.
pub fn extends_of(source: &Arc<SourceText>) -> Result<Option<Located<String>>, Failure> {
    if !source.text.contains("extends") {
        return Ok(None);
    }
    let page = RecipeText::new(Arc::clone(source));
    let table = syntax::table(&page, &source.text)?;
    let value = table.get_ref().get("extends");
    Ok(value.and_then(|value| {
        let text = value.get_ref().as_str()?.to_owned();
        Some(Located { value: text, origin: page.origin(&value.span()) })
    }))
}

/// Reads what a `hardpan.workspace.toml` says, and checks the types of its `[defaults]`.
///
/// # Errors
/// At the line: it is no TOML, has an unknown key, or a value of another type.
pub fn parse_workspace(source: &Arc<SourceText>) -> Result<WorkspaceSettings, Failure> {
    let page = RecipeText { is_recipe: false, ..RecipeText::new(Arc::clone(source)) };
    let written: written::WorkspaceDocument = syntax::read(&page)?;
    let recipes = written.recipes.map(|list| list.value.0).unwrap_or_default();
    let recipes = recipes.into_iter().map(|at| pattern(&page, at)).collect::<Result<_, _>>()?;
    let lock = written.lock.filter(|at| at.value).map(|at| page.origin(&at.span));
    Ok(WorkspaceSettings { lock, recipes })
}

/// One of `recipes`: a path below the folder, whose names may hold `*`.
fn pattern(page: &RecipeText, at: Spanned<String>) -> Result<Located<String>, Failure> {
    let at = page.literal("a pattern of recipes", at)?;
    let is_odd = |part: &str| matches!(part, "" | "." | "..") || part.contains("**");
    if at.value.split('/').any(is_odd) || Path::new(&at.value).extension().is_none_or(|end| end != "toml") {
        let what = "a pattern of recipes is a path below this folder that ends with `.toml`";
        return Err(Failure::error(ErrorName::RecipePattern, what)
            .at(&at.origin)
            .hint("`*` stands for any characters within one name, as in `services/*/hardpan.toml`"));
    }
    Ok(at)
}

/// Reads a recipe together with the files that it shares, the nearest first. The page gets their places.
pub(super) fn read(page: &mut RecipeText, shared: &[SharedFile]) -> Result<written::RecipeDocument, Failure> {
    let own = Arc::clone(&page.source);
    let merged = merge(page, &own, shared)?;
    syntax::shaped(page, merged)
}

/// The table of a recipe with all that it shares.
pub(super) fn merge<'t>(
    page: &mut RecipeText,
    own: &'t SourceText,
    shared: &'t [SharedFile],
) -> Result<TomlSpanned<DeTable<'t>>, Failure> {
    let mut layers = vec![syntax::table(page, &own.text)?.into_inner()];
    let mut offset = own.text.len() + 1;
    for file in shared {
        let mut table = moved_by(offset, alone(file)?);
        begin_paths_with(file.prefix(), &mut table);
        page.shared.push((offset, Arc::clone(&file.source)));
        offset += file.source.text.len() + 1;
        layers.push(table);
    }
    check_policies(page, &layers)?;
    let merged = layers.into_iter().rev().reduce(|far, near| overlaid("", near, far)).unwrap_or_default();
    Ok(TomlSpanned::new(0..0, merged))
}

/// What a shared file gives to recipes, its types checked: a mistake is one, also where a recipe overrides it.
fn alone(file: &SharedFile) -> Result<DeTable<'_>, Failure> {
    let is_recipe = file.kind == SharedKind::Extended;
    let page = RecipeText { is_recipe, ..RecipeText::new(Arc::clone(&file.source)) };
    let mut table = syntax::table(&page, &file.source.text)?;
    match file.kind {
        SharedKind::Workspace => {
            let _: written::WorkspaceDocument = syntax::shaped(&page, table.clone())?;
            match table.get_mut().remove("defaults").map(TomlSpanned::into_inner) {
                Some(DeValue::Table(defaults)) => Ok(defaults),
                _ => Ok(DeTable::default()),
            }
        }
        SharedKind::Extended => {
            for key in OWN {
                if let Some((key, _)) = table.get_ref().get_key_value(key) {
                    let what =
                        format!("`{}` stands in the recipe itself, not in a file that it extends", key.get_ref());
                    return Err(page.failure(&key.span(), what).named(ErrorName::RecipeKey));
                }
            }
            let _: written::RecipeDocument = syntax::shaped(&page, table.clone())?;
            table.get_mut().remove("extends");
            Ok(table.into_inner())
        }
    }
}

/// Checks the policy of each file, and that none loosens that of a farther one.
fn check_policies(page: &RecipeText, layers: &[DeTable<'_>]) -> Result<(), Failure> {
    let mut farther: Vec<written::WrittenPolicy> = Vec::new();
    for layer in layers.iter().rev() {
        let Some((key, value)) = layer.get_key_value("policy") else { continue };
        let only = || -> Result<_, Failure> {
            let table: DeTable<'_> = [(key.clone(), value.clone())].into_iter().collect();
            let file: written::PolicyFile = syntax::shaped(page, TomlSpanned::new(0..0, table))?;
            Ok(file.policy)
        };
        policy::policy(page, only()?)?;
        let Some(Spanned { value: TomlTable(near), .. }) = only()? else { continue };
        farther.iter().try_for_each(|far| policy::check_tightens(page, &near, far))?;
        farther.push(near);
    }
    Ok(())
}

/// The keys of `near`, and those of `far` that it does not have. `path` is the name of the table.
fn overlaid<'t>(path: &str, near: DeTable<'t>, mut far: DeTable<'t>) -> DeTable<'t> {
    let mut merged = DeTable::default();
    for (key, value) in near {
        let name = key.get_ref().as_ref();
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let value = match far.remove(name) {
            Some(below) => combined(&path, value, below.into_inner()),
            None => value,
        };
        merged.insert(key, value);
    }
    merged.extend(far);
    merged
}

/// The value of `path`, which both files have.
fn combined<'t>(path: &str, near: TomlSpanned<DeValue<'t>>, far: DeValue<'t>) -> TomlSpanned<DeValue<'t>> {
    let span = near.span();
    let value = match (near.into_inner(), far) {
        (DeValue::Table(near), DeValue::Table(far)) if MERGED.contains(&path) => {
            DeValue::Table(overlaid(path, near, far))
        }
        (DeValue::Array(near), DeValue::Array(far)) if ADDED.contains(&path) => DeValue::Array(added(near, far)),
        (near, _) => near,
    };
    TomlSpanned::new(span, value)
}

/// All entries, each once.
fn added<'t>(near: DeArray<'t>, far: DeArray<'t>) -> DeArray<'t> {
    let known: Vec<String> = near.iter().map(|entry| value_text(entry.get_ref())).collect();
    let far = far.into_iter().filter(|entry| !known.contains(&value_text(entry.get_ref())));
    far.collect::<Vec<_>>().into_iter().chain(near).collect()
}
