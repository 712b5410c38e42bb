//! A test is a paragraph:
//!
//! ```ignore
//! Case::new()
//!     .recipe(APP)
//!     .file("app", elf::static_amd64())
//!     .run(["build", "app.toml"])
//!     .ok();
//! ```

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::output::Output;

/// The smallest recipe around a prebuilt binary; as `app.toml` it is named `app`.
pub const APP: &str = "[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\"\n";

/// The program under test.
pub const HARDPAN: &str = env!("CARGO_BIN_EXE_hardpan");

/// What survives of the caller's environment; the rest is a test's own words.
const KEPT: [&str; 4] = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME"];

/// What a machine may need to reach its package registries. [`Case::networked`]
/// keeps these too.
const NETWORK: [&str; 14] = [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CARGO_HTTP_CAINFO",
    "CARGO_HTTP_PROXY",
    "GOPROXY",
    "GOSUMDB",
];

/// Longer than any build in the suite takes, toolchains on two busy cores included.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// A folder of its own, an environment of its own, and a way to run hardpan there.
///
/// The folder is `work` inside a temporary one, in no git repository, so that
/// `../x` is a path outside the recipe's bounds that still belongs to the test.
#[derive(Debug, Clone)]
pub struct Case {
    temp: Arc<TempDir>,
    /// Outside of the folder, in which tests look for what should not be there.
    #[expect(dead_code, reason = "it is there as long as the case")]
    cache: Arc<TempDir>,
    cwd: PathBuf,
    env: Vec<(OsString, OsString)>,
    umask: Option<u32>,
}

impl Case {
    pub fn new() -> Self {
        let temp = scratch();
        let cwd = temp.path().join("work");
        fs::create_dir(&cwd).expect("the case's folder");
        let env = KEPT.iter().filter_map(|key| Some((OsString::from(key), std::env::var_os(key)?))).collect();
        let cache = scratch();
        share_compilers(cache.path());
        let path = cache.path().to_owned();
        Self { temp: Arc::new(temp), cache: Arc::new(cache), cwd, env, umask: None }.env("XDG_CACHE_HOME", path)
    }

    /// The folder that paths are relative to.
    pub fn dir(&self) -> PathBuf {
        self.temp.path().join("work")
    }

