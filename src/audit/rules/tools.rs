//! TOOL001, TOOL003 to TOOL008 and NET001: shells, package managers and other tools, by their names and by their bytes.

use std::{collections::BTreeMap, sync::OnceLock};

use super::{
    super::{
        Finding,
        image_view::{Entrypoint, ImageView},
        rule_notes::RuleNotes,
        used_paths::UsedPaths,
    },
    dictionary::Dictionary,
    group::{Groups, count},
    rule_check::RuleCheck,
};
use crate::elf::Elf;
use crate::report::{Limits, Rule, Severity};
use crate::rootfs::{EntryIndex, FileContent, Magic, ProgramKind, TarEntry, TarEntryKind, file_name};

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[
        Rule::Shell,
        Rule::PackageManager,
        Rule::DownloadTool,
        Rule::Compiler,
        Rule::PrivilegeTool,
        Rule::DebugTool,
        Rule::UnusedInterpreter,
        Rule::AdminService,
    ],
    files: true,
    run: check_tools,
};

/// Names, without a version behind them.
const NAMES: [(Rule, &str); 10] = [
    (Rule::Shell, "sh bash dash ash zsh ksh mksh fish csh tcsh rbash pwsh nu yash"),
    (
        Rule::PackageManager,
        "apk apk.static apt apt-get apt-cache aptitude dpkg rpm yum dnf microdnf zypper pacman tdnf opkg nix nix-env snap pip pipx \
         poetry uv npm npx yarn pnpm corepack gem bundle bundler cargo go composer conda mamba easy_install",
    ),
    (
        Rule::DownloadTool,
        "wget curl ftp tftp ftpget ftpput aria2c nc ncat netcat socat telnet rsync scp sftp ssh git lynx openssl",
    ),
    (
        Rule::Compiler,
        "gcc cc g++ c++ clang clang++ ld ld.bfd ld.gold ld.lld gold lld as musl-gcc make gmake cmake ninja rustc javac ghc tcc cpp",
    ),
    (Rule::PrivilegeTool, "sudo su doas pkexec gosu su-exec runuser newgrp sg"),
    (
        Rule::DebugTool,
        "strace gdb ltrace tcpdump tshark nmap perf dmesg mount umount chroot nsenter unshare lsof ss dlv gdbserver",
    ),
    (Rule::UnusedInterpreter, "python pypy perl ruby node nodejs deno bun lua luajit php awk mawk gawk tclsh java"),
    (Rule::AdminService, "sshd dropbear in.telnetd telnetd vsftpd proftpd xrdp vncserver webmin cockpit-ws"),
    (Rule::AdminService, "cron crond"),
    (Rule::AdminService, "systemd"),
];

/// Databases of package managers.
const DATABASES: [&str; 8] = [
    "/var/lib/dpkg/status",
    "/lib/apk/db/installed",
    "/usr/lib/apk/db/installed",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/Packages",
    "/var/lib/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/var/lib/pacman/local/ALPM_DB_VERSION",
];

/// What distributions and administrators put behind the name of a program, which stays the program that it was.
const ENDINGS: [&str; 11] = [
    "-static",
    ".static",
    ".openbsd",
    ".traditional",
    ".real",
    ".distrib",
    ".orig",
    ".old",
    ".bak",
    ".dpkg-old",
    ".dpkg-dist",
];

/// A name without what distributions put behind it, and without its version: `bash-static`, `nc.openbsd`, `python3.11`,
/// `gcc-12`. The number of a service is no version: `go00`, `nu01`; and of names as short as `as` and `ss` only what has
/// a point is one: `go1.21`, and not `as2` or `ss7`.
fn plain(name: &str) -> &str {
    let mut bare = name;
    while let Some(rest) = ENDINGS.iter().find_map(|end| bare.strip_suffix(end)).filter(|rest| !rest.is_empty()) {
        bare = rest;
    }
    let trimmed = bare.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    let version = bare.strip_prefix(trimmed).unwrap_or_default().trim_start_matches(['.', '-']);
    let is_number = matches!(version.as_bytes(), [b'0', b'0'..=b'9', ..]);
    let is_short = trimmed.len() <= 2 && !version.is_empty() && !version.contains('.');
    if trimmed.is_empty() || is_number || is_short { bare } else { trimmed }
}

