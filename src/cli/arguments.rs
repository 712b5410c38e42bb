//! The command line as clap parses it: verbs, options and their help texts. `cli::mod` turns the result into requests
//! of `commands`. Values that clap cannot check (platforms, formats, engines) are parsed here and refused as
//! `error[usage]`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    commands::build::default_output,
    engine::Engine,
    image::ImageFormat,
    inspect::runtime::Runtime,
    oci::Platform,
    report::{ErrorName, Failure, printable},
};

/// Turns a short recipe into a hardened, reproducible OCI image. No Dockerfile, no daemon, no root, no shell.
#[derive(Debug, Parser)]
#[command(name = "hardpan", version, disable_help_subcommand = true, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) verb: Verb,
    /// Print nothing but data, warnings and errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Print more messages; repeat for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(super) verbose: u8,
    /// When to print colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

/// The documents that have a JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum SchemaTopic {
    /// Recipes: `hardpan.toml`
    Recipe,
    /// What `audit --format json` prints
    Audit,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Write a recipe for the Go or Rust project, or the prebuilt program, of a folder
    Init(super::init::InitArguments),
    /// Compile, assemble, check and write OCI images
    Build(BuildArguments),
    /// Show what would be in the image: every path, mode, owner, size, digest and recipe line
    Plan(PlanArguments),
    /// Show the config, layers and files of an image
    Inspect(InspectArguments),
    /// List the recipes whose images could differ from those of a commit, for pipelines
    Affected(super::affected::AffectedArguments),
    /// Check any image against the hardening rules
    Audit(super::audit::AuditArguments),
    /// Pin tags, downloads, roots and toolchains of recipes in a lock file
    Lock(super::lock::LockArguments),
    /// Push an image to registries
    Push(super::push::PushArguments),
    /// Show, prune or verify the cache
    Cache(super::cache::CacheArguments),
    /// Explain the name in error[NAME]: what it means, and what to do about it
    Explain(super::explain::ExplainArguments),
    /// Print the JSON Schema of recipes or of audit reports
    Schema {
        /// The document
        #[arg(value_name = "DOCUMENT", default_value = "recipe")]
        document: SchemaTopic,
    },
    /// Print a completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page
    Man {
        /// A verb, or `recipe`
        topic: Option<String>,
    },
    /// Show the help of a verb, or every key of a recipe
    Help {
        /// A verb, or `recipe`
        topic: Option<String>,
    },
}

/// The arguments that `build` and `plan` share; other verbs fill in what they have.
#[derive(Debug, Default, Args)]
pub(super) struct RecipeArguments {
    /// Recipes [default: hardpan.toml, else recipes/*.toml]
    #[arg(value_name = "RECIPE")]
    pub(super) recipes: Vec<PathBuf>,
    /// Build for this platform instead of all of the recipe's; repeatable, in the recipe's order
    #[arg(long = "platform", value_name = "OS/ARCH")]
    platform: Vec<String>,
    /// Change a variable that the recipe declares in [vars]; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// Threads; the output does not depend on it [default: the machine's]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<std::num::NonZeroUsize>,
    /// Use no network: dependencies, bases and downloads must be cached already
    #[arg(long)]
    pub(super) offline: bool,
    /// Refuse when the lock beside a recipe is missing or does not fit the recipe and the toolchains
    #[arg(long)]
    pub(super) locked: bool,
    /// Date of the image, in seconds since 1970 [default: SOURCE_DATE_EPOCH, else 0]
    #[arg(long, value_name = "SECONDS")]
    pub(super) source_date: Option<String>,
    /// Allow inputs outside of the git checkout (or of the recipe's folder, without git)
    #[arg(long)]
    pub(super) allow_outside: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct BuildArguments {
    #[command(flatten)]
    pub(super) common: RecipeArguments,
    /// Where to write; may hold {name} and other variables [default: out/{name}, for archives out/{name}.tar]
    #[arg(short, long, value_name = "PATH")]
    output: Option<String>,
    /// The form of the image: layout, oci-archive or docker-archive
    #[arg(long, value_name = "FORMAT", default_value = "layout")]
    format: String,
    /// A policy above the recipe's own: a file with a table [policy]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(super) delivery: Delivery,
    #[command(flatten)]
    pub(super) push: super::registry::BuildPush,
}

/// Where `build` delivers the image besides its path: engines, and files for the next step of a pipeline.
#[derive(Debug, Args)]
pub(super) struct Delivery {
    /// Load the image into an engine as well: docker, podman or containerd; repeatable
    #[arg(long = "load", value_name = "ENGINE")]
    engines: Vec<String>,
    /// Write buildx's metadata JSON: digests, descriptor and name; of several images an object each, by name
    #[arg(long, value_name = "FILE")]
    pub(super) metadata_file: Option<String>,
    /// Write the digest to a file; several recipes need {name} in its name
    #[arg(long, value_name = "FILE")]
    pub(super) digest_file: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    /// List every input with its digest: recipe, lock, files, sources, toolchains, and what programs link of this
    /// machine
    #[arg(long)]
    pub(super) inputs: bool,
    #[command(flatten)]
    pub(super) common: RecipeArguments,
    #[command(flatten)]
    pub(super) registry: super::registry::RegistryArguments,
}

#[derive(Debug, Args)]
pub(super) struct InspectArguments {
    /// An OCI layout folder, an OCI archive, a docker archive, or a reference to a registry, HOST/REPOSITORY:TAG
    #[arg(value_name = "IMAGE")]
    pub(super) image: String,
    #[command(flatten)]
    pub(super) registry: super::registry::RegistryArguments,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(super) json: bool,
    /// Apply the layers and print the file system that a container sees, after the layers
    #[arg(long, conflicts_with = "runtime")]
    pub(super) rootfs: bool,
    /// Print a deployment that fits the image: kubernetes, compose or quadlet
    #[arg(long, value_name = "RUNTIME", conflicts_with = "json")]
    runtime: Option<String>,
    /// Where the deployment pulls the image from [default: its name in IMAGE]
    #[arg(long = "as", value_name = "REPOSITORY", requires = "runtime")]
    pub(super) repository: Option<String>,
}

impl RecipeArguments {
    /// The arguments of a verb that builds nothing.
    pub(super) fn of(recipes: &[PathBuf], offline: bool, allow_outside: bool) -> Self {
        Self { recipes: recipes.to_vec(), offline, allow_outside, ..Self::default() }
    }

