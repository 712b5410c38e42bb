//! Folders that are no cache for this user: of somebody else, open to everybody, full of what is no file, unreadable, full.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
};

use crate::support::{
    case::{APP, Case},
    clock::tick,
    elf,
    judges::{checked, tool},
    layout::sha256,
    mounts::Mount,
    output::Output,
    registry::{Fault, Registry},
};

/// A case with a cache of its own, which a build has filled.
fn filled() -> (Case, String) {
    let case = Case::new().recipe(APP).file("app", elf::static_amd64_of(200_000));
    let cache = case.path("../cache");
    let case = case.env("XDG_CACHE_HOME", cache).folder("../cache");
    tick();
    let digest = case.build().ok().digest();
    (case, digest)
}

fn cache(case: &Case) -> PathBuf {
    case.path("../cache/hardpan")
}

/// Every file below a folder, with its length and its time.
fn listing(folder: &Path) -> String {
    checked(tool("find").arg(folder).args(["-printf", "%P %s %T@\n"]))
}

fn is_unchanged(output: &Output) -> bool {
    output.stderr.lines().any(|line| line.starts_with("layer ") && line.ends_with(", unchanged"))
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_cache_of_somebody_else_or_open_to_everybody_is_not_used_which_is_said_once() {
    let (case, digest) = filled();
    let other = case.clone().file("other.toml", format!("name = \"other\"\n{APP}"));
    let root = cache(&case);
    let check = |why: &str| {
        let was = listing(&root);
        let built = other.run(["build", "app.toml", "other.toml"]).ok().says(why);
        assert!(built.stdout.contains(&digest) && !is_unchanged(&built), "{}", built.stderr);
        assert_eq!(built.stderr.matches("without a cache").count(), 1, "{}", built.stderr);
        assert_eq!(built.stderr.matches(root.to_str().unwrap()).count(), 1, "{}", built.stderr);
        assert_eq!(listing(&root), was, "nothing of it is touched");
        for verb in ["status", "verify", "prune"] {
            case.run(["cache", verb]).fails(2).says("error[cache]").says(why);
        }
    };
    chown(&root, Some(12345), None).unwrap();
    check("it belongs to the user 12345");
    chown(&root, Some(0), None).unwrap();
    for mode in [0o777, 0o707] {
        open(&root, mode);
        check(&format!("everybody can write to it (mode {mode:04o})"));
    }
    // Those who share a group share a cache, and `/tmp` is like this.
    for mode in [0o770, 0o1777, 0o755] {
        open(&root, mode);
        assert!(is_unchanged(&case.build().ok()), "{mode:o}");
    }
}

/// The files of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = checked(tool("find").arg(folder).args(["-type", "f"]));
    listed.lines().map(PathBuf::from).collect()
}

/// Puts something at a path.
type Place<'a> = &'a dyn Fn(&Path);