/// The rule that a name falls under, and what such a program weighs.
fn rule_of(name: &str) -> Option<(Rule, Severity)> {
    let plain = plain(name);
    // `x86_64-linux-gnu-gcc-12`.
    let is_cross = || {
        ["-gcc", "-g++", "-ld", "-ld.bfd", "-ld.gold", "-as", "-cpp", "-cc", "-c++"]
            .iter()
            .any(|end| plain.ends_with(end))
    };
    if plain.bytes().filter(|byte| *byte == b'-').count() >= 2 && is_cross() {
        return Some((Rule::Compiler, Rule::Compiler.facts().severity));
    }
    let by_name = by_name();
    by_name.get(name).or_else(|| by_name.get(plain))
}

/// The rule that a program falls under which is known by its bytes; of busybox and toybox it is the rule of multi-call
/// binaries.
fn rule_of_kind(kind: ProgramKind) -> Option<Rule> {
    match kind {
        ProgramKind::Bash | ProgramKind::Dash | ProgramKind::Zsh | ProgramKind::Mksh | ProgramKind::Ksh => {
            Some(Rule::Shell)
        }
        ProgramKind::Curl
        | ProgramKind::Wget
        | ProgramKind::Netcat
        | ProgramKind::Ncat
        | ProgramKind::Socat
        | ProgramKind::OpenSsl => Some(Rule::DownloadTool),
        ProgramKind::Python | ProgramKind::Perl | ProgramKind::Node | ProgramKind::Ruby => {
            Some(Rule::UnusedInterpreter)
        }
        ProgramKind::Apk | ProgramKind::Apt | ProgramKind::Dpkg | ProgramKind::Rpm => Some(Rule::PackageManager),
        ProgramKind::BusyBox | ProgramKind::ToyBox => None,
    }
}

/// [`NAMES`], to be looked up.
fn by_name() -> &'static Dictionary<(Rule, Severity)> {
    static BY_NAME: OnceLock<Dictionary<(Rule, Severity)>> = OnceLock::new();
    BY_NAME.get_or_init(|| {
        let weigh = |rule: Rule, names: &str| match names {
            "cron crond" => Severity::Medium,
            "systemd" => Severity::Low,
            _ => rule.facts().severity,
        };
        let all = NAMES.iter().flat_map(|(rule, names)| {
            names.split_ascii_whitespace().map(move |name| (name, (*rule, weigh(*rule, names))))
        });
        Dictionary::of(all)
    })
}

/// Whether a file of this path and content is a tool: any ELF program, and scripts where programs lie.
fn is_tool(path: &str, entry: &TarEntry) -> bool {
    if path.starts_with("/usr/share/doc/") || !entry.is_program() {
        return false;
    }
    let folder = crate::rootfs::parent(path).rsplit('/').next().unwrap_or_default();
    entry.magic == Magic::Elf || matches!(folder, "bin" | "sbin" | ".bin" | "libexec" | "busybox")
}

/// The names of one file.
#[derive(Debug, Default)]
struct ToolNames {
    /// The severity of the heaviest name.
    severity: Option<Severity>,
    /// The first paths, with the entries that brought them.
    paths: Vec<(String, EntryIndex)>,
    /// How many there are.
    count: usize,
    /// What its bytes say that it is, where its names do not.
    kind: Option<&'static str>,
}