    /// The same, for these platforms.
    pub(super) fn for_platforms(self, platforms: &[String]) -> Self {
        Self { platform: platforms.to_vec(), ..self }
    }

    /// Parses `--platform`.
    pub(super) fn platforms(&self) -> Result<Vec<Platform>, Failure> {
        let read = |text: &String| {
            Platform::parse(text).map_err(|error| {
                Failure::error(ErrorName::Usage, format!("`--platform {}`: {error}", printable(text)))
                    .hint(format!("such as `linux/arm64`; architectures are {}", Platform::architectures()))
            })
        };
        self.platform.iter().map(read).collect()
    }
}

impl Delivery {
    /// Parses `--load`; a repeated engine counts once.
    pub(super) fn engines(&self) -> Result<Vec<Engine>, Failure> {
        let mut engines = Vec::new();
        for name in &self.engines {
            let engine = Engine::ALL.into_iter().find(|engine| engine.name() == name).ok_or_else(|| {
                let names = Engine::ALL.map(|engine| format!("`{engine}`")).join(", ");
                Failure::error(ErrorName::Usage, format!("`--load {}` is not one of {names}", printable(name)))
            })?;
            if !engines.contains(&engine) {
                engines.push(engine);
            }
        }
        Ok(engines)
    }
}

impl InspectArguments {
    /// Parses `--runtime`.
    pub(super) fn runtime(&self) -> Result<Option<Runtime>, Failure> {
        let Some(name) = &self.runtime else { return Ok(None) };
        let runtime = Runtime::ALL.into_iter().find(|runtime| runtime.name() == name).ok_or_else(|| {
            let names = Runtime::ALL.map(|runtime| format!("`{}`", runtime.name())).join(", ");
            Failure::error(ErrorName::Usage, format!("`--runtime {}` is not one of {names}", printable(name)))
        })?;
        Ok(Some(runtime))
    }
}

impl BuildArguments {
    /// Parses `--format`.
    pub(super) fn form(&self) -> Result<ImageFormat, Failure> {
        ImageFormat::ALL.into_iter().find(|form| form.name() == self.format).ok_or_else(|| {
            let names = ImageFormat::ALL.map(|form| format!("`{form}`")).join(", ");
            Failure::error(ErrorName::Usage, format!("`--format {}` is not one of {names}", printable(&self.format)))
        })
    }

    /// `--output`; refused where several recipes would be written to one path.
    pub(super) fn output(&self) -> Result<Option<String>, Failure> {
        if let Some(output) = &self.output
            && self.common.recipes.len() > 1
            && !output.contains("{name}")
        {
            let what = format!("`--output {}` is one path for several recipes", printable(output));
            return Err(Failure::error(ErrorName::OutputConflict, what)
                .hint(format!("put `{{name}}` into it, as in `{}`", default_output(self.form()?))));
        }
        Ok(self.output.clone())
    }
}
