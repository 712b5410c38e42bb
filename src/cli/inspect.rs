//! `hardpan inspect`: its options, and what it prints: the image, or a deployment that fits it.

use std::io;

use clap::Args;

use super::{
    listing,
    print::{self, output_failure},
    registry::RegistryArguments,
};
use crate::{
    commands::{
        inspect::{Inspected, inspect},
        runtime::{DeploymentRequest, deployments},
    },
    inspect::runtime::Runtime,
    report::{ErrorName, Failure, Failures, printable},
};

#[derive(Debug, Args)]
pub(super) struct InspectArguments {
    /// An OCI layout folder, an OCI archive, a docker archive, or a reference to a registry, HOST/REPOSITORY:TAG; several with
    /// --runtime kubernetes
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
    #[command(flatten)]
    registry: RegistryArguments,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    /// Apply the layers and print the file system that a container sees, after the layers
    #[arg(long, conflicts_with = "runtime")]
    rootfs: bool,
    /// Print a deployment that fits the image: kubernetes, compose or quadlet
    #[arg(long, value_name = "RUNTIME", conflicts_with = "json")]
    runtime: Option<String>,
    /// Where the deployment pulls the image from; may hold {name} [default: its name in IMAGE]
    #[arg(long = "as", value_name = "REPOSITORY", requires = "runtime")]
    repository: Option<String>,
    /// The namespace of Kubernetes' objects [default: the one that they are applied to]
    #[arg(long, value_name = "NAME", requires = "runtime")]
    namespace: Option<String>,
}

/// Runs `inspect`.
pub(super) fn run(arguments: &InspectArguments) -> Result<(), Failures> {
    let access = arguments.registry.access()?;
    if let Some(runtime) = arguments.runtime()? {
        let (images, repository) = (arguments.images.clone(), arguments.repository.clone());
        let namespace = arguments.namespace.clone();
        let request = DeploymentRequest { images, runtime, repository, namespace, access };
        return print::text(&deployments(&request)?).map_err(output_failure);
    }
    let [image] = arguments.images.as_slice() else {
        let what = format!("{} images, and `inspect` shows one", arguments.images.len());
        let failure = Failure::error(ErrorName::Usage, what);
        return Err(failure.hint("`--runtime kubernetes` takes several; `hardpan audit` too").into());
    };
    let report = inspect(image, arguments.rootfs, &access)?;
    print_report(&report, arguments.json).map_err(output_failure)
}

impl InspectArguments {
    /// Parses `--runtime`.
    fn runtime(&self) -> Result<Option<Runtime>, Failure> {
        let Some(name) = &self.runtime else { return Ok(None) };
        let runtime = Runtime::ALL.into_iter().find(|runtime| runtime.name() == name).ok_or_else(|| {
            let names = Runtime::ALL.map(|runtime| format!("`{}`", runtime.name())).join(", ");
            Failure::error(ErrorName::Usage, format!("`--runtime {}` is not one of {names}", printable(name)))
        })?;
        Ok(Some(runtime))
    }
}

/// Prints config, layers and files of an image.
fn print_report(report: &Inspected, as_json: bool) -> io::Result<()> {
    if as_json {
        return print::document(report);
    }
    print::text(&listing::image_listing(report))
}
