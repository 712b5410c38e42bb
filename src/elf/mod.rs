//! Reads ELF headers: machine, loader and libraries of a program. `build`, `rootfs` and `audit` use it; memory is bounded
//! whatever the headers say.

mod go_build;
mod hardening;
mod sparse;

pub use go_build::GoBuild;
pub use hardening::{Hardening, Language, Relro, Stack, read_hardening};
pub use sparse::Sparse;

use std::{
    io::{Read, Seek},
    path::Path,
};

use object::{
    Endianness, ReadCache, ReadRef,
    elf::{self, FileHeader32, FileHeader64},
    read::elf::{Dyn as _, FileHeader, ProgramHeader},
};

use serde::{Deserialize, Serialize};

use crate::{
    oci::Platform,
    report::{Limits, printable},
};

/// A program or a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elf {
    /// The machine that it runs on.
    pub machine: ElfMachine,
    /// Whether it has an entry point; most libraries have none.
    pub starts: bool,
    /// The program loader, `PT_INTERP`.
    pub loader: Option<String>,
    /// The libraries it is linked to, `DT_NEEDED`, in their order.
    pub needed: Vec<String>,
    /// `DT_RPATH` or `DT_RUNPATH`, split at its colons.
    pub search: Vec<String>,
    /// What Go says of the processor that it was compiled for.
    pub go: GoBuild,
}

/// The machine a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfMachine {
    /// `e_machine`.
    pub number: u16,
    /// 32 or 64.
    pub bits: u8,
    /// Else big.
    pub little_endian: bool,
    /// `EI_OSABI`.
    pub abi: u8,
}

/// Why a file is no executable ELF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotElf {
    /// No byte in it.
    Empty,
    /// Begins with `#!`; the program it asks for.
    Script(String),
    /// Something else.
    Other,
    /// An ELF file, but of another kind than an executable.
    Kind(&'static str),
    /// An ELF file that does not hold together; what is wrong with it.
    Broken(&'static str),
    /// An ELF file so large that not all of it was kept, and its headers lead to what was not. It may be a sound program.
    TooFar,
}

/// Reads the headers of a file; what it takes in memory is bounded whatever they say.
pub fn read<R: Read + Seek>(file: R) -> Result<Elf, NotElf> {
    headers(&ReadCache::new(file))
}

/// Reads the headers from bytes in memory, all of a file or its kept parts.
pub fn headers<'data, R: ReadRef<'data>>(data: R) -> Result<Elf, NotElf> {
    let size = data.len().map_err(|()| NotElf::Broken("it cannot be read"))?;
    let start = data.read_bytes_at(0, size.min(256)).map_err(|()| NotElf::Broken("it cannot be read"))?;
    if start.is_empty() {
        return Err(NotElf::Empty);
    }
    if let Some(rest) = start.strip_prefix(b"#!") {
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        return Err(NotElf::Script(String::from_utf8_lossy(line).trim().to_owned()));
    }
    if !start.starts_with(&elf::ELFMAG) {
        return Err(NotElf::Other);
    }
    match start.get(4) {
        Some(1) => parse::<FileHeader32<Endianness>, _>(data, size, 32),
        Some(2) => parse::<FileHeader64<Endianness>, _>(data, size, 64),
        None => Err(NotElf::Broken("its header is cut short or malformed")),
        _ => Err(NotElf::Broken("its class is neither 32 nor 64 bits")),
    }
}

fn parse<'data, E, R>(data: R, size: u64, bits: u8) -> Result<Elf, NotElf>
where
    E: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = E::parse(data).map_err(|_| NotElf::Broken("its header is cut short or malformed"))?;
    let endian = header.endian().map_err(|_| NotElf::Broken("its byte order is unknown"))?;
    let ident = header.e_ident();
    let machine = ElfMachine {
        number: header.e_machine(endian).0,
        bits,
        little_endian: endian == Endianness::Little,
        abi: ident.os_abi.0,
    };
    match header.e_type(endian) {
        elf::ET_EXEC | elf::ET_DYN => {}
        elf::ET_REL => return Err(NotElf::Kind("an object file that was not linked")),
        elf::ET_CORE => return Err(NotElf::Kind("a core dump")),
        _ => return Err(NotElf::Kind("of an unknown kind")),
    }
    let headers =
        header.program_headers(endian, data).map_err(|_| NotElf::Broken("its program headers are cut short"))?;
    let loads = |segment: &&E::ProgramHeader| segment.p_type(endian) == elf::PT_LOAD;
    if !headers.iter().any(|segment| loads(&segment)) {
        return Err(NotElf::Broken("it has nothing to load"));
    }
    let cut = headers.iter().filter(loads).any(|segment| {
        let (offset, length) = segment.file_range(endian);
        offset.checked_add(length).is_none_or(|end| end > size)
    });
    if cut {
        return Err(NotElf::Broken("it is cut short"));
    }
    let (mut needed, mut search) = (Vec::new(), Vec::new());
    let mut loader = None;
    for segment in headers {
        let small = segment.file_range(endian).1 <= Limits::ELF_TABLE_BYTES;
        match segment.p_type(endian) {
            elf::PT_INTERP if !small => return Err(NotElf::Broken("its loader's name is too long")),
            elf::PT_DYNAMIC if !small => return Err(NotElf::Broken("its dynamic section is too long")),
            elf::PT_INTERP => {
                let name = segment.interpreter(endian, data).ok().flatten();
                let name = name.ok_or(NotElf::Broken("its loader's name cannot be read"))?;
                loader = Some(String::from_utf8_lossy(name).into_owned());
            }
            elf::PT_DYNAMIC => dynamic::<E, R>(segment, headers, endian, data, &mut needed, &mut search)?,
            _ => {}
        }
    }
    let go = go_build::read(header, endian, data);
    Ok(Elf { machine, starts: header.e_entry(endian).into() != 0, loader, needed, search, go })
}

