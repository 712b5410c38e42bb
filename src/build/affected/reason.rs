//! Why the image of a recipe could differ.

use std::{collections::BTreeSet, fmt};

use crate::{build::compile::ChangeKind, report::printable};

/// Reasons of one recipe that are kept; more are only counted.
const MOST_REASONS: usize = 200;

/// How an input changed, or why git cannot say whether it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonKind {
    /// It differs from the commit.
    Changed,
    /// It is a submodule that differs.
    Submodule,
    /// Git does not have it.
    Untracked,
    /// How git checks it out changed.
    Attributes,
    /// Git was told not to look at it.
    Unwatched,
    /// Git ignores it, and does not record whether it changed.
    Ignored,
    /// It is not there, and git has not had it either: something makes it before the build.
    Missing,
    /// It is outside of the checkout.
    Outside,
    /// The image depends on the commit itself.
    Commit,
    /// It is not understood.
    Unknown,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AffectedReason {
    /// The path that made it so, from the top of the checkout where it is in it. Foreign text.
    pub path: Option<String>,
    /// What became of it.
    pub kind: ReasonKind,
    /// Which input of the recipe it is, or what is not understood of it.
    pub input: String,
}

/// The reasons that were found for one recipe.
#[derive(Debug, Default)]
pub struct ReasonList {
    reasons: BTreeSet<AffectedReason>,
    /// How many more there are.
    pub more: usize,
}

impl ReasonKind {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Submodule => "submodule",
            Self::Untracked => "untracked",
            Self::Attributes => "attributes",
            Self::Unwatched => "unwatched",
            Self::Ignored => "ignored",
            Self::Missing => "missing",
            Self::Outside => "outside",
            Self::Commit => "commit",
            Self::Unknown => "unknown",
        }
    }
}

impl From<ChangeKind> for ReasonKind {
    fn from(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::Changed => Self::Changed,
            ChangeKind::Submodule => Self::Submodule,
            ChangeKind::Untracked => Self::Untracked,
            ChangeKind::Attributes => Self::Attributes,
            ChangeKind::Unwatched => Self::Unwatched,
        }
    }
}

impl fmt::Display for AffectedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_deref().map(|path| format!("`{}`", printable(path))).unwrap_or_default();
        let input = printable(&self.input);
        match self.kind {
            ReasonKind::Changed => write!(f, "{path} changed: {input}"),
            ReasonKind::Submodule => write!(f, "{path} is a submodule that changed: {input}"),
            ReasonKind::Untracked => write!(f, "{path} is not in git yet: {input}"),
            ReasonKind::Attributes => write!(f, "{path} has other attributes of git: {input}"),
            ReasonKind::Unwatched => write!(f, "{path} is hidden from git (sparse, assume-unchanged): {input}"),
            ReasonKind::Ignored => write!(f, "{path} is ignored by git, so it may have changed: {input}"),
            ReasonKind::Missing => write!(f, "{path} is not here, and git does not have it: {input}"),
            ReasonKind::Outside => write!(f, "{path} is outside of the checkout, so it may have changed: {input}"),
            ReasonKind::Commit => write!(f, "the commit changed: {input}"),
            ReasonKind::Unknown if path.is_empty() => write!(f, "{input}"),
            ReasonKind::Unknown => write!(f, "{path}: {input}"),
        }
    }
}

impl ReasonList {
    /// Adds a reason, unless it is there.
    pub(super) fn add(&mut self, path: Option<String>, kind: ReasonKind, input: impl Into<String>) {
        let reason = AffectedReason { path, kind, input: input.into() };
        if self.reasons.len() < MOST_REASONS {
            self.reasons.insert(reason);
        } else if !self.reasons.contains(&reason) {
            self.more += 1;
        }
    }

    /// A list of one reason that is about no path.
    pub fn unknown(why: impl Into<String>) -> Self {
        let mut list = Self::default();
        list.add(None, ReasonKind::Unknown, why);
        list
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// All that were kept, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &AffectedReason> {
        self.reasons.iter()
    }
}
