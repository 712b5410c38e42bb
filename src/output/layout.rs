//! Publishes a staged image as a layout: a new one by renaming the staging folder, an existing one by moving blobs and the index
//! into it. [`Publisher`](crate::output::Publisher) calls it.
//!
//! What is named must be durable before the name is: all that was staged is synced at once, for all images of a call (see
//! [`Publisher`](crate::output::Publisher)), then come the names of blobs in a layout that is there, then `index.json` by a
//! rename, or the folder's own name, then the folder that holds it. Garbage goes last. A crash between any two steps
//! leaves the old layout or the new one, with blobs too many at worst, which the next publish removes.
//!
//! # Concurrent builds and readers
//!
//! * A build stages in a folder of its own, beside the layout while there is none, inside it afterwards. It holds
//!   an exclusive `flock` on that folder for as long as it lives; a staging folder whose lock can be taken belongs
//!   to a build that was killed, and the next build removes it.
//! * A build publishes under an exclusive `flock` on the layout's folder, so two builds publish one after the
//!   other. Blobs come first, `index.json` last, each by a rename; what nothing refers to any more is removed after.
//! * A reader takes no lock. One that loses against two publishes in a row misses a blob and says so; it never
//!   sees bytes that differ from their digest.
//!
//! File systems without `flock` (some NFS) are used without these locks, as cargo does; nothing of others is
//! cleaned up there, because it may be in use.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    image::{
        BlobRef, ImageFormat, LAYOUT_INDEX, LAYOUT_MARKER, LAYOUT_VERSION, REF_NAME, Store, reachable, read_small,
    },
    oci::{Descriptor, Digest, ImageIndex, canonical_json, media_type},
    output::{
        existing_output::ExistingOutput,
        locked_folder::{LockedFolder, rename_folder, sync_folder},
        staging::{Staging, blobs_in, read_back_failure},
    },
    report::{ErrorName, Failure, Limits, folder_of},
};

/// How often the layout may appear and vanish before the build gives up.
const ATTEMPTS: usize = 16;

/// The blobs of the new layout with their sizes, sorted by digest. It waits for the last image of a call, so it is small.
#[derive(Debug)]
struct ReachedBlobs(Box<[(Digest, u64)]>);

impl ReachedBlobs {
    fn contains(&self, digest: &Digest) -> bool {
        self.0.binary_search_by_key(digest, |(reached, _)| *reached).is_ok()
    }
}

/// A layout that is written but for its name or its index.
#[derive(Debug)]
pub(crate) struct PreparedLayout(ReachedBlobs);

/// Verifies what `root` reaches and writes what leads to it, beside the layout or inside of it. None where the layout that is
/// there is this one already.
pub(crate) fn prepare(
    staging: &mut Staging,
    root: &Descriptor,
    reference: &str,
) -> Result<Option<PreparedLayout>, Failure> {
    let reached = match read_back(staging, root) {
        Ok(reached) => reached,
        Err(_) => staging.stage_adopted().and_then(|()| read_back(staging, root))?,
    };
    let index = index_document(staging, root, reference)?;
    if is_published(staging, &reached, &index) {
        return Ok(None);
    }
    write_entry(staging, &index)?;
    if staging.beside && !staging.staged.all(|digest| reached.contains(&digest)) {
        remove_unreached(staging.blobs(), &reached);
    }
    staging.step()?;
    Ok(Some(PreparedLayout(reached)))
}

/// Makes the layout visible; everything of it is durable by now. Names that are still to be made durable are in the folders
/// that are added to `late`.
pub(crate) fn commit(
    staging: &mut Staging,
    PreparedLayout(reached): &PreparedLayout,
    late: &mut BTreeSet<PathBuf>,
) -> Result<(), Failure> {
    for _ in 0..ATTEMPTS {
        if staging.beside && become_layout(staging, late)? {
            settle_blobs(staging, reached);
            return Ok(());
        }
        if let Some(lock) = lock_layout(staging)? {
            let merged = merge(staging, reached);
            staging.take_back();
            // The lock is held until here: no other build may publish before this one has removed what it placed.
            drop(lock);
            settle_blobs(staging, reached);
            return merged;
        }
        if !staging.beside {
            break;
        }
    }
    Err(Failure::error(ErrorName::FileNotFound, "cannot publish: the layout was removed meanwhile")
        .in_path(&staging.path))
}

/// Registers the published paths of the blobs in the cache.
fn settle_blobs(staging: &Staging, reached: &ReachedBlobs) {
    if let Some(cache) = &staging.cache {
        let blobs = blobs_in(&staging.path);
        for (digest, _) in reached.0.iter().filter(|(_, size)| *size >= Limits::REREAD_BYTES) {
            cache.settle_blob(&blobs.join(digest.hex()));
        }
    }
}

/// Reads every blob that `root` reaches back from the disk, the staged ones first.
fn read_back(staging: &Staging, root: &Descriptor) -> Result<ReachedBlobs, Failure> {
    let root = BlobRef::from(root);
    let store = staging.store()?;
    let reached =
        reachable::verify_reachable(&store, &root).map_err(|failure| read_back_failure(failure, &staging.path))?;
    Ok(ReachedBlobs(reached.into_iter().map(|(digest, blob)| (digest, blob.size)).collect()))
}

