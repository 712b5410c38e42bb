//! [`Profile`]: what an image needs at run time.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    ops::Bound,
};

use serde_json::Value;

use super::super::{EntryReport, ImageReport, InspectReport};
use crate::{
    oci::User,
    report::{ErrorName, Failure, Rule, printable},
};

/// The needs of an image at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// A DNS label that begins with a letter: what the deployment is called.
    pub name: String,
    /// The image by its digest: `repository@sha256:...`.
    pub image: String,
    /// Whom it runs as.
    pub user: User,
    /// The ports that it listens on, in order.
    pub ports: Vec<Port>,
    /// The paths it writes, in order. Only a volume lies in another one.
    pub mounts: Vec<WritableMount>,
    /// Directories of the run user that hold files, so that a mount would hide those: they stay read-only.
    pub hiding: Vec<String>,
}

/// A port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// 1 to 65535.
    pub number: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: &'static str,
}

/// A path that must be writable on a read-only root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WritableMount {
    /// Absolute; letters, digits and `/._-+@~` only.
    pub path: String,
    /// A DNS label that no other mount of the image has: `var-lib-hello`.
    pub name: String,
    /// Whether the image declares it as a volume: what is written there outlives the container.
    pub volume: bool,
    /// Whether it is world-writable, as `/tmp` is; else only the run user may write to it.
    pub shared: bool,
}

impl WritableMount {
    /// The name of the volume in a runtime, where other images have volumes, too.
    pub(super) fn volume_name(&self, image: &str) -> String {
        format!("{image}-{}", self.name)
    }

    /// The options of a file system in memory, the same for docker and podman.
    pub(super) fn tmpfs_options(&self, user: User) -> String {
        if self.shared { "mode=1777".to_owned() } else { format!("mode=0700,uid={},gid={}", user.uid, user.gid) }
    }
}

impl Profile {
    /// The profile of what a place holds, for the image of `architecture` or else the first one. `repository` is where
    /// the image will be pulled from, in which `{name}` is the last part of its own name; without it, the image's name in its place, or else `fallback`.
    ///
    /// # Errors
    /// No image, root or a user by name, ports and volumes that no runtime would take.
    pub fn of(
        report: &InspectReport,
        architecture: &str,
        repository: Option<&str>,
        fallback: &str,
    ) -> Result<Self, Failure> {
        let wanted = |image: &&ImageReport| image.platform.split('/').nth(1) == Some(architecture);
        let image = report.images.iter().find(wanted).or(report.images.first());
        let image = image.ok_or_else(|| Failure::error(ErrorName::ImageNotFound, "there is no image in it"))?;
        let config = image.config.get("config").unwrap_or(&Value::Null);
        let own = without_tag(report.reference.as_deref().unwrap_or(fallback));
        let repository = match repository {
            Some(repository) => without_tag(repository).replace("{name}", own.rsplit('/').next().unwrap_or(own)),
            None => own.to_owned(),
        };
        let repository = repository.as_str();
        if !is_repository(repository) {
            let what = format!("`{}` is not an image reference that could be pulled", printable(repository));
            return Err(Failure::error(ErrorName::Reference, what)
                .hint("`--as registry.example.com/name` says where it was pushed to"));
        }
        let digest = report.digest.ok_or_else(|| {
            let what = "a docker archive does not say which digest the image has in a registry";
            Failure::error(ErrorName::ImageUnsupported, what).hint("an OCI layout or archive does")
        })?;
        let user = user(config)?;
        let (mounts, hiding) = mounts(image, config, user)?;
        Ok(Self {
            name: label(repository),
            image: format!("{repository}@{digest}"),
            user,
            ports: ports(config)?,
            mounts,
            hiding,
        })
    }

    /// The names that the deployment gives to volumes that outlive a container, in the order of the mounts.
    pub fn volume_names(&self) -> Vec<String> {
        self.mounts.iter().filter(|mount| mount.volume).map(|mount| mount.volume_name(&self.name)).collect()
    }

