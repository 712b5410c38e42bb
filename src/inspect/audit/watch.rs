//! Layers that are scanned while somebody writes them, so that nobody has to read them again.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread::{self, JoinHandle},
};

use super::scan::{self, LayerScan, Room};
use crate::oci::DiffId;

/// Bytes of a tar that are handed over at once.
const PIECE: usize = 256 << 10;
/// Pieces that may wait: the scan is faster than any compression, and these even out what it is not.
const WAITING: usize = 8;

/// What was seen of layers, by the digest of their tar.
#[derive(Debug, Default)]
pub struct Seen(BTreeMap<DiffId, LayerScan>);

/// One layer that passes by. The scan has a thread of its own, so that it takes no time where a processor is idle.
#[derive(Debug)]
pub struct LayerWatch {
    piece: Vec<u8>,
    pieces: Option<SyncSender<Vec<u8>>>,
    /// Pieces that were read; their memory is used again.
    empty: Receiver<Vec<u8>>,
    scan: JoinHandle<LayerScan>,
}

impl Seen {
    /// Keeps what was seen of a layer that is written.
    ///
    /// What a scan could not finish is not kept: the layer is read like any other then, and says why.
    pub fn keep(&mut self, diff_id: DiffId, watch: LayerWatch) {
        if let Some(scan) = watch.end().filter(|scan| scan.fault.is_none()) {
            self.0.insert(diff_id, scan);
        }
    }

    /// Takes out what was seen of a layer.
    pub(super) fn take(&mut self, diff_id: &DiffId) -> Option<LayerScan> {
        self.0.remove(diff_id)
    }
}

impl LayerWatch {
    /// Begins with the first byte of a tar.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn begin() -> io::Result<Self> {
        let (pieces, waiting) = sync_channel(WAITING);
        let (emptied, empty) = channel();
        let pieces_read = Pieces { waiting, emptied, piece: Vec::new(), read: 0 };
        let work = move || scan::stream(pieces_read, &mut Room::default());
        let scan = thread::Builder::new().name("audit".to_owned()).spawn(work)?;
        Ok(Self { piece: Vec::new(), pieces: Some(pieces), empty, scan })
    }

    /// Takes the next bytes.
    pub fn look(&mut self, mut tar: &[u8]) {
        while !tar.is_empty() {
            let (now, later) = tar.split_at(tar.len().min(PIECE - self.piece.len()));
            self.piece.extend_from_slice(now);
            tar = later;
            if self.piece.len() == PIECE {
                self.hand_over();
            }
        }
    }

    fn hand_over(&mut self) {
        let mut next = self.empty.try_recv().unwrap_or_default();
        next.clear();
        let piece = std::mem::replace(&mut self.piece, next);
        // A scan that ended early has its reason, and takes no more.
        if self.pieces.as_ref().is_some_and(|pieces| pieces.send(piece).is_err()) {
            self.pieces = None;
        }
    }

    /// What was seen; `None` where the scan itself failed.
    fn end(mut self) -> Option<LayerScan> {
        self.hand_over();
        self.pieces = None;
        self.scan.join().ok()
    }
}

/// The tar, as a reader.
struct Pieces {
    waiting: Receiver<Vec<u8>>,
    emptied: Sender<Vec<u8>>,
    piece: Vec<u8>,
    read: usize,
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.read == self.piece.len() {
            // Whoever writes has dropped its end: that is the end of the tar.
            let Ok(piece) = self.waiting.recv() else { return Ok(&[]) };
            let old = std::mem::replace(&mut self.piece, piece);
            self.read = 0;
            // Nobody takes it where the tar has ended.
            let _ = self.emptied.send(old);
        }
        Ok(self.piece.get(self.read..).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        self.read = self.piece.len().min(self.read + bytes);
    }
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{
        Policy, Request, audit, audit_seen,
        sample::{File, Sample},
    };
    use super::*;

    #[test]
    fn a_layer_that_was_watched_is_not_read_again_and_gives_the_same_findings() {
        let shell = b"#!/bin/sh\n".repeat(100_000);
        let sample =
            Sample::new().layer([File::new("bin/sh", &shell).mode(0o755), File::text("etc/passwd", "root::0:0::/:\n")]);
        let mut set = sample.set();
        let policy = Policy::profile("hardened").unwrap();
        let request = Request { image: "x", policy: &policy, today: (2026, 1, 1) };
        let expected = audit(&set, &request);
        for step in [1, 511, 512, PIECE, usize::MAX] {
            let mut seen = Seen::default();
            for layer in &set.images[0].layers {
                let mut tar = Vec::new();
                layer.open_tar().unwrap().read_to_end(&mut tar).unwrap();
                let mut watch = LayerWatch::begin().unwrap();
                tar.chunks(step.min(tar.len())).for_each(|chunk| watch.look(chunk));
                seen.keep(layer.diff_id, watch);
            }
            assert_eq!(seen.0.len(), set.images[0].layers.len());
            let found = audit_seen(&set, &request, &mut seen);
            assert_eq!(serde_json::to_value(&found).unwrap(), serde_json::to_value(&expected).unwrap());
            assert!(seen.0.is_empty(), "taken");
        }
        // Whose bytes are gone can only have been watched.
        let mut seen = Seen::default();
        for layer in &mut set.images[0].layers {
            let mut watch = LayerWatch::begin().unwrap();
            let mut tar = Vec::new();
            layer.open_tar().unwrap().read_to_end(&mut tar).unwrap();
            watch.look(&tar);
            seen.keep(layer.diff_id, watch);
            layer.blob = std::sync::Arc::new(Vec::new());
        }
        let found = audit_seen(&set, &request, &mut seen);
        assert_eq!(found.images[0].findings, expected.images[0].findings);
    }

    #[test]
    fn a_watch_that_is_dropped_ends_its_thread() {
        let mut watch = LayerWatch::begin().unwrap();
        watch.look(&vec![0; 3 * PIECE]);
        drop(watch);
    }
}
