//! What a program was compiled from, for `hardpan plan --inputs`: the record of its compile, read as the next build reads it
//! to decide whether anything changed.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    Toolchain,
    machine::file_digest,
    watched_paths::{Watch, WatchedState},
};
use crate::{cache::Fingerprint, report::Failure};

/// Something that a compile has read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CompileInput {
    /// Where it is on this machine.
    pub path: PathBuf,
    /// What of the path counts.
    pub part: InputPart,
    /// `sha256:...` of a file; `state:...` over the names and contents in a folder, which is the same in every checkout and
    /// which no other tool prints; `absent` where the compile looked and nothing was there.
    pub state: String,
}

/// What of a path a compile depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InputPart {
    /// The content of a file.
    File,
    /// The Go sources of a folder.
    GoSources,
    /// The files of a folder, without those in folders of it.
    Files,
    /// Everything below a folder.
    Tree,
    /// The files of a package of a cargo workspace.
    Package,
}

impl InputPart {
    /// The part in words, for a list; nothing for a file.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Self::File => None,
            Self::GoSources => Some("Go sources"),
            Self::Files => Some("files"),
            Self::Tree => Some("tree"),
            Self::Package => Some("package"),
        }
    }
}

impl CompileInput {
    /// A package of a workspace, or the files that are in none, with their digest.
    pub(super) fn package(path: PathBuf, state: &str) -> Self {
        Self { path, part: InputPart::Package, state: format!("state:{state}") }
    }

    /// The inputs of a record, sorted.
    ///
    /// Left out are, outside of the checkout, folders with packages of Go, which the version of the toolchain and `go.sum`
    /// stand for, and paths with nothing at them.
    pub(super) fn of_states(toolchain: &Toolchain<'_>, states: &[WatchedState]) -> Result<Vec<Self>, Failure> {
        let counts = |state: &&WatchedState| {
            let is_inside = state.path().starts_with(toolchain.checkout);
            is_inside || (!is_package(state.watch()) && !state.is_absent())
        };
        let mut inputs = states.iter().filter(counts).map(Self::of_state).collect::<Result<Vec<_>, _>>()?;
        inputs.sort();
        inputs.dedup();
        // All files of a folder are more than its Go sources.
        let whole: BTreeSet<_> =
            inputs.iter().filter(|input| input.part == InputPart::Files).map(|input| input.path.clone()).collect();
        inputs.retain(|input| input.part != InputPart::GoSources || !whole.contains(&input.path));
        Ok(inputs)
    }

    fn of_state(state: &WatchedState) -> Result<Self, Failure> {
        let path = state.tidy_path().map_or_else(|| state.path().to_owned(), Cow::into_owned);
        let part = match state.watch() {
            Watch::GoFiles | Watch::GoHeads => InputPart::GoSources,
            Watch::Files => InputPart::Files,
            // Of a file, it is its content.
            Watch::Tree if path.is_dir() => InputPart::Tree,
            Watch::Tree | Watch::File => InputPart::File,
        };
        let told = match part {
            _ if state.is_absent() => "absent".to_owned(),
            InputPart::File if path.is_file() => file_digest(&path)?.to_string(),
            _ => format!("state:{}", Fingerprint::from_bytes(*state.state()).hex()),
        };
        Ok(Self { path, part, state: told })
    }

    /// What it is called: relative to the checkout where it is inside, with the part in parentheses.
    pub fn name(&self, checkout: &Path) -> String {
        let path = self.path.strip_prefix(checkout).unwrap_or(&self.path).to_string_lossy();
        let path = if path.is_empty() { ".".into() } else { path };
        self.part.words().map_or_else(|| path.clone().into_owned(), |words| format!("{path} ({words})"))
    }
}

/// Whether what is watched is a package of Go.
fn is_package(watch: Watch) -> bool {
    matches!(watch, Watch::GoFiles | Watch::GoHeads | Watch::Files)
}
