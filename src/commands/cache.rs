//! `hardpan cache`: status, prune and verify of the cache, and archives of it.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use crate::{
    cache::{Cache, CachePublicKey, CacheSigner, CacheTrust, Pruned, Status, Verified},
    image,
    output::{self, ArchivedCache, staging_file},
    report::{Failure, FileAccess, Progress, folder_of},
};

/// A private key that is new or there already, as its public key.
pub fn key(path: &Path, is_new: bool) -> Result<CachePublicKey, Failure> {
    let signer = if is_new { CacheSigner::create(path)? } else { CacheSigner::read(path)? };
    Ok(signer.public())
}

/// Writes what is worth keeping, up to `limit` bytes, to the file at `path`, which is old or new at every moment.
pub fn export(cache: &Cache, signer: &CacheSigner, limit: u64, path: &Path) -> Result<ArchivedCache, Failure> {
    cache.require_key()?;
    let fault = |error: &std::io::Error| Failure::io("write the archive of the cache", path, error);
    let mut file = staging_file(folder_of(path), FileAccess::Umask).map_err(|error| fault(&error))?;
    let archived = output::export_cache(cache, signer, limit, &mut file).map_err(|failure| match failure.place {
        Some(_) => failure.in_path(path),
        None => failure,
    })?;
    file.replace(path).map_err(|error| fault(&error))?;
    Ok(archived)
}

/// [`export`] to a stream.
pub fn export_to(
    cache: &Cache,
    signer: &CacheSigner,
    limit: u64,
    out: &mut dyn Write,
) -> Result<ArchivedCache, Failure> {
    cache.require_key()?;
    output::export_cache(cache, signer, limit, out)
}

/// Adds what is in the archive at `path`, if all of it is signed by keys that are trusted.
pub fn import(cache: &Cache, trust: &CacheTrust, path: &Path) -> Result<ArchivedCache, Failure> {
    let mut file = File::open(path).map_err(|error| Failure::io("open the archive of the cache", path, &error))?;
    import_from(cache, trust, &mut file).map_err(|failure| failure.or_in_path(path))
}

/// [`import`] from a stream.
pub fn import_from(cache: &Cache, trust: &CacheTrust, from: &mut dyn Read) -> Result<ArchivedCache, Failure> {
    // What is imported is sealed anew, for this user.
    cache.enter()?;
    cache.require_key()?;
    let imported = output::import_cache(cache, trust, from)?;
    cache.save()?;
    Ok(imported)
}

/// What is in the cache.
///
/// # Errors
/// The cache cannot be read, so that its content is unknown.
pub fn status(cache: &Cache) -> Result<Status, Failure> {
    cache.status()
}

/// Removes what was not used for longest until no more than `limit` bytes are left.
pub fn prune(cache: &Cache, limit: u64, progress: &dyn Progress) -> Result<Pruned, Failure> {
    let _task = progress.task("prune the cache, once no build uses it", None);
    cache.prune(limit)
}

/// Recomputes what can be recomputed of it, and removes what is damaged or forged.
pub fn verify(cache: &Cache, progress: &dyn Progress) -> Result<Verified, Failure> {
    let _task = progress.task("verify the cache, once no build uses it", None);
    cache.verify(&|stored, size| image::unpack_layer(stored, size))
}
