//! Runtime settings for an image (Kubernetes, Compose, Quadlet): its user, ports and writable paths, and no more.
//!
//! Each runtime is written from one [`Profile`].
//!
//! What the image says itself (program, arguments, environment, working directory, stop signal) is left to it.

mod compose;
mod kubernetes;
mod profile;
mod quadlet;
mod yaml;

pub use profile::{Port, Profile, WritableMount};

/// A runtime whose deployments can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// A Deployment, with ports a Service, a PersistentVolumeClaim for each volume, and a NetworkPolicy.
    Kubernetes,
    /// A Compose file.
    Compose,
    /// A `.container` unit of podman's systemd generator (4.8 or newer).
    Quadlet,
}

impl Runtime {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kubernetes, Self::Compose, Self::Quadlet];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Compose => "compose",
            Self::Quadlet => "quadlet",
        }
    }

    /// The deployment as text, the same for the same profile; ends with a line break. The objects of Kubernetes are in
    /// `namespace`, or where none is given in the one that they are applied to.
    pub fn deployment(self, profile: &Profile, namespace: Option<&str>) -> String {
        match self {
            Self::Kubernetes => kubernetes::write(profile, namespace),
            Self::Compose => compose::write(profile),
            Self::Quadlet => quadlet::write(profile),
        }
    }
}
