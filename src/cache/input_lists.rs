//! [`InputLists`]: the record of what results of one request may depend on. What a list says is for its maker to know.

use crate::report::Limits;

/// Lists of inputs, each opaque, the newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputLists(Vec<Vec<u8>>);

impl InputLists {
    /// The lists in a record; none where there is no record, or it is none.
    pub fn of(record: Option<&[u8]>) -> Self {
        Self(record.and_then(|record| postcard::from_bytes(record).ok()).unwrap_or_default())
    }

    /// The newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().rev().map(Vec::as_slice)
    }

    /// Adds a list; `false` where it is there.
    pub fn add(&mut self, list: &[u8]) -> bool {
        if self.has(list) {
            return false;
        }
        self.0.push(list.to_vec());
        self.0.drain(..self.0.len().saturating_sub(Limits::INPUT_LISTS));
        true
    }

    /// Adds the lists of another record.
    pub fn add_all(&mut self, other: &Self) {
        for list in &other.0 {
            self.add(list);
        }
    }

    /// Whether it is there.
    pub fn has(&self, list: &[u8]) -> bool {
        self.0.iter().any(|known| known == list)
    }

    /// The record.
    pub fn encode(&self) -> Vec<u8> {
        // Writing to memory does not fail.
        postcard::to_allocvec(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_there_once_and_the_oldest_go() {
        let mut lists = InputLists::default();
        assert!(lists.add(b"one") && !lists.add(b"one") && lists.add(b"two"));
        assert_eq!(InputLists::of(Some(&lists.encode())), lists);
        for number in 0..u8::try_from(Limits::INPUT_LISTS).unwrap_or(u8::MAX) {
            lists.add(&[number]);
        }
        assert!(!lists.has(b"two"));
        assert_eq!(lists.newest_first().count(), Limits::INPUT_LISTS);
        assert_eq!(InputLists::of(Some(b"\xff\xff\xff\xff\x0f")), InputLists::default());
        assert_eq!(InputLists::of(None), InputLists::default());
    }
}