    /// The absolute path of something in the case's folder.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir().join(relative)
    }

    /// Writes `app.toml`.
    pub fn recipe(self, text: &str) -> Self {
        self.file("app.toml", text)
    }

    /// Writes a file, with its folders.
    pub fn file(self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("its folder");
        fs::write(&path, content).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        self
    }

    /// Makes a folder, with its parents.
    pub fn folder(self, path: impl AsRef<Path>) -> Self {
        fs::create_dir_all(self.path(path)).expect("a folder");
        self
    }

    /// Makes a symbolic link at `path`.
    pub fn link(self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> Self {
        symlink(target, self.path(path)).expect("a symbolic link");
        self
    }

    /// Changes the mode of something that is there already.
    pub fn mode(self, path: impl AsRef<Path>, mode: u32) -> Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).expect("chmod");
        self
    }

    /// Copies a folder of the repository (`recipes`) to `to`. What builds left
    /// behind (`target`, `out`) stays where it is.
    pub fn copy(self, from_repository: &str, to: impl AsRef<Path>) -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from_repository);
        copy_folder(&from, &self.path(to));
        self
    }

    /// Rewrites a file that is there already.
    pub fn edit(self, path: impl AsRef<Path>, change: impl FnOnce(String) -> String) -> Self {
        let text = fs::read_to_string(self.path(&path)).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()));
        self.file(path, change(text))
    }

    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let (key, value) = (key.as_ref().to_owned(), value.as_ref().to_owned());
        self.env.retain(|(known, _)| *known != key);
        self.env.push((key, value));
        self
    }

    pub fn without_env(mut self, key: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(known, _)| known != key.as_ref());
        self
    }

    /// Keeps the caller's proxies and certificates, for builds that fetch.
    pub fn networked(mut self) -> Self {
        for key in NETWORK {
            if let Some(value) = std::env::var_os(key) {
                self = self.env(key, value);
            }
        }
        self
    }

    pub fn umask(mut self, umask: u32) -> Self {
        self.umask = Some(umask);
        self
    }

    /// Where hardpan is started; relative to the case's folder, made if missing.
    pub fn cwd(mut self, path: impl AsRef<Path>) -> Self {
        self.cwd = self.path(path);
        fs::create_dir_all(&self.cwd).expect("the working directory");
        self
    }

    /// hardpan in this case's folder and environment, not yet started: for
    /// tests that trace it, kill it or close its pipes.
    pub fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        self.command_under::<&str, A>([], args)
    }

    /// Like [`Case::command`], behind another program: `["strace", "-f"]`.
    pub fn command_under<W: AsRef<OsStr>, A: AsRef<OsStr>>(
        &self,
        wrapper: impl IntoIterator<Item = W>,
        args: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(umask) = self.umask {
            // No unsafe code here, hence no pre_exec: the shell sets it.
            let script = format!("umask {umask:04o} && exec \"$@\"");
            words.extend(["/bin/sh", "-c", &script, "sh"].map(OsString::from));
        }
        words.extend(wrapper.into_iter().map(|word| word.as_ref().to_owned()));
        words.push(HARDPAN.into());
        words.extend(args.into_iter().map(|word| word.as_ref().to_owned()));
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .current_dir(&self.cwd)
            .env_clear()
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs hardpan to its end.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        let args: Vec<OsString> = args.into_iter().map(|a| a.as_ref().to_owned()).collect();
        self.finish(self.command(&args), &args)
    }

    /// Runs hardpan behind another program to its end.
    pub fn run_under<W: AsRef<OsStr>, A: AsRef<OsStr>>(
        &self,
        wrapper: impl IntoIterator<Item = W>,
        args: impl IntoIterator<Item = A>,
    ) -> Output {
        let args: Vec<OsString> = args.into_iter().map(|a| a.as_ref().to_owned()).collect();
        self.finish(self.command_under(wrapper, &args), &args)
    }

    /// Runs hardpan under strace with further `options` of that, such as `--trace=execve`; with the lines that strace wrote,
    /// the processes that hardpan started included.
    pub fn traced<A: AsRef<OsStr>>(
        &self,
        options: &[&str],
        args: impl IntoIterator<Item = A>,
    ) -> (Output, Vec<String>) {
        let trace = self.path("../trace");
        let own = ["strace", "-f", "-qq", "-o", trace.to_str().expect("a path of UTF-8")];
        let output = self.run_under([&own, options].concat(), args);
        let text = fs::read_to_string(&trace).expect("what strace wrote");
        (output, text.lines().map(str::to_owned).collect())
    }

    /// `hardpan build app.toml`.
    pub fn build(&self) -> Output {
        self.run(["build", "app.toml"])
    }

    fn finish(&self, mut command: Command, args: &[OsString]) -> Output {
        let scratch = tempfile::tempdir_in(self.temp.path()).expect("a folder for the output");
        let stream = |name| fs::File::create(scratch.path().join(name)).expect("an output file");
        let mut child = command
            .stdout(stream("stdout"))
            .stderr(stream("stderr"))
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
        let status = wait(&mut child, PATIENCE);
        let text = |name| {
            let bytes = fs::read(scratch.path().join(name)).expect("the output");
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (text("stdout"), text("stderr"));
        let Some(status) = status else {
            panic!("hardpan {args:?} hangs\nstdout: {stdout}\nstderr: {stderr}");
        };
        Output::new(status, stdout, stderr, args, &self.cwd, &self.temp)
    }
}

/// Gives a cache what toolchains made for other tests. Layers and verdicts are each test's own: one that was made by
/// another test is none that this one has seen made.
fn share_compilers(cache: &Path) {
    share_folders(cache, &["hardpan/go", "hardpan/cargo"]);
    share_go_builds(cache);
}

/// Gives a cache that of Go itself, which knows everything by content: what hardpan knows is not in it.
pub fn share_go_builds(cache: &Path) {
    share_folders(cache, &["go-build"]);
}

fn share_folders(cache: &Path, folders: &[&str]) {
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from) else { return };
    fs::create_dir_all(cache.join("hardpan")).expect("a cache");
    for compiler in folders {
        let shared = home.join(".cache").join(compiler);
        fs::create_dir_all(&shared).expect("the compilers' cache");
        symlink(shared, cache.join(compiler)).expect("a link to the compilers' cache");
    }
}

/// A temporary folder. Its name is in lower case, because podman makes an
/// image's name of the path to a layout.
pub fn scratch() -> TempDir {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!("{}-{}", unique(), now.as_micros());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&name).rand_bytes(0).tempdir().expect("a temporary folder")
}

/// A name that no other container or folder of this machine has now.
pub fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("hardpan-test-{}-{next}", std::process::id())
}

/// Waits for a child; one that is still there after `patience` is killed.
pub fn wait(child: &mut Child, patience: Duration) -> Option<std::process::ExitStatus> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait().expect("the state of a child") {
            return Some(status);
        }
        if start.elapsed() > patience {
            child.kill().ok();
            child.wait().ok();
            return None;
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder to copy into");
    let entries = fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
    for entry in entries.map(|entry| entry.expect("a folder's entry")) {
        let (name, kind) = (entry.file_name(), entry.file_type().expect("its type"));
        if kind.is_dir() {
            if name != "target" && name != "out" {
                copy_folder(&entry.path(), &to.join(name));
            }
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("a link's target");
            symlink(target, to.join(name)).expect("a copied link");
        } else {
            fs::copy(entry.path(), to.join(name)).expect("a copied file");
        }
    }
}
