//! CFG002 and CFG003: the base image, as far as annotations name it.

use super::{
    super::{FindingPlace, image_view::ImageView, rule_notes::RuleNotes},
    rule_check::RuleCheck,
};
use crate::report::Rule;

pub(super) const CHECK: RuleCheck =
    RuleCheck { rules: &[Rule::UnpinnedBase, Rule::BaseNotAllowed], files: false, run: check_base };

const NAME: &str = "org.opencontainers.image.base.name";
const DIGEST: &str = "org.opencontainers.image.base.digest";

fn check_base(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let place = || FindingPlace::key(format!("manifest.annotations[{NAME}]"));
    let Some(name) = view.annotation_or_label(NAME) else {
        notes.not_applicable(Rule::UnpinnedBase, "the image does not say what it is based on");
        let why = if view.registries.is_empty() {
            "the policy allows any base"
        } else {
            "the image does not say what it is based on"
        };
        notes.not_applicable(Rule::BaseNotAllowed, why);
        return;
    };
    let pinned = |text: &str| text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64);
    let in_name = name.split_once('@').is_some_and(|(_, digest)| pinned(digest));
    if !view.annotation_or_label(DIGEST).is_some_and(pinned) && !in_name {
        notes.found(Rule::UnpinnedBase, place(), format!("the base `{name}` is named without its digest"));
    }
    if view.registries.is_empty() {
        notes.not_applicable(Rule::BaseNotAllowed, "the policy allows any base");
    } else if !view
        .registries
        .iter()
        .all(|list| list.iter().any(|one| is_below(name, one) || is_below(&full(name), one)))
    {
        let message = format!("the base `{name}` is from none of the policy's registries");
        notes.found(Rule::BaseNotAllowed, place(), message);
    }
}

/// A name with the registry and the folder that docker leaves out: `alpine:3` is `docker.io/library/alpine:3`.
fn full(name: &str) -> String {
    match name.split_once('/') {
        None => format!("docker.io/library/{name}"),
        Some((host, _)) if host == "localhost" || host.contains(['.', ':']) => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
    }
}

/// Whether an image's name is below `registry`, by whole components.
fn is_below(name: &str, registry: &str) -> bool {
    name.strip_prefix(registry).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']))
        // `host` and `host:5000` are two registries.
        && (registry.contains('/') || !name.get(registry.len()..).is_some_and(|rest| rest.starts_with(':')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::sample_image::{SampleImage, has};
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn a_base_is_pinned_and_from_where_the_policy_says() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let with = |name: &str, pinned: bool, registries: &[&str]| {
            let mut annotations = json!({ NAME: name });
            if pinned && let Some(map) = annotations.as_object_mut() {
                map.insert(DIGEST.to_owned(), json!(digest));
            }
            let policy = Policy {
                registries: registries.iter().map(|list| list.split(' ').map(str::to_owned).collect()).collect(),
                ..Policy::profile("default").expect("a profile")
            };
            has(&SampleImage::new().manifest("annotations", annotations).audit_by(&policy), CHECK.rules)
        };
        assert_eq!(with("ghcr.io/acme/base:1", true, &["ghcr.io/acme"]), []);
        assert_eq!(with("ghcr.io/acme/base:1", true, &["ghcr.io"]), []);
        assert_eq!(with("alpine:3", true, &["docker.io"]), []);
        assert_eq!(with("acme/base:3", true, &["docker.io/library"]), [Rule::BaseNotAllowed]);
        assert_eq!(with(&format!("ghcr.io/acme/base@{digest}"), false, &[]), []);
        assert_eq!(with("ghcr.io/acme/base@sha256:1", false, &[]), [Rule::UnpinnedBase]);
        assert_eq!(with("ghcr.io/acme/base:1", false, &[]), [Rule::UnpinnedBase]);
        assert_eq!(with("ghcr.io/acmeevil/base:1", true, &["ghcr.io/acme"]), [Rule::BaseNotAllowed]);
        assert_eq!(with("ghcr.io:5000/acme/base:1", true, &["ghcr.io"]), [Rule::BaseNotAllowed]);
        assert_eq!(has(&SampleImage::new().audit(), CHECK.rules), []);
    }
}
