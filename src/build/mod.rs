//! From a recipe to an image: resolve, compile, plan, assemble.
//!
//! [`Resolver`] turns what the recipe says into a [`Plan`], in which every input is pinned; [`Assembler`] turns the
//! plan into blobs. The two meet only in the plan.

mod ahead;
mod assemble;
pub mod base;
mod build_run;
pub mod bundles;
mod certificates;
mod check;
pub mod compile;
mod downloads;
mod files;
#[doc(hidden)]
pub mod fuzzing;
mod glob;
mod host;
mod outputs;
mod pinned;
mod pins;
mod plan;
mod planned_rootfs;
mod policy;
mod private_keys;
mod resolve;
mod reuse;
mod settings;
mod system;
pub mod timezones;
mod tree;
mod unstored;
mod words;

pub use assemble::{Assembled, Assembler};

pub use build_run::{BuildRun, CompileSlot};
pub use downloads::{Downloaded, Downloads};
pub use host::{Bound, Bounds};
pub use outputs::{Output, real_path};
pub use pins::World;
pub use plan::{BaseLayer, DebugFile, Group, GroupKind, LeftOut, Plan, PlannedBase, PlannedEntry};
pub use policy::{unless_all_excepted, unless_excepted};
pub use resolve::{MachineInput, Prepared, Resolver, SourceInput};
pub use settings::{Date, Settings, SourceDate};
pub use unstored::unstored_images;