    /// Comment lines about what the deployment does not do.
    pub(super) fn remarks(&self) -> String {
        let line =
            |path: &String| format!("# read-only, because a mount would hide the files in it: {}\n", printable(path));
        self.hiding.iter().map(line).collect()
    }

    /// The lowest port below 1024: a run user without capabilities needs a kernel setting for it.
    pub(super) fn lowest_privileged_port(&self) -> Option<u16> {
        self.ports.iter().map(|port| port.number).filter(|number| *number < 1024).min()
    }
}

/// `repository:tag@digest` without tag and digest.
fn without_tag(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rsplit_once(':') {
        // A colon before the last slash is a port's.
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

/// Whether a runtime could read it: no blanks, no quotes, nothing that a format would take for something else.
fn is_repository(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':');
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(allowed)
        && !name.contains("//")
}

/// A DNS label (RFC 1035) from the last component of a name.
fn label(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let plain: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    let begun =
        if plain.starts_with(|c: char| c.is_ascii_lowercase()) { plain.to_owned() } else { format!("app-{plain}") };
    let short: String = begun.chars().take(63).collect();
    short.trim_end_matches('-').to_owned()
}

/// `User`, which must be numbers: a runtime cannot know whether a name is root's.
fn user(config: &Value) -> Result<User, Failure> {
    let text = config.get("User").and_then(Value::as_str).unwrap_or_default();
    let (uid, gid) = text.split_once(':').unwrap_or((text, ""));
    if matches!(uid, "" | "0" | "root") {
        return Err(Failure::refused(
            Rule::RootUser,
            "the image runs as root, and a hardened deployment would not start it",
        )
        .hint("give it a numeric user first"));
    }
    if matches!(gid, "0" | "root") {
        return Err(Failure::refused(Rule::RootUser, "the image runs in root's group"));
    }
    // Without a group the runtime takes the one that passwd gives, which only the image knows; distroless images and
    // ours give the user's own number.
    let gid = if gid.is_empty() { uid } else { gid };
    let user = uid.parse().ok().zip(gid.parse().ok()).and_then(|(uid, gid)| User::new(uid, gid));
    user.ok_or_else(|| {
        let what = format!("the image's user is `{}`, not two numbers", printable(text));
        Failure::error(ErrorName::RuntimeProfile, what).hint("`runAsNonRoot` can only be checked for a numeric user")
    })
}

/// `ExposedPorts`.
fn ports(config: &Value) -> Result<Vec<Port>, Failure> {
    let exposed = config.get("ExposedPorts").and_then(Value::as_object);
    let mut ports = BTreeSet::new();
    for text in exposed.into_iter().flat_map(|map| map.keys()) {
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = ["tcp", "udp", "sctp"].into_iter().find(|known| *known == protocol);
        let number = number.parse().ok().filter(|number| *number > 0);
        let (Some(number), Some(protocol)) = (number, protocol) else {
            let what = format!("the image exposes `{}`, which is not a port", printable(text));
            return Err(Failure::error(ErrorName::RuntimeProfile, what));
        };
        ports.insert(Port { number, protocol });
    }
    Ok(ports.into_iter().collect())
}

/// Volumes, and the directories that the user may write to, outermost first. Also those that stay read-only, because
/// a mount would hide the files in them.
fn mounts(image: &ImageReport, config: &Value, user: User) -> Result<(Vec<WritableMount>, Vec<String>), Failure> {
    let (tree, mut mounts, mut hiding) = (merged(image), BTreeMap::new(), Vec::new());
    for (path, entry) in &tree {
        let mode = u32::from_str_radix(&entry.mode, 8).unwrap_or(0);
        let own = entry.uid == u64::from(user.uid) && mode & 0o200 != 0;
        let of_group = entry.gid == u64::from(user.gid) && mode & 0o020 != 0;
        let shared = mode & 0o002 != 0;
        if entry.kind != "directory"
            || !(own || of_group || shared)
            || above(path).any(|above| mounts.contains_key(above))
        {
            continue;
        }
        if below(&tree, path).any(|(_, entry)| entry.kind != "directory") {
            hiding.push((*path).to_owned());
        } else {
            mounts.insert((*path).to_owned(), mount(path, false, shared));
        }
    }
    let volumes = config.get("Volumes").and_then(Value::as_object);
    for path in volumes.into_iter().flat_map(|map| map.keys()) {
        let path = path.trim_end_matches('/');
        let shared = mounts.get(path).is_some_and(|mount| mount.shared);
        mounts.insert(path.to_owned(), mount(path, true, shared));
    }
    hiding.retain(|path| !mounts.contains_key(path));
    if let Some(path) = mounts.keys().find(|path| !is_plain(path)) {
        let what = format!(
            "`{}` must be writable, and not every runtime can mount a path with such characters",
            printable(path)
        );
        return Err(Failure::error(ErrorName::RuntimeProfile, what));
    }
    let (mut mounts, mut names) = (mounts.into_values().collect::<Vec<_>>(), BTreeSet::new());
    for mount in &mut mounts {
        let first = mount.name.clone();
        let mut number = 1;
        while !names.insert(mount.name.clone()) {
            number += 1;
            mount.name = format!("{}-{number}", first.get(..first.len().min(56)).unwrap_or_default());
        }
    }
    Ok((mounts, hiding))
}

fn mount(path: &str, volume: bool, shared: bool) -> WritableMount {
    WritableMount { path: path.to_owned(), name: label(&path.trim_matches('/').replace('/', "-")), volume, shared }
}

/// The paths above this one, without the root.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(at, _)| path.get(..at).unwrap_or_default())
}

