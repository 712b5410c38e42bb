//! What policies and their exceptions are made of. The recipe parser, the early check of a build and the audit share it, so that
//! an exception covers the same paths in all three.

mod path_glob;

pub use path_glob::PathGlob;