impl ToolNames {
    fn add(&mut self, severity: Severity, path: &str, at: EntryIndex) {
        // `/etc/shells` calls one file by several paths, where a folder is a link.
        if self.paths.iter().any(|(known, known_at)| known == path || *known_at == at) {
            return;
        }
        self.severity = self.severity.max(Some(severity));
        self.count += 1;
        if self.paths.len() <= Limits::AUDIT_ALSO {
            self.paths.push((path.to_owned(), at));
        }
    }
}

/// The names of each file under each rule: all names of one inode under one rule are one finding.
type FoundTools = BTreeMap<(Rule, EntryIndex), ToolNames>;

fn check_tools(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut found = FoundTools::new();
    find_by_name(view, &mut found);
    find_by_bytes(view, &mut found);
    report(view, notes, found);
    check_databases(view, notes);
    leftovers_of_builds(view, notes);
}

/// Tools by their names, and shells by `/etc/shells`.
fn find_by_name(view: &ImageView<'_>, found: &mut FoundTools) {
    for (path, node, _) in view.nodes() {
        let name = file_name(path);
        let Some((rule, severity)) = rule_of(name) else { continue };
        let Ok((_, target, entry)) = view.find(path) else { continue };
        if entry.kind == TarEntryKind::File && is_tool(path, entry) {
            found.entry((rule, target.inode)).or_default().add(severity, path, node.at);
        }
    }
    // Whatever `/etc/shells` names is one, unless it is what keeps people out.
    for path in declared_shells(view) {
        let Ok((_, target, entry)) = view.find(&path) else { continue };
        if entry.kind == TarEntryKind::File && entry.is_program() {
            let severity = Rule::Shell.facts().severity;
            found.entry((Rule::Shell, target.inode)).or_default().add(severity, &path, target.at);
        }
    }
}

/// Programs that are called something else, by their bytes.
fn find_by_bytes(view: &ImageView<'_>, found: &mut FoundTools) {
    for (path, node, entry) in view.files() {
        if entry.magic != Magic::Elf || path.starts_with("/usr/share/doc/") {
            continue;
        }
        let Some(file) = view.elf(node.inode) else { continue };
        // A library has the texts of the program that is made of it, and starts nothing. What asks for no loader and needs
        // no library is a static program.
        let is_library = |elf: &Elf| elf.loader.is_none() && !(elf.starts && elf.needed.is_empty());
        if file.headers.as_ref().is_ok_and(is_library) {
            continue;
        }
        for kind in file.marks.kinds.kinds() {
            let Some(rule) = rule_of_kind(kind) else { continue };
            let names = found.entry((rule, node.inode)).or_default();
            if names.paths.is_empty() {
                // Without the right to execute it, it takes the loader to start it.
                let is_medium = entry.mode & 0o111 == 0;
                let severity = rule.facts().severity;
                names.add(if is_medium { severity.min(Severity::Medium) } else { severity }, path, node.at);
                names.kind = Some(kind.name());
            }
        }
    }
}

/// Tells what was found.
fn report(view: &ImageView<'_>, notes: &mut RuleNotes, found: FoundTools) {
    let used = used_by_entrypoint(view);
    let paths = UsedPaths::of(view);
    for ((rule, inode), mut names) in found {
        names.paths.iter_mut().for_each(|(path, at)| *path = paths.path_of(*at, path));
        let mut severity = names.severity.unwrap_or(rule.facts().severity);
        let mut message = message(rule, &names);
        if rule == Rule::UnusedInterpreter && used.contains(&inode) {
            severity = Severity::Info;
            message = format!("{message}, which runs the service");
        }
        let places = |at: &EntryIndex| paths.place(*at);
        let Some((_, first)) = names.paths.first() else { continue };
        notes.push(Finding {
            also: names.paths.iter().skip(1).map(|(_, at)| places(at)).collect(),
            left_off: names.count.saturating_sub(names.paths.len()),
            ..Finding::new(rule, severity, places(first), message)
        });
    }
}

