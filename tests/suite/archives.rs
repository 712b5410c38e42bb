//! Every form with every compression, for one platform and for two: which
//! readers take it, run it, and what hardpan itself says about it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::case::{APP, Case, scratch, unique};
use crate::support::elf;
use crate::support::engines::{Containerd, Docker, PodmanStore};
use crate::support::judges::{self, checked, tool};
use crate::support::layout::Layout;

const FORMS: [&str; 3] = ["layout", "oci-archive", "docker-archive"];
const COMPRESSIONS: [&str; 3] = ["gzip", "zstd", "none"];

/// The program under both names that a recipe here may ask for.
fn case(compression: &str, platforms: &str) -> Case {
    let recipe = format!(
        "compression = \"{compression}\"\nplatforms = [{platforms}]\n\
         [[binary]]\npath = \"app-{{arch}}\"\nto = \"/usr/bin/app\"\n"
    );
    Case::new().recipe(&recipe).file("app-amd64", elf::static_amd64()).file("app-arm64", elf::static_arm64())
}

/// The readers, each as it is asked by somebody who has the file.
struct Readers {
    docker: Docker,
    podman: PodmanStore,
    containerd: Containerd,
}

impl Readers {
    /// Who takes the image at `path`, in words. Whoever can run it does.
    fn takes(&self, form: &str, path: &Path) -> String {
        let mut words = Vec::new();
        let mut tell = |name: &str, yes: bool| words.push(if yes { name.to_owned() } else { format!("({name})") });
        tell("skopeo", skopeo(form, path));
        tell("umoci", form == "layout" && umoci(path));
        tell("podman", self.podman(form, path));
        tell("ctr", form != "layout" && self.ctr(path));
        tell("docker", form != "layout" && self.docker(path));
        tell(
            "crane",
            if form == "layout" {
                crane(path)
            } else {
                succeeds(tool("crane").args(["validate", "--tarball"]).arg(path))
            },
        );
        words.join(" ")
    }

    fn podman(&self, form: &str, path: &Path) -> bool {
        let name = if form == "layout" {
            format!("oci:{}:app", path.display())
        } else {
            let Ok(output) = self.podman.command().args(["load", "--input"]).arg(path).output() else { return false };
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let Some((_, name)) = said.trim().rsplit_once(' ').filter(|_| output.status.success()) else {
                return false;
            };
            name.to_owned()
        };
        let runs = succeeds(self.podman.run("none").arg(&name));
        self.podman.command().args(["rmi", "--all", "--force"]).output().expect("podman rmi");
        runs
    }

    fn ctr(&self, path: &Path) -> bool {
        let base = unique();
        if !succeeds(self.containerd.command().args(["images", "import", "--base-name", &base]).arg(path)) {
            return false;
        }
        let list = checked(self.containerd.command().args(["images", "list", "--quiet"]));
        let runs = list.lines().any(|name| succeeds(&mut self.containerd.run(name)));
        for name in list.lines() {
            checked(self.containerd.command().args(["images", "remove", "--sync", name]));
        }
        runs
    }

    fn docker(&self, path: &Path) -> bool {
        let loads = succeeds(self.docker.command().args(["load", "--quiet", "--input"]).arg(path));
        let runs = loads && succeeds(self.docker.run("none").arg("app:latest"));
        self.docker.command().args(["rmi", "--force", "app:latest"]).output().expect("docker rmi");
        runs
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}")).status.success()
}

fn skopeo(form: &str, path: &Path) -> bool {
    let (transport, name) = match form {
        "layout" => ("oci", ":app"),
        "oci-archive" => ("oci-archive", ":app"),
        _ => ("docker-archive", ""),
    };
    let scratch = scratch();
    let mut command = tool("skopeo");
    command.args(["--insecure-policy", "copy", "--quiet", "--multi-arch", "all"]);
    command.arg(format!("{transport}:{}{name}", path.display())).arg(format!("dir:{}", scratch.path().display()));
    succeeds(&mut command)
}

