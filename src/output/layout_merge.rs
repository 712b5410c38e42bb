//! Moves a staged image into a layout that is there already: blobs first, `index.json` last, each by a rename. The index that it
//! replaces is kept in the staging folder.

use std::{fs, io, path::Path};

use crate::{
    image::{BlobRef, ImageFormat, LAYOUT_INDEX, LAYOUT_MARKER, Store},
    output::{
        existing_output::ExistingOutput,
        locked_folder::{LockedFolder, replace_file, sync_folder},
        reached_blobs::ReachedBlobs,
        staging::{NameChange, Staging, blobs_in},
    },
    report::Failure,
};

/// Opens the layout's folder, to be locked. None when there is none.
pub(super) fn open_layout(staging: &Staging) -> Result<Option<LockedFolder>, Failure> {
    let path = &staging.path;
    // A symbolic link or another folder may have been created there since the build began.
    if ExistingOutput::check(path, ImageFormat::Layout)? == ExistingOutput::Absent {
        return Ok(None);
    }
    match LockedFolder::open(path) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("lock the layout", path, &error)),
    }
}

/// Moves the staged blobs and the index into the layout, whose lock is held.
pub(super) fn merge(staging: &mut Staging, reached: &ReachedBlobs) -> Result<(), Failure> {
    let path = staging.path.clone();
    let io = |doing: &'static str| {
        let path = path.clone();
        move |error: io::Error| Failure::io(doing, &path, &error)
    };
    place_marker(staging).map_err(io("write `oci-layout`"))?;
    staging.step()?;
    let blobs = blobs_in(&path);
    for folder in [&path.join("blobs"), &blobs] {
        if make_folder(folder).map_err(io("make the folder `blobs/sha256`"))? {
            staging.placed_folder(folder);
        }
    }
    staging.step()?;
    place_blobs(staging, reached, &blobs)?;
    for folder in [&blobs, &path.join("blobs"), &path] {
        sync_folder(folder).map_err(io("make the blobs durable"))?;
    }
    staging.step()?;
    let (from, to) = (staging.temp.path().join(LAYOUT_INDEX), path.join(LAYOUT_INDEX));
    let replaced = replace_file(&from, &to).map_err(io("replace `index.json`"))?;
    staging.changes.named = Some(NameChange::File { from, to, replaced });
    staging.step()
}

/// Puts the marker into a folder that was empty: first of all, so that the folder is ours to continue with from now
/// on, whatever happens.
fn place_marker(staging: &mut Staging) -> io::Result<()> {
    let marker = staging.path.join(LAYOUT_MARKER);
    match fs::symlink_metadata(&marker) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let staged = staging.temp.path().join(LAYOUT_MARKER);
            fs::rename(&staged, &marker)?;
            staging.placed_file(&staged, &marker);
            sync_folder(&staging.path)
        }
        Err(error) => Err(error),
    }
}

/// Makes a folder, unless it is there, and says whether it did; a link to one is not one.
fn make_folder(path: &Path) -> io::Result<bool> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::symlink_metadata(path)?.is_dir() {
                Ok(false)
            } else {
                Err(io::ErrorKind::NotADirectory.into())
            }
        }
        Err(error) => Err(error),
    }
}

/// Moves every reached blob to its name. A blob that was not staged must be in the layout, intact.
fn place_blobs(staging: &mut Staging, reached: &ReachedBlobs, blobs: &Path) -> Result<(), Failure> {
    let store = Store::of_layout(&staging.path)?;
    for &(digest, size) in &reached.0 {
        let (staged, target) = (staging.staged.path(digest), blobs.join(digest.hex()));
        let is_new = fs::symlink_metadata(&target).is_err();
        // Over whatever has the name: ours was read back a moment ago, the other one may be damaged.
        match fs::rename(&staged, &target) {
            Ok(()) if is_new => staging.placed_file(&staged, &target),
            Ok(()) => {}
            // Another publish may have removed it since we looked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let blob = BlobRef { media_type: String::new(), digest, size };
                if let Err(failure) = store.verify(&blob) {
                    staging.stage_adopted()?;
                    fs::rename(&staged, &target).map_err(|_| failure)?;
                    sync_file(&target).map_err(|error| Failure::io("make a blob durable", &staging.path, &error))?;
                }
            }
            Err(error) => {
                let doing = format!("place the blob `{digest}` of {size} bytes");
                return Err(Failure::io(&doing, &staging.path, &error));
            }
        }
        staging.step()?;
    }
    Ok(())
}

fn sync_file(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}
