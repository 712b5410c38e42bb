//! A bounded channel for a stream of bytes between two threads: one produces pieces, the other one reads them like a file.
//!
//! The scan of a layer uses it twice: a thread unpacks ahead of the scan, and a scan runs beside the thread that writes a
//! layer. The reader gets the bytes in their order, and the end or the error of the producer at its place.

use std::{
    io::{self, BufRead, Read},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
};

/// The end that the producer has.
#[derive(Debug)]
pub struct PieceSender {
    pieces: SyncSender<io::Result<Vec<u8>>>,
    emptied: Receiver<Vec<u8>>,
}

/// The end that the consumer has.
#[derive(Debug)]
pub struct PieceReceiver {
    /// `None` after the end of the stream, and after an error.
    pieces: Option<Receiver<io::Result<Vec<u8>>>>,
    emptied: Sender<Vec<u8>>,
    piece: Vec<u8>,
    /// How much of the piece has been read.
    at: usize,
}

/// Makes a channel in which up to `depth` pieces wait to be read.
pub fn piece_channel(depth: usize) -> (PieceSender, PieceReceiver) {
    let (pieces, received) = sync_channel(depth);
    let (sender, emptied) = channel();
    let reader = PieceReceiver { pieces: Some(received), emptied: sender, piece: Vec::new(), at: 0 };
    (PieceSender { pieces, emptied }, reader)
}

/// The reader was dropped: nothing more need be produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderIsGone;

impl PieceSender {
    /// Memory for the next piece: that of one that was read, with its old bytes, where there is one.
    pub fn reuse(&self) -> Vec<u8> {
        self.emptied.try_recv().unwrap_or_default()
    }

    /// Sends a piece, and waits while too many are unread.
    ///
    /// # Errors
    /// The reader is gone.
    pub fn send(&self, piece: Vec<u8>) -> Result<(), ReaderIsGone> {
        // An empty piece is the end.
        if piece.is_empty() {
            return Ok(());
        }
        self.pieces.send(Ok(piece)).map_err(|_| ReaderIsGone)
    }

    /// Ends the stream, or fails it. A sender that is dropped without this fails it.
    pub fn end(self, result: io::Result<()>) {
        // A reader that is gone does not need to know.
        let _ = self.pieces.send(result.map(|()| Vec::new()));
    }
}

impl BufRead for PieceReceiver {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.piece.len() {
            let Some(pieces) = &self.pieces else { return Ok(&[]) };
            let next =
                pieces.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that produces it has stopped")));
            if !matches!(&next, Ok(piece) if !piece.is_empty()) {
                self.pieces = None;
            }
            let read = std::mem::replace(&mut self.piece, next?);
            self.at = 0;
            // A sender that is gone does not need it.
            let _ = self.emptied.send(read);
        }
        Ok(self.piece.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        self.at = self.piece.len().min(self.at + bytes);
    }
}

impl Read for PieceReceiver {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::thread;

    use super::*;

    /// What the reader gets of these pieces: the bytes, and the error at the end.
    fn read(pieces: &[&[u8]], end: Option<io::Result<()>>) -> (Vec<u8>, Option<String>) {
        let (sender, mut reader) = piece_channel(1);
        thread::scope(|scope| {
            scope.spawn(move || {
                pieces.iter().try_for_each(|piece| sender.send(piece.to_vec())).unwrap();
                if let Some(end) = end {
                    sender.end(end);
                }
            });
            let mut bytes = Vec::new();
            let error = reader.read_to_end(&mut bytes).err().map(|error| error.to_string());
            // The end stays the end.
            assert_eq!(reader.read(&mut [0]).unwrap(), 0);
            (bytes, error)
        })
    }

    #[test]
    fn the_reader_gets_all_bytes_and_how_the_producer_ended() {
        let pieces = [&b"one"[..], b"", b"two", b"three"];
        let all = b"onetwothree".to_vec();
        assert_eq!(read(&pieces, Some(Ok(()))), (all.clone(), None));
        let broken = Err(io::Error::new(io::ErrorKind::InvalidData, "broken"));
        assert_eq!(read(&pieces, Some(broken)), (all.clone(), Some("broken".to_owned())));
        assert_eq!(read(&pieces, None), (all, Some("the thread that produces it has stopped".to_owned())));
        assert_eq!(read(&[], Some(Ok(()))), (Vec::new(), None));
    }

    #[test]
    fn memory_of_pieces_comes_back_and_a_reader_that_is_gone_is_noticed() {
        let (sender, mut reader) = piece_channel(2);
        assert_eq!(sender.reuse().capacity(), 0);
        sender.send(vec![1; 100]).unwrap();
        sender.send(vec![2]).unwrap();
        reader.read_exact(&mut [0; 101]).unwrap();
        while sender.reuse().capacity() < 100 {}
        drop(reader);
        assert_eq!(sender.send(vec![3]), Err(ReaderIsGone));
    }
}
