//! ELF files by name, the good ones and the bad. [`Elf`] makes others.

pub use super::elf_writer::{Elf, Machine};

/// Runs on amd64: writes a line and ends with 0.
pub fn static_amd64() -> Vec<u8> {
    Elf::executable(Machine::Amd64).bytes()
}

/// Runs on arm64: writes a line and ends with 0.
pub fn static_arm64() -> Vec<u8> {
    Elf::executable(Machine::Arm64).bytes()
}

/// Like [`static_amd64`], in a file of exactly `size` bytes (at least 512)
/// that do not compress.
pub fn static_amd64_of(size: usize) -> Vec<u8> {
    Elf::executable(Machine::Amd64).size(size).bytes()
}

/// `ET_DYN` without an interpreter, as Rust and musl link: runs on amd64.
pub fn static_pie_amd64() -> Vec<u8> {
    Elf::static_pie(Machine::Amd64).bytes()
}

/// Needs glibc's loader, `libfoo.so` and `libc.so.6`.
pub fn dynamic_amd64() -> Vec<u8> {
    Elf::executable(Machine::Amd64)
        .interpreter("/lib64/ld-linux-x86-64.so.2")
        .needs("libfoo.so")
        .needs("libc.so.6")
        .bytes()
}

/// Names libraries, but no loader that would find them.
pub fn needs_without_loader_amd64() -> Vec<u8> {
    Elf::executable(Machine::Amd64).needs("libfoo.so").bytes()
}

/// A library, not a program.
pub fn shared_object_amd64() -> Vec<u8> {
    Elf::shared_object(Machine::Amd64, "libfoo.so").bytes()
}

/// What `cc -c` leaves.
pub fn relocatable_amd64() -> Vec<u8> {
    Elf::relocatable(Machine::Amd64).bytes()
}

/// A file whose type says that it is a core dump.
pub fn core_dump_amd64() -> Vec<u8> {
    let mut bytes = static_amd64();
    bytes[16] = 4;
    bytes
}

/// arm64 with the big end first.
pub fn big_endian_arm64() -> Vec<u8> {
    Elf::executable(Machine::Arm64).big_endian().bytes()
}

/// A 32-bit program, for i386: header, one segment, `exit(0)`.
pub fn wrong_class() -> Vec<u8> {
    const BASE: u32 = 0x0804_8000;
    const CODE: [u8; 9] = [0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80];
    const START: u32 = 52 + 32;
    let end = START + u32::try_from(CODE.len()).expect("a small number");
    let mut out = vec![0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |out: &mut Vec<u8>, n: u16| out.extend(n.to_le_bytes());
    let word = |out: &mut Vec<u8>, n: u32| out.extend(n.to_le_bytes());
    half(&mut out, 2); // ET_EXEC
    half(&mut out, 3); // EM_386
    for n in [1, BASE + START, 52, 0, 0] {
        word(&mut out, n);
    }
    for n in [52, 32, 1, 0, 0, 0] {
        half(&mut out, n);
    }
    for n in [1, 0, BASE, BASE, end, end, 5, 0x1000] {
        word(&mut out, n);
    }
    out.extend(CODE);
    out
}

/// Ends within the program headers that the header announces.
pub fn truncated_amd64() -> Vec<u8> {
    let mut bytes = static_amd64();
    bytes.truncate(64 + 20);
    bytes
}

/// Has fewer bytes than its segment announces.
pub fn cut_off_amd64() -> Vec<u8> {
    let mut bytes = static_amd64_of(4096);
    bytes.truncate(1024);
    bytes
}
