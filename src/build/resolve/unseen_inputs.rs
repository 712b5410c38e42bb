//! Leaves out of a resolver what is beyond its reach, and notes it.

use std::sync::Arc;

use super::{
    Resolver,
    reach::{ResolveReach, UnseenInput},
};
use crate::{
    build::{base, planned_rootfs::FileBody},
    recipe::{Located, uses_git},
    registry,
    report::Failure,
};

impl Resolver<'_> {
    /// Sets how far the resolver looks.
    #[must_use]
    pub fn reaching(mut self, reach: ResolveReach) -> Self {
        self.variables.asks_git = reach != ResolveReach::FilesOnly;
        self.reach = reach;
        self
    }

    /// Notes that something is not looked at.
    pub(super) fn note_unseen(&self, input: UnseenInput) {
        self.unseen.borrow_mut().insert(input);
    }

    /// Whether a path of this machine is unknown, because git is not asked for what it holds.
    pub(super) fn is_unseen(&self, path: &Located<String>) -> bool {
        let is_unseen = !self.variables.asks_git && uses_git(&path.value);
        if is_unseen {
            self.note_unseen(UnseenInput::Git);
        }
        is_unseen
    }

    /// Whether a download is left out. Its address is checked nevertheless.
    pub(super) fn is_unseen_download(&self, url: &Located<String>) -> Result<bool, Failure> {
        let is_unseen = match self.reach {
            ResolveReach::Everything => false,
            // Without a cache it would be fetched once more.
            ResolveReach::WithoutLayers => self.settings.blobs.is_none(),
            ResolveReach::FilesOnly => true,
        };
        if is_unseen {
            self.note_unseen(UnseenInput::Download);
            registry::check_address(&url.value, &self.settings.access).map_err(|failure| failure.at(&url.origin))?;
        }
        Ok(is_unseen)
    }

    /// Whether the layers of the base are left out. That it is allowed and pinned is checked nevertheless.
    pub(super) fn is_unseen_base(&self) -> Result<bool, Failure> {
        let Some(written) = &self.recipe.base else { return Ok(false) };
        match self.reach {
            ResolveReach::Everything => return Ok(false),
            ResolveReach::WithoutLayers => {
                self.base()?;
            }
            ResolveReach::FilesOnly => {
                if base::is_on_disk(written, &self.recipe.policy, self.lock, self.settings)? {
                    return Ok(false);
                }
            }
        }
        self.note_unseen(UnseenInput::Base);
        Ok(true)
    }
}

/// Stands for the content of a file that is not looked at.
pub(super) fn unseen_body() -> FileBody {
    FileBody::Memory(Arc::default())
}