/// The paths in `/etc/shells`.
fn declared_shells(view: &ImageView<'_>) -> Vec<String> {
    let Some(file) = view.kept_file("/etc/shells") else { return Vec::new() };
    let text = String::from_utf8_lossy(file.text);
    let outs = |line: &&str| ["/nologin", "/false", "/true"].iter().any(|out| line.ends_with(out));
    let mut paths: Vec<String> =
        text.lines().map(str::trim).filter(|line| line.starts_with('/') && !outs(line)).map(str::to_owned).collect();
    paths.truncate(Limits::AUDIT_FINDINGS);
    paths
}

fn message(rule: Rule, names: &ToolNames) -> String {
    let mut shown: Vec<String> = names.paths.iter().take(4).map(|(path, _)| format!("`{path}`")).collect();
    if names.count > shown.len() {
        shown.push(format!("{} more names", names.count - shown.len()));
    }
    let what = match rule {
        Rule::Shell => "a shell",
        Rule::PackageManager => "a package manager",
        Rule::DownloadTool => "a download or network tool",
        Rule::Compiler => "a build tool",
        Rule::PrivilegeTool => "a tool that changes users",
        Rule::DebugTool => "a debugger or reconnaissance tool",
        Rule::AdminService => "an administration service",
        _ => "an interpreter",
    };
    let by_bytes = names.kind.map(|kind| format!(", which is {kind} by its bytes")).unwrap_or_default();
    format!("{what} is in the image: {}{by_bytes}", shown.join(", "))
}

/// The interpreter that is the entrypoint, or that its first line names.
fn used_by_entrypoint(view: &ImageView<'_>) -> Vec<EntryIndex> {
    let Entrypoint::At(path, _) = view.entrypoint() else { return Vec::new() };
    let mut used = Vec::new();
    let mut next = Some(path.clone());
    // A script may be run by a script; no kernel follows more than four.
    for _ in 0..4 {
        let Some((_, node, _)) = next.take().and_then(|path| view.find(&path).ok()) else { break };
        used.push(node.inode);
        if let Some(FileContent::Script(line)) = view.content(node.inode) {
            let mut words = line.split_ascii_whitespace();
            let first = words.next().unwrap_or_default();
            next = if first.ends_with("/env") {
                let name = words.find(|word| !word.starts_with('-') && !word.contains('=')).unwrap_or_default();
                let folders = view.search_path();
                folders.iter().map(|folder| format!("{folder}/{name}")).find(|path| view.find(path).is_ok())
            } else {
                Some(first.to_owned())
            };
        }
    }
    used
}

/// A database shows that packages were installed, even if the package manager itself is gone.
fn check_databases(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for path in DATABASES {
        let Ok((_, node, entry)) = view.find(path) else { continue };
        if entry.kind != TarEntryKind::File || entry.size == 0 {
            continue;
        }
        let message = "the database of a package manager is in the image";
        notes.weigh(Rule::PackageManager, Severity::Info, view.place(node.inode), message);
    }
    // Distroless images tell scanners in this way what they are made of.
    let mut parts = view.files().filter(|(path, ..)| path.starts_with("/var/lib/dpkg/status.d/"));
    if let Some((_, node, _)) = parts.next() {
        let message = "`/var/lib/dpkg/status.d` lists the packages of the image";
        notes.weigh(Rule::PackageManager, Severity::Info, view.place(node.inode), message);
    }
    // `apk add --virtual .build-deps` names what a build needed.
    if let Some(file) = view.kept_file("/etc/apk/world") {
        let text = String::from_utf8_lossy(file.text);
        if let Some(name) = text.split_whitespace().find(|name| name.starts_with('.')) {
            let message = format!("packages that only a build needs are installed, such as `{name}`");
            notes.found(Rule::Compiler, view.place(file.node.inode), message);
        }
    }
}

