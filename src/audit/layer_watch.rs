//! [`LayerWatch`]: scans layers while a build writes them, so that the audit of the build needs not read them again.

use std::{
    collections::BTreeMap,
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use parking_lot::{Mutex, MutexGuard};

use super::gzip_header::gzip_header;
use crate::{
    image::StoredLayer,
    oci::{DiffId, Digest},
    report::{Limits, PieceSender, piece_channel},
    rootfs::{LayerScan, ScanBudget, ScanDepth},
};

/// Bytes of a tar that are handed over at once.
const PIECE: usize = 256 << 10;
/// Pieces that may wait: the scan is faster than any compression, and these even out what it is not.
const WAITING: usize = 4;

/// Scans of the layers that one build wrote, by their blobs.
#[derive(Debug, Default)]
pub struct SeenLayers {
    watched: BTreeMap<Digest, LayerScan>,
    shared: Arc<SharedScans>,
}

/// Scans of small layers, for all images of a call: most of them have the same base, certificates and accounts.
#[derive(Debug, Default)]
pub struct SharedScans(Mutex<SharedScanMap>);

/// A scan, and the media type by which the layer was read.
type Scanned = (String, Arc<LayerScan>);

/// Scans by digest and diff_id, then by media type.
#[derive(Debug, Default)]
struct SharedScanMap {
    scans: BTreeMap<(Digest, DiffId), Vec<Scanned>>,
    bytes: usize,
}

/// One layer that passes by. The scan has a thread of its own, so that it takes no time where a processor is idle; one
/// piece is scanned at the end, which is sooner done than a thread is started.
#[derive(Debug, Default)]
pub struct LayerWatch {
    piece: Vec<u8>,
    scan: ScanState,
}

/// Where the scan of a layer is.
#[derive(Debug, Default)]
enum ScanState {
    /// It begins with the second piece.
    #[default]
    Waiting,
    Running(RunningScan),
    /// The system had no thread for it.
    Failed,
}

/// A scan at work.
#[derive(Debug)]
struct RunningScan {
    /// `None` when the scan ended before the tar.
    pieces: Option<PieceSender>,
    thread: JoinHandle<LayerScan>,
}

impl SeenLayers {
    /// Nothing yet but the scans that images before this one share.
    pub fn sharing(shared: &Arc<SharedScans>) -> Self {
        Self { watched: BTreeMap::new(), shared: Arc::clone(shared) }
    }

    /// Keeps what was seen of a layer that was written as `blob`.
    ///
    /// What a scan could not finish is not kept: the layer is read like any other then, and says why.
    pub fn keep(&mut self, blob: Digest, watch: LayerWatch) {
        if let Some(scan) = watch.end().filter(|scan| scan.fault.is_none()) {
            self.watched.insert(blob, scan);
        }
    }

    /// The scan of a stored layer: taken from here if the layer was watched, else made now.
    pub(super) fn scan(&mut self, stored: &StoredLayer, room: &mut ScanBudget) -> Arc<LayerScan> {
        let name = name_of(stored);
        if let Some(scan) = self.shared.find(name) {
            return scan;
        }
        // Our own gzip header says nothing; what it takes to look is a third of the time of a small layer.
        let watched = self.watched.remove(&stored.descriptor.digest);
        let scan = Arc::new(watched.unwrap_or_else(|| {
            let (tar, mislabelled) = match stored.open_tar_as_packed() {
                Ok((tar, mislabelled)) => (Ok(tar), mislabelled),
                Err(error) => (Err(error), None),
            };
            LayerScan { gzip: gzip_header(stored), mislabelled, ..LayerScan::unpacked(tar, ScanDepth::Full, room) }
        }));
        self.shared.offer(name, &scan);
        scan
    }
}

/// The identity of a stored layer for an audit: digest, diff_id and media type.
pub(super) type LayerName<'a> = (Digest, DiffId, &'a str);

/// The name of a stored layer.
pub(super) fn name_of(stored: &StoredLayer) -> LayerName<'_> {
    (stored.descriptor.digest, stored.diff_id, &stored.descriptor.media_type)
}

impl SharedScans {
    fn find(&self, (digest, diff_id, media_type): LayerName<'_>) -> Option<Arc<LayerScan>> {
        let shared = self.shared();
        let mut same = shared.scans.get(&(digest, diff_id))?.iter();
        same.find(|(known, _)| known == media_type).map(|(_, scan)| Arc::clone(scan))
    }

    /// Takes a scan where there is room, and nothing is wrong with it.
    fn offer(&self, (digest, diff_id, media_type): LayerName<'_>, scan: &Arc<LayerScan>) {
        let mut shared = self.shared();
        let bytes = shared.bytes.saturating_add(scan.weight);
        if scan.fault.is_none() && bytes <= Limits::AUDIT_SHARED_BYTES {
            shared.bytes = bytes;
            shared.scans.entry((digest, diff_id)).or_default().push((media_type.to_owned(), Arc::clone(scan)));
        }
    }

