//! `hardpan lock`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{arguments::Common, caller, print, registry::RegistryArguments, terminal::Terminal, unprinted};
use crate::{
    commands::lock::{self, Checked, LockRequest, Locked},
    report::{Failures, printable},
};

#[derive(Debug, Args)]
pub(super) struct LockArguments {
    /// Recipes [default: hardpan.toml, else recipes/*.toml]
    #[arg(value_name = "RECIPE")]
    recipes: Vec<PathBuf>,
    /// Only compare the locks with their recipes and with the world, urls past the cache, and say what would change
    #[arg(long, conflicts_with = "update")]
    check: bool,
    /// Move this pin to what the world says now: a base, a url, certificates, timezones, go or rust; repeatable
    #[arg(long, value_name = "NAME")]
    update: Vec<String>,
    /// Where bases may come from, whatever the recipe says: a file with a table [policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Never open a socket: what is pinned already stays, and the rest must be in the cache
    #[arg(long)]
    offline: bool,
    /// Let host paths leave the git checkout (or the recipe's folder, where there is no git)
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
    let common = Common::of(&arguments.recipes, arguments.offline, arguments.allow_outside);
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
    // What moved is an answer, and printed; what could not be looked at is none.
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
    print::text(&text).map_err(unprinted)?;
    if failures.0.is_empty() { Ok(()) } else { Err(failures) }
}

/// All about one lock, for programs.
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
