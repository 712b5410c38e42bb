//! hardpan's own image: built by hardpan from this checkout, the same from two of them, and able to build another
//! image where it is: as uid 65532, on a read-only root, without `/tmp`, a home or a network.

#![allow(clippy::print_stderr, reason = "the sizes are to be seen")]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use object::{
    Endianness, Object as _,
    elf::PT_INTERP,
    read::elf::{ElfFile64, ProgramHeader as _},
};
use serde_json::json;

use crate::{
    audit,
    support::{
        case::{Case, unique},
        elf,
        judges::{self, Bundle, Podman, checked, oci, tool},
        layout::{Kind, Layout},
    },
};

/// Stays between runs: only what changed is compiled again.
pub fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("selfhosting").join(name)
}

/// Builds `recipes/hardpan.toml` of a checkout.
fn build_in(checkout: &Path, output: &str) -> Layout {
    let case = Case::new().networked().env("XDG_CACHE_HOME", place("cache")).cwd(checkout);
    // Whoever compiles here with another key makes all of it anew.
    let case = case.env("HARDPAN_CACHE_KEY_FILE", place("cache.key"));
    let output = place(output).display().to_string();
    case.run(["build", "recipes/hardpan.toml", "--output", &output]).ok().layout()
}

/// hardpan's image, built from this checkout.
fn image() -> &'static Layout {
    static IMAGE: OnceLock<Layout> = OnceLock::new();
    IMAGE.get_or_init(|| build_in(Path::new(env!("CARGO_MANIFEST_DIR")), "first"))
}

/// A second checkout with the same files, elsewhere. What is the same stays untouched, so that cargo sees it.
fn another_checkout() -> PathBuf {
    let (here, there) = (Path::new(env!("CARGO_MANIFEST_DIR")), place("another/checkout"));
    fs::create_dir_all(&there).expect("a checkout");
    checked(tool("git").args(["init", "--quiet"]).arg(&there));
    let files = |dir: &Path| -> BTreeSet<String> {
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
        let list = checked(tool("git").arg("-C").arg(dir).args(list));
        list.split('\0').filter(|name| dir.join(name).is_file()).map(str::to_owned).collect()
    };
    let wanted = files(here);
    for stale in files(&there).difference(&wanted) {
        fs::remove_file(there.join(stale)).expect("a stale file");
    }
    for name in wanted {
        let (content, to) = (fs::read(here.join(&name)).expect("a source"), there.join(&name));
        if fs::read(&to).ok().as_ref() != Some(&content) {
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            fs::write(&to, content).expect("a copy");
        }
    }
    there
}

#[test]
fn two_checkouts_give_one_image() {
    let (first, second) = (image(), build_in(&another_checkout(), "second"));
    assert_eq!(first.digest(), second.digest());
    assert_eq!(first.files(), second.files());
}

