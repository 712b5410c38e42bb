//! Reads how a program was hardened and what it was compiled with, for the ELF rules of the audit.

use object::{
    Endianness, ReadRef,
    elf::{self, FileHeader32, FileHeader64},
    read::elf::{Dyn as _, FileHeader, ProgramHeader, SectionHeader as _},
};

use crate::report::Limits;

/// The hardening of a program or library, by its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardening {
    /// `ET_EXEC`: loaded at a fixed address.
    pub fixed: bool,
    /// No `PT_DYNAMIC`: nothing to relocate by a loader.
    pub is_static: bool,
    /// The permission of the stack (`PT_GNU_STACK`).
    pub stack: Stack,
    /// A segment that is loaded writable and executable.
    pub writable_code: bool,
    /// `DT_TEXTREL`: code is written to before it runs.
    pub text_relocations: bool,
    /// Which relocations become read-only.
    pub relro: Relro,
    /// By sections and the compiler's comment.
    pub language: Language,
    /// Bytes of `.debug_*` and `.zdebug_*` sections.
    pub debug_bytes: u64,
    /// Bytes of `.symtab`.
    pub symbol_bytes: u64,
    /// Go's build information or the data of `cargo auditable` is in it.
    pub dependencies: bool,
    /// There are no section headers.
    pub no_sections: bool,
    /// The table of the sections, or the name of one of them, could not be read: what follows from names is not known.
    pub unread_names: bool,
}

/// The permission of the stack (`PT_GNU_STACK`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// There is none: the kernel's default for the architecture.
    Absent,
    /// Data only.
    Plain,
    /// Code may run on it.
    Executable,
}

/// Which relocations become read-only before the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relro {
    /// None.
    None,
    /// Partial RELRO: the relocations that are done at the start.
    Partial,
    /// All.
    Full,
}

/// The language that a program was compiled from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Go.
    Go,
    /// Rust, by the compiler's comment.
    Rust,
    /// C or C++, by the comment of GCC or Clang and nothing of the others.
    C,
    /// Nothing tells.
    Unknown,
}

/// Reads the headers again, for hardening. `None` is a file whose headers do not hold together, or whose part that tells
/// is missing.
pub fn read_hardening<'data, R: ReadRef<'data>>(data: R) -> Option<Hardening> {
    match data.read_bytes_at(4, 1).ok()? {
        [1] => parse::<FileHeader32<Endianness>, R>(data),
        [2] => parse::<FileHeader64<Endianness>, R>(data),
        _ => None,
    }
}

fn parse<'data, E, R>(data: R) -> Option<Hardening>
where
    E: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = E::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, data).ok()?;
    let mut found = Hardening {
        fixed: header.e_type(endian) == elf::ET_EXEC,
        is_static: true,
        stack: Stack::Absent,
        writable_code: false,
        text_relocations: false,
        relro: Relro::None,
        language: Language::Unknown,
        debug_bytes: 0,
        symbol_bytes: 0,
        dependencies: false,
        no_sections: true,
        unread_names: false,
    };
    let mut now = false;
    for segment in segments {
        let flags = segment.p_flags(endian).0;
        match segment.p_type(endian) {
            elf::PT_GNU_STACK if flags & elf::PF_X.0 != 0 => found.stack = Stack::Executable,
            elf::PT_GNU_STACK => found.stack = Stack::Plain,
            elf::PT_LOAD if flags & elf::PF_X.0 != 0 && flags & elf::PF_W.0 != 0 => found.writable_code = true,
            elf::PT_GNU_RELRO => found.relro = Relro::Partial,
            elf::PT_DYNAMIC => {
                found.is_static = false;
                if segment.file_range(endian).1 > Limits::ELF_TABLE_BYTES {
                    return None;
                }
                let entries = segment.dynamic(endian, data).ok()??;
                for entry in entries {
                    let value = entry.val(endian);
                    match entry.tag(endian) {
                        elf::DT_NULL => break,
                        elf::DT_TEXTREL => found.text_relocations = true,
                        elf::DT_BIND_NOW => now = true,
                        elf::DT_FLAGS => {
                            now |= value & elf::DF_BIND_NOW.0 != 0;
                            found.text_relocations |= value & elf::DF_TEXTREL.0 != 0;
                        }
                        elf::DT_FLAGS_1 => now |= value & elf::DF_1_NOW.0 != 0,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if found.relro == Relro::Partial && now {
        found.relro = Relro::Full;
    }
    sections::<E, R>(header, endian, data, &mut found);
    Some(found)
}

/// Reads the sections; a file without sections, or with broken ones, adds nothing.
fn sections<'data, E, R>(header: &E, endian: Endianness, data: R, found: &mut Hardening)
where
    E: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let Ok(table) = header.sections(endian, data) else {
        found.unread_names = true;
        return;
    };
    let mut comment: &[u8] = &[];
    let mut go = false;
    for section in table.iter() {
        found.no_sections = false;
        let Ok(name) = table.section_name(endian, section) else {
            found.unread_names = true;
            continue;
        };
        let size: u64 = section.sh_size(endian).into();
        if name.starts_with(b".debug_") || name.starts_with(b".zdebug_") {
            found.debug_bytes = found.debug_bytes.saturating_add(size);
        }
        match name {
            b".symtab" => found.symbol_bytes = found.symbol_bytes.saturating_add(size),
            b".gopclntab" | b".note.go.buildid" => go = true,
            b".go.buildinfo" => (go, found.dependencies) = (true, true),
            b".dep-v0" => found.dependencies = true,
            b".comment" if size <= Limits::ELF_COMMENT_BYTES => {
                comment = section.data(endian, data).unwrap_or_default();
            }
            _ => {}
        }
    }
    let says = |word: &[u8]| memchr::memmem::find(comment, word).is_some();
    found.language = if go {
        Language::Go
    } else if says(b"rustc version") {
        Language::Rust
    } else if says(b"GCC: (") || says(b"clang version") {
        Language::C
    } else {
        Language::Unknown
    };
}
