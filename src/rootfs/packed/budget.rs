//! [`PackedBudget`]: how much the packed files of a layer may still unpack to.

use std::cell::Cell;

use crate::report::Limits;

/// Bytes and members that may still be unpacked, at all depths together. Readers at several depths count at the same time.
#[derive(Debug)]
pub(crate) struct PackedBudget {
    layer_bytes: Cell<u64>,
    layer_members: Cell<usize>,
    file_bytes: Cell<u64>,
    file_members: Cell<usize>,
    /// The bound that was reached in the current file, and whether that was reported.
    spent: Cell<Option<&'static str>>,
    is_told: Cell<bool>,
}

impl Default for PackedBudget {
    /// For one layer.
    fn default() -> Self {
        Self {
            layer_bytes: Cell::new(Limits::PACKED_LAYER_BYTES),
            layer_members: Cell::new(Limits::ENTRIES),
            file_bytes: Cell::new(0),
            file_members: Cell::new(0),
            spent: Cell::new(None),
            is_told: Cell::new(false),
        }
    }
}

impl PackedBudget {
    /// Begins a file of that many bytes.
    pub(super) fn begin_file(&self, size: u64) {
        let most = size.saturating_mul(Limits::UNPACK_RATIO);
        self.file_bytes.set(most.clamp(Limits::PACKED_SMALL_BYTES, Limits::PACKED_FILE_BYTES));
        self.file_members.set(Limits::PACKED_MEMBERS);
        self.spent.set(None);
        self.is_told.set(false);
    }

    /// Whether somebody else has reported the bound that was reached; from now on, somebody has.
    pub(super) fn tell(&self) -> bool {
        self.is_told.replace(true)
    }

    /// The bound that was reached in this file.
    pub(super) fn spent(&self) -> Option<&'static str> {
        self.spent.get()
    }

    /// Counts unpacked bytes.
    pub(super) fn take_bytes(&self, bytes: usize) {
        let bytes = bytes as u64;
        let file = self.file_bytes.get().checked_sub(bytes);
        let layer = self.layer_bytes.get().checked_sub(bytes);
        if file.is_none() {
            self.spend("it unpacks to more bytes than the audit reads of one file");
        } else if layer.is_none() {
            self.spend("the packed files of the layer unpack to more bytes than the audit reads");
        }
        self.file_bytes.set(file.unwrap_or(0));
        self.layer_bytes.set(layer.unwrap_or(0));
    }

    /// Counts a member; `false` where there are too many.
    pub(super) fn take_member(&self) -> bool {
        let file = self.file_members.get().checked_sub(1);
        let layer = self.layer_members.get().checked_sub(1);
        if file.is_none() || layer.is_none() {
            self.spend("it has more members than the audit reads");
        }
        self.file_members.set(file.unwrap_or(0));
        self.layer_members.set(layer.unwrap_or(0));
        self.spent().is_none()
    }

    fn spend(&self, why: &'static str) {
        if self.spent.get().is_none() {
            self.spent.set(Some(why));
        }
    }
}
