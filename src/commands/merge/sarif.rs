//! Joins SARIF logs: the runs of all of them, each as it is.
//!
//! A run is one analysis with its own rules, artifacts and base URIs, which its results point into by number. So runs are kept
//! whole: joined to one, whatever is not known here would point elsewhere. Code scanning takes several runs of one tool, as long
//! as their categories (`automationDetails.id`) differ; two of one category are one image that was audited twice.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Value, json};

use super::{MergedContent, MergedKind, MergedReport, conflict, named};
use crate::report::{Failure, printable};

/// The version of SARIF that audits write, and code scanning takes.
const VERSION: &str = "2.1.0";

/// Joins logs, sorted by tool and category.
///
/// # Errors
/// A log of another version, or with something besides runs; two files with a run of one tool and category.
pub(super) fn merge(logs: Vec<(PathBuf, Value)>) -> Result<MergedReport, Failure> {
    let (mut runs, mut schema) = (Vec::new(), None);
    let mut owners: BTreeMap<(String, String), PathBuf> = BTreeMap::new();
    for (path, log) in logs {
        let Value::Object(mut log) = log else { continue };
        if log.get("version").and_then(Value::as_str) != Some(VERSION) {
            return Err(conflict(&path, format!("the version of this SARIF is not {VERSION}")));
        }
        let Some(Value::Array(own)) = log.remove("runs") else {
            return Err(conflict(&path, "`runs` of this SARIF is no list"));
        };
        let schema_of_log = log.remove("$schema");
        schema = schema.or(schema_of_log);
        if let Some(key) = log.keys().find(|key| *key != "version") {
            let what = format!("this SARIF has `{}`, which cannot be joined", printable(key));
            return Err(conflict(&path, what));
        }
        for run in own {
            let category = category(&run);
            if let Some((tool, id)) = &category
                && let Some(other) = owners.get(&(tool.clone(), id.clone())).filter(|other| **other != path)
            {
                let what = format!(
                    "a run of `{}` with the id `{}` is in {}, too",
                    printable(tool),
                    printable(id),
                    named(other)
                );
                return Err(conflict(&path, what).hint("leave out one of the files: they are about one image"));
            }
            owners.extend(category.clone().map(|category| (category, path.clone())));
            runs.push((category, run));
        }
    }
    // Runs without a category stay in the order of the files.
    runs.sort_by(|(one, _), (other, _)| one.cmp(other));
    let count = runs.len();
    let runs: Vec<_> = runs.into_iter().map(|(_, run)| run).collect();
    let mut log = json!({ "version": VERSION, "runs": runs });
    if let (Some(schema), Some(log)) = (schema, log.as_object_mut()) {
        log.insert("$schema".to_owned(), schema);
    }
    let summary = format!("{count} {}", if count == 1 { "run" } else { "runs" });
    Ok(MergedReport { kind: MergedKind::Sarif, content: MergedContent::Json(log), summary, exit: 0 })
}

/// The tool and the category of a run, if it has one.
fn category(run: &Value) -> Option<(String, String)> {
    let text = |pointer| run.pointer(pointer).and_then(Value::as_str);
    Some((text("/tool/driver/name").unwrap_or_default().to_owned(), text("/automationDetails/id")?.to_owned()))
}
