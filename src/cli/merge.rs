//! `hardpan merge`: its options, and where the joined report goes.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    audit,
    print::{self, output_failure},
    terminal::Terminal,
};
use crate::{
    commands::{
        merge::{MergedContent, MergedKind, merge},
        staged_file::StagedFile,
    },
    report::{Failures, Progress as _, printable},
};

#[derive(Debug, Args)]
pub(super) struct MergeArguments {
    /// Files of one kind: of `build --metadata-file` or `--json`, SARIF, or locks
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where the report goes, `-` for stdout [default: stdout]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
}

/// Runs `merge`, and gives the exit code that one call for all recipes would have ended with.
pub(super) fn run(arguments: &MergeArguments, terminal: &Terminal) -> Result<u8, Failures> {
    let output = arguments.output.as_deref().filter(|path| *path != Path::new("-"));
    let file =
        output.map(|path| StagedFile::begin("--output", path, "without `--output` it goes to stdout")).transpose()?;
    let merged = merge(&arguments.files, output)?;
    let text = match (&merged.content, merged.kind) {
        (MergedContent::Text(text), _) => text.clone(),
        (MergedContent::Json(document), MergedKind::Sarif) => audit::written(document),
        (MergedContent::Json(document), _) => print::json(document).map_err(output_failure)?,
    };
    let files = arguments.files.len();
    match (file, output) {
        (Some(mut file), Some(path)) => {
            file.write(&text)?;
            file.publish()?;
            let path = path.to_string_lossy();
            let files = format!("{files} {}", if files == 1 { "file" } else { "files" });
            terminal.step(&format!("write {}: {}, from {files}", printable(&path), merged.summary));
        }
        _ => print::text(&text).map_err(output_failure)?,
    }
    Ok(merged.exit)
}
