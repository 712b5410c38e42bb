//! Entry points for the fuzz targets to the parsers of foreign bytes in this room. Nothing else uses them.

use super::{base, certificates::RootCertificates};
use crate::{elf, oci::User};

/// The machine of an ELF file, or why it is none.
pub fn elf(bytes: &[u8]) -> String {
    match elf::read(std::io::Cursor::new(bytes)) {
        Ok(elf) => elf.machine.name(),
        Err(why) => why.sentence(),
    }
}

/// The bundle that a file of roots becomes, when it is accepted.
pub fn certificates(text: &[u8]) -> Option<Vec<u8>> {
    let mut roots = RootCertificates::default();
    roots.add_pem("fuzz.pem", text, 0).ok()?;
    roots.to_pem().ok()
}

/// `/etc/passwd` and `/etc/group` with a line for the run user; `None` for a file that has one already.
pub fn accounts(text: &[u8]) -> [Option<Vec<u8>>; 2] {
    base::completed(text, User::default())
}
