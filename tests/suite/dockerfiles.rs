//! `hardpan init --from Dockerfile`: every instruction is translated, or listed, or nothing is written; and what is
//! written holds the files that another builder makes of the same Dockerfile.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;

use crate::support::{
    case::{Case, scratch},
    elf,
    judges::{checked, tool},
    layout::sha256,
    output::Output,
};

/// A folder with files of all kinds and a program that needs no compiler.
fn project() -> Case {
    Case::new()
        .file("app", elf::static_amd64())
        .mode("app", 0o755)
        .file("c.yaml", "c: 1\n")
        .file("d.yaml", "d: 1\n")
        .file("passwd", "x:x:1:1::/:/bin/x\n")
        .file("ca-certificates.crt", "no certificate\n")
        .file("web/index.html", "<p>\n")
        .file("web/css/s.css", "p {}\n")
        .file("web/.hidden/.deep/file", "hidden\n")
        .file("web/run", "#!/bin/x\n")
        .mode("web/run", 0o755)
        .folder("web/empty")
        .file("sql/1.sql", "one\n")
        .file("sql/2.sql", "two\n")
        .file("sql/read.me", "me\n")
}

/// The same for Go.
fn go_project() -> Case {
    let main = "package main\n\nimport \"fmt\"\n\nvar version = \"none\"\n\nfunc main() { fmt.Println(version) }\n";
    project()
        .file("go.mod", "module example.com/server\n\ngo 1.21\n")
        .file("cmd/server/main.go", main)
        .file("cmd/migrate/main.go", main)
}

/// The same for Rust.
fn cargo_project() -> Case {
    project()
        .file("Cargo.toml", "[package]\nname = \"server\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        .file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"server\"\nversion = \"0.1.0\"\n")
        .file("src/main.rs", "fn main() {}\n")
}

/// `init` of this Dockerfile.
fn init(case: Case, dockerfile: &str) -> (Case, Output) {
    let case = case.file("Dockerfile", dockerfile);
    let run = case.run(["init", "--from", "Dockerfile"]);
    (case, run)
}

/// The recipe that `init` writes, and what it lists.
#[track_caller]
fn drafted(case: Case, dockerfile: &str) -> (String, String) {
    let (case, run) = init(case, dockerfile);
    let messages = run.ok().messages();
    (fs::read_to_string(case.path("hardpan.toml")).unwrap(), messages)
}

#[test]
fn what_a_stage_gathers_arrives_whole() {
    let (recipe, _) = drafted(
        project(),
        "FROM scratch AS st\nCOPY c.yaml d.yaml /etc/ft/\nCOPY web /app/web\nFROM scratch\nCOPY app /app\nCOPY --from=st /etc/ft /etc/ft\nCOPY --from=st /app /srv\nENTRYPOINT [\"/app\"]\n",
    );
    for piece in [
        "from = \"c.yaml\"\nto = \"/etc/ft/c.yaml\"",
        "from = \"d.yaml\"\nto = \"/etc/ft/d.yaml\"",
        "from = \"web\"\nto = \"/srv/web\"\ninclude = [\"**/*\", \"**/.*/**/.*/**/*\"]\nexecutable = [\"run\"]",
        "to = \"/srv/web/empty\"",
    ] {
        assert!(recipe.contains(piece), "{piece}\n{recipe}");
    }
}

