//! The options by which every verb reaches registries, and the environment that goes with them. The result is an
//! [`Access`], the only value that room `registry` gets from the command line.

use std::{io::Read as _, path::PathBuf, sync::LazyLock};

use clap::Args;

use super::{arguments::RecipeArguments, caller, push::TagArguments};
use crate::{
    commands::push::PushSettings,
    registry::{Access, Login, RegistryWarnings, Secret},
    report::{ErrorName, Failure, Limits},
};

/// Warnings of registries (the `Warning` header), collected while a verb runs and printed when it is done.
pub(super) static NOTICES: LazyLock<RegistryWarnings> = LazyLock::new(RegistryWarnings::default);

/// How registries are reached; every verb that takes an IMAGE or a REF has these.
#[derive(Debug, Default, Args)]
pub(super) struct RegistryArguments {
    /// User name for the registry, instead of the credentials of `docker login` or `podman login`
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Trust the CA certificates of this PEM file besides the system's; repeatable
    #[arg(long = "ca-file", value_name = "FILE")]
    ca_files: Vec<PathBuf>,
    /// Reach registries by HTTP without TLS; `localhost` and loopback addresses need no permission
    #[arg(long)]
    plain_http: bool,
}

impl RegistryArguments {
    /// The options and the environment as one value. Reads the password from stdin.
    pub(super) fn access(&self) -> Result<Access, Failure> {
        let login = match &self.username {
            Some(username) if self.password_stdin => Some(Login { username: username.clone(), password: password()? }),
            _ => None,
        };
        Ok(Access {
            environment: std::env::vars_os().collect(),
            home: caller::home(),
            login,
            plain_http: self.plain_http,
            ca_files: self.ca_files.clone(),
            offline: false,
            notices: NOTICES.clone(),
        })
    }
}

/// `build --push`.
#[derive(Debug, Args)]
pub(super) struct BuildPush {
    /// Push the image to HOST/REPOSITORY:TAG as well; may hold {name} and other variables; repeatable
    #[arg(long, value_name = "REF")]
    push: Vec<String>,
    #[command(flatten)]
    tags: TagArguments,
    #[command(flatten)]
    registry: RegistryArguments,
}

impl BuildPush {
    /// How registries are reached, for bases and for `--push`.
    pub(super) fn access(&self) -> Result<Access, Failure> {
        self.registry.access()
    }

    /// The references and settings of the push; `None` without `--push`.
    pub(super) fn request(
        &self,
        common: &RecipeArguments,
        access: &Access,
    ) -> Result<Option<(Vec<String>, PushSettings)>, Failure> {
        if self.push.is_empty() {
            return Ok(None);
        }
        if common.offline {
            return Err(Failure::error(ErrorName::Usage, "`--push` needs the network, and `--offline` forbids it")
                .hint("build now, `hardpan push` later"));
        }
        let settings = PushSettings { policy: self.tags.policy()?, jobs: None, access: access.clone() };
        Ok(Some((self.push.clone(), settings)))
    }
}

/// The password on standard input, without the line break that `echo` adds.
fn password() -> Result<Secret, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(Limits::PASSWORD_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("read the password", "stdin", &error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::error(ErrorName::Credentials, "the password on stdin is not UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Failure::error(ErrorName::Credentials, "the password on stdin is empty")
            .hint("such as `hardpan ... --password-stdin < FILE`"));
    }
    if text.len() as u64 > Limits::PASSWORD_BYTES || text.contains(['\n', '\r', '\0']) {
        return Err(Failure::error(ErrorName::Credentials, "the password on stdin has several lines or is too long"));
    }
    Ok(Secret::new(text))
}
