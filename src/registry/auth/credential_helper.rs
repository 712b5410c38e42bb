//! Runs `docker-credential-*` programs (docker-credential-helpers) to get the login for a host. Their output never gets
//! into a message, except for the first line of an error.

use std::{
    env,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use serde::Deserialize;

use super::credential::{Credential, aliases};
use crate::{
    registry::{Access, Login, Secret},
    report::{ErrorName, Failure, Limits, shown},
};

/// How long a helper may take: it may have to ask the user.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the exit of the helper is polled.
const GLANCE: Duration = Duration::from_millis(5);
/// What helpers say when they know nothing of a host; a sentence is all that the protocol has for it.
const UNKNOWN: &str = "credentials not found";
/// The user name that marks the secret as an identity token.
const TOKEN: &str = "<token>";

/// What a helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperResponse {
    username: String,
    secret: String,
}

/// Asks the helper `name` for the credential of `host`.
///
/// # Errors
/// A name that is none or a path; a program that is not in `PATH`, fails or takes longer than a minute.
pub(super) fn ask(name: &str, host: &str, access: &Access) -> Result<Option<Credential>, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || !name.chars().all(plain) || name.starts_with(['.', '-']) {
        return Err(Failure::error(
            ErrorName::Credentials,
            format!("`{}` is not a valid name of a credential helper", shown(name)),
        ));
    }
    let program = format!("docker-credential-{name}");
    let path = find(&program, access).ok_or_else(|| {
        Failure::error(ErrorName::Credentials, format!("the credential helper `{program}` is not in `PATH`"))
            .hint("install it, or log in with `--username` and `--password-stdin`")
    })?;
    // docker files its own registry under an address.
    let hub = (host == "docker.io").then_some("https://index.docker.io/v1/");
    for server in hub.into_iter().chain(aliases(host)) {
        if let Some(found) = get(&path, &program, server, access, PATIENCE)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn find(program: &str, access: &Access) -> Option<PathBuf> {
    let runs = |file: &PathBuf| {
        file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    let folders = env::split_paths(access.variable("PATH")?).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(program)).find(runs)
}

fn get(
    path: &Path,
    program: &str,
    server: &str,
    access: &Access,
    patience: Duration,
) -> Result<Option<Credential>, Failure> {
    let mut child = Command::new(path)
        .arg("get")
        .env_clear()
        .envs(&access.environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Failure::io("run it", path, &error).named(ErrorName::Credentials))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    if let Some(mut stdin) = stdin {
        // A helper may close its stdin early; its output decides.
        let _ = stdin.write_all(server.as_bytes());
    }
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map_or(Ok(0), |out| out.take(Limits::AUTH_FILE_BYTES).read_to_end(&mut bytes));
        read.map(|_| bytes)
    });
    let Some(status) = wait(&mut child, patience) else {
        // The reader thread is not joined: a grandchild may keep the pipe open.
        let _ = child.kill();
        let _ = child.wait();
        return Err(Failure::error(
            ErrorName::Credentials,
            format!("timeout: the credential helper `{program}` does not answer"),
        ));
    };
    let bytes = reader.join().ok().and_then(Result::ok).unwrap_or_default();
    parse_answer(program, status.success(), &bytes)
}

/// What a helper wrote, by whether it ended well; none where it knows nothing of the host.
pub(in crate::registry) fn parse_answer(
    program: &str,
    is_success: bool,
    bytes: &[u8],
) -> Result<Option<Credential>, Failure> {
    if !is_success {
        let said = String::from_utf8_lossy(bytes);
        let said = said.lines().next().unwrap_or_default().trim();
        if said.contains(UNKNOWN) {
            return Ok(None);
        }
        return Err(Failure::error(
            ErrorName::Credentials,
            format!("the credential helper `{program}` failed: {}", shown(said)),
        ));
    }
    let answer: HelperResponse = serde_json::from_slice(bytes).map_err(|_| {
        Failure::error(
            ErrorName::Credentials,
            format!("the credential helper `{program}` wrote something that is not its JSON"),
        )
    })?;
    if answer.secret.is_empty() {
        return Ok(None);
    }
    let secret = Secret::new(answer.secret);
    Ok(Some(if answer.username == TOKEN {
        Credential::Identity(secret)
    } else {
        Credential::Login(Login { username: answer.username, password: secret })
    }))
}

/// Waits for the end, but not forever.
fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    for _ in 0..patience.as_millis() / GLANCE.as_millis() {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) => thread::sleep(GLANCE),
            Err(_) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    /// What a helper that runs `script` comes to, within a moment.
    fn helped(script: &str, patience: Duration) -> Result<Option<Credential>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("docker-credential-x");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let environment = [("PATH".into(), "/usr/bin:/bin".into())].into();
        let access = Access { environment, ..Access::default() };
        get(&path, "docker-credential-x", "r.example", &access, patience).map_err(|failure| failure.what)
    }

    #[test]
    fn a_helper_that_hangs_fails_or_rambles_is_named_and_its_answer_is_not() {
        let name = "the credential helper `docker-credential-x`";
        let hangs = helped("exec sleep 60", Duration::from_millis(100));
        assert_eq!(hangs, Err(format!("timeout: {name} does not answer")));
        for rambling in ["echo hunter2", "echo '{\"Secret\":\"hunter2\"}'", "echo '[\"hunter2\"]'", "true"] {
            assert_eq!(
                helped(rambling, PATIENCE),
                Err(format!("{name} wrote something that is not its JSON")),
                "{rambling}"
            );
        }
        assert_eq!(helped("exit 1", PATIENCE), Err(format!("{name} failed: ")));
        assert_eq!(
            helped("printf 'locked \\033[2J\\nhunter2'; exit 1", PATIENCE),
            Err(format!("{name} failed: locked \\u{{1b}}[2J"))
        );
        assert_eq!(helped("echo credentials not found in native keychain; exit 1", PATIENCE), Ok(None));
        assert_eq!(helped("echo '{\"Username\":\"me\",\"Secret\":\"\"}'", PATIENCE), Ok(None));
    }

    #[test]
    fn a_helper_hears_the_host_and_what_it_says_is_taken_as_it_is() {
        let script = "read host; echo \"{\\\"Username\\\":\\\"$1 $host\\\",\\\"Secret\\\":\\\"p\u{e4}:\u{df}\\\"}\"";
        let login = Login { username: "get r.example".into(), password: Secret::new("p\u{e4}:\u{df}") };
        assert_eq!(helped(script, PATIENCE), Ok(Some(Credential::Login(login))));
    }
}
