//! Builds that are killed, builds at the same time, and a disk that is full.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use crate::{
    image::{ImageFormat, OpenedImages},
    oci::BlobSink as _,
    output::{
        Staging,
        test_images::{build, files, index, is_clean},
    },
};

/// The path a child process of these tests works on.
const CHILD_PATH: &str = "HARDPAN_TEST_LAYOUT";

/// Publishes `two` and dies after `steps` steps. Says whether it died.
fn dies(path: &Path, steps: usize) -> bool {
    let mut staging = Staging::begin(path, ImageFormat::Layout).unwrap();
    staging.dies_at = Some(steps);
    let root = index(&staging, "two");
    staging.publish(&root, "two").is_err_and(|failure| failure.what == "killed")
}

/// The name in the layout at `path`, which validates. While others build, it may be read several times.
fn reference(path: &Path) -> String {
    loop {
        let before = fs::read(path.join("index.json")).unwrap();
        match OpenedImages::open(path).and_then(|layout| layout.verify().map(|()| layout)) {
            Ok(layout) => return layout.sets()[0].reference.clone().unwrap(),
            // Losing against the garbage of a publish is the one excuse, and only when the index has changed.
            Err(failure) => assert_ne!(fs::read(path.join("index.json")).unwrap(), before, "{failure}"),
        }
    }
}

/// What a killed build left goes with the next one, or the one after it: a process that another test is just starting
/// has our locks until it is another program.
pub(super) fn assert_gets_clean(parent: &Path, build: impl Fn()) {
    for _ in 0..50 {
        if is_clean(parent) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
        build();
    }
    panic!("{:?}", files(parent));
}

#[test]
fn a_build_killed_at_any_step_leaves_the_old_layout_or_the_new_one() {
    let mut seen = Vec::new();
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hello");
        build(&path, "one").unwrap();
        let died = dies(&path, steps);
        seen.push(reference(&path));
        build(&path, "three").unwrap();
        assert_eq!(reference(&path), "three");
        assert_gets_clean(dir.path(), || drop(build(&path, "three").unwrap()));
        assert_eq!(fs::read_dir(path.join("blobs/sha256")).unwrap().count(), 8);
        if !died {
            break;
        }
    }
    // Old until one step, new from then on; both were seen, and every blob was a step.
    assert!(seen.is_sorted() && seen.len() > 12, "{seen:?}");
    assert!(seen.contains(&"one".to_owned()) && seen.contains(&"two".to_owned()));
}

#[test]
fn a_first_build_killed_at_any_step_leaves_nothing_or_all() {
    for empty_folder in [false, true] {
        for steps in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("hello");
            if empty_folder {
                fs::create_dir(&path).unwrap();
            }
            let died = dies(&path, steps);
            // A folder that was empty has no index until it has everything.
            if path.join("index.json").exists() {
                assert_eq!(reference(&path), "two");
            } else {
                assert!(died && path.exists() == empty_folder);
            }
            build(&path, "three").unwrap();
            assert_eq!(reference(&path), "three");
            assert_gets_clean(dir.path(), || drop(build(&path, "three").unwrap()));
            if !died {
                break;
            }
        }
    }
}

#[test]
fn builds_at_once_all_succeed_and_a_reader_sees_whole_layouts() {
    let dir = tempfile::tempdir().unwrap();
    // The parent does not exist either: the first publishes race for the rename.
    let path = dir.path().join("out/hello");
    let done = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut read = 0;
            while !done.load(Ordering::Relaxed) {
                if !path.exists() {
                    continue;
                }
                reference(&path);
                read += 1;
            }
            read
        });
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let path = &path;
                scope.spawn(move || {
                    for round in 0..8 {
                        build(path, &format!("{writer}-{round}")).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(read > 0);
    reference(&path);
    assert!(is_clean(dir.path()), "{:?}", files(dir.path()));
    assert_eq!(fs::read_dir(path.join("blobs/sha256")).unwrap().count(), 8);
}

/// Runs `test` of this module in a process of its own, on `path`, below `wrapper`.
fn child(wrapper: &str, test: &str, path: &Path) -> Child {
    Command::new("sh")
        .args(["-c", &format!("{wrapper} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("output::crash_tests::{test}"), "--nocapture"])
        .env(CHILD_PATH, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Not a test of its own: what the next one kills.
#[test]
fn child_builds_for_ever() {
    let Some(path) = std::env::var_os(CHILD_PATH) else { return };
    let begun = Instant::now();
    // Not for ever after all, should whoever kills it have died first.
    for round in (0_u64..).take_while(|_| begun.elapsed() < Duration::from_secs(20)) {
        build(Path::new(&path), &format!("{}-{round}", std::process::id())).unwrap();
    }
}

#[test]
fn processes_killed_at_any_moment_leave_a_layout_that_validates() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    build(&path, "first").unwrap();
    let mut left_over = 0;
    for round in 0..12_u64 {
        let mut children = [(); 2].map(|()| child("", "child_builds_for_ever", &path));
        // Once they are at work, at another moment each time.
        let before = reference(&path);
        while reference(&path) == before {
            assert!(children.iter_mut().all(|child| child.try_wait().unwrap().is_none()), "a build failed");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(round * 1700 % 9000));
        for child in &mut children {
            child.kill().unwrap();
        }
        for child in &mut children {
            child.wait().unwrap();
        }
        left_over += usize::from(!is_clean(dir.path()));
    }
    assert!(left_over > 0, "no build was killed at work");
    build(&path, "last").unwrap();
    assert_eq!(reference(&path), "last");
    assert!(is_clean(dir.path()), "{:?}", files(dir.path()));
    assert_eq!(fs::read_dir(path.join("blobs/sha256")).unwrap().count(), 8);
}

/// Not a test of its own: a build with a blob that is larger than a file may be.
#[test]
fn child_fills_the_disk() {
    let Some(path) = std::env::var_os(CHILD_PATH) else { return };
    let staging = Staging::begin(Path::new(&path), ImageFormat::Layout).unwrap();
    index(&staging, "two");
    println!("failure: {}", staging.put("application/octet-stream", &vec![1; 1 << 20]).unwrap_err());
}

#[test]
fn a_full_disk_is_told_with_path_and_bytes_and_the_old_layout_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    build(&path, "one").unwrap();
    let before = files(dir.path());
    // A bound on file sizes stands in for the disk; the signal that comes with it is ignored.
    let child = child("trap '' XFSZ; ulimit -f 200;", "child_fills_the_disk", &path);
    let said = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("hello: cannot write a blob, after 102400 bytes of it: file too large"), "{said}");
    assert_eq!(files(dir.path()), before);
    assert_eq!(reference(&path), "one");
}
