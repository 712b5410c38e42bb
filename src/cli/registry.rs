//! The options by which every verb reaches registries, and the environment that goes with them. The result is an
//! [`Access`], the only value that room `registry` gets from the command line.

use std::{io::Read as _, num::NonZeroUsize, path::PathBuf, sync::LazyLock, time::Duration};

use clap::Args;

use super::caller;
use crate::{
    commands::push::PushSettings,
    recipe::TagPatterns,
    registry::{Access, Login, RegistryWarnings, Secret, TokenRealm, push::TagPolicy},
    report::{ErrorName, Failure, Limits, printable},
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
    #[command(flatten)]
    reach: ReachArguments,
}

/// How registries are reached, whatever the login.
#[derive(Debug, Default, Args)]
pub(super) struct ReachArguments {
    /// Trust the CA certificates of this PEM file besides the system's; repeatable
    #[arg(long = "ca-file", value_name = "FILE")]
    ca_files: Vec<PathBuf>,
    /// Reach registries by HTTP without TLS; `localhost` and loopback addresses need no permission
    #[arg(long)]
    plain_http: bool,
    /// Give the login also to this host when a registry on another domain names it as the maker of its tokens; repeatable
    #[arg(long = "token-realm", value_name = "HOST")]
    token_realms: Vec<String>,
    /// Wait this long in all for a registry that is away or answers HTTP 5xx or 429, such as 60s or 5m; 0s tries once
    /// [default: five short pauses, and none where nothing listens]
    #[arg(long, value_name = "TIME")]
    retry: Option<String>,
}

impl RegistryArguments {
    /// Refuses two readers of stdin: the password, and something else that `is_taken` says is read from there.
    pub(super) fn check_stdin(&self, is_taken: bool) -> Result<(), Failure> {
        if self.password_stdin && is_taken {
            let what = "`--password-stdin` and `-` both read stdin";
            return Err(Failure::error(ErrorName::Usage, what).hint("name a file instead of `-`"));
        }
        Ok(())
    }

    /// The options and the environment as one value. Reads the password from stdin.
    pub(super) fn access(&self) -> Result<Access, Failure> {
        let login = match &self.username {
            Some(username) if self.password_stdin => Some(Login { username: username.clone(), password: password()? }),
            _ => None,
        };
        self.reach.access(login)
    }
}

impl ReachArguments {
    /// The options and the environment as one value, with a login for this call.
    pub(super) fn access(&self, login: Option<Login>) -> Result<Access, Failure> {
        Ok(Access {
            environment: std::env::vars_os().collect(),
            home: caller::home(),
            login,
            plain_http: self.plain_http,
            retry: self.retry.as_deref().map(retry_time).transpose()?,
            token_realms: self.token_realms.iter().map(|host| TokenRealm::parse(host)).collect::<Result<_, _>>()?,
            ca_files: self.ca_files.clone(),
            client: None,
            offline: false,
            notices: NOTICES.clone(),
            ..Access::default()
        })
    }
}

/// `--tag-policy`, which `push` and `build --push` share.
#[derive(Debug, Args)]
pub(super) struct TagArguments {
    /// What to do with a tag that names another image: replace, keep, or fail before anything is sent
    #[arg(long, value_name = "POLICY", default_value = "replace")]
    tag_policy: String,
}

impl TagArguments {
    /// How to push. Which tags may move is known when the policy file is read.
    pub(super) fn settings(&self, jobs: Option<NonZeroUsize>, access: Access) -> Result<PushSettings, Failure> {
        Ok(PushSettings { policy: self.policy()?, patterns: TagPatterns::default(), jobs, access })
    }

    /// Parses `--tag-policy`.
    fn policy(&self) -> Result<TagPolicy, Failure> {
        TagPolicy::ALL.into_iter().find(|policy| policy.name() == self.tag_policy).ok_or_else(|| {
            let names = TagPolicy::ALL.map(|policy| format!("`{}`", policy.name())).join(", ");
            Failure::error(
                ErrorName::Usage,
                format!("`--tag-policy {}` is not one of {names}", printable(&self.tag_policy)),
            )
        })
    }
}

/// A time such as `60s` or `1m 30s`, up to [`Limits::RETRY_TIME`].
fn retry_time(text: &str) -> Result<Duration, Failure> {
    let time = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    time.filter(|time| *time <= Limits::RETRY_TIME).ok_or_else(|| {
        let what = format!("`--retry {}` is no time from 0s to 24h", printable(text));
        Failure::error(ErrorName::Usage, what).hint("such as `--retry 60s` or `--retry 5m`")
    })
}

/// The password on standard input, without the line break that `echo` adds.
pub(super) fn password() -> Result<Secret, Failure> {
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
