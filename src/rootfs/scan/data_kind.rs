//! [`DataKind`]: data that does not belong into an image, known by its first bytes.

use crate::report::Limits;

/// A file that holds what a process or a database had in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DataKind {
    /// The memory of a process, as the kernel writes it when the process crashes.
    Core,
    /// What vim keeps of a file that is being edited.
    EditorSwap,
    /// A file that Linux swaps memory to.
    SwapArea,
    /// SQL as mysqldump, mariadb-dump, pg_dump or sqlite3 write it, with rows in it.
    SqlDump,
    /// An archive of pg_dump.
    PostgresArchive,
    /// The state of Redis or Valkey.
    RedisState,
    /// A database of SQLite.
    Sqlite,
}

/// The first bytes of dumps as text, behind comments that say nothing.
const SQL_HEADS: [&[u8]; 5] = [
    b"-- MySQL dump ",
    b"-- MariaDB dump ",
    b"-- PostgreSQL database dump",
    b"-- PostgreSQL database cluster dump",
    b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;",
];

/// The beginnings of statements that bring rows.
const ROWS: [&[u8]; 2] = [b"\nINSERT INTO ", b"\nCOPY "];

/// Where the header of a swap area says what it is: at the end of its first page.
const SWAP_AT: u64 = 4086;
const SWAP: &[u8; 10] = b"SWAPSPACE2";

/// The search through one file.
#[derive(Debug, Default)]
pub(super) struct DataSearch {
    head: Vec<u8>,
    /// Bytes that were read.
    read: u64,
    /// The bytes where a swap area has its name.
    swap: Vec<u8>,
    /// Whether the head is that of a dump whose rows are still to be found; `None` while that is not known.
    is_dump: Option<bool>,
    has_rows: bool,
    /// The end of the last chunk of a dump.
    tail: Vec<u8>,
}

impl DataSearch {
    /// Takes what comes next.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.take_swap(chunk);
        self.read += chunk.len() as u64;
        if self.is_dump.is_none() {
            let room = (Limits::DATA_HEAD_BYTES - self.head.len()).min(chunk.len());
            self.head.extend_from_slice(chunk.get(..room).unwrap_or_default());
            if self.head.len() == Limits::DATA_HEAD_BYTES {
                self.is_dump = Some(is_sql_dump(&self.head));
            }
        }
        // While the head is not whole it may still be that of a dump; a head is no longer than a line of rows.
        if self.is_dump != Some(false) && !self.has_rows {
            self.find_rows(chunk);
        }
    }

    fn take_swap(&mut self, chunk: &[u8]) {
        if self.read <= SWAP_AT + SWAP.len() as u64 && self.read + chunk.len() as u64 > SWAP_AT {
            let from = usize::try_from(SWAP_AT.saturating_sub(self.read)).unwrap_or(usize::MAX);
            let rest = chunk.get(from..).unwrap_or_default();
            let room = (SWAP.len() - self.swap.len()).min(rest.len());
            self.swap.extend_from_slice(rest.get(..room).unwrap_or_default());
        }
    }

    fn find_rows(&mut self, chunk: &[u8]) {
        const OVERLAP: usize = 16;
        let finds = |bytes: &[u8]| ROWS.iter().any(|row| memchr::memmem::find(bytes, row).is_some());
        let mut edge = std::mem::take(&mut self.tail);
        edge.extend_from_slice(chunk.get(..OVERLAP.min(chunk.len())).unwrap_or_default());
        self.has_rows = finds(&edge) || finds(chunk);
        // What a statement that begins here and ends in the next chunk can need.
        let kept = chunk.len().max(OVERLAP) - OVERLAP;
        edge.extend_from_slice(chunk.get(kept.max(OVERLAP)..).unwrap_or_default());
        self.tail = edge.split_off(edge.len().saturating_sub(OVERLAP));
    }

    /// What the file is.
    pub(super) fn finish(self) -> Option<DataKind> {
        let head = self.head.as_slice();
        if is_core(head) {
            Some(DataKind::Core)
        } else if head.starts_with(b"b0VIM ") {
            Some(DataKind::EditorSwap)
        } else if self.swap == SWAP {
            Some(DataKind::SwapArea)
        } else if head.starts_with(b"PGDMP") {
            Some(DataKind::PostgresArchive)
        } else if head.starts_with(b"REDIS00") || head.starts_with(b"VALKEY0") {
            Some(DataKind::RedisState)
        } else if head.starts_with(b"SQLite format 3\0") {
            Some(DataKind::Sqlite)
        } else if self.has_rows && is_sql_dump(head) {
            Some(DataKind::SqlDump)
        } else {
            None
        }
    }
}

