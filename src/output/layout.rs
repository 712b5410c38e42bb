//! Publishes a staged image as a layout: a new one by renaming the staging folder, an existing one by [`merge`].
//! [`Publisher`](crate::output::Publisher) calls it, and undoes it where another image of the call cannot be published.
//!
//! What is named must be durable before the name is: all that was staged is synced at once, for all images of a call (see
//! [`Publisher`](crate::output::Publisher)), then come the names of blobs in a layout that is there, then `index.json` by a
//! rename, or the folder's own name, then the folder that holds it. Garbage goes last, when all images of the call have their
//! names: until then the old index and its blobs are kept. A crash between any two steps leaves the old layout or the new
//! one, with blobs too many at worst, which the next publish removes.
//!
//! # Concurrent builds and readers
//!
//! * A build stages in a folder of its own, beside the layout while there is none, inside it afterwards. It holds
//!   an exclusive `flock` on that folder for as long as it lives; a staging folder whose lock can be taken belongs
//!   to a build that was killed, and the next build removes it.
//! * A build publishes under an exclusive `flock` on the layout's folder, so two builds publish one after the
//!   other. Blobs come first, `index.json` last, each by a rename; what nothing refers to any more is removed after. A build
//!   of several images has the locks of all layouts before it changes the first one.
//! * A reader takes no lock. One that loses against two publishes in a row misses a blob and says so; it never
//!   sees bytes that differ from their digest.
//!
//! File systems without `flock` (some NFS) are used without these locks, as cargo does; nothing of others is
//! cleaned up there, because it may be in use.

use std::{collections::BTreeMap, fs, io};

use crate::{
    image::{BlobRef, LAYOUT_INDEX, LAYOUT_MARKER, LAYOUT_VERSION, REF_NAME, reachable, read_small},
    oci::{Descriptor, ImageIndex, canonical_json, media_type},
    output::{
        layout_merge::merge,
        locked_folder::{rename_folder, sync_folder},
        reached_blobs::{ReachedBlobs, is_reached, remove_unreached},
        staging::{NameChange, Staging, blobs_in, read_back_failure},
    },
    report::{ErrorName, Failure, Limits},
};

/// Verifies what `root` reaches and writes what leads to it, beside the layout or inside of it. Gives the blobs of the new layout;
/// none where the layout that is there is this one already.
pub(crate) fn prepare(
    staging: &mut Staging,
    root: &Descriptor,
    reference: &str,
) -> Result<Option<ReachedBlobs>, Failure> {
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
        remove_unreached(&staging.blobs(), &reached);
    }
    staging.step()?;
    Ok(Some(reached))
}

/// Makes the layout visible; everything of it is durable by now. `is_there` says that there is a layout, whose lock is held.
/// Gives no where that is not so any more; then nothing has changed. What fails has to be [undone](Staging::undo).
pub(crate) fn commit(staging: &mut Staging, reached: &ReachedBlobs, is_there: bool) -> Result<bool, Failure> {
    if is_there {
        merge(staging, reached)?;
    } else if !become_layout(staging)? {
        return Ok(false);
    }
    staging.staged.moved_to(blobs_in(&staging.path));
    Ok(true)
}

/// Ends the publish of a layout that was [merged](merge) into one that was there, and whose lock is held: makes its index durable, and
/// removes what nothing refers to any more.
pub(crate) fn settle(staging: &mut Staging, reached: &ReachedBlobs) -> Result<(), Failure> {
    sync_folder(&staging.path).map_err(|error| Failure::io("make `index.json` durable", &staging.path, &error))?;
    staging.step()?;
    remove_unreached(&blobs_in(&staging.path), reached);
    staging.step()
}

/// Registers the published paths of the blobs in the cache.
pub(crate) fn settle_blobs(staging: &Staging, reached: &ReachedBlobs) {
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
fn become_layout(staging: &mut Staging) -> Result<bool, Failure> {
    let io = |error: io::Error| Failure::io("publish the layout", &staging.path, &error);
    if !rename_folder(staging.temp.path(), &staging.path).map_err(io)? {
        return Ok(false);
    }
    staging.temp.keep();
    staging.changes.named = Some(NameChange::Folder);
    staging.step()?;
    Ok(true)
}