#[test]
fn variables_of_the_stage_reach_the_compiler_or_are_listed() {
    let head = "FROM golang:1.22 AS b\nWORKDIR /src\nCOPY . .\n";
    let tail = " -o /server ./cmd/server\nFROM scratch\nCOPY --from=b /server /server\nENTRYPOINT [\"/server\"]\n";
    for (middle, recipe_has, list_has) in [
        ("ENV CGO_ENABLED=1\nRUN go build", "cgo = true", ""),
        ("RUN export CGO_ENABLED=1; go build", "cgo = true", ""),
        ("ENV GOEXPERIMENT=rangefunc\nRUN go build", "env = { GOEXPERIMENT = \"rangefunc\" }", ""),
        ("ENV GOFLAGS='-tags=a,b -mod=vendor'\nRUN go build", "tags = [\"a\", \"b\"]", ""),
        ("RUN GOAMD64=v3 go build", "platforms = [\"linux/amd64/v3\"]", ""),
        ("ARG GOARCH=arm64\nRUN go build", "platforms = [\"linux/arm64\"]", ""),
        ("RUN GOOS=windows go build", "", "4: `GOOS`"),
        ("RUN go build -race", "", "4: `-race`"),
        ("RUN go build -overlay=x.json", "", "4: `-overlay`"),
        ("ARG VERSION=dev\nRUN go build -ldflags \"-s -X main.version=$VERSION\"", "version = \"dev\"", ""),
        (
            "ARG VERSION=dev\nRUN go build -ldflags \"-X 'main.version=v ${VERSION}'\"",
            "ldflags = [\"-X 'main.version=v {version}'\"]",
            "",
        ),
        ("ARG NAME\nRUN go build -ldflags \"-X main.version=${NAME:-x}\"", "arg-name = \"x\"", ""),
        ("RUN go build -ldflags \"-X main.version=`git describe --tags`\"", "", "4: `-X main.version`"),
        ("ARG V\nRUN go build -ldflags \"-X main.version=a-$V-b\"", "", "5: `-X main.version`"),
        ("RUN cp c.yaml cmd/server/x.yaml && go build", "", "4: `cp c.yaml`"),
        ("COPY c.yaml cmd/server/\nRUN go build", "", "4: `c.yaml`"),
    ] {
        let (recipe, listed) = drafted(go_project(), &format!("{head}{middle}{tail}"));
        assert!(recipe.contains(recipe_has), "{middle}: {recipe_has}\n{recipe}");
        let place = if list_has.is_empty() { String::new() } else { format!("left out: Dockerfile:{list_has}") };
        assert!(listed.contains(&place), "{middle}: {place}\n{listed}");
    }
}

#[test]
fn variables_of_the_stage_reach_cargo_or_are_listed() {
    let head = "FROM rust:1 AS b\nWORKDIR /src\nCOPY . .\n";
    let tail = "\nFROM scratch\nCOPY --from=b /src/target/release/server /server\nENTRYPOINT [\"/server\"]\n";
    for (middle, recipe_has, list_has) in [
        ("ENV SQLX_OFFLINE=true\nRUN cargo build --release", "env = { SQLX_OFFLINE = \"true\" }", ""),
        ("ENV CARGO_PROFILE_RELEASE_LTO=fat\nRUN cargo build --release", "", "4: `ENV CARGO_PROFILE_RELEASE_LTO`"),
        ("RUN PROTOC=/usr/bin/protoc cargo build --release", "", "4: `PROTOC`"),
        (
            "RUN RUSTFLAGS='-C target-feature=+crt-static -C target-cpu=native' cargo build -r",
            "",
            "4: `-Ctarget-cpu=native`",
        ),
        ("RUN cargo build --release --config x=1", "", "4: `--config`"),
        ("RUN cargo +nightly build --release", "", "4: `+nightly`"),
        ("ARG GIT_SHA\nRUN cargo build --release", "", "5: `ARG GIT_SHA`"),
        ("ARG GIT_SHA=none\nRUN cargo build --release", "env = { GIT_SHA = \"{git_sha}\" }", ""),
        ("RUN RUSTFLAGS='-C target-cpu=x86-64-v3' cargo build -r", "rustflags = [\"-Ctarget-cpu=x86-64-v3\"]", ""),
        (
            "RUN case \"$TARGETARCH\" in amd64) A=x86_64;; arm64) A=aarch64 ;; esac; cargo build --release",
            "cargo = \"server\"",
            "",
        ),
    ] {
        let (recipe, listed) = drafted(cargo_project(), &format!("{head}{middle}{tail}"));
        assert!(recipe.contains(recipe_has), "{middle}: {recipe_has}\n{recipe}");
        let place = if list_has.is_empty() { String::new() } else { format!("left out: Dockerfile:{list_has}") };
        assert!(listed.contains(&place), "{middle}: {place}\n{listed}");
        for label in ["`amd64`", "`arm64`", "`A`"] {
            assert!(!listed.contains(label), "{listed}");
        }
    }
}

