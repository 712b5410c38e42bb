//! A `.ko.yaml` becomes a recipe or is refused; each note is about one of its lines.

use std::fs;

use super::{
    checks,
    project_tools::{self, Answers},
};

pub fn run(bytes: &[u8]) {
    let text = checks::text(bytes);
    let folder = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(folder.path()).unwrap();
    fs::write(dir.join("go.mod"), "module example.com/server\n").unwrap();
    let tools = Answers::of_one_program(&dir);
    let Some(drafted) = project_tools::draft(&dir, Some((".ko.yaml", &text)), &tools) else { return };
    for line in drafted.left_out.iter().filter(|line| line.starts_with(".ko.yaml:")) {
        checks::line_is_in(line, ".ko.yaml", &text);
    }
}
