//! Looking paths up in the merged file system.

use std::ops::Bound;

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

/// What is left of a walk: the rest of a path, and in front of it those of the links that it led through.
#[derive(Debug)]
pub(super) struct Way<'a> {
    /// The parts that come next, without a slash before them.
    next: &'a str,
    /// What follows those, the nearest last; none of it is empty.
    later: Vec<&'a str>,
}

impl<'a> Way<'a> {
    /// All of `path`.
    pub(super) fn along(path: &'a str) -> Self {
        Self { next: path.trim_start_matches('/'), later: Vec::new() }
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.next.is_empty() && self.later.is_empty()
    }

    /// Goes where a link leads, before the rest.
    pub(super) fn turn(&mut self, target: &'a str) {
        let rest = std::mem::replace(&mut self.next, target.trim_start_matches('/'));
        if !rest.is_empty() {
            self.later.push(rest);
        }
    }
}

impl<'a> Iterator for Way<'a> {
    type Item = &'a str;

    /// The next part, as it is written: `.` and `..` too.
    fn next(&mut self) -> Option<&'a str> {
        if self.next.is_empty() {
            self.next = self.later.pop()?;
        }
        let (part, rest) = self.next.split_once('/').unwrap_or((self.next, ""));
        self.next = rest.trim_start_matches('/');
        Some(part)
    }
}

/// What a path leads to.
#[derive(Debug)]
pub(super) struct End {
    /// The path of it, without links and dots.
    pub(super) path: String,
    /// What is there; nothing is in a folder that only its contents tell of.
    pub(super) node: Option<Node>,
}

impl Merged {
    /// What is at `path`, all links followed.
    pub(super) fn resolve(&self, path: &str, scans: &[&LayerScan]) -> Result<End, Lost> {
        self.walk(path, scans, |_| ())
    }

    /// The links, in their order, that lead from `path` to what is there.
    pub(super) fn links(&self, path: &str, scans: &[&LayerScan]) -> Vec<String> {
        let mut links = Vec::new();
        // What leads nowhere is told by others.
        let _ = self.walk(path, scans, |link| links.push(link.to_owned()));
        links
    }

    fn walk(&self, path: &str, scans: &[&LayerScan], mut passed: impl FnMut(&str)) -> Result<End, Lost> {
        // Rules look hundreds of paths up: the way to each is one text that grows, with room for a last slash. The root
        // is nothing in it.
        let mut at = String::with_capacity(path.len() + 2);
        // What is at it, where that was looked up.
        let mut here = None;
        let mut links = 0;
        let mut way = Way::along(path);
        while let Some(part) = way.next() {
            self.looked.set(self.looked.get().saturating_add(1));
            match part {
                "." => continue,
                ".." => {
                    at.truncate(memchr::memrchr(b'/', at.as_bytes()).unwrap_or(0));
                    here = None;
                    continue;
                }
                _ => {}
            }
            let folder = at.len();
            at.push('/');
            at.push_str(part);
            self.looked.set(self.looked.get().saturating_add(cost(&at)));
            if self.is_exhausted() {
                return Err(Lost::Exhausted);
            }
            let node = self.get(&at);
            let entry = node.and_then(|node| scans.get(node.at.layer)?.entries.get(node.at.entry));
            match entry {
                Some(entry) if entry.kind == Kind::Symlink => {
                    links += 1;
                    passed(&at);
                    if links > Limits::LINK_DEPTH {
                        return Err(Lost::Loop);
                    }
                    let target = entry.target().unwrap_or_default();
                    at.truncate(if target.starts_with('/') { 0 } else { folder });
                    here = None;
                    way.turn(target);
                }
                Some(entry) if entry.kind != Kind::Directory && !way.is_done() => return Err(Lost::NotAFolder),
                Some(_) => here = Some(node),
                // A folder that only its contents tell of.
                None if self.has_below(&mut at) => here = Some(node),
                None => return Err(Lost::Absent),
            }
        }
        if at.is_empty() {
            at.push('/');
        }
        let node = here.unwrap_or_else(|| self.get(&at));
        Ok(End { path: at, node })
    }

    /// Whether something is below `path`, which is no node; it is given back as it was.
    pub(super) fn has_below(&self, path: &mut String) -> bool {
        let is_told = self.orphans.as_ref().is_some_and(|orphans| orphans.number == 0);
        // Layers are sorted: most entries come behind all others.
        let is_last = || self.nodes.last_key_value().is_none_or(|(last, _)| last.as_str() <= path.as_str());
        if is_told || is_last() {
            return false;
        }
        let length = path.len();
        path.push('/');
        let mut below = self.nodes.range::<str, _>((Bound::Excluded(path.as_str()), Bound::Unbounded));
        let is_one = below.next().is_some_and(|(name, _)| name.starts_with(path.as_str()));
        path.truncate(length);
        is_one
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

    /// The folder that `path` leads to when the links in it are followed, while the layers are put together; a folder that
    /// is not there is taken as it is written. Tells the first thing on the way that is no folder.
    pub(super) fn follow_folder(&mut self, path: &str, scans: &[&LayerScan]) -> (String, Option<Misfit>) {
        // As in a look-up, the root is nothing in it.
        let mut at = String::with_capacity(path.len() + 1);
        let mut misfit = None;
        let mut links = 0;
        let mut way = Way::along(path);
        while let Some(part) = way.next() {
            match part {
                "." => continue,
                ".." => {
                    self.steps += 1;
                    at.truncate(memchr::memrchr(b'/', at.as_bytes()).unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let folder = at.len();
            at.push('/');
            at.push_str(part);
            self.steps += cost(&at);
            let node = self.nodes.get(&at);
            let entry = node.and_then(|node| scans.get(node.at.layer)?.entries.get(node.at.entry));
            match entry.map(|entry| (entry, entry.kind)) {
                None | Some((_, Kind::Directory)) => {}
                Some((entry, Kind::Symlink)) if links < Limits::LINK_DEPTH => {
                    links += 1;
                    let target = entry.target().unwrap_or_default();
                    if misfit.is_none() {
                        misfit = self.through(&at, target, scans);
                    }
                    at.truncate(if target.starts_with('/') { 0 } else { folder });
                    way.turn(target);
                }
                // Too many links: that is worse than what was met before.
                Some((_, Kind::Symlink)) => misfit = Some(Misfit::ThroughNothing { link: at.clone() }),
                Some(_) => misfit = misfit.or_else(|| Some(Misfit::ThroughFile { file: at.clone() })),
            }
        }
        if at.is_empty() {
            at.push('/');
        }
        (at, misfit)
    }

    /// What it means that an entry's path leads through this link.
    pub(super) fn through(&mut self, link: &str, target: &str, scans: &[&LayerScan]) -> Option<Misfit> {
        let layer = self.nodes.get(link)?.at.layer;
        let link = link.to_owned();
        if climbs_out(parent(&link), target) {
            return Some(Misfit::ThroughNothing { link });
        }
        let end = self.resolve(&link, scans);
        self.steps += self.looked.take();
        Some(match end {
            Err(Lost::Loop | Lost::Exhausted) => Misfit::ThroughNothing { link },
            Err(Lost::Absent | Lost::NotAFolder) => Misfit::ThroughLink { link, layer, to_folder: false },
            Ok(end) => {
                let to_folder = end.node.is_none_or(|node| Self::kind(node.at, scans) == Some(Kind::Directory));
                Misfit::ThroughLink { link, layer, to_folder }
            }
        })
    }
}

#[cfg(test)]
mod tests;