/// Pushed to crane's own registry and validated there.
fn crane(path: &Path) -> bool {
    std::panic::catch_unwind(|| judges::crane(&Layout::open(path, None))).is_ok()
}

fn umoci(path: &Path) -> bool {
    let scratch = scratch();
    let mut command = tool("umoci");
    command.args(["unpack", "--image"]).arg(format!("{}:app", path.display())).arg(scratch.path().join("bundle"));
    succeeds(&mut command)
}

/// In parentheses who does not take it: umoci knows no zstd and no index, crane validates gzip alone
/// in a registry; ctr and docker want one file; this docker (20.10) and crane read docker's table, which names one platform, and no zstd.
#[test]
fn readers_of_each_form_and_compression() {
    let readers = Readers { docker: Docker::start(), podman: PodmanStore::new(), containerd: Containerd::start() };
    let mut table = String::new();
    for platforms in ["\"linux/amd64\"", "\"linux/amd64\", \"linux/arm64\""] {
        for compression in COMPRESSIONS {
            let case = case(compression, platforms);
            for form in FORMS {
                let output = case.run(["build", "app.toml", "--format", form]);
                let path = case.path(if form == "layout" { "out/app" } else { "out/app.tar" });
                let count = platforms.split(',').count();
                let taken = if output.code == 0 {
                    readers.takes(form, &path)
                } else {
                    format!(
                        "refused: {}",
                        output.stderr.lines().next().unwrap_or_default().rsplit_once(": ").map_or("", |(_, why)| why)
                    )
                };
                writeln!(table, "{form} {compression} {count}: {taken}").expect("a table");
            }
        }
    }
    insta::assert_snapshot!(table, @"
    layout gzip 1: skopeo umoci podman (ctr) (docker) crane
    oci-archive gzip 1: skopeo (umoci) podman ctr docker crane
    docker-archive gzip 1: skopeo (umoci) podman ctr docker crane
    layout zstd 1: skopeo (umoci) podman (ctr) (docker) (crane)
    oci-archive zstd 1: skopeo (umoci) podman ctr (docker) (crane)
    docker-archive zstd 1: refused: a docker archive cannot hold zstd layers; docker before 23 does not unpack them
    layout none 1: skopeo umoci podman (ctr) (docker) (crane)
    oci-archive none 1: skopeo (umoci) podman ctr docker crane
    docker-archive none 1: skopeo (umoci) podman ctr docker crane
    layout gzip 2: skopeo (umoci) podman (ctr) (docker) crane
    oci-archive gzip 2: skopeo (umoci) podman ctr (docker) (crane)
    docker-archive gzip 2: refused: a docker archive holds one platform
    layout zstd 2: skopeo (umoci) podman (ctr) (docker) (crane)
    oci-archive zstd 2: skopeo (umoci) podman ctr (docker) (crane)
    docker-archive zstd 2: refused: a docker archive holds one platform
    layout none 2: skopeo (umoci) podman (ctr) (docker) (crane)
    oci-archive none 2: skopeo (umoci) podman ctr (docker) (crane)
    docker-archive none 2: refused: a docker archive holds one platform
    ");
}

/// `inspect --json`, without what names the place.
fn inspected(case: &Case, image: &str) -> Value {
    let output = case.run(["inspect", "--json", image]).ok();
    let mut json: Value = serde_json::from_str(&output.stdout).expect("JSON");
    json["contents"].take()
}

#[test]
fn one_image_in_three_forms() {
    for compression in ["gzip", "none"] {
        let case = case(compression, "\"linux/amd64\"");
        let mut digests = Vec::new();
        for (form, path) in [("layout", "out/app"), ("oci-archive", "a.tar"), ("docker-archive", "d.tar")] {
            let output = case.run(["build", "app.toml", "--format", form, "--output", path]).ok();
            digests.push(output.stdout);
        }
        assert!(digests.windows(2).all(|two| two[0] == two[1]), "{digests:?}");
        let layout = inspected(&case, "out/app");
        assert_eq!(layout, inspected(&case, "a.tar"));
        assert_eq!(layout, inspected(&case, "oci-archive:a.tar:app"));
        let mut expected = layout.clone();
        expected[0].as_object_mut().expect("a set").retain(|key, _| key != "digest" && key != "media-type");
        expected[0]["reference"] = "app:latest".into();
        expected[0]["images"][0].as_object_mut().expect("an image").retain(|key, _| key != "digest");
        assert_eq!(expected, inspected(&case, "d.tar"));
        assert_eq!(expected, inspected(&case, "docker-archive:d.tar:app:latest"));
    }
}

#[test]
fn archives_of_docker_podman_and_skopeo() {
    let (docker, podman) = (Docker::start(), PodmanStore::new());
    let case = case("gzip", "\"linux/amd64\"");
    case.run(["build", "app.toml", "--format", "docker-archive"]).ok();
    case.run(["build", "app.toml"]).ok();
    let path = case.path("out/app.tar");
    checked(docker.command().args(["load", "--input"]).arg(&path));
    checked(podman.command().args(["load", "--input"]).arg(&path));
    checked(docker.command().args(["save", "--output"]).arg(case.path("docker.tar")).arg("app:latest"));
    checked(podman.command().args(["save", "--output"]).arg(case.path("podman.tar")).arg("localhost/app:latest"));
    let mut save = podman.command();
    save.args(["save", "--format", "oci-archive", "--output"]).arg(case.path("oci.tar")).arg("localhost/app:latest");
    checked(&mut save);
    let layout = format!("oci:{}:app", case.path("out/app").display());
    let skopeo = format!("docker-archive:{}:app:latest", case.path("skopeo.tar").display());
    checked(tool("skopeo").args(["--insecure-policy", "copy", &layout, &skopeo]));
    let ours = inspected(&case, "out/app");
    for file in ["docker.tar", "podman.tar", "oci.tar", "skopeo.tar"] {
        let theirs = inspected(&case, file);
        let (ours, theirs) = (&ours[0]["images"][0], &theirs[0]["images"][0]);
        assert_eq!(ours["platform"], theirs["platform"], "{file}");
        assert_eq!(ours["config"]["rootfs"], theirs["config"]["rootfs"], "{file}");
        assert_eq!(ours["config"]["config"]["Entrypoint"], theirs["config"]["config"]["Entrypoint"], "{file}");
        for (ours, theirs) in
            ours["layers"].as_array().expect("layers").iter().zip(theirs["layers"].as_array().expect("layers"))
        {
            assert_eq!(ours["entries"], theirs["entries"], "{file}");
        }
    }
}

#[test]
fn hostile_archives_end_with_a_sentence_and_write_nothing() {
    let case =
        Case::new().recipe(APP).file("app", elf::static_amd64()).file("text.tar", "no tar\n").file("empty.tar", "");
    case.run(["build", "app.toml", "--format", "oci-archive", "--output", "good.tar"]).ok();
    let good = fs::read(case.path("good.tar")).expect("the archive");
    let case =
        case.file("cut.tar", &good[..good.len() - 1024]).file("packed.tar.gz", [&b"\x1f\x8b"[..], &good].concat());
    for (image, said) in [
        ("text.tar", "error[image-not-found]: text.tar: is not an archive of an image\n"),
        ("empty.tar", "error[image-not-found]: empty.tar: is not an archive of an image\n"),
        ("cut.tar", "error[image-invalid]: cut.tar: cannot read the archive: its end is cut off\n"),
        (
            "packed.tar.gz",
            "error[image-unsupported]: packed.tar.gz: is a compressed archive, which is not read\nhint: `gunzip` it first\n",
        ),
        ("docker-archive:good.tar", "error[image-not-found]: good.tar: is an OCI archive, not a docker archive\n"),
        (
            "oci-archive:good.tar:other",
            "error[image-not-found]: good.tar: the OCI archive has no image called `other`\n",
        ),
        ("oci-archive:none.tar", "error[image-not-found]: `none.tar` does not exist\n"),
    ] {
        case.run(["inspect", image]).fails(2).says(said);
    }
}