#[test]
fn the_image_holds_one_static_program_and_nothing_else() {
    let layout = image();
    judges::imagespec(layout);
    audit::passes(layout);
    judges::skopeo(layout);
    let image = layout.image();
    let files: Vec<String> =
        image.entries().into_iter().filter(|(_, entry)| entry.kind == Kind::File).map(|(path, _)| path).collect();
    assert_eq!(files, ["etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "usr/bin/hardpan"]);
    assert_eq!(image.config["config"]["User"], "65532:65532");
    let program = image.entry("/usr/bin/hardpan").content;
    for path in [env!("CARGO_MANIFEST_DIR"), env!("CARGO_TARGET_TMPDIR")] {
        let path = path.as_bytes();
        assert!(!program.windows(path.len()).any(|window| window == path), "a path of this machine is in the program");
    }
    released(&program);
    let stored: u64 =
        image.manifest["layers"].as_array().expect("layers").iter().filter_map(|layer| layer["size"].as_u64()).sum();
    eprintln!("hardpan: {} bytes; its image: {stored} bytes stored", program.len());
}

/// What the program may have: a tenth more than it had when this was written. Whoever brings in more than that should
/// see it, and say what it is for.
const PROGRAM_BYTES: usize = 23_000_000;

/// What is released is what the recipe makes: static, stripped, and no larger than it need be.
fn released(program: &[u8]) {
    let file = ElfFile64::<Endianness>::parse(program).expect("an ELF file");
    let endian = file.endian();
    let asks = file.elf_program_headers().iter().any(|header| header.p_type(endian) == PT_INTERP);
    assert!(!asks, "the program asks for a loader");
    assert!(file.section_by_name(".symtab").is_none(), "the program has symbols");
    assert!(program.len() <= PROGRAM_BYTES, "the program has {} bytes", program.len());
}

const RECIPE: &str = r#"
platforms = ["linux/amd64", "linux/arm64"]

[[binary]]
path = "app-{arch}"
to = "/usr/bin/app"

[[tree]]
from = "static"
to = "/srv/static"
include = ["**/*"]

[[dir]]
to = "/var/lib/app"
writable = true
volume = true
"#;

/// A recipe with prebuilt inputs; `out` belongs to somebody else and lets everybody write.
fn workshop() -> Case {
    let noise: Vec<String> = (0..60_000).map(|line| format!("line {}\n", line * 7919 % 10_007)).collect();
    let case = Case::new()
        .recipe(RECIPE)
        .file("app-amd64", elf::static_amd64())
        .file("app-arm64", elf::static_arm64())
        .file("static/a.txt", "a\n")
        .file("static/noise/numbers.txt", noise.concat())
        .folder("out");
    // Not through the umask of whoever runs the tests.
    for path in [".", "static", "static/noise"] {
        fs::set_permissions(case.path(path), fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    let parent = case.dir().parent().expect("a folder above").to_owned();
    fs::set_permissions(parent, fs::Permissions::from_mode(0o755)).expect("chmod");
    case.mode("out", 0o777)
}

/// What was built in the container is what is built outside, to the byte.
#[track_caller]
fn is_the_one_built_outside(case: &Case, printed: &str) {
    let outside = case.run(["build", "app.toml", "--output", "outside"]).ok();
    assert_eq!(printed, outside.stdout, "the line of the container");
    let inside = Layout::open(case.path("out/app"), None);
    assert_eq!(inside.digest(), outside.digest());
    assert_eq!(inside.files(), outside.layout().files());
    let left: Vec<_> =
        fs::read_dir(case.path("out")).expect("out").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left, ["app"], "nothing is left beside the image");
}

/// The entrypoint under runc, with the recipe read-only and `out` writable.
fn under_runc(case: &Case, user: u32) -> (Command, Bundle) {
    let bundle = judges::umoci(image());
    bundle.harden(|config| {
        config["process"]["args"] = json!(["/usr/bin/hardpan", "build", "app.toml", "--offline"]);
        config["process"]["user"] = json!({ "uid": user, "gid": user });
        config["process"]["env"] = json!(["PATH=/nonexistent"]);
        let mounts = config["mounts"].as_array_mut().expect("mounts");
        mounts.retain(|mount| mount["destination"] != "/tmp");
        for (to, from, access) in [("/work", case.dir(), "ro"), ("/work/out", case.path("out"), "rw")] {
            let mount = json!({ "destination": to, "source": from, "type": "bind", "options": ["bind", access] });
            mounts.push(mount);
        }
    });
    let mut command = judges::runc_command(&bundle);
    command.args(["run", "--bundle"]).arg(bundle.dir()).arg(unique());
    (command, bundle)
}

#[test]
fn under_runc_it_builds_the_image_that_is_built_outside() {
    let case = workshop();
    let (mut command, _bundle) = under_runc(&case, 65532);
    is_the_one_built_outside(&case, &checked(&mut command));
}

#[test]
fn user_without_a_passwd_entry() {
    let case = workshop();
    let (mut first, _bundle) = under_runc(&case, 12345);
    checked(&mut first);
    let (mut second, _bundle) = under_runc(&case, 12345);
    is_the_one_built_outside(&case, &checked(&mut second));
}

#[test]
fn under_podman_it_builds_the_image_that_is_built_outside() {
    let case = workshop();
    let podman = Podman::new();
    let mut command = podman.run("none");
    command.arg("--read-only-tmpfs=false");
    command.arg("--volume").arg(format!("{}:/work:ro", case.dir().display()));
    command.arg("--volume").arg(format!("{}:/work/out", case.path("out").display()));
    command.arg(oci(image())).args(["build", "--offline", "app.toml"]);
    is_the_one_built_outside(&case, &checked(&mut command));
}

#[test]
fn what_cannot_be_done_in_the_container_is_one_clear_sentence() {
    for (recipe, says) in [
        ("[[binary]]\ngo = \".\"\n", "Go is not installed"),
        ("[[binary]]\npath = \"missing\"\nto = \"/usr/bin/app\"\n", "`missing` does not exist"),
    ] {
        let case = workshop().recipe(recipe).file("go.mod", "module example.com/x\n\ngo 1.21\n");
        let (mut command, _bundle) = under_runc(&case, 65532);
        let output = command.output().expect("runc");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
    // An output that the user cannot write: said before anything is made.
    let case = workshop().mode("out", 0o755);
    let (mut command, _bundle) = under_runc(&case, 65532);
    let output = command.output().expect("runc");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("permission denied") && said.contains("out"), "{said}");
}