#[test]
fn a_fifo_a_device_or_a_link_in_the_cache_is_never_opened_and_stops_nothing() {
    let (case, digest) = filled();
    let root = cache(&case);
    case.run(["cache", "status"]).ok();
    let names: Vec<_> = files(&root).iter().map(|path| path.strip_prefix(&root).unwrap().to_owned()).collect();
    for kind in ["lock", "memo", "blobs", "layers", "verdicts"] {
        assert!(names.iter().any(|name| name.starts_with(kind)), "{kind}: {names:?}");
    }
    let fifo = |path: &Path| drop(checked(tool("mkfifo").arg(path)));
    let zeros = |path: &Path| symlink("/dev/zero", path).unwrap();
    let own = case.path("secret");
    fs::write(&own, "not of the cache").unwrap();
    let elsewhere = |path: &Path| symlink(&own, path).unwrap();
    let kinds: [(&str, Place<'_>); 3] = [("fifo", &fifo), ("device", &zeros), ("link", &elsewhere)];
    for (kind, place) in kinds {
        for name in &names {
            let path = root.join(name);
            drop(fs::remove_file(&path));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            place(&path);
        }
        drop(fs::remove_dir_all(case.path("out")));
        assert_eq!(case.build().ok().digest(), digest, "{kind}");
        assert_eq!(case.build().ok().digest(), digest, "{kind} again");
        for name in &names {
            drop(fs::remove_file(root.join(name)));
            place(&root.join(name));
        }
        case.run(["cache", "status"]).ok();
        case.run(["cache", "verify"]);
        case.run(["cache", "prune", "--all"]).ok();
        assert_eq!(case.build().ok().digest(), digest, "{kind} after a prune");
    }
    assert_eq!(fs::read_to_string(&own).unwrap(), "not of the cache");
}

#[test]
fn what_compilers_left_and_hardpan_reads_may_be_fifos() {
    let case = crate::toolchains::go_project();
    let home = case.path("../cache");
    crate::support::case::share_go_builds(&home);
    let case = case.env("XDG_CACHE_HOME", &home);
    tick();
    let digest = case.run(["build", "prog.toml"]).ok().digest();
    let root = home.join("hardpan");
    let replaced: Vec<_> = files(&root).into_iter().filter(|path| !path.starts_with(root.join("blobs"))).collect();
    assert!(replaced.iter().any(|path| path.starts_with(root.join("go")) && path.ends_with("lock")), "{replaced:?}");
    for path in &replaced {
        fs::remove_file(path).unwrap();
        checked(tool("mkfifo").arg(path));
    }
    assert_eq!(case.run(["build", "prog.toml"]).ok().digest(), digest);
}

#[test]
fn of_a_cache_that_cannot_be_read_nothing_is_known() {
    let (case, digest) = filled();
    let root = cache(&case);
    for folder in ["blobs", "layers", "verdicts"] {
        let away = case.path("../away");
        fs::rename(root.join(folder), &away).unwrap();
        fs::write(root.join(folder), "").unwrap();
        let said = case.run(["cache", "status"]).fails(2).says("error[cache]").says(&format!("hardpan/{folder}"));
        assert!(said.stdout.is_empty(), "{}", said.stdout);
        case.run(["cache", "status", "--json"]).fails(2);
        fs::remove_file(root.join(folder)).unwrap();
        fs::rename(&away, root.join(folder)).unwrap();
    }
    case.run(["cache", "status"]).ok();
    // For a user who may not look.
    open(&case.path(".."), 0o755);
    open(&root, 0o700);
    let program = case.path("../hardpan");
    fs::copy(crate::support::case::HARDPAN, &program).unwrap();
    let output = tool("setpriv")
        .args(["--reuid=12345", "--regid=12345", "--clear-groups"])
        .arg(&program)
        .args(["cache", "status"])
        .env("XDG_CACHE_HOME", case.path("../cache"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    fs::remove_dir_all(&root).unwrap();
    fs::write(&root, "").unwrap();
    case.run(["cache", "status"]).fails(2);
    let built = case.build().ok();
    assert_eq!((built.digest(), built.stderr.matches("without a cache").count()), (digest, 1), "{}", built.stderr);
    fs::remove_file(&root).unwrap();
    case.run(["cache", "status"]).ok().says("");
}

#[test]
fn a_download_for_which_the_cache_has_no_room_goes_where_temporary_files_are() {
    let model = "weights\n".repeat(400_000);
    let server = Registry::start();
    let body = model.clone();
    server.spoil(move |request| {
        Some(if request.target == "/model" { Fault::Answer(200, Vec::new(), body.clone()) } else { Fault::status(404) })
    });
    let digest = sha256(model.as_bytes());
    let recipe = format!(
        "{APP}[[file]]\nurl = \"http://{}/model\"\nsha256 = \"{}\"\nto = \"/srv/model\"\n",
        server.host(),
        digest.trim_start_matches("sha256:")
    );
    let case = Case::new().recipe(&recipe).file("app", elf::static_amd64()).folder("../cache").folder("../roomy");
    let roomy = case.clone().env("XDG_CACHE_HOME", case.path("../roomy"));
    let digest = roomy.build().ok().digest();
    let small = case.path("../cache");
    let _mount = Mount::small(&small, 1 << 20);
    let case = case.env("XDG_CACHE_HOME", &small);
    let built = case.run(["build", "app.toml", "--output", "other"]).ok().says("a download is not kept");
    assert_eq!(built.digest(), digest);
    assert_eq!(built.stderr.matches("a download is not kept").count(), 1, "{}", built.stderr);
    let left = files(&small.join("hardpan/blobs"));
    assert!(left.iter().all(|path| fs::metadata(path).unwrap().len() < 1 << 20), "{left:?}");
}
