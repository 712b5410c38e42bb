//! How often the search for secrets and the rules about programs are wrong: on programs that hold no secret and that a
//! distribution has built. Not run by default: it reads what the machine has.
//! `cargo test --release --test suite falsefinds -- --ignored --nocapture`

#![allow(clippy::print_stdout, reason = "what was found is what is measured")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::case::Case;

use hardpan::{
    report::Severity,
    secrets::{ScannedSecrets, SecretScanner},
};

/// What a command prints, as a path.
fn path_of(program: &str, arguments: &[&str]) -> Option<PathBuf> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(text.trim())).filter(|path| path.is_dir())
}

/// Every regular file below `folder`, in the order of their names; links are not followed.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

fn scan(path: &Path) -> (ScannedSecrets, u64) {
    let mut scanner = SecretScanner::sniffing(&path.to_string_lossy());
    let mut size = 0;
    let mut buffer = vec![0; 1 << 20];
    if let Ok(mut file) = fs::File::open(path) {
        while let Ok(read @ 1..) = file.read(&mut buffer) {
            scanner.push(&buffer[..read]);
            size += read as u64;
        }
    }
    (scanner.finish(), size)
}

/// The folders with the programs of this machine and of its Go and Rust toolchains.
fn programs() -> Vec<PathBuf> {
    let goroot = path_of("go", &["env", "GOROOT"]);
    let sysroot = path_of("rustc", &["--print", "sysroot"]);
    let folders = [
        Some(PathBuf::from("/usr/bin")),
        goroot.as_ref().map(|root| root.join("bin")),
        goroot.as_ref().map(|root| root.join("pkg/tool")),
        sysroot.as_ref().map(|root| root.join("bin")),
        sysroot.as_ref().map(|root| root.join("lib")),
        std::env::var_os("FALSEFINDS").map(PathBuf::from),
    ];
    folders.into_iter().flatten().collect()
}

/// What the programs of a Debian system load: loaders, libraries, and where they are looked for.
fn libraries() -> Vec<PathBuf> {
    let beside = fs::read_dir("/usr/lib/x86_64-linux-gnu").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut all: Vec<PathBuf> = beside.filter(|path| path.to_string_lossy().contains(".so")).collect();
    all.sort();
    let usual = ["/lib", "/lib64", "/usr/lib64", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ssl/certs"];
    all.extend(usual.map(PathBuf::from).into_iter().filter(|path| path.exists()));
    all
}

/// An image of those folders, in one layer that is stored as it is: tar(1) writes it, so that hardpan reads a stranger's.
fn image(case: Case, folders: &[PathBuf]) -> Case {
    let case = case.folder("image/blobs/sha256");
    let blobs = case.path("image/blobs/sha256");
    let mut tar = Command::new("tar");
    tar.args(["--create", "--owner=0", "--group=0", "--mtime=@0", "--file"]).arg(blobs.join("layer"));
    tar.args(["--directory", "/"])
        .args(folders.iter().map(|folder| folder.strip_prefix("/").expect("an absolute path")));
    assert!(tar.status().expect("tar").success());
    let mut layer = fs::File::open(blobs.join("layer")).expect("the layer");
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    while let Ok(read @ 1..) = layer.read(&mut buffer) {
        hasher.update(&buffer[..read]);
    }
    let mut hex = String::new();
    for byte in hasher.finalize() {
        write!(hex, "{byte:02x}").expect("a string takes all");
    }
    fs::rename(blobs.join("layer"), blobs.join(&hex)).expect("the layer");
    let size = layer.metadata().expect("its size").len();
    let word = "application/vnd.oci.image.";
    let descriptor = |media_type: &str, hex: &str, size: u64| json!({ "mediaType": format!("{word}{media_type}"), "digest": format!("sha256:{hex}"), "size": size });
    let blob = |case: Case, media_type: &str, document: &Value| {
        let bytes = document.to_string();
        let hex = crate::support::layout::sha256(bytes.as_bytes()).replacen("sha256:", "", 1);
        let size = bytes.len() as u64;
        (case.file(format!("image/blobs/sha256/{hex}"), bytes), descriptor(media_type, &hex, size))
    };
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": { "User": "65532:65532", "Entrypoint": ["/usr/bin/env"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{hex}")] },
    });
    let (case, config) = blob(case, "config.v1+json", &config);
    let layers = json!([descriptor("layer.v1.tar", &hex, size)]);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": format!("{word}manifest.v1+json"), "config": config, "layers": layers,
    });
    let (case, manifest) = blob(case, "manifest.v1+json", &manifest);
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    case.file("image/index.json", index.to_string()).file("image/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
}

