//! `hardpan cache status`, `prune` and `verify`: their options, and the text and JSON that they print.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    caller,
    print::{self, output_failure},
    terminal::Terminal,
};
use crate::{
    cache::{CacheCount, Status},
    commands,
    recipe::bytes,
    report::{ErrorName, Failure, Failures, Limits, Progress as _, printable},
};

/// The arguments of `cache`.
#[derive(Debug, Args)]
pub(super) struct CacheArguments {
    #[command(subcommand)]
    action: CacheAction,
}

#[derive(Debug, Subcommand)]
enum CacheAction {
    /// Show the path and the contents
    Status {
        /// Print one JSON document instead of text
        #[arg(long)]
        json: bool,
    },
    /// Remove the least recently used entries, compiled code included
    Prune {
        /// Keep at most this much, such as 2GB [default: 10GB]
        #[arg(long, value_name = "SIZE", conflicts_with = "all")]
        max_size: Option<String>,
        /// Remove everything
        #[arg(long)]
        all: bool,
    },
    /// Read every entry and remove the damaged ones
    Verify,
}

/// Runs `cache` and returns the exit code.
pub(super) fn run(arguments: &CacheArguments, terminal: &Terminal) -> Result<u8, Failures> {
    let cache = caller::cache().ok_or_else(|| {
        Failure::error(ErrorName::Cache, "there is no cache: neither `XDG_CACHE_HOME` nor `HOME` is set")
            .hint("set `XDG_CACHE_HOME`")
    })?;
    match &arguments.action {
        CacheAction::Status { json } => {
            let status = commands::cache::status(&cache);
            let text = if *json { document(&status) } else { Ok(text(&status)) };
            text.and_then(|text| print::text(&text)).map_err(output_failure)?;
            Ok(0)
        }
        CacheAction::Prune { max_size, all } => {
            let limit = match max_size {
                _ if *all => 0,
                None => Limits::CACHE_BYTES,
                Some(size) => bytes(size).ok_or_else(|| {
                    Failure::error(ErrorName::Usage, format!("`--max-size {}` is not a size", printable(size)))
                        .hint("write a number with a unit, such as `2GB`")
                })?,
            };
            let pruned = commands::cache::prune(&cache, limit, terminal)?;
            terminal.step(&format!("removed {}, left {}", count(pruned.removed), count(pruned.left)));
            Ok(0)
        }
        CacheAction::Verify => {
            let verified = commands::cache::verify(&cache, terminal)?;
            let mut damaged = verified.damaged.join("\n");
            damaged.push_str(if damaged.is_empty() { "" } else { "\n" });
            print::text(&damaged).map_err(output_failure)?;
            terminal.step(&format!(
                "sound: {}; damaged and removed: {}",
                count(verified.sound),
                verified.damaged.len()
            ));
            Ok(u8::from(!verified.damaged.is_empty()))
        }
    }
}

fn count(count: CacheCount) -> String {
    format!("{} entries of {} bytes", count.entries, count.bytes)
}

fn text(status: &Status) -> String {
    let mut rows = vec![("blobs".to_owned(), status.blobs), ("records".to_owned(), status.records)];
    rows.extend(status.compilers.iter().map(|(name, count)| (format!("{name} (compiled)"), *count)));
    let rows =
        rows.iter().map(|(name, count)| format!("{name:<16} {:>8} entries {:>15} bytes\n", count.entries, count.bytes));
    let root = status.root.to_string_lossy();
    format!("{}\n{}blobs and records take at most {} bytes\n", printable(&root), rows.collect::<String>(), status.limit)
}

fn document(status: &Status) -> std::io::Result<String> {
    let count = |count: CacheCount| json!({"entries": count.entries, "bytes": count.bytes});
    let compilers: serde_json::Map<_, _> =
        status.compilers.iter().map(|(name, of)| ((*name).to_owned(), count(*of))).collect();
    print::json(&json!({
        "path": status.root.to_string_lossy(),
        "limit": status.limit,
        "blobs": count(status.blobs),
        "records": count(status.records),
        "compilers": compilers,
    }))
}
