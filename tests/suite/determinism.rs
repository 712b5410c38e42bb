//! The same recipe and inputs give the same digest, whatever surrounds the build.

use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{
    case::{Case, HARDPAN},
    elf, elf_writer,
    judges::{checked, tool},
};

/// A recipe of prebuilt inputs that has one of everything.
const RECIPE: &str = r#"
name = "same"

[[binary]]
path = "app"
to = "/usr/bin/app"

[[file]]
from = "data"
to = "/srv/data"

[[tree]]
from = "static"
to = "/srv/static"
include = ["**/*"]
executable = ["bin/*"]

[[dir]]
to = "/var/lib/app"
writable = true

[run]
env = { DATE = "{name}" }
"#;

/// The files of the recipe, in a fixed order.
fn inputs() -> Vec<(&'static str, Vec<u8>)> {
    let mut data = elf_writer::noise(2_500_000);
    data.resize(4_000_000, 0);
    vec![
        ("same.toml", RECIPE.as_bytes().to_vec()),
        ("app", elf::static_amd64_of(1_200_000)),
        ("data", data),
        ("static/a.txt", b"a\n".to_vec()),
        ("static/b/c.txt", b"c\n".to_vec()),
        ("static/b/C.txt", b"another c\n".to_vec()),
        ("static/b-.txt", b"sorts before b/\n".to_vec()),
        ("static/bin/tool", elf::static_amd64()),
        ("static/gr\u{f6}\u{df}e", b"composed\n".to_vec()),
        ("static/gro\u{308}\u{df}e", b"decomposed\n".to_vec()),
        ("static/new\nline", b"a name with a line break\n".to_vec()),
    ]
}

fn case() -> Case {
    inputs().into_iter().fold(Case::new(), |case, (path, bytes)| case.file(path, bytes))
}

fn digest(case: &Case) -> String {
    case.run(["build", "same.toml"]).ok().digest()
}

fn reference() -> String {
    digest(&case())
}

#[test]
fn another_folder_another_umask_another_environment() {
    let reference = reference();
    let variations: Vec<(&str, Case)> = vec![
        ("umask 000", case().umask(0)),
        ("umask 077", case().umask(0o077)),
        ("time zone", case().env("TZ", "Pacific/Kiritimati")),
        ("locale", case().env("LANG", "tr_TR.UTF-8").env("LC_ALL", "tr_TR.UTF-8")),
        ("home", case().env("HOME", "/nonexistent").env("XDG_CACHE_HOME", case().path("cache"))),
        ("source date 0", case().env("SOURCE_DATE_EPOCH", "0")),
        ("terminal", case().env("TERM", "xterm-256color").env("COLUMNS", "20").env("NO_COLOR", "1")),
        ("flags", case().env("RUSTFLAGS", "-g").env("GOFLAGS", "-race").env("CARGO_PROFILE_RELEASE_DEBUG", "2")),
    ];
    for (what, case) in variations {
        assert_eq!(digest(&case), reference, "{what}");
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let reference = reference();
    for jobs in ["1", "2", "5", "16"] {
        let found = case().run(["build", "same.toml", "--jobs", jobs]).ok().digest();
        assert_eq!(found, reference, "{jobs} jobs");
    }
}

#[test]
fn what_the_host_knows_of_a_file_does_not_matter() {
    let reference = reference();
    let change = |what: &str, change: &dyn Fn(&Path)| {
        let case = case();
        for (path, _) in inputs() {
            change(&case.path(path));
        }
        assert_eq!(digest(&case), reference, "{what}");
    };
    change("mode 0600", &|path| fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap());
    change("mode 4777", &|path| fs::set_permissions(path, fs::Permissions::from_mode(0o4777)).unwrap());
    change("touched", &|path| {
        checked(tool("touch").args(["-d", "1999-12-31 23:59:59.123456789"]).arg(path));
    });
    change("hard links", &|path| {
        let links = path.ancestors().find(|above| above.ends_with("work")).unwrap().join("../links");
        fs::create_dir_all(&links).unwrap();
        let count = fs::read_dir(&links).unwrap().count();
        fs::hard_link(path, links.join(count.to_string())).unwrap();
    });
    change("sparse copies", &|path| {
        let copy = path.with_extension("sparse");
        checked(tool("cp").arg("--sparse=always").arg(path).arg(&copy));
        fs::rename(copy, path).unwrap();
    });
    change("extended attributes", &|path| {
        let script = "import os, sys\nos.setxattr(sys.argv[1], 'user.comment', b'not for the image')";
        checked(tool("python3").args(["-c", script]).arg(path));
    });
    change("another owner", &|path| {
        std::os::unix::fs::lchown(path, Some(1234), Some(5678)).unwrap_or_else(|error| panic!("run as root: {error}"));
    });
}

#[test]
fn the_order_of_a_folder_does_not_matter() {
    // tmpfs lists the newest file first: two orders of creation are two orders of reading.
    let mut digests = Vec::new();
    let mut orders = Vec::new();
    for reversed in [false, true] {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let mut files = inputs();
        if reversed {
            files.reverse();
        }
        for (path, bytes) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let names = fs::read_dir(folder.path().join("static")).unwrap().map(|entry| entry.unwrap().file_name());
        orders.push(names.collect::<Vec<_>>());
        let case = Case::new();
        let recipe = folder.path().join("same.toml");
        digests.push(case.run(["build".as_ref(), recipe.as_os_str()]).ok().digest());
    }
    assert_ne!(orders[0], orders[1], "the two folders are read in one order, so this shows nothing");
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], reference());
}

