//! Entry points for the fuzz targets to the parsers of the cache's files. Nothing else uses them.

use super::memo;

/// The memo with these records, as the file would have them, when they are records.
pub fn memo(records: &[u8]) -> Option<Vec<u8>> {
    memo::again(records)
}
