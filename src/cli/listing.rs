//! Formats plans, images and configs as indented text for `plan`, `inspect` and the text report of `audit`. Text from
//! an image passes through [`printable`].

use std::fmt::Write as _;

use serde_json::Value;

use crate::{
    commands::{
        inspect::Inspected,
        plan::{ImagePlan, PlanLine},
    },
    inspect::{EntryReport, RootfsEntry, RootfsListing},
    report::printable,
};

/// Appends a plan: the config, then each path with its recipe line.
pub(super) fn push_plan(out: &mut String, plan: &ImagePlan) -> serde_json::Result<()> {
    // Writing to a String cannot fail.
    for image in &plan.images {
        let _ = writeln!(out, "{} {} ({})", plan.name, image.platform, printable(&plan.recipe));
        for (name, value) in config_rows(&serde_json::to_value(&image.config)?) {
            let _ = writeln!(out, "  {name:<12} {value}");
        }
        if let Some(base) = &image.base {
            let digest = base.digest.map(|digest| format!("  {digest}")).unwrap_or_default();
            let _ = writeln!(out, "  base {}  {}{digest}", printable(&base.base), line_text(&base.line));
            for layer in &base.layers {
                let _ = writeln!(out, "    {} {:>11} {:>11}", layer.digest, layer.size, layer.unpacked_size);
            }
        }
        for one in &image.left_out {
            let (path, reason) = (printable(&one.path), printable(&one.reason));
            let _ = writeln!(out, "  left out {path}  {}  {reason}", line_text(&one.line));
        }
        for layer in &image.layers {
            let _ = writeln!(out, "  layer {}", layer.name);
            for entry in &layer.entries {
                let tail = match (&entry.digest, &entry.target) {
                    (Some(digest), _) => format!("  {digest}"),
                    (None, Some(target)) => format!(" -> {}", printable(target)),
                    (None, None) => String::new(),
                };
                let (kind, owner) = (kind_letter(entry.kind), format!("{}:{}", entry.uid, entry.gid));
                let _ = writeln!(
                    out,
                    "    {kind}{} {owner:<11} {:>11}  {:<9} {}{tail}",
                    entry.mode,
                    entry.size,
                    line_text(&entry.line),
                    printable(&entry.path)
                );
            }
        }
    }
    for input in plan.inputs.iter().flatten() {
        let (name, digest) = (printable(&input.name), input.digest.as_deref().unwrap_or_default());
        let path = input.path.as_deref().map(|path| format!("  {}", printable(path))).unwrap_or_default();
        let _ = writeln!(out, "  input {:<12} {name}  {digest}{path}", input.kind);
    }
    Ok(())
}

/// A line of the recipe, or of a file that it shares.
fn line_text(line: &PlanLine) -> String {
    match &line.file {
        Some(file) => format!("{file}:{}", line.line),
        None => format!("line {}", line.line),
    }
}

/// The parts of a config that a runtime acts on, as name and value; absent keys are left out.
pub(super) fn config_rows(config: &Value) -> Vec<(&'static str, String)> {
    const NAMES: [(&str, &str); 9] = [
        ("user", "User"),
        ("entrypoint", "Entrypoint"),
        ("args", "Cmd"),
        ("env", "Env"),
        ("workdir", "WorkingDir"),
        ("ports", "ExposedPorts"),
        ("volumes", "Volumes"),
        ("stop-signal", "StopSignal"),
        ("labels", "Labels"),
    ];
    NAMES
        .iter()
        .filter_map(|(name, key)| Some((*name, config.get(key).filter(|value| !value.is_null())?)))
        .map(|(name, value)| (name, display_value(value)))
        .collect()
}

fn display_value(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text).into_owned(),
        Value::Array(items) => items.iter().map(quoted).collect::<Vec<_>>().join(" "),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match value {
                Value::Object(empty) if empty.is_empty() => quoted(&Value::String(key.clone())),
                value => format!("{}={}", printable(key), quoted(value)),
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => printable(&other.to_string()).into_owned(),
    }
}