#[test]
fn program_of_several_targets() {
    let targets = "--target x86_64-unknown-linux-musl --target aarch64-unknown-linux-musl";
    let (recipe, listed) = drafted(
        cargo_project(),
        &format!(
            "FROM rust:1 AS b\nWORKDIR /src\nCOPY . .\nRUN cargo build --release {targets}\nFROM scratch\n\
             COPY --from=b /src/target/x86_64-unknown-linux-musl/release/server /server\nENTRYPOINT [\"/server\"]\n"
        ),
    );
    assert!(!recipe.contains("platforms ="), "{recipe}");
    assert!(listed.contains("left out: Dockerfile:4: it compiles for several targets"), "{listed}");
}

#[test]
fn what_a_recipe_cannot_say_is_listed_at_its_line() {
    for (line, listed) in [
        ("COPY passwd /etc/passwd", "3: `/etc/passwd`"),
        ("COPY ca-certificates.crt /etc/ssl/certs/", "3: `/etc/ssl/certs/ca-certificates.crt`"),
        ("COPY c.yaml /x/y\nCOPY d.yaml /x/y/z", "4: `/x/y/z` of `COPY`"),
        ("COPY c.yaml /app/x", "3: `/app/x` of `COPY`"),
        ("WORKDIR /{name}", "3: `WORKDIR`"),
        ("STOPSIGNAL $X", "3: `STOPSIGNAL`"),
        ("STOPSIGNAL SIGNONE", "3: `STOPSIGNAL`"),
        ("LABEL containerd.io/x=y", "3: `LABEL containerd.io/x`"),
        ("VOLUME /etc", "3: `/etc`"),
        ("VOLUME /app", "3: `VOLUME /app`"),
        ("VOLUME [\"$X\"]", "3: `VOLUME`"),
        ("CMD [\"a\\nb\"]", "5: `CMD`"),
        ("COPY --parents web/css /x/", "3: `COPY --parents`"),
        ("COPY web /{arch}", "3: `/{arch}`"),
        ("COPY nothing /x", "3: `nothing`"),
        ("RUN touch /x", "3: `RUN`"),
        ("RUN rm /app", "3: `rm` of `/app`"),
        ("RUN echo hello > /etc/motd", "3: `RUN`: `echo` writes `/etc/motd`"),
        ("RUN ln /app /bin/app", "3: `RUN`: `ln`"),
        ("RUN ln -s /app /x\nRUN ln -s /app /x", "3: `RUN`: later lines"),
        ("FETCH x", "3: `FETCH`"),
    ] {
        let end = if line.starts_with("CMD") { "USER 1:1\nENTRYPOINT [\"/app\"]\n" } else { "ENTRYPOINT [\"/app\"]\n" };
        let text = if line.starts_with("CMD") {
            format!("FROM scratch\nCOPY app /app\n{end}{line}\n")
        } else {
            format!("FROM scratch\nCOPY app /app\n{line}\n{end}")
        };
        let (case, run) = init(project(), &text);
        let messages = run.ok().messages();
        assert!(messages.contains(&format!("left out: Dockerfile:{listed}")), "{line}: {listed}\n{messages}");
        assert!(!messages.contains("hardpan.toml:"), "{messages}");
        case.run(["plan"]).ok();
    }
}

#[test]
fn braces_of_the_dockerfile_are_braces_of_the_image() {
    let text = "FROM scratch\nMAINTAINER Jane {dev}\nENV A={b} B=${C}\nLABEL x={y}\nCOPY app /app\nENTRYPOINT [\"/app\", \"{z}\"]\nCMD [\"{name}\"]\n";
    let (case, run) = init(project(), text);
    run.ok();
    let plan = case.run(["plan", "--json"]).ok().stdout;
    for piece in ["\"Jane {dev}\"", "\"A={b}\"", "\"{y}\"", "\"{z}\"", "\"{name}\""] {
        assert!(plan.contains(piece), "{piece}\n{plan}");
    }
}

