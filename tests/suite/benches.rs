//! `benches/run` still works: all of its cases on tiny payloads, in memory. What it measures is nobody's business here.

use std::{fs, path::Path};

use crate::support::{
    case::{Case, HARDPAN},
    judges::{checked, tool},
};

fn run() -> std::process::Command {
    let mut command = tool("python3");
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    command.arg(repository.join("benches/run")).args(["--smoke", "--folder", "/dev/shm", "--hardpan", HARDPAN]);
    // Without compiling: the folder for peers that it may install.
    command.env("CARGO_TARGET_DIR", env!("CARGO_TARGET_TMPDIR"));
    command
}

#[test]
fn the_benchmarks_run_and_fill_the_readme() {
    let case = Case::new().file("README.md", "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n");
    let readme = case.path("README.md");
    let table = checked(run().arg("--update-readme").arg("--readme").arg(&readme));
    for row in [
        "| P to an image, gzip, nothing known | ",
        "| P to an image, zstd | ",
        "| P, bytes of the layers, gzip | ",
        "| T, 200 small files, gzip | ",
        "| P, nothing changed: inputs opened | ",
        "| one file of 4 GiB, peak memory | ",
        "| `hardpan --version`, more than `/bin/true` | ",
        "| 20 small recipes in one call | ",
        "| P, push to docker-registry | ",
        "| one line of a workspace of 2 crates changed: to the program, wall | ",
        "| P, unchanged push | ",
        "| three layers to a registry 60 ms away | ",
        "| the same again: requests | ",
        "| T, audit of a layout, wall | ",
    ] {
        assert!(table.contains(row), "{row}\n{table}");
    }
    // A peer that is missing here is said to be; nothing else may be in its place.
    for line in table.lines().filter(|line| line.contains("not measured")) {
        let is_missing =
            ["ko", "buildah", "dockle"].iter().any(|peer| line.contains(&format!("{peer} is not installed")));
        assert!(is_missing, "{line}");
    }
    let text = fs::read_to_string(&readme).unwrap();
    assert!(text.starts_with("before\n<!-- bench -->\n![") && text.ends_with("|\n<!-- /bench -->\nafter\n"), "{text}");
    let plot = fs::read_to_string(case.path("docs/bench.svg")).unwrap();
    assert!(plot.contains("prefers-color-scheme: dark") && plot.contains(">umoci</text>"), "{plot}");
    let script = "import sys, xml.dom.minidom as xml; xml.parse(sys.argv[1])";
    checked(tool("python3").args(["-c", script]).arg(case.path("docs/bench.svg")));
}

#[test]
fn a_case_that_fails_is_told_and_is_a_failure() {
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && exec echo hardpan 0\necho no space left >&2\nexit 2\n";
    let case = Case::new().file("hardpan", script).mode("hardpan", 0o755);
    let mut command = run();
    command.args(["--only", "large", "--only", "start"]).arg("--hardpan").arg(case.path("hardpan"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("| large | "), "{said}");
    assert!(said.contains("not measured: hardpan ended with 2: no space left"), "{said}");
}
