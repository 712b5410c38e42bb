//! Writes ELF files byte by byte.

/// What the file is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    Amd64,
    Arm64,
}

/// An ELF file in the making: header, program headers, then the parts that
/// the headers speak of, then code, then padding. No section headers.
#[derive(Debug, Clone)]
pub struct Elf {
    machine: Machine,
    kind: u16,
    big_endian: bool,
    interpreter: Option<String>,
    needed: Vec<String>,
    soname: Option<String>,
    runpath: Option<String>,
    pie: bool,
    line: String,
    size: Option<usize>,
}

const ET_REL: u16 = 1;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_GNU_STACK: u32 = 0x6474_e551;
const PT_GNU_RELRO: u32 = 0x6474_e552;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const PAGE: u64 = 0x1_0000;

impl Elf {
    fn new(machine: Machine, kind: u16) -> Self {
        Self {
            machine,
            kind,
            big_endian: false,
            interpreter: None,
            needed: Vec::new(),
            soname: None,
            runpath: None,
            pie: false,
            line: "hello from a static binary\n".to_owned(),
            size: None,
        }
    }

    /// A program at a fixed address.
    pub fn executable(machine: Machine) -> Self {
        Self::new(machine, ET_EXEC)
    }

    /// A program that runs wherever it is put, without a loader's help.
    pub fn static_pie(machine: Machine) -> Self {
        let mut elf = Self::new(machine, ET_DYN);
        elf.pie = true;
        elf
    }

    /// A library: no entry point, no interpreter, a name.
    pub fn shared_object(machine: Machine, name: &str) -> Self {
        let mut elf = Self::new(machine, ET_DYN);
        elf.soname = Some(name.to_owned());
        elf
    }

    /// What a compiler leaves for the linker.
    pub fn relocatable(machine: Machine) -> Self {
        Self::new(machine, ET_REL)
    }

    /// Asks for a loader, and is linked as compilers do by default today: it runs at any address, and what the loader
    /// relocates is read-only before it runs.
    pub fn interpreter(mut self, path: &str) -> Self {
        self.kind = ET_DYN;
        self.pie = true;
        self.interpreter = Some(path.to_owned());
        self
    }

    /// Asks for a library.
    pub fn needs(mut self, library: &str) -> Self {
        self.needed.push(library.to_owned());
        self
    }

    /// Says where its libraries are: folders, divided by colons.
    pub fn runpath(mut self, folders: &str) -> Self {
        self.runpath = Some(folders.to_owned());
        self
    }

    /// Writes every number with the big end first.
    pub fn big_endian(mut self) -> Self {
        self.big_endian = true;
        self
    }

    /// What the program writes before it ends with 0.
    pub fn line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.line);
        self
    }

    /// Pads to an exact size with bytes that do not compress.
    pub fn size(mut self, size: usize) -> Self {
        self.size = Some(size);
        self
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let dynamic = self.kind == ET_DYN || !self.needed.is_empty();
        let program_headers = match self.kind {
            ET_REL => 0,
            _ => 2 + usize::from(self.interpreter.is_some()) + 2 * usize::from(dynamic),
        };
        let base: u64 = if self.kind == ET_EXEC { 0x40_0000 } else { 0 };
        let start = HEADER + program_headers * PROGRAM_HEADER;

        let mut interpreter = self.interpreter.clone().unwrap_or_default().into_bytes();
        if self.interpreter.is_some() {
            interpreter.push(0);
        }
        let (strings, tags) = self.strings();
        let strings_at = start + interpreter.len();
        let dynamic_at = (strings_at + strings.len()).next_multiple_of(16);
        let mut table = Bytes::new(self.big_endian);
        if dynamic {
            self.dynamic_table(&mut table, &tags, base + strings_at as u64, strings.len());
        }
        let code_at = (dynamic_at + table.buffer.len()).next_multiple_of(16);
        let code = code(self.machine, self.line.as_bytes());
        let end = self.size.unwrap_or(0).max(code_at + code.len());

        let mut out = Bytes::new(self.big_endian);
        let entry = match (self.kind, &self.soname) {
            (ET_REL, _) | (_, Some(_)) => 0,
            _ => base + code_at as u64,
        };
        self.header(&mut out, entry, program_headers);
        if self.kind != ET_REL {
            out.program_header(PT_LOAD, 5, base, 0, end, PAGE);
            // Says that the stack holds no code, as every linker does.
            out.program_header(PT_GNU_STACK, 6, 0, 0, 0, 16);
        }
        if self.interpreter.is_some() {
            out.program_header(PT_INTERP, 4, base, start, interpreter.len(), 1);
        }
        if dynamic {
            out.program_header(PT_DYNAMIC, 4, base, dynamic_at, table.buffer.len(), 8);
            // What a loader writes there is read-only before the program runs.
            out.program_header(PT_GNU_RELRO, 4, base, dynamic_at, table.buffer.len(), 1);
        }
        out.buffer.extend(interpreter);
        out.buffer.extend(strings);
        out.buffer.resize(dynamic_at, 0);
        out.buffer.extend(table.buffer);
        out.buffer.resize(code_at, 0);
        out.buffer.extend(code);
        let padding = end - out.buffer.len();
        out.buffer.extend(noise(padding));
        out.buffer
    }

    fn header(&self, out: &mut Bytes, entry: u64, program_headers: usize) {
        let data = if self.big_endian { 2 } else { 1 };
        out.buffer.extend([0x7f, b'E', b'L', b'F', 2, data, 1, 0]);
        out.buffer.extend([0; 8]);
        out.u16(self.kind);
        out.u16(match self.machine {
            Machine::Amd64 => 62,
            Machine::Arm64 => 183,
        });
        out.u32(1);
        out.u64(entry);
        out.u64(if program_headers > 0 { HEADER as u64 } else { 0 });
        out.u64(0);
        out.u32(0);
        for word in [HEADER, PROGRAM_HEADER, program_headers, 0, 0, 0] {
            out.u16(u16::try_from(word).expect("a small number"));
        }
    }

    /// The string table, and the dynamic tags that point into it.
    fn strings(&self) -> (Vec<u8>, Vec<(u64, u64)>) {
        const DT_NEEDED: u64 = 1;
        const DT_SONAME: u64 = 14;
        const DT_RUNPATH: u64 = 29;
        let mut strings = vec![0];
        let mut tags = Vec::new();
        let names = self.needed.iter().map(|name| (DT_NEEDED, name));
        let names = names.chain(self.soname.iter().map(|name| (DT_SONAME, name)));
        for (tag, name) in names.chain(self.runpath.iter().map(|folders| (DT_RUNPATH, folders))) {
            tags.push((tag, strings.len() as u64));
            strings.extend(name.as_bytes());
            strings.push(0);
        }
        (strings, tags)
    }

    fn dynamic_table(&self, out: &mut Bytes, tags: &[(u64, u64)], address: u64, size: usize) {
        const DT_NULL: u64 = 0;
        const DT_STRTAB: u64 = 5;
        const DT_STRSZ: u64 = 10;
        const DT_FLAGS_1: u64 = 0x6fff_fffb;
        const DF_1_NOW: u64 = 1;
        const DF_1_PIE: u64 = 0x0800_0000;
        for (tag, value) in tags {
            out.u64(*tag);
            out.u64(*value);
        }
        let flags = DF_1_NOW | if self.pie { DF_1_PIE } else { 0 };
        for (tag, value) in [(DT_STRTAB, address), (DT_STRSZ, size as u64), (DT_FLAGS_1, flags), (DT_NULL, 0)] {
            out.u64(tag);
            out.u64(value);
        }
    }
}

