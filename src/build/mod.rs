//! From a recipe to an image: resolve, compile, plan, assemble.
//!
//! [`Resolver`] turns what the recipe says into a [`Plan`], in which every input is pinned; [`Assembler`] turns the
//! plan into blobs. The two meet only in the plan.

pub mod affected;
mod assemble;
pub mod base;
mod build_run;
pub mod bundles;
mod certificates;
mod check;
pub mod compile;
mod downloads;
#[doc(hidden)]
pub mod fuzzing;
mod git_answers;
mod glob_pattern;
mod go_import_path;
mod handed_git;
mod host_bound;
mod image_documents;
mod layer_cache;
mod lock_resolver;
mod outputs;
mod passed_variables;
mod path_pattern;
mod pinned;
mod pinned_files;
mod plan;
mod planned_rootfs;
mod private_keys;
mod read_ahead;
mod recipe_check;
mod resolve;
mod settings;
mod system;
pub mod timezones;
mod tree;
mod unstored_images;
mod variable_resolver;
mod waivers;

pub use assemble::{Assembled, Assembler};

pub use build_run::{BuildRun, CompileSlot};
pub use downloads::{DownloadedFile, Downloads};
pub use go_import_path::go_import_path;
pub use handed_git::{HandedGit, HandedValue, branch_slug};
pub use host_bound::{HostBound, HostBounds};
pub use lock_resolver::LockResolver;
pub use outputs::{OutputKind, output_at, real_path};
pub use passed_variables::PassedVariables;
pub use path_pattern::{matching_files, names_file};
pub use plan::{BaseLayer, DebugFile, GroupKind, LayerGroup, LeftOut, Plan, PlannedBase, PlannedEntry};
pub use recipe_check::{CheckedImage, RecipeCheck};
pub use resolve::{MachineInput, PreparedImage, ProgramInputs, ResolveReach, Resolver, SourceInput, UnseenInput};
pub use settings::{BuildSettings, Date, SourceDate};
pub use unstored_images::unstored_images;
pub use variable_resolver::image_name;
pub use waivers::{unless_all_excepted, unless_excepted};
