//! `registry-mirrors` of dockerd's `daemon.json`: mirrors of Docker Hub.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{conf_files, pull_source::FoundSource};
use crate::{
    registry::{Access, Reference, url::Url},
    report::{Failure, printable},
};

/// The file of a dockerd of this machine.
const SYSTEM: &str = "/etc/docker/daemon.json";

/// What of the file is about mirrors.
#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct DaemonFile {
    registry_mirrors: Vec<String>,
    insecure_registries: Vec<String>,
}

/// The mirrors of Docker Hub for `reference`. What cannot be used is told, and passed over: Docker Hub itself is still there.
pub(super) fn sources(reference: &Reference, access: &Access) -> Vec<FoundSource> {
    let Some((path, file)) = read(access) else { return Vec::new() };
    let mirrors = file.registry_mirrors.iter().filter_map(|mirror| {
        let source = source(mirror, &file, reference);
        if source.is_none() {
            let what = format!("the mirror `{}` is no address of a host, and is passed over", printable(mirror));
            access.notices.warn(Failure::warning(what).in_path(&path));
        }
        source
    });
    mirrors.collect()
}

/// The file of this user's dockerd, else that of the machine.
fn read(access: &Access) -> Option<(PathBuf, DaemonFile)> {
    let config = access.path("XDG_CONFIG_HOME").or_else(|| access.home.as_ref().map(|home| home.join(".config")));
    let own = config.map(|config| config.join("docker/daemon.json")).filter(|path| path.exists());
    let path = own.unwrap_or_else(|| Path::new(SYSTEM).to_owned());
    let read = match conf_files::read_text(&path) {
        Ok(None) => return None,
        Ok(Some(text)) => serde_json::from_str(&text).map_err(|error| {
            let what = format!("is no valid configuration of docker: line {}, column {}", error.line(), error.column());
            Failure::warning(what).in_path(&path)
        }),
        Err(failure) => Err(failure),
    };
    match read {
        Ok(file) => Some((path, file)),
        Err(failure) => {
            let what = format!("{}; mirrors of Docker Hub that it names are not used", failure.what);
            access.notices.warn(Failure::warning(what).or_in_path(&path));
            None
        }
    }
}

fn source(mirror: &str, file: &DaemonFile, reference: &Reference) -> Option<FoundSource> {
    let url = Url::parse(mirror).filter(Url::is_of_host)?;
    let site = url.site();
    let moved = reference.moved_to(&format!("{site}/{}", reference.repository())).ok()?;
    let is_insecure = file.insecure_registries.iter().any(|known| known.eq_ignore_ascii_case(&site));
    Some(FoundSource { reference: moved, is_insecure, is_plain: !url.https, blocked: None })
}