/// Bytes of one end first.
struct Bytes {
    buffer: Vec<u8>,
    big: bool,
}

impl Bytes {
    fn new(big: bool) -> Self {
        Self { buffer: Vec::new(), big }
    }

    fn number<const N: usize>(&mut self, little: [u8; N], big: [u8; N]) {
        self.buffer.extend(if self.big { big } else { little });
    }

    fn u16(&mut self, n: u16) {
        self.number(n.to_le_bytes(), n.to_be_bytes());
    }

    fn u32(&mut self, n: u32) {
        self.number(n.to_le_bytes(), n.to_be_bytes());
    }

    fn u64(&mut self, n: u64) {
        self.number(n.to_le_bytes(), n.to_be_bytes());
    }

    fn program_header(&mut self, kind: u32, flags: u32, base: u64, at: usize, size: usize, align: u64) {
        let (at, size) = (at as u64, size as u64);
        self.u32(kind);
        self.u32(flags);
        for n in [at, base + at, base + at, size, size, align] {
            self.u64(n);
        }
    }
}

/// `write(1, line, len); exit(0)`, with the line behind the code and reached
/// from the instruction pointer, so that it runs at any address.
fn code(machine: Machine, line: &[u8]) -> Vec<u8> {
    let len = u16::try_from(line.len()).expect("a short line");
    let mut code: Vec<u8> = Vec::new();
    match machine {
        Machine::Amd64 => {
            code.extend([0xb8, 1, 0, 0, 0]); // mov eax, 1 (write)
            code.extend([0xbf, 1, 0, 0, 0]); // mov edi, 1
            code.extend([0x48, 0x8d, 0x35, 16, 0, 0, 0]); // lea rsi, [rip + 16]
            code.push(0xba); // mov edx, len
            code.extend(u32::from(len).to_le_bytes());
            code.extend([0x0f, 0x05]); // syscall
            code.extend([0xb8, 60, 0, 0, 0]); // mov eax, 60 (exit)
            code.extend([0x31, 0xff]); // xor edi, edi
            code.extend([0x0f, 0x05]); // syscall
        }
        Machine::Arm64 => {
            let movz = |register: u32, value: u32| 0xd280_0000 | value << 5 | register;
            let adr = |register: u32, words: u32| 0x1000_0000 | words << 5 | register;
            let svc = 0xd400_0001;
            let words = [
                movz(0, 1),              // x0 = 1
                adr(1, 7),               // x1 = the line, seven words on
                movz(2, u32::from(len)), // x2 = len
                movz(8, 64),             // write
                svc,
                movz(0, 0),
                movz(8, 93), // exit
                svc,
            ];
            code.extend(words.iter().flat_map(|word: &u32| word.to_le_bytes()));
        }
    }
    code.extend(line);
    code
}

/// Bytes that look random and are the same each time (xorshift64).
pub fn noise(len: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
