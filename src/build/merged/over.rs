//! How the entries of a recipe go over a base.

use super::{Merged, Node, NodeKind};
use crate::{
    build::plan::GroupKind,
    oci::ImagePath,
    report::{Failure, Limits, Origin},
};

impl Merged {
    /// Where an entry for `path` really lies: a folder above it that is a link in the base is followed inside of the
    /// root, as every runtime does when it unpacks the layer, and never replaced by a folder.
    ///
    /// Links of the recipe itself are not followed; [`Merged::close`] refuses them.
    pub(super) fn real(&self, path: ImagePath, origin: &Origin) -> Result<ImagePath, Failure> {
        if !self.has_base {
            return Ok(path);
        }
        let mut left: Vec<Vec<u8>> = path.components().map(<[u8]>::to_vec).rev().collect();
        let (mut at, mut links) = (ImagePath::root(), 0);
        // The last component is the entry itself.
        while left.len() > 1
            && let Some(name) = left.pop()
        {
            match name.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    at = at.parent().unwrap_or(at);
                    continue;
                }
                _ => {}
            }
            let next = at.join(&name).map_err(|error| Failure::new(error.to_string()).at(origin))?;
            let what = match self.nodes.get(&next) {
                Some(Node { kind: NodeKind::Symlink(target), group: GroupKind::Base, .. }) => {
                    links += 1;
                    if links > Limits::LINK_DEPTH {
                        let what = format!("`{path}` lies behind `{next}`, a link of the base that leads to itself");
                        return Err(Failure::new(what).at(origin));
                    }
                    if target.starts_with(b"/") {
                        at = ImagePath::root();
                    }
                    left.extend(target.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
                    continue;
                }
                Some(Node { kind: NodeKind::File(_), group: GroupKind::Base, .. }) => "a file",
                Some(Node { kind: NodeKind::Special, group: GroupKind::Base, .. }) => "a device",
                _ => {
                    at = next;
                    continue;
                }
            };
            let what = format!("`{path}` needs a folder at `{next}`, which is {what} in the base");
            return Err(Failure::new(what).at(origin));
        }
        let name = left.pop().unwrap_or_default();
        at.join(&name).map_err(|error| Failure::new(error.to_string()).at(origin))
    }

    /// Whether `node` may go over `there`, which the base has at `path`.
    pub(super) fn check_over(&self, path: &ImagePath, there: &Node, node: &Node) -> Result<(), Failure> {
        let refuse = |what: String| Failure::new(what).at(&node.origin);
        let to_folder = |path: &ImagePath| {
            let end = self.follow(path).ok();
            end.is_some_and(|end| self.get(&end).is_some_and(|node| matches!(node.kind, NodeKind::Directory)))
        };
        match (&there.kind, &node.kind) {
            (NodeKind::Directory, NodeKind::Directory) => {}
            (NodeKind::Directory, _) if self.below(path).next().is_some() => {
                let what = format!("`{path}` is a folder in the base with something in it, which nothing replaces");
                return Err(refuse(what).hint("give the entry another path"));
            }
            (NodeKind::Symlink(_), _) if to_folder(path) => {
                let what = format!("`{path}` is a link to a folder in the base, which nothing replaces");
                return Err(refuse(what).hint("give the entry another path; paths behind the link are followed"));
            }
            _ => {}
        }
        if node.replace {
            return Ok(());
        }
        let place = match node.group {
            GroupKind::System => "in `[system]` puts it over the base's",
            _ => "in its entry puts it over the base's",
        };
        Err(refuse(format!("the base has `{path}` already")).hint(format!("`replace = true` {place}")))
    }
}
