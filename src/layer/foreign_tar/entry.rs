//! [`TarEntry`]: an entry of a layer's tar, and its [`Flaw`]s.

use super::path_text::path_text;

/// An entry, as far as rules need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TarEntry {
    /// Absolute and clean: no `.`, `..`, doubled or trailing slash. `..` is taken as the kernel takes it in the root. The
    /// [text](path_text) of the name.
    pub(crate) path: String,
    pub(crate) kind: TarEntryKind,
    /// Permissions with setuid, setgid and sticky bits.
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// Bytes of a file's content.
    pub(crate) size: u64,
    /// Seconds since 1970.
    pub(crate) mtime: u64,
    /// Fields that few entries have: an image may have tens of thousands of entries.
    pub(crate) rare: Option<Box<RareFields>>,
    /// Access, change or sub-second times, which no runtime needs.
    pub(crate) fine_times: bool,
    /// The user's and group's names, where they are neither empty nor `root`.
    pub(crate) names: bool,
    /// The format by the first bytes of the content.
    pub(crate) magic: Magic,
    /// The CRC-32 of the content.
    pub(crate) checksum: u32,
}

/// The fields that only links, devices and files with extended attributes have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RareFields {
    pub(crate) target: Option<String>,
    pub(crate) xattrs: Vec<(String, Vec<u8>)>,
    pub(crate) device: Option<(u32, u32)>,
}

/// The kinds of entries in a foreign tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TarEntryKind {
    File,
    HardLink,
    Symlink,
    Directory,
    CharDevice,
    BlockDevice,
    Fifo,
    /// A type of its maker's own, which runtimes leave out.
    Other,
}

/// The format of a file by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Magic {
    /// There is nothing.
    Empty,
    Elf,
    /// `#!`.
    Script,
    /// An archive of objects (`!<arch>`).
    Archive,
    Other,
}

/// A flaw of a tar: readers disagree about it, or no tar should have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The name has `..`; whether it climbs above the root.
    DotDot(bool),
    /// The name begins with a slash.
    Absolute,
    /// The name or the link's target holds a NUL.
    Nul,
    /// Two readers could read something else, because of this.
    Ambiguous(&'static str),
    /// Something that is no header follows the end.
    Trailing,
    /// The names of its extended headers hold the number of a process.
    ProcessId,
}

impl Flaw {
    /// How many kinds there are.
    pub(crate) const KINDS: usize = 7;

    /// The kind, counted from 0.
    pub(crate) fn number(&self) -> usize {
        match self {
            Self::DotDot(true) => 0,
            Self::DotDot(false) => 1,
            Self::Absolute => 2,
            Self::Nul => 3,
            Self::Ambiguous(_) => 4,
            Self::Trailing => 5,
            Self::ProcessId => 6,
        }
    }
}

impl TarEntry {
    /// The last component of the path.
    pub(crate) fn name(&self) -> &str {
        name(&self.path)
    }

    /// The target of a link, as it is written.
    pub(crate) fn target(&self) -> Option<&str> {
        self.rare.as_ref()?.target.as_deref()
    }

    /// Extended attributes, in their order.
    pub(crate) fn xattrs(&self) -> &[(String, Vec<u8>)] {
        self.rare.as_ref().map_or(&[], |rare| &rare.xattrs)
    }

    /// Major and minor number of a device.
    pub(crate) fn device(&self) -> Option<(u32, u32)> {
        self.rare.as_ref()?.device
    }

    /// Whether its mode lets any user execute it.
    pub(crate) fn is_executable(&self) -> bool {
        self.kind == TarEntryKind::File && self.mode & 0o111 != 0
    }

    /// Whether it is a program: executable, and an ELF file or a script.
    pub(crate) fn is_program(&self) -> bool {
        self.is_executable() && matches!(self.magic, Magic::Elf | Magic::Script)
    }
}

/// The last component of a path.
pub(crate) fn name(path: &str) -> &str {
    // Every rule asks it of every path; the general search of `str` takes several times as long.
    memchr::memrchr(b'/', path.as_bytes()).and_then(|at| path.get(at + 1..)).unwrap_or(path)
}

/// The path of `raw`, clean, and what is wrong with it.
pub(crate) fn clean(raw: &[u8]) -> (String, Vec<Flaw>) {
    let mut flaws = Vec::new();
    let text = path_text(raw);
    if text.starts_with('/') {
        flaws.push(Flaw::Absolute);
    }
    if text.contains('\0') {
        flaws.push(Flaw::Nul);
    }
    let mut parts: Vec<&str> = Vec::new();
    let (mut dots, mut above) = (false, false);
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                dots = true;
                above |= parts.pop().is_none();
            }
            part => parts.push(part),
        }
    }
    if dots {
        flaws.push(Flaw::DotDot(above));
    }
    (format!("/{}", parts.join("/")), flaws)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_inside_of_the_root_and_tell_what_was_wrong() {
        for (raw, path, flaws) in [
            ("usr/bin/x", "/usr/bin/x", vec![]),
            ("./usr//bin/./x/", "/usr/bin/x", vec![]),
            ("./", "/", vec![]),
            ("/etc", "/etc", vec![Flaw::Absolute]),
            ("a/../b", "/b", vec![Flaw::DotDot(false)]),
            ("../../etc/x", "/etc/x", vec![Flaw::DotDot(true)]),
            ("a\0b", "/a\0b", vec![Flaw::Nul]),
        ] {
            assert_eq!(clean(raw.as_bytes()), (path.to_owned(), flaws), "{raw:?}");
        }
    }
}