/// Whether a path means the same in YAML, in a unit file and between the colons of a mount option.
fn is_plain(path: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | '~');
    path.len() > 1 && path.starts_with('/') && path.chars().all(allowed) && !path.split('/').any(|part| part == "..")
}

/// The file system that the layers make: later ones win, whiteouts remove.
fn merged(image: &ImageReport) -> MergedEntries<'_> {
    let mut tree = MergedEntries::new();
    for layer in &image.layers {
        // A layer's whiteouts are about the layers below it, wherever they stand in its tar.
        for entry in &layer.entries {
            let (folder, name) = entry.path.rsplit_once('/').unwrap_or_default();
            if name == ".wh..wh..opq" {
                remove_below(&mut tree, folder);
            } else if let Some(hidden) = name.strip_prefix(".wh.") {
                let hidden = format!("{folder}/{hidden}");
                tree.remove(hidden.as_str());
                remove_below(&mut tree, &hidden);
            }
        }
        for entry in &layer.entries {
            if entry.path.rsplit('/').next().is_some_and(|name| name.starts_with(".wh.")) {
                continue;
            }
            if entry.kind != "directory" {
                remove_below(&mut tree, &entry.path);
            }
            tree.insert(&entry.path, entry);
        }
    }
    tree
}

/// Entries by path.
type MergedEntries<'a> = BTreeMap<&'a str, &'a EntryReport>;

fn remove_below(tree: &mut MergedEntries<'_>, folder: &str) {
    let below: Vec<_> = below(tree, folder).map(|(path, _)| *path).collect();
    for path in below {
        tree.remove(path);
    }
}

/// The entries in `folder`, at any depth. The byte after `/` is `0`.
fn below<'t, 'a>(tree: &'t MergedEntries<'a>, folder: &str) -> btree_map::Range<'t, &'a str, &'a EntryReport> {
    let (from, to) = (format!("{folder}/"), format!("{folder}0"));
    tree.range::<str, _>((Bound::Included(from.as_str()), Bound::Excluded(to.as_str())))
}

#[cfg(test)]
mod tests;
