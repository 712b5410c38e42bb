//! [`Rootfs`]: a file system as a tree of paths, and the only code that follows symbolic links in images.

use std::{cell::Cell, collections::BTreeMap, ops::Bound};

use crate::{oci::ImagePath, report::Limits};

/// How a walk along a path goes on at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalkStep<'a> {
    /// It goes into a directory.
    Enter,
    /// It goes where a symbolic link leads.
    Follow(&'a str),
    /// It ends: a file, a device or a FIFO has nothing below it.
    End,
}

/// A node of a [`Rootfs`].
pub trait RootfsNode {
    /// How a walk goes on from here.
    fn step(&self) -> WalkStep<'_>;
}

/// A file system, each path once. Used for the layers of an image (as an audit and a base have them) and for the image that
/// a recipe plans, so that both follow links alike.
///
/// A directory that only the paths below it tell of is one, too.
#[derive(Debug, Clone)]
pub struct Rootfs<N> {
    nodes: BTreeMap<ImagePath, N>,
    /// Whether every path lies in a directory that is a node, so that there is nothing below a path that is none.
    is_closed: bool,
    /// The cost of all walks together.
    looked: Cell<u64>,
}

/// A resolved path.
#[derive(Debug)]
pub struct Resolved<'n, N> {
    /// The path of it, without links and dots.
    pub path: String,
    /// What is there; `None` is a directory that only its contents tell of.
    pub node: Option<&'n N>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveError {
    /// There is nothing at the path, or at the end of its links (ENOENT).
    Absent,
    /// Its links lead in a circle, or are more than [`Limits::LINK_DEPTH`] (ELOOP).
    Loop,
    /// A component that should be a directory is none (ENOTDIR).
    NotADirectory,
    /// All walks together took more than [`Limits::AUDIT_STEPS`].
    Exhausted,
}

/// The cost of one step on the way to `path`: long paths are long to compare.
pub fn cost(path: &str) -> u64 {
    1 + path.len() as u64 / 64
}

/// The directory of an absolute, clean path; the root is its own.
pub fn parent(path: &str) -> &str {
    match memchr::memrchr(b'/', path.as_bytes()) {
        Some(0) | None => "/",
        Some(at) => path.get(..at).unwrap_or("/"),
    }
}

/// `path`, written in the directory `base`, made absolute and clean. Climbing above the root stays there, as for the kernel.
pub fn join(base: &str, path: &str) -> String {
    let base = if path.starts_with('/') { "" } else { base };
    let mut joined = String::with_capacity(base.len() + path.len() + 2);
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => joined.truncate(memchr::memrchr(b'/', joined.as_bytes()).unwrap_or(0)),
            part => {
                joined.push('/');
                joined.push_str(part);
            }
        }
    }
    if joined.is_empty() {
        joined.push('/');
    }
    joined
}

/// The path of `name` in `directory`; both are clean.
pub fn child(directory: &str, name: &str) -> String {
    let directory = if directory == "/" { "" } else { directory };
    let mut path = String::with_capacity(directory.len() + 1 + name.len());
    path.push_str(directory);
    path.push('/');
    path.push_str(name);
    path
}

/// Whether `path`, written in the directory `base`, climbs above the root.
pub fn climbs_out(base: &str, path: &str) -> bool {
    let mut depth = if path.starts_with('/') { 0 } else { base.split('/').filter(|part| !part.is_empty()).count() };
    path.split('/').any(|part| match part {
        "" | "." => false,
        ".." if depth == 0 => true,
        ".." => {
            depth -= 1;
            false
        }
        _ => {
            depth += 1;
            false
        }
    })
}

impl<N> Default for Rootfs<N> {
    fn default() -> Self {
        Self { nodes: BTreeMap::new(), is_closed: false, looked: Cell::new(0) }
    }
}

impl<N> Rootfs<N> {
    /// The node at exactly this path.
    pub fn get(&self, path: &str) -> Option<&N> {
        self.nodes.get(path)
    }

