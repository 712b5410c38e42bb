//! `--load`: the image in the engines of this machine, under the name that was
//! told, with the digest that was printed, and running.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use serde_json::Value;

use crate::support::case::{APP, Case, HARDPAN};
use crate::support::elf;
use crate::support::engines::{Engines, PodmanStore};
use crate::support::judges::checked;
use crate::support::layout::Layout;
use crate::support::registry::Registry;
use crate::support::service::Service;

const EVERYWHERE: [&str; 6] = ["--load", "docker", "--load", "podman", "--load", "containerd"];

/// One program for two platforms.
const BOTH: &str = "platforms = [\"linux/arm64\", \"linux/amd64\"]\n\
                    [[binary]]\npath = \"app-{arch}\"\nto = \"/usr/bin/app\"\n";

fn layout(case: &Case, name: &str) -> Layout {
    Layout::open(case.path(format!("out/{name}")), None)
}

#[test]
fn the_rust_and_the_go_service_run_in_every_engine() {
    let engines = Engines::start();
    let case = engines.known_to(Case::new().networked().copy("recipes", "recipes"));
    let build = ["build", "recipes/hello.toml", "recipes/hello-go.toml", "--platform", "linux/amd64"];
    let output = case.run(build.into_iter().chain(EVERYWHERE)).ok();
    for name in ["hello", "hello-go"] {
        let layout = layout(&case, name);
        let config = layout.image().manifest["config"]["digest"].as_str().expect("a digest").to_owned();
        assert_eq!(engines.digests(name), [config.clone(), layout.digest(), layout.digest()], "{name}");
        let output = output
            .clone()
            .says(&format!("load docker: {name}:latest, image ID {config}\n"))
            .says(&format!("load podman: localhost/{name}:latest, {}\n", layout.digest()))
            .says(&format!("load containerd: docker.io/library/{name}:latest, {}\n", layout.digest()));
        assert!(output.stdout.contains(&format!("{name}@{}\n", layout.digest())), "{}", output.stdout);

        let mut docker = engines.docker.run("host");
        docker.arg(name);
        let mut podman = engines.podman.run("host");
        podman.arg(name);
        // ctr's arguments replace the whole command, not the image's alone.
        let mut containerd = engines.containerd.run(&format!("docker.io/library/{name}:latest"));
        containerd.args(layout.image().entrypoint());
        for command in [docker, podman, containerd] {
            let mut service = Service::start_program(command);
            assert_eq!(service.get("/healthz").body, "ok\n", "{name}");
            service.terminate();
        }
    }
}

