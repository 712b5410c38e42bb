//! The data of a lock: its pins, and their names.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    oci::{Digest, Platform},
    report::{Origin, SourceText, printable},
};

/// The pins of one recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// Bases, by the text of `base` in the recipe.
    pub bases: BTreeMap<String, LockedBase>,
    /// Downloads, by the text of `url`.
    pub urls: BTreeMap<String, LockedUrl>,
    /// Mozilla's roots, where the recipe has them.
    pub bundle: Option<LockedBundle>,
    /// IANA's time zones, where the recipe has them.
    pub timezones: Option<LockedBundle>,
    /// The compilers of the recipe's programs, by kind and `dir`.
    pub toolchains: BTreeMap<(Compiler, String), LockedToolchain>,
}

/// A base that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedBase {
    /// The digest that the tag named: of an index, or of a manifest.
    pub digest: Digest,
    /// The manifest of each platform that the recipe is built for, in the order of the recipe.
    pub platforms: Vec<(Platform, Digest)>,
}

/// A download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockedUrl {
    /// The digest, which the recipe has as well.
    pub sha256: Digest,
    /// Bytes.
    pub size: u64,
}

/// A bundle that hardpan carries: of roots, or of time zones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedBundle {
    /// Which one: hardpan has every version that it ever shipped.
    pub version: String,
    /// The digest of its PEM file, or of all its files.
    pub digest: Digest,
}

/// What a compiler said about itself. Where it runs is not in it: Go's and Rust's compilers make the same program on
/// every host (cargo leaves the host out of what it stamps, for that reason).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockedToolchain {
    /// `go1.26.0`, or `1.95.0 (59807616e 2026-04-14)`.
    pub version: String,
    /// Rust's own revision.
    pub commit: Option<String>,
    /// The version of Rust's code generator.
    pub llvm: Option<String>,
    /// Files of the machine that become part of programs or decide about their bytes, by [scope](super::ToolchainScope) and
    /// name: compilers, linkers, start files, archives, and all `headers` of the C library together.
    pub files: BTreeMap<String, BTreeMap<String, Digest>>,
    /// The C compiler of programs with cgo and of Rust programs with C in them, and what `cc` and `linker` of Rust programs
    /// name, as each names itself: for each platform or target, and for each name that the recipe gives for it.
    pub cc: BTreeMap<String, String>,
}

/// A kind of toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compiler {
    /// `go`.
    Go,
    /// `cargo` and `rustc`.
    Rust,
}

/// The name of a pin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pin {
    /// `[certificates]`.
    Certificates,
    /// `[timezones]`.
    Timezones,
    /// A `[[base]]`.
    Base(String),
    /// A `[[file]]`.
    Url(String),
    /// A `[[toolchain]]`, by kind and folder.
    Toolchain(Compiler, String),
}

/// A lock as it was read, and where everything in it stands.
#[derive(Debug, Clone)]
pub struct LockFile {
    /// The pins.
    pub lock: Lock,
    /// The text it was read from.
    pub source: Arc<SourceText>,
    /// The table of each pin, under an empty key, and each of its lines.
    pub(in crate::recipe) places: BTreeMap<(Pin, String), Origin>,
}

impl Compiler {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Go, Self::Rust];

    /// As the lock and `--update` call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Rust => "rust",
        }
    }
}

impl Pin {
    /// The name in `--update`.
    pub fn name(&self) -> &str {
        match self {
            Self::Certificates => "certificates",
            Self::Timezones => "timezones",
            Self::Base(name) | Self::Url(name) => name,
            Self::Toolchain(compiler, _) => compiler.name(),
        }
    }

