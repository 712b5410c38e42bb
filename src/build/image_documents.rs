//! The config, manifest and index of an image that is planned, from its layers.

use super::{
    outputs::HISTORY,
    plan::{GroupKind, Plan},
};
use crate::{
    layer::WrittenLayer,
    oci::{Descriptor, HistoryEntry, ImageConfig, ImageIndex, ImageManifest, RootFs, media_type},
};

/// The config of an image with those layers.
pub(super) fn image_config(plan: &Plan, layers: &[(GroupKind, WrittenLayer)]) -> ImageConfig {
    let created = plan.source_date.to_string();
    ImageConfig {
        platform: plan.platform.clone(),
        config: plan.config.clone(),
        rootfs: RootFs { kind: "layers", diff_ids: layers.iter().map(|(_, layer)| layer.diff_id).collect() },
        history: history(plan, &created),
        created,
    }
}

/// The manifest of an image with that config and those layers.
pub(super) fn image_manifest(plan: &Plan, config: &Descriptor, layers: &[(GroupKind, WrittenLayer)]) -> ImageManifest {
    ImageManifest {
        schema_version: 2,
        media_type: media_type::MANIFEST,
        config: config.clone(),
        layers: layers.iter().map(|(_, layer)| layer.blob.clone()).collect(),
        annotations: plan.annotations.clone(),
    }
}

/// The index of images of those plans. It has the annotations that every platform agrees on.
pub(super) fn image_index(plans: &[Plan], manifests: Vec<Descriptor>) -> ImageIndex {
    let mut annotations = plans.first().map(|plan| plan.annotations.clone()).unwrap_or_default();
    annotations.retain(|key, value| plans.iter().all(|plan| plan.annotations.get(key) == Some(value)));
    ImageIndex { schema_version: 2, media_type: media_type::INDEX, manifests, annotations }
}

/// The history: that of the base, then a line for each layer of ours.
fn history(plan: &Plan, created: &str) -> Vec<HistoryEntry> {
    let own = plan.groups.iter().map(|group| HistoryEntry {
        created: Some(created.to_owned()),
        created_by: Some(format!("{HISTORY}{}", group.kind.name())),
        ..HistoryEntry::default()
    });
    plan.base.iter().flat_map(|base| base.history.iter().cloned()).chain(own).collect()
}
