//! `hardpan resolve`: its options, its request, and the stream of resolved files on stdout.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Args;

use super::{
    caller,
    print::{self, output_failure},
    recipe_arguments::RecipeArguments,
    registry::{RegistryArguments, TagArguments},
    terminal::Terminal,
};
use crate::{
    commands::{
        build::BuildRequest,
        push::PushReference,
        resolve::{DigestSource, ResolveRequest, resolve},
    },
    image::ImageFormat,
    report::Failures,
};

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("digests").required(true).args(["metadata", "push_to"]))]
pub(super) struct ResolveArguments {
    /// Recipes that the files may name [default: hardpan.toml, else recipes/*.toml]
    #[arg(value_name = "RECIPE")]
    recipes: Vec<PathBuf>,
    /// A deployment file, a folder with .yaml, .yml and .json files, or `-` for standard input; repeatable
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Also read the folders in folders
    #[arg(short = 'R', long)]
    recursive: bool,
    /// A file that `build --push --metadata-file` wrote: the digests; repeatable
    #[arg(long, value_name = "FILE")]
    metadata: Vec<PathBuf>,
    /// Build the recipes that the files name, and push them to HOST/REPOSITORY[:TAG]; may hold {name} and other variables
    #[arg(long = "push", value_name = "REF")]
    push_to: Option<String>,
    /// Of several repositories that an image was pushed to, take the one that is this or lies below it
    #[arg(long = "registry", value_name = "HOST[/PATH]")]
    registry: Option<String>,
    /// Write each file below this folder instead of stdout
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// With --push: build for this platform instead of all of the recipe's; repeatable
    #[arg(long, value_name = "OS/ARCH", requires = "push_to")]
    platform: Vec<String>,
    /// Change a variable that the recipes declare in [vars]; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// With --push: threads; the images do not depend on it [default: the machine's]
    #[arg(long, value_name = "N", requires = "push_to")]
    jobs: Option<NonZeroUsize>,
    /// With --push: refuse when the lock beside a recipe is missing or does not fit
    #[arg(long, requires = "push_to")]
    locked: bool,
    /// With --push: date of the images, in seconds since 1970 [default: SOURCE_DATE_EPOCH, else 0]
    #[arg(long, value_name = "SECONDS", requires = "push_to")]
    source_date: Option<String>,
    /// With --push: allow inputs outside of the git checkout (or of the recipe's folder, without git)
    #[arg(long, requires = "push_to")]
    allow_outside: bool,
    /// With --push: a policy above the recipes' own: a file with a table [policy]
    #[arg(long, value_name = "FILE", requires = "push_to")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    tags: TagArguments,
    #[command(flatten)]
    access: RegistryArguments,
}

/// Runs `resolve`.
pub(super) fn run(arguments: &ResolveArguments, terminal: &Terminal) -> Result<(), Failures> {
    arguments.access.check_stdin(arguments.files.iter().any(|file| file.as_os_str() == "-"))?;
    let request = ResolveRequest {
        files: arguments.files.clone(),
        recursive: arguments.recursive,
        recipes: arguments.recipes.clone(),
        set: arguments.set.clone(),
        digests: match &arguments.push_to {
            Some(target) => DigestSource::Build(Box::new(arguments.build(target)?)),
            None => DigestSource::Metadata(arguments.metadata.clone()),
        },
        registry: arguments.registry.clone(),
        output: arguments.output.clone(),
    };
    let texts = resolve(&request, terminal)?;
    print::text(&stream(&texts)).map_err(output_failure)
}

impl ResolveArguments {
    /// The build of `--push`, but for its recipes.
    fn build(&self, target: &str) -> Result<BuildRequest, Failures> {
        let access = self.access.access()?;
        let mut common = RecipeArguments::of(&[], false, self.allow_outside).for_platforms(&self.platform);
        (common.jobs, common.locked, common.source_date) = (self.jobs, self.locked, self.source_date.clone());
        let settings = self.tags.settings(None, access.clone())?;
        let push = PushReference { text: target.to_owned(), new_by: None };
        Ok(BuildRequest {
            recipes: Vec::new(),
            platforms: common.platforms()?,
            output: None,
            form: ImageFormat::Layout,
            set: self.set.clone(),
            engines: Vec::new(),
            engine_names: Vec::new(),
            metadata_file: None,
            digest_file: None,
            policy: self.policy.clone(),
            push: Some((vec![push], settings)),
            keep_going: false,
            shard: None,
            settings: caller::settings(&common, access)?,
        })
    }
}

/// All files as one stream of YAML: as they are, with `---` between two where the next one does not begin with it.
fn stream(texts: &[String]) -> String {
    let mut out = String::new();
    for text in texts {
        if !out.is_empty() {
            if !out.ends_with(['\n', '\r']) {
                out.push('\n');
            }
            if !text.trim_start_matches('\u{feff}').starts_with("---") {
                out.push_str("---\n");
            }
        }
        out.push_str(text);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::stream;

    #[test]
    fn one_file_is_itself_and_several_are_documents() {
        let texts = |texts: &[&str]| stream(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(texts(&["a: 1"]), "a: 1");
        assert_eq!(texts(&["a: 1", "b: 2\n", "---\nc: 3\n"]), "a: 1\n---\nb: 2\n---\nc: 3\n");
    }
}
