//! [`ImageList`]: the images that a call of `hardpan audit` names: as arguments, in lists, or by a folder that holds them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use super::{super::open_image, fleet::OtherFile};
use crate::{
    image::{LAYOUT_INDEX, LAYOUT_MARKER, LocalReference},
    report::{ErrorName, Failure, Limits, Origin, SourceText, printable},
};

/// The name of the list that is standard input.
const STDIN: &str = "-";

/// What a call names, in its order.
#[derive(Debug)]
pub(super) struct ImageList {
    pub(super) places: Vec<NamedPlace>,
    /// Whether the report is one of several images, however many they turn out to be.
    pub(super) is_fleet: bool,
}

/// A name of the call, and what it stands for.
#[derive(Debug)]
pub(super) enum NamedPlace {
    /// An image, as `hardpan inspect` takes one too.
    Image(String),
    /// A folder that is no layout, and what lies in it, sorted by name.
    Folder(String, Vec<FolderEntry>),
}

/// Something in a folder of images.
#[derive(Debug)]
pub(super) enum FolderEntry {
    /// A layout, be it damaged or not.
    Layout(String),
    /// A file, which may be an archive.
    File(String),
    /// Something that could not be looked at: its path, and why.
    Unknown(String, Failure),
    /// Neither a layout nor a file.
    Other(OtherFile),
}

impl ImageList {
    /// The images of a call: those of its arguments, then those of the lists. A name that comes again is left out.
    ///
    /// # Errors
    /// A list that cannot be read, a line or an argument that is no reference, no image at all, or too many.
    pub(super) fn of(arguments: &[String], lists: &[impl AsRef<Path>]) -> Result<Self, Failure> {
        let mut names = Vec::new();
        for name in arguments {
            check_syntax(name)?;
            names.push(name.clone());
        }
        for list in lists {
            names.extend(read_list(list.as_ref())?);
        }
        if names.is_empty() {
            let lists: Vec<_> = lists.iter().map(|list| shown_name(list.as_ref())).collect();
            let what = format!("no image is named in {}", lists.join(", "));
            return Err(Failure::error(ErrorName::Usage, what).hint("write one reference or path a line"));
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let places = names.into_iter().map(NamedPlace::of).collect::<Result<Vec<_>, _>>()?;
        let count: usize = places.iter().map(NamedPlace::count).sum();
        if count > Limits::AUDIT_IMAGES {
            let what = format!("{count} images, more than the {} of one report", Limits::AUDIT_IMAGES);
            return Err(Failure::error(ErrorName::Usage, what).hint("audit them in several calls"));
        }
        let is_fleet = !lists.is_empty() || !matches!(places.as_slice(), [NamedPlace::Image(_)]);
        Ok(Self { places, is_fleet })
    }
}

impl NamedPlace {
    fn of(name: String) -> Result<Self, Failure> {
        let folder = Path::new(&name);
        let is_layout =
            || [LAYOUT_MARKER, LAYOUT_INDEX].iter().any(|part| folder.join(part).symlink_metadata().is_ok());
        if LocalReference::has_transport(&name) || !folder.is_dir() || is_layout() {
            return Ok(Self::Image(name));
        }
        let entries = read_folder(folder)?;
        // An empty folder is reported as a missing image, in the words of every verb.
        Ok(if entries.is_empty() { Self::Image(name) } else { Self::Folder(name, entries) })
    }

