//! Where the entries of a recipe lie on a base: links of the base are followed as runtimes do, and what may replace a
//! path of the base is checked.

use super::{NodeKind, PlannedNode, PlannedRootfs};
use crate::{
    build::plan::GroupKind,
    oci::ImagePath,
    report::{ErrorName, Failure, Limits, Origin, printable},
    rootfs::{Visit, WalkStep, child},
};

impl PlannedRootfs {
    /// Where an entry for `path` really lies: a folder above it that is a link in the base is followed inside of the
    /// root, as every runtime does when it unpacks the layer, and never replaced by a folder.
    ///
    /// Links of the recipe itself are not followed; [`PlannedRootfs::add_parents`] refuses them.
    pub(super) fn resolve_through_base(&self, path: ImagePath, origin: &Origin) -> Result<ImagePath, Failure> {
        if !self.has_base {
            return Ok(path);
        }
        let Some(parent) = path.parent() else { return Ok(path) };
        let mut links = 0;
        let refuse = |at: &str, what: &str| {
            let what = format!("`{path}` needs a folder at `{}`, which is {what} in the base", printable(at));
            Failure::error(ErrorName::EntryConflict, what).at(origin)
        };
        let folder = self.nodes.walk(parent.as_str(), |visit| {
            let Visit::Component { at, node, .. } = visit else { return Ok(WalkStep::Enter) };
            let Some(node) = node.filter(|node| node.group == GroupKind::Base) else { return Ok(WalkStep::Enter) };
            match &node.kind {
                NodeKind::Directory => Ok(WalkStep::Enter),
                NodeKind::Symlink(target) if links < Limits::LINK_DEPTH => {
                    links += 1;
                    Ok(WalkStep::Follow(target))
                }
                NodeKind::Symlink(_) => {
                    let at = printable(at);
                    let what = format!("`{path}` lies behind `{at}`, a link of the base that leads to itself");
                    Err(Failure::error(ErrorName::EntryConflict, what).at(origin))
                }
                NodeKind::File(_) => Err(refuse(at, "a file")),
                NodeKind::Special => Err(refuse(at, "a device")),
            }
        })?;
        let real = child(&folder, path.file_name());
        if real.len() > Limits::PATH_BYTES {
            let what =
                format!("`{path}` lies behind links of the base, and its path there is longer than Linux can open");
            return Err(Failure::error(ErrorName::EntryConflict, what).at(origin));
        }
        Ok(ImagePath::foreign(real))
    }

    /// Whether `node` may go over `there`, which the base has at `path`.
    pub(super) fn check_replaces_base(
        &self,
        path: &ImagePath,
        there: &PlannedNode,
        node: &PlannedNode,
    ) -> Result<(), Failure> {
        let refuse = |what: String| Failure::error(ErrorName::EntryConflict, what).at(&node.origin);
        let to_folder = |path: &ImagePath| {
            let end = self.nodes.resolve(path.as_str());
            end.is_ok_and(|end| end.node.is_none_or(|node| matches!(node.kind, NodeKind::Directory)))
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
