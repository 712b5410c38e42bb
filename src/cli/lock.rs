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
    commands::lock::{self, Checked, LockRequest, Locked},
    report::{Failures, printable},
};

#[derive(Debug, Args)]
pub(super) struct LockArguments {
    /// Recipes [default: hardpan.toml, else recipes/*.toml]
    #[arg(value_name = "RECIPE")]
    recipes: Vec<PathBuf>,
    /// Only compare locks with recipes, registries and downloads (past the cache), and print what would change
    #[arg(long, conflicts_with = "update")]
    check: bool,
    /// Update this pin: a base, a url, certificates, timezones, go or rust; repeatable
    #[arg(long, value_name = "NAME")]
    update: Vec<String>,
    /// A policy above the recipe's own, which says where bases may come from: a file with a table [policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Use no network: existing pins stay, everything else must be in the cache
    #[arg(long)]
    offline: bool,
    /// Allow inputs outside of the git checkout (or of the recipe's folder, without git)
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
        policy: arguments.policy.clone(),
        settings: caller::settings(&common, arguments.registry.access()?)?,
    };
    let Checked { locks, failures } = if arguments.check {
        lock::check(&request, terminal)?
    } else {
        Checked { locks: lock::lock(&request, terminal)?, failures: Vec::new() }
    };
    // A pin that moved is a result, and printed; a pin that could not be checked is a failure without a result.
    let failures = Failures(failures);
    if failures.exit_code() != 1 {
        return Err(failures);
    }
    let text = if arguments.json {
        format!("{:#}\n", json!({ "locks": locks.iter().map(document).collect::<Vec<_>>() }))
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
    json!({
        "recipe": lock.recipe.to_string_lossy(),
        "path": lock.path.to_string_lossy(),
        "written": lock.written,
        "changes": changes,
    })
}
