//! [`Engine`] and [`LoadedImage`]: which engines there are, and what one reports of an image that it loaded.

use std::fmt;

use crate::{oci::Digest, report::printable};

/// An engine that runs images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// dockerd, over its socket.
    Docker,
    /// `podman load`.
    Podman,
    /// `ctr images import`.
    Containerd,
}

/// An image that an engine has loaded, as the engine reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedImage {
    /// Which engine.
    pub engine: Engine,
    /// What the engine calls the image: what one writes behind its `run`.
    pub name: String,
    /// The digest under which the engine keeps it, when it keeps one: that of the manifest, or of the index.
    pub digest: Option<Digest>,
    /// The image ID: the digest of the config. None for containerd, which has no such thing.
    pub id: Option<Digest>,
    /// The platform that was loaded, where the image has several and the engine takes one.
    pub chosen: Option<String>,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Docker, Self::Podman, Self::Containerd];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for LoadedImage {
    /// `docker: hello:latest (...)`, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.engine, self.name)?;
        match (self.digest, self.id) {
            (Some(digest), _) => write!(f, ", {digest}")?,
            // Named as what it is: it is not the digest that the build prints.
            (None, Some(id)) => write!(f, ", image ID {id}")?,
            (None, None) => {}
        }
        match &self.chosen {
            Some(platform) => write!(f, "; of the platforms it got this machine's, {}", printable(platform)),
            None => Ok(()),
        }
    }
}