#[test]
fn another_user_does_not_matter() {
    let case = case();
    // The program and the inputs, where anybody may read them.
    let folder = tempfile::Builder::new().prefix("hardpan-user-").tempdir().unwrap();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    open(folder.path());
    fs::copy(HARDPAN, folder.path().join("hardpan")).unwrap();
    for (path, bytes) in inputs() {
        let path = folder.path().join(path);
        let parent = path.parent().unwrap().to_path_buf();
        fs::create_dir_all(&parent).unwrap();
        open(&parent);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=4321", "--regid=4321", "--clear-groups"]);
    command.arg(folder.path().join("hardpan")).args(["build", "same.toml"]);
    command
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("PATH", std::env::var_os("PATH").unwrap());
    let line = checked(&mut command);
    assert_eq!(line.trim().split_once('@').unwrap().1, digest(&case));
}

#[test]
fn another_cpu_does_not_matter() {
    let reference = reference();
    for model in ["qemu64", "core2duo", "Nehalem", "Haswell"] {
        let found = case().run_under(["qemu-x86_64-static", "-cpu", model], ["build", "same.toml"]).ok().digest();
        assert_eq!(found, reference, "{model}");
    }
}

#[test]
fn another_source_date_moves_the_config_and_no_layer() {
    let epoch = case().run(["build", "same.toml"]).ok().layout();
    let by_variable = case().env("SOURCE_DATE_EPOCH", "1700000000").run(["build", "same.toml"]).ok().layout();
    let by_option =
        case().env("SOURCE_DATE_EPOCH", "5").run(["build", "same.toml", "--source-date", "1700000000"]).ok().layout();
    assert_ne!(epoch.digest(), by_variable.digest());
    assert_eq!(by_variable.digest(), by_option.digest());
    let layers =
        |image: crate::support::layout::Image| image.layers.into_iter().map(|layer| layer.digest).collect::<Vec<_>>();
    assert_eq!(layers(epoch.image()), layers(by_variable.image()));
    assert_eq!(by_variable.image().config["created"], "2023-11-14T22:13:20Z");
    for history in by_variable.image().config["history"].as_array().unwrap() {
        assert_eq!(history["created"], "2023-11-14T22:13:20Z");
    }
}

#[test]
fn an_input_that_changes_while_it_is_read_is_refused() {
    let case = case();
    let path: PathBuf = case.path("data");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = std::thread::spawn({
        let stop = std::sync::Arc::clone(&stop);
        move || {
            let mut file = File::options().write(true).open(path).unwrap();
            let mut round = 0_u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                round += 1;
                file.seek(SeekFrom::Start(round * 4096 % 3_900_000)).unwrap();
                file.write_all(&round.to_le_bytes()).unwrap();
            }
        }
    });
    let output = case.run(["build", "same.toml"]);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    output.fails(2).says("changed while it was read");
    assert!(!case.path("out/same").exists());
}

/// A checkout with `core.autocrlf` has other line ends in recipes, in what they extend and in their workspace.
#[test]
fn line_ends_of_recipes_do_not_reach_the_image() {
    let files = [
        (
            "app.toml",
            "extends = \"shared.toml\"\n[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\"\n\
             [[file]]\nto = \"/etc/basic\"\ntext = \"\"\"\na = 1\n\nb = \"x\\r\\ny\" \\\n   end\n\"\"\"\n\
             [[file]]\nto = \"/etc/literal\"\ntext = '''\na\n\tb\n'''\n[run]\nargs = [\"\"\"a \\\n  b\"\"\"]\n",
        ),
        ("shared.toml", "[[file]]\nto = \"/etc/shared\"\ntext = '''\nfrom\nhere'''\n"),
        ("hardpan.workspace.toml", "[defaults]\nannotations = { a = \"\"\"\nx\\\n  y\"\"\" }\n"),
    ];
    let built = |end: &str, more: &str| {
        let mut case = Case::new().file("app", elf::static_amd64());
        for (name, text) in files {
            let more = if name == "app.toml" { more } else { "" };
            case = case.file(name, format!("{text}{more}").replace('\n', end));
        }
        case.build().ok().digest()
    };
    assert_eq!(built("\n", ""), built("\r\n", ""));
    let raw = "[[file]]\nto = \"/etc/raw\"\nraw = true\ntext = '''\na\nb\n'''\n";
    assert_ne!(built("\n", raw), built("\r\n", raw), "those bytes are kept");
}
