//! TAR008 to TAR011: the manifest, and what it promises.
//!
//! What makes a manifest unreadable ends the reading of the place before any rule looks: duplicate keys, `layers` beside
//! `manifests`, counts that differ, sizes and digests of documents. Layers are checked while they are read; the engine
//! reports digests that do not match, and decompression bombs.

use super::{
    super::{FindingPlace, image_view::ImageView, rule_notes::RuleNotes},
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::DigestMismatch, Rule::AmbiguousManifest, Rule::ForeignLayer, Rule::ResourceBomb],
    files: true,
    run: check_manifest,
};

fn check_manifest(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for (key, message) in view.image.ambiguities() {
        notes.found(Rule::AmbiguousManifest, FindingPlace::key(key), message);
    }
    for (index, scan) in view.scans.iter().enumerate() {
        if let Some(what) = &scan.mislabelled {
            let message = format!("a layer is not what it is called: {what}");
            // Most engines look at the bytes, those that do not refuse the image.
            notes.weigh(Rule::AmbiguousManifest, Severity::Medium, view.layer(index), message);
        }
    }
    let Some(manifest) = &view.image.manifest else {
        notes.not_applicable(Rule::ForeignLayer, "a docker archive has no manifest");
        return;
    };
    if manifest.media_type().is_none() {
        let message = "the manifest has no `mediaType`; readers have to guess it";
        // The specification asks for it, and does not demand it.
        notes.weigh(Rule::AmbiguousManifest, Severity::Low, FindingPlace::key("manifest"), message);
    }
    let config = manifest.config();
    if config.urls().as_ref().is_some_and(|urls| !urls.is_empty()) {
        let message = "the config is stored elsewhere: its descriptor has `urls`";
        notes.found(Rule::ForeignLayer, FindingPlace::key("manifest.config"), message);
    }
    for (index, layer) in manifest.layers().iter().enumerate() {
        let urls = layer.urls().as_ref().is_some_and(|urls| !urls.is_empty());
        let kind = layer.media_type().to_string();
        let foreign = kind.contains("nondistributable") || kind.contains(".foreign.");
        if urls || foreign {
            let why = if urls { "its descriptor has `urls`" } else { "its media type says so" };
            notes.found(Rule::ForeignLayer, view.layer(index), format!("the layer is stored elsewhere: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::sample_image::{SampleFile, SampleImage, elf, has};
    use super::*;

    #[test]
    fn manifests_that_can_be_read_in_two_ways_and_layers_elsewhere_are_found() {
        let with = |key: &str, value: serde_json::Value| {
            let sample = SampleImage::new().layer([SampleFile::text("a", "x")]).manifest(key, value);
            has(&sample.audit(), CHECK.rules)
        };
        let manifest = "application/vnd.oci.image.manifest.v1+json";
        assert_eq!(with("mediaType", json!(manifest)), []);
        assert_eq!(
            with("mediaType", json!("application/vnd.docker.distribution.manifest.v2+json")),
            [Rule::AmbiguousManifest]
        );
        let urls = json!(["https://example.com/layer"]);
        let sample = SampleImage::new().layer([SampleFile::text("a", "x")]).layer_descriptor("urls", urls);
        assert_eq!(has(&sample.audit(), CHECK.rules), [Rule::ForeignLayer]);
    }

    #[test]
    fn a_layer_that_is_packed_in_another_way_than_it_is_called_is_read_and_reported() {
        let kind = |packing: &str| json!(format!("application/vnd.oci.image.layer.v1.tar{packing}"));
        for (packing, packed) in [("+gzip", false), ("+zstd", false), ("", true), ("+zstd", true)] {
            let sample = SampleImage::new().layer([SampleFile::new("bin/sh", &elf()).mode(0o755)]);
            let sample = sample.called(&kind(packing).to_string().replace('"', ""));
            let audit = if packed { sample.gzip(0).audit() } else { sample.audit() };
            assert!(!audit.is_incomplete(), "{packing}: {:?}", audit.images);
            assert_eq!(has(&audit, CHECK.rules), [Rule::AmbiguousManifest], "{packing}");
            assert_eq!(has(&audit, &[Rule::Shell]), [Rule::Shell], "{packing}");
        }
    }

    #[test]
    fn a_layer_that_is_not_what_its_name_says_is_found_and_never_clean() {
        let audit = SampleImage::new().layer([SampleFile::text("a", "x")]).damaged().audit();
        assert_eq!(has(&audit, CHECK.rules), [Rule::DigestMismatch]);
        assert!(audit.is_incomplete());
    }
}
