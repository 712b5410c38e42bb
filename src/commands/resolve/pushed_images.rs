//! [`PushedImages`]: what was pushed where, by the name of the image.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::{
    commands::build::{BuiltImage, PUSHED_KEY},
    registry::Reference,
    report::{ErrorName, Failure, Limits, printable, quoted, shown},
};

/// Pushed images by name.
#[derive(Debug, Default)]
pub(super) struct PushedImages(BTreeMap<String, PushedImage>);

/// One image.
#[derive(Debug)]
struct PushedImage {
    /// The metadata file that names it; none of a build of this call.
    file: Option<PathBuf>,
    /// `HOST/REPOSITORY@sha256:...` for each repository, in the order of the push.
    places: Vec<String>,
}

impl PushedImages {
    /// What a build of this call has pushed.
    pub(super) fn of_build<'b>(images: impl Iterator<Item = &'b BuiltImage>) -> Self {
        let pushed = |image: &BuiltImage| PushedImage { file: None, places: image.pushed_places() };
        Self(images.map(|image| (image.name.clone(), pushed(image))).collect())
    }

    /// What metadata files say.
    ///
    /// # Errors
    /// A file that cannot be read or is none of `build --metadata-file`, or two files that name one image differently.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut all: BTreeMap<String, PushedImage> = BTreeMap::new();
        for path in paths {
            for (name, places) in read_metadata(path)? {
                if let Some(other) = all.get(&name).filter(|other| other.places != places) {
                    let file = other.file.as_deref().map(Path::to_string_lossy).unwrap_or_default();
                    let what = format!("{} is in `{}`, too, with another digest", quoted(&name), printable(&file));
                    return Err(Failure::error(ErrorName::Metadata, what)
                        .in_path(path)
                        .hint("name the newer file alone"));
                }
                all.insert(name, PushedImage { file: Some(path.clone()), places });
            }
        }
        Ok(Self(all))
    }

    /// Whether an image has that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Where the image called `name` is; of several repositories the one that is `registry` or lies below it.
    ///
    /// # Errors
    /// No such image, one that was not pushed, or several repositories.
    pub(super) fn image(&self, name: &str, registry: Option<&str>) -> Result<String, Failure> {
        let fault = |what: String| Failure::error(ErrorName::Metadata, what);
        let Some(PushedImage { file, places }) = self.0.get(name) else {
            return Err(fault(format!("no metadata file names the image {}", quoted(name)))
                .hint("`hardpan build --push REF --metadata-file FILE` writes one"));
        };
        let is_there = |place: &&String| registry.is_none_or(|registry| lies_below(place, registry));
        let found: Vec<_> = places.iter().filter(is_there).collect();
        match found.as_slice() {
            [place] => Ok((*place).clone()),
            [] => {
                let by =
                    file.as_ref().map(|file| format!("`{}` does not say that ", printable(&file.to_string_lossy())));
                let to = registry.map(|registry| format!(" to {}", quoted(registry))).unwrap_or_default();
                let what = match by {
                    Some(by) => format!("{by}{} was pushed{to}", quoted(name)),
                    None => format!("{} was not pushed{to}", quoted(name)),
                };
                Err(fault(what).hint("build it with `--push REF` and `--metadata-file FILE`"))
            }
            several => {
                let places = several.iter().map(|place| quoted(place)).collect::<Vec<_>>().join(", ");
                let what = format!("{} was pushed to {} repositories: {places}", quoted(name), several.len());
                Err(fault(what).hint("`--registry HOST[/PATH]` chooses one"))
            }
        }
    }
}

/// Whether `HOST/REPOSITORY@...` is in `registry`, by whole components.
fn lies_below(place: &str, registry: &str) -> bool {
    let registry = registry.trim_end_matches('/');
    place.strip_prefix(registry).is_some_and(|rest| rest.starts_with(['/', '@']))
}

/// The images of a metadata file: one, or several by name.
fn read_metadata(path: &Path) -> Result<Vec<(String, Vec<String>)>, Failure> {
    let fault = |error: io::Error| Failure::io("read the metadata", path, &error);
    let wrong = |what: String| Failure::error(ErrorName::Metadata, what).in_path(path);
    let mut bytes = Vec::new();
    File::open(path).map_err(fault)?.take(Limits::METADATA_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > Limits::METADATA_BYTES {
        return Err(wrong(format!("the file is larger than {} MiB", Limits::METADATA_BYTES >> 20)));
    }
    let document: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|error| {
        wrong(format!("the file is not one of `build --metadata-file`: {}", shown(&error.to_string())))
    })?;
    let images: Vec<&Map<String, Value>> = if document.contains_key("image.name") {
        vec![&document]
    } else {
        let inside = document.values().map(|value| value.as_object().filter(|image| image.contains_key("image.name")));
        inside
            .collect::<Option<_>>()
            .filter(|images: &Vec<_>| !images.is_empty())
            .ok_or_else(|| wrong("the file is not one of `build --metadata-file`: it has no `image.name`".to_owned()))?
    };
    let mut found = Vec::new();
    for image in images {
        // A recipe whose name is not known has failed before it had an image. Of an image that is pushed, `image.name` has its
        // references.
        let name = image.get("hardpan.name").or_else(|| image.get("image.name"));
        let Some(name) = name.and_then(Value::as_str) else { continue };
        let places = image.get(PUSHED_KEY).and_then(Value::as_array).cloned().unwrap_or_default();
        let place = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            let is_place = Reference::parse(text).is_ok_and(|reference| {
                reference.digest().is_some_and(|digest| format!("{}@{digest}", reference.name()) == text)
            });
            if is_place {
                return Ok(text.to_owned());
            }
            Err(wrong(format!(
                "`{PUSHED_KEY}` of {} holds what is no reference by digest: `{}`",
                quoted(name),
                shown(text)
            )))
        };
        found.push((name.to_owned(), places.iter().map(place).collect::<Result<_, _>>()?));
    }
    Ok(found)
}
