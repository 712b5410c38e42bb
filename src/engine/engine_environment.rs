//! [`EngineEnvironment`]: where engines are found.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

/// The environment in which engines are found and run.
#[derive(Debug, Clone, Copy)]
pub struct EngineEnvironment<'a> {
    /// The whole environment: `DOCKER_HOST`, `CONTAINERD_ADDRESS`, `CONTAINERD_NAMESPACE`, `XDG_RUNTIME_DIR`, `PATH`,
    /// and what `podman` and `ctr` themselves read.
    pub environment: &'a BTreeMap<OsString, OsString>,
}

impl EngineEnvironment<'_> {
    /// A variable; an empty one is none.
    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}
