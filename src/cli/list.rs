//! `hardpan list`: its options, and what it prints: a paragraph a recipe, or one JSON document.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{
    caller,
    print::{self, output_failure},
    recipe_arguments::RecipeArguments,
    terminal::Terminal,
};
use crate::{
    commands::{
        failure_document::failure_document,
        list::{ListRequest, ListedOutput, ListedRecipe, Listing, OutputState, list},
        orphan_locks::OrphanLock,
    },
    registry::Access,
    report::{Failures, printable},
};

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Recipes [default: hardpan.toml, else recipes/*.toml]
    #[arg(value_name = "RECIPE")]
    recipes: Vec<PathBuf>,
    /// Allow inputs outside of the git checkout (without git: of the workspace's folder, else of the recipe's)
    #[arg(long)]
    allow_outside: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// Runs `list`.
pub(super) fn run(arguments: &ListArguments, terminal: &Terminal) -> Result<(), Failures> {
    let common = RecipeArguments::of(&arguments.recipes, true, arguments.allow_outside);
    let settings = caller::settings(&common, Access::default())?;
    let request = ListRequest { recipes: arguments.recipes.clone(), settings };
    let listing = list(&request, terminal)?;
    if arguments.json {
        print::document(&document(&listing)).map_err(output_failure)?;
    } else {
        print::text(&text(&listing)).map_err(output_failure)?;
    }
    let failures: Vec<_> = listing.recipes.into_iter().flat_map(|one| one.failures).collect();
    if failures.is_empty() { Ok(()) } else { Err(Failures(failures)) }
}

/// The listing for people.
fn text(listing: &Listing) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    for one in &listing.recipes {
        let name = one.name.as_deref().unwrap_or("?");
        let _ = writeln!(out, "{} ({})", printable(name), printable(&one.recipe.to_string_lossy()));
        if !one.platforms.is_empty() {
            let _ = writeln!(out, "  platforms  {}", one.platforms.join(", "));
        }
        for ListedOutput { path, state } in &one.outputs {
            let path = path.to_string_lossy();
            let _ = match state {
                OutputState::NotBuilt => writeln!(out, "  output     {}  not built", printable(&path)),
                OutputState::Damaged => writeln!(out, "  output     {}  damaged", printable(&path)),
                OutputState::Built(form, digest) => {
                    let digest = digest.map(|digest| format!("  {digest}")).unwrap_or_default();
                    writeln!(out, "  output     {}  {form}{digest}", printable(&path))
                }
            };
        }
        if let Some((path, state)) = &one.lock {
            let _ = writeln!(out, "  lock       {}  {}", printable(&path.to_string_lossy()), state.name());
        }
        for (pin, value) in &one.pins {
            let _ = writeln!(out, "  pin        {}  {}", printable(&pin.to_string()), printable(value));
        }
    }
    for OrphanLock { path, .. } in &listing.orphan_locks {
        let _ = writeln!(out, "no recipe: {} (a lock)", printable(&path.to_string_lossy()));
    }
    for (path, kind) in &listing.orphan_outputs {
        let _ = writeln!(out, "no recipe: {} ({kind})", printable(&path.to_string_lossy()));
    }
    out
}

/// The listing as JSON.
fn document(listing: &Listing) -> Value {
    let locks = listing.orphan_locks.iter().map(|one| json!({ "kind": "lock", "path": one.path.to_string_lossy() }));
    let outputs = listing.orphan_outputs.iter();
    let outputs = outputs.map(|(path, _)| json!({ "kind": "output", "path": path.to_string_lossy() }));
    json!({
        "recipes": listing.recipes.iter().map(recipe_document).collect::<Vec<_>>(),
        "orphans": locks.chain(outputs).collect::<Vec<_>>(),
    })
}

fn recipe_document(one: &ListedRecipe) -> Value {
    let output = |output: &ListedOutput| {
        let mut document = json!({ "path": output.path.to_string_lossy() });
        match &output.state {
            OutputState::NotBuilt => document["state"] = json!("not built"),
            OutputState::Damaged => document["state"] = json!("damaged"),
            OutputState::Built(form, digest) => {
                document["state"] = json!("built");
                document["format"] = json!(form.to_string());
                document["digest"] = json!(digest);
            }
        }
        document
    };
    let lock = one.lock.as_ref().map(|(path, state)| json!({ "path": path.to_string_lossy(), "state": state.name() }));
    let pins: Vec<_> = one
        .pins
        .iter()
        .map(|(pin, value)| json!({ "kind": pin.kind(), "name": pin.printable_name(), "value": value }))
        .collect();
    json!({
        "recipe": one.recipe.to_string_lossy(),
        "name": one.name,
        "platforms": one.platforms,
        "outputs": one.outputs.iter().map(output).collect::<Vec<_>>(),
        "lock": lock,
        "pins": pins,
        "errors": one.failures.iter().map(failure_document).collect::<Vec<_>>(),
    })
}
