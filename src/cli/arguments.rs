//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    commands::build::default_output,
    engine::Engine,
    image::Form,
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
    /// Say more; repeat for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(super) verbose: u8,
    /// Colors
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

/// What `schema` describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Document {
    /// What is written by hand: `hardpan.toml`
    Recipe,
    /// What `audit --format json` prints
    Audit,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Write a recipe for the Go or Rust project, or the prebuilt program, that lies in a folder
    Init(super::init::InitArguments),
    /// Compile, assemble, check and write OCI images
    Build(BuildArguments),
    /// Show what would be in the image: every path, mode, owner, size, digest and recipe line
    Plan(PlanArguments),
    /// Show the config, layers and files of an image
    Inspect(InspectArguments),
    /// Look for the hardening practices in any image, whoever built it
    Audit(super::audit::AuditArguments),
    /// Pin what recipes ask for and what could move: tags, downloads, roots, toolchains
    Lock(super::lock::LockArguments),
    /// Send an image to registries
    Push(super::push::PushArguments),
    /// Show, prune or verify what builds keep
    Cache(super::cache::CacheArguments),
    /// Explain the name in error[NAME]: what it means, and what to do about it
    Explain(super::explain::ExplainArguments),
    /// Print the JSON Schema of recipes, or of the reports of an audit
    Schema {
        /// Of which document
        #[arg(value_name = "DOCUMENT", default_value = "recipe")]
        document: Document,
    },
    /// Print a completion script
    Completions {
        /// For which shell
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

/// What `build` and `plan` share.
#[derive(Debug, Default, Args)]
pub(super) struct Common {
    /// Recipes [default: hardpan.toml, else recipes/*.toml]
    #[arg(value_name = "RECIPE")]
    pub(super) recipes: Vec<PathBuf>,
    /// Build for this platform instead of the recipe's, whose order counts; repeatable
    #[arg(long = "platform", value_name = "OS/ARCH")]
    platform: Vec<String>,
    /// Change a variable that the recipe declares in [vars]; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// Threads; the output does not depend on it [default: the machine's]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<std::num::NonZeroUsize>,
    /// Never open a socket: what the toolchains need must be here already
    #[arg(long)]
    pub(super) offline: bool,
    /// Refuse when the lock beside a recipe is missing or does not fit the recipe and the toolchains
    #[arg(long)]
    pub(super) locked: bool,
    /// Date of the image, in seconds since 1970 [default: SOURCE_DATE_EPOCH, else 0]
    #[arg(long, value_name = "SECONDS")]
    pub(super) source_date: Option<String>,
    /// Let host paths leave the git checkout (or the recipe's folder, where there is no git)
    #[arg(long)]
    pub(super) allow_outside: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct BuildArguments {
    #[command(flatten)]
    pub(super) common: Common,
    /// Where to write; may hold {name} and other variables [default: out/{name}, for archives out/{name}.tar]
    #[arg(short, long, value_name = "PATH")]
    output: Option<String>,
    /// The form of the image: layout, oci-archive or docker-archive
    #[arg(long, value_name = "FORMAT", default_value = "layout")]
    format: String,
    /// What images must keep to, whatever the recipe says: a file with a table [policy]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(super) delivery: Delivery,
    #[command(flatten)]
    pub(super) push: super::registry::BuildPush,
}

/// Where the image goes besides its path, and what is told about it.
#[derive(Debug, Args)]
pub(super) struct Delivery {
    /// Stream the image into an engine, too: docker, podman or containerd; repeatable
    #[arg(long = "load", value_name = "ENGINE")]
    engines: Vec<String>,
    /// Write what buildx writes: digests, descriptor and name as JSON; of several images an object each, by name
    #[arg(long, value_name = "FILE")]
    pub(super) metadata_file: Option<String>,
    /// Write the digest and nothing else; several recipes need {name} in it
    #[arg(long, value_name = "FILE")]
    pub(super) digest_file: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    /// List everything that reaches the bytes, with digests: recipe, lock, files, sources, toolchains, and what programs
    /// take of this machine
    #[arg(long)]
    pub(super) inputs: bool,
    #[command(flatten)]
    pub(super) common: Common,
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

impl Common {
    /// What a verb has that builds nothing.
    pub(super) fn of(recipes: &[PathBuf], offline: bool, allow_outside: bool) -> Self {
        Self { recipes: recipes.to_vec(), offline, allow_outside, ..Self::default() }
    }

    /// `--platform`, read.
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
    /// `--load`, read; one named twice is one.
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
    /// `--runtime`, read.
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
    /// `--format`, read.
    pub(super) fn form(&self) -> Result<Form, Failure> {
        Form::ALL.into_iter().find(|form| form.name() == self.format).ok_or_else(|| {
            let names = Form::ALL.map(|form| format!("`{form}`")).join(", ");
            Failure::error(ErrorName::Usage, format!("`--format {}` is not one of {names}", printable(&self.format)))
        })
    }

    /// `--output`, which must tell several recipes apart.
    pub(super) fn output(&self) -> Result<Option<String>, Failure> {
        if let Some(output) = &self.output
            && self.common.recipes.len() > 1
            && !output.contains("{name}")
        {
            let what = format!("several recipes, and `--output {}` is one path", printable(output));
            return Err(Failure::error(ErrorName::OutputConflict, what)
                .hint(format!("put `{{name}}` into it, as in `{}`", default_output(self.form()?))));
        }
        Ok(self.output.clone())
    }
}
