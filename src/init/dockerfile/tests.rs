//! Reads broken and typical Dockerfiles: parsing always ends without a panic, and the translation is as documented.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use super::draft;
use crate::{
    init::Toolchains,
    oci::Platform,
    report::{ErrorName, Failure},
};

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
        Err(Failure::error(ErrorName::ToolMissing, "no cargo here"))
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
struct SeededNumbers(u64);

impl SeededNumbers {
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
    let mut numbers = SeededNumbers(1);
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

/// The recipe for a folder with these files, and what it lists.
fn recipe(files: &[&str], text: &str) -> (String, Vec<String>) {
    let project = tempfile::tempdir().unwrap();
    for file in files.iter().chain(&["go.mod"]) {
        let path = project.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x\n").unwrap();
    }
    let (draft, _) = draft(&fs::canonicalize(project.path()).unwrap(), "Dockerfile", text, &OneProgram).unwrap();
    (draft.to_string(), draft.left_out)
}

/// A Dockerfile that compiles the program, and ends with `image`.
fn compiled(base: &str, image: &str) -> String {
    format!("FROM golang AS b\nWORKDIR /src\nRUN go build -o /server ./cmd/server\nFROM {base}\n{image}")
}

const COPY_SERVER: &str = "COPY --from=b /server /server\nENTRYPOINT [\"/server\"]\n";

#[test]
fn the_home_of_a_nonroot_base_is_there_where_the_dockerfile_names_it() {
    const DISTROLESS: &str = "gcr.io/distroless/static-debian12:nonroot";
    const HOME: &str = "[[dir]]\nto = \"/home/nonroot\"\nwritable = true\n\n";
    for more in ["CMD [\"--db=/home/nonroot/x.db\"]\n", "ENV HOME=/home/nonroot\n", "CMD [\"./x.db\"]\n"] {
        let (recipe, left_out) = recipe(&[], &compiled(DISTROLESS, &format!("{COPY_SERVER}{more}")));
        assert!(recipe.contains(HOME) && recipe.contains("workdir = \"/home/nonroot\""), "{more}{recipe}");
        assert!(!left_out.iter().any(|line| line.contains("/home/nonroot")), "{left_out:?}");
    }
    // Relative paths are below the working directory of the base.
    let (relative, _) = recipe(&["c.yaml"], &compiled(DISTROLESS, &format!("COPY c.yaml .\n{COPY_SERVER}")));
    assert!(relative.contains("to = \"/home/nonroot/c.yaml\"") && relative.contains(HOME), "{relative}");
    let (unused, left_out) = recipe(&[], &compiled(DISTROLESS, COPY_SERVER));
    assert!(!unused.contains("\n[[dir]]\n") && !unused.contains("workdir ="), "{unused}");
    assert!(left_out.iter().any(|line| line.starts_with("Dockerfile:4:") && line.contains("`/home/nonroot`")));
    for base in ["gcr.io/distroless/static-debian12", "alpine", "scratch"] {
        let (root, _) = recipe(&[], &compiled(base, &format!("{COPY_SERVER}USER 1000\nCMD [\"/home/nonroot/x\"]\n")));
        assert!(!root.contains("\n[[dir]]\n"), "{base}: {root}");
    }
}

#[test]
fn a_source_with_the_architecture_in_its_name_is_one_for_every_platform() {
    let image = format!(
        "ARG TARGETARCH\nARG SET=dev\nCOPY conf-$TARGETARCH /etc/server.conf\nCOPY data/${{TARGETARCH}} /data\n\
         COPY sets/$SET/x /x\nCOPY $TARGETARCH*.txt /t/\nCOPY none-$TARGETARCH /n\n{COPY_SERVER}"
    );
    let files = ["conf-amd64", "data/amd64/a", "data/amd64/b", "sets/dev/x", "amd64.txt"];
    let (recipe, left_out) = recipe(&files, &compiled("scratch", &image));
    for piece in [
        "from = \"conf-{arch}\"\nto = \"/etc/server.conf\"",
        "from = \"data/{arch}\"\nto = \"/data\"",
        "from = \"sets/{set}/x\"\nto = \"/x\"",
        "set = \"dev\"",
        "from = \"amd64.txt\"",
    ] {
        assert!(recipe.contains(piece), "{piece}\n{recipe}");
    }
    // What stays as it is, and what is not here, has its line.
    let of = |line: &str| left_out.iter().filter(|text| text.starts_with(line)).cloned().collect::<Vec<_>>().join("\n");
    assert!(of("Dockerfile:7:").is_empty() && of("Dockerfile:8:").is_empty() && of("Dockerfile:9:").is_empty());
    assert!(of("Dockerfile:10:").contains("for every platform"), "{left_out:?}");
    assert!(of("Dockerfile:11:").contains("no such file") && !of("Dockerfile:11:").contains("platform"));
}

#[test]
fn a_source_that_is_written_in_two_ways_keeps_its_name() {
    let image = format!("ARG TARGETARCH\nCOPY c-$TARGETARCH /a\nCOPY c-amd64 /b\n{COPY_SERVER}");
    let (recipe, left_out) = recipe(&["c-amd64"], &compiled("scratch", &image));
    assert_eq!(recipe.matches("from = \"c-amd64\"").count(), 2, "{recipe}");
    assert!(left_out.iter().any(|line| line.starts_with("Dockerfile:6:") && line.contains("every platform")));
}

#[test]
fn a_link_that_a_run_makes_is_a_symlink() {
    let image = "COPY --from=b /server /opt/server\nRUN ln -s /opt/server /usr/local/bin/srv && ln -sf ../c.yaml /etc/c\n\
                 RUN if true; then ln -s /a /b; fi\nRUN ln /a /hard\nENTRYPOINT [\"srv\"]\n";
    let (recipe, left_out) = recipe(&["c.yaml"], &compiled("alpine", &format!("COPY c.yaml /\n{image}")));
    for piece in [
        "[[symlink]]\nto = \"/usr/local/bin/srv\"\ntarget = \"/opt/server\"",
        "[[symlink]]\nto = \"/etc/c\"\ntarget = \"../c.yaml\"",
        "to = \"/opt/server\"\n",
    ] {
        assert!(recipe.contains(piece), "{piece}\n{recipe}");
    }
    assert_eq!(recipe.matches("[[symlink]]").count(), 2, "{recipe}");
    assert_eq!(recipe.matches("[[binary]]").count(), 1, "{recipe}");
    let listed = |line: &str| left_out.iter().any(|text| text.starts_with(line) && text.contains("`ln` is not run"));
    assert!(!listed("Dockerfile:7:") && listed("Dockerfile:8:") && listed("Dockerfile:9:"), "{left_out:?}");
}

#[test]
fn a_link_of_another_stage_is_what_it_leads_to_and_in_a_folder_a_link() {
    let image = "FROM alpine AS st\nCOPY c.yaml /d/c.yaml\nRUN cd /d && ln -s c.yaml l\nFROM scratch\n\
                 COPY --from=st /d/l /etc/l\nCOPY --from=st /d /d\n";
    let (recipe, _) = recipe(&["c.yaml"], &format!("{}{COPY_SERVER}", compiled("alpine AS x", image)));
    assert!(recipe.contains("from = \"c.yaml\"\nto = \"/etc/l\""), "{recipe}");
    assert!(recipe.contains("[[symlink]]\nto = \"/d/l\"\ntarget = \"c.yaml\""), "{recipe}");
}

#[test]
fn a_user_of_the_stage_that_passwd_is_from_has_its_number() {
    let build = "FROM golang AS b\nRUN adduser --disabled-password --uid \"10001\" \"app\"\nRUN go build -o /server ./cmd/server\n";
    let image = format!("FROM scratch\nCOPY --from=b /etc/passwd /etc/group /etc/\n{COPY_SERVER}USER app:app\n");
    let (recipe, _) = recipe(&[], &format!("{build}{image}"));
    assert!(recipe.contains("user = \"10001:10001\""), "{recipe}");
    let (other, _) = self::recipe(&[], &format!("{build}{}", image.replace("/etc/passwd", "/etc/hosts")));
    assert!(!other.contains("user ="), "{other}");
}

#[test]
fn a_program_that_is_not_here_and_is_compiled_is_no_missing_file() {
    let image =
        "FROM alpine\nARG OS=linux\nCOPY .build/$OS/server /bin/server\nCOPY c.yaml /c\nCMD [\"/bin/server\"]\n";
    let (recipe, left_out) = recipe(&[], image);
    assert!(recipe.contains("go = \"./cmd/server\"\nto = \"/bin/server\""), "{recipe}");
    let of_program: Vec<_> = left_out.iter().filter(|line| line.starts_with("Dockerfile:3:")).collect();
    assert!(matches!(of_program.as_slice(), [line] if line.contains("the project's program")), "{left_out:?}");
    assert!(left_out.iter().any(|line| line.starts_with("Dockerfile:4:") && line.contains("no such file")));
}

#[test]
fn a_folder_of_a_stage_that_copies_the_whole_context_is_the_one_of_the_context() {
    let copies = "COPY --from=b /src/static /static\nCOPY --from=b /src/conf/a.yaml /etc/a.yaml\nCOPY --from=b /src/conf /conf\n\
                  COPY --from=b /src/made /made\nCOPY --from=b /src/secret /secret\nCOPY --from=b /src /all\n";
    let files = ["static/x/a.html", "conf/a.yaml", "conf/.hidden", "other/x", "secret/x", ".dockerignore"];
    let build = "FROM golang AS b\nWORKDIR /src\nCOPY . .\nRUN go build -o /server ./cmd/server\nFROM scratch\n";
    let project = tempfile::tempdir().unwrap();
    for file in files.iter().chain(&["go.mod"]) {
        let path = project.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "secret\n").unwrap();
    }
    let text = format!("{build}{copies}{COPY_SERVER}");
    let (draft, _) = draft(&fs::canonicalize(project.path()).unwrap(), "Dockerfile", &text, &OneProgram).unwrap();
    let (recipe, left_out) = (draft.to_string(), draft.left_out);
    for piece in [
        "from = \"static\"\nto = \"/static\"\n",
        "from = \"conf/a.yaml\"\nto = \"/etc/a.yaml\"\n",
        "from = \"conf\"\nto = \"/conf\"\ninclude = [\"**/*\", \"**/.*\"]\n",
    ] {
        assert!(recipe.contains(piece), "{piece}\n{recipe}");
    }
    assert_eq!(recipe.matches("\n[[tree]]").count(), 2, "{recipe}");
    let of = |line: &str| left_out.iter().filter(|text| text.starts_with(line)).cloned().collect::<Vec<_>>().join("\n");
    for line in ["Dockerfile:6:", "Dockerfile:7:", "Dockerfile:8:"] {
        assert!(of(line).is_empty(), "{left_out:?}");
    }
    // What a command makes, what `.dockerignore` keeps out, and everything.
    assert!(of("Dockerfile:9:").contains("a `RUN` of its stage made it"), "{left_out:?}");
    assert!(!recipe.contains("\"/secret\"") && !of("Dockerfile:10:").is_empty(), "{left_out:?}");
    assert!(of("Dockerfile:3:").contains("the whole folder"), "{left_out:?}");
}

