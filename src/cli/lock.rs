//! `hardpan lock`: its options, its request, and what it prints: paths of written locks, or one JSON document.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{
    caller,
    print::{self, output_failure},
    recipe_arguments::RecipeArguments,
    registry::RegistryArguments,
    terminal::Terminal,
};
use crate::{
    commands::{
        failure_document::failure_document,
        lock::{self, Checked, LockRequest, Locked},
    },
    report::{Failures, printable},
};

#[derive(Debug, Args)]
pub(super) struct LockArguments {
    /// Recipes [default: hardpan.toml, else recipes/*.toml]
    #[arg(value_name = "RECIPE")]
    recipes: Vec<PathBuf>,
    /// Only say whether locks fit what recipes ask for: no network, no compiler, nothing is written
    #[arg(long, conflicts_with_all = ["update", "rehearse"])]
    check: bool,
    /// Print what would change, and write nothing
    #[arg(long = "dry-run")]
    rehearse: bool,
    /// Resolve this pin anew: a base, a url, certificates, timezones, go or rust; or all, base, url, toolchain; repeatable
    #[arg(long, value_name = "NAME")]
    update: Vec<String>,
    /// A policy above the recipe's own, which says where bases may come from: a file with a table [policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Use no network: existing pins stay, everything else must be in the cache
    #[arg(long)]
    offline: bool,
    /// Allow inputs outside of the git checkout (without git: of the workspace's folder, else of the recipe's)
    #[arg(long)]
    allow_outside: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryArguments,
}

/// Runs `lock`.
pub(super) fn run(arguments: &LockArguments, terminal: &Terminal) -> Result<(), Failures> {
    let common = RecipeArguments::of(&arguments.recipes, arguments.offline, arguments.allow_outside);
    let request = LockRequest {
        recipes: arguments.recipes.clone(),
        update: arguments.update.clone(),
        dry_run: arguments.rehearse,
        policy: arguments.policy.clone(),
        settings: caller::settings(&common, arguments.registry.access()?)?,
    };
    let Checked { locks, failures } = if arguments.check {
        lock::check(&request, terminal)?
    } else {
        Checked { locks: lock::lock(&request, terminal)?, failures: Vec::new() }
    };
    // A lock that does not fit is a result, and printed; one that could not be read is a failure without a result.
    let failures = Failures(failures);
    if failures.exit_code() != 1 {
        return Err(failures);
    }
    let text = if arguments.json {
        let mut document = json!({ "locks": locks.iter().map(document).collect::<Vec<_>>() });
        if arguments.check {
            document["errors"] = failures.0.iter().map(failure_document).collect();
        }
        format!("{document:#}\n")
    } else {
        let mut paths = String::new();
        for lock in locks.iter().filter(|lock| lock.written) {
            paths.extend([&*printable(&lock.path.to_string_lossy()), "\n"]);
        }
        paths
    };
    print::text(&text).map_err(output_failure)?;
    if failures.0.is_empty() { Ok(()) } else { Err(failures) }
}

/// One lock and its changes as JSON.
fn document(lock: &Locked) -> serde_json::Value {
    let changes: Vec<_> = lock
        .changes
        .iter()
        .map(|change| json!({ "pin": change.pin.printable_name(), "key": change.key, "was": change.was, "now": change.now }))
        .collect();
    let mut document = json!({ "path": lock.path.to_string_lossy(), "written": lock.written, "changes": changes });
    let recipes: Vec<_> = lock.recipes.iter().map(|recipe| recipe.to_string_lossy()).collect();
    match recipes.as_slice() {
        [only] if !lock.is_shared => document["recipe"] = json!(only),
        all => document["recipes"] = json!(all),
    }
    document
}