#[test]
fn loaded_index() {
    let engines = Engines::start();
    let case = Case::new().recipe(BOTH).file("app-amd64", elf::static_amd64()).file("app-arm64", elf::static_arm64());
    let case = engines.known_to(case);
    let output = case.run(["build", "app.toml", "--json"].into_iter().chain(EVERYWHERE)).ok();
    let layout = layout(&case, "app");
    let ours = layout.image_for("amd64");
    let config = ours.manifest["config"]["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(engines.digests("app"), [config, ours.digest.clone(), layout.digest()]);
    let said = "of the platforms it got this machine's, linux/amd64";
    assert_eq!(output.stderr.matches(said).count(), 2, "{}", output.stderr);

    let json: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let loaded = json["images"][0]["loaded"].as_array().expect("loaded");
    assert_eq!(loaded.len(), 3, "{json}");
    assert_eq!(loaded[1]["digest"], ours.digest.as_str());
    assert_eq!(loaded[1]["platform"], "linux/amd64");
    assert_eq!(loaded[2]["digest"], layout.digest());

    let mut commands = [
        engines.docker.run("none"),
        engines.podman.run("none"),
        engines.containerd.run("docker.io/library/app:latest"),
    ];
    commands[0].arg("app");
    commands[1].arg("app");
    for mut command in commands {
        assert_ne!(checked(&mut command), "", "{command:?}");
    }
    // Again, with nothing changed: the same answers.
    case.run(["build", "app.toml"].into_iter().chain(EVERYWHERE)).ok();
}

#[test]
fn index_without_this_machine() {
    let podman = PodmanStore::new();
    let foreign = BOTH.replace("linux/amd64", "linux/riscv64");
    let elf = elf::static_arm64();
    // The number of the machine (e_machine): EM_RISCV.
    let mut riscv = elf.clone();
    riscv[18..20].copy_from_slice(&243u16.to_le_bytes());
    let mut case = Case::new().recipe(&foreign).file("app-arm64", &elf).file("app-riscv64", &riscv);
    for (name, value) in podman.environment() {
        case = case.env(name, value);
    }
    let what = "error[image-platform]: no image for `linux/amd64`, where podman would run it; there are `linux/arm64`, `linux/riscv64`\n\
                hint: `--platform linux/amd64` builds one";
    refused(&case, "podman", what);
    // A single image is somebody's wish, whatever it is for.
    case.run(["build", "app.toml", "--platform", "linux/arm64", "--load", "podman"]).ok();
    let list = checked(podman.command().args(["images", "--format", "{{.Digest}}"]));
    assert_eq!(list.trim(), layout(&case, "app").digest());
}

fn app() -> Case {
    Case::new().recipe(APP).file("app", elf::static_amd64())
}

/// Asserts that a build for `engine` fails with `what` and leaves nothing.
#[track_caller]
fn refused(case: &Case, engine: &str, what: &str) {
    case.run(["build", "app.toml", "--load", engine]).fails(2).says(what);
    assert!(!case.path("out").exists(), "something was written");
}

#[test]
fn an_engine_that_is_not_there_is_one_sentence_with_a_hint() {
    let nothing = app().env("DOCKER_HOST", "unix:///nonexistent/d.sock");
    refused(
        &nothing,
        "docker",
        "error[engine-missing]: docker is not running: there is no socket `/nonexistent/d.sock`\nhint: start it",
    );
    let far = app().env("DOCKER_HOST", "tcp://127.0.0.1:2375");
    refused(
        &far,
        "docker",
        "error[environment]: `DOCKER_HOST` is `tcp://127.0.0.1:2375`, and only `unix:///...` can be loaded into",
    );
    let nothing = app().env("CONTAINERD_ADDRESS", "/nonexistent/c.sock");
    refused(
        &nothing,
        "containerd",
        "error[engine-missing]: containerd is not running: there is no socket `/nonexistent/c.sock`\nhint: start it",
    );
    let empty = app().folder("bin");
    let path = empty.path("bin");
    let empty = empty.env("PATH", path);
    refused(&empty, "podman", "error[engine-missing]: cannot load into podman: `podman` is not in `PATH`\nhint: ");
    refused(&empty, "containerd", "error[engine-missing]: cannot load into containerd: `ctr` is not in `PATH`\nhint: ");
    let broken = app().env("CONTAINERS_STORAGE_CONF", "/nonexistent/storage.conf");
    refused(&broken, "podman", "error[engine-failed]: podman refused the image: ");
    refused(&app(), "lxc", "error[usage]: `--load lxc` is not one of `docker`, `podman`, `containerd`");
}

#[test]
fn socket_that_does_not_answer() {
    let case = app();
    let socket = case.path("d.sock");
    let host = format!("unix://{}", socket.display());
    drop(UnixListener::bind(&socket).expect("a socket"));
    let case = case.env("DOCKER_HOST", &host).env("CONTAINERD_ADDRESS", &socket);
    refused(
        &case,
        "docker",
        "error[engine-missing]: docker is not running: connection refused at `[DIR]/work/d.sock`\nhint: start it",
    );
    refused(
        &case,
        "containerd",
        "error[engine-missing]: containerd is not running: no answer at `[DIR]/work/d.sock`\nhint: start it",
    );

    // Root may everything, until it is told otherwise.
    let mine = "--bounding-set=-dac_override,-dac_read_search";
    let owner = std::process::Command::new("chown").arg("65534:65534").arg(&socket).status().expect("chown");
    assert!(owner.success());
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).expect("chmod");
    for (engine, what) in [("docker", "docker's socket"), ("containerd", "containerd's socket")] {
        let output = case.run_under(["setpriv", mine], ["build", "app.toml", "--load", engine]).fails(2);
        output.says(&format!(
            "error[permission-denied]: permission denied: this user may not use {what} `[DIR]/work/d.sock`\nhint: "
        ));
    }

    std::fs::remove_file(&socket).expect("the dead socket");
    answering(&socket, |_, _| "SSH-2.0-OpenSSH_9.2\r\n".to_owned());
    refused(&case, "docker", "cannot talk to docker: it does not speak HTTP");
}