    fn count(&self) -> usize {
        match self {
            Self::Image(_) => 1,
            Self::Folder(_, entries) => entries.len(),
        }
    }
}

/// Everything that lies directly in a folder of images, sorted by name.
fn read_folder(folder: &Path) -> Result<Vec<FolderEntry>, Failure> {
    let fault = |error: io::Error| Failure::io("read the folder", folder, &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        names.push(entry.map_err(fault)?.file_name());
        if names.len() > Limits::AUDIT_FOLDER {
            let what = format!("the folder holds more than {} entries", Limits::AUDIT_FOLDER);
            return Err(Failure::error(ErrorName::FileKind, what).in_path(folder));
        }
    }
    names.sort_unstable();
    Ok(names.iter().map(|name| folder_entry(&folder.join(name))).collect())
}

/// What lies at `path`. Links are followed; nothing but a regular file or a layout is opened.
fn folder_entry(path: &Path) -> FolderEntry {
    let Some(name) = path.to_str().map(str::to_owned) else {
        let failure =
            Failure::error(ErrorName::FileKind, "its name is not UTF-8, so that it cannot be named").in_path(path);
        return FolderEntry::Unknown(path.to_string_lossy().into_owned(), failure);
    };
    let other = |reason: &str| FolderEntry::Other(OtherFile { path: name.clone(), reason: reason.to_owned() });
    match fs::metadata(path) {
        Err(error) => FolderEntry::Unknown(name, Failure::io("open the image", path, &error)),
        Ok(found) if found.is_file() => FolderEntry::File(name),
        Ok(found) if !found.is_dir() => other("neither a folder nor a regular file"),
        // A damaged layout is an image that cannot be opened, not something else.
        Ok(_) if [LAYOUT_MARKER, LAYOUT_INDEX].iter().any(|part| path.join(part).symlink_metadata().is_ok()) => {
            FolderEntry::Layout(name)
        }
        Ok(_) => other("a folder without `oci-layout`"),
    }
}

/// The names in a list: one a line, without blanks around it; empty lines and lines that begin with `#` are passed over.
fn read_list(path: &Path) -> Result<Vec<String>, Failure> {
    let shown = shown_name(path);
    let fault = |error: io::Error| Failure::io("read the list of images", &shown, &error);
    let mut bytes = Vec::new();
    let mut read =
        |input: &mut dyn Read| input.take(Limits::IMAGE_LIST_BYTES + 1).read_to_end(&mut bytes).map_err(fault);
    if path == Path::new(STDIN) {
        read(&mut io::stdin().lock())?
    } else {
        read(&mut File::open(path).map_err(fault)?)?
    };
    if bytes.len() as u64 > Limits::IMAGE_LIST_BYTES {
        let what = format!("the list of images is larger than {} MiB", Limits::IMAGE_LIST_BYTES >> 20);
        return Err(Failure::error(ErrorName::Usage, what).in_path(&shown));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count();
        Failure::error(ErrorName::Usage, "the list of images is not UTF-8").in_path(format!("{shown}:{}", line + 1))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
    let source = Arc::new(SourceText { path: printable(&shown).into_owned(), text });
    let mut names = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let name = line.trim();
        let at = start + (line.len() - line.trim_start().len());
        start += line.len();
        if name.is_empty() || name.starts_with('#') {
            continue;
        }
        check_line(name).map_err(|failure| failure.at(&Origin::new(&source, at..at + name.len())))?;
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Refuses a line that can be no image, so that a list with a mistake is not audited in part.
fn check_line(name: &str) -> Result<(), Failure> {
    if name.contains(char::is_control) {
        return Err(Failure::error(ErrorName::Reference, "the line holds a control character"));
    }
    if name.contains(char::is_whitespace) && !Path::new(name).exists() {
        return Err(Failure::error(ErrorName::Reference, "the line holds more than the name of one image")
            .hint("write one reference or path a line; a comment has its own line, which begins with `#`"));
    }
    check_syntax(name)
}

/// Refuses what no image is called, before any image is read. Whether there is one is not asked here.
fn check_syntax(name: &str) -> Result<(), Failure> {
    let is_about_the_name = |failure: &Failure| failure.name == Some(ErrorName::Reference);
    let refusals = [open_image::remote(name).err(), LocalReference::parse(name, |path| Path::new(path).exists()).err()];
    refusals.into_iter().flatten().find(is_about_the_name).map_or(Ok(()), Err)
}

/// The name of a list in messages.
fn shown_name(path: &Path) -> String {
    if path == Path::new(STDIN) { "stdin".to_owned() } else { path.to_string_lossy().into_owned() }
}
