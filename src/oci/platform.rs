//! [`Platform`]: operating system, architecture and variant, normalised as containerd does.

use std::fmt;

use serde::Serialize;

/// A platform as in an image index (`image-index.md`, "platform"), normalised as containerd does.
///
/// Only Linux; the architectures are those that Go names and Linux containers run on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Platform {
    /// Go's `GOOS`: always `linux`.
    pub os: &'static str,
    /// Go's `GOARCH`.
    pub architecture: &'static str,
    /// The CPU's variant where it matters: `v6`, `v7` for `arm`; `v2` to `v4` for `amd64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<&'static str>,
}

/// Why a text is no platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformError {
    /// Not `os/architecture` or `os/architecture/variant`.
    Form,
    /// Another operating system than Linux.
    Os(String),
    /// An architecture hardpan does not know.
    Architecture(String),
    /// A variant the architecture does not have.
    Variant(String),
}

/// Architecture and variant with the names people use for it, and the triple of a static Rust build.
struct KnownPlatform {
    architecture: &'static str,
    variant: Option<&'static str>,
    /// `ARCH` or `ARCH/VARIANT` spellings that mean this one, besides its own.
    aliases: &'static [&'static str],
    rust_target: &'static str,
}

/// The platforms that hardpan can build for. Aliases as in containerd's `platforms/database.go`.
const KNOWN: [KnownPlatform; 13] = [
    known("amd64", None, &["x86_64", "x86-64", "amd64/v1", "x86_64/v1", "x86-64/v1"], "x86_64-unknown-linux-musl"),
    known("amd64", Some("v2"), &["x86_64/v2", "x86-64/v2"], "x86_64-unknown-linux-musl"),
    known("amd64", Some("v3"), &["x86_64/v3", "x86-64/v3"], "x86_64-unknown-linux-musl"),
    known("amd64", Some("v4"), &["x86_64/v4", "x86-64/v4"], "x86_64-unknown-linux-musl"),
    known("arm64", None, &["aarch64", "arm64/v8", "arm64/8", "aarch64/v8", "aarch64/8"], "aarch64-unknown-linux-musl"),
    known("arm", Some("v7"), &["arm", "arm/7", "armhf", "armv7"], "armv7-unknown-linux-musleabihf"),
    known("arm", Some("v6"), &["arm/6", "armel", "armv6"], "arm-unknown-linux-musleabihf"),
    known("386", None, &["i386", "i686", "x86"], "i686-unknown-linux-musl"),
    known("riscv64", None, &[], "riscv64gc-unknown-linux-musl"),
    known("ppc64le", None, &[], "powerpc64le-unknown-linux-musl"),
    known("s390x", None, &[], "s390x-unknown-linux-musl"),
    known("loong64", None, &["loongarch64"], "loongarch64-unknown-linux-musl"),
    known("mips64le", None, &[], "mips64el-unknown-linux-muslabi64"),
];

const fn known(
    architecture: &'static str,
    variant: Option<&'static str>,
    aliases: &'static [&'static str],
    rust_target: &'static str,
) -> KnownPlatform {
    KnownPlatform { architecture, variant, aliases, rust_target }
}

impl Platform {
    /// Reads `linux/amd64`, `linux/arm64/v8`, `linux/aarch64` and the like.
    pub fn parse(text: &str) -> Result<Self, PlatformError> {
        let (os, rest) = text.split_once('/').ok_or(PlatformError::Form)?;
        if rest.is_empty() || rest.matches('/').count() > 1 || rest.ends_with('/') || rest.starts_with('/') {
            return Err(PlatformError::Form);
        }
        let (os, rest) = (os.to_ascii_lowercase(), rest.to_ascii_lowercase());
        if os != "linux" {
            return Err(PlatformError::Os(os));
        }
        if let Some(known) = KNOWN.iter().find(|known| known.answers_to(&rest)) {
            return Ok(Self { os: "linux", architecture: known.architecture, variant: known.variant });
        }
        let architecture = rest.split('/').next().unwrap_or(&rest);
        if KNOWN.iter().any(|known| known.answers_to(architecture)) {
            return Err(PlatformError::Variant(rest));
        }
        Err(PlatformError::Architecture(rest))
    }

    /// The triple of a static Rust build for this platform, when the recipe names none.
    pub fn rust_target(&self) -> &'static str {
        KNOWN
            .iter()
            .find(|known| known.architecture == self.architecture && known.variant == self.variant)
            .map_or("x86_64-unknown-linux-musl", |known| known.rust_target)
    }

    /// The architectures, for a message.
    pub fn architectures() -> String {
        let mut names: Vec<_> = KNOWN.iter().map(|known| known.architecture).collect();
        names.dedup();
        names.join(", ")
    }
}

impl KnownPlatform {
    /// Whether `text` (lower case, no operating system) means this one.
    fn answers_to(&self, text: &str) -> bool {
        let own = match self.variant {
            None => text == self.architecture,
            Some(variant) => {
                text.strip_prefix(self.architecture).and_then(|rest| rest.strip_prefix('/')) == Some(variant)
            }
        };
        own || self.aliases.contains(&text)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::report::printable;
        match self {
            Self::Form => f.write_str("a platform is `os/architecture` or `os/architecture/variant`"),
            Self::Os(os) => write!(f, "`{}` images are not built here, only `linux`", printable(os)),
            Self::Architecture(name) => write!(f, "unknown architecture `{}`", printable(name)),
            Self::Variant(name) => write!(f, "unknown variant `{}`", printable(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_platform_are_one_platform() {
        for (spelled, canonical) in [
            ("linux/amd64", "linux/amd64"),
            ("Linux/x86_64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/arm/v6", "linux/arm/v6"),
            ("linux/amd64/v3", "linux/amd64/v3"),
        ] {
            assert_eq!(Platform::parse(spelled).map(|p| p.to_string()), Ok(canonical.to_owned()), "{spelled}");
        }
    }

    #[test]
    fn what_is_no_platform_says_why() {
        assert_eq!(Platform::parse("amd64"), Err(PlatformError::Form));
        assert_eq!(Platform::parse("linux/amd64/v2/x"), Err(PlatformError::Form));
        assert_eq!(Platform::parse("linux/"), Err(PlatformError::Form));
        assert_eq!(Platform::parse("windows/amd64"), Err(PlatformError::Os("windows".into())));
        assert_eq!(Platform::parse("linux/vax"), Err(PlatformError::Architecture("vax".into())));
        assert_eq!(Platform::parse("linux/arm64/v9"), Err(PlatformError::Variant("arm64/v9".into())));
    }
}