#[test]
fn what_a_stage_that_runs_nothing_has_is_of_its_base() {
    let image = format!("FROM example.com/other AS o\nFROM scratch\nCOPY --from=o /x /x\n{COPY_SERVER}");
    let (_, left_out) = recipe(&[], &compiled("alpine AS y", &image));
    assert!(left_out.iter().any(|line| line.contains("`/x`: its stage has it from its base")), "{left_out:?}");
}

#[test]
fn of_several_programs_the_script_that_is_the_entrypoint_names_the_one_that_runs() {
    let build = "FROM golang AS b\nWORKDIR /src\nCOPY . .\nRUN go build -o /tool ./cmd/server && go build -o /other ./cmd/server \
                 && go build -o /server ./cmd/server\n";
    let image = "FROM alpine\nCOPY --from=b /tool /server /other /app/\nCOPY start.sh /start.sh\n\
                 ENTRYPOINT [\"/start.sh\"]\nCMD [\"run\", \"--config\", \"/data/x\"]\n";
    let project = tempfile::tempdir().unwrap();
    fs::write(project.path().join("go.mod"), "x").unwrap();
    let dir = fs::canonicalize(project.path()).unwrap();
    let text = format!("{build}{image}");
    for (script, program, said) in [
        (
            "#!/bin/sh\n/app/tool migrate\nexec gosu x /app/server \"$@\"\n# exec /app/tool\nexec \"$@\"\n",
            "server",
            "`start.sh` names",
        ),
        ("#!/bin/sh\necho tools\ncd /app && ./other \"$@\"\n", "other", "`start.sh` names"),
        ("#!/bin/sh\nexec \"$@\"\n", "tool", "the first of 3 programs"),
    ] {
        fs::write(project.path().join("start.sh"), script).unwrap();
        let (draft, _) = draft(&dir, "Dockerfile", &text, &OneProgram).unwrap();
        let recipe = draft.to_string();
        assert!(recipe.contains(&format!("entrypoint = [\"/app/{program}\"]")), "{script}{recipe}");
        assert!(draft.said.iter().any(|line| line.contains(said)), "{:?}", draft.said);
        let of_words: Vec<_> = draft.left_out.iter().filter(|line| line.contains("--config")).collect();
        assert!(
            matches!(of_words.as_slice(), [line] if line.contains("`run --config /data/x`")),
            "{:?}",
            draft.left_out
        );
    }
}

