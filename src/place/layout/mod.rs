//! The OCI image layout (image-spec, `image-layout.md`): written atomically, read with every byte verified.
//!
//! # Who may be at work at the same time
//!
//! * A build stages in a folder of its own, beside the layout while there is none, inside it afterwards. It holds
//!   an exclusive `flock` on that folder for as long as it lives; a staging folder whose lock can be taken belongs
//!   to a build that was killed, and the next build removes it.
//! * A build publishes under an exclusive `flock` on the layout's folder, so two builds publish one after the
//!   other. Blobs come first, `index.json` last, each by a rename; what nothing refers to any more is removed after.
//! * A reader takes no lock. One that loses against two publishes in a row misses a blob and says so; it never
//!   sees bytes that differ from their digest.
//!
//! File systems without `flock` (some NFS) are used without these locks, as cargo does; nothing of others is
//! cleaned up there, since nobody can tell whether it is in use.

mod blob;
mod document;
mod draft;
mod folder;
mod publish;
mod read;
mod site;
mod staging;
mod temp;
mod walk;

pub use read::Layout;
pub use staging::Staging;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod sample;

/// The marker file of a layout (`image-layout.md`, "oci-layout file").
const MARKER: &str = "oci-layout";
/// The entry point of a layout.
const INDEX: &str = "index.json";
/// The one version of the layout there is.
const VERSION: &str = "1.0.0";
/// The key under which a layout's index names its entries (`annotations.md`).
const REF_NAME: &str = "org.opencontainers.image.ref.name";
