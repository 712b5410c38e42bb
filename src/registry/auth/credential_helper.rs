//! Asks `docker-credential-*` programs (docker-credential-helpers) for the login of a host, and gives them logins to keep. Their
//! output never gets into a message, except for the first line of an error.

use std::{env, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    credential::{Credential, asked_names, stored_name},
    helper_run::{self, HelperEnd, HelperFault},
};
use crate::{
    registry::{Access, Login, Secret},
    report::{ErrorName, Failure, Limits, shown},
};

/// How long a helper may take: it may have to ask the user.
const PATIENCE: Duration = Duration::from_secs(60);
/// What helpers say when they know nothing of a host; a sentence is all that the protocol has for it.
const UNKNOWN: &str = "credentials not found in native keychain";
/// The user name that marks the secret as an identity token.
const TOKEN: &str = "<token>";

/// What a helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperResponse {
    username: String,
    secret: String,
}

/// What a helper is given to keep.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HelperLogin<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: &'a str,
    secret: &'a str,
}

/// A credential helper of this machine.
#[derive(Debug)]
pub(super) struct CredentialHelper<'a> {
    /// `docker-credential-NAME`.
    program: String,
    path: PathBuf,
    access: &'a Access,
    patience: Duration,
}

impl<'a> CredentialHelper<'a> {
    /// Finds the helper `name` in `PATH`.
    ///
    /// # Errors
    /// A name that is none or a path; a program that is not in `PATH`.
    pub(super) fn find(name: &str, access: &'a Access) -> Result<Self, Failure> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || !name.chars().all(plain) || name.starts_with(['.', '-']) {
            return Err(Failure::error(
                ErrorName::Credentials,
                format!("`{}` is not a valid name of a credential helper", shown(name)),
            ));
        }
        let program = format!("docker-credential-{name}");
        let path = find_program(&program, access).ok_or_else(|| {
            Failure::error(ErrorName::Credentials, format!("the credential helper `{program}` is not in `PATH`"))
                .hint("install it, or log in with `--username` and `--password-stdin`")
        })?;
        Ok(Self { program, path, access, patience: PATIENCE })
    }

    /// The helper's name, as in `PATH`.
    pub(super) fn program(&self) -> &str {
        &self.program
    }

    /// Asks for the credential of `host`, which the file calls `key`.
    ///
    /// # Errors
    /// Anything but a login or the sentence that there is none, which is `None`.
    pub(super) fn ask(&self, host: &str, key: &str) -> Result<Option<Credential>, Failure> {
        let names = asked_names(host);
        let written = Some(key).filter(|key| !key.is_empty() && !names.contains(key));
        for server in names.iter().copied().chain(written) {
            if let Some(found) = self.get(server)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn get(&self, server: &str) -> Result<Option<Credential>, Failure> {
        let end = self.run("get", server.as_bytes())?;
        parse_answer(&self.program, end.status.success(), &end.stdout)
    }

    /// Gives the helper the login for `host` to keep.
    ///
    /// # Errors
    /// The helper does not take it.
    pub(super) fn store(&self, host: &str, login: &Login) -> Result<(), Failure> {
        let login =
            HelperLogin { server_url: stored_name(host), username: &login.username, secret: login.password.reveal() };
        let input = serde_json::to_vec(&login)
            .map_err(|_| Failure::error(ErrorName::Internal, "the login cannot be written as JSON"))?;
        let end = self.run("store", &input)?;
        if end.status.success() { Ok(()) } else { Err(failed(&self.program, &end.stdout)) }
    }

    /// Lets the helper forget the login for `host`, and says whether there was one.
    ///
    /// # Errors
    /// The helper fails.
    pub(super) fn erase(&self, host: &str, key: &str) -> Result<bool, Failure> {
        let names = asked_names(host);
        let written = Some(key).filter(|key| !key.is_empty() && !names.contains(key));
        let mut is_known = false;
        for server in names.iter().copied().chain(written) {
            if self.get(server)?.is_none() {
                continue;
            }
            is_known = true;
            let end = self.run("erase", server.as_bytes())?;
            if !end.status.success() && !knows_nothing(&end.stdout) {
                return Err(failed(&self.program, &end.stdout));
            }
        }
        Ok(is_known)
    }

    fn run(&self, action: &str, input: &[u8]) -> Result<HelperEnd, Failure> {
        helper_run::run(&self.path, action, input, self.access, self.patience).map_err(|fault| {
            let program = &self.program;
            let what = match fault {
                HelperFault::Io(error) => {
                    return Failure::io("run it", &self.path, &error).named(ErrorName::Credentials);
                }
                HelperFault::Timeout => format!("timeout: the credential helper `{program}` does not answer"),
                HelperFault::Rambling => {
                    format!("the credential helper `{program}` wrote more than {} MiB", Limits::AUTH_FILE_BYTES >> 20)
                }
            };
            Failure::error(ErrorName::Credentials, what)
        })
    }
}

/// What a helper wrote when it was asked for a login, by whether it ended well; none where it knows nothing of the host.
///
/// # Errors
/// It failed, or wrote what no helper writes.
pub(in crate::registry) fn parse_answer(
    program: &str,
    is_success: bool,
    bytes: &[u8],
) -> Result<Option<Credential>, Failure> {
    if !is_success {
        return if knows_nothing(bytes) { Ok(None) } else { Err(failed(program, bytes)) };
    }
    let answer: HelperResponse = serde_json::from_slice(bytes).map_err(|_| {
        let what = format!("the credential helper `{program}` wrote something that is not its JSON");
        Failure::error(ErrorName::Credentials, what)
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

/// Whether a helper that failed says that it has no credentials.
fn knows_nothing(said: &[u8]) -> bool {
    String::from_utf8_lossy(said).trim() == UNKNOWN
}

fn failed(program: &str, said: &[u8]) -> Failure {
    let said = String::from_utf8_lossy(said);
    let said = said.lines().next().unwrap_or_default().trim();
    Failure::error(ErrorName::Credentials, format!("the credential helper `{program}` failed: {}", shown(said)))
}

fn find_program(program: &str, access: &Access) -> Option<PathBuf> {
    let runs = |file: &PathBuf| {
        file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    let folders = env::split_paths(access.variable("PATH")?).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(program)).find(runs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    /// What a helper that runs `script` comes to.
    fn helped(script: &str, patience: Duration) -> Result<Option<Credential>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("docker-credential-x");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let environment = [("PATH".into(), "/usr/bin:/bin".into())].into();
        let access = Access { environment, ..Access::default() };
        let helper = CredentialHelper { program: "docker-credential-x".into(), path, access: &access, patience };
        helper.get("r.example").map_err(|failure| failure.what)
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
        let locked = "credentials not found: the keychain is locked";
        assert_eq!(helped(&format!("echo {locked}; exit 1"), PATIENCE), Err(format!("{name} failed: {locked}")));
        assert_eq!(helped("cat /dev/zero", PATIENCE), Err(format!("{name} wrote more than 1 MiB")));
    }

    /// A child of the helper, an agent for example, that keeps the pipe open made the look-up hang for as long as it lived.
    #[test]
    fn a_child_of_the_helper_that_keeps_the_pipe_open_is_not_waited_for() {
        let login = Login { username: "me".into(), password: Secret::new("s") };
        let says = "echo '{\"Username\":\"me\",\"Secret\":\"s\"}'";
        let script = format!("sleep 600 & echo $! > $0.pid; {says}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("docker-credential-x");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let access = Access { environment: [("PATH".into(), "/usr/bin:/bin".into())].into(), ..Access::default() };
        let helper =
            CredentialHelper { program: "docker-credential-x".into(), path, access: &access, patience: PATIENCE };
        let found = helper.get("r.example").map_err(|failure| failure.what);
        let sleeper = fs::read_to_string(dir.path().join("docker-credential-x.pid")).unwrap();
        std::process::Command::new("kill").arg(sleeper.trim()).status().unwrap();
        assert_eq!(found, Ok(Some(Credential::Login(login))));
    }

    #[test]
    fn a_helper_hears_the_host_and_what_it_says_is_taken_as_it_is() {
        let script = "read host; echo \"{\\\"Username\\\":\\\"$1 $host\\\",\\\"Secret\\\":\\\"p\u{e4}:\u{df}\\\"}\"";
        let login = Login { username: "get r.example".into(), password: Secret::new("p\u{e4}:\u{df}") };
        assert_eq!(helped(script, PATIENCE), Ok(Some(Credential::Login(login))));
    }
}
