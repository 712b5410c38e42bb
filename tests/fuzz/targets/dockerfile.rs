//! A Dockerfile becomes a recipe or is refused; each note is about one of its lines. A `.dockerignore` may follow, behind a
//! line of dashes.

use std::fs;

use super::{
    checks,
    project_tools::{self, Answers},
};

pub fn run(bytes: &[u8]) {
    let parts = checks::parts(bytes);
    let text = checks::text(parts[0]);
    let folder = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(folder.path()).unwrap();
    fs::write(dir.join("go.mod"), "module example.com/server\n").unwrap();
    fs::write(dir.join("config.yaml"), "port: 8080\n").unwrap();
    if let Some(ignored) = parts.get(1) {
        fs::write(dir.join(".dockerignore"), ignored).unwrap();
    }
    let tools = Answers::of_one_program(&dir);
    let Some(drafted) = project_tools::draft(&dir, Some(("Dockerfile", &text)), &tools) else { return };
    for line in &drafted.left_out {
        checks::line_is_in(line, "Dockerfile", &text);
    }
}
