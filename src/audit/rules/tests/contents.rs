//! Cases of what files are: accounts, tools, modes, owners, secrets, leftovers.

use super::*;

fn program(path: &str) -> SampleFile {
    SampleFile::new(path, &SampleProgram::default().bytes()).mode(0o555)
}

fn shadow(line: &str) -> Audit {
    files(vec![SampleFile::text("etc/shadow", line)])
}

fn passwd(more: &str) -> Audit {
    files(vec![SampleFile::text("etc/passwd", &format!("root:x:0:0::/:\napp:x:65532:65532::/:\n{more}"))])
}

fn tool(path: &str) -> Audit {
    files(vec![program(path)])
}

/// The same name, of a file that is no program.
fn data(path: &str) -> Audit {
    files(vec![SampleFile::text(path, "data").mode(0o444)])
}

fn owned(path: &str, uid: u64) -> Audit {
    let (folder, _) = path.rsplit_once('/').unwrap();
    files(vec![SampleFile::folder(folder), SampleFile::text(path, "x").owner(uid, uid)])
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = tools();
    all.extend(accounts());
    all.extend(modes());
    all.extend(owners());
    all.extend(secrets());
    all
}

fn accounts() -> Vec<Case> {
    fn settings(path: &str, text: &str) -> Audit {
        let (folder, _) = path.rsplit_once('/').unwrap();
        files(vec![SampleFile::folder(folder), SampleFile::text(path, text)])
    }
    vec![
        case(
            Rule::PasswordlessSudo,
            || settings("etc/sudoers", "app ALL=(ALL) NOPASSWD: ALL\n"),
            || settings("etc/sudoers", "app ALL=(ALL) PASSWD: ALL\n"),
        ),
        case(
            Rule::RootLogin,
            || settings("etc/ssh/sshd_config", "PermitRootLogin yes\n"),
            || settings("etc/ssh/sshd_config", "PermitRootLogin no\n"),
        ),
        case(Rule::EmptyPassword, || shadow("root::1::::::\n"), || shadow("root:!:1::::::\napp:*:1::::::\n")),
        case(Rule::EmptyPassword, || passwd("a::5:5::/:\n"), || passwd("\n:::\na\na:\n+::::::\n")),
        case(Rule::DuplicateId, || passwd("toor:x:0:0::/:\n"), || passwd("a:x:5:0::/:\nb:x:05x:0::/:\n")),
        case(
            Rule::DuplicateId,
            || files(vec![SampleFile::text("etc/group", "a:x:5:\nb:x:5:\n")]),
            || files(vec![SampleFile::text("etc/group", "a:x:5:b\nb:x:6:a\nc:x\nd:x:\ne:x:\n")]),
        ),
        case(
            Rule::OversizedAccounts,
            || passwd(&format!("a:x:5:5:{}:/:\n", "x".repeat(70_000))),
            || passwd(&format!("a:x:5:5:{}:/:\n", "x".repeat(60_000))),
        ),
        case(Rule::OversizedAccounts, || passwd(&"#\n".repeat(600_000)), || passwd(&"#\n".repeat(400_000))),
    ]
}

