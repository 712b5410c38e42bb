//! [`InspectReport`]: an image as data: config, layers, files.

use serde::Serialize;
use serde_json::Value;

use super::{
    EntryReport, RootfsListing,
    entry_report::{Counted, ReportBudget, entries},
    rootfs_listing,
};
use crate::{
    image::{ImageSet, Skip, Skipped, StoredImage, StoredLayer, drain},
    oci::{DiffId, Digest},
    report::{ErrorName, Failure, Limits, printable},
};

/// One name of a place: its images.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InspectReport {
    /// The name in the place. Foreign text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Of the manifest or index; a docker archive has neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// In the order of the index.
    pub images: Vec<ImageReport>,
    /// What is in the index and is no image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skip>,
}

/// One platform's image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageReport {
    /// What the config says: `os/architecture[/variant]`. Foreign text.
    pub platform: String,
    /// Of the manifest; a docker archive has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The image ID.
    pub config_digest: Digest,
    /// Sorted by key. Foreign text.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// The whole configuration, in the words of the specification. Foreign text.
    pub config: Value,
    /// Lowest first.
    pub layers: Vec<LayerReport>,
    /// All layers applied, where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rootfs: Option<RootfsListing>,
}

/// One layer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerReport {
    /// Of the stored bytes.
    pub digest: Digest,
    /// Of the tar.
    pub diff_id: DiffId,
    /// How it is stored. Foreign text.
    pub media_type: String,
    /// Stored bytes.
    pub size: u64,
    /// Bytes of the tar.
    pub unpacked_size: u64,
    /// The history's line, where there is one for each layer. Foreign text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// In the order of the tar.
    pub entries: Vec<EntryReport>,
}

/// Reads every layer of every image, each byte checked against its digest. What all of it takes in memory is bounded
/// by [`Limits::REPORT_BYTES`]. With `rootfs`, the layers are applied, too.
pub fn reports(sets: &[ImageSet], rootfs: bool) -> Result<Vec<InspectReport>, Failure> {
    let mut room = ReportBudget::default();
    sets.iter().map(|set| report_set(set, rootfs, &mut room)).collect()
}

fn report_set(set: &ImageSet, rootfs: bool, room: &mut ReportBudget) -> Result<InspectReport, Failure> {
    Ok(InspectReport {
        reference: set.reference.clone(),
        digest: set.root.as_ref().map(|root| root.digest),
        media_type: set.root.as_ref().map(|root| root.media_type.clone()),
        images: set.images.iter().map(|one| report_image(one, rootfs, room)).collect::<Result<_, _>>()?,
        skipped: set.skipped.iter().map(Skipped::report).collect(),
    })
}

fn report_image(image: &StoredImage, rootfs: bool, room: &mut ReportBudget) -> Result<ImageReport, Failure> {
    let config = serde_json::to_value(&image.config)
        .map_err(|error| Failure::error(ErrorName::ImageInvalid, format!("cannot show the config: {error}")))?;
    let word = |key: &str| config.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut platform = format!("{}/{}", word("os").unwrap_or_default(), word("architecture").unwrap_or_default());
    if let Some(variant) = word("variant") {
        platform = format!("{platform}/{variant}");
    }
    let mut history = history(&config, image.layers.len()).into_iter();
    let mut layers = Vec::new();
    for stored in &image.layers {
        layers.push(report_layer(stored, history.next().flatten(), room)?);
    }
    let annotations = image.manifest.as_ref().and_then(|manifest| manifest.annotations().as_ref());
    Ok(ImageReport {
        platform,
        digest: image.descriptor.as_ref().map(|blob| blob.digest),
        config_digest: image.config_descriptor.digest,
        annotations: annotations.cloned().unwrap_or_default().into_iter().collect(),
        config,
        layers,
        rootfs: if rootfs { Some(rootfs_listing::list_rootfs(image)?) } else { None },
    })
}

/// The history's line of each layer: entries that made no layer are left out; a history of another length says nothing.
fn history(config: &Value, layers: usize) -> Vec<Option<String>> {
    let entries = config.get("history").and_then(Value::as_array).cloned().unwrap_or_default();
    let made: Vec<_> = entries
        .iter()
        .filter(|entry| entry.get("empty_layer").and_then(Value::as_bool) != Some(true))
        .map(|entry| entry.get("created_by").and_then(Value::as_str).map(str::to_owned))
        .collect();
    if made.len() == layers { made } else { Vec::new() }
}

fn report_layer(
    stored: &StoredLayer,
    created_by: Option<String>,
    room: &mut ReportBudget,
) -> Result<LayerReport, Failure> {
    let fault = |error: std::io::Error| {
        let digest = stored.descriptor.digest;
        let what = format!("cannot read the layer `{digest}`: {}", printable(&error.to_string()));
        Failure::error(ErrorName::ImageInvalid, what)
    };
    let mut reader = Counted::new(stored.open_tar().map_err(fault)?);
    let entries = entries(&mut reader, Limits::ENTRIES, room).map_err(fault)?;
    // The tar ends before the stream does; only the end of the stream has been checked.
    drain(&mut reader).map_err(fault)?;
    Ok(LayerReport {
        digest: stored.descriptor.digest,
        diff_id: stored.diff_id,
        media_type: stored.descriptor.media_type.clone(),
        size: stored.descriptor.size,
        unpacked_size: reader.count(),
        created_by,
        entries,
    })
}
