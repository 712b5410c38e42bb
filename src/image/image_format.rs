//! The formats in which an image lies on a disk: OCI layout, OCI archive, docker archive. `--format` names them;
//! `output` writes them, and [`OpenedImages`](super::OpenedImages) tells them apart.

use std::fmt;

/// A form of an image on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// A folder (image-spec, `image-layout.md`).
    Layout,
    /// The layout in one tar, with docker's `manifest.json` beside it where that can say what there is.
    OciArchive,
    /// What `docker save` wrote for many years: a tar with `manifest.json`, a config and layers. It has no manifest of
    /// the image, holds one platform, and knows no media types.
    DockerArchive,
}

impl ImageFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Layout, Self::OciArchive, Self::DockerArchive];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Layout => "layout",
            Self::OciArchive => "oci-archive",
            Self::DockerArchive => "docker-archive",
        }
    }

    /// What to call it in a sentence.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Layout => "an OCI layout",
            Self::OciArchive => "an OCI archive",
            Self::DockerArchive => "a docker archive",
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