/// A docker that answers every request with what `answer` says to its target
/// and body.
fn answering(socket: &Path, answer: impl Fn(&str, &[u8]) -> String + Send + 'static) {
    let listener = UnixListener::bind(socket).expect("a socket");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (target, body) = request(&mut stream);
            stream.write_all(answer(&target, &body).as_bytes()).ok();
        }
    });
}

/// A request's target, and its body up to the end or to the first megabyte.
fn request(stream: &mut UnixStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap_or(0);
        bytes.extend_from_slice(&buffer[..read]);
        let chunked = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).contains("chunked");
        let end: &[u8] = if chunked { b"0\r\n\r\n" } else { b"\r\n\r\n" };
        if read == 0 || bytes.ends_with(end) || bytes.len() > 1 << 20 {
            break;
        }
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    (head.split(' ').nth(1).unwrap_or_default().to_owned(), bytes)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// dockerd's answer to `GET /version`.
fn version() -> String {
    http("200 OK", "{\"Version\":\"20.10.24\",\"Os\":\"linux\",\"Arch\":\"amd64\"}")
}

#[test]
fn docker_that_refuses_or_lies() {
    let case = app().env("DOCKER_HOST", "");
    let say = |name: &str, load: &'static str, image: &'static str| {
        let socket = case.path(name);
        answering(&socket, move |target, _| match target {
            "/version" => version(),
            "/images/load?quiet=1" => http(load.split_once('|').unwrap().0, load.split_once('|').unwrap().1),
            _ => http("200 OK", image),
        });
        case.clone().env("DOCKER_HOST", format!("unix://{}", socket.display()))
    };
    let late =
        "200 OK|{\"stream\":\"x\"}\r\n{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no space left\\u001b[2J\"}\r\n";
    refused(
        &say("late", late, ""),
        "docker",
        "error[engine-failed]: docker refused the image: no space left\\u{1b}[2J",
    );
    let early = "500 Internal Server Error|{\"message\":\"invalid archive\"}";
    refused(&say("early", early, ""), "docker", "error[engine-failed]: docker refused the image: invalid archive");
    let loaded = "200 OK|{\"stream\":\"Loaded image: app:latest\\n\"}\r\n";
    let other = "{\"Id\":\"sha256:1111111111111111111111111111111111111111111111111111111111111111\"}";
    refused(
        &say("liar", loaded, other),
        "docker",
        "error[engine-failed]: docker has another image as `app:latest`: `sha256:1111",
    );
}

#[test]
fn a_docker_that_stops_listening_half_way_is_asked_why() {
    // More than a socket holds, so that the rest cannot be written.
    let case = Case::new().recipe(APP).file("app", elf::static_amd64_of(8 << 20));
    let socket = case.path("d.sock");
    answering(&socket, |target, _| match target {
        "/version" => version(),
        _ => http("413 Too Large", "{\"message\":\"the image is too large\"}"),
    });
    let case = case.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    refused(&case, "docker", "error[engine-failed]: docker refused the image: the image is too large");
}

#[test]
fn names_and_tags_of_the_command_line_are_those_in_every_engine() {
    let engines = Engines::start();
    let case = engines.known_to(app());
    let tags = ["--tag", "team/{name}:1.0", "--tag", "registry.example.com:5000/{name}", "--tag", "{name}:edge"];
    let output = case.run(["build", "app.toml", "--json"].into_iter().chain(EVERYWHERE).chain(tags)).ok();
    let layout = layout(&case, "app");
    let config = layout.image().manifest["config"]["digest"].as_str().expect("a digest").to_owned();
    let json: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let loaded = json["images"][0]["loaded"].as_array().expect("loaded");
    let reported: Vec<_> = loaded.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect();
    let names = [
        ["team/app:1.0", "registry.example.com:5000/app:latest", "app:edge"],
        ["localhost/team/app:1.0", "registry.example.com:5000/app:latest", "localhost/app:edge"],
        ["docker.io/team/app:1.0", "registry.example.com:5000/app:latest", "docker.io/library/app:edge"],
    ];
    assert_eq!(reported, names.concat());
    for name in names[0] {
        let id = checked(engines.docker.command().args(["image", "inspect", "--format", "{{.Id}}", name]));
        assert_eq!(id.trim(), config, "{name}");
    }
    for name in names[1] {
        let digest = checked(engines.podman.command().args(["image", "inspect", "--format", "{{.Digest}}", name]));
        assert_eq!(digest.trim(), layout.digest(), "{name}");
    }
    let list = checked(engines.containerd.command().args(["images", "list"]));
    for name in names[2] {
        let line = list.lines().find(|line| line.split_whitespace().next() == Some(name)).expect("the name");
        assert!(line.contains(&layout.digest()), "{line}");
    }
    // And none that was not asked for.
    let all = checked(engines.docker.command().args(["images", "--format", "{{.Repository}}:{{.Tag}}"]));
    assert_eq!(all.lines().count(), 3, "{all}");
    // The same names of the next build move.
    let case = case.recipe(&format!("{APP}[run]\nargs = [\"x\"]\n"));
    case.run(["build", "app.toml"].into_iter().chain(EVERYWHERE).chain(tags)).ok();
}