/// The marker, with the one version of the layout there is.
fn marker_document() -> String {
    format!(r#"{{"imageLayoutVersion":"{LAYOUT_VERSION}"}}"#)
}

/// The index of the layout.
fn index_document(staging: &Staging, root: &Descriptor, reference: &str) -> Result<Vec<u8>, Failure> {
    let mut root = root.clone();
    root.annotations.insert(REF_NAME.to_owned(), reference.to_owned());
    let index = ImageIndex {
        schema_version: 2,
        media_type: media_type::INDEX,
        manifests: vec![root],
        annotations: BTreeMap::new(),
    };
    canonical_json(&index).map_err(|error| {
        Failure::error(ErrorName::Internal, format!("cannot write the index: {error}")).in_path(&staging.path)
    })
}

/// Whether the existing layout holds exactly this image, whose blobs were just verified. Then nothing is written or synced.
fn is_published(staging: &Staging, reached: &ReachedBlobs, index: &[u8]) -> bool {
    let same = |name: &str, bytes: &[u8]| {
        read_small(&staging.path.join(name), bytes.len() as u64).is_ok_and(|there| there == bytes)
    };
    let nothing_staged = || fs::read_dir(staging.blobs()).is_ok_and(|mut staged| staged.next().is_none());
    let all_reached = || {
        let Ok(mut there) = fs::read_dir(blobs_in(&staging.path)) else { return false };
        there.all(|blob| blob.is_ok_and(|blob| is_reached(&blob.file_name(), reached) == Some(true)))
    };
    !staging.beside
        && nothing_staged()
        && same(LAYOUT_MARKER, marker_document().as_bytes())
        && same(LAYOUT_INDEX, index)
        && all_reached()
}

/// Whether the blob of that name is needed; `None` when it is the name of none.
fn is_reached(name: &OsStr, reached: &ReachedBlobs) -> Option<bool> {
    let digest = Digest::parse_hex(name.to_str()?).ok()?;
    Some(reached.contains(&digest))
}

/// Writes the marker and the new index into the staging folder.
fn write_entry(staging: &Staging, index: &[u8]) -> Result<(), Failure> {
    let temp = staging.temp.path();
    let write = |name: &str, bytes: &[u8]| {
        let written = fs::write(temp.join(name), bytes);
        written.map_err(|error| Failure::io(&format!("write `{name}`"), &staging.path, &error))
    };
    write(LAYOUT_MARKER, marker_document().as_bytes())?;
    write(LAYOUT_INDEX, index)
}

/// Renames the staging folder to the layout. Says no when there is something at the path by now.
fn become_layout(staging: &mut Staging, late: &mut BTreeSet<PathBuf>) -> Result<bool, Failure> {
    let path = staging.path.clone();
    let io = |error: io::Error| Failure::io("publish the layout", &path, &error);
    if !rename_folder(staging.temp.path(), &path).map_err(io)? {
        return Ok(false);
    }
    staging.temp.keep();
    staging.step()?;
    // The names of new parents are in the folders above them.
    late.extend(staging.created.paths().iter().map(|created| folder_of(created).to_owned()));
    late.insert(folder_of(&path).to_owned());
    Ok(true)
}

/// Locks the layout's folder. None when there is none.
fn lock_layout(staging: &Staging) -> Result<Option<LockedFolder>, Failure> {
    let path = &staging.path;
    let io = |error: io::Error| Failure::io("lock the layout", path, &error);
    for _ in 0..ATTEMPTS {
        // A symbolic link or another folder may have been created there since the build began.
        if ExistingOutput::check(path, ImageFormat::Layout)? == ExistingOutput::Absent {
            return Ok(None);
        }
        let folder = match LockedFolder::open(path) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(io(error)),
        };
        folder.lock().map_err(io)?;
        if folder.is_at(path).map_err(io)? {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

/// Moves the staged blobs and the index into the layout, whose lock is held.
fn merge(staging: &mut Staging, reached: &ReachedBlobs) -> Result<(), Failure> {
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
            staging.placed(folder);
        }
    }
    staging.step()?;
    place_blobs(staging, reached, &blobs)?;
    for folder in [&blobs, &path.join("blobs"), &path] {
        sync_folder(folder).map_err(io("make the blobs durable"))?;
    }
    staging.step()?;
    fs::rename(staging.temp.path().join(LAYOUT_INDEX), path.join(LAYOUT_INDEX)).map_err(io("replace `index.json`"))?;
    staging.placed.clear();
    staging.step()?;
    sync_folder(&path).map_err(io("make `index.json` durable"))?;
    staging.step()?;
    remove_unreached(&blobs, reached);
    staging.step()
}

/// Puts the marker into a folder that was empty: first of all, so that the folder is ours to continue with from now
/// on, whatever happens.
fn place_marker(staging: &mut Staging) -> io::Result<()> {
    let marker = staging.path.join(LAYOUT_MARKER);
    match fs::symlink_metadata(&marker) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::rename(staging.temp.path().join(LAYOUT_MARKER), &marker)?;
            staging.placed(&marker);
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
            Ok(()) if is_new => staging.placed(&target),
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

/// Removes the blobs that were not reached. Anything that is not a regular file with the name of a blob stays.
///
/// What cannot be removed is no failure: the layout is right with it, and the next publish tries again.
fn remove_unreached(blobs: &Path, reached: &ReachedBlobs) {
    let Ok(entries) = fs::read_dir(blobs) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_reached(&entry.file_name(), reached) == Some(false) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
