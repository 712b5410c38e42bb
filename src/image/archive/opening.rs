//! Opens an OCI archive or a docker archive, told apart by the members that it has.

use std::{collections::BTreeMap, fs::File, os::unix::fs::FileExt as _, path::Path};

use super::{
    ArchiveMembers, BLOBS, TABLE, docker,
    span_reader::{archive_failure, read_member},
};
use crate::{
    image::{
        ImageFormat, LAYOUT_INDEX, LAYOUT_MARKER, LAYOUT_VERSION, OpenedImages, content_error_name, document,
        image_sets, store::Store,
    },
    oci::Digest,
    report::{ErrorName, Failure, shown},
};

/// Opens the archive at `path` and reads every document its entry points reach. A link at `path` is followed.
///
/// # Errors
/// No archive of an image; a compressed archive; names that lead out of it or are there twice; a document
/// that is missing, too large, ambiguous or not what its name says.
pub(crate) fn open(path: &Path) -> Result<OpenedImages, Failure> {
    let file = File::open(path).map_err(|error| Failure::io("open it", path, &error))?;
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return Err(Failure::error(ErrorName::FileKind, "is neither a folder nor a regular file").in_path(path));
    }
    check_tar(&file, path)?;
    let members = ArchiveMembers::scan(&file)
        .map_err(|error| Failure::io("read the archive", path, &error).named(content_error_name(&error)))?;
    read_archive(file, &members, path).map_err(|failure| failure.or_in_path(path))
}

/// Whether the file at `path` is an archive of an image, so that a build may replace it. The image may be damaged.
pub(crate) fn is_archive(path: &Path) -> bool {
    let look = || -> Option<bool> {
        let file = File::open(path).ok()?;
        check_tar(&file, path).ok()?;
        let members = ArchiveMembers::scan(&file).ok()?;
        let has = |name| has(&members, name).unwrap_or(false);
        Some(has(TABLE) || (has(LAYOUT_MARKER) && has(LAYOUT_INDEX)))
    };
    look().unwrap_or(false)
}

fn read_archive(file: File, members: &ArchiveMembers, path: &Path) -> Result<OpenedImages, Failure> {
    if has(members, LAYOUT_MARKER)? && has(members, LAYOUT_INDEX)? {
        return read_oci_archive(file, members, path);
    }
    if has(members, TABLE)? {
        let (store, sets) = docker::read_docker_archive(file, members, path)?;
        return Ok(OpenedImages { form: Some(ImageFormat::DockerArchive), path: path.to_owned(), store, sets });
    }
    let failure = Failure::error(
        ErrorName::ImageNotFound,
        "is not an archive of an image: it has neither `index.json` nor `manifest.json`",
    );
    let failure = failure.in_path(path);
    Err(if has(members, "repositories")? {
        failure.hint("docker before 1.10 wrote such; load and save it again")
    } else {
        failure
    })
}

/// A layout in a tar.
fn read_oci_archive(file: File, members: &ArchiveMembers, path: &Path) -> Result<OpenedImages, Failure> {
    let wrong = |name: &str, what: &str| Failure::error(ErrorName::ImageInvalid, format!("`{name}`: {what}"));
    let version = document::parse_layout_version(&read_member(&file, members, LAYOUT_MARKER)?)
        .map_err(|what| wrong(LAYOUT_MARKER, &what))?;
    if version != LAYOUT_VERSION {
        let failure = wrong(LAYOUT_MARKER, &format!("layouts of version `{}` are not known", shown(&version)));
        return Err(failure.named(ErrorName::ImageUnsupported));
    }
    let index = document::parse_place_index(&read_member(&file, members, LAYOUT_INDEX)?)
        .map_err(|what| wrong(LAYOUT_INDEX, &what))?;
    let mut spans = BTreeMap::new();
    for name in members.below(BLOBS) {
        let digest = name.strip_prefix(BLOBS).and_then(|hex| Digest::parse_hex(hex).ok());
        if let (Some(digest), Some(span)) = (digest, members.file_span(name).map_err(|error| archive_failure(&error))?)
        {
            spans.insert(digest, span);
        }
    }
    let store = Store::of_archive(file, spans, path);
    let sets = image_sets::read_index(&store, &index)?;
    Ok(OpenedImages { form: Some(ImageFormat::OciArchive), path: path.to_owned(), store, sets })
}

/// Refuses a file that is no tar, with a message for compressed archives.
fn check_tar(file: &File, path: &Path) -> Result<(), Failure> {
    let mut head = [0; 262];
    let read = file.read_at(&mut head, 0).map_err(|error| Failure::io("read it", path, &error))?;
    let head = head.get(..read).unwrap_or_default();
    let packed =
        [(&b"\x1f\x8b"[..], "gunzip"), (b"\x28\xb5\x2f\xfd", "unzstd"), (b"BZh", "bunzip2"), (b"\xfd7zXZ", "unxz")];
    if let Some((_, tool)) = packed.iter().find(|(magic, _)| head.starts_with(magic)) {
        // Blobs are read where they lie, several times; a stream has no such places.
        return Err(Failure::error(ErrorName::ImageUnsupported, "is a compressed archive, which is not read")
            .in_path(path)
            .hint(format!("`{tool}` it first")));
    }
    // POSIX and GNU both have the word; the tar of before 1988 has none, and no image is in one.
    if head.get(257..262) != Some(b"ustar") {
        return Err(Failure::error(ErrorName::ImageNotFound, "is not an archive of an image").in_path(path));
    }
    Ok(())
}

fn has(members: &ArchiveMembers, name: &str) -> Result<bool, Failure> {
    members.file_span(name).map(|span| span.is_some()).map_err(|error| archive_failure(&error))
}