#[test]
fn the_user_of_a_known_base_is_known() {
    for (base, says) in [
        ("gcr.io/distroless/static:nonroot", "its base runs as 65532"),
        ("gcr.io/distroless/static-debian12:debug-nonroot", "its base runs as 65532"),
        ("cgr.dev/chainguard/static:latest", "65532"),
        ("gcr.io/distroless/static", "would run as root"),
        ("alpine:3.20", "would run as root"),
        ("example.com/own:1", "as the user of its base"),
    ] {
        let (_, said) = drafted(project(), &format!("FROM {base}\nCOPY app /app\nENTRYPOINT [\"/app\"]\n"));
        let user = said.lines().find(|line| line.starts_with("user:")).unwrap();
        assert!(user.contains(says), "{base}: {user}");
        assert_eq!(user.contains("root"), says.contains("root"), "{user}");
    }
}

#[test]
fn program_that_cannot_be_followed() {
    let tail = "FROM alpine\nCOPY --from=b /src/bin/thing /usr/bin/thing\nENTRYPOINT [\"thing\"]\n";
    let (_, run) = init(go_project(), &format!("FROM golang AS b\nWORKDIR /src\nCOPY . .\nRUN make thing\n{tail}"));
    run.fails(2).says("Dockerfile:6: the image runs").says("./cmd/server");
    let only = project()
        .file("go.mod", "module example.com/one\n\ngo 1.21\n")
        .file("main.go", "package main\n\nfunc main() {}\n");
    let (recipe, listed) = drafted(only, &format!("FROM golang AS b\nWORKDIR /src\nCOPY . .\nRUN make thing\n{tail}"));
    assert!(recipe.contains("go = \".\"\nto = \"/usr/bin/thing\""), "{recipe}");
    assert!(listed.contains("left out: Dockerfile:6: "), "{listed}");
    let (_, run) =
        init(go_project(), "FROM scratch\nCOPY --from=nginx /usr/sbin/nginx /nginx\nENTRYPOINT [\"/nginx\"]\n");
    run.fails(2).says("Dockerfile:2: the image runs `/nginx`, which this line copies from another image");
    let (_, run) = init(go_project(), "FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\", \"a\\nb\"]\n");
    run.fails(2).says("Dockerfile:3: ");
}

#[test]
fn what_the_dockerignore_names_stays_out() {
    let case = project().file(".dockerignore", "web/css\n*.yaml\n!c.yaml\n").file("web/css/deep/x", "x");
    let (case, run) =
        init(case, "FROM scratch\nCOPY app /app\nCOPY web /srv\nCOPY *.yaml /etc/\nENTRYPOINT [\"/app\"]\n");
    run.ok();
    let paths = planned(&case);
    assert!(paths.contains_key("/srv/index.html") && paths.contains_key("/etc/c.yaml"), "{paths:?}");
    assert!(!paths.keys().any(|path| path.contains("css") || path.contains("d.yaml")), "{paths:?}");
}

/// What a path is: `dir`, or the digest of a file and whether it is executable.
type Paths = BTreeMap<String, String>;

/// The paths of the plan, but for what hardpan adds itself.
fn planned(case: &Case) -> Paths {
    let plan: Value = serde_json::from_str(&case.run(["plan", "--json"]).ok().stdout).unwrap();
    let mut paths = Paths::new();
    for layer in plan["plans"][0]["images"][0]["layers"].as_array().unwrap() {
        for entry in layer["entries"].as_array().unwrap().iter().filter(|_| layer["name"] != "system") {
            let executable = entry["mode"].as_str().unwrap() == "0555";
            let kind = match entry["digest"].as_str() {
                Some(digest) => format!("{digest} {executable}"),
                None => "dir".to_owned(),
            };
            paths.insert(entry["path"].as_str().unwrap().to_owned(), kind);
        }
    }
    without_shared(paths)
}

/// Folders that the certificates are in are there whatever the Dockerfile says.
fn without_shared(mut paths: Paths) -> Paths {
    for folder in ["/etc", "/etc/ssl", "/etc/ssl/certs"] {
        paths.remove(folder);
    }
    paths
}

/// The paths below a folder.
fn found(root: &Path, folder: &str, paths: &mut Paths) {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in fs::read_dir(root.join(folder.trim_start_matches('/'))).unwrap().map(Result::unwrap) {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            paths.insert(path.clone(), "dir".into());
            found(root, &path, paths);
        } else {
            let executable = entry.metadata().unwrap().permissions().mode() & 0o111 != 0;
            let digest = sha256(&fs::read(entry.path()).unwrap());
            paths.insert(path, format!("{digest} {executable}"));
        }
    }
}