/// All rules on all programs: the counts are printed, and what the rules about secrets say has no weight.
#[test]
#[ignore = "reads every program of the machine"]
fn an_image_of_programs_has_no_secret_of_weight() {
    let case = image(Case::new(), &[programs(), libraries()].concat());
    let output = case.run(["audit", "--json", "image"]);
    let report: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let findings = report["audits"][0]["images"][0]["findings"].as_array().expect("findings");
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut heavy = Vec::new();
    for finding in findings {
        let (rule, severity) = (finding["rule"].as_str().unwrap_or_default(), finding["severity"].as_str());
        let severity = severity.unwrap_or_default().to_owned();
        let code = report["rules"][rule]["code"].as_str().unwrap_or_default().to_owned();
        if code.starts_with("SEC") && !["info", "low"].contains(&&*severity) {
            heavy.push(finding);
        }
        if code.starts_with("SEC") || code.starts_with("ELF") {
            *counts.entry((format!("{code} {rule}"), severity)).or_default() += 1;
        }
    }
    let shown = ["dynamic-binary", "missing-library", "not-pie", "executable-stack", "private-key", "provider-token"];
    for finding in findings.iter().filter(|one| shown.contains(&one["rule"].as_str().unwrap_or_default())) {
        println!("{} {}", finding["severity"], finding["message"]);
    }
    for ((rule, severity), count) in counts {
        println!("{count:>4} {severity:<8} {rule}");
    }
    assert!(heavy.is_empty(), "{heavy:#?}");
}

/// The folders that package managers have filled.
fn packages() -> Vec<PathBuf> {
    let goroot = path_of("go", &["env", "GOROOT"]);
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from("/root/.cargo")));
    let folders = [
        Some(PathBuf::from("/usr/lib")),
        Some(PathBuf::from("/usr/share")),
        goroot.map(|root| root.join("src")),
        home.map(|home| home.join("registry/src")),
    ];
    folders.into_iter().flatten().filter(|folder| folder.is_dir()).collect()
}

/// What packages hold is of the packages: keys of tests and of manuals, and almost none beside those.
#[test]
#[ignore = "reads every package of the machine"]
fn packages_have_almost_no_finding_of_weight() {
    let (mut files_read, mut unread) = (0, 0);
    let mut counts: BTreeMap<(Severity, &str), usize> = BTreeMap::new();
    for folder in packages() {
        let mut paths = Vec::new();
        files(&folder, &mut paths);
        files_read += paths.len();
        for path in &paths {
            let (found, _) = scan(path);
            unread += usize::from(found.unread.is_some());
            for hit in found.hits {
                *counts.entry((hit.severity, hit.detector)).or_default() += 1;
                if hit.severity >= Severity::High {
                    println!("{} {} {} at {}: {}", hit.severity, hit.detector, path.display(), hit.offset, hit.masked);
                }
            }
        }
    }
    println!("{files_read} files, {unread} not read to their end");
    for ((severity, detector), count) in &counts {
        println!("{count:>4} {severity:<8} {detector}");
    }
    let of =
        |weight: Severity| counts.iter().filter(|((one, _), _)| *one == weight).map(|(_, count)| count).sum::<usize>();
    assert_eq!(of(Severity::Critical), 0);
    // Three of 38,000 files.
    assert!(of(Severity::High) <= 3 * files_read.div_ceil(38_000), "{} above medium", of(Severity::High));
}

#[test]
#[ignore = "reads every program of the machine"]
fn programs_that_hold_no_secret_have_no_finding_of_weight() {
    let mut heavy = 0;
    for folder in programs() {
        let mut paths = Vec::new();
        files(&folder, &mut paths);
        let (mut bytes, mut hits) = (0, 0);
        let start = Instant::now();
        for path in &paths {
            let (found, size) = scan(path);
            bytes += size;
            for hit in found.hits {
                hits += 1;
                let is_heavy = hit.severity >= Severity::Medium;
                heavy += usize::from(is_heavy);
                println!("{} {} {} at {}: {}", hit.severity, hit.detector, path.display(), hit.offset, hit.masked);
            }
        }
        // Megabytes a second are bytes a microsecond.
        let speed = u128::from(bytes) / start.elapsed().as_micros().max(1);
        println!("{}: {} files, {} MB, {hits} hits, {speed} MB/s", folder.display(), paths.len(), bytes / 1_000_000);
    }
    assert_eq!(heavy, 0, "findings at or above medium");
}
