//! The hidden verb by which hardpan compiles at fixed paths: what a command sees there, how it ends, and what is left.

use std::{
    fs,
    io::Read as _,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        net::UnixStream,
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::support::case::{Case, HARDPAN};

/// A user without rights.
const NOBODY: u32 = 65534;

/// A folder that every user can reach, with a folder in it whose name asks for trouble.
struct Ground {
    _folder: TempDir,
    program: PathBuf,
    source: PathBuf,
}

impl Ground {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let source = folder.path().join("a 'b' \"c\"\n$d");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("file"), "content\n").unwrap();
        Self { source, program: HARDPAN.into(), _folder: folder }
    }

    /// For another user: the program's own folder may be closed to them.
    fn for_nobody() -> Self {
        let ground = Self::new();
        let program = ground.source.with_file_name("hardpan");
        fs::copy(HARDPAN, &program).unwrap();
        chown(&ground.source, Some(NOBODY), Some(NOBODY)).unwrap();
        Self { program, ..ground }
    }

    /// `enter` with the folder as `/build/source`, and in it a shell.
    fn enter(&self, script: &str) -> Command {
        let mut command = with_default_signals(&self.program);
        command.args(["__enclosure", "enter", "1"]).arg(&self.source);
        command.args(["/build/source", "/build/source", "/bin/sh", "-c", script]);
        command
    }

    /// `watch` in the folder, and in it a shell.
    fn watch(&self, script: &str) -> Command {
        let mut command = with_default_signals(&self.program);
        command.args(["__enclosure", "watch"]).arg(&self.source).args(["/bin/sh", "-c", script]);
        command
    }
}

/// Starts `program` with the default action of all signals: the tests may run under `nohup`, which ignores SIGHUP.
fn with_default_signals(program: &Path) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal").arg(program);
    command
}

/// Runs a stage to its end; with the report that it wrote to its stdin.
fn run(mut command: Command) -> (Output, String) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let child = command.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let output = child.wait_with_output().unwrap();
    let mut report = Vec::new();
    ours.read_to_end(&mut report).unwrap();
    (output, String::from_utf8_lossy(&report).into_owned())
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn folders_of_an_enclosure() {
    let ground = Ground::new();
    let beside = ground.source.with_file_name("beside");
    let script = format!(
        "pwd; cat file; echo written > made; echo host > '{}'; test -d /proc/self -a -c /dev/null -a -d /sys/fs && ls /build",
        beside.display()
    );
    let (output, report) = run(ground.enter(&script));
    assert_eq!(text(&output), "/build/source\ncontent\nsource\n", "{report}");
    assert_eq!(fs::read_to_string(ground.source.join("made")).unwrap(), "written\n");
    assert_eq!(fs::read_to_string(beside).unwrap(), "host\n");
    assert!(!Path::new("/build/source").exists());
}

#[test]
fn a_user_without_rights_has_an_enclosure_and_keeps_the_own_id() {
    let ground = Ground::for_nobody();
    let mut command = ground.enter("id -u; cat file; echo x > made; grep CapEff /proc/self/status");
    command.uid(NOBODY).gid(NOBODY);
    let (output, report) = run(command);
    assert_eq!(text(&output), "65534\ncontent\nCapEff:\t0000000000000000\n", "{report}");
    assert!(ground.source.join("made").exists());
}

#[test]
fn a_new_entry_of_the_root_is_refused_rather_than_lost() {
    let (output, _) = run(Ground::new().enter("echo x > /of-a-build-script || echo refused"));
    assert_eq!(output.stdout, b"refused\n", "{}", text(&output));
}

#[test]
fn a_command_ends_as_it_would_outside() {
    let ground = Ground::new();
    let stages: [fn(&Ground, &str) -> Command; 2] = [Ground::enter, Ground::watch];
    for stage in stages {
        let (output, report) = run(stage(&ground, "echo out; echo err >&2; exit 3"));
        assert_eq!((output.status.code(), report.as_str()), (Some(3), "S\0\u{3}\0\0"));
        assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b"err\n"[..]));
        let (output, report) = run(stage(&ground, "kill -SEGV $$"));
        assert_eq!(output.status.code(), Some(128 + 11));
        assert_eq!(report.as_bytes()[..2], *b"S\x0b");
        // Signals have their usual meaning, and stdin is empty.
        let (output, _) = run(stage(&ground, "cat; kill -INT $$; echo not reached"));
        assert_eq!((output.status.code(), text(&output).as_str()), (Some(130), ""));
    }
}

