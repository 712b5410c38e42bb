//! `inspect --runtime`: deployments that fit the image, in the eyes of the
//! code that reads them, and of podman, which runs one.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::case::Case;
use crate::support::elf;
use crate::support::engines::PodmanStore;
use crate::support::http;
use crate::support::judges::{checked, tool};
use crate::support::layout::Layout;
use crate::support::service::Service;

/// Everything that a deployment has to know.
const SERVICE: &str = "\
[[binary]]
path = \"app\"
to = \"/usr/bin/app\"
[[dir]]
to = \"/var/lib/hello\"
writable = true
volume = true
[[dir]]
to = \"/var/cache/hello\"
writable = true
[[dir]]
to = \"/srv/plain\"
[system]
tmp = true
[run]
user = \"4711:4712\"
ports = [\"8080/tcp\", \"53/udp\"]
";

fn service() -> Case {
    Case::new().file("hello.toml", SERVICE).file("app", elf::static_amd64())
}

/// Prints the deployment of `out/hello` into a file and has it judged; returns
/// the text and what the judge says.
#[track_caller]
fn judged(case: &Case, runtime: &str, file: &str, more: &[&str]) -> (String, String) {
    let words = ["inspect", "--runtime", runtime, "out/hello"];
    let text = case.run(words.into_iter().chain(more.iter().copied())).ok().stdout;
    let again = case.run(words.into_iter().chain(more.iter().copied())).ok().stdout;
    assert_eq!(text, again, "two runs, two texts");
    let path: PathBuf = case.path(file);
    fs::write(&path, &text).expect("the deployment");
    let said = checked(tool("deployment").arg(runtime).arg(&path));
    (text, said)
}

#[test]
fn kubernetes_deployment() {
    let case = service();
    let layout = case.run(["build", "hello.toml"]).ok().layout();
    let (text, pod) = judged(&case, "kubernetes", "hello.yaml", &["--as", "registry.example.com:5000/team/hello:1.0"]);
    let pod: Value = serde_json::from_str(&pod).expect("JSON");
    let container = &pod["containers"][0];
    let image = format!("registry.example.com:5000/team/hello@{}", layout.digest());
    assert_eq!(container["image"], image.as_str(), "{text}");
    assert_eq!(pod["securityContext"]["runAsUser"], 4711);
    assert_eq!(pod["securityContext"]["runAsGroup"], 4712);
    assert_eq!(pod["securityContext"]["sysctls"][0]["value"], "53");
    let mounts: Vec<_> =
        container["volumeMounts"].as_array().expect("mounts").iter().map(|m| &m["mountPath"]).collect();
    assert_eq!(mounts, ["/tmp", "/var/cache/hello", "/var/lib/hello"]);
    let ports: Vec<_> = container["ports"].as_array().expect("ports").iter().map(|p| &p["containerPort"]).collect();
    assert_eq!(ports, [53, 8080]);
    for absent in ["command", "args", "env", "workingDir"] {
        assert_eq!(container.get(absent), None, "{absent} is the image's to say");
    }
}

#[test]
fn the_judge_of_kubernetes_can_say_no() {
    let case = service();
    case.run(["build", "hello.toml"]).ok();
    let (text, _) = judged(&case, "kubernetes", "hello.yaml", &[]);
    for (good, bad) in [
        ("runAsNonRoot: true", "runAsNonRoot: false"),
        ("runAsNonRoot", "runAsNoRoot"),
        ("replicas: 1", "replicas: \"1\""),
        ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
        ("targetPort: tcp-8080", "targetPort: tcp-8081"),
        ("claimName: hello-var-lib-hello", "claimName: other"),
        ("type: Recreate", "type: RollingUpdate"),
        ("        - port: 8080\n", "        - port: 8081\n"),
        ("ingress:\n", "ingress: []\nx:\n"),
    ] {
        assert!(text.contains(good), "{good}");
        fs::write(case.path("bad.yaml"), text.replacen(good, bad, 1)).expect("a deployment");
        let output = tool("deployment").arg("kubernetes").arg(case.path("bad.yaml")).output().expect("the judge");
        assert_eq!(output.status.code(), Some(1), "{bad}");
    }
}

#[test]
fn compose_loads_its_file() {
    let case = service();
    let layout = case.run(["build", "hello.toml"]).ok().layout();
    let (text, services) = judged(&case, "compose", "compose.yaml", &[]);
    let services: Value = serde_json::from_str(&services).expect("JSON");
    let service = &services["hello"];
    assert_eq!(service["image"], format!("hello@{}", layout.digest()).as_str(), "{text}");
    assert_eq!(service["user"], "4711:4712");
    assert_eq!(service["read_only"], true);
    assert_eq!(service["cap_drop"][0], "ALL");
    assert_eq!(service["security_opt"][0], "no-new-privileges:true");
    assert_eq!(service["sysctls"]["net.ipv4.ip_unprivileged_port_start"], "53");
    assert_eq!(service["ports"][0]["protocol"], "udp");
    assert_eq!(service["ports"][1]["target"], 8080);
    assert_eq!(service["volumes"][0]["target"], "/var/lib/hello");
    assert_eq!(service["volumes"][0]["source"], "hello-var-lib-hello");
    assert_eq!(service["tmpfs"][0], "/tmp:mode=1777");
    assert_eq!(service["tmpfs"][1], "/var/cache/hello:mode=0700,uid=4711,gid=4712");
}

/// podman's arguments for the quadlet of `out/hello`, from podman's own code.
#[track_caller]
fn quadlet(case: &Case, more: &[&str]) -> Vec<String> {
    let (_, words) = judged(case, "quadlet", "hello.container", more);
    words.lines().map(str::to_owned).collect()
}

#[test]
fn podmans_generator_takes_every_setting_of_the_quadlet() {
    let case = service();
    let layout = case.run(["build", "hello.toml"]).ok().layout();
    let words = quadlet(&case, &[]);
    let line = words.join(" ");
    for part in [
        "--user 4711:4712",
        "--read-only ",
        "--read-only-tmpfs=false",
        "--security-opt=no-new-privileges",
        "--cap-drop all",
        "--sysctl net.ipv4.ip_unprivileged_port_start=53",
        "--publish 53:53/udp",
        "--publish 8080:8080/tcp",
        "-v hello-var-lib-hello:/var/lib/hello",
        "--tmpfs /tmp:mode=1777",
        "-v /var/cache/hello",
    ] {
        assert!(line.contains(part), "no `{part}` in {line}");
    }
    assert_eq!(words.last().expect("an image"), &format!("hello@{}", layout.digest()));
}

/// A path with what becomes of it: kept under a name, or gone with the container.
type Storage = (String, Option<String>);

/// What is writable in an image, and what is kept of it, is the same in all runtimes.
#[test]
fn volumes_are_kept_under_the_same_names_in_all_runtimes() {
    let more = "[[dir]]\nto = \"/data\"\nwritable = true\nvolume = true\n";
    let case = service().edit("hello.toml", |text| text.replace("[system]", &format!("{more}[system]")));
    case.run(["build", "hello.toml"]).ok();
    let kept =
        |path: &str| (path.to_owned(), Some(format!("hello-{}", path.trim_start_matches('/').replace('/', "-"))));
    let gone = |path: &str| (path.to_owned(), None);
    let expected: Vec<Storage> = vec![kept("/data"), gone("/tmp"), gone("/var/cache/hello"), kept("/var/lib/hello")];
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let sorted = |mut all: Vec<Storage>| {
        all.sort();
        all
    };

    let (_, pod) = judged(&case, "kubernetes", "hello.yaml", &[]);
    let pod: Value = serde_json::from_str(&pod).expect("JSON");
    let claim = |mount: &Value| {
        let volume = pod["volumes"].as_array().expect("volumes").iter().find(|volume| volume["name"] == mount["name"]);
        word(&volume.expect("a volume")["persistentVolumeClaim"]["claimName"])
    };
    let mounts = pod["containers"][0]["volumeMounts"].as_array().expect("mounts");
    let found = mounts.iter().map(|mount| (word(&mount["mountPath"]).expect("a path"), claim(mount)));
    assert_eq!(sorted(found.collect()), expected, "kubernetes");

    let (_, services) = judged(&case, "compose", "compose.yaml", &[]);
    let services: Value = serde_json::from_str(&services).expect("JSON");
    let list = |key: &str| services["hello"][key].as_array().expect("a list").clone();
    let volumes = list("volumes").into_iter().map(|one| (word(&one["target"]).expect("a path"), word(&one["source"])));
    let memory =
        list("tmpfs").into_iter().map(|one| gone(word(&one).expect("a path").split(':').next().expect("a path")));
    assert_eq!(sorted(volumes.chain(memory).collect()), expected, "compose");

    let words = quadlet(&case, &[]);
    let pairs = words.iter().zip(words.iter().skip(1));
    let found = pairs.filter_map(|(option, value)| match (option.as_str(), value.split_once(':')) {
        ("--tmpfs", Some((path, _))) => Some(gone(path)),
        ("-v", Some((name, path))) => Some((path.to_owned(), Some(name.to_owned()))),
        ("-v", None) => Some(gone(value)),
        _ => None,
    });
    assert_eq!(sorted(found.collect()), expected, "quadlet");
}

#[test]
fn several_images_are_one_stream_in_a_namespace() {
    let plain = "[[binary]]\npath = \"app\"\nto = \"/app\"\n";
    let case = service().file("quiet.toml", plain);
    case.run(["build", "hello.toml", "quiet.toml"]).ok();
    let words = ["inspect", "--runtime", "kubernetes", "--namespace", "shop", "--as", "r.example/team/{name}"];
    let run = |images: &[&str]| case.run([&words, images].concat());
    let text = run(&["out/quiet", "out/hello"]).ok().stdout;
    fs::write(case.path("all.yaml"), &text).expect("the deployments");
    let pods = checked(tool("deployment").arg("kubernetes").arg(case.path("all.yaml")));
    let image = |line: &str| {
        let pod: Value = serde_json::from_str(line).expect("JSON");
        pod["containers"][0]["image"].as_str().expect("an image").split('@').next().expect("a repository").to_owned()
    };
    assert_eq!(pods.lines().map(image).collect::<Vec<_>>(), ["r.example/team/quiet", "r.example/team/hello"]);
    assert_eq!(text.matches("\n  namespace: shop\n").count(), text.matches("\nkind: ").count());
    // Without a port nothing is let in.
    assert!(text.starts_with("apiVersion: apps/v1\n") && text.contains("\n  ingress: []\n"), "{text}");

    run(&["out/hello", "out/hello"])
        .fails(2)
        .says("the deployment `hello` of `out/hello` would be that of `out/hello`, too");
    let usage = |words: &[&str], says: &str| drop(case.run([&["inspect"], words].concat()).fails(2).says(says));
    usage(&["out/hello", "out/quiet"], "2 images, and `inspect` shows one");
    usage(&["--runtime", "compose", "out/hello", "out/quiet"], "2 images, and a deployment for compose is of one");
    usage(&["--runtime", "compose", "--namespace", "a", "out/hello"], "`--namespace` is for kubernetes");
    usage(&["--runtime", "kubernetes", "--namespace", "A_b", "out/hello"], "`--namespace A_b` is not a namespace");
    usage(&["--runtime", "kubernetes", "--as", "r.example/a", "out/hello", "out/quiet"], "hint: put `{name}` into it");
}

#[test]
fn quadlet_under_podman() {
    let podman = PodmanStore::new();
    let recipe = SERVICE.replace("path = \"app\"", "go = \".\"");
    let case = Case::new().file("hello.toml", recipe).file("main.go", WRITER);
    let mut case = case.file("go.mod", "module example.com/writer\n\ngo 1.21\n");
    for (name, value) in podman.environment() {
        case = case.env(name, value);
    }
    case.run(["build", "hello.toml", "--load", "podman"]).ok();
    let layout = Layout::open(case.path("out/hello"), None);
    let words = quadlet(&case, &["--as", "localhost/hello"]);
    assert_eq!(words.last().expect("an image"), &format!("localhost/hello@{}", layout.digest()));

    // What a unit adds for systemd (and a network, which is not the point) is left out.
    let mut command = podman.command();
    command.args(["run", "--network=host", "--ulimit", "nofile=1024:1024"]);
    command.args(["--ulimit", "nproc=1024:1024"]);
    let start = words.iter().position(|word| word == "run").expect("podman run");
    let mut rest = words[start + 1..].iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            // The setting is of a network of the container's own.
            "--publish" | "--name" | "--sysctl" => drop(rest.next()),
            "-d" | "--replace" => {}
            word if ["--name", "--cidfile", "--cgroups", "--sdnotify"]
                .iter()
                .any(|for_systemd| word.starts_with(for_systemd)) => {}
            word => drop(command.arg(word)),
        }
    }
    let service = Service::start_program(command);
    for (path, expected) in
        [("/var/lib/hello", 200), ("/var/cache/hello", 200), ("/tmp", 200), ("/etc", 500), ("/srv/plain", 500)]
    {
        let answer = service.get(&format!("/write?dir={path}"));
        assert_eq!(answer.status, expected, "{path}: {}", answer.body);
    }
    assert_eq!(http::get(service.port, "/healthz").expect("an answer").body, "ok\n");
}