    /// The node at exactly this path, with the path.
    pub fn get_entry(&self, path: &str) -> Option<(&ImagePath, &N)> {
        self.nodes.range::<str, _>((Bound::Included(path), Bound::Included(path))).next()
    }

    /// The node at exactly this path, to be changed.
    pub fn get_mut(&mut self, path: &str) -> Option<&mut N> {
        self.nodes.get_mut(path)
    }

    /// Every path with its node, by path.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&ImagePath, &N)> {
        self.nodes.iter()
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Puts a node at a path; what was there is gone.
    pub fn insert(&mut self, path: ImagePath, node: N) {
        self.is_closed = false;
        self.nodes.insert(path, node);
    }

    /// Puts many nodes at their paths, of which none has a node. A map that is made of what is sorted takes half the memory
    /// of one that grew, and no lookups.
    pub fn insert_sorted(&mut self, nodes: Vec<(ImagePath, N)>) {
        self.is_closed = false;
        let mut fewer: BTreeMap<_, _> = nodes.into_iter().collect();
        if self.nodes.len() < fewer.len() {
            std::mem::swap(&mut self.nodes, &mut fewer);
        }
        self.nodes.extend(fewer);
    }

    /// Takes the node at a path away.
    pub fn remove(&mut self, path: &str) -> Option<N> {
        self.is_closed = false;
        self.nodes.remove(path)
    }

    /// All nodes, by path.
    pub fn into_nodes(self) -> BTreeMap<ImagePath, N> {
        self.nodes
    }

    /// The nodes below a directory, at any depth. They are contiguous in the map: `a-b` is before `a/`.
    pub fn below<'a>(&'a self, directory: &str) -> impl Iterator<Item = (&'a ImagePath, &'a N)> + use<'a, N> {
        let prefix = if directory == "/" { "/".to_owned() } else { format!("{directory}/") };
        let range = self.nodes.range::<str, _>((Bound::Excluded(prefix.as_str()), Bound::Unbounded));
        range.take_while(move |(path, _)| path.as_str().starts_with(&prefix))
    }

    /// Whether something is below `path`, which is no node; it is given back as it was.
    pub fn has_below(&self, path: &mut String) -> bool {
        // Layers are sorted: most entries come behind all others.
        let is_last = || self.nodes.last_key_value().is_none_or(|(last, _)| last.as_str() <= path.as_str());
        if self.is_closed || is_last() {
            return false;
        }
        let length = path.len();
        path.push('/');
        let mut below = self.nodes.range::<str, _>((Bound::Excluded(path.as_str()), Bound::Unbounded));
        let is_one = below.next().is_some_and(|(name, _)| name.as_str().starts_with(path.as_str()));
        path.truncate(length);
        is_one
    }

    /// Says that every path lies in a directory that is a node, which makes lookups of what is not there cheaper; it holds
    /// until the next change.
    pub fn set_closed(&mut self) {
        self.is_closed = true;
    }

    /// Whether so much was looked up that nothing more is.
    pub fn is_exhausted(&self) -> bool {
        self.looked.get() > Limits::AUDIT_STEPS
    }

    /// The cost of all lookups since the last call.
    pub fn take_looked(&self) -> u64 {
        self.looked.take()
    }
}