#[test]
fn names_that_no_engine_takes_are_refused_before_anything_is_built() {
    let case = app();
    for (tag, says) in [
        ("App", "error[reference]: `--tag`: invalid reference `App`"),
        ("app:", "error[reference]: `--tag`: invalid reference `app:`"),
        ("me:pw@r.example/app", "error[reference]: `--tag`: the reference holds a user name or password"),
        ("", "error[usage]: `--tag` is empty"),
        ("{nothing}", "error[recipe-variable]: `--tag`: "),
    ] {
        case.run(["build", "app.toml", "--load", "podman", "--tag", tag]).fails(2).says(says);
    }
    case.run(["build", "app.toml", "--tag", "app"]).fails(2).says("--load");
    let two = case.file("b.toml", APP);
    let output = two.run(["build", "app.toml", "b.toml", "--load", "podman", "--tag", "app:1"]).fails(2);
    output.says("would both be loaded as `app:1`").says("put `{name}` into `--tag`");
}

/// The command lines of `docs/dev-loops.md`, as Skaffold and Tilt run them.
#[test]
fn skaffold_and_tilt_find_the_image_under_the_name_that_they_chose() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dev-loops.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let lines: Vec<String> = page
        .lines()
        .filter(|line| line.contains("hardpan build"))
        .map(|line| line.trim().trim_end_matches(',').trim_matches('\'').to_owned())
        .collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let docker = crate::support::engines::Docker::start();
    let registry = Registry::start();
    let bin = Path::new(HARDPAN).parent().expect("a folder").display().to_string();
    let case = app().file("hardpan.toml", format!("name = \"server\"\n{APP}"));
    let run = |line: &str, variables: &[(&str, &str)]| {
        let mut shell = crate::support::judges::tool("sh");
        shell.args(["-c", line]).current_dir(case.dir()).env("DOCKER_HOST", docker.host());
        let path = std::env::var("PATH").expect("PATH");
        shell.env("PATH", format!("{bin}:{path}")).envs(variables.iter().copied());
        checked(&mut shell)
    };
    let id = |name: &str| checked(docker.command().args(["image", "inspect", "--format", "{{.Id}}", name]));
    let local = "registry.example.com/server:v1-dirty";
    run(&lines[0], &[("IMAGE", local), ("PUSH_IMAGE", "false")]);
    let config = layout(&case, "server").image().manifest["config"]["digest"].as_str().expect("it").to_owned();
    assert_eq!(id(local).trim(), config);
    let remote = format!("{}/skaffold/server:v1", registry.host());
    run(&lines[0], &[("IMAGE", &remote), ("PUSH_IMAGE", "true")]);
    let digest = layout(&case, "server").digest();
    assert_eq!(registry.tag("skaffold/server", "v1"), Some(digest.clone()));
    let expected = "localhost:5005/server:tilt-build-1700000000";
    run(&lines[1], &[("EXPECTED_REF", expected)]);
    assert_eq!(id(expected).trim(), config);
    let expected = format!("{}/tilt/server:tilt-build-1", registry.host());
    run(&lines[2], &[("EXPECTED_REF", &expected)]);
    assert_eq!(registry.tag("tilt/server", "tilt-build-1"), Some(digest));
}
