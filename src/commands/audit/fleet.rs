//! [`AuditFleet`]: the audits of several images in one report.

use std::{num::NonZeroUsize, path::Path};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    AuditRequest, audit_image,
    image_list::{FolderEntry, ImageList, NamedPlace},
};
use crate::{
    audit::Audit,
    image::archive::is_archive,
    policy::Policy,
    report::{ErrorName, Failure, Limits, parallel},
};

/// Several images, audited by one policy.
#[derive(Debug)]
pub struct AuditFleet {
    /// In the order in which they were named; those of a folder in the order of their names.
    pub images: Vec<FleetImage>,
    /// What lies in a folder of images and is none.
    pub others: Vec<OtherFile>,
}

/// One image of several.
#[derive(Debug)]
pub struct FleetImage {
    /// Its name, as it was given; in a folder, its path.
    pub image: String,
    /// One audit for each name in the place, or why there is none. An audit that is not there is never a pass.
    pub result: Result<Vec<Audit>, Failure>,
}

/// Something in a folder of images that is no image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OtherFile {
    /// Its path.
    pub path: String,
    /// Why it is no image.
    pub reason: String,
}

/// What came of one entry of a folder, or of one name.
enum AuditedEntry {
    Image(FleetImage),
    Other(OtherFile),
}

impl FleetImage {
    /// Its audits; none where it could not be opened.
    pub fn audits(&self) -> &[Audit] {
        self.result.as_deref().unwrap_or_default()
    }
}

impl AuditFleet {
    /// Audits every image of `list`, up to `jobs` at a time, whatever is wrong with others.
    pub(super) fn audit(list: ImageList, policy: &Policy, request: &AuditRequest) -> Self {
        // An audit may take `AUDIT_BYTES`, so that their number at one time bounds the memory of all.
        let threads = request.jobs.min(NonZeroUsize::new(Limits::AUDITS_AT_ONCE).unwrap_or(NonZeroUsize::MIN));
        let audit = |image: String| {
            let result = audit_image(&image, policy, request);
            FleetImage { image, result }
        };
        let mut folders = Vec::new();
        let mut entries = Vec::new();
        for place in list.places {
            match place {
                NamedPlace::Image(image) => entries.push((None, FolderEntry::Layout(image))),
                NamedPlace::Folder(name, inside) => {
                    entries.extend(inside.into_iter().map(|entry| (Some(folders.len()), entry)));
                    folders.push(name);
                }
            }
        }
        let audited = parallel::map("audit", threads, entries, |_, (folder, entry)| {
            let entry = match entry {
                FolderEntry::Layout(image) => AuditedEntry::Image(audit(image)),
                FolderEntry::File(path) => match audit(path) {
                    // A file of a folder that is no archive of an image was not meant as one.
                    FleetImage { image: path, result: Err(failure) } if is_no_archive(&path, &failure) => {
                        AuditedEntry::Other(OtherFile { path, reason: failure.what })
                    }
                    audited => AuditedEntry::Image(audited),
                },
                FolderEntry::Unknown(image, failure) => AuditedEntry::Image(FleetImage { image, result: Err(failure) }),
                FolderEntry::Other(other) => AuditedEntry::Other(other),
            };
            (folder, entry)
        });
        let has_image =
            |folder| audited.iter().any(|(of, entry)| *of == Some(folder) && matches!(entry, AuditedEntry::Image(_)));
        let without: Vec<usize> = (0..folders.len()).filter(|folder| !has_image(*folder)).collect();
        let mut fleet = Self { images: Vec::new(), others: Vec::new() };
        let mut empty = without.into_iter().peekable();
        for (folder, entry) in audited {
            if let Some(at) = empty.next_if(|at| folder == Some(*at)) {
                fleet.images.extend(folders.get(at).map(|name| without_image(name)));
            }
            match entry {
                AuditedEntry::Image(image) => fleet.images.push(image),
                AuditedEntry::Other(other) => fleet.others.push(other),
            }
        }
        fleet
    }
}

/// Whether the file that was opened is something else than an image, and not one that is damaged, empty or gone.
fn is_no_archive(path: &str, failure: &Failure) -> bool {
    let path = Path::new(path);
    failure.name == Some(ErrorName::ImageNotFound) && path.exists() && !is_archive(path)
}

/// A folder that was named and holds no image: a mistake in the call, which is no pass.
fn without_image(folder: &str) -> FleetImage {
    let failure = Failure::error(ErrorName::ImageNotFound, "is neither an OCI layout nor a folder that holds images");
    FleetImage { image: folder.to_owned(), result: Err(failure.in_path(folder)) }
}
