//! [`go_import_path`]: what Go calls the package that a recipe compiles.

use std::path::Path;

use super::{pinned::read_small, variable_resolver::module_path};
use crate::recipe::GoBinary;

/// Bytes of a `go.mod`.
const MOST_BYTES: u64 = 1 << 20;

/// The import path of the package that `go` compiles, in a recipe in `folder`: what is written, if it is one, else the path of
/// the module and the package's folder in it. `None` where there is no `go.mod` that says so. No toolchain is asked.
pub fn go_import_path(go: &GoBinary, folder: &Path) -> Option<String> {
    let package = go.package.value.as_str();
    if package != "." && !package.starts_with("./") && !package.starts_with("../") {
        return Some(package.to_owned());
    }
    let dir = go.dir.as_ref().map_or_else(|| folder.to_path_buf(), |dir| folder.join(&dir.value));
    let package = dir.join(package).canonicalize().ok()?;
    let root = package.ancestors().find(|above| above.join("go.mod").is_file())?;
    let text = read_small(&root.join("go.mod"), "go.mod", MOST_BYTES).ok()?;
    let module = module_path(&String::from_utf8_lossy(&text))?.to_owned();
    let below = package.strip_prefix(root).ok()?.to_str()?;
    Some(if below.is_empty() { module } else { format!("{module}/{below}") })
}
