//! `hardpan plan --inputs`: everything that reaches the bytes of an image, by digest.

use std::sync::Arc;

use serde::Serialize;

use super::recipes::LoadedRecipe;
use crate::{
    build::{BuildSettings, LockResolver, Plan, PlannedEntry, Resolver},
    layer::EntryKind,
    oci::{Digest, Platform},
    recipe::{BinarySource, Compiler, LockFile, Requests},
    report::{Failure, Origin, Progress, printable},
};

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct InputPlan {
    /// `recipe`, `lock`, `base`, `certificates`, `timezones`, `url`, `file`, `toolchain`, `source`, `pins`, `read`
    /// or `machine`.
    pub kind: &'static str,
    /// What it is called: a path of the recipe or the image, a version, or a name of the lock.
    pub name: String,
    /// Where it is on this machine, of what is not in the checkout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `sha256:...` of its bytes; `state:...` over the names and contents in a folder, which is the same in every checkout;
    /// `absent` where a compile looked and nothing was there; `gitCommit:...`; nothing where a version says all, or where
    /// it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl InputPlan {
    fn new(kind: &'static str, name: impl Into<String>, digest: Option<String>) -> Self {
        Self { kind, name: name.into(), path: None, digest }
    }
}

/// The inputs of one recipe whose plans are finished, sorted by kind and name.
///
/// A compiled program is made of its sources, its toolchain and files of the machine; every other file of the image is an
/// input by itself, under its path in the image.
pub(super) fn inputs(
    one: &LoadedRecipe,
    lock: Option<&LockFile>,
    resolver: &Resolver<'_>,
    plans: &[Plan],
    settings: &BuildSettings,
    progress: &dyn Progress,
) -> Result<Vec<InputPlan>, Failure> {
    let text = |digest: Digest| Some(digest.to_string());
    let recipes = one.recipe.texts();
    let recipes =
        recipes.map(|source| InputPlan::new("recipe", &*source.path, text(Digest::of(source.text.as_bytes()))));
    let mut found: Vec<_> = recipes.collect();
    found.extend(
        lock.map(|lock| InputPlan::new("lock", &*lock.source.path, text(Digest::of(lock.source.text.as_bytes())))),
    );
    let requests = Requests::of(&one.recipe);
    if requests.bundle.is_some() {
        let pinned = lock.and_then(|lock| lock.lock.bundle.clone());
        let bundle = pinned.map_or_else(LockResolver::bundle, Ok)?;
        found.push(InputPlan::new("certificates", format!("mozilla {}", bundle.version), text(bundle.digest)));
    }
    if requests.timezones.is_some() {
        let pinned = lock.and_then(|lock| lock.lock.timezones.clone());
        let bundle = pinned.map_or_else(LockResolver::timezones, Ok)?;
        found.push(InputPlan::new("timezones", format!("iana {}", bundle.version), text(bundle.digest)));
    }
    for (url, (_, sha256)) in &requests.urls {
        // Behind the question mark are tokens.
        found.push(InputPlan::new("url", url.split('?').next().unwrap_or(url), text(sha256.value)));
    }
    for base in plans.iter().filter_map(|plan| plan.base.as_ref()) {
        found.push(InputPlan::new("base", &*base.text, base.digest.or(base.manifest).and_then(text)));
    }
    found.extend(files(one, plans)?);
    found.extend(of_programs(one, &requests, resolver, settings, progress)?);
    for plan in plans {
        found.extend(read_by_compiles(resolver, &plan.platform)?);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The files of images that no compiler made.
fn files(one: &LoadedRecipe, plans: &[Plan]) -> Result<Vec<InputPlan>, Failure> {
    let compiled: Vec<_> =
        one.recipe.binaries.iter().filter(|binary| !matches!(binary.source, BinarySource::Path(_))).collect();
    let is_compiled = |origin: &Origin| {
        let line = origin.line_column().0;
        // Programs that are compiled stand in the recipe itself.
        if !Arc::ptr_eq(&origin.source, &one.recipe.source) {
            return false;
        }
        compiled.iter().any(|binary| {
            let package = match &binary.source {
                BinarySource::Go(go) => &go.package.origin,
                BinarySource::Cargo(cargo) => &cargo.package.origin,
                BinarySource::Path(path) => &path.origin,
            };
            let to = binary.to.as_ref().map(|to| to.origin.line_column().0);
            package.line_column().0 == line || to == Some(line)
        })
    };
    let mut found = Vec::new();
    for planned in plans.iter().flat_map(|plan| &plan.groups).flat_map(|group| &group.entries) {
        if !matches!(planned.entry.kind, EntryKind::File { .. }) || is_compiled(&planned.origin) {
            continue;
        }
        let digest = content_digest(planned)?.map(|digest| digest.to_string());
        found.push(InputPlan::new("file", planned.entry.path.as_str(), digest));
    }
    Ok(found)
}

/// Toolchains, sources and files of the machine.
fn of_programs(
    one: &LoadedRecipe,
    requests: &Requests,
    resolver: &Resolver<'_>,
    settings: &BuildSettings,
    progress: &dyn Progress,
) -> Result<Vec<InputPlan>, Failure> {
    let mut found = Vec::new();
    let world = LockResolver::open(&one.recipe, &one.folder, settings, progress)?;
    for ((compiler, _), request) in &requests.toolchains {
        let toolchain = world.named_toolchain(*compiler, request)?;
        let name = match compiler {
            Compiler::Go => toolchain.version,
            Compiler::Rust => format!("rust {}", toolchain.version),
        };
        let commit = toolchain.commit.map(|commit| format!("gitCommit:{commit}"));
        found.push(InputPlan::new("toolchain", name, commit));
    }
    for source in resolver.source_inputs()? {
        let dirty = if source.is_dirty { " (with changes)" } else { "" };
        let commit = source.commit.map(|commit| format!("gitCommit:{commit}"));
        found.push(InputPlan::new("source", format!("{}{dirty}", source.dir), commit));
        let pins = source.pins.into_iter();
        found.extend(
            pins.map(|(path, digest)| InputPlan::new("pins", path.to_string_lossy(), Some(digest.to_string()))),
        );
    }
    found.extend(resolver.machine_inputs().into_iter().map(|input| InputPlan {
        kind: "machine",
        name: format!("{} for {}", input.name, input.scope),
        path: Some(input.file.path.to_string_lossy().into_owned()),
        digest: Some(input.file.digest.to_string()),
    }));
    Ok(found)
}

/// What compiles have read, by the records that decide whether the next build starts a compiler.
fn read_by_compiles(resolver: &Resolver<'_>, platform: &Platform) -> Result<Vec<InputPlan>, Failure> {
    let mut found = Vec::new();
    for program in resolver.compile_inputs(platform)? {
        let Some(inputs) = program.inputs else {
            let name = format!("{} for {platform}: not everything that its compile reads is known", program.package);
            found.push(InputPlan::new("read", printable(&name), None));
            continue;
        };
        found.extend(inputs.into_iter().map(|input| {
            let is_outside = !input.path.starts_with(&program.checkout);
            let name = input.name(&program.checkout);
            InputPlan {
                path: is_outside.then(|| input.path.to_string_lossy().into_owned()),
                ..InputPlan::new("read", name, Some(input.state))
            }
        }));
    }
    Ok(found)
}

/// SHA-256 of a file's content, to be compared with what other tools print. No build needs it.
pub(super) fn content_digest(planned: &PlannedEntry) -> Result<Option<Digest>, Failure> {
    let EntryKind::File { content, .. } = &planned.entry.kind else { return Ok(None) };
    let digest = content.open().and_then(|mut reader| Digest::of_reader(&mut *reader));
    digest.map(Some).map_err(|error| {
        let what = format!("read the content of `{}`", planned.entry.path);
        Failure { place: None, ..Failure::io(&what, "", &error) }.at(&planned.origin)
    })
}