/// Answers `/write?dir=D` with 200 when it could write a file into D.
const WRITER: &str = "package main

import (
	\"flag\"
	\"fmt\"
	\"net/http\"
	\"os\"
	\"os/signal\"
	\"path/filepath\"
	\"syscall\"
)

func main() {
	port := flag.Int(\"port\", 8080, \"\")
	flag.Parse()
	http.HandleFunc(\"/healthz\", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, \"ok\") })
	http.HandleFunc(\"/write\", func(w http.ResponseWriter, r *http.Request) {
		path := filepath.Join(r.URL.Query().Get(\"dir\"), \"file\")
		if err := os.WriteFile(path, []byte(\"x\"), 0o600); err != nil {
			http.Error(w, err.Error(), 500)
		}
	})
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() { <-ended; os.Exit(0) }()
	fmt.Println(http.ListenAndServe(fmt.Sprintf(\":%d\", *port), nil))
}
";

#[test]
fn an_image_that_no_hardened_deployment_would_start_is_refused() {
    let case = service();
    case.run(["build", "hello.toml"]).ok();
    let layout = case.path("out/hello");
    let inspect = ["inspect", "--runtime", "compose"];
    // umoci makes the images that hardpan would not.
    let config = |words: &[&str]| {
        let image = format!("{}:hello", layout.display());
        checked(tool("umoci").args(["config", "--image", &image]).args(words));
    };
    config(&["--config.user", "0:0"]);
    case.run(inspect.into_iter().chain(["out/hello"])).fails(1).says("error[root-user]: the image runs as root");
    config(&["--config.user", "app"]);
    case.run(inspect.into_iter().chain(["out/hello"]))
        .fails(2)
        .says("error[runtime-profile]: the image's user is `app`, not two numbers");
    config(&["--config.user", "1000", "--config.volume", "/a:b"]);
    case.run(inspect.into_iter().chain(["out/hello"])).fails(2).says("error[runtime-profile]: `/a:b` must be writable");
    case.run(["inspect", "--runtime", "nomad", "out/hello"])
        .fails(2)
        .says("`--runtime nomad` is not one of `kubernetes`");
    let odd = ["out/hello", "--as", "a b"];
    case.run(inspect.into_iter().chain(odd)).fails(2).says("`a b` is not an image reference that could be pulled");
}