    fn shared(&self) -> MutexGuard<'_, SharedScanMap> {
        self.0.lock()
    }
}

impl LayerWatch {
    /// Takes the next bytes, from the first one of a tar.
    pub fn push(&mut self, mut tar: &[u8]) {
        while !tar.is_empty() {
            if self.piece.len() == PIECE {
                self.hand_over();
            }
            let (now, later) = tar.split_at(tar.len().min(PIECE - self.piece.len()));
            self.piece.extend_from_slice(now);
            tar = later;
        }
    }

    fn hand_over(&mut self) {
        if matches!(self.scan, ScanState::Waiting) {
            self.scan = RunningScan::start().map_or(ScanState::Failed, ScanState::Running);
        }
        match &mut self.scan {
            ScanState::Running(running) => running.take(&mut self.piece),
            // The layer is read later instead.
            ScanState::Waiting | ScanState::Failed => self.piece.clear(),
        }
    }

    /// The scan; `None` if the scan itself failed.
    fn end(mut self) -> Option<LayerScan> {
        match self.scan {
            ScanState::Waiting => {
                Some(LayerScan::of(self.piece.as_slice(), ScanDepth::Full, &mut ScanBudget::default()))
            }
            ScanState::Running(mut running) => {
                running.take(&mut self.piece);
                if let Some(pieces) = running.pieces {
                    pieces.end(Ok(()));
                }
                running.thread.join().ok()
            }
            ScanState::Failed => None,
        }
    }
}

impl RunningScan {
    fn start() -> io::Result<Self> {
        let (pieces, tar) = piece_channel(WAITING);
        let work = move || LayerScan::of(tar, ScanDepth::Full, &mut ScanBudget::default());
        let thread = thread::Builder::new().name("audit".to_owned()).spawn(work)?;
        Ok(Self { pieces: Some(pieces), thread })
    }

    /// Hands a piece over, and leaves an empty one.
    fn take(&mut self, piece: &mut Vec<u8>) {
        let Some(pieces) = &self.pieces else { return piece.clear() };
        let mut next = pieces.reuse();
        next.clear();
        // A scan that ended early has its reason, and takes no more.
        if pieces.send(std::mem::replace(piece, next)).is_err() {
            self.pieces = None;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{
        super::{
            AuditQuery, audit, judge_seen,
            sample_image::{SampleFile, SampleImage},
        },
        *,
    };
    use crate::policy::Policy;

    #[test]
    fn a_layer_that_was_watched_is_not_read_again_and_gives_the_same_findings() {
        let shell = b"#!/bin/sh\n".repeat(100_000);
        let sample = SampleImage::new()
            .layer([SampleFile::new("bin/sh", &shell).mode(0o755), SampleFile::text("etc/passwd", "root::0:0::/:\n")]);
        let mut set = sample.set();
        let policy = Policy::profile("hardened").unwrap();
        let request = AuditQuery { image: "x", policy: &policy, today: (2026, 1, 1) };
        let expected = audit(&set, &request);
        for step in [1, 511, 512, PIECE, usize::MAX] {
            let mut seen = SeenLayers::default();
            for layer in &set.images[0].layers {
                let mut tar = Vec::new();
                layer.open_tar().unwrap().read_to_end(&mut tar).unwrap();
                let mut watch = LayerWatch::default();
                tar.chunks(step.min(tar.len())).for_each(|chunk| watch.push(chunk));
                seen.keep(layer.descriptor.digest, watch);
            }
            assert_eq!(seen.watched.len(), set.images[0].layers.len());
            let found = judge_seen(&set, &request, &mut seen);
            assert_eq!(found.images[0].findings, expected.images[0].findings);
            assert_eq!(found.images[0].unknown, expected.images[0].unknown);
            assert_eq!(found.around.findings, expected.findings);
            assert!(seen.watched.is_empty(), "taken");
        }
        // Whose bytes are gone can only have been watched.
        let mut seen = SeenLayers::default();
        for layer in &mut set.images[0].layers {
            let mut watch = LayerWatch::default();
            let mut tar = Vec::new();
            layer.open_tar().unwrap().read_to_end(&mut tar).unwrap();
            watch.push(&tar);
            seen.keep(layer.descriptor.digest, watch);
            layer.blob = Arc::new(Vec::new());
        }
        let found = judge_seen(&set, &request, &mut seen);
        assert_eq!(found.images[0].findings, expected.images[0].findings);
    }

    #[test]
    fn a_watch_that_is_dropped_ends_its_thread() {
        let mut watch = LayerWatch::default();
        watch.push(&vec![0; 3 * PIECE]);
        drop(watch);
    }
}
