//! Worker threads that compress blocks and return them in the order of the input.

use std::{
    collections::VecDeque,
    fmt, io,
    num::NonZeroUsize,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use super::block::{Encoded, Encoder};

/// Blocks that one worker has at a time: one in its hands and one waiting, so that it need not idle while the calling
/// thread waits for the oldest block. Three were not faster.
const DEPTH: usize = 2;

/// Worker threads that take turns: block `n` goes to worker `n` modulo their number, and results are taken in the
/// same turn. So the order needs no bookkeeping, and a worker that died is found where its turn comes, not waited
/// for. Where the system has not one thread to give, the calling one does the work.
///
/// Dropped, it stops the workers, which takes as long as the blocks in their hands.
#[derive(Debug)]
pub(super) struct Workers {
    /// How many there may be; one starts when there is a block for it.
    most: usize,
    started: Vec<Worker>,
    /// There where no worker could be started.
    caller: Option<Box<CallingThread>>,
    start: fn(Encode) -> io::Result<Worker>,
    encode: Encode,
    sent: usize,
    taken: usize,
}

/// What a worker does with a block; the flag says that it is the last one.
pub(super) type Encode = fn(&mut Encoder, Vec<u8>, bool) -> io::Result<Encoded>;

/// What the calling thread encodes with, and what it has encoded.
struct CallingThread {
    encoder: Encoder,
    results: VecDeque<io::Result<Encoded>>,
}

impl fmt::Debug for CallingThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallingThread({} blocks)", self.results.len())
    }
}

#[derive(Debug)]
struct Worker {
    blocks: SyncSender<(Vec<u8>, bool)>,
    results: Receiver<io::Result<Encoded>>,
    thread: JoinHandle<()>,
}

impl Workers {
    pub(super) fn new(most: NonZeroUsize, encode: Encode) -> Self {
        Self { most: most.get(), started: Vec::new(), caller: None, start: Worker::start, encode, sent: 0, taken: 0 }
    }

    /// Whether a result must be taken before the next block is sent.
    pub(super) fn is_full(&self) -> bool {
        self.sent - self.taken >= self.most.saturating_mul(DEPTH)
    }

    /// Whether no block was ever sent.
    pub(super) fn is_idle(&self) -> bool {
        self.sent == 0
    }

    /// Does with the only block what a worker would.
    pub(super) fn encode_here(&self, encoder: &mut Encoder, block: Vec<u8>) -> io::Result<Encoded> {
        (self.encode)(encoder, block, true)
    }

    /// Hands over a block; at once, unless [`is_full`](Self::is_full).
    pub(super) fn send(&mut self, block: Vec<u8>, last: bool) -> io::Result<()> {
        if self.caller.is_none() && self.sent == self.started.len() && self.started.len() < self.most {
            match (self.start)(self.encode) {
                Ok(worker) => self.started.push(worker),
                // The system has no more threads. Those that run will do, with as many blocks as they can hold.
                Err(_) if !self.started.is_empty() => self.most = self.started.len(),
                Err(_) => {
                    self.most = 1;
                    self.caller = Some(Box::new(CallingThread { encoder: Encoder::new(), results: VecDeque::new() }));
                }
            }
        }
        if let Some(caller) = &mut self.caller {
            caller.results.push_back((self.encode)(&mut caller.encoder, block, last));
            self.sent += 1;
            return Ok(());
        }
        let worker = self.sent.checked_rem(self.started.len()).and_then(|turn| self.started.get(turn));
        worker.ok_or_else(stopped)?.blocks.send((block, last)).map_err(|_| stopped())?;
        self.sent += 1;
        Ok(())
    }

    /// Waits for the oldest block; `None` when all have been taken.
    pub(super) fn take(&mut self) -> Option<io::Result<Encoded>> {
        if self.taken == self.sent {
            return None;
        }
        let worker = self.taken.checked_rem(self.started.len()).and_then(|turn| self.started.get(turn));
        self.taken += 1;
        if let Some(caller) = &mut self.caller {
            return Some(caller.results.pop_front().unwrap_or_else(|| Err(stopped())));
        }
        Some(worker.ok_or_else(stopped).and_then(|worker| worker.results.recv().unwrap_or_else(|_| Err(stopped()))))
    }
}

impl Worker {
    fn start(encode: Encode) -> io::Result<Self> {
        let (blocks, incoming) = sync_channel(DEPTH);
        let (outgoing, results) = sync_channel(DEPTH);
        let work = move || {
            let mut encoder = Encoder::new();
            for (block, last) in incoming {
                if outgoing.send(encode(&mut encoder, block, last)).is_err() {
                    // Nobody wants the rest.
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("compress".into()).spawn(work)?;
        Ok(Self { blocks, results, thread })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // All are told before the first one is waited for.
        let threads: Vec<_> = self.started.drain(..).map(|worker| worker.thread).collect();
        for thread in threads {
            // A worker that panicked has been noticed, or nobody asked for its block.
            let _ = thread.join();
        }
    }
}

fn stopped() -> io::Error {
    io::Error::other("a compression thread stopped")
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, thread_local};

    use super::*;

    thread_local! {
        static LEFT: Cell<usize> = const { Cell::new(0) };
    }

    fn start_while_some_are_left(encode: Encode) -> io::Result<Worker> {
        LEFT.set(LEFT.get().checked_sub(1).ok_or(io::ErrorKind::WouldBlock)?);
        Worker::start(encode)
    }

    #[test]
    fn fewer_threads_than_wanted_will_do_and_so_does_none() {
        for threads in 0..4 {
            LEFT.set(threads);
            let mut workers = Workers::new(NonZeroUsize::MAX, Encoder::encode);
            workers.start = start_while_some_are_left;
            let mut lengths = Vec::new();
            let sent = (0..40_u8).try_for_each(|length| {
                if workers.is_full() {
                    lengths.extend(workers.take().and_then(Result::ok).map(|block| block.checksum.total_len()));
                }
                workers.send(vec![0; length.into()], false)
            });
            assert!(sent.is_ok());
            while let Some(block) = workers.take() {
                lengths.extend(block.ok().map(|block| block.checksum.total_len()));
            }
            assert!(lengths.into_iter().eq(0..40), "{threads} threads");
        }
    }

    #[test]
    fn a_thread_starts_only_when_there_is_a_block_for_it() {
        let mut workers = Workers::new(NonZeroUsize::MAX, Encoder::encode);
        assert!(workers.send(vec![1], false).is_ok() && workers.send(vec![2], true).is_ok());
        assert_eq!(workers.started.len(), 2);
    }
}
