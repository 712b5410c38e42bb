//! Which files of a folder Go looks at, by their names.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path};

/// The ends of the names that Go looks at in the folder of a package (`go/build`, `Context.matchFile`): sources of every
/// language, objects, and the profile of a program. A C file is one more reason not to compile, also without cgo.
const EXTENSIONS: [&str; 21] = [
    "go", "c", "cc", "cxx", "cpp", "m", "h", "hh", "hpp", "hxx", "f", "F", "for", "f90", "s", "S", "sx", "swig",
    "swigcxx", "syso", "pgo",
];

/// Whether Go reads a file of this name in the folder of a package. Tests are of no program; Go passes over names with `_`
/// or `.` in front.
pub(in crate::build) fn is_go_source(name: &OsStr) -> bool {
    let end = Path::new(name).extension().unwrap_or_default();
    let name = name.as_bytes();
    let is_hidden = name.starts_with(b"_") || name.starts_with(b".");
    EXTENSIONS.iter().any(|known| end == *known) && !is_hidden && !name.ends_with(b"_test.go")
}
