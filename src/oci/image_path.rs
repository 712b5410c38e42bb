//! [`ImagePath`]: an absolute, clean path in an image.

use std::{borrow::Borrow, fmt};

use crate::report::{Limits, printable};

/// An absolute path in the image's file system: text that begins with `/`, no component empty, `.`, `..` or a
/// whiteout, no slash at the end (but the root itself), no NUL.
///
/// A name in a foreign layer may be no UTF-8. Its bytes are private characters then (`layer::foreign_tar::path_text`), so
/// that no two names have one path. hardpan itself writes no such name.
///
/// Ordered by bytes, which puts a directory before what is in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImagePath(Box<str>);

/// The first of the private characters that stand for bytes which are no UTF-8.
pub(crate) const FIRST_PRIVATE: char = '\u{10ff00}';

/// Why a text is no image path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImagePathError {
    /// Does not begin with `/`.
    Relative,
    /// Ends with `/`.
    TrailingSlash,
    /// An empty component, `//`.
    Empty,
    /// A component is `.`.
    Dot,
    /// A component is `..`.
    DotDot,
    /// A component begins with `.wh.`, which every reader takes for a deletion (`layer.md`, "Whiteouts").
    Whiteout,
    /// A control character.
    Control,
    /// Longer than the kernel can open.
    TooLong,
    /// Bytes that are no UTF-8, or one of the private characters that stand for such bytes.
    NotText,
}

impl ImagePath {
    /// Reads a path that a recipe names.
    pub fn parse(text: &str) -> Result<Self, ImagePathError> {
        if text.chars().any(char::is_control) {
            return Err(ImagePathError::Control);
        }
        let rest = text.strip_prefix('/').ok_or(ImagePathError::Relative)?;
        if rest.is_empty() {
            return Ok(Self::root());
        }
        if rest.ends_with('/') {
            return Err(ImagePathError::TrailingSlash);
        }
        rest.split('/').try_fold(Self::root(), |path, name| path.join(name.as_bytes()))
    }

    /// `/`.
    pub fn root() -> Self {
        Self(Box::from("/"))
    }

    /// The path of an entry of a foreign layer. `text` is absolute and clean, as the reader of layers makes it; it may be
    /// longer than Linux can open, and may name a whiteout.
    pub(crate) fn foreign(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        debug_assert!(text.starts_with('/') && (text.len() == 1 || !text.ends_with('/')), "a clean path: {text}");
        Self(text)
    }

    /// The path of `name` in this directory. `name` is one component (any UTF-8 without `/` and NUL).
    pub fn join(&self, name: &[u8]) -> Result<Self, ImagePathError> {
        match name {
            b"" => return Err(ImagePathError::Empty),
            b"." => return Err(ImagePathError::Dot),
            b".." => return Err(ImagePathError::DotDot),
            _ if name.starts_with(b".wh.") => return Err(ImagePathError::Whiteout),
            _ if name.contains(&0) || name.contains(&b'/') => return Err(ImagePathError::Control),
            _ if name.len() > Limits::NAME_BYTES => return Err(ImagePathError::TooLong),
            _ => {}
        }
        let name = std::str::from_utf8(name).map_err(|_| ImagePathError::NotText)?;
        if name.chars().any(|c| c >= FIRST_PRIVATE) {
            return Err(ImagePathError::NotText);
        }
        let above = if self.is_root() { "" } else { &self.0 };
        let path = [above, "/", name].concat();
        if path.len() > Limits::PATH_BYTES {
            return Err(ImagePathError::TooLong);
        }
        Ok(Self(path.into_boxed_str()))
    }

    /// Whether this is `/`.
    pub fn is_root(&self) -> bool {
        *self.0 == *"/"
    }

    /// The bytes, beginning with `/`.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The text, beginning with `/`; not made safe for a terminal.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes without the leading `/`: a name in a tar. Empty for the root.
    pub fn relative(&self) -> &[u8] {
        self.as_bytes().get(1..).unwrap_or_default()
    }

    /// The last component; empty for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The directory this path is in; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let folder = self.folder();
        Some(if folder.is_empty() { Self::root() } else { Self(Box::from(folder)) })
    }

    /// The text of the directory this path is in, without a slash at the end; empty below the root.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Every directory above this path but the root, highest first.
    pub fn parents(&self) -> Vec<Self> {
        let slashes = self.0.match_indices('/').skip(1);
        slashes.filter_map(|(at, _)| Some(Self(Box::from(self.0.get(..at)?)))).collect()
    }

    /// The components, highest first.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }
}

impl Borrow<str> for ImagePath {
    /// For ranges of a map: the order is that of the bytes.
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImagePath {
    /// Safe to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0))
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ImagePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relative => "a path in the image begins with `/`",
            Self::TrailingSlash => "a path in the image does not end with `/`",
            Self::Empty => "a path in the image has no empty component (`//`)",
            Self::Dot => "a path in the image has no `.` component",
            Self::DotDot => "a path in the image has no `..` component",
            Self::Whiteout => "a name that begins with `.wh.` means a deletion in an image",
            Self::Control => "a path in the image has no control characters",
            Self::TooLong => "the path is longer than Linux can open",
            Self::NotText => "a path in the image is UTF-8, because readers disagree about other names",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_as_they_are_or_refused_with_a_reason() {
        let read = |text: &str| ImagePath::parse(text).map(|path| path.to_string());
        assert_eq!(read("/usr/bin/server"), Ok("/usr/bin/server".into()));
        assert_eq!(read("/"), Ok("/".into()));
        assert_eq!(read("usr/bin"), Err(ImagePathError::Relative));
        assert_eq!(read(""), Err(ImagePathError::Relative));
        assert_eq!(read("/usr/"), Err(ImagePathError::TrailingSlash));
        assert_eq!(read("/usr//bin"), Err(ImagePathError::Empty));
        assert_eq!(read("/usr/./bin"), Err(ImagePathError::Dot));
        assert_eq!(read("/usr/../bin"), Err(ImagePathError::DotDot));
        assert_eq!(read("/a/.wh.b"), Err(ImagePathError::Whiteout));
        assert_eq!(read("/a/.wh..wh..opq"), Err(ImagePathError::Whiteout));
        assert_eq!(read("/a\nb"), Err(ImagePathError::Control));
        assert_eq!(read(&format!("/{}", "x".repeat(256))), Err(ImagePathError::TooLong));
        assert_eq!(read(&"/xxxxxxxxx".repeat(410)), Err(ImagePathError::TooLong));
        assert_eq!(read("/a/\u{10ff41}"), Err(ImagePathError::NotText));
        assert_eq!(ImagePath::root().join(b"\xff"), Err(ImagePathError::NotText));
    }

    #[test]
    fn parents_come_highest_first_and_without_the_root() {
        let path = ImagePath::parse("/a/b/c").expect("a good path");
        let parents: Vec<_> = path.parents().iter().map(ToString::to_string).collect();
        assert_eq!(parents, ["/a", "/a/b"]);
        assert_eq!(path.parent().map(|p| p.to_string()), Some("/a/b".into()));
        assert_eq!(path.file_name(), "c");
        assert!(ImagePath::parse("/a").expect("a good path").parents().is_empty());
    }
}
