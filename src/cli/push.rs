//! `hardpan push`: its options, its request, and the text and JSON of a push plan. `build --push` prints pushed images
//! with the same functions.

use std::{fmt::Write as _, num::NonZeroUsize};

use clap::Args;
use serde_json::{Value, json};

use super::{
    print::{self, output_failure},
    registry::{RegistryArguments, TagArguments},
    terminal::Terminal,
};
use crate::{
    commands::push::{self, PushRequest, PushSettings},
    registry::push::{BlobAction, PushPlan},
    report::{Failures, printable},
};

#[derive(Debug, Args)]
pub(super) struct PushArguments {
    /// An OCI layout folder, an OCI archive, or a reference to a registry, HOST/REPOSITORY:TAG
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Where to push: HOST/REPOSITORY:TAG, or HOST/REPOSITORY to push by digest alone; several are possible
    #[arg(value_name = "REF", required = true)]
    targets: Vec<String>,
    /// Only show what would be uploaded, mounted and tagged
    #[arg(long)]
    dry_run: bool,
    /// Number of parallel uploads [default: 4]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    tags: TagArguments,
    #[command(flatten)]
    registry: RegistryArguments,
}

/// Runs `push`.
pub(super) fn run(arguments: &PushArguments, terminal: &Terminal) -> Result<(), Failures> {
    let settings =
        PushSettings { policy: arguments.tags.policy()?, jobs: arguments.jobs, access: arguments.registry.access()? };
    let request = PushRequest {
        image: arguments.image.clone(),
        targets: arguments.targets.clone(),
        settings,
        dry_run: arguments.dry_run,
    };
    let plans = push::push(&request, terminal)?;
    let text = match (arguments.json, arguments.dry_run) {
        (true, _) => {
            format!("{:#}\n", json!({ "repositories": plans.iter().map(repository_json).collect::<Vec<_>>() }))
        }
        (false, true) => plans.iter().map(dry_run_listing).collect(),
        (false, false) => plans.iter().map(digest_line).collect(),
    };
    print::text(&text).map_err(output_failure)
}

/// `HOST/REPO@sha256:...`.
pub(super) fn digest_line(plan: &PushPlan) -> String {
    format!("{}@{}\n", plan.repository, plan.digest)
}

/// The push plan of one repository as JSON.
pub(super) fn repository_json(plan: &PushPlan) -> Value {
    let blob = |(blob, fate): &(crate::image::BlobRef, BlobAction)| {
        let (fate, from) = match fate {
            BlobAction::There => ("there", None),
            BlobAction::Mount(from) => ("mount", Some(from)),
            BlobAction::Upload => ("upload", None),
        };
        json!({ "digest": blob.digest, "size": blob.size, "fate": fate, "from": from })
    };
    let tags: Vec<_> =
        plan.tags.iter().map(|tag| json!({ "name": tag.name, "was": tag.was, "put": tag.put })).collect();
    json!({
        "repository": plan.repository,
        "digest": plan.digest,
        "blobs": plan.blobs.iter().map(blob).collect::<Vec<_>>(),
        "manifests": plan.manifests.iter().map(|blob| blob.digest).collect::<Vec<_>>(),
        "tags": tags,
    })
}

/// The push plan of one repository as text, for `--dry-run`.
fn dry_run_listing(plan: &PushPlan) -> String {
    let mut out = digest_line(plan);
    // Writing to a String cannot fail.
    for (blob, fate) in &plan.blobs {
        let _ = match fate {
            BlobAction::There => writeln!(out, "  there    {} {:>11}", blob.digest, blob.size),
            BlobAction::Mount(from) => {
                writeln!(out, "  mount    {} {:>11}  from {}", blob.digest, blob.size, printable(from))
            }
            BlobAction::Upload => writeln!(out, "  upload   {} {:>11}", blob.digest, blob.size),
        };
    }
    for blob in &plan.manifests {
        let _ = writeln!(out, "  manifest {} {:>11}", blob.digest, blob.size);
    }
    for tag in &plan.tags {
        let _ = match tag.was {
            _ if !tag.put => writeln!(out, "  keep     {}", tag.name),
            None => writeln!(out, "  tag      {}", tag.name),
            Some(was) => writeln!(out, "  tag      {}, which is {was} now", tag.name),
        };
    }
    let _ = writeln!(out, "  {} bytes to upload", plan.upload_bytes());
    out
}