#[test]
fn a_program_that_a_copy_with_an_unknown_source_may_bring_is_not_said_to_be_of_the_base() {
    let text = "FROM example.com/static\nARG BUILDDIR\nADD ${BUILDDIR}/x/etcd /usr/local/bin/\nCMD [\"/usr/local/bin/etcd\"]\n";
    let project = tempfile::tempdir().unwrap();
    fs::write(project.path().join("go.mod"), "x").unwrap();
    let failure = draft(project.path(), "Dockerfile", text, &OneProgram).unwrap_err();
    assert!(failure.what.contains("Dockerfile:3:") && failure.what.contains("BUILDDIR"), "{failure}");
    assert!(!failure.what.contains("base"), "{failure}");
}

#[test]
fn an_argument_that_is_called_like_a_setting_of_cargo_is_none() {
    let build = "FROM rust AS b\nARG CARGO_OPTS=\"--features=x\"\nARG CARGO_TARGET_CACHE=a\nARG CARGO_NET_OFFLINE=true\nARG FEATURES\n\
                 ARG MORE\nARG SECRET\nRUN cargo build --release --features ${FEATURES:-y} $CARGO_OPTS $MORE\nFROM scratch\n";
    let image = "COPY --from=b /target/release/server /server\nENTRYPOINT [\"/server\"]\n";
    let stages = super::stages::Stages::of(
        super::instructions::Dockerfile::parse(&format!("{build}{image}")).unwrap(),
        Path::new("/nowhere"),
    );
    let super::file_origin::FileOrigin::Compiled(wanted) = stages.made(0, "/target/release/server") else {
        panic!("not compiled")
    };
    assert_eq!(wanted.features, ["{features}", "x"]);
    let of = |name: &str| {
        wanted
            .left_out
            .iter()
            .filter(|(_, text)| text.contains(name))
            .map(|(_, text)| text.as_str())
            .collect::<String>()
    };
    assert!(
        of("CARGO_OPTS").contains("no setting of cargo") && of("CARGO_TARGET_CACHE").contains("no setting of cargo")
    );
    assert!(of("CARGO_NET_OFFLINE").contains("does not change the program"), "{:?}", wanted.left_out);
    assert!(
        of("FEATURES").is_empty() && of("MORE").contains("has none in its place") && of("SECRET").contains("env =")
    );
}

#[test]
fn a_folder_that_brings_the_program_by_its_name_may_bring_more() {
    let build = "FROM golang AS b\nRUN make && mkdir /stage && cp -R /src/bin /src/templates /stage\nFROM alpine\n";
    for (copy, is_noted) in [("/stage /go", true), ("/stage/server /go/", false), ("/stage/server /go/server", false)] {
        let (recipe, left_out) = recipe(&[], &format!("{build}COPY --from=b {copy}\nENTRYPOINT [\"/go/server\"]\n"));
        assert!(recipe.contains("to = \"/go/server\""), "{recipe}");
        let noted =
            left_out.iter().any(|line| line.starts_with("Dockerfile:4:") && line.contains("what else is in it"));
        assert_eq!(noted, is_noted, "{copy}: {left_out:?}");
    }
}
