//! [`Arguments`]: the command line as clap parses it, assembled from the arguments of the verbs, which are beside what each
//! verb does with them.

use clap::{Parser, Subcommand};

use super::{
    affected::AffectedArguments, audit::AuditArguments, build::BuildArguments, cache::CacheArguments,
    check::CheckArguments, explain::ExplainArguments, init::InitArguments, inspect::InspectArguments,
    list::ListArguments, lock::LockArguments, login::LoginArguments, login::LogoutArguments, merge::MergeArguments,
    plan::PlanArguments, push::PushArguments, resolve::ResolveArguments, terminal::Color,
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

/// The documents that have a JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum SchemaTopic {
    /// Recipes: `hardpan.toml`
    Recipe,
    /// What recipes share: `hardpan.workspace.toml`
    Workspace,
    /// What `audit --format json` prints
    Audit,
    /// What `audit --write-baseline` writes
    Baseline,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Write a recipe for the Go or Rust project, or the prebuilt program, of a folder
    Init(InitArguments),
    /// Compile, assemble, check and write OCI images
    Build(Box<BuildArguments>),
    /// Check recipes, their files, locks and policy without building: no compiler, no network
    Check(CheckArguments),
    /// Show what would be in the image: every path, mode, owner, size, digest and recipe line
    Plan(PlanArguments),
    /// Show the config, layers and files of an image
    Inspect(InspectArguments),
    /// List the recipes whose images could differ from those of a commit, for pipelines
    Affected(AffectedArguments),
    /// Check any image against the hardening rules
    Audit(AuditArguments),
    /// List recipes with their outputs, digests and pins, and what has no recipe
    List(ListArguments),
    /// Pin tags, downloads, roots and toolchains of recipes in a lock file
    Lock(LockArguments),
    /// Log in to a registry: check the login, and keep it where docker and podman look for it
    Login(LoginArguments),
    /// Forget the login for a registry
    Logout(LogoutArguments),
    /// Push an image to registries
    Push(PushArguments),
    /// Replace recipes and Go packages that deployment files name as images by what was pushed
    Resolve(ResolveArguments),
    /// Join metadata, SARIF or locks of shards, and refuse an incomplete set
    Merge(MergeArguments),
    /// Show, prune or verify the cache
    Cache(CacheArguments),
    /// Explain the name in error[NAME]: what it means, and what to do about it
    Explain(ExplainArguments),
    /// Print the JSON Schema of recipes, of what they share, or of audit reports
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
