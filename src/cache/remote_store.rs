//! [`RemoteStore`]: a store of records and blobs on another machine, as the cache needs it. `registry` speaks to one by HTTP.

use std::{fmt, io::Write};

use crate::oci::Open;

/// What is stored. Both kinds have names of 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteKind {
    /// A signed record, by the digest of its name.
    Record,
    /// A blob, by the SHA-256 of its bytes.
    Blob,
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFault {
    /// In words, without credentials.
    pub what: String,
    /// Whether nothing came in time: asking again would cost as much time again.
    pub is_timeout: bool,
}

/// A store on another machine. Nothing of what it gives is believed, and all that it does not give is made here.
pub trait RemoteStore: fmt::Debug + Send + Sync {
    /// Writes what has this name to `to` and gives its bytes; none where there is nothing of that name.
    ///
    /// # Errors
    /// No answer in time, a refusal, or more than `limit` bytes. What was written is worth nothing then.
    fn get(&self, kind: RemoteKind, name: &str, limit: u64, to: &mut dyn Write) -> Result<Option<u64>, RemoteFault>;

    /// Whether there is something of this name.
    ///
    /// # Errors
    /// No answer in time, or a refusal.
    fn has(&self, kind: RemoteKind, name: &str) -> Result<bool, RemoteFault>;

    /// Stores `size` bytes under this name.
    ///
    /// # Errors
    /// No answer in time, or a refusal.
    fn put(&self, kind: RemoteKind, name: &str, size: u64, content: &dyn Open) -> Result<(), RemoteFault>;

    /// Its address, without credentials and safe to print.
    fn address(&self) -> String;
}
