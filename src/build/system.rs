//! The system layer of an image without a base: root certificates, passwd, group, `/tmp`, time zones. Its bytes are
//! part of `format = 1`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    bundles,
    certificates::{BUNDLE_PATH, RootCertificates},
    host_bound::HostBound,
    plan::GroupKind,
    planned_rootfs::{FileBody, NodeKind, PlannedNode, PlannedRootfs},
    timezones,
};
use crate::{
    oci::{ImagePath, User},
    recipe::{Certificates, Located, Passwd, SystemSettings},
    report::{ErrorName, Failure, Limits, Origin, Progress},
};

/// Adds the system layer's files to `rootfs`, with the certificates of [`bundle`] and the time zones of [`zones`].
pub(super) fn add(
    system: &SystemSettings,
    user: User,
    bundle: Option<&Arc<Vec<u8>>>,
    zones: &BTreeMap<&'static str, &'static [u8]>,
    rootfs: &mut PlannedRootfs,
) -> Result<(), Failure> {
    let origin = &system.origin;
    let mut file = |path: &str, text: Arc<Vec<u8>>| {
        let node =
            PlannedNode::file(FileBody::Memory(text), 0o444, GroupKind::System, origin).with_replace(system.replace);
        rootfs.add(image_path(path, origin)?, node)
    };
    if system.passwd == Passwd::Written {
        file("/etc/passwd", Arc::new(passwd(user).into_bytes()))?;
        file("/etc/group", Arc::new(group(user).into_bytes()))?;
    }
    if let Some(bundle) = bundle {
        file(BUNDLE_PATH, Arc::clone(bundle))?;
    }
    for (name, bytes) in zones {
        file(&format!("{}/{name}", timezones::FOLDER), Arc::new(bytes.to_vec()))?;
    }
    if system.tmp {
        let path = image_path("/tmp", origin)?;
        let node = PlannedNode { mode: 0o1777, ..PlannedNode::directory(GroupKind::System, origin) }
            .with_replace(system.replace);
        let same = |there: &PlannedNode| {
            (there.mode, there.uid, matches!(there.kind, NodeKind::Directory)) == (0o1777, 0, true)
        };
        if !rootfs.get(path.as_str()).is_some_and(same) {
            rootfs.add(path, node)?;
        }
    }
    Ok(())
}

/// `/etc/passwd`, part of `format = 1`. No user has a password, a home or a shell.
pub(super) fn passwd(user: User) -> String {
    format!(
        "root:x:0:0:root:/nonexistent:/sbin/nologin\nnonroot:x:{}:{}:nonroot:/nonexistent:/sbin/nologin\n",
        user.uid, user.gid
    )
}

/// `/etc/group`, part of `format = 1`.
pub(super) fn group(user: User) -> String {
    format!("root:x:0:\nnonroot:x:{}:\n", user.gid)
}

/// The time zones of `version` by their names; none where the recipe wants none.
pub(super) fn zones(system: &SystemSettings, version: &str) -> Result<BTreeMap<&'static str, &'static [u8]>, Failure> {
    if system.timezones {
        timezones::files(version).map_err(|failure| failure.at(&system.origin))
    } else {
        Ok(BTreeMap::new())
    }
}

/// The certificates as PEM; `None` where the recipe wants none, or has none but those of its base. Mozilla's are those of
/// `version`; private ones join those of the base, which are in `base`. Warns of those that had expired at `now`, once of
/// each.
pub(super) fn bundle(
    system: &SystemSettings,
    version: &str,
    base: Option<&[u8]>,
    bound: &HostBound,
    now: u64,
    progress: &dyn Progress,
) -> Result<Option<Arc<Vec<u8>>>, Failure> {
    let mut warned = BTreeSet::new();
    let mut roots = match &system.certificates {
        Certificates::Mozilla => bundles::roots(version).map_err(|failure| failure.at(&system.origin))?,
        Certificates::None | Certificates::File(_) | Certificates::Base => RootCertificates::default(),
    };
    if let Some(text) = base.filter(|_| !system.extra_certificates.is_empty()) {
        // No warnings: expired certificates of a base are not the recipe's.
        let _ = roots.add_pem("the base's certificates", text, now).map_err(|failure| failure.at(&system.origin))?;
    }
    let own = match &system.certificates {
        Certificates::File(file) => Some(file),
        _ => None,
    };
    for path in own.into_iter().chain(&system.extra_certificates) {
        let warnings = read(path, bound)
            .and_then(|text| roots.add_pem(&path.value, &text, now))
            .map_err(|failure| failure.at(&path.origin))?;
        for warning in warnings.into_iter().filter(|warning| warned.insert(warning.what.clone())) {
            progress.warn(&warning.at(&path.origin));
        }
    }
    if roots.len() == 0 { Ok(None) } else { Ok(Some(Arc::new(roots.to_pem()?))) }
}

/// A certificate file, whole and bounded.
fn read(path: &Located<String>, bound: &HostBound) -> Result<Vec<u8>, Failure> {
    let real = bound.resolve(path, &path.value)?;
    super::pinned::read_small(&real, &path.value, Limits::CERTIFICATE_BYTES)
}

/// A fixed path of this module. A mistake in one would be a failure, not a panic.
fn image_path(path: &str, origin: &Origin) -> Result<ImagePath, Failure> {
    ImagePath::parse(path).map_err(|error| Failure::error(ErrorName::Internal, format!("`{path}`: {error}")).at(origin))
}

/// The certificates at their usual place, when they are there.
pub(super) fn base_bundle(rootfs: &PlannedRootfs) -> Option<Vec<u8>> {
    rootfs.file_at(BUNDLE_PATH)?.2.read_small()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwd_and_group_name_root_and_the_run_user() {
        let user = User { uid: 1000, gid: 2000 };
        assert_eq!(
            passwd(user),
            "root:x:0:0:root:/nonexistent:/sbin/nologin\nnonroot:x:1000:2000:nonroot:/nonexistent:/sbin/nologin\n"
        );
        assert_eq!(group(user), "root:x:0:\nnonroot:x:2000:\n");
    }
}