impl<N: RootfsNode> Rootfs<N> {
    /// What is at `path`, all links followed inside of the root.
    ///
    /// # Errors
    /// It leads nowhere.
    pub fn resolve(&self, path: &str) -> Result<Resolved<'_, N>, ResolveError> {
        self.resolve_passing(path, |_| ())
    }

    /// The links, in their order, that lead from `path` to what is there.
    pub fn links(&self, path: &str) -> Vec<String> {
        let mut links = Vec::new();
        // A path that leads nowhere is reported by others.
        let _ = self.resolve_passing(path, |link| links.push(link.to_owned()));
        links
    }

    fn resolve_passing(&self, path: &str, mut passed: impl FnMut(&str)) -> Result<Resolved<'_, N>, ResolveError> {
        let mut links = 0;
        // What is at the end, where that was looked up.
        let mut here = None;
        let path = self.walk(path, |visit| {
            let Visit::Component { at, node, is_last } = visit else {
                here = None;
                return self.spend(1).map(|()| WalkStep::Enter);
            };
            self.spend(1 + cost(at))?;
            let step = match node {
                Some(node) => node.step(),
                // A directory that only its contents tell of.
                None if self.has_below(at) => WalkStep::Enter,
                None => return Err(ResolveError::Absent),
            };
            match step {
                WalkStep::Follow(_) => {
                    links += 1;
                    passed(at);
                    if links > Limits::LINK_DEPTH {
                        return Err(ResolveError::Loop);
                    }
                    here = None;
                }
                WalkStep::End if !is_last => return Err(ResolveError::NotADirectory),
                WalkStep::End | WalkStep::Enter => here = Some(node),
            }
            Ok(step)
        })?;
        let node = here.unwrap_or_else(|| self.get(&path));
        Ok(Resolved { path, node })
    }

    /// Counts what a lookup takes.
    fn spend(&self, steps: u64) -> Result<(), ResolveError> {
        self.looked.set(self.looked.get().saturating_add(steps));
        if self.is_exhausted() { Err(ResolveError::Exhausted) } else { Ok(()) }
    }

    /// Goes along `path` from the root, and asks at each component what to do there; gives where the walk ended, without
    /// links and dots. This is the only place that follows links.
    ///
    /// # Errors
    /// The error of `visit`.
    pub fn walk<'p, 'n: 'p, E>(
        &'n self,
        path: &'p str,
        mut visit: impl FnMut(Visit<'_, 'n, N>) -> Result<WalkStep<'p>, E>,
    ) -> Result<String, E> {
        // The way to each component is one text that grows, with room for a last slash. The root is nothing in it.
        let mut at = String::with_capacity(path.len() + 2);
        let mut way = Way::along(path);
        while let Some(part) = way.next() {
            match part {
                "." => {
                    visit(Visit::Dot)?;
                    continue;
                }
                ".." => {
                    visit(Visit::Dot)?;
                    at.truncate(memchr::memrchr(b'/', at.as_bytes()).unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let directory = at.len();
            at.push('/');
            at.push_str(part);
            let node = self.get(&at);
            if let WalkStep::Follow(target) = visit(Visit::Component { at: &mut at, node, is_last: way.is_done() })? {
                at.truncate(if target.starts_with('/') { 0 } else { directory });
                way.follow_link(target);
            }
        }
        if at.is_empty() {
            at.push('/');
        }
        Ok(at)
    }
}

/// The position of a [walk](Rootfs::walk).
#[derive(Debug)]
pub enum Visit<'v, 'n, N> {
    /// `.` or `..`.
    Dot,
    /// A component.
    Component {
        /// Its path, without links and dots; to be left as it is.
        at: &'v mut String,
        /// The node, if there is one.
        node: Option<&'n N>,
        /// Whether nothing of the path is left.
        is_last: bool,
    },
}

/// The rest of a walk: what is left of the path, and before it what is left of the links that it led through.
#[derive(Debug)]
struct Way<'a> {
    /// The parts that come next, without a slash before them.
    next: &'a str,
    /// What follows those, the nearest last; none of it is empty.
    later: Vec<&'a str>,
}

impl<'a> Way<'a> {
    /// All of `path`.
    fn along(path: &'a str) -> Self {
        Self { next: path.trim_start_matches('/'), later: Vec::new() }
    }

    /// Whether nothing is left.
    fn is_done(&self) -> bool {
        self.next.is_empty() && self.later.is_empty()
    }

    /// Goes where a link leads, before the rest.
    fn follow_link(&mut self, target: &'a str) {
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

#[cfg(test)]
mod tests;
