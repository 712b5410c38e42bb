//! Writes the dependency list as an ELF object file, which the linker puts into the program.

use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, SectionFlags, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
    elf,
    write::{Object, Symbol, SymbolSection},
};

use crate::report::{ErrorName, Failure, printable};

/// The symbol that stands for the list. `-u` with this name, given to the linker, keeps the section where unused ones
/// are dropped (`--gc-sections`).
pub(super) const SYMBOL: &str = "AUDITABLE_VERSION_INFO";

/// A relocatable ELF file for the Linux triple `target` with `list` in the section `.dep-v0`.
///
/// The section is loaded with the program (`SHF_ALLOC`), because some versions of `strip` remove all others.
pub(super) fn object(target: &str, list: &[u8]) -> Result<Vec<u8>, Failure> {
    let unsupported = || {
        Failure::error(
            ErrorName::RecipeConflict,
            format!("a program for `{}` cannot carry its dependency list", printable(target)),
        )
        .hint("`auditable = false` in the recipe leaves it out")
    };
    let (architecture, endianness, e_flags) = machine(target).ok_or_else(unsupported)?;
    let mut file = Object::new(BinaryFormat::Elf, architecture, endianness);
    file.flags = FileFlags::Elf { os_abi: elf::ELFOSABI_NONE, abi_version: 0, e_flags };
    let section = file.add_section(Vec::new(), b".dep-v0".to_vec(), SectionKind::ReadOnlyData);
    file.section_mut(section).flags = SectionFlags::Elf { sh_type: elf::SHT_PROGBITS, sh_flags: elf::SHF_ALLOC };
    let value = file.append_section_data(section, list, 1);
    file.add_symbol(Symbol {
        name: SYMBOL.as_bytes().to_vec(),
        value,
        size: list.len() as u64,
        kind: SymbolKind::Data,
        scope: SymbolScope::Linkage,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    });
    // Without this section, GNU ld takes it that the object needs an executable stack.
    let stack = file.add_section(Vec::new(), b".note.GNU-stack".to_vec(), SectionKind::Other);
    file.section_mut(stack).flags =
        SectionFlags::Elf { sh_type: elf::SHT_PROGBITS, sh_flags: elf::SectionFlags::default() };
    file.write().map_err(|error| {
        Failure::error(ErrorName::Internal, format!("cannot write the dependency list as an object file: {error}"))
    })
}

/// The processor of a triple, its byte order, and the flags by which linkers distinguish its ABIs.
fn machine(target: &str) -> Option<(Architecture, Endianness, elf::FileFlags)> {
    use Endianness::{Big, Little};
    let none = elf::FileFlags::default();
    let (name, rest) = target.split_once('-')?;
    // A 32-bit ABI on a 64-bit processor.
    let is_ilp32 = rest.ends_with("x32") || rest.ends_with("ilp32");
    Some(match name {
        "x86_64" if is_ilp32 => (Architecture::X86_64_X32, Little, none),
        "x86_64" => (Architecture::X86_64, Little, none),
        "i386" | "i586" | "i686" => (Architecture::I386, Little, none),
        "aarch64" if is_ilp32 => (Architecture::Aarch64_Ilp32, Little, none),
        "aarch64_be" if is_ilp32 => (Architecture::Aarch64_Ilp32, Big, none),
        "aarch64" => (Architecture::Aarch64, Little, none),
        "aarch64_be" => (Architecture::Aarch64, Big, none),
        "powerpc" => (Architecture::PowerPc, Big, none),
        "powerpc64" => (Architecture::PowerPc64, Big, none),
        "powerpc64le" => (Architecture::PowerPc64, Little, none),
        "s390x" => (Architecture::S390x, Big, none),
        "sparc64" => (Architecture::Sparc64, Big, none),
        "loongarch64" => (Architecture::LoongArch64, Little, loongarch_flags(rest)),
        _ if name.starts_with("armeb") || name.starts_with("thumbeb") => {
            (Architecture::Arm, Big, elf::EF_ARM_EABI_VER5)
        }
        _ if name.starts_with("arm") || name.starts_with("thumb") => (Architecture::Arm, Little, elf::EF_ARM_EABI_VER5),
        _ if name.starts_with("riscv64") => (Architecture::Riscv64, Little, riscv_flags(name)),
        _ if name.starts_with("riscv32") => (Architecture::Riscv32, Little, riscv_flags(name)),
        _ if name.starts_with("mips") => {
            let endianness = if name.ends_with("el") { Little } else { Big };
            let (architecture, flags) = mips(name);
            (architecture, endianness, flags)
        }
        _ => return None,
    })
}

