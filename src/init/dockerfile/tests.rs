//! Whatever a Dockerfile says, reading it ends, and ends without a panic.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use super::draft;
use crate::{init::Toolchains, oci::Platform, report::Failure};

/// A module with one program, on a machine that has every target.
struct OneProgram;

impl Toolchains for OneProgram {
    fn go_module(&self, _: &Path) -> Result<Vec<u8>, Failure> {
        Ok(br#"{"Module": {"Path": "example.com/server"}}"#.to_vec())
    }

    fn go_packages(&self, dir: &Path, _: Option<&Path>, _: bool) -> Result<Vec<u8>, Failure> {
        let dir = dir.join("cmd/server");
        Ok(serde_json::json!({"ImportPath": "example.com/server/cmd/server", "Name": "main", "Dir": dir})
            .to_string()
            .into())
    }

    fn cargo_workspace(&self, _: &Path) -> Result<Vec<u8>, Failure> {
        Err(Failure::new("no cargo here"))
    }

    fn rust_host(&self, _: &Path) -> Result<String, Failure> {
        Ok("x86_64-unknown-linux-gnu".into())
    }

    fn has_rust_target(&self, _: &Path, _: &str) -> Result<bool, Failure> {
        Ok(true)
    }

    fn prebuilt(&self, _: &Path) -> Option<Result<Platform, String>> {
        None
    }
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

fn fixtures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/fixtures/dockerfiles");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn a_broken_dockerfile_is_read_or_refused_and_never_a_panic() {
    let project = tempfile::tempdir().unwrap();
    fs::write(project.path().join("go.mod"), "module example.com/server\n").unwrap();
    let fixtures = fixtures();
    let pieces = [
        "\\\n", "${", "}", "$(", "\"", "'", "<<EOF\n", "[", "]", "--from=", "--", "\u{201d}", "=", "/", "..", "*",
        "\0", "&&", "`", "#", " ",
    ];
    let mut numbers = Numbers(1);
    let mut read = 0;
    for round in 0..2000 {
        let mut text = fixtures.get(round % fixtures.len()).unwrap().clone();
        for _ in 0..=numbers.below(6) {
            let mut at = numbers.below(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            match numbers.below(4) {
                0 => text.insert_str(at, pieces.get(numbers.below(pieces.len())).unwrap()),
                1 => text = text.chars().enumerate().filter(|(index, _)| *index != at).map(|(_, c)| c).collect(),
                2 => text.truncate(at),
                _ => {
                    let line = text.lines().nth(numbers.below(20)).unwrap_or_default().to_owned();
                    text.push_str(&line);
                    text.push('\n');
                }
            }
            if text.is_empty() {
                break;
            }
        }
        if let Ok((draft, _)) = draft(project.path(), "Dockerfile", &text, &OneProgram) {
            read += usize::from(!draft.to_string().is_empty());
        }
    }
    assert!(read > 200, "hardly any of the texts was read: {read}");
}

#[test]
fn variables_that_hold_each_other_and_stages_in_a_circle_end() {
    let doubling = (0..200).map(|at| format!("ENV A{}=$A{at}$A{at}\n", at + 1)).collect::<Vec<_>>().concat();
    let stages = (0..200)
        .map(|at| format!("FROM s{} AS s{at}\nCOPY --from=s{} /a /a\n", at + 1, at + 1))
        .collect::<Vec<_>>()
        .concat();
    for text in [
        format!("FROM scratch\nENV A0=xxxxxxxxxxxxxxxx\n{doubling}ENTRYPOINT [\"/a\"]\n"),
        format!("{stages}ENTRYPOINT [\"/a\"]\n"),
        "FROM a AS a\nFROM a AS a\nCOPY --from=a /x /x\nCMD [\"/x\"]\n".to_owned(),
        "FROM scratch\nCOPY --from=0 /x /x\nRUN cp /y /x && cp /x /y\nCMD [\"/x\"]\n".to_owned(),
        format!("FROM scratch\n{}", "LABEL a=b\n".repeat(5000)),
        format!("FROM scratch\nRUN {}\n", "(".repeat(100_000)),
    ] {
        let project = tempfile::tempdir().unwrap();
        assert!(draft(project.path(), "Dockerfile", &text, &OneProgram).is_err());
    }
}
