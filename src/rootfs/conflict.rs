//! [`LayerConflict`]: an entry of a layer that does not fit on the layers below, or that engines apply differently.

/// A conflict between an entry and the layers below it, or between engines about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerConflict {
    /// The same layer has the path already, in that entry.
    Twice(usize),
    /// A directory above the path is a link, that leads to the given path; the layer that has the link.
    ThroughLink {
        /// The path of the link.
        link: String,
        /// The layer that brought it.
        layer: usize,
        /// Whether it leads to a directory.
        to_directory: bool,
    },
    /// A directory above the path is a link to nowhere, or above the root.
    ThroughNothing {
        /// The path of the link.
        link: String,
    },
    /// A parent of the path is not a directory.
    ThroughFile {
        /// The path of it.
        file: String,
    },
    /// The root itself is no directory.
    Root,
    /// A hard link whose target the layer does not have before it.
    NoTarget,
    /// A hard link to something that is no file.
    TargetIsNoFile,
    /// A hard link to a file of a lower layer.
    OtherLayer,
    /// A hard link whose target climbs out of the root.
    TargetOutside,
    /// A hard link whose header has another mode or owner than the file, or extended attributes that the file does not
    /// have: most engines give the file those of the link.
    OtherMetadata,
    /// A whiteout that is none, or that engines take differently; why.
    Whiteout(&'static str),
    /// A whiteout in a directory that is not there, which some engines make.
    WhiteoutOfNothing,
    /// An entry for the root, above the first layer, with another mode or owner than 0755 of root: some engines ignore it.
    RootMetadata,
    /// A directory of a lower layer that is not plainly root's, 0755, and for which this layer, which has something in it,
    /// has no entry: Docker and podman on overlayfs make it anew.
    ImpliedDirectory {
        /// The path of the directory.
        directory: String,
    },
    /// A character device 0:0, which overlayfs takes for a whiteout of its own.
    OverlayWhiteout,
    /// An entry of a type that is its maker's own: some engines leave it out, and others refuse the layer.
    UnknownType,
}

impl LayerConflict {
    /// How many kinds there are: a flood of one hides no other.
    pub(super) const KINDS: usize = 17;

    /// The kind, counted from 0.
    pub(super) fn number(&self) -> usize {
        match self {
            Self::Twice(_) => 0,
            Self::ThroughLink { to_directory: true, .. } => 1,
            Self::ThroughLink { .. } => 2,
            Self::ThroughNothing { .. } => 3,
            Self::ThroughFile { .. } => 4,
            Self::Root => 5,
            Self::NoTarget => 6,
            Self::TargetIsNoFile => 7,
            Self::OtherLayer => 8,
            Self::TargetOutside => 9,
            Self::Whiteout(_) => 10,
            Self::UnknownType => 11,
            Self::OtherMetadata => 12,
            Self::WhiteoutOfNothing => 13,
            Self::RootMetadata => 14,
            Self::ImpliedDirectory { .. } => 15,
            Self::OverlayWhiteout => 16,
        }
    }

    /// The conflict as a sentence about the entry at `path` with the link target `target`.
    pub fn sentence(&self, path: &str, target: &str) -> String {
        match self {
            Self::Twice(_) => format!("the layer has `{path}` twice"),
            Self::ThroughLink { link, .. } => format!("`{path}` is written through the symbolic link `{link}`"),
            Self::ThroughNothing { link } => {
                format!("`{path}` is written through the symbolic link `{link}`, which leads nowhere")
            }
            Self::ThroughFile { file } => format!("`{path}` is written below `{file}`, which is not a folder"),
            Self::Root => "the root is not a folder, so that everything would be written elsewhere".to_owned(),
            Self::NoTarget => {
                format!("the hard link `{path}` points at `{target}`, which the layer does not have before it")
            }
            Self::TargetIsNoFile => format!("the hard link `{path}` points at `{target}`, which is not a regular file"),
            Self::OtherLayer => format!("the hard link `{path}` points at `{target}` of a lower layer"),
            Self::TargetOutside => format!("the hard link `{path}` points above the root: `{target}`"),
            Self::Whiteout(why) => format!("the whiteout `{path}` is invalid: {why}"),
            Self::OtherMetadata => {
                format!(
                    "the hard link `{path}` has another mode, owner or attribute than `{target}`, to which it points"
                )
            }
            Self::WhiteoutOfNothing => format!("the whiteout `{path}` is in a folder that does not exist"),
            Self::RootMetadata => "a layer above the first gives the root another mode or owner".to_owned(),
            Self::ImpliedDirectory { directory } => format!(
                "`{path}` is in `{directory}`, for which its layer has no entry: some engines give the folder to root, 0755"
            ),
            Self::OverlayWhiteout => {
                format!("`{path}` is an overlayfs whiteout (device 0:0), which deletes a file in some engines")
            }
            Self::UnknownType => format!("`{path}` has a tar type that engines handle differently"),
        }
    }

    /// Whether no engine can have a file system that this reading has, so that nothing may be built on it.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Twice(_)
            | Self::ThroughLink { .. }
            | Self::OtherLayer
            | Self::OtherMetadata
            | Self::WhiteoutOfNothing
            | Self::RootMetadata
            | Self::ImpliedDirectory { .. }
            | Self::OverlayWhiteout => false,
            Self::UnknownType
            | Self::ThroughNothing { .. }
            | Self::ThroughFile { .. }
            | Self::Root
            | Self::NoTarget
            | Self::TargetIsNoFile
            | Self::TargetOutside
            | Self::Whiteout(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_engine_can_unpack_and_what_two_unpack_differently_is_fatal() {
        let path = || "/x".to_owned();
        let through = |to_directory| LayerConflict::ThroughLink { link: path(), layer: 0, to_directory };
        for (conflict, is_fatal) in [
            (LayerConflict::Twice(0), false),
            (through(true), false),
            (through(false), false),
            (LayerConflict::ThroughNothing { link: path() }, true),
            (LayerConflict::ThroughFile { file: path() }, true),
            (LayerConflict::Root, true),
            (LayerConflict::NoTarget, true),
            (LayerConflict::TargetIsNoFile, true),
            (LayerConflict::OtherLayer, false),
            (LayerConflict::TargetOutside, true),
            (LayerConflict::Whiteout(""), true),
            (LayerConflict::UnknownType, true),
            (LayerConflict::OtherMetadata, false),
            (LayerConflict::WhiteoutOfNothing, false),
            (LayerConflict::RootMetadata, false),
            (LayerConflict::ImpliedDirectory { directory: path() }, false),
            (LayerConflict::OverlayWhiteout, false),
        ] {
            assert_eq!(conflict.is_fatal(), is_fatal, "{conflict:?}");
        }
    }
}