/// What buildah makes of Dockerfiles: of each the paths of its last stage. One run for all of them, each of which is
/// the stages of one big Dockerfile whose last one gathers their files.
fn built(case: &Case, dockerfiles: &[String]) -> Vec<Paths> {
    let mut whole = String::new();
    for (at, text) in dockerfiles.iter().enumerate() {
        let text = text.replace("FROM scratch AS st", &format!("FROM scratch AS st{at}"));
        let text = text.replace("--from=st", &format!("--from=st{at}"));
        whole.push_str(&text.replace("FROM scratch\n", &format!("FROM scratch AS last{at}\n")));
    }
    whole.push_str("FROM scratch\n");
    for at in 0..dockerfiles.len() {
        writeln!(whole, "COPY --from=last{at} / /{at}/").unwrap();
    }
    fs::write(case.path("Whole"), whole).unwrap();
    let store = scratch();
    let buildah = |arguments: &[&str]| {
        let mut command = tool("buildah");
        command.arg("--root").arg(store.path().join("root")).arg("--runroot").arg(store.path().join("run"));
        command.args(["--storage-driver", "vfs"]).args(arguments).current_dir(case.dir());
        checked(&mut command).trim().to_owned()
    };
    let image = buildah(&["bud", "--isolation", "chroot", "--layers=false", "--quiet", "--file", "Whole", "."]);
    let container = buildah(&["from", "--isolation", "chroot", "--pull-never", &image]);
    let mounted = buildah(&["mount", &container]);
    let all = (0..dockerfiles.len()).map(|at| {
        let mut paths = Paths::new();
        found(&Path::new(&mounted).join(at.to_string()), "", &mut paths);
        without_shared(paths)
    });
    let all = all.collect();
    buildah(&["umount", &container]);
    buildah(&["rm", &container]);
    all
}

/// `COPY`, `ADD` and `WORKDIR` that no builder refuses: a name that begins with `f` is always a file, and one that
/// begins with `d` a folder.
fn instructions(stage: bool) -> impl Strategy<Value = Vec<String>> {
    let folder = || select(vec!["/d1", "d2", "/d1/d3", "./d4", "/d1/../d5", "/etc/d6"]);
    let file = || select(vec!["c.yaml", "d.yaml", "web/index.html", "sql/read.me", "passwd", "./web/run"]);
    let verb = || select(vec!["COPY", "ADD", "copy --chmod=0644", "COPY --chown=1:1"]);
    let one = prop_oneof![
        folder().prop_map(|to| format!("WORKDIR {to}")),
        (verb(), file(), folder()).prop_map(|(verb, from, to)| format!("{verb} {from} {to}/")),
        (verb(), file(), folder(), 1..4_u8).prop_map(|(verb, from, to, at)| format!("{verb} {from} {to}/f{at}")),
        (verb(), file()).prop_map(|(verb, from)| format!("{verb} {from} .")),
        (verb(), file(), file(), folder()).prop_map(|(verb, one, two, to)| format!("{verb} {one} {two} {to}/")),
        (verb(), file(), folder()).prop_map(|(verb, from, to)| format!("{verb} [\"{from}\", \"sql\", \"{to}/\"]")),
        (verb(), select(vec!["web", "sql/", "web/css", "web/.hidden"]), folder())
            .prop_map(|(verb, from, to)| format!("{verb} {from} {to}")),
        (verb(), select(vec!["*.yaml", "sql/*.sql", "web/*", "w?b", "sql/[12].sql"]), folder())
            .prop_map(|(verb, from, to)| format!("{verb} {from} {to}/")),
        // Into a folder that is there, without a slash.
        (file(), folder()).prop_map(|(from, to)| format!("COPY sql {to}\nCOPY {from} {to}")),
        folder().prop_map(|to| format!("ARG TO={to}\nCOPY c.yaml $TO/f5")),
    ];
    let copied = select(vec!["/d1", "/s", "/s/sql", "/s/web/", "/s/f1", "/"]);
    let from_stage = (copied, folder(), any::<bool>()).prop_map(|(from, to, into)| {
        let slash = if into || from == "/s/f1" { "/" } else { "" };
        format!("COPY --from=st {from} {to}{slash}")
    });
    let any = if stage { one.boxed() } else { prop_oneof![3 => one, 2 => from_stage].boxed() };
    proptest::collection::vec(any, 1..7)
}

