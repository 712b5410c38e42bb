//! Entry points for the fuzz targets to the parsers of the loader's files. Nothing else uses them.

use super::ld_cache::LdCache;

/// The paths that an `ld.so.cache` has for each of these names.
pub fn ld_cache(bytes: &[u8], names: &[&str]) -> Vec<String> {
    let cache = LdCache::read(bytes);
    names.iter().flat_map(|name| cache.paths(name).map(str::to_owned).collect::<Vec<_>>()).collect()
}
