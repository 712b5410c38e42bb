//! [`GoBuild`]: what Go's build information says of the processor that a program was compiled for.
//!
//! The linker writes it into a section (`cmd/link`, "buildinfo"); `debug/buildinfo` of Go reads it. Since Go 1.18 the module
//! information, with the settings of the build, stands in it as text. Older programs say nothing of the processor.

use std::collections::BTreeMap;

use object::{
    ReadRef,
    elf::{PF_W, PT_LOAD},
    read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _},
};
use serde::{Deserialize, Serialize};

use crate::{
    oci::Platform,
    report::{Limits, printable},
};

/// The section of the build information.
const SECTION: &[u8] = b".go.buildinfo";
/// What the build information begins with. In two parts, so that hardpan's own program does not hold it.
const MAGIC: [&[u8]; 2] = [b"\xff Go bui", b"ldinf:"];
/// The length of the magic.
pub(super) const MAGIC_BYTES: usize = 14;
/// The header in front of the texts; the magic stands at multiples of half of it.
const HEADER_BYTES: usize = 32;
/// Where the flags are in the header.
const FLAGS: usize = 15;
/// The flag of Go 1.18 and later: the texts follow the header.
const INLINE: u8 = 2;
/// The sentinels around the module information.
const SENTINEL_BYTES: usize = 16;

/// What the build information of a program says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GoBuild {
    /// There is none: no Go program, or one that says nothing of its build.
    Unsaid,
    /// The settings of the build that begin with `GO`: `GOARM`, `GOAMD64`.
    Settings(BTreeMap<String, String>),
    /// There is build information, and it cannot be read.
    Unread,
}

/// The magic at the beginning of build information.
pub(super) fn magic() -> Vec<u8> {
    MAGIC.concat()
}

/// Reads the build information of the program whose file header is `header`.
pub(super) fn read<'data, E, R>(header: &E, endian: E::Endian, data: R) -> GoBuild
where
    E: FileHeader,
    R: ReadRef<'data>,
{
    let place = match section::<E, R>(header, endian, data) {
        Some(place) => place,
        None => match segment::<E, R>(header, endian, data) {
            Some(place) => place,
            None => return GoBuild::Unsaid,
        },
    };
    let (offset, size) = place;
    let size = size.min(Limits::GO_BUILD_INFO_BYTES);
    data.read_bytes_at(offset, size).map_or(GoBuild::Unread, parse)
}

/// Where the section is.
fn section<'data, E, R>(header: &E, endian: E::Endian, data: R) -> Option<(u64, u64)>
where
    E: FileHeader,
    R: ReadRef<'data>,
{
    let table = header.sections(endian, data).ok()?;
    let (_, section) = table.section_by_name(endian, SECTION)?;
    section.file_range(endian).filter(|(_, size)| *size > 0)
}

/// Where it is in a program without sections: near the beginning of the first segment that can be written to.
fn segment<'data, E, R>(header: &E, endian: E::Endian, data: R) -> Option<(u64, u64)>
where
    E: FileHeader,
    R: ReadRef<'data>,
{
    if header.sections(endian, data).is_ok_and(|table| !table.is_empty()) {
        return None;
    }
    let segments = header.program_headers(endian, data).ok()?;
    let is_data = |segment: &&E::ProgramHeader| {
        segment.p_type(endian) == PT_LOAD && segment.p_flags(endian).0 & PF_W.0 != 0 && segment.file_range(endian).1 > 0
    };
    let (start, size) = segments.iter().find(is_data)?.file_range(endian);
    let bytes = data.read_bytes_at(start, size.min(Limits::GO_BUILD_INFO_BYTES)).ok()?;
    let at = memchr::memmem::find_iter(bytes, &magic()).find(|at| at % (HEADER_BYTES / 2) == 0)?;
    let at = u64::try_from(at).ok()?;
    Some((start + at, size - at))
}

/// Parses the header and the two texts behind it.
fn parse(bytes: &[u8]) -> GoBuild {
    if !bytes.starts_with(&magic()) {
        return GoBuild::Unread;
    }
    if bytes.get(FLAGS).is_none_or(|flags| flags & INLINE == 0) {
        // Of Go 1.17 and before, which did not record it.
        return GoBuild::Unsaid;
    }
    let texts = || {
        let (_, rest) = text(bytes.get(HEADER_BYTES..)?)?;
        Some(text(rest)?.0)
    };
    let Some(module) = texts() else { return GoBuild::Unread };
    // Without modules, as Bazel builds, there is nothing in it.
    let framed = module.len() > 2 * SENTINEL_BYTES;
    let inner = module.get(SENTINEL_BYTES..module.len().saturating_sub(SENTINEL_BYTES)).filter(|_| framed);
    let Some(inner) = inner else { return GoBuild::Unsaid };
    let lines = String::from_utf8_lossy(inner);
    let settings = lines.lines().filter_map(|line| line.strip_prefix("build\t")?.split_once('='));
    let settings = settings.filter(|(name, _)| name.starts_with("GO"));
    GoBuild::Settings(settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// A text with its length in front, as a `uvarint`, and what follows it.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut length, mut shift) = (0_usize, 0);
    for (at, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return bytes.get(at + 1..)?.split_at_checked(length);
        }
        shift += 7;
    }
    None
}