/// The ABI for floating point numbers (LoongArch ELF psABI, "e_flags").
fn loongarch_flags(rest: &str) -> elf::FileFlags {
    let is_soft = rest.ends_with("sf") || rest.ends_with("softfloat");
    elf::EF_LARCH_OBJABI_V1 | if is_soft { elf::EF_LARCH_ABI_SOFT_FLOAT } else { elf::EF_LARCH_ABI_DOUBLE_FLOAT }
}

/// Compressed instructions and the ABI for floating point numbers (RISC-V ELF psABI, "File Header"), by the extensions
/// in the triple. `g` stands for `imafd`, and `a23` (the profile RVA23) has all of it.
fn riscv_flags(name: &str) -> elf::FileFlags {
    let extensions = name.get("riscv64".len()..).unwrap_or_default();
    // A triple without extensions is one of a system that requires all of `gc` (`riscv64-linux-android`).
    let extensions = if extensions.is_empty() { "gc" } else { extensions };
    let has = |letters: &[char]| extensions.contains(letters) || extensions == "a23";
    let compressed = if has(&['c']) { elf::EF_RISCV_RVC } else { elf::FileFlags::default() };
    let float = if has(&['g', 'd']) {
        elf::EF_RISCV_FLOAT_ABI_DOUBLE
    } else if has(&['f']) {
        elf::EF_RISCV_FLOAT_ABI_SINGLE
    } else {
        elf::EF_RISCV_FLOAT_ABI_SOFT
    };
    compressed | float
}