fn tools() -> Vec<Case> {
    fn multi_call(banner: &str) -> Audit {
        let program = SampleProgram { behind: banner.bytes().rev().collect(), ..SampleProgram::default() };
        server(&program).audit()
    }
    vec![
        case(Rule::Shell, || tool("usr/bin/bash"), || data("usr/bin/bash")),
        case(Rule::Shell, || tool("usr/bin/sh"), || tool("usr/bin/shred")),
        case(
            Rule::MultiCallBinary,
            || multi_call("\0)10-10-4202( 1.63.1v xoBysuB\0"),
            || multi_call("\0)%( v xoBysuB\0"),
        ),
        case(Rule::PackageManager, || tool("usr/bin/pip3"), || tool("usr/bin/pipe")),
        case(
            Rule::PackageManager,
            || {
                files(vec![
                    SampleFile::folder("var"),
                    SampleFile::folder("var/lib"),
                    SampleFile::folder("var/lib/dpkg"),
                    SampleFile::text("var/lib/dpkg/status", "Package: x\n"),
                ])
            },
            || data("usr/lib/status"),
        ),
        case(Rule::DownloadTool, || tool("usr/bin/wget"), || tool("usr/bin/widget")),
        case(
            Rule::DownloadTool,
            || multi_call("\0loot enil dnammoc lruc\0dleif mrof nwonknu piks\0"),
            || multi_call("\0loot enil dnammoc lruc\0"),
        ),
        case(
            Rule::DatabaseDump,
            || files(vec![SampleFile::text("x.sql", "-- MySQL dump 10\n\nINSERT INTO `t` VALUES (1);\n")]),
            || files(vec![SampleFile::text("x.sql", "-- MySQL dump 10\n\nCREATE TABLE t (id int);\n")]),
        ),
        case(
            Rule::MemoryDump,
            || files(vec![SampleFile::text("x", "b0VIM 9.1\n")]),
            || files(vec![SampleFile::text("x.swp", "b0\n")]),
        ),
        case(
            Rule::EndOfLife,
            || files(vec![SampleFile::text("etc/os-release", "ID=alpine\nVERSION_ID=3.12.1\n")]),
            || files(vec![SampleFile::text("etc/os-release", "ID=alpine\nVERSION_ID=3.22.1\n")]),
        ),
        case(
            Rule::UncheckedTls,
            || files(vec![SampleFile::folder("etc"), SampleFile::text("etc/wgetrc", "check-certificate=off\n")]),
            || files(vec![SampleFile::folder("etc"), SampleFile::text("etc/wgetrc", "check-certificate=on\n")]),
        ),
        case(Rule::Compiler, || tool("usr/bin/x86_64-linux-gnu-gcc-12"), || tool("usr/bin/gccgo-not")),
        case(
            Rule::Compiler,
            || files(vec![SampleFile::folder("usr/include"), SampleFile::text("usr/include/x.h", "int x;")]),
            || files(vec![SampleFile::folder("usr/share"), SampleFile::text("usr/share/x.h", "int x;")]),
        ),
        case(Rule::PrivilegeTool, || tool("usr/bin/sudo"), || data("usr/bin/sudo")),
        case(Rule::DebugTool, || tool("usr/bin/strace"), || tool("usr/bin/trace")),
        case(Rule::UnusedInterpreter, || tool("usr/bin/python3.11"), || tool("usr/bin/pythonic")),
        case(Rule::AdminService, || tool("usr/bin/sshd"), || tool("usr/bin/sshd-exporter")),
        case(
            Rule::Leftovers,
            || files(vec![SampleFile::folder("srv"), SampleFile::text("srv/Dockerfile", "FROM x")]),
            || files(vec![SampleFile::folder("srv"), SampleFile::text("srv/Dockerfiles", "FROM x")]),
        ),
        case(
            Rule::Leftovers,
            || files(vec![SampleFile::folder("tmp").mode(0o1777), SampleFile::text("tmp/x", "x")]),
            || files(vec![SampleFile::text("tmpx", "x")]),
        ),
        case(
            Rule::WastedBytes,
            || {
                let big = SampleFile::text("big", &"x".repeat(100_000));
                clean().layer([big]).layer([SampleFile::whiteout("big")]).audit()
            },
            || {
                let small = SampleFile::text("small", &"x".repeat(10_000));
                clean().layer([small]).layer([SampleFile::whiteout("small")]).audit()
            },
        ),
        case(
            Rule::DuplicateContent,
            || files(["a", "b"].map(|path| SampleFile::text(path, &"x".repeat(100_000))).to_vec()),
            || files(vec![SampleFile::text("a", &"x".repeat(100_000)), SampleFile::hard_link("b", "a")]),
        ),
    ]
}

fn modes() -> Vec<Case> {
    fn open(mode: u32) -> Audit {
        files(vec![SampleFile::folder("srv").mode(mode)])
    }
    fn capable(bits: u32) -> Audit {
        let mut value = vec![1, 0, 0, 2];
        value.extend(bits.to_le_bytes());
        value.extend([0; 12]);
        files(vec![program("usr/bin/ping").xattr("security.capability", &value)])
    }
    fn entry(mode: u32) -> Audit {
        let server = SampleFile::new("usr/bin/server", &SampleProgram::default().bytes()).mode(mode);
        clean().layer([server]).audit()
    }
    vec![
        case(Rule::Setuid, || files(vec![program("usr/bin/at").mode(0o4555)]), || files(vec![program("usr/bin/at")])),
        case(Rule::Setuid, || open(0o2755), || open(0o1755)),
        overlapping(
            Rule::WorldWritable,
            &[Rule::WritableCode],
            || files(vec![program("usr/bin/at").mode(0o757)]),
            || files(vec![program("usr/bin/at").mode(0o755), SampleFile::symlink("usr/bin/it", "at").mode(0o777)]),
        ),
        case(Rule::WorldWritable, || open(0o777), || open(0o1777)),
        case(Rule::EntrypointNotExecutable, || entry(0o444), || entry(0o111)),
        case(
            Rule::EntrypointNotExecutable,
            || files(vec![SampleFile::folder("usr").mode(0o700)]),
            || files(vec![SampleFile::folder("usr").mode(0o711)]),
        ),
        case(Rule::FileCapabilities, || capable(1 << 21), || capable(0)),
        case(Rule::SpecialFile, || files(vec![SampleFile::device("sda", 8, 0)]), || data("usr/lib/sda")),
        case(Rule::SpecialFile, || files(vec![SampleFile::fifo("pipe")]), || data("pipe")),
        case(
            Rule::HostXattrs,
            || files(vec![SampleFile::text("x", "x").xattr("security.selinux", b"x")]),
            || files(vec![SampleFile::text("x", "x").xattr("user.mime", b"x")]),
        ),
    ]
}

