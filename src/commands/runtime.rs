//! `hardpan inspect --runtime`: prints deployments for images.

use std::collections::BTreeMap;

use super::inspect::inspect;
use crate::{
    inspect::runtime::{Profile, Runtime},
    oci::Platform,
    registry::Access,
    report::{ErrorName, Failure, Failures, printable, quoted},
};

/// The deployments to write.
#[derive(Debug, Clone)]
pub struct DeploymentRequest {
    /// Paths or references, as `inspect` takes them; several only for Kubernetes.
    pub images: Vec<String>,
    /// What runs them.
    pub runtime: Runtime,
    /// Where the images will be pulled from; `{name}` in it is the name of each.
    pub repository: Option<String>,
    /// The namespace of Kubernetes' objects.
    pub namespace: Option<String>,
    /// How registries are reached.
    pub access: Access,
}

/// The deployments of all images, as one text: of several a stream of YAML documents, in the order of the images.
///
/// Of several platforms this machine's counts, else the first: they mostly differ in their programs alone.
///
/// # Errors
/// A place that does not hold one image, an image that no hardened deployment would start, or two deployments of one name.
pub fn deployments(request: &DeploymentRequest) -> Result<String, Failures> {
    check_request(request)?;
    // The names of objects, and the image that took them.
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    let mut texts = Vec::with_capacity(request.images.len());
    for image in &request.images {
        let profile = profile_of(image, request)?;
        let volumes = profile.volume_names().into_iter().map(|name| format!("volume {}", quoted(&name)));
        for name in [format!("deployment {}", quoted(&profile.name))].into_iter().chain(volumes) {
            if let Some(other) = taken.insert(name.clone(), image) {
                let what = format!("the {name} of `{}` would be that of `{}`, too", printable(image), printable(other));
                return Err(Failure::error(ErrorName::OutputConflict, what)
                    .hint("the name is the last part of the repository; write each in a call of its own, with `--as`")
                    .into());
            }
        }
        texts.push(request.runtime.deployment(&profile, request.namespace.as_deref()));
    }
    Ok(texts.join("---\n"))
}

/// Refuses options that do not go together.
fn check_request(request: &DeploymentRequest) -> Result<(), Failure> {
    let fault = |what: String| Failure::error(ErrorName::Usage, what);
    let is_kubernetes = request.runtime == Runtime::Kubernetes;
    if let Some(namespace) = &request.namespace {
        if !is_kubernetes {
            return Err(fault(format!("`--namespace` is for kubernetes, not for {}", request.runtime.name())));
        }
        if !is_label(namespace) {
            return Err(fault(format!("`--namespace {}` is not a namespace", printable(namespace)))
                .hint("a namespace has up to 63 characters: a-z, 0-9, and `-` inside"));
        }
    }
    if request.images.len() > 1 && !is_kubernetes {
        let what =
            format!("{} images, and a deployment for {} is of one", request.images.len(), request.runtime.name());
        return Err(fault(what).hint("several images make one stream with `--runtime kubernetes`"));
    }
    match &request.repository {
        Some(repository) if request.images.len() > 1 && !repository.contains("{name}") => {
            let what = format!("`--as {}` is one repository for several images", printable(repository));
            Err(fault(what).hint("put `{name}` into it"))
        }
        _ => Ok(()),
    }
}

/// What the one image that `image` names needs at run time.
fn profile_of(image: &str, request: &DeploymentRequest) -> Result<Profile, Failures> {
    let inspected = inspect(image, false, &request.access)?;
    let [report] = inspected.contents.as_slice() else {
        let what =
            format!("`{}` holds {} images, and a deployment is of one", printable(image), inspected.contents.len());
        return Err(Failure::error(ErrorName::Usage, what).hint("`skopeo copy` takes one of them out").into());
    };
    let here = Platform::parse(&format!("linux/{}", std::env::consts::ARCH));
    let architecture = here.map_or("", |platform| platform.architecture);
    let path = image.rsplit_once(':').map_or(image, |(_, path)| path).trim_end_matches('/');
    let file_name = path.rsplit('/').next().unwrap_or(path);
    let profile = Profile::of(report, architecture, request.repository.as_deref(), file_name);
    // Of several images, a failure names its own.
    Ok(profile.map_err(|failure| if request.images.len() > 1 { failure.or_in_path(image) } else { failure })?)
}

/// Whether `text` is a label of RFC 1123, as Kubernetes wants the name of a namespace.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 63 && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::is_label;

    #[test]
    fn a_namespace_is_a_label() {
        for (text, expected) in [("a", true), ("team-1", true), ("1", true), ("", false), ("-a", false), ("a-", false)]
        {
            assert_eq!(is_label(text), expected, "{text}");
        }
        assert!(!is_label("Team") && !is_label("a.b") && !is_label("a b") && !is_label("a\n") && !is_label("\u{e4}"));
        assert!(is_label(&"a".repeat(63)) && !is_label(&"a".repeat(64)));
    }
}
