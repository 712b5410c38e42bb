//! Finds programs that are compiled already: static ELF files in the folders where builds leave them.

use std::{collections::BTreeMap, path::Path};

use super::{
    Toolchains,
    draft::{DraftProgram, ProgramSource},
    folder,
    project::{Candidate, Project},
    rank::Rank,
};
use crate::{
    oci::Platform,
    report::{ErrorName, Failure, quoted},
};

/// Where builds leave programs, the likeliest first; the last is the folder itself.
const PLACES: [&str; 4] = ["dist", "bin", "target/release", ""];
/// Finds the static programs of the first folder that has one. A dynamic program is a failure only when there is no
/// static one.
pub(super) fn project(dir: &Path, tools: &dyn Toolchains) -> Result<Option<Project>, Failure> {
    let mut refused: Option<Failure> = None;
    for place in PLACES {
        let root = dir.join(place);
        // goreleaser makes a folder of each program: `dist/server_linux_amd64_v1/server`.
        let depth = usize::from(place == "dist");
        let mut groups: BTreeMap<String, Vec<Platform>> = BTreeMap::new();
        for file in folder::files(&root, depth, |name| !name.starts_with('.') && !name.contains(".so")) {
            let path = if place.is_empty() { file } else { format!("{place}/{file}") };
            match tools.prebuilt(&dir.join(&path)) {
                None => {}
                Some(Ok(platform)) => groups.entry(template(&path, &platform)).or_default().push(platform),
                Some(Err(why)) => {
                    let failure =
                        Failure::error(ErrorName::ProgramFormat, format!("{} {why}", quoted(&path))).in_path(dir);
                    refused.get_or_insert(failure.hint("build it static, or give `init` the project's sources"));
                }
            }
        }
        if !groups.is_empty() {
            let candidates: Vec<_> = groups.into_iter().map(|(path, platforms)| candidate(path, &platforms)).collect();
            let mut project = Project {
                what: format!("a prebuilt program in {}", quoted(if place.is_empty() { "." } else { place })),
                said: Vec::new(),
                passed_over: Vec::new(),
                candidates,
            };
            project.candidates.sort_by(|one, other| one.rank.cmp(&other.rank));
            project.said.push(format!("project: {}; neither `go.mod` nor `Cargo.toml` is here", project.what));
            return Ok(Some(project));
        }
    }
    refused.map_or(Ok(None), Err)
}

/// The candidate for a prebuilt program. `path` may hold `{arch}`.
pub(super) fn candidate(path: String, platforms: &[Platform]) -> Candidate {
    let file = path.rsplit('/').next().unwrap_or(&path);
    let bare = file.replace("{arch}", "");
    let mut name = bare.trim_end_matches(['-', '_', '.']);
    for mark in ["-linux", "_linux"] {
        name = name.strip_suffix(mark).unwrap_or(name).trim_end_matches(['-', '_', '.']);
    }
    let name = if name.is_empty() { "app" } else { name };
    let mut program = DraftProgram::new(name, ProgramSource::Path { path: path.clone() });
    program.to = Some(format!("/usr/bin/{name}"));
    let list: Vec<_> = platforms.iter().map(ToString::to_string).collect();
    program.comment = format!("A static program for {}; something else has built it.", list.join(" and "));
    program.platforms = platforms.to_vec();
    let rank = Rank::new("", name, false);
    Candidate { program, folder: folder::parent(&path).to_owned(), id: path, rank }
}

/// The path with its architecture as a variable, where the name and the program agree on it; braces doubled.
fn template(path: &str, platform: &Platform) -> String {
    let path = path.replace('{', "{{").replace('}', "}}");
    let (folder, file) = path.rsplit_once('/').map_or(("", path.as_str()), |(folder, file)| (folder, file));
    let Some(at) = file.find(platform.architecture).filter(|_| platform.variant.is_none()) else { return path };
    let (before, after) =
        (file.get(..at).unwrap_or_default(), file.get(at + platform.architecture.len()..).unwrap_or_default());
    let file = format!("{before}{{arch}}{after}");
    if folder.is_empty() { file } else { format!("{folder}/{file}") }
}