/// Headers and objects, by their folders.
fn leftovers_of_builds(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut groups = Groups::new(Rule::Compiler);
    for (path, node, entry) in view.files() {
        let name = entry.name();
        let ends = |end: &str| name.ends_with(end);
        let what = if path.starts_with("/usr/include/") || path.starts_with("/usr/local/include/") {
            "header"
        } else if ends(".a") && entry.magic == Magic::Archive || ends(".o") && entry.magic == Magic::Elf || ends(".gch")
        {
            "object"
        } else {
            continue;
        };
        groups.add(Severity::Medium, what, || view.place(node.inode));
    }
    groups.report(notes, |what, number| format!("a build left {} behind", count(number, what, &format!("{what}s"))));
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, elf, found, has};
    use super::*;

    #[test]
    fn tools_are_known_by_name_version_and_content() {
        for (path, rule) in [
            ("bin/sh", Rule::Shell),
            ("opt/x/bash", Rule::Shell),
            ("sbin/apk", Rule::PackageManager),
            ("usr/bin/pip3.11", Rule::PackageManager),
            ("usr/bin/wget", Rule::DownloadTool),
            ("usr/bin/aria2c", Rule::DownloadTool),
            ("usr/bin/ld.bfd", Rule::Compiler),
            ("usr/bin/x86_64-linux-gnu-gcc-12", Rule::Compiler),
            ("usr/bin/sudo", Rule::PrivilegeTool),
            ("usr/bin/strace", Rule::DebugTool),
            ("usr/bin/python3.11", Rule::UnusedInterpreter),
            ("usr/sbin/sshd", Rule::AdminService),
        ] {
            let sample = SampleImage::new().layer([SampleFile::new(path, &elf()).mode(0o755)]);
            assert_eq!(has(&sample.audit(), CHECK.rules), [rule], "{path}");
            for near in [SampleFile::text(path, "no program").mode(0o755), SampleFile::new(path, &elf()).mode(0o644)] {
                assert_eq!(has(&SampleImage::new().layer([near]).audit(), CHECK.rules), [], "{path}");
            }
        }
        for path in ["usr/bin/server", "usr/bin/go00", "usr/bin/nu-01", "usr/bin/go2x", "usr/bin/as2", "usr/bin/ss7"] {
            let service = SampleImage::new().layer([SampleFile::new(path, &elf()).mode(0o555)]);
            assert_eq!(has(&service.audit(), CHECK.rules), [], "{path}");
        }
    }

    #[test]
    fn names_of_distributions_are_known() {
        for (name, rule) in [
            ("bash-static", Rule::Shell),
            ("sh.distrib", Rule::Shell),
            ("bash-5.2.real", Rule::Shell),
            ("nc.openbsd", Rule::DownloadTool),
            ("nc.traditional", Rule::DownloadTool),
            ("busybox.static", Rule::MultiCallBinary),
            ("go1.21", Rule::PackageManager),
            ("curl.real", Rule::DownloadTool),
            ("perl5.36.0", Rule::UnusedInterpreter),
        ] {
            let sample = SampleImage::new().layer([SampleFile::new(&format!("bin/{name}"), &elf()).mode(0o755)]);
            let mut rules = CHECK.rules.to_vec();
            rules.push(Rule::MultiCallBinary);
            assert_eq!(has(&sample.audit(), &rules), [rule], "{name}");
        }
    }

    /// A bash with the name of a service.
    fn renamed(texts: [&str; 2]) -> Vec<u8> {
        let mut program = elf();
        for text in texts {
            program.push(0);
            program.extend(text.bytes().rev());
        }
        program
    }

    #[test]
    fn a_renamed_shell_is_known_by_its_bytes() {
        let bash = ["OFNISREV_HSAB", "dnammoc_xinu_etucexe_hsab"];
        let with = |program: &[u8], mode| {
            let audit = SampleImage::new().layer([SampleFile::new("opt/data", program).mode(mode)]).audit();
            let first = found(&audit, Rule::Shell).first().map(|one| (one.severity, one.message.clone()));
            assert_eq!(has(&audit, CHECK.rules).len(), usize::from(first.is_some()));
            first
        };
        let told = "a shell is in the image: `/opt/data`, which is bash by its bytes".to_owned();
        assert_eq!(with(&renamed(bash), 0o755), Some((Severity::High, told.clone())));
        assert_eq!(with(&renamed(bash), 0o644), Some((Severity::Medium, told)), "the loader starts it");
        assert_eq!(with(&renamed([bash[0], bash[0]]), 0o755), None);
        assert_eq!(with(&elf(), 0o755), None);
        // Under its own name it is told once, and by that.
        let named = SampleImage::new().layer([SampleFile::new("bin/bash", &renamed(bash)).mode(0o755)]).audit();
        let messages: Vec<_> = found(&named, Rule::Shell).iter().map(|one| one.message.as_str()).collect();
        assert_eq!(messages, ["a shell is in the image: `/bin/bash`"]);
    }

    #[test]
    fn all_names_of_one_file_are_one_finding() {
        let sample = SampleImage::new().layer([
            SampleFile::new("bin/bash", &elf()).mode(0o755),
            SampleFile::symlink("bin/sh", "bash"),
            SampleFile::hard_link("bin/rbash", "bin/bash"),
            SampleFile::symlink("bin/zsh", "nowhere"),
        ]);
        let audit = sample.audit();
        let shells = found(&audit, Rule::Shell);
        assert_eq!(shells.len(), 1);
        assert_eq!(shells.first().map(|shell| shell.also.len()), Some(2));
    }

    #[test]
    fn the_interpreter_of_the_service_is_worth_knowing_and_no_more() {
        let sample = SampleImage::new().entrypoint(&["/app/run"]).layer([
            SampleFile::text("app/run", "#!/usr/bin/env -S python3 -u\n").mode(0o755),
            SampleFile::new("usr/bin/python3.9", &elf()).mode(0o755),
            SampleFile::symlink("usr/bin/python3", "python3.9"),
            SampleFile::new("usr/bin/perl", &elf()).mode(0o755),
        ]);
        let audit = sample.audit();
        let weights: Vec<_> = found(&audit, Rule::UnusedInterpreter).iter().map(|one| one.severity).collect();
        assert_eq!(weights, [Severity::Low, Severity::Info]);
    }

    #[test]
    fn databases_and_headers_are_found() {
        let sample = SampleImage::new().layer([
            SampleFile::text("var/lib/dpkg/status", "Package: x\n"),
            SampleFile::text("usr/include/stdio.h", "int x;"),
            SampleFile::text("usr/include/stdlib.h", "int x;"),
        ]);
        assert_eq!(has(&sample.audit(), CHECK.rules), [Rule::PackageManager, Rule::Compiler]);
        let near =
            SampleImage::new().layer([SampleFile::text("app/x.a", "x"), SampleFile::text("etc/apk/world", "tzdata\n")]);
        assert_eq!(has(&near.audit(), CHECK.rules), []);
        let build = SampleImage::new().layer([SampleFile::text("etc/apk/world", "tzdata\n.build-deps=2024\n")]);
        assert_eq!(has(&build.audit(), CHECK.rules), [Rule::Compiler]);
        let audit = SampleImage::new().layer([SampleFile::text("var/lib/dpkg/status.d/x", "x")]).audit();
        let weights: Vec<_> = found(&audit, Rule::PackageManager).iter().map(|one| one.severity).collect();
        assert_eq!(weights, [Severity::Info]);
    }

    #[test]
    fn what_etc_shells_names_is_a_shell() {
        let with = |shells: &str| {
            let program = |path: &str| SampleFile::new(path, &elf()).mode(0o755);
            let files = [program("opt/odd"), program("sbin/nologin"), SampleFile::text("etc/shells", shells)];
            has(&SampleImage::new().layer(files).audit(), CHECK.rules)
        };
        assert_eq!(with("# shells\n/opt/odd\n/bin/none\n"), [Rule::Shell]);
        assert_eq!(with("/sbin/nologin\n"), []);
    }
}