#[test]
fn what_cannot_be_made_is_reported_in_a_sentence() {
    let ground = Ground::new();
    for (arguments, why) in [
        (
            ["1", "/no/such/file", "/build/a", "/", "/bin/true"],
            "Ecannot find `/no/such/file`: no such file or directory",
        ),
        (["1", "/tmp", "/etc/a", "/", "/bin/true"], "E`/etc/a` is not a path below `/build`"),
        (["1", "/tmp", "/build/../a", "/", "/bin/true"], "E`/build/../a` is not a path below `/build`"),
        (
            ["1", "/tmp", "/build/a", "/build/b", "/bin/true"],
            "E`/build/b` cannot be entered: no such file or directory",
        ),
        (["1", "/tmp", "/build/a", "/", "/no/such/file"], "E`/no/such/file` cannot run: no such file or directory"),
    ] {
        let mut command = Command::new(&ground.program);
        command.args(["__enclosure", "enter"]).args(arguments);
        let (output, report) = run(command);
        assert_eq!((report.as_str(), output.status.code()), (why, Some(125)));
    }
    // A limit of a user namespace, which a container sets the same way.
    let mut command = Command::new("unshare");
    let deny = "echo 0 > /proc/sys/user/max_mnt_namespaces; exec \"$@\"";
    command.args(["--map-root-user", "sh", "-c", deny, "sh"]).arg(&ground.program);
    command.args(["__enclosure", "enter", "0", "/"]);
    let (_, report) = run(command);
    assert_eq!(report, "Ethe limits in `/proc/sys/user` allow no more namespaces");
}

/// A shell that starts a daemon and would live long; `survived` would be the last word of what nobody ended.
const LONG: &str = "(setsid sh -c 'sleep 20; echo survived' &); echo ready; sleep 20; echo survived";

/// Starts `stage` below a shell, as below a hardpan, and waits until it runs.
fn started(stage: &Command, stdin: Stdio) -> (Child, ChildStdout) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "\"$@\"; true", "sh"]).arg(stage.get_program()).args(stage.get_args());
    let mut shell = shell.stdin(stdin).stdout(Stdio::piped()).process_group(0).spawn().unwrap();
    let mut stdout = shell.stdout.take().unwrap();
    let mut ready = [0; 6];
    stdout.read_exact(&mut ready).unwrap();
    assert_eq!(&ready, b"ready\n");
    (shell, stdout)
}

fn rest(mut stdout: ChildStdout) -> String {
    let mut rest = String::new();
    // Every process of the command holds the other end: this waits for the last one.
    stdout.read_to_string(&mut rest).unwrap();
    rest
}

fn kill(signal: &str, process: &str) {
    assert!(Command::new("kill").args([signal, "--", process]).status().unwrap().success());
}

#[test]
fn the_end_of_hardpan_leaves_no_process_of_an_enclosure() {
    let ground = Ground::new();
    let (ours, theirs) = UnixStream::pair().unwrap();
    for (signal, group) in [("-KILL", false), ("-INT", true), ("-TERM", true), ("-HUP", true)] {
        let stdin = Stdio::from(std::os::fd::OwnedFd::from(theirs.try_clone().unwrap()));
        let (mut shell, stdout) = started(&ground.enter(LONG), stdin);
        kill(signal, &format!("{}{}", if group { "-" } else { "" }, shell.id()));
        assert_eq!(rest(stdout), "", "{signal}");
        shell.wait().unwrap();
    }
    drop(ours);
}

#[test]
fn the_end_of_hardpan_leaves_no_process_that_was_watched() {
    let ground = Ground::new();
    for signal in ["-INT", "-TERM", "-HUP", "-QUIT"] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut shell, stdout) = started(&ground.watch(LONG), Stdio::from(std::os::fd::OwnedFd::from(theirs)));
        kill(signal, &format!("-{}", shell.id()));
        drop(ours);
        assert_eq!(rest(stdout), "", "{signal}");
        shell.wait().unwrap();
    }
    // By `kill -9` alone: the socket closes.
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (mut shell, stdout) = started(&ground.watch(LONG), Stdio::from(std::os::fd::OwnedFd::from(theirs)));
    shell.kill().unwrap();
    drop(ours);
    assert_eq!(rest(stdout), "");
    shell.wait().unwrap();
}

#[test]
fn a_command_leaves_no_daemon() {
    let ground = Ground::new();
    let daemon = "(setsid sh -c 'sleep 20; echo survived' &); echo done";
    for stage in [ground.enter(daemon), ground.watch(daemon)] {
        assert_eq!(text(&run(stage).0), "done\n");
    }
}

#[test]
fn the_verb_is_hidden_and_refuses_a_call_by_hand() {
    let case = Case::new();
    for arguments in [&["__enclosure"][..], &["__enclosure", "enter"], &["__enclosure", "--help"]] {
        case.run(arguments.iter().copied()).fails(2).says("hint: `hardpan help` lists the verbs");
    }
    for page in [&["--help"][..], &["completions", "bash"], &["man"]] {
        assert!(!case.run(page.iter().copied()).ok().stdout.contains("enclosure"), "{page:?}");
    }
}
