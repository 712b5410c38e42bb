//! nginx with WebDAV's `PUT` on the loopback: a store behind the HTTP cache protocol that others wrote.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::case::{scratch, wait};
use super::http::{free_port, get};
use super::judges::tool;

/// How long it may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running nginx. Its files stay when it is stopped.
pub struct Nginx {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
    /// What its server says besides.
    lines: String,
    is_tls: bool,
}

impl Nginx {
    pub fn start() -> Self {
        Self::with("")
    }

    /// One whose server has further lines.
    pub fn with(lines: &str) -> Self {
        Self::begin(lines, false)
    }

    /// The same behind TLS; the lines name its certificate.
    pub fn with_tls(lines: &str) -> Self {
        Self::begin(lines, true)
    }

    fn begin(lines: &str, is_tls: bool) -> Self {
        let folder = scratch();
        fs::create_dir(folder.path().join("data")).expect("a folder");
        let mut nginx = Self { port: free_port(), folder, child: None, lines: lines.to_owned(), is_tls };
        nginx.restart();
        nginx
    }

    /// Starts it again, at the same port.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop();
        let root = self.folder.path().display();
        // Its workers are no other user, who could not write here. Only root's nginx knows the word.
        let user = if is_root() { "user root;\n" } else { "" };
        let config = format!(
            "{user}daemon off;\npid {root}/pid;\nworker_processes 1;\nevents {{}}\nhttp {{\n\
             access_log {root}/access;\nclient_body_temp_path {root}/body;\nproxy_temp_path {root}/p;\n\
             fastcgi_temp_path {root}/f;\nuwsgi_temp_path {root}/u;\nscgi_temp_path {root}/s;\n\
             server {{\nlisten 127.0.0.1:{}{};\nroot {root}/data;\nclient_max_body_size 0;\n{}\n\
             location / {{ dav_methods PUT; create_full_put_path on; dav_access user:rw group:r all:r; }}\n}}\n}}\n",
            self.port,
            if self.is_tls { " ssl" } else { "" },
            self.lines
        );
        fs::write(self.folder.path().join("config"), config).expect("a configuration");
        let log = fs::File::create(self.folder.path().join("log")).expect("a log");
        let mut command: Command = tool("nginx");
        command.arg("-e").arg(self.folder.path().join("error")).arg("-c").arg(self.folder.path().join("config"));
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        self.child = Some(command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}")));
        let start = Instant::now();
        while get(self.port, "/").is_err() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "nginx does not answer\n{}", log());
            sleep(Duration::from_millis(10));
        }
    }

    /// Ends it at once, as a machine that fails does.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = fs::read_to_string(self.folder.path().join("pid")).unwrap_or_default();
        if !pid.trim().is_empty() {
            Command::new("/bin/sh").args(["-c", &format!("kill -TERM {}", pid.trim())]).status().ok();
        }
        wait(&mut child, PATIENCE);
    }

    pub fn url(&self) -> String {
        format!("http{}://127.0.0.1:{}", if self.is_tls { "s" } else { "" }, self.port)
    }

    /// The files below `ac` or `cas`, sorted.
    pub fn files(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("data").join(folder)).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
        files.sort();
        files
    }

    /// The requests so far, a line each: method and path.
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("access")).unwrap_or_default();
        let words = |line: &str| {
            let request = line.split('"').nth(1)?;
            Some(request.rsplit_once(' ')?.0.to_owned())
        };
        log.lines().filter_map(words).filter(|request| request != "GET /").collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")))
}
