//! The client of registries (OCI distribution-spec): opens, pushes and downloads.
//!
//! `commands` and the bases of `build` use it. A manifest is fetched when its image is opened, a layer when it is read.
//! Every byte is verified against its digest, so mirrors and proxies need no trust.

mod access;
mod action_result;
mod auth;
mod config_files;
mod download;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod http_cache;
mod log_in;
mod mirrors;
pub mod push;
mod reference;
mod registry_warnings;
mod remote_repository;
mod repository_sources;
mod secret;
mod token_realm;
mod url;

use std::{path::Path, sync::Arc};

use crate::{
    image::{OpenedImages, Store, image_sets},
    report::Failure,
};
pub use access::{Access, ClientFiles, Login};
pub use auth::{LoginPlace, StoredLogin};
pub use download::{Download, check_address, download, observe};
pub use http_cache::HttpCache;
pub use log_in::{LoginVerdict, RegistryHost, check_login, remove_login, store_login};
pub use reference::Reference;
pub use registry_warnings::RegistryWarnings;
pub(crate) use remote_repository::RemoteRepository;
pub(crate) use repository_sources::RepositorySources;
pub use secret::Secret;
pub use token_realm::TokenRealm;

/// Opens the image that `reference` names: its documents are read and verified; layers are when they are read.
///
/// # Errors
/// A registry that cannot be reached, lets us not in or has no such image; a document that is not what its digest says,
/// or larger, more or deeper than [`Limits`](crate::report::Limits) allows.
pub fn open(reference: &Reference, access: &Access) -> Result<OpenedImages, Failure> {
    let place = reference.to_string();
    let open = || {
        let (remote, root) = RepositorySources::of(reference, access)?.open()?;
        let store = Store::of_sources(vec![Arc::new(remote)], Path::new(&place));
        // What one writes behind `pull`, but for the digest, which the set has itself.
        let name = reference.name();
        let name = reference.tag().map_or_else(|| name.clone(), |tag| format!("{name}:{tag}"));
        let sets = vec![image_sets::read_root(&store, &root, &name)?];
        Ok(OpenedImages { form: None, path: Path::new(&place).to_owned(), store, sets })
    };
    open().map_err(|failure: Failure| failure.or_in_path(&place))
}
