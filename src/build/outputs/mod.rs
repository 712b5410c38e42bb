//! Outputs of hardpan and files that control it. They are no inputs of an image unless a recipe names them exactly.
//!
//! A build that takes the outputs of the build before gives another digest each time, and grows. So a `[[tree]]`, the
//! sources of a compile and `{git.dirty}` skip two kinds of paths: those that this call writes ([`OutputPaths`]), and files
//! and folders whose content is an output of hardpan ([`content`]), whatever their names. A folder `out` of another tool
//! (Next.js has one) is an input like any other.

mod content;
mod output_finder;
mod output_hint;
mod output_paths;

use std::fmt;

pub(super) use content::{HISTORY, file_output, folder_output};
pub(super) use output_finder::OutputFinder;
pub(super) use output_hint::may_be_output;
pub use output_paths::real_path;
pub(super) use output_paths::{OutputPaths, output_by_name};

/// Why a path is no input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutputKind {
    /// This call writes it: an image, a receipt, symbols.
    Written,
    /// It holds what builds keep.
    Cache,
    /// It is a recipe: this one, or a `hardpan.toml`.
    Recipe,
    /// It is a lock.
    Lock,
    /// It is git's own folder, or the file that stands for it.
    Git,
    /// An OCI layout of an image of hardpan.
    Layout,
    /// An OCI archive or a docker archive of an image of hardpan.
    Archive,
    /// What `--digest-file` writes.
    Digest,
    /// What `--metadata-file` writes.
    Metadata,
    /// What `hardpan audit --output` writes.
    Audit,
}

/// Which output of hardpan is at `path`, by its content.
pub fn output_at(path: &std::path::Path) -> Option<OutputKind> {
    if path.is_dir() { folder_output(path) } else { file_output(path) }
}

impl fmt::Display for OutputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Written => "the build writes it",
            Self::Cache => "the cache of hardpan",
            Self::Recipe => "a recipe",
            Self::Lock => "a lock",
            Self::Git => "the state of git",
            Self::Layout => "an OCI layout of an image of hardpan",
            Self::Archive => "an archive of an image of hardpan",
            Self::Digest => "a digest, as `--digest-file` writes it",
            Self::Metadata => "the metadata of an image, as `--metadata-file` writes it",
            Self::Audit => "a report of `hardpan audit`",
        })
    }
}
