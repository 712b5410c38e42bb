//! The sources and the platform that a compile line names.

use std::path::Path;

use super::{LeftOutNotes, compile_line::CompileLine};
use crate::{
    init::{draft::DraftProgram, folder},
    oci::Platform,
};

/// Whether a folder of the context has sources of a program: Go files, or a `Cargo.toml` that is not the context's own.
pub(super) fn has_sources(dir: &Path, folder: &str, wanted: &CompileLine) -> bool {
    let at = folder::within(dir, folder);
    if !wanted.is_go {
        return !folder.is_empty() && at.join("Cargo.toml").is_file();
    }
    let Some(all) = folder::all(&at, 10_000) else { return false };
    all.iter().any(|(name, _)| !name.contains('/') && Path::new(name).extension().is_some_and(|end| end == "go"))
}

/// The platform and the target of a compile line.
pub(super) fn set_platform(program: &mut DraftProgram, wanted: &CompileLine, notes: &mut LeftOutNotes) {
    if let Some(text) = &wanted.platform {
        match Platform::parse(text) {
            Ok(platform) => program.platforms = vec![platform],
            Err(error) => notes.add(wanted.line, format!("`{text}`: {error}")),
        }
    }
    let Some(target) = &wanted.target else { return };
    let arch = match target.split('-').next().unwrap_or_default() {
        "armv7" => "arm/v7",
        "arm" => "arm/v6",
        "i586" | "i686" => "386",
        arch => arch,
    };
    match Platform::parse(&format!("linux/{arch}")) {
        Err(error) => notes.add(wanted.line, format!("`--target {target}`: {error}")),
        Ok(platform) => {
            if platform.rust_target() != target {
                program.target = Some((target.clone(), format!("Line {} names it.", wanted.line)));
            }
            let default = platform.architecture == "amd64" && platform.variant.is_none();
            if !default {
                program.platforms = vec![platform];
            }
        }
    }
}
