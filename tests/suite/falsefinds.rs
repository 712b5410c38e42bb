//! How often the search for secrets is wrong: on programs that hold none. Not run by default: it reads what the machine
//! has. `cargo test --release --test suite falsefinds -- --ignored --nocapture`

#![allow(clippy::print_stdout, reason = "what was found is what is measured")]

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use hardpan::{
    inspect::audit::secrets::{SecretHit, SecretScanner},
    report::Severity,
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

fn scan(path: &Path) -> (Vec<SecretHit>, u64) {
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

#[test]
#[ignore = "reads every program of the machine"]
fn programs_that_hold_no_secret_have_no_finding_of_weight() {
    let goroot = path_of("go", &["env", "GOROOT"]);
    let sysroot = path_of("rustc", &["--print", "sysroot"]);
    let extra = std::env::var_os("FALSEFINDS").map(PathBuf::from);
    let folders = [
        Some(PathBuf::from("/usr/bin")),
        goroot.as_ref().map(|root| root.join("bin")),
        goroot.as_ref().map(|root| root.join("pkg/tool")),
        sysroot.as_ref().map(|root| root.join("bin")),
        sysroot.as_ref().map(|root| root.join("lib")),
        extra,
    ];
    let mut heavy = 0;
    for folder in folders.into_iter().flatten() {
        let mut paths = Vec::new();
        files(&folder, &mut paths);
        let (mut bytes, mut hits) = (0, 0);
        let start = Instant::now();
        for path in &paths {
            let (found, size) = scan(path);
            bytes += size;
            for hit in found {
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