/// Reads the names of the dynamic section.
fn dynamic<'data, E, R>(
    segment: &E::ProgramHeader,
    headers: &[E::ProgramHeader],
    endian: Endianness,
    data: R,
    needed: &mut Vec<String>,
    search: &mut Vec<String>,
) -> Result<(), NotElf>
where
    E: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let broken = NotElf::Broken("its dynamic section cannot be read");
    let entries = segment.dynamic(endian, data).ok().flatten().ok_or(broken.clone())?;
    let entries: Vec<(i64, u64)> = entries
        .iter()
        .map(|entry| (entry.tag(endian).0, entry.val(endian)))
        .take_while(|(tag, _)| *tag != elf::DT_NULL.0)
        .collect();
    let value = |tag: i64| entries.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value);
    let named = |tag: i64| tag == elf::DT_NEEDED.0 || tag == elf::DT_RPATH.0 || tag == elf::DT_RUNPATH.0;
    if !entries.iter().any(|(tag, _)| named(*tag)) {
        return Ok(());
    }
    let (Some(address), Some(length)) = (value(elf::DT_STRTAB.0), value(elf::DT_STRSZ.0)) else { return Err(broken) };
    let offset = headers
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
        .find_map(|segment| {
            let (start, held): (u64, u64) = (segment.p_vaddr(endian).into(), segment.p_filesz(endian).into());
            let into = address.checked_sub(start).filter(|into| *into < held)?;
            segment.file_range(endian).0.checked_add(into)
        })
        .ok_or(broken.clone())?;
    if length > Limits::ELF_TABLE_BYTES {
        return Err(broken);
    }
    let strings = data.read_bytes_at(offset, length).map_err(|()| broken)?;
    for (tag, at) in entries.iter().filter(|(tag, _)| named(*tag)) {
        let text = usize::try_from(*at).ok().and_then(|at| strings.get(at..)).unwrap_or_default();
        let text = String::from_utf8_lossy(text.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
        if *tag == elf::DT_NEEDED.0 {
            needed.push(text);
        } else {
            search.extend(text.split(':').map(str::to_owned));
        }
    }
    Ok(())
}