    /// What it pins: `base`, `url`, `certificates`, `timezones` or `toolchain`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Timezones => "timezones",
            Self::Base(_) => "base",
            Self::Url(_) => "url",
            Self::Toolchain(..) => "toolchain",
        }
    }

    /// The name without the query of an address, where tokens are. `--update` knows it, too.
    pub fn printable_name(&self) -> &str {
        match self {
            Self::Url(url) => url.split('?').next().unwrap_or(url),
            _ => self.name(),
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificates => f.write_str("Mozilla's roots"),
            Self::Timezones => f.write_str("the time zones"),
            Self::Base(name) => write!(f, "the base `{}`", printable(name)),
            Self::Url(_) => write!(f, "`{}`", printable(self.printable_name())),
            Self::Toolchain(compiler, dir) if dir == "." => write!(f, "the compiler `{}`", compiler.name()),
            Self::Toolchain(compiler, dir) => {
                write!(f, "the compiler `{}` in `{}`", compiler.name(), printable(dir))
            }
        }
    }
}

impl Lock {
    /// Every pin with what it is first of all: a digest, or a version.
    pub fn pins(&self) -> Vec<(Pin, String)> {
        let bundles = [(Pin::Certificates, &self.bundle), (Pin::Timezones, &self.timezones)];
        let bundles = bundles.into_iter().filter_map(|(pin, bundle)| Some((pin, bundle.as_ref()?.version.clone())));
        let bases = self.bases.iter().map(|(name, base)| (Pin::Base(name.clone()), base.digest.to_string()));
        let urls = self.urls.iter().map(|(url, locked)| (Pin::Url(url.clone()), locked.sha256.to_string()));
        let toolchains = self
            .toolchains
            .iter()
            .map(|((compiler, dir), toolchain)| (Pin::Toolchain(*compiler, dir.clone()), toolchain.version.clone()));
        bundles.chain(bases).chain(urls).chain(toolchains).collect()
    }

    /// Every line of every pin, as key and value; the same keys as in the file.
    pub(super) fn lines(&self) -> BTreeMap<(Pin, String), String> {
        let mut lines = BTreeMap::new();
        let mut add = |pin: &Pin, key: &str, value: String| lines.insert((pin.clone(), key.to_owned()), value);
        for (pin, bundle) in [(Pin::Certificates, &self.bundle), (Pin::Timezones, &self.timezones)] {
            if let Some(bundle) = bundle {
                add(&pin, "version", bundle.version.clone());
                add(&pin, "digest", bundle.digest.to_string());
            }
        }
        for (name, base) in &self.bases {
            let pin = Pin::Base(name.clone());
            add(&pin, "digest", base.digest.to_string());
            for (platform, digest) in &base.platforms {
                add(&pin, &platform.to_string(), digest.to_string());
            }
        }
        for (url, locked) in &self.urls {
            let pin = Pin::Url(url.clone());
            add(&pin, "sha256", locked.sha256.hex());
            add(&pin, "size", locked.size.to_string());
        }
        for ((compiler, dir), toolchain) in &self.toolchains {
            let pin = Pin::Toolchain(*compiler, dir.clone());
            add(&pin, "version", toolchain.version.clone());
            for (key, value) in [("commit", &toolchain.commit), ("llvm", &toolchain.llvm)] {
                if let Some(value) = value {
                    add(&pin, key, value.clone());
                }
            }
            for (scope, files) in &toolchain.files {
                for (name, digest) in files {
                    add(&pin, &file_key(scope, name), digest.to_string());
                }
            }
            for (platform, name) in &toolchain.cc {
                add(&pin, &format!("cc {platform}"), name.clone());
            }
        }
        lines
    }
}

/// The separator between the name of a file of the machine and the scope of the programs that take it.
pub(super) const FILE_OF: &str = " for ";

/// The key of a file of the machine among the lines of a lock.
pub(in crate::recipe) fn file_key(scope: &str, name: &str) -> String {
    format!("{name}{FILE_OF}{scope}")
}

impl LockFile {
    /// Where a line of a pin stands, else the pin, else the beginning.
    pub fn place(&self, pin: &Pin, key: &str) -> Origin {
        let at = |key: &str| self.places.get(&(pin.clone(), key.to_owned()));
        at(key).or_else(|| at("")).cloned().unwrap_or_else(|| Origin::new(&self.source, 0..0))
    }
}
