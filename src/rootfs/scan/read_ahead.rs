//! [`ReadAhead`]: reads another reader on a thread of its own, so that one thread decompresses and hashes while another
//! scans.

use std::{
    io::{self, BufRead, BufReader, Read},
    sync::mpsc::sync_channel,
    thread::{self, JoinHandle},
};

use crate::report::{PieceReceiver, PieceSender, piece_channel};

/// Bytes of one piece: they stay in the second cache between the two threads.
const PIECE: usize = 128 << 10;
/// Pieces on their way. The two threads seldom wait for each other; eight were not faster.
const PIECES: usize = 4;

/// The bytes of another reader, in the same order, with its error at the same place.
#[derive(Debug)]
pub(super) struct ReadAhead {
    /// `None` while it is dropped.
    pieces: Option<PieceReceiver>,
    thread: Option<JoinHandle<()>>,
}

/// Reads `reader` ahead. Where the system has no more threads, it is read when it is asked.
pub(super) fn read_ahead(reader: Box<dyn Read + Send>) -> Box<dyn BufRead> {
    let (hand, taken) = sync_channel::<Box<dyn Read + Send>>(1);
    let (sender, pieces) = piece_channel(PIECES);
    let work = move || {
        if let Ok(reader) = taken.recv() {
            send_pieces(reader, sender);
        }
    };
    // The reader follows when there is a thread: one that could not be started would have taken it along.
    let Ok(thread) = thread::Builder::new().name("layer".to_owned()).spawn(work) else {
        return Box::new(BufReader::with_capacity(PIECE, reader));
    };
    match hand.send(reader) {
        Ok(()) => Box::new(ReadAhead { pieces: Some(pieces), thread: Some(thread) }),
        Err(returned) => Box::new(BufReader::with_capacity(PIECE, returned.0)),
    }
}

/// Sends the content of `reader`, up to its end or error, until the reader of the pieces is dropped.
fn send_pieces(mut reader: Box<dyn Read + Send>, pieces: PieceSender) {
    loop {
        let mut piece = pieces.reuse();
        piece.resize(PIECE, 0);
        let (read, ended) = fill_piece(&mut *reader, &mut piece);
        piece.truncate(read);
        if pieces.send(piece).is_err() {
            return;
        }
        if let Some(result) = ended {
            return pieces.end(result);
        }
    }
}

/// Fills `piece`. Returns how far, and how the reader ended if it did.
fn fill_piece(reader: &mut dyn Read, piece: &mut [u8]) -> (usize, Option<io::Result<()>>) {
    let mut filled = 0;
    while let Some(room) = piece.get_mut(filled..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => return (filled, Some(Ok(()))),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(Err(error))),
        }
    }
    (filled, None)
}

impl BufRead for ReadAhead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.pieces.as_mut().map_or(Ok(&[]), BufRead::fill_buf)
    }

    fn consume(&mut self, bytes: usize) {
        if let Some(pieces) = &mut self.pieces {
            pieces.consume(bytes);
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.pieces.as_mut().map_or(Ok(0), |pieces| pieces.read(buf))
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        // The thread ends at its next send, which fails.
        self.pieces = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `left` bytes that count, at most 1000 at once, then ends or fails.
    struct CountedReader {
        at: usize,
        left: usize,
        fails: bool,
    }

    impl Read for CountedReader {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if self.left == 0 {
                return if self.fails { Err(io::Error::new(io::ErrorKind::InvalidData, "broken")) } else { Ok(0) };
            }
            let read = buf.len().min(self.left).min(1000);
            for byte in buf.iter_mut().take(read) {
                *byte = u8::try_from(self.at % 251).unwrap_or(0);
                self.at += 1;
            }
            self.left -= read;
            Ok(read)
        }
    }

    #[test]
    fn bytes_end_and_error_are_those_of_the_reader() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 9 * PIECE + 7] {
            for fails in [false, true] {
                let mut bytes = Vec::new();
                let mut reader = read_ahead(Box::new(CountedReader { at: 0, left: length, fails }));
                let end = reader.read_to_end(&mut bytes);
                assert_eq!(bytes.len(), length);
                assert!(bytes.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at % 251));
                assert_eq!(
                    end.map_err(|error| error.to_string()),
                    if fails { Err("broken".to_owned()) } else { Ok(length) }
                );
            }
        }
    }

    #[test]
    fn a_reader_without_an_end_is_left_when_nobody_reads_on() {
        let mut reader = read_ahead(Box::new(io::repeat(7)));
        let mut byte = [0];
        assert_eq!(reader.read(&mut byte).ok(), Some(1));
        drop(reader);
    }
}
