//! A blob that is being written into a staging folder: hashed while it is written, named by its digest when it is
//! complete.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    num::NonZeroU64,
};

use rustix::fs::{Advice, fadvise};

use crate::{
    oci::{BlobDraft, BlobSink, Descriptor, Digest, Sha256},
    output::Staging,
    report::Failure,
};

/// Bytes that are collected before they are hashed and written: a tar is written in pieces of 512. What ends before that
/// is written at once, under its own name.
const BUFFER: usize = 128 << 10;
/// Bytes after which writeback is started: what is written while the rest is still compressed need not be waited for by the
/// sync at the end.
const AHEAD: u64 = 2 << 20;

/// A file in the staging folder that gets its name from its bytes. Dropped unsealed, it is removed.
#[derive(Debug)]
pub(super) struct FileDraft<'a> {
    /// Where it belongs to.
    staging: &'a Staging,
    /// Tells it from the other drafts.
    number: u64,
    /// Bytes that are not in the file yet.
    held: Vec<u8>,
    /// There is none before there is more than the buffer takes, or after it got its name.
    file: Option<File>,
    hasher: Sha256,
    written: u64,
    /// How much of it the system was asked to bring to the disk.
    begun: u64,
}

impl<'a> FileDraft<'a> {
    /// Starts the blob of that number among the drafts.
    pub(super) fn new(staging: &'a Staging, number: u64) -> Self {
        Self { staging, number, held: Vec::new(), file: None, hasher: Sha256::new(), written: 0, begun: 0 }
    }

    /// Writes what is held.
    fn write_held(&mut self) -> io::Result<()> {
        let mut held = std::mem::take(&mut self.held);
        let done = self.write_out(&held);
        held.clear();
        self.held = held;
        done
    }

    /// Writes these bytes, behind all that were held.
    fn write_out(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            // Created with 0666 and the umask, as any file a tool writes: other users' tools read layouts too.
            none => none.insert(File::create_new(self.staging.draft_path(self.number))?),
        };
        write_counted(file, &mut self.written, bytes)?;
        if let Some(more) = NonZeroU64::new(self.written - self.begun).filter(|more| more.get() >= AHEAD) {
            // On POSIX_FADV_DONTNEED Linux starts writeback of dirty pages and keeps those it has not written yet. The result
            // does not matter.
            let _ = fadvise(&*file, self.begun, Some(more), Advice::DontNeed);
            self.begun = self.written;
        }
        self.hasher.update(bytes);
        Ok(())
    }

    /// A blob that fits into the buffer: one file, created under its name.
    fn seal_small(&mut self, digest: Digest) -> io::Result<File> {
        let path = self.staging.staged.path(digest);
        let (mut file, draft) = match File::create_new(&path) {
            Ok(file) => (file, None),
            // The same bytes may be sealed twice, also at the same moment; a rename over the other one is right then.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let draft = self.staging.draft_path(self.number);
                (File::create_new(&draft)?, Some(draft))
            }
            Err(error) => return Err(error),
        };
        let done = write_counted(&mut file, &mut self.written, &self.held)
            .and_then(|()| draft.as_ref().map_or(Ok(()), |draft| fs::rename(draft, &path)));
        if done.is_err() {
            let _ = fs::remove_file(draft.as_ref().unwrap_or(&path));
        }
        done.map(|()| file)
    }

    /// The end of a blob that fits into the buffer. One that the layout has is not written again.
    fn end_small(&mut self, media_type: &'static str) -> Result<Descriptor, Failure> {
        self.hasher.update(&self.held);
        let (digest, size) = (self.hasher.clone().finish(), self.held.len() as u64);
        let blob = Descriptor { media_type, digest, size, platform: None, annotations: BTreeMap::new() };
        if self.staging.has_small(&blob, &self.held) {
            return Ok(blob);
        }
        let file = self.seal_small(digest).map_err(|error| self.failure(&error))?;
        self.staging.note_file(&file, &blob);
        Ok(blob)
    }

    /// The end of a blob in a file of its own, which gets its name.
    fn end_file(&mut self, media_type: &'static str) -> Result<Descriptor, Failure> {
        self.write_held().map_err(|error| self.failure(&error))?;
        let (digest, size) = (self.hasher.clone().finish(), self.written);
        let named = fs::rename(self.staging.draft_path(self.number), self.staging.staged.path(digest));
        named.map_err(|error| self.failure(&error))?;
        let blob = Descriptor { media_type, digest, size, platform: None, annotations: BTreeMap::new() };
        if let Some(file) = self.file.take() {
            self.staging.note_file(&file, &blob);
        }
        Ok(blob)
    }
}

impl BlobSink for Staging {
    fn put(&self, media_type: &'static str, bytes: &[u8]) -> Result<Descriptor, Failure> {
        let mut draft = self.draft()?;
        draft.write_all(bytes).map_err(|error| draft.failure(&error))?;
        draft.seal(media_type)
    }

    fn draft(&self) -> Result<Box<dyn BlobDraft + '_>, Failure> {
        Ok(Box::new(FileDraft::new(self, self.next_draft())))
    }
}

/// Writes all of it, and counts what went out.
fn write_counted(file: &mut File, written: &mut u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => {
                *written += taken as u64;
                bytes = bytes.get(taken..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Write for FileDraft<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.held.len() + buf.len() > BUFFER {
            self.write_held()?;
        }
        if buf.len() > BUFFER {
            self.write_out(buf)?;
        } else {
            self.held.extend_from_slice(buf);
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobDraft for FileDraft<'_> {
    fn seal(mut self: Box<Self>, media_type: &'static str) -> Result<Descriptor, Failure> {
        if self.file.is_none() { self.end_small(media_type) } else { self.end_file(media_type) }
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::io(&format!("write a blob, after {} bytes of it", self.written), &self.staging.path, error)
    }
}

impl Drop for FileDraft<'_> {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(self.staging.draft_path(self.number));
        }
    }
}
