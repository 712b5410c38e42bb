//! `hardpan inspect --runtime`: prints a deployment for an image.

use super::inspect::inspect;
use crate::{
    inspect::runtime::{Profile, Runtime},
    oci::Platform,
    registry::Access,
    report::{ErrorName, Failure, Failures, printable},
};

/// The deployment of the one image that `image` names, for `runtime`; `repository` is where it will be pulled from.
///
/// Of several platforms this machine's counts, else the first: they mostly differ in their programs alone.
pub fn deployment(
    image: &str,
    runtime: Runtime,
    repository: Option<&str>,
    access: &Access,
) -> Result<String, Failures> {
    let inspected = inspect(image, false, access)?;
    let [report] = inspected.contents.as_slice() else {
        let what =
            format!("`{}` holds {} images, and a deployment is of one", printable(image), inspected.contents.len());
        return Err(Failure::error(ErrorName::Usage, what).hint("`skopeo copy` takes one of them out").into());
    };
    let here = Platform::parse(&format!("linux/{}", std::env::consts::ARCH));
    let architecture = here.map_or("", |platform| platform.architecture);
    let path = image.rsplit_once(':').map_or(image, |(_, path)| path).trim_end_matches('/');
    let file_name = path.rsplit('/').next().unwrap_or(path);
    let profile = Profile::of(report, architecture, repository, file_name)?;
    Ok(runtime.deployment(&profile))
}