fn owners() -> Vec<Case> {
    fn above(uid: u64, mode: u32) -> Audit {
        let run = SampleFile::new("srv/bin/run", &SampleProgram::default().bytes()).mode(0o555);
        files(vec![SampleFile::folder("srv").owner(uid, 0).mode(mode), SampleFile::folder("srv/bin"), run])
    }
    vec![
        case(
            Rule::WritableCode,
            || files(vec![program("usr/bin/at").owner(65532, 0)]),
            || files(vec![program("usr/bin/at").owner(0, 65532)]),
        ),
        case(
            Rule::WritableCode,
            || files(vec![program("usr/bin/at").owner(0, 65532).mode(0o575)]),
            || files(vec![program("usr/bin/at").owner(0, 5).mode(0o575)]),
        ),
        case(Rule::ReplaceableCode, || above(65532, 0o755), || above(0, 0o755)),
        overlapping(Rule::ReplaceableCode, &[Rule::WorldWritable], || above(0, 0o777), || above(0, 0o1777)),
        case(Rule::RunUserOwned, || owned("srv/x", 65532), || owned("home/x", 65532)),
        case(Rule::ForeignOwner, || owned("srv/x", 501), || owned("srv/x", 0)),
    ]
}

fn secrets() -> Vec<Case> {
    fn key(algorithm: u8) -> String {
        use base64ct::Encoding as _;
        let mut key = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, algorithm, 4, 0x22, 4, 0x20];
        key.extend((0..32_u8).map(|byte| byte.wrapping_mul(97).wrapping_add(11)));
        let (dashes, label) = ("-".repeat(5), format!("{} KEY", "PRIVATE"));
        let body = base64ct::Base64::encode_string(&key);
        format!("{dashes}BEGIN {label}{dashes}\n{body}\n{dashes}END {label}{dashes}\n")
    }
    fn token() -> String {
        format!("key = gl{}-{}\n", "pat", "a8Kd02mZqLx7TnVw3YpR")
    }
    fn removed(text: &str) -> Audit {
        clean().layer([SampleFile::text("usr/lib/x", text)]).layer([SampleFile::whiteout("usr/lib/x")]).audit()
    }
    vec![
        case(
            Rule::PrivateKey,
            || files(vec![SampleFile::text("usr/lib/x", &key(0x70))]),
            // The label alone makes no other thing of a key: what it begins with is changed, too.
            || {
                files(vec![SampleFile::text(
                    "usr/lib/x",
                    &key(0x70).replace("PRIVATE", "PUBLIC").replace("MC4C", "MCow"),
                )])
            },
        ),
        case(
            Rule::ProviderToken,
            || files(vec![SampleFile::text("usr/lib/x", &token())]),
            || files(vec![SampleFile::text("usr/lib/x", "key = ${KEY}\n")]),
        ),
        case(Rule::RemovedSecret, || removed(&token()), || removed("key = ${KEY}\n")),
        case(Rule::RemovedSecret, || removed(&key(0x70)), || removed("none")),
        case(
            Rule::CredentialFile,
            || files(vec![SampleFile::text("usr/lib/store.kdbx", "x")]),
            || files(vec![SampleFile::text("usr/lib/store.kdbx", "")]),
        ),
        case(
            Rule::LoginTraces,
            || files(vec![SampleFile::text("usr/lib/.bash_history", "ls\n")]),
            || files(vec![SampleFile::text("usr/lib/bash_history", "ls\n")]),
        ),
    ]
}