impl GoBuild {
    /// The setting by which a program needs more than every processor of `platform` has, as `GOAMD64=v3`.
    pub fn exceeds(&self, platform: &Platform) -> Option<String> {
        let Self::Settings(settings) = self else { return None };
        let (name, most) = match (platform.architecture, platform.variant) {
            ("amd64", Some("v4")) => ("GOAMD64", 4),
            ("amd64", Some("v3")) => ("GOAMD64", 3),
            ("amd64", Some("v2")) => ("GOAMD64", 2),
            ("amd64", _) => ("GOAMD64", 1),
            ("arm", Some("v6")) => ("GOARM", 6),
            ("arm", _) => ("GOARM", 7),
            ("arm64", _) => ("GOARM64", 80),
            ("ppc64le", _) => ("GOPPC64", 8),
            ("riscv64", _) => ("GORISCV64", 20),
            _ => return None,
        };
        let value = settings.get(name)?;
        (level(name, value) > most).then(|| format!("{name}={}", printable(value)))
    }
}

/// The level that a value asks for. One that is not known asks for more than anything.
fn level(name: &str, value: &str) -> u32 {
    let (base, options) = value.split_once(',').unwrap_or((value, ""));
    let digits = |text: &str| text.parse::<u32>().ok();
    let level = match name {
        "GOAMD64" => base.strip_prefix('v').and_then(digits),
        // Behind it, how floats are computed.
        "GOARM" => digits(base),
        "GOARM64" => base.strip_prefix('v').and_then(|version| {
            let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
            // `lse` and `crypto` are not of every processor of v8.0.
            Some(digits(major)? * 10 + digits(minor)? + u32::from(!options.is_empty()))
        }),
        "GOPPC64" => base.strip_prefix("power").and_then(digits),
        "GORISCV64" => base.strip_prefix("rva").and_then(|profile| digits(profile.strip_suffix("u64")?)),
        _ => None,
    };
    level.unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn blob(flags: u8, module: &str) -> Vec<u8> {
        let mut bytes = magic();
        bytes.extend([8, flags]);
        bytes.resize(HEADER_BYTES, 0);
        for text in ["go1.25.1", module] {
            let mut length = text.len();
            while length >= 0x80 {
                bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
                length >>= 7;
            }
            bytes.push(u8::try_from(length).unwrap());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    fn framed(lines: &str) -> String {
        format!("0123456789abcdef{lines}fedcba9876543210")
    }

    #[test]
    fn settings_are_read_and_what_cannot_be_is_said() {
        let padding = "dep\texample.com/a\tv1.0.0\th1:x=\n".repeat(20);
        let module = framed(&format!("path\tx\n{padding}build\t-trimpath=true\nbuild\tGOARM=7,hardfloat\n"));
        let whole = blob(INLINE, &module);
        let GoBuild::Settings(settings) = parse(&whole) else { panic!("{:?}", parse(&whole)) };
        assert_eq!(settings.into_iter().collect::<Vec<_>>(), [("GOARM".to_owned(), "7,hardfloat".to_owned())]);
        for cut in [20, 40, 60, whole.len() - 1] {
            assert_eq!(parse(&whole[..cut]), GoBuild::Unread, "{cut}");
        }
        assert_eq!(parse(&blob(0, &module)), GoBuild::Unsaid);
        assert_eq!(parse(&blob(INLINE, "")), GoBuild::Unsaid);
        assert_eq!(parse(b""), GoBuild::Unread);
    }

    #[test]
    fn a_program_needs_no_more_than_its_platform_has() {
        for (platform, setting, exceeds) in [
            ("linux/amd64", "GOAMD64=v1", false),
            ("linux/amd64", "GOAMD64=v2", true),
            ("linux/amd64/v3", "GOAMD64=v3", false),
            ("linux/amd64/v2", "GOAMD64=v3", true),
            ("linux/amd64", "GOAMD64=next", true),
            ("linux/arm/v6", "GOARM=7", true),
            ("linux/arm/v6", "GOARM=7,softfloat", true),
            ("linux/arm/v6", "GOARM=6,hardfloat", false),
            ("linux/arm/v6", "GOARM=5", false),
            ("linux/arm", "GOARM=7", false),
            ("linux/arm64", "GOARM64=v8.0", false),
            ("linux/arm64", "GOARM64=v8.0,lse", true),
            ("linux/arm64", "GOARM64=v8.1", true),
            ("linux/arm64", "GOARM64=v9.0", true),
            ("linux/ppc64le", "GOPPC64=power8", false),
            ("linux/ppc64le", "GOPPC64=power9", true),
            ("linux/riscv64", "GORISCV64=rva20u64", false),
            ("linux/riscv64", "GORISCV64=rva22u64", true),
            ("linux/386", "GO386=softfloat", false),
            ("linux/amd64", "GOARM=7", false),
        ] {
            let (name, value) = setting.split_once('=').unwrap();
            let build = GoBuild::Settings([(name.to_owned(), value.to_owned())].into());
            let found = build.exceeds(&Platform::parse(platform).unwrap());
            assert_eq!(found.as_deref(), exceeds.then_some(setting), "{platform} {setting}");
        }
    }
}