/// As rustc has it for its own object files.
fn mips(name: &str) -> (Architecture, elf::FileFlags) {
    let is_release_6 = name.contains("r6");
    let nan = if is_release_6 { elf::EF_MIPS_NAN2008 } else { elf::FileFlags::default() };
    if name.starts_with("mips64") || name.starts_with("mipsisa64") {
        let architecture = if is_release_6 { elf::EF_MIPS_ARCH_64R6 } else { elf::EF_MIPS_ARCH_64R2 };
        return (Architecture::Mips64, elf::EF_MIPS_CPIC | elf::EF_MIPS_PIC | architecture | nan);
    }
    let architecture = if is_release_6 { elf::EF_MIPS_ARCH_32R6 } else { elf::EF_MIPS_ARCH_32R2 };
    (Architecture::Mips, elf::EF_MIPS_CPIC | elf::EF_MIPS_ABI_O32 | architecture | nan)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

    use super::*;
    use crate::oci::Platform;

    #[test]
    fn every_platform_has_an_object_with_section_and_symbol() {
        for name in ["amd64", "arm64", "arm/v7", "arm/v6", "386", "riscv64", "ppc64le", "s390x", "loong64", "mips64le"]
        {
            let target = Platform::parse(&format!("linux/{name}")).unwrap().rust_target();
            let bytes = object(target, b"list").unwrap();
            let file = object::File::parse(&*bytes).unwrap();
            assert_eq!(file.kind(), object::ObjectKind::Relocatable, "{target}");
            let section = file.section_by_name(".dep-v0").unwrap();
            assert_eq!(section.data().unwrap(), b"list", "{target}");
            assert!(matches!(section.flags(), SectionFlags::Elf { sh_flags: elf::SHF_ALLOC, .. }), "{target}");
            let symbol = file.symbols().find(|symbol| symbol.name() == Ok(SYMBOL)).unwrap();
            assert!(symbol.is_global() && symbol.size() == 4, "{target}");
            assert_eq!(symbol.section_index(), Some(section.index()), "{target}");
            let stack = file.section_by_name(".note.GNU-stack").unwrap();
            assert!(
                stack.data().unwrap().is_empty()
                    && stack.flags()
                        == SectionFlags::Elf { sh_type: elf::SHT_PROGBITS, sh_flags: elf::SectionFlags::default() }
            );
        }
    }

    /// `e_machine`, the class, the byte order and `e_flags`, as `readelf -h` shows them for what the targets' own
    /// compilers make.
    #[test]
    fn the_header_is_the_one_of_the_target() {
        let header = |target: &str| {
            let bytes = object(target, b"list").unwrap();
            let is_big = bytes[5] == 2;
            let number = |at: usize, length: usize| {
                let mut bytes = bytes[at..at + length].to_vec();
                if !is_big {
                    bytes.reverse();
                }
                bytes.into_iter().fold(0_u32, |number, byte| number << 8 | u32::from(byte))
            };
            let is_64 = bytes[4] == 2;
            (number(18, 2), if is_64 { 64 } else { 32 }, is_big, number(if is_64 { 48 } else { 36 }, 4))
        };
        for (target, expected) in [
            ("x86_64-unknown-linux-musl", (62, 64, false, 0)),
            ("x86_64-unknown-linux-gnux32", (62, 32, false, 0)),
            ("i686-unknown-linux-musl", (3, 32, false, 0)),
            ("aarch64-unknown-linux-musl", (183, 64, false, 0)),
            ("aarch64_be-unknown-linux-gnu", (183, 64, true, 0)),
            ("armv7-unknown-linux-musleabihf", (40, 32, false, 0x0500_0000)),
            ("thumbv7neon-unknown-linux-gnueabihf", (40, 32, false, 0x0500_0000)),
            ("armeb-unknown-linux-gnueabi", (40, 32, true, 0x0500_0000)),
            ("riscv64gc-unknown-linux-musl", (243, 64, false, 5)),
            ("riscv64a23-unknown-linux-gnu", (243, 64, false, 5)),
            ("riscv64-linux-android", (243, 64, false, 5)),
            ("riscv32imac-unknown-linux-gnu", (243, 32, false, 1)),
            ("riscv32imafc-unknown-linux-gnu", (243, 32, false, 3)),
            ("powerpc64le-unknown-linux-musl", (21, 64, false, 0)),
            ("powerpc-unknown-linux-gnu", (20, 32, true, 0)),
            ("s390x-unknown-linux-musl", (22, 64, true, 0)),
            ("loongarch64-unknown-linux-musl", (258, 64, false, 0x43)),
            ("loongarch64-unknown-linux-muslsf", (258, 64, false, 0x41)),
            ("mips64el-unknown-linux-muslabi64", (8, 64, false, 0x8000_0006)),
            ("mips-unknown-linux-gnu", (8, 32, true, 0x7000_1004)),
            ("mipsisa32r6el-unknown-linux-gnu", (8, 32, false, 0x9000_1404)),
            ("sparc64-unknown-linux-gnu", (43, 64, true, 0)),
        ] {
            assert_eq!(header(target), expected, "{target}");
        }
    }

    #[test]
    fn a_processor_without_an_entry_is_refused_with_the_way_around() {
        for target in ["hexagon-unknown-linux-musl", "x86_64", ""] {
            let failure = object(target, b"list").unwrap_err();
            assert_eq!(failure.what, format!("a program for `{target}` cannot carry its dependency list"));
            assert_eq!(failure.hint.as_deref(), Some("`auditable = false` in the recipe leaves it out"));
        }
    }
}