/// Whether a file begins as dumps do: comments, and one of [`SQL_HEADS`] at the beginning of a line.
fn is_sql_dump(head: &[u8]) -> bool {
    let mut rest = head;
    loop {
        if SQL_HEADS.iter().any(|start| rest.starts_with(start)) {
            return true;
        }
        let Some(end) = memchr::memchr(b'\n', rest) else { return false };
        let line = rest.get(..end).unwrap_or_default().trim_ascii();
        if !(line.is_empty() || line == b"--" || line.starts_with(b"/*")) {
            return false;
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
}

/// Whether a file begins as an ELF file of the type `ET_CORE`.
fn is_core(head: &[u8]) -> bool {
    let kind = match head {
        [0x7f, b'E', b'L', b'F', _, 1, ..] => [4, 0],
        [0x7f, b'E', b'L', b'F', _, 2, ..] => [0, 4],
        _ => return false,
    };
    head.get(16..18) == Some(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8], chunk: usize) -> Option<DataKind> {
        let mut search = DataSearch::default();
        bytes.chunks(chunk).for_each(|part| search.push(part));
        search.finish()
    }

    #[test]
    fn data_is_known_by_its_bytes_wherever_chunks_end() {
        let mut core = b"\x7fELF\x02\x01\x01".to_vec();
        core.resize(16, 0);
        core.extend([4, 0]);
        let mut swap = vec![0; 4086];
        swap.extend(b"SWAPSPACE2");
        swap.resize(9000, 0);
        let filler = "-- about a table\n".repeat(100);
        let mysql = format!("-- MySQL dump 10.13  Distrib 8\n{filler}\nINSERT INTO `t` VALUES (1);\n");
        let sandbox = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n\nINSERT INTO `t` VALUES (1);";
        let postgres = "--\n-- PostgreSQL database dump\n--\n\nCOPY public.t (id) FROM stdin;\n1\n\\.\n";
        let sqlite = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nINSERT INTO t VALUES(1);\n";
        for chunk in [1, 7, 15, 255, 256, 4090, 65536] {
            assert_eq!(kind(&core, chunk), Some(DataKind::Core), "{chunk}");
            assert_eq!(kind(&swap, chunk), Some(DataKind::SwapArea), "{chunk}");
            for dump in [mysql.as_str(), sandbox, postgres, sqlite] {
                assert_eq!(kind(dump.as_bytes(), chunk), Some(DataKind::SqlDump), "{chunk}: {dump}");
            }
            assert_eq!(kind(b"b0VIM 9.0\0\0", chunk), Some(DataKind::EditorSwap));
            assert_eq!(kind(b"PGDMP\x01\x0e", chunk), Some(DataKind::PostgresArchive));
            assert_eq!(kind(b"REDIS0011", chunk), Some(DataKind::RedisState));
            assert_eq!(kind(b"SQLite format 3\0\x10\0", chunk), Some(DataKind::Sqlite));
        }
    }

    #[test]
    fn schemas_and_what_only_mentions_a_dump_are_none() {
        let schema = "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE t (id int);\n";
        let seed = "INSERT INTO t VALUES (1);\n-- MySQL dump \nINSERT INTO t VALUES (2);\n";
        let program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0";
        for bytes in [schema.as_bytes(), seed.as_bytes(), program, b"", b"b0", b"SQLite", b"SWAPSPACE2"] {
            for chunk in [1, 64, 65536] {
                assert_eq!(kind(bytes, chunk), None);
            }
        }
    }
}
