//! What hardpan reports: failures with their names, rules with their severities, progress, printable text, and every limit.
//!
//! All rooms use it. Nothing here prints: `commands` returns these values, `cli` renders them.

mod atomic_file;
mod bounded_glob;
mod catalogue;
mod error_name;
mod failure;
mod limits;
mod ordered_progress;
mod origin;
pub mod parallel;
mod piece_channel;
mod printable;
mod progress;
mod rule;
mod severity;
pub mod unfinished;

pub use atomic_file::{AtomicFile, FileAccess, folder_of, is_at};
pub use bounded_glob::bounded_glob;
pub use catalogue::RuleFacts;
pub use error_name::{ErrorName, NamedReason};
pub(crate) use failure::io_reason;
pub use failure::{Failure, FailurePlace, Failures};
pub use limits::Limits;
use ordered_progress::OrderedProgress;
pub use origin::{Origin, OriginSpan, SourceText};
pub use piece_channel::{PieceReceiver, PieceSender, ReaderIsGone, piece_channel};
pub use printable::{holds_login, printable, quoted, shown};
pub use progress::{Progress, ProgressLevel, Silent, Task};
pub use rule::Rule;
pub use severity::{NoSeverity, Severity};
