//! Writes images to a disk: staged in a temporary folder, synced, and published by a rename.
//!
//! `commands` stages every image of a call and publishes them when all are complete; `build` writes layers and
//! documents into a [`Staging`]. What is at an output's path is the old image or the new one at every moment, also
//! after a crash; what failed or was killed leaves nothing that the next call does not remove.

mod archive;
mod cache_archive;
mod created_folders;
mod existing_output;
mod file_draft;
mod layout;
mod layout_merge;
mod locked_folder;
mod publisher;
mod reached_blobs;
mod scratch_folder;
mod staged_blobs;
mod staging;
mod temp_folder;

pub use archive::check_fits;
pub use cache_archive::{ArchivedCache, export_cache, import_cache};
pub use created_folders::CreatedFolders;
pub use publisher::{PublishFailure, Publisher, ReadyImage, allow_staging};
pub use scratch_folder::{ScratchFolder, remove_folder_in_use};
pub use staging::{Staging, StagingReader};
pub use temp_folder::{is_staging_name, staging_file};

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod test_images;