/// The platform of a program that `init` finds in a folder, or why no image can run it. `None` if it is not a program.
pub fn prebuilt(file: &Path) -> Option<Result<Platform, String>> {
    let opened = std::fs::File::open(file).ok()?;
    let elf = match read(opened) {
        Ok(elf) => elf,
        Err(NotElf::Broken(why)) => return Some(Err(format!("is no ELF program that can run: {why}"))),
        Err(_) => return None,
    };
    if let Some(loader) = &elf.loader {
        let why = format!("is dynamic: it needs the loader `{}`", printable(loader));
        return Some(Err(why));
    }
    if let Some(library) = elf.needed.first() {
        return Some(Err(format!("is dynamic: it needs `{}`", printable(library))));
    }
    let name = elf.machine.name();
    let spellings = ["", "/v2", "/v3", "/v4"].map(|variant| format!("linux/{name}{variant}"));
    let platforms = spellings.iter().filter_map(|spelling| Platform::parse(spelling).ok());
    let platform = platforms.into_iter().find(|platform| elf.unfit(platform).is_none());
    Some(platform.ok_or_else(|| format!("is for {name}, which no image here is")))
}

impl Elf {
    /// What the program is for, where images of `platform` cannot run it, as `arm64` or `amd64 with GOAMD64=v3`. The build and
    /// the audit ask this.
    pub fn unfit(&self, platform: &Platform) -> Option<String> {
        let name = self.machine.name();
        if !self.machine.suits(platform) {
            return Some(name);
        }
        self.go.exceeds(platform).map(|setting| format!("{name} with `{setting}`"))
    }
}

impl ElfMachine {
    /// Whether code for both can share a process. The ABI byte does not count: glibc's libraries set it, programs
    /// that use them need not.
    pub fn same_cpu(self, other: Self) -> bool {
        (self.number, self.bits, self.little_endian) == (other.number, other.bits, other.little_endian)
    }

    /// Whether images of this platform can run it.
    pub fn suits(self, platform: &Platform) -> bool {
        let (number, bits, little) = match platform.architecture {
            "amd64" => (62, 64, true),
            "arm64" => (183, 64, true),
            "arm" => (40, 32, true),
            "386" => (3, 32, true),
            "riscv64" => (243, 64, true),
            "ppc64le" => (21, 64, true),
            "s390x" => (22, 64, false),
            "loong64" => (258, 64, true),
            "mips64le" => (8, 64, true),
            _ => return false,
        };
        // System V (0) and Linux (3); anything else is another operating system's.
        (self.number, self.bits, self.little_endian) == (number, bits, little) && matches!(self.abi, 0 | 3)
    }

    /// The architecture's name, as Go and OCI have it where they have one.
    pub fn name(self) -> String {
        let name = match (self.number, self.bits, self.little_endian) {
            _ if !matches!(self.abi, 0 | 3) => return format!("another operating system (ABI {})", self.abi),
            (62, 64, true) => "amd64",
            (62, 32, _) => "x32",
            (183, 64, true) => "arm64",
            (40, 32, true) => "arm",
            (3, 32, true) => "386",
            (243, 64, true) => "riscv64",
            (243, 32, true) => "riscv32",
            (21, 64, true) => "ppc64le",
            (21, 64, false) => "ppc64",
            (22, 64, false) => "s390x",
            (258, 64, true) => "loong64",
            (8, 64, true) => "mips64le",
            (number, bits, little) => {
                return format!("machine {number} ({bits} bits, {} endian)", if little { "little" } else { "big" });
            }
        };
        name.to_owned()
    }
}

impl NotElf {
    /// The reason as the end of a sentence that begins with the file's name.
    pub fn sentence(&self) -> String {
        match self {
            Self::Empty => "is empty".into(),
            Self::Script(interpreter) => format!("is a script for `{}`, not an ELF program", printable(interpreter)),
            Self::Other => "is no ELF program".into(),
            Self::Kind(kind) => format!("is {kind}, not a program"),
            Self::Broken(why) => format!("is no ELF program that can run: {why}"),
            Self::TooFar => "is an ELF file whose headers lead farther from its beginning than hardpan looks".into(),
        }
    }
}
