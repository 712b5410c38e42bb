//! What hardpan says: failures and findings as data, text that is safe to print, and every bound it keeps.
//!
//! Nothing here prints. `commands` returns these values, `cli` renders them.

mod catalogue;
mod error_name;
mod failure;
mod limits;
mod origin;
mod printable;
mod progress;
mod rule;
mod severity;

pub use catalogue::RuleFacts;
pub use error_name::ErrorName;
pub(crate) use failure::io_reason;
pub use failure::{Failure, Failures, Place};
pub use limits::Limits;
pub use origin::{Origin, Source, Spot};
pub use printable::{holds_login, printable, shown};
pub use progress::{Line, Progress, Silent, Task};
pub use rule::Rule;
pub use severity::{NoSeverity, Severity};