fn dockerfile() -> impl Strategy<Value = String> {
    (instructions(true), instructions(false)).prop_map(|(stage, last)| {
        let start = "FROM scratch AS st\nCOPY sql /s/sql\nCOPY web /s/web/\nCOPY d.yaml /s/f1\nCOPY c.yaml /d1/\n";
        format!(
            "{start}{}\nFROM scratch\n{}\nCOPY app /run-me\nENTRYPOINT [\"/run-me\"]\n",
            stage.join("\n"),
            last.join("\n")
        )
    })
}

/// A runner without a memory of its own; what it finds, it prints.
fn runner(cases: u32, shrinks: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: shrinks, ..Config::default() })
}

#[test]
fn the_plan_has_the_paths_that_buildah_makes() {
    let all = proptest::collection::vec(dockerfile(), 10);
    let result = runner(1, 0).run(&all, |dockerfiles| {
        let case = project();
        let theirs = built(&case, &dockerfiles);
        for (text, theirs) in dockerfiles.iter().zip(theirs) {
            fs::write(case.path("Dockerfile"), text).unwrap();
            let run = case.run(["init", "--from", "Dockerfile", "--force"]);
            prop_assert_eq!(run.code, 0, "{}\n{}", text, run.messages());
            let ours = planned(&case);
            let differ: BTreeSet<_> = ours
                .iter()
                .chain(&theirs)
                .filter(|(path, kind)| ours.get(*path) != Some(kind) || theirs.get(*path) != Some(kind))
                .collect();
            prop_assert!(differ.is_empty(), "{}\n{}\n{:#?}\nours {:#?}", text, run.messages(), differ, ours);
        }
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

/// Instructions of all kinds, good and bad, each with a word that is in no other one.
fn any_instruction() -> impl Strategy<Value = String> {
    let word =
        || select(vec!["x", "{y}", "{name}", "$X", "${X:-z}", "\"a b\"", "'q'", "\\u{e9}", "a=b", "}", "/etc", "0"]);
    let path = || {
        select(vec![
            "/d",
            "d/",
            "/etc/passwd",
            "/etc/group",
            "/etc/ssl/certs/",
            "/",
            ".",
            "/a/../b",
            "/{arch}",
            "/app",
            "/app/x",
            "/etc",
            "/w{{}}",
            "$X/y",
            "/usr/bin/",
            "/tmp",
            "/.wh.x",
            "/d/",
        ])
    };
    let source = || {
        select(vec![
            "c.yaml",
            "web",
            "web/",
            "nothing",
            "*.yaml",
            "web/*",
            ".",
            "passwd",
            "ca-certificates.crt",
            "app",
            "https://example.com/x",
            "$X",
        ])
    };
    prop_oneof![
        (source(), path()).prop_map(|(from, to)| format!("COPY {from} {to}")),
        (source(), source(), path()).prop_map(|(one, two, to)| format!("COPY {one} {two} {to}")),
        (source(), path()).prop_map(|(from, to)| format!("ADD --chmod=755 {from} {to}")),
        (select(vec!["/s", "/s/web", "/no", "/etc/passwd", "/"]), path())
            .prop_map(|(from, to)| format!("COPY --from=st {from} {to}")),
        path().prop_map(|to| format!("COPY --from=nginx:1 /etc/nginx {to}")),
        path().prop_map(|to| format!("COPY <<EOF {to}\ntext $X {{y}}\nEOF")),
        path().prop_map(|to| format!("WORKDIR {to}")),
        path().prop_map(|to| format!("VOLUME {to}")),
        path().prop_map(|to| format!("VOLUME [\"{to}\", \"/v\"]")),
        word().prop_map(|word| format!("ENV K%={word}")),
        word().prop_map(|word| format!("ENV K% {word} more")),
        word().prop_map(|word| format!("LABEL k%={word} containerd.io/x=y")),
        word().prop_map(|word| format!("LABEL \"\"={word}")),
        word().prop_map(|word| format!("MAINTAINER {word}")),
        select(vec!["8080", "53/udp", "0", "1-3", "$X", "99999", "80/icmp"]).prop_map(|port| format!("EXPOSE {port}")),
        select(vec!["TERM", "SIGUSR1", "9", "$X", "NO{x}", "0"]).prop_map(|signal| format!("STOPSIGNAL {signal}")),
        select(vec!["root", "1000", "1000:1000", "nobody", "0:0", "$X", "-1", "65532:65532"])
            .prop_map(|user| format!("USER {user}")),
        select(vec![
            "touch /x",
            "rm -rf /d",
            "mkdir -p /d",
            "true",
            "apk add tzdata",
            "echo x > /y",
            "ln -s a b",
            "cp /d /e",
            "./x.sh",
            "mv /app /b"
        ])
        .prop_map(|run| format!("RUN {run}")),
        word().prop_map(|word| format!("HEALTHCHECK CMD {word}")),
        word().prop_map(|word| format!("SHELL [\"{word}\"]")),
        word().prop_map(|word| format!("ONBUILD RUN {word}")),
        word().prop_map(|word| format!("NONSENSE {word}")),
    ]
}

/// Whether an instruction is translated or listed: its line is named, or what it says is in the recipe.
fn is_told(line: usize, instruction: &str, recipe: &str, messages: &str) -> bool {
    let named = |text: &str, before: &str| {
        let after = format!("{before}{line}");
        text.match_indices(&after).any(|(at, _)| !text[at + after.len()..].starts_with(|c: char| c.is_ascii_digit()))
    };
    let (name, rest) = instruction.split_once(' ').unwrap_or((instruction, ""));
    let key = rest.split(['=', ' ']).next().unwrap_or_default();
    named(messages, "left out: Dockerfile:")
        || named(recipe, "ine ")
        || match name {
            "ENV" | "LABEL" => recipe.contains(&format!("\n{key} = ")),
            "EXPOSE" => recipe.contains(&format!("\"{}", rest.split(['-', '/']).next().unwrap_or_default())),
            // The last one counts.
            // Folders come with what is in them, and with the working directory.
            "USER" | "STOPSIGNAL" | "MAINTAINER" | "WORKDIR" => true,
            _ => false,
        }
}

#[test]
fn translation_of_each_instruction() {
    let all = proptest::collection::vec(any_instruction(), 0..10);
    let written = Cell::new(0);
    let result = runner(48, 20).run(&all, |instructions| {
        let mut text = String::from("FROM scratch AS st\nCOPY web c.yaml /s/\nFROM scratch\nCOPY app /app\n");
        let mut lines = Vec::new();
        for (at, instruction) in instructions.iter().enumerate() {
            let instruction = instruction.replace('%', &at.to_string());
            lines.push((text.lines().count() + 1, instruction.clone()));
            text.push_str(&instruction);
            text.push('\n');
        }
        text.push_str("ENTRYPOINT [\"/app\"]\nCMD [\"{name}\", \"x\"]\n");
        let case = project().file("Dockerfile", &text);
        let run = case.run(["init", "--from", "Dockerfile"]);
        let messages = run.messages();
        prop_assert!(!messages.contains("hardpan.toml:"), "{text}\n{messages}");
        if run.code != 0 {
            let place = messages.split("Dockerfile:").nth(1).unwrap_or_default();
            let line: usize = place.split(':').next().and_then(|line| line.parse().ok()).unwrap_or_default();
            prop_assert!(run.code == 2 && (1..=text.lines().count()).contains(&line), "{text}\n{messages}");
            return Ok(());
        }
        written.set(written.get() + 1);
        let recipe = fs::read_to_string(case.path("hardpan.toml")).unwrap();
        for (line, instruction) in &lines {
            prop_assert!(
                is_told(*line, instruction, &recipe, &messages),
                "line {line}: {instruction}\n{text}\n{recipe}\n{messages}"
            );
        }
        // The recipe is one; what the audit has against such an image (a volume over `/usr/bin`) is for its author.
        let plan = case.run(["plan"]);
        let messages = plan.messages();
        let is_refused = plan.code == 1 && messages.lines().all(|line| !line.starts_with("error:"));
        prop_assert!(plan.code == 0 || is_refused, "{}\n{}\n{}", text, recipe, messages);
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
    assert!(written.get() > 0);
}
