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

mod publish;
mod read;

pub(super) use publish::{Ready, commit, prepare};
pub(super) use read::open;
