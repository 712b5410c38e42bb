//! [`SampleProgram`]: builds ELF files for tests.

#![allow(clippy::unwrap_used)]

/// A small program for amd64.
pub(in crate::audit) fn elf() -> Vec<u8> {
    SampleProgram::default().bytes()
}

/// The headers of a program for tests.
pub(in crate::audit) struct SampleProgram {
    pub(in crate::audit) fixed: bool,
    pub(in crate::audit) loader: Option<&'static str>,
    pub(in crate::audit) needed: Vec<&'static str>,
    pub(in crate::audit) runpath: Option<&'static str>,
    /// Flags of `PT_GNU_STACK` and of the loaded segment.
    pub(in crate::audit) stack: u32,
    pub(in crate::audit) code: u32,
    pub(in crate::audit) relro: bool,
    /// `e_machine`.
    pub(in crate::audit) machine: u16,
    /// Sections with their content.
    pub(in crate::audit) sections: Vec<(&'static str, Vec<u8>)>,
    /// What stands behind all of it.
    pub(in crate::audit) behind: Vec<u8>,
}

impl Default for SampleProgram {
    fn default() -> Self {
        Self {
            fixed: false,
            loader: None,
            needed: Vec::new(),
            runpath: None,
            stack: 6,
            code: 5,
            relro: true,
            machine: 62,
            sections: vec![(".dep-v0", vec![0; 4])],
            behind: Vec::new(),
        }
    }
}

impl SampleProgram {
    /// ELF, 64 bits, little endian: headers, one segment over all of it, and a dynamic section.
    pub(in crate::audit) fn bytes(&self) -> Vec<u8> {
        const HEADERS: u64 = 64 + 5 * 56;
        let mut strings = vec![0_u8];
        let mut string = |text: &str| {
            let at = strings.len() as u64;
            strings.extend(text.bytes());
            strings.push(0);
            at
        };
        let mut dynamic: Vec<(u64, u64)> = self.needed.iter().map(|name| (1, string(name))).collect();
        dynamic.extend(self.runpath.map(|path| (29, string(path))));
        let loader = self.loader.map(|loader| (string(loader), loader.len() as u64 + 1));
        let dynamic_at = HEADERS;
        let strings_at = dynamic_at + (dynamic.len() as u64 + 3) * 16;
        dynamic.extend([(5, strings_at), (10, strings.len() as u64), (0, 0)]);
        let sections = self.sections();
        let sections_at = strings_at + strings.len() as u64;
        let total = sections_at + sections.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        let mut segments = vec![
            (1_u32, self.code, 0, total),
            // Without a flag there is no such header.
            (if self.stack == 0 { 4 } else { 0x6474_e551 }, self.stack, 0, 0),
            (2, 6, dynamic_at, dynamic.len() as u64 * 16),
        ];
        if self.relro {
            segments.push((0x6474_e552, 4, 0, 0));
        }
        if let Some((at, length)) = loader {
            segments.push((3, 4, strings_at + at, length));
        }
        let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(if self.fixed { 2_u16 } else { 3 }.to_le_bytes());
        bytes.extend(self.machine.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        for number in [1_u64, 64, total] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(0_u32.to_le_bytes());
        let count = u16::try_from(sections.len()).unwrap();
        for number in [64_u16, 56, u16::try_from(segments.len()).unwrap(), 64, count + 1, count] {
            bytes.extend(number.to_le_bytes());
        }
        for (kind, flags, offset, size) in segments {
            bytes.extend(kind.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            for number in [offset, offset, offset, size, size, 8] {
                bytes.extend(number.to_le_bytes());
            }
        }
        bytes.resize(usize::try_from(HEADERS).unwrap(), 0);
        for (tag, value) in dynamic {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(strings);
        let mut headers = vec![0_u8; 64];
        let mut name_at = 0_u32;
        let mut at = sections_at;
        for (name, content) in &sections {
            headers.extend(name_at.to_le_bytes());
            headers.extend(if *name == ".shstrtab" { 3_u32 } else { 1 }.to_le_bytes());
            for number in [0, 0, at, content.len() as u64, 0, 1, 0] {
                headers.extend(number.to_le_bytes());
            }
            name_at += u32::try_from(name.len()).unwrap() + 1;
            at += content.len() as u64;
            bytes.extend(content);
        }
        bytes.extend(headers);
        bytes.extend(&self.behind);
        bytes
    }

    /// The sections, with that of their names.
    fn sections(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut sections = self.sections.clone();
        let names = sections.iter().map(|(name, _)| *name).chain([".shstrtab"]);
        let names = names.flat_map(|name| name.bytes().chain([0])).collect();
        sections.push((".shstrtab", names));
        sections
    }
}
