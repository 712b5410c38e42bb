//! `hardpan cache`: the options of its actions, and the text and JSON that they print.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    caller,
    print::{self, output_failure},
    shared_cache::{CacheKeyArguments, is_stream, shown},
    terminal::Terminal,
};
use crate::{
    cache::{Cache, CacheCount, Status},
    commands,
    output::ArchivedCache,
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
    /// Hash every blob, unpack every layer, and remove what is damaged or forged
    Verify,
    /// Print the public key of a private one, which signs what a job adds to a shared cache
    Key {
        /// The private key: an Ed25519 key, PKCS#8 in PEM
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Make the key first
        #[arg(long)]
        new: bool,
    },
    /// Write programs and layers, signed, to an archive for the cache of a pipeline
    Export {
        /// The archive; `-` is standard output
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write at most this much, the most recently used first [default: 10GB]
        #[arg(long, value_name = "SIZE")]
        max_size: Option<String>,
        #[command(flatten)]
        keys: CacheKeyArguments,
    },
    /// Add what is in such an archive, if all of it is signed by trusted keys
    Import {
        /// The archive; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        keys: CacheKeyArguments,
    },
}

/// Runs `cache` and returns the exit code.
pub(super) fn run(arguments: &CacheArguments, terminal: &Terminal) -> Result<u8, Failures> {
    if let CacheAction::Key { file, new } = &arguments.action {
        let key = commands::cache::key(file, *new)?;
        print::text(&format!("{key}\n")).map_err(output_failure)?;
        return Ok(0);
    }
    let cache = caller::cache().ok_or_else(|| {
        Failure::error(ErrorName::Cache, "there is no cache: neither `XDG_CACHE_HOME` nor `HOME` is set")
            .hint("set `XDG_CACHE_HOME`")
    })?;
    match &arguments.action {
        CacheAction::Status { json } => {
            let status = commands::cache::status(&cache)?;
            let text = if *json { document(&status) } else { Ok(text(&status)) };
            text.and_then(|text| print::text(&text)).map_err(output_failure)?;
            Ok(0)
        }
        CacheAction::Prune { max_size, all } => {
            let limit = if *all { 0 } else { limit(max_size.as_deref())? };
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
                "sound: {}; sealed and not made again: {}; damaged or forged, and removed: {}",
                count(verified.sound),
                count(verified.sealed),
                verified.damaged.len()
            ));
            Ok(u8::from(!verified.damaged.is_empty()))
        }
        CacheAction::Key { .. } => Ok(0),
        CacheAction::Export { file, max_size, keys } => {
            let archived = export(&cache, file, limit(max_size.as_deref())?, keys)?;
            terminal.step(&format!("exported {}", said(archived)));
            Ok(0)
        }
        CacheAction::Import { file, keys } => {
            let archived = import(&cache, file, keys)?;
            terminal.step(&format!("imported {}", said(archived)));
            Ok(0)
        }
    }
}

/// The size of `--max-size`, else the limit of the cache.
fn limit(max_size: Option<&str>) -> Result<u64, Failure> {
    let Some(size) = max_size else { return Ok(Limits::CACHE_BYTES) };
    bytes(size).ok_or_else(|| {
        Failure::error(ErrorName::Usage, format!("`--max-size {}` is not a size", printable(size)))
            .hint("write a number with a unit, such as `2GB`")
    })
}

fn export(cache: &Cache, file: &Path, limit: u64, keys: &CacheKeyArguments) -> Result<ArchivedCache, Failure> {
    let signer = keys.signer()?.ok_or_else(|| {
        Failure::error(ErrorName::Usage, "`cache export` signs what it writes, and there is no key")
            .hint("`--cache-sign FILE` names it; `hardpan cache key --new FILE` makes one")
    })?;
    if is_stream(file) {
        return commands::cache::export_to(cache, &signer, limit, &mut io::stdout().lock());
    }
    commands::cache::export(cache, &signer, limit, file)
}

fn import(cache: &Cache, file: &Path, keys: &CacheKeyArguments) -> Result<ArchivedCache, Failure> {
    let mut trust = keys.trust()?;
    keys.signer()?.iter().for_each(|signer| trust.add_key(signer.public()));
    if trust.is_empty() {
        let what = format!("the archive {} is believed by its signatures, and no key is trusted", shown(file));
        return Err(Failure::error(ErrorName::Usage, what)
            .hint("`--cache-trust KEY` names the public key of the job that exported it"));
    }
    if is_stream(file) {
        return commands::cache::import_from(cache, &trust, &mut io::stdin().lock());
    }
    commands::cache::import(cache, &trust, file)
}

fn said(archived: ArchivedCache) -> String {
    format!("{} records and {} blobs, {} bytes", archived.records, archived.blobs, archived.bytes)
}

fn count(count: CacheCount) -> String {
    format!("{} entries of {} bytes", count.entries, count.bytes)
}

fn text(status: &Status) -> String {
    let mut rows: Vec<_> = status.kinds.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    rows.push(("records".to_owned(), status.records));
    rows.extend(status.compilers.iter().map(|(name, count)| (format!("{name} folders"), *count)));
    let mut total = CacheCount::default();
    for (_, count) in &rows {
        total.entries += count.entries;
        total.bytes = total.bytes.saturating_add(count.bytes);
    }
    rows.push(("all".to_owned(), total));
    let rows =
        rows.iter().map(|(name, count)| format!("{name:<16} {:>8} entries {:>15} bytes\n", count.entries, count.bytes));
    let root = status.root.to_string_lossy();
    format!("{}\n{}builds keep it to at most {} bytes\n", printable(&root), rows.collect::<String>(), status.limit)
}

fn document(status: &Status) -> io::Result<String> {
    let count = |count: CacheCount| json!({"entries": count.entries, "bytes": count.bytes});
    let compilers: serde_json::Map<_, _> =
        status.compilers.iter().map(|(name, of)| ((*name).to_owned(), count(*of))).collect();
    let kinds: serde_json::Map<_, _> = status.kinds.iter().map(|(name, of)| ((*name).to_owned(), count(*of))).collect();
    print::json(&json!({
        "path": status.root.to_string_lossy(),
        "limit": status.limit,
        "blobs": count(status.blobs),
        "kinds": kinds,
        "records": count(status.records),
        "compilers": compilers,
    }))
}
