//! `hardpan init`: its options and its request. Prints the path of the written recipe, or the recipe itself for
//! `--output -`.

use std::path::PathBuf;

use clap::Args;

use super::{
    caller,
    print::{self, output_failure},
    recipe_arguments::RecipeArguments,
    terminal::Terminal,
};
use crate::{
    commands::init::{InitRequest, WrittenRecipe, init},
    report::Failures,
};

/// The arguments of `init`.
#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The project's folder [default: the current one]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Translate this Dockerfile or .ko.yaml too, and list line by line what is left out and why
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Replace an existing recipe
    #[arg(long)]
    force: bool,
    /// Where the recipe goes, `-` for stdout [default: DIR/hardpan.toml]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// The image's name [default: the program's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The program that the image is for, where the project has several
    #[arg(long, value_name = "NAME")]
    binary: Option<String>,
}

/// Writes a recipe and prints its path.
pub(super) fn run(arguments: &InitArguments, terminal: &Terminal) -> Result<(), Failures> {
    let request = InitRequest {
        dir: arguments.dir.clone().unwrap_or_default(),
        from: arguments.from.clone(),
        output: arguments.output.clone(),
        force: arguments.force,
        name: arguments.name.clone(),
        binary: arguments.binary.clone(),
        settings: caller::settings(&RecipeArguments::default(), crate::registry::Access::default())?,
    };
    let printed = match init(&request, terminal)? {
        WrittenRecipe::At(path) => print::text(&format!("{}\n", path.display())),
        WrittenRecipe::Text(text) => print::text(&text),
    };
    printed.map_err(output_failure)
}
