//! A blob that is being written into a staging folder.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use crate::{
    cache::Cache,
    oci::{Descriptor, Draft, Sha256},
    report::Failure,
};

/// Bytes that are collected before they are hashed and written: a tar is written in pieces of 512.
const BUFFER: usize = 128 << 10;

/// A file in the staging folder that gets its name from its bytes. Dropped unsealed, it is removed.
#[derive(Debug)]
pub(super) struct FileDraft<'a> {
    /// The layout, for messages.
    layout: &'a Path,
    /// Where sealed blobs go.
    blobs: PathBuf,
    path: PathBuf,
    out: BufWriter<Hashed>,
    /// Who knows files by their state.
    known: Option<&'a Cache>,
}

impl<'a> FileDraft<'a> {
    /// Starts the file `path`, to be renamed into `blobs`.
    pub(super) fn create(
        layout: &'a Path,
        path: PathBuf,
        blobs: PathBuf,
        known: Option<&'a Cache>,
    ) -> Result<Self, Failure> {
        // Created with 0666 and the umask, as any file a tool writes: other users' tools read layouts too.
        let file = File::create_new(&path).map_err(|error| Failure::io("create a blob", layout, &error))?;
        let hashed = Hashed { file, hasher: Sha256::new(), written: 0 };
        Ok(Self { layout, blobs, path, out: BufWriter::with_capacity(BUFFER, hashed), known })
    }
}

impl Write for FileDraft<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.out.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Draft for FileDraft<'_> {
    fn seal(mut self: Box<Self>, media_type: &'static str) -> Result<Descriptor, Failure> {
        self.out.flush().map_err(|error| self.failure(&error))?;
        let hashed = self.out.get_ref();
        let (size, digest) = (hashed.written, hashed.hasher.clone().finish());
        // The same bytes may be sealed twice, also at the same moment; a rename over the other one is right then.
        fs::rename(&self.path, self.blobs.join(digest.hex())).map_err(|error| self.failure(&error))?;
        if let Some(known) = self.known {
            known.saw_blob(&self.out.get_ref().file, digest);
        }
        Ok(Descriptor { media_type, digest, size, platform: None, annotations: BTreeMap::new() })
    }

    fn failure(&self, error: &io::Error) -> Failure {
        let doing = format!("write a blob, after {} bytes of it", self.out.get_ref().written);
        Failure::io(&doing, self.layout, error)
    }
}

impl Drop for FileDraft<'_> {
    fn drop(&mut self) {
        // Gone already when it was sealed.
        let _ = fs::remove_file(&self.path);
    }
}

/// A file that knows the digest of what was written to it.
#[derive(Debug)]
struct Hashed {
    file: File,
    hasher: Sha256,
    written: u64,
}

impl Write for Hashed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let accepted = self.file.write(buf)?;
        self.hasher.update(buf.get(..accepted).unwrap_or_default());
        self.written += accepted as u64;
        Ok(accepted)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
