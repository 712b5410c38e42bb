//! Parses the name of an image on a disk: a path, or skopeo's `oci:`, `oci-archive:` or `docker-archive:` with a path
//! and a name. The command line and `base` of recipes use it.

use std::path::Path;

use crate::{
    image::{ImageFormat, ImageSet, OpenedImages},
    report::{ErrorName, Failure, printable},
};

/// The transports of skopeo that lead to a disk.
const TRANSPORTS: [(&str, ImageFormat); 3] = [
    ("oci:", ImageFormat::Layout),
    ("oci-archive:", ImageFormat::OciArchive),
    ("docker-archive:", ImageFormat::DockerArchive),
];

/// The name of a layout or archive, as the user wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalReference<'a> {
    /// What the transport says it is; without one its content decides.
    form: Option<ImageFormat>,
    /// Where it is.
    pub path: &'a str,
    /// The image in it, where the transport allows one to be named.
    reference: Option<&'a str>,
}

impl<'a> LocalReference<'a> {
    /// Whether `text` begins with a transport that leads to a disk.
    pub fn has_transport(text: &str) -> bool {
        TRANSPORTS.iter().any(|(transport, _)| text.starts_with(transport))
    }

    /// Takes `text` apart. `exists` says whether there is something at a path: a path that exists is taken whole, else a
    /// name in the place may follow it, as for skopeo.
    ///
    /// # Errors
    /// A transport without a path.
    pub fn parse(text: &'a str, exists: impl Fn(&str) -> bool) -> Result<Self, Failure> {
        let transport = TRANSPORTS.iter().find_map(|(name, form)| Some((*form, text.strip_prefix(name)?)));
        let Some((form, rest)) = transport else { return Ok(Self { form: None, path: text, reference: None }) };
        if rest.is_empty() {
            return Err(Failure::error(
                ErrorName::Reference,
                format!("invalid reference: `{}` is not followed by a path", printable(text)),
            ));
        }
        let (path, reference) = match rest.split_once(':') {
            Some((path, reference)) if !exists(rest) => (path, Some(reference)),
            _ => (rest, None),
        };
        Ok(Self { form: Some(form), path, reference })
    }

    /// Opens what is at `real`, which is where the path leads, and gives the images that are meant.
    ///
    /// # Errors
    /// Something else there than the transport says, no image of that name, or a place that cannot be read.
    pub fn open(&self, real: &Path) -> Result<(Vec<ImageSet>, OpenedImages), Failure> {
        let opened = OpenedImages::open(real)?;
        let Some(form) = self.form else { return Ok((opened.sets().to_vec(), opened)) };
        check_form(&opened, form).map_err(|failure| failure.in_path(self.path))?;
        let sets = match self.reference {
            None => opened.sets().to_vec(),
            Some(reference) => named(&opened, form, reference).map_err(|failure| failure.in_path(self.path))?,
        };
        Ok((sets, opened))
    }
}

/// A place may be more than one thing, and is what it was called only if it can be read as that.
fn check_form(opened: &OpenedImages, wanted: ImageFormat) -> Result<(), Failure> {
    if opened.form() == Some(wanted) {
        return Ok(());
    }
    let found = opened.form().map_or("something else", ImageFormat::noun);
    let failure = Failure::error(ErrorName::ImageNotFound, format!("is {found}, not {}", wanted.noun()));
    Err(failure.hint("without a transport before it, its content decides"))
}

fn named(opened: &OpenedImages, form: ImageFormat, reference: &str) -> Result<Vec<ImageSet>, Failure> {
    let has = |set: &&ImageSet| set.reference.iter().chain(&set.aliases).any(|name| name == reference);
    let found: Vec<_> = opened.sets().iter().filter(has).cloned().collect();
    if found.is_empty() {
        let place = form.noun().trim_start_matches("an ").trim_start_matches("a ");
        return Err(Failure::error(
            ErrorName::ImageNotFound,
            format!("the {place} has no image called `{}`", printable(reference)),
        ));
    }
    Ok(found)
}
