//! What can move, pinned: the lock beside a recipe.

use std::collections::BTreeMap;

use crate::oci::{Digest, Platform};

/// The pins of one recipe, `hello.lock` beside `hello.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// Bases, by the text of `base` in the recipe.
    pub bases: BTreeMap<String, LockedBase>,
}

/// A base that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedBase {
    /// What the tag named: an index, or a manifest.
    pub digest: Digest,
    /// The manifest of each platform that the recipe is built for, in the order of the recipe.
    pub platforms: Vec<(Platform, Digest)>,
}
