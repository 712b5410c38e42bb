#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::{io::Read, sync::mpsc, time::Duration};

use flate2::read::{GzDecoder, MultiGzDecoder};
use proptest::prelude::*;
use sha2::Digest as _;

use super::*;
use crate::test_data::data;

const BLOCK: usize = BLOCK_BYTES;

fn sha256(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
    sha2::Sha256::digest(bytes).iter().flat_map(digits).collect()
}

/// Compresses in calls of the lengths that `cuts` gives, over and over.
fn compress(bytes: &[u8], jobs: usize, cuts: &[usize]) -> Vec<u8> {
    let mut writer = GzipWriter::new(Vec::new(), NonZeroUsize::new(jobs).unwrap());
    let mut rest = bytes;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*cut).min(rest.len()));
        writer.write_all(now).unwrap();
        // What `write_all` leaves out: a call with nothing.
        assert_eq!(writer.write(&[]).unwrap(), 0);
        rest = later;
    }
    writer.finish().unwrap();
    writer.into_inner()
}

/// Fails the test instead of standing still when `work` does not end.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(Duration::from_secs(120)).unwrap()
}

fn assert_holds(member: &[u8], bytes: &[u8]) {
    let mut single = Vec::new();
    let mut decoder = GzDecoder::new(member);
    decoder.read_to_end(&mut single).unwrap();
    assert!(single == bytes, "the first member is not the whole");
    assert!(decoder.into_inner().is_empty(), "something follows the member");
    let mut all = Vec::new();
    MultiGzDecoder::new(member).read_to_end(&mut all).unwrap();
    assert!(all == bytes);
}

#[test]
fn the_bytes_of_format_1() {
    let mut bytes = Vec::new();
    for kind in 0..6 {
        bytes.extend(data(kind, BLOCK / 2 - 1, u64::from(kind)));
    }
    assert_eq!(
        sha256(&bytes),
        "5071eba147438533a0b5f392f832d02f9ea82068de2beed48a5d8fc1accd2bea",
        "the input of this test is another one"
    );
    let member = compress(&bytes, 2, &[8192]);
    assert_eq!(
        sha256(&member),
        "a7fa09d4a79cb41959c32e0604fd8745ffa8d1850da3f567cf5b31cd70721f4b",
        "`format = 1` has other bytes than before"
    );
}

#[test]
fn nothing_is_a_member_too() {
    let member = compress(&[], 3, &[1]);
    assert_eq!(member, b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0\0\0\0\0\0\0\0\0");
    assert_holds(&member, &[]);
}

#[test]
fn a_full_block_is_the_last_one_when_nothing_follows() {
    for (length, flushes) in [(BLOCK - 1, 0), (BLOCK, 0), (BLOCK + 1, 1), (2 * BLOCK, 1), (2 * BLOCK + 1, 2)] {
        let bytes = vec![0; length];
        let member = compress(&bytes, 2, &[BLOCK, 100]);
        assert_holds(&member, &bytes);
        // A sync flush is an empty stored block; nothing else is in the compressed zeros.
        assert_eq!(member.windows(4).filter(|four| four == b"\0\0\xff\xff").count(), flushes, "{length}");
        assert!(!member.ends_with(b"\x03\0\0\0\0\0\0\0\0\0"));
    }
}

/// Writes up to a byte and fails from there on.
#[derive(Debug)]
struct FailsAt(usize);

impl Write for FailsAt {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = buf.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_fails_anywhere_is_an_error_and_the_last_word() {
    let bytes = vec![0; 6 * BLOCK + 1];
    let length = compress(&bytes, 2, &[BLOCK]).len();
    let member_fails = move |at: usize, jobs: usize| {
        let bytes = vec![0; 6 * BLOCK + 1];
        let mut writer = GzipWriter::new(FailsAt(at), NonZeroUsize::new(jobs).unwrap());
        let error = writer.write_all(&bytes).and_then(|()| writer.finish()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(writer.write(b"x").is_err() && writer.finish().is_err());
    };
    for at in (0..20).chain((20..length - 20).step_by(length / 20)).chain(length - 20..length) {
        in_time(move || member_fails(at, 1 + at % 3));
    }
    // One byte more and it fits.
    let mut writer = GzipWriter::new(FailsAt(length), NonZeroUsize::MIN);
    writer.write_all(&bytes).and_then(|()| writer.finish()).unwrap();
    assert!(writer.write(b"x").is_err() && writer.finish().is_err());
}

#[test]
fn a_worker_that_fails_or_panics_is_an_error_at_its_block() {
    fn fails(encoder: &mut Encoder, block: Vec<u8>, last: bool) -> io::Result<Encoded> {
        if block.contains(&b'!') { Err(io::ErrorKind::OutOfMemory.into()) } else { encoder.encode(block, last) }
    }
    fn panics(encoder: &mut Encoder, block: Vec<u8>, last: bool) -> io::Result<Encoded> {
        assert!(!block.contains(&b'!'), "this panic belongs to the test");
        encoder.encode(block, last)
    }
    for (at, jobs) in [(0, 1), (0, 4), (3, 1), (3, 2), (9, 1), (9, 3), (9, 16)] {
        for encode in [fails as Encode, panics] {
            let outcome = in_time(move || {
                let mut bytes = vec![0; 10 * BLOCK];
                bytes[at * BLOCK] = b'!';
                let mut writer = GzipWriter::with(Vec::new(), NonZeroUsize::new(jobs).unwrap(), encode);
                writer.write_all(&bytes).and_then(|()| writer.finish()).map_err(|error| error.to_string())
            });
            let reason = outcome.unwrap_err();
            assert!(reason == "out of memory" || reason == "a compression thread stopped", "{reason}");
        }
    }
}

#[test]
fn results_keep_their_order_when_workers_do_not_keep_time() {
    fn unsteady(encoder: &mut Encoder, block: Vec<u8>, last: bool) -> io::Result<Encoded> {
        std::thread::sleep(Duration::from_millis(u64::from(block[0] % 5) * 7));
        encoder.encode(block, last)
    }
    let bytes: Vec<u8> = (0..23).flat_map(|block| vec![block * 11; BLOCK]).collect();
    let mut writer = GzipWriter::with(Vec::new(), NonZeroUsize::new(4).unwrap(), unsteady);
    writer.write_all(&bytes).and_then(|()| writer.finish()).unwrap();
    assert_holds(&writer.into_inner(), &bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

    #[test]
    fn the_bytes_depend_on_the_bytes_alone(
        kind in 0..6u8,
        seed in any::<u64>(),
        blocks in 0..3usize,
        around in prop_oneof![Just(-1), Just(0), Just(1), -70_000..70_000isize],
        cuts in prop::collection::vec(prop_oneof![1..BLOCK * 2, Just(BLOCK), 4000..9000usize], 1..6),
    ) {
        let bytes = data(kind, (blocks * BLOCK).saturating_add_signed(around), seed);
        let member = compress(&bytes, 1, &[BLOCK]);
        assert_holds(&member, &bytes);
        for jobs in [1, 2, 5, 16] {
            prop_assert!(compress(&bytes, jobs, &cuts) == member, "{} jobs", jobs);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn small_members_of_every_kind_hold_what_was_written(
        pieces in prop::collection::vec((0..6u8, 0..5000usize, any::<u64>()), 0..6),
    ) {
        let bytes: Vec<u8> = pieces.into_iter().flat_map(|(kind, length, seed)| data(kind, length, seed)).collect();
        assert_holds(&compress(&bytes, 1, &[999]), &bytes);
    }
}
