//! `hardpan push`: its options, its request, and the text and JSON of a push plan. `build --push` prints pushed images
//! with the same functions.

use std::{fmt::Write as _, num::NonZeroUsize, path::PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{
    print::{self, output_failure},
    registry::{RegistryArguments, TagArguments},
    terminal::Terminal,
};
use crate::{
    commands::push::{self, PushReference, PushRequest, PushedImage},
    registry::push::{BlobAction, PushPlan},
    report::{Failures, printable},
};

#[derive(Debug, Args)]
pub(super) struct PushArguments {
    /// An OCI layout folder, an OCI archive, or a reference to a registry, HOST/REPOSITORY:TAG
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Where to push: HOST/REPOSITORY:TAG, or HOST/REPOSITORY to push by digest alone; several are possible. With --to further
    /// images
    #[arg(value_name = "REF", required_unless_present_any = ["to", "new"])]
    words: Vec<String>,
    /// Where to push each of several images; `{name}` is the last part of its path or repository, without .tar; repeatable
    #[arg(long, value_name = "REF")]
    to: Vec<String>,
    /// Push here as well, but fail when the tag names another image already; repeatable
    #[arg(long, value_name = "REF")]
    new: Vec<String>,
    /// A file with a table [push], which says which tags move
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
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
    let has_many = !arguments.to.is_empty();
    let further: &[String] = if has_many { &arguments.words } else { &[] };
    let targets = if has_many { &arguments.to } else { &arguments.words };
    let request = PushRequest {
        images: std::iter::once(&arguments.image).chain(further).cloned().collect(),
        targets: references(targets, "--new", &arguments.new),
        has_variables: has_many,
        policy_file: arguments.policy.clone(),
        settings: arguments.tags.settings(arguments.jobs, arguments.registry.access()?)?,
        dry_run: arguments.dry_run,
    };
    let pushed = push::push(&request, terminal)?;
    let plans = || pushed.iter().flat_map(|image| &image.plans);
    let text = match (arguments.json, arguments.dry_run) {
        (true, _) if has_many => {
            let images: Vec<_> = pushed.iter().map(image_json).collect();
            format!("{:#}\n", json!({ "images": images }))
        }
        (true, _) => format!("{:#}\n", json!({ "repositories": plans().map(repository_json).collect::<Vec<_>>() })),
        (false, true) => plans().map(dry_run_listing).collect(),
        (false, false) => plans().map(digest_line).collect(),
    };
    print::text(&text).map_err(output_failure)
}

/// The references of an option or argument, and those whose tag must be new, which came by `option`.
pub(super) fn references(any: &[String], option: &'static str, new: &[String]) -> Vec<PushReference> {
    let any = any.iter().map(|text| PushReference { text: text.clone(), new_by: None });
    let new = new.iter().map(|text| PushReference { text: text.clone(), new_by: Some(option) });
    any.chain(new).collect()
}

/// What was done for one of several images, as JSON.
fn image_json(pushed: &PushedImage) -> Value {
    json!({ "image": pushed.image, "repositories": pushed.plans.iter().map(repository_json).collect::<Vec<_>>() })
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
