//! Looking paths up in the merged file system.

use super::{
    merged::{At, Lost, Merged, Misfit, Node, climbs_out, parent},
    place::Presence,
    scan::{Kind, LayerScan},
};
use crate::report::Limits;

/// What one step on the way to `path` costs: long paths are long to compare.
pub(super) fn cost(path: &str) -> u64 {
    1 + path.len() as u64 / 64
}

/// The path of `name` in `folder`; both are clean.
pub(super) fn child(folder: &str, name: &str) -> String {
    let folder = if folder == "/" { "" } else { folder };
    let mut path = String::with_capacity(folder.len() + 1 + name.len());
    path.push_str(folder);
    path.push('/');
    path.push_str(name);
    path
}

impl Merged {
    /// What is at `path`, all links but a last one followed where `last` is false.
    pub(super) fn resolve(&self, path: &str, last: bool, scans: &[&LayerScan]) -> Result<String, Lost> {
        self.walk(path, last, scans, |_| ())
    }

    /// The links, in their order, that lead from `path` to what is there.
    pub(super) fn links(&self, path: &str, scans: &[&LayerScan]) -> Vec<String> {
        let mut links = Vec::new();
        // What leads nowhere is told by others.
        let _ = self.walk(path, true, scans, |link| links.push(link.to_owned()));
        links
    }

    fn walk(&self, path: &str, last: bool, scans: &[&LayerScan], mut passed: impl FnMut(&str)) -> Result<String, Lost> {
        let mut at = String::from("/");
        let mut links = 0;
        let mut rest: Vec<&str> = path.split('/').rev().filter(|part| !part.is_empty()).collect();
        while let Some(part) = rest.pop() {
            self.looked.set(self.looked.get().saturating_add(1));
            match part {
                "." => continue,
                ".." => {
                    at.truncate(parent(&at).len());
                    continue;
                }
                _ => {}
            }
            let next = child(&at, part);
            self.looked.set(self.looked.get().saturating_add(cost(&next)));
            if self.is_exhausted() {
                return Err(Lost::Exhausted);
            }
            let node = self.nodes.get(&next);
            let entry = node.and_then(|node| scans.get(node.at.layer)?.entries.get(node.at.entry));
            match entry {
                Some(entry) if entry.kind == Kind::Symlink && (last || !rest.is_empty()) => {
                    links += 1;
                    passed(&next);
                    if links > Limits::LINK_DEPTH {
                        return Err(Lost::Loop);
                    }
                    let target = entry.target().unwrap_or_default();
                    if target.starts_with('/') {
                        at.truncate(1);
                    }
                    rest.extend(target.split('/').rev().filter(|part| !part.is_empty()));
                }
                Some(entry) if entry.kind != Kind::Directory && !rest.is_empty() => return Err(Lost::NotAFolder),
                Some(_) => at = next,
                // A folder that only its contents tell of.
                None if self.has_below(&next) => at = next,
                None => return Err(Lost::Absent),
            }
        }
        Ok(at)
    }

    /// Whether something is below `path`.
    fn has_below(&self, path: &str) -> bool {
        let prefix = format!("{path}/");
        self.nodes.range(prefix.clone()..).next().is_some_and(|(name, _)| name.starts_with(&prefix))
    }

    /// The node at exactly this path.
    pub(super) fn get(&self, path: &str) -> Option<Node> {
        self.nodes.get(path).copied()
    }

    /// Whether more than one path may lead to the entry.
    pub(super) fn is_shared(&self, inode: At) -> bool {
        self.linked.contains_key(&inode)
    }

    /// Every path with its node, by path.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&str, Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), *node))
    }

    /// Whether a container sees the entry.
    pub(super) fn presence(&self, at: At) -> Presence {
        self.presence.get(at.layer).and_then(|layer| layer.get(at.entry)).copied().unwrap_or_default()
    }

    /// The entry by which a container sees the content of `at`: itself, or a hard link to it.
    pub(super) fn seen_as(&self, at: At) -> Option<At> {
        if self.presence(at) == Presence::Final { Some(at) } else { self.linked.get(&at).copied() }
    }

    /// Whether so much was looked up that nothing more is.
    pub(super) fn is_exhausted(&self) -> bool {
        self.looked.get() > Limits::AUDIT_STEPS
    }

    /// What did not fit, in the order in which it was met.
    pub(super) fn misfits(&self) -> &[(At, Misfit)] {
        &self.misfits
    }

    /// What it means that an entry's path leads through this link.
    pub(super) fn through(&mut self, link: &str, target: &str, scans: &[&LayerScan]) -> Option<Misfit> {
        let layer = self.nodes.get(link)?.at.layer;
        let link = link.to_owned();
        if climbs_out(parent(&link), target) {
            return Some(Misfit::ThroughNothing { link });
        }
        let end = self.resolve(&link, true, scans);
        self.steps += self.looked.take();
        Some(match end {
            Err(Lost::Loop | Lost::Exhausted) => Misfit::ThroughNothing { link },
            Err(Lost::Absent | Lost::NotAFolder) => Misfit::ThroughLink { link, layer, to_folder: false },
            Ok(end) => {
                let to_folder =
                    self.nodes.get(&end).is_none_or(|node| Self::kind(node.at, scans) == Some(Kind::Directory));
                Misfit::ThroughLink { link, layer, to_folder }
            }
        })
    }
}
