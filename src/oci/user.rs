//! [`User`]: the numeric user of a container.

use std::fmt;

use crate::report::Limits;

/// A numeric `uid:gid` (image-spec, `config.md`, "User"), neither of them 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The user id, 1 to [`Limits::ID`].
    pub uid: u32,
    /// The group id, 1 to [`Limits::ID`].
    pub gid: u32,
}

impl Default for User {
    /// 65532, the number that distroless images gave to "nonroot".
    fn default() -> Self {
        Self { uid: 65532, gid: 65532 }
    }
}

impl User {
    /// The user of these two numbers, when both are in bounds and not 0.
    pub fn new(uid: u32, gid: u32) -> Option<Self> {
        let good = |id| (1..=Limits::ID).contains(&id);
        (good(uid) && good(gid)).then_some(Self { uid, gid })
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}
