//! Reasons why commands of a `RUN` are not run, and what the recipe has instead of files of a distribution.

use super::{LeftOutNotes, compile_line, file_commands, shell::ShellCommand};

/// The note about certificates of a distribution.
pub(super) const CERTIFICATES: &str = "CA certificates are there by default (Mozilla's)";

/// The note about time zones of a distribution.
pub(super) const ZONES: &str = "time zones are in the image by `timezones = true` (IANA's)";

/// The note about accounts of a distribution.
pub(super) const PASSWD: &str = "the user is numeric, and `/etc/passwd` has it by default";

/// The end of the note about any other command.
const NOT_RUN: &str = "is not run: nothing runs while hardpan builds";

/// Folders without files that a program needs.
const CACHES: [&str; 6] = ["/var/lib/apt", "/var/cache", "/tmp", "/root/.cache", "/usr/share/doc", "/var/log"];

/// Whether a command cannot make a program.
pub(super) fn is_housekeeping(command: &ShellCommand) -> bool {
    reasons_of_command(command, true).iter().all(|why| !why.ends_with(NOT_RUN))
}

/// The reasons why a command is not run; empty for commands that hardpan replaces, and for those without an effect on
/// the image.
pub(super) fn reasons_of_command(command: &ShellCommand, in_image: bool) -> Vec<String> {
    let all: Vec<_> = command.words.iter().map(|word| word.text.as_str()).collect();
    let second = command.text(1);
    let has = |part: &str| all.iter().any(|word| word.contains(part));
    if let Some(file) = command.writes.first() {
        return vec![format!("`{}` writes `{}`, and nothing runs while hardpan builds", command.program(), file.text)];
    }
    let said = match command.program() {
        _ if compile_line::is_compile(command) || file_commands::is_followed(command) => return Vec::new(),
        "go" if ["mod", "env", "version", "vet"].contains(&second) => return Vec::new(),
        "cargo" if ["fetch", "chef", "vendor", "init", "new", "--version"].contains(&second) => return Vec::new(),
        "cargo" if has("cargo-chef") => return Vec::new(),
        "" | "cd" | "set" | "echo" | "printf" | "true" | "test" | "ls" | "[" | "[[" | "rustup" | "sleep" | "exit"
        | ":" => {
            return Vec::new();
        }
        "rm" if all.iter().skip(1).all(|word| {
            word.starts_with('-') || CACHES.iter().any(|cache| word.starts_with(cache)) && !word.contains("..")
        }) =>
        {
            return Vec::new();
        }
        "mkdir" if !in_image => return Vec::new(),
        "apk" | "apt-get" | "apt" | "dnf" | "microdnf" | "yum" | "tdnf" | "zypper" | "pacman" => {
            return reasons_of_packages(command, in_image);
        }
        "update-ca-certificates" | "update-ca-trust" => CERTIFICATES,
        "adduser" | "addgroup" | "useradd" | "groupadd" | "usermod" => PASSWD,
        "chown" | "chmod" | "install" => {
            "files belong to root and are read-only; `[[dir]]` with `writable = true` is for what the program writes"
        }
        "mkdir" => "a folder that the program writes is a `[[dir]]` with `writable = true`",
        "setcap" => "there are no file capabilities; ports from 1024 up need none",
        "upx" => "the program is not packed",
        "strip" => "the program is stripped by default",
        program => return vec![format!("`{program}` {NOT_RUN}")],
    };
    vec![said.to_owned()]
}

/// The reasons why packages of a distribution are not installed.
fn reasons_of_packages(command: &ShellCommand, in_image: bool) -> Vec<String> {
    if !command.words.iter().any(|word| ["add", "install"].contains(&word.text.as_str())) {
        return Vec::new();
    }
    let names: Vec<_> = command.words.iter().skip(2).map(|word| word.text.as_str()).collect();
    let names: Vec<_> = names
        .into_iter()
        .filter(|name| !name.starts_with('-') && !["install", "add", "build-deps", ".build-deps"].contains(name))
        .collect();
    let mut why: Vec<String> = Vec::new();
    let mut others: Vec<&str> = Vec::new();
    for name in names {
        match name.split('=').next().unwrap_or(name) {
            "ca-certificates" | "ca-certificates-bundle" => why.push(CERTIFICATES.to_owned()),
            "tzdata" => why.push(ZONES.to_owned()),
            _ => others.push(name),
        }
    }
    if !others.is_empty() {
        let what = if in_image {
            "packages of a distribution are not in the image"
        } else {
            "what the compile needs is this machine's"
        };
        why.push(format!("{what} (`{}`)", others.join(" ")));
    }
    why
}

/// Whether a path is a distribution's file that a recipe has by default or cannot have; notes it.
pub(super) fn is_system(path: &str, line: usize, notes: &mut LeftOutNotes) -> bool {
    let why = if path.contains("ca-certificates") || path.contains("/ssl/") || path.contains("/pki/") {
        CERTIFICATES
    } else if path.contains("zoneinfo") {
        ZONES
    } else if ["/etc/passwd", "/etc/group", "/etc/shadow"].contains(&path) {
        PASSWD
    } else {
        return false;
    };
    notes.add(line, format!("`{path}`: {why}"));
    true
}
