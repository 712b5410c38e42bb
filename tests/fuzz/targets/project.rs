//! What `go` and `cargo` say of a project becomes a recipe or is refused. The input is what `go mod edit -json` and
//! `go list -json` print, divided by a line of dashes; or what `cargo metadata` prints. `DIR` is the project's folder.

use std::fs;

use super::{
    checks,
    project_tools::{self, Answers},
};

pub fn run(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(folder.path()).unwrap();
    let inside = |part: &[u8]| checks::text(part).replace("DIR", &dir.to_string_lossy()).into_bytes();
    let parts = checks::parts(bytes);
    let tools = if let [module, packages, ..] = parts.as_slice() {
        fs::write(dir.join("go.mod"), "module example.com/server\n").unwrap();
        Answers { go_module: Some(inside(module)), go_packages: Some(inside(packages)), cargo_workspace: None }
    } else {
        fs::write(dir.join("Cargo.toml"), "[package]\nname = \"app\"\n").unwrap();
        Answers { cargo_workspace: Some(inside(bytes)), ..Answers::default() }
    };
    let once = project_tools::draft(&dir, None, &tools).map(|drafted| drafted.text);
    assert_eq!(once, project_tools::draft(&dir, None, &tools).map(|drafted| drafted.text));
}
