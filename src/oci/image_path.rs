//! Paths inside an image.

use std::{
    borrow::{Borrow, Cow},
    fmt,
};

use crate::report::{Limits, printable};

/// An absolute path in the image's file system: bytes that begin with `/`, no component empty, `.`, `..` or a
/// whiteout, no slash at the end (but the root itself), no NUL.
///
/// Ordered by bytes, which puts a directory before what is in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImagePath(Box<[u8]>);

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
        Self(Box::from(&b"/"[..]))
    }

    /// The path of `name` in this directory. `name` is one component, kept as it is (any byte but `/` and NUL).
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
        let above = if self.is_root() { &b""[..] } else { &self.0 };
        let path = [above, b"/", name].concat();
        if path.len() > Limits::PATH_BYTES {
            return Err(ImagePathError::TooLong);
        }
        Ok(Self(path.into_boxed_slice()))
    }

    /// Whether this is `/`.
    pub fn is_root(&self) -> bool {
        *self.0 == *b"/"
    }

    /// The bytes, beginning with `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes without the leading `/`: a name in a tar. Empty for the root.
    pub fn relative(&self) -> &[u8] {
        &self.0[1..]
    }

    /// The last component; empty for the root.
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// The directory this path is in; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let slash = self.0.iter().rposition(|byte| *byte == b'/')?;
        Some(Self(Box::from(&self.0[..slash.max(1)])))
    }

    /// The bytes of the directory this path is in, without a slash at the end; empty below the root.
    pub fn folder(&self) -> &[u8] {
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        self.0.get(..end).unwrap_or_default()
    }

    /// Every directory above this path but the root, highest first.
    pub fn parents(&self) -> Vec<Self> {
        let slashes = self.0.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/');
        slashes.map(|(at, _)| Self(Box::from(&self.0[..at]))).collect()
    }

    /// The components, highest first.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.relative().split(|byte| *byte == b'/').filter(|name| !name.is_empty())
    }

    /// The text where it is UTF-8, else with replacement characters; not made safe for a terminal.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl Borrow<[u8]> for ImagePath {
    /// For ranges of a map: the order is that of the bytes.
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for ImagePath {
    /// Safe to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.to_text()))
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
    }

    #[test]
    fn parents_come_highest_first_and_without_the_root() {
        let path = ImagePath::parse("/a/b/c").expect("a good path");
        let parents: Vec<_> = path.parents().iter().map(ToString::to_string).collect();
        assert_eq!(parents, ["/a", "/a/b"]);
        assert_eq!(path.parent().map(|p| p.to_string()), Some("/a/b".into()));
        assert_eq!(path.file_name(), b"c");
        assert!(ImagePath::parse("/a").expect("a good path").parents().is_empty());
    }
}