/// A JSON value as a shell word: in quotes where it holds a blank.
fn quoted(value: &Value) -> String {
    let text = match value {
        Value::String(text) => printable(text).into_owned(),
        other => printable(&other.to_string()).into_owned(),
    };
    if text.is_empty() || text.contains([' ', '"', '\'']) { format!("{text:?}") } else { text }
}

/// The listing of an image: config, layers, files.
pub(super) fn image_listing(report: &Inspected) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    for set in &report.contents {
        let name = set.reference.as_deref().map_or_else(|| printable(&report.image), printable);
        let _ = match set.digest {
            Some(digest) => writeln!(out, "{name}@{digest}"),
            None => writeln!(out, "{name}"),
        };
        for image in &set.images {
            let platform = printable(&image.platform);
            let _ = match image.digest {
                Some(digest) => writeln!(out, "\n{platform} {digest}"),
                // Without a manifest there is only the image ID, which is not the digest that a registry will show.
                None => writeln!(out, "\n{platform} image ID {}", image.config_digest),
            };
            let created = image.config.get("created").and_then(Value::as_str).unwrap_or("unknown");
            let _ = writeln!(out, "  {:<12} {}", "created", printable(created));
            for (name, value) in config_rows(image.config.get("config").unwrap_or(&Value::Null)) {
                let _ = writeln!(out, "  {name:<12} {value}");
            }
            for (key, value) in &image.annotations {
                let _ = writeln!(out, "  {:<12} {}={}", "annotation", printable(key), printable(value));
            }
            for layer in &image.layers {
                let by = layer.created_by.as_deref().map(printable).unwrap_or_default();
                let _ = writeln!(
                    out,
                    "  layer {} {} ({} bytes, unpacked {})",
                    layer.digest, by, layer.size, layer.unpacked_size
                );
                for entry in &layer.entries {
                    let _ = writeln!(out, "    {}", entry_line(entry));
                }
            }
            if let Some(rootfs) = &image.rootfs {
                out.push_str(&rootfs_listing(rootfs));
            }
        }
        for skipped in &set.skipped {
            let _ = writeln!(out, "\nskipped {}: {}", skipped.digest, printable(&skipped.reason));
        }
    }
    out
}

/// The listing of the file system that a container sees.
fn rootfs_listing(rootfs: &RootfsListing) -> String {
    let mut out = String::from("  file system\n");
    let list = |out: &mut String, entries: &[RootfsEntry]| {
        for entry in entries {
            let (owner, target) = ((entry.uid, entry.gid), entry.target.as_deref());
            let _ = writeln!(out, "    {}", line(entry.kind, &entry.mode, owner, entry.size, &entry.path, target));
        }
    };
    list(&mut out, &rootfs.entries);
    if let Some(replaced) = &rootfs.links_replaced {
        out.push_str("  file system of engines that put a folder where a lower layer has a link\n");
        list(&mut out, replaced);
    }
    for conflict in &rootfs.conflicts {
        let _ = writeln!(out, "  {:<12} {}", "conflict", printable(conflict));
    }
    out
}

fn entry_line(entry: &EntryReport) -> String {
    let owner = (entry.uid, entry.gid);
    line(entry.kind, &entry.mode, owner, entry.size, &entry.path, entry.target.as_deref())
}

fn line(kind: &str, mode: &str, (uid, gid): (u64, u64), size: u64, path: &str, target: Option<&str>) -> String {
    let owner = format!("{uid}:{gid}");
    let target = target.map(|target| format!(" -> {}", printable(target))).unwrap_or_default();
    format!("{}{mode} {owner:<11} {size:>11}  {}{target}", kind_letter(kind), printable(path))
}

/// The letter of a file type, as `ls -l` prints it.
fn kind_letter(kind: &str) -> char {
    match kind {
        "directory" => 'd',
        "symlink" => 'l',
        "file" => '-',
        "hardlink" => 'h',
        _ => '?',
    }
}
