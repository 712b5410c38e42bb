//! What a power cut finds: an image has its name only when its bytes are on the disk, and the name is there when the build
//! ends. What is on the disk when the power goes cannot be seen from here; the order of the calls can.

use super::two_images;
use crate::support::{case::Case, layout::Layout, output::Output};

/// The calls that write or make something durable.
const CALLS: &str = "openat,rename,renameat,renameat2,link,linkat,fsync,fdatasync,syncfs";

/// A build under strace, which may answer some calls itself; its calls that concern the output.
fn traced(case: &Case, words: &[&str], more: &[&str]) -> (Output, Vec<String>) {
    let filter = format!("--trace={CALLS}");
    let options = [&["-y", filter.as_str()], more].concat();
    let (output, calls) = case.traced(&options, [&["build", "--quiet"], words].concat());
    let is_read = |call: &str| call.contains("openat(") && !call.contains("O_CREAT");
    let is_failed = |call: &str| call.contains(" = -1 ENOENT");
    let ours = calls.into_iter().filter(|call| call.contains("/work") && !is_read(call) && !is_failed(call));
    (output, ours.collect())
}

/// Where the first call is that has all of these words.
#[track_caller]
fn first(calls: &[String], words: &[&str]) -> usize {
    let found = calls.iter().position(|call| words.iter().all(|word| call.contains(word)));
    found.unwrap_or_else(|| panic!("no call with {words:?}:\n{}", calls.join("\n")))
}

/// Where the last call is that has all of these words.
#[track_caller]
fn last(calls: &[String], words: &[&str]) -> usize {
    first(calls, words);
    calls.iter().rposition(|call| words.iter().all(|word| call.contains(word))).unwrap()
}

#[test]
fn a_new_layout_gets_its_name_when_all_of_it_is_durable() {
    let case = two_images();
    let (output, calls) = traced(&case, &["a.toml"], &[]);
    output.ok();
    let synced = first(&calls, &["syncfs(", "/work/out/.app.hardpan-"]);
    for written in ["index.json\"", "oci-layout\"", "/blobs/sha256/"] {
        assert!(last(&calls, &["/work/out/.app.hardpan-", written]) < synced, "{written}:\n{}", calls.join("\n"));
    }
    let named = first(&calls, &["rename", "\"out/app\""]);
    assert!(synced < named, "{}", calls.join("\n"));
    // The folder was made for it, so that its own name counts as well.
    for folder in ["/work/out>)", "/work>)"] {
        assert!(named < last(&calls, &["fsync(", folder]), "{folder}:\n{}", calls.join("\n"));
    }
}

#[test]
fn order_of_syncs_over_an_old_layout() {
    let case = two_images();
    case.run(["build", "--quiet", "a.toml"]).ok();
    let (output, calls) = traced(&case, &["b.toml"], &[]);
    output.ok();
    let staging = "/work/out/app/.hardpan-";
    let synced = first(&calls, &["syncfs(", staging]);
    let placed =
        |which: fn(&[String], &[&str]) -> usize| which(&calls, &["rename", staging, "\"out/app/blobs/sha256/"]);
    let named = first(&calls, &["rename", staging, "\"out/app/index.json\""]);
    assert!(synced < placed(first), "{}", calls.join("\n"));
    for folder in ["/work/out/app/blobs/sha256>)", "/work/out/app>)"] {
        let folder_synced = first(&calls, &["fsync(", folder]);
        assert!(placed(last) < folder_synced && folder_synced < named, "{folder}:\n{}", calls.join("\n"));
    }
    assert!(named < last(&calls, &["fsync(", "/work/out/app>)"]), "{}", calls.join("\n"));
}

#[test]
fn order_of_writes_into_an_empty_folder() {
    let case = two_images().folder("out/app");
    let (output, calls) = traced(&case, &["a.toml"], &[]);
    output.ok();
    let marked = first(&calls, &["rename", "\"out/app/oci-layout\""]);
    let placed = first(&calls, &["rename", "\"out/app/blobs/sha256/"]);
    let synced = first(&calls[marked..], &["fsync(", "/work/out/app>)"]) + marked;
    assert!(first(&calls, &["syncfs("]) < marked && synced < placed, "{}", calls.join("\n"));
}

#[test]
fn an_archive_gets_its_name_when_its_bytes_are_durable() {
    let case = two_images();
    let (output, calls) = traced(&case, &["a.toml", "--format", "oci-archive"], &[]);
    output.ok();
    let synced = first(&calls, &["sync(", "/work/out/.app.tar.hardpan-", "/archive>)"]);
    let named = first(&calls, &["rename", "\"out/app.tar\""]);
    assert!(synced < named && named < last(&calls, &["fsync(", "/work/out>)"]), "{}", calls.join("\n"));
}

#[test]
fn sync_without_syncfs() {
    let case = two_images();
    let (output, calls) = traced(&case, &["a.toml"], &["--inject=syncfs:error=ENOSYS"]);
    output.ok();
    let named = first(&calls, &["rename", "\"out/app\""]);
    let blobs = Layout::open(case.path("out/app"), None).blobs();
    let files = ["index.json".to_owned(), "oci-layout".to_owned()].into_iter();
    for file in files.chain(blobs.iter().map(|digest| digest.replacen("sha256:", "blobs/sha256/", 1))) {
        let synced = first(&calls, &["fsync(", "/work/out/.app.hardpan-", &format!("/{file}>)")]);
        assert!(synced < named, "{file}:\n{}", calls.join("\n"));
    }
    assert!(first(&calls, &["fsync(", "/blobs/sha256>)"]) < named, "{}", calls.join("\n"));
}

#[test]
fn disk_that_cannot_sync() {
    let case = two_images();
    let before = case.run(["build", "--quiet", "a.toml"]).ok().digest();
    for fault in ["--inject=syncfs:error=EIO", "--inject=fsync:error=EIO:when=1"] {
        let (output, _) = traced(&case, &["b.toml"], &[fault]);
        output.fails(2).says("durable");
        assert_eq!(Layout::open(case.path("out/app"), None).digest(), before, "{fault}");
    }
    let (output, _) = traced(&case, &["b.toml"], &[]);
    output.ok();
}
