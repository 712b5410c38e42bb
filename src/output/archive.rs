//! Publishes a staged image as an archive: written beside its path, synced, verified, and then renamed over it. An archive that
//! holds this very image already is left untouched.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, OFlags};

use crate::{
    image::{
        ImageFormat, ImageSet, Packing, StoredImage,
        archive::{self, ArchiveContents},
        is_repository, open_at,
    },
    layer::TarError,
    oci::{Descriptor, Digest},
    output::{
        existing_output::ExistingOutput,
        locked_folder::replace_file,
        staging::{NameChange, Staging, read_back_failure},
    },
    report::{ErrorName, Failure, printable},
};

/// The size of the write buffer: the tar comes in pieces of 512 bytes and more.
const BUFFER: usize = 128 << 10;
/// The archive, before it has its name.
const DRAFT: &str = "archive";

/// An archive that is written but for its name.
#[derive(Debug)]
pub(crate) struct PreparedArchive {
    draft: PathBuf,
    /// The name by which the cache remembers it.
    memo: Digest,
}

/// Verifies what `root` reaches and writes it as an archive of `form`, durably. None where the archive of this very image is at
/// the path, in the state in which it was written.
pub(crate) fn prepare(
    staging: &mut Staging,
    form: ImageFormat,
    root: &Descriptor,
    reference: &str,
) -> Result<Option<PreparedArchive>, Failure> {
    let memo = memo_digest(form, root, reference);
    if is_unchanged(staging, memo) {
        staging.step()?;
        return Ok(None);
    }
    let set = staging.image_set(root, reference)?;
    let contents = archive_contents(form, &set, reference).map_err(|failure| failure.in_path(&staging.path))?;
    let draft = staging.temp.path().join(DRAFT);
    write_durably(staging, &contents, &draft)?;
    staging.step()?;
    check_written(&draft, &set, form).map_err(|failure| read_back_failure(failure, &staging.path))?;
    Ok(Some(PreparedArchive { draft, memo }))
}

/// Gives the archive its name, for a [`Publisher`](crate::output::Publisher). What fails has to be [undone](Staging::undo).
pub(crate) fn commit(staging: &mut Staging, prepared: &PreparedArchive) -> Result<(), Failure> {
    // Another process may have replaced the file since the build began.
    ExistingOutput::check(&staging.path, staging.form)?;
    let io = |error: io::Error| Failure::io("publish the archive", &staging.path, &error);
    let written = open_at(CWD, &prepared.draft, OFlags::empty()).map_err(io)?;
    let (from, to) = (prepared.draft.clone(), staging.path.clone());
    let replaced = replace_file(&from, &to).map_err(io)?;
    staging.changes.named = Some(NameChange::File { from, to, replaced });
    remember(staging, &written, prepared.memo);
    staging.step()
}

/// The digest under which the cache remembers an archive: of everything that determines its bytes.
fn memo_digest(form: ImageFormat, root: &Descriptor, reference: &str) -> Digest {
    let sources = env!("HARDPAN_SOURCES");
    Digest::of(format!("{sources}\0{form:?}\0{}\0{reference}", root.digest).as_bytes())
}

/// Whether the file at the path is in the state in which the archive of that name was written.
fn is_unchanged(staging: &Staging, name: Digest) -> bool {
    let Some(cache) = &staging.cache else { return false };
    let opened = open_at(CWD, &staging.path, OFlags::empty());
    opened.is_ok_and(|file| file.metadata().is_ok_and(|meta| cache.knows_blob(&file, name, meta.len())))
}

/// Remembers the archive, which is at the path now, by that name.
fn remember(staging: &Staging, archive: &File, name: Digest) {
    if let Some(cache) = &staging.cache {
        cache.saw_blob(archive, name);
        cache.settle_blob(&staging.path);
    }
}

/// The contents of the archive, where the format can hold the image.
fn archive_contents<'a>(
    form: ImageFormat,
    set: &'a ImageSet,
    reference: &'a str,
) -> Result<ArchiveContents<'a>, Failure> {
    let root = set.root.as_ref().ok_or_else(|| Failure::error(ErrorName::Internal, "the image has no manifest"))?;
    let tag = is_repository(reference).then(|| format!("{reference}:latest"));
    let images: Vec<_> = set.images.iter().collect();
    if form == ImageFormat::DockerArchive {
        let [image] = images.as_slice() else { return Err(one_platform_failure()) };
        check_packing(image)?;
        if tag.is_none() {
            let what = format!("docker cannot call an image `{}`", printable(reference));
            return Err(Failure::error(ErrorName::Reference, what)
                .hint("such a name has lower case letters and digits, and `.`, `_`, `-` between"));
        }
    }
    Ok(ArchiveContents { form, root, images, reference: reference.to_owned(), image_name: None, tag })
}

/// Why there is no docker archive of several platforms.
pub(super) fn one_platform_failure() -> Failure {
    Failure::error(ErrorName::OutputForm, "a docker archive holds one platform")
        .hint("`--platform` chooses one, `--format oci-archive` holds all")
}

fn check_packing(image: &StoredImage) -> Result<(), Failure> {
    let zstd = |media_type: &str| Packing::of(media_type) == Packing::Zstd;
    if image.layers.iter().any(|layer| zstd(&layer.descriptor.media_type)) {
        return Err(zstd_failure());
    }
    Ok(())
}

/// Why there is no docker archive with zstd layers.
pub(super) fn zstd_failure() -> Failure {
    Failure::error(
        ErrorName::OutputForm,
        "a docker archive cannot hold zstd layers; docker before 23 does not unpack them",
    )
    .hint("use `compression = \"gzip\"`, or `--format oci-archive`")
}

fn write_durably(staging: &Staging, contents: &ArchiveContents<'_>, draft: &Path) -> Result<(), Failure> {
    let io = |error: io::Error| Failure::io("write the archive", &staging.path, &error);
    let mut out = BufWriter::with_capacity(BUFFER, File::create_new(draft).map_err(io)?);
    archive::write_archive(contents, staging, &mut out).map_err(|error| match error {
        TarError::Entry(failure) => failure,
        TarError::Write(error) => io(error),
    })?;
    out.flush().map_err(io)?;
    out.get_ref().sync_all().map_err(io)
}

/// Opens what was written and compares its names with what was meant.
fn check_written(draft: &Path, meant: &ImageSet, form: ImageFormat) -> Result<(), Failure> {
    let names = |set: &ImageSet| -> Vec<(Digest, Vec<Digest>)> {
        let layers = |image: &StoredImage| image.layers.iter().map(|layer| layer.descriptor.digest).collect();
        set.images.iter().map(|image| (image.config_descriptor.digest, layers(image))).collect()
    };
    let opened = archive::open(draft)?;
    match opened.sets() {
        [only] if opened.form() == Some(form) && names(only) == names(meant) => Ok(()),
        _ => Err(Failure::error(ErrorName::Internal, "its blobs are not those that were staged")),
    }
}

/// Whether an image for `platforms` platforms, whose layers are packed like that, fits into `form`: before anything is
/// compiled for it.
pub fn check_fits(form: ImageFormat, platforms: usize, packing: Packing) -> Result<(), Failure> {
    match form {
        ImageFormat::DockerArchive if platforms > 1 => Err(one_platform_failure()),
        ImageFormat::DockerArchive if packing == Packing::Zstd => Err(zstd_failure()),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
