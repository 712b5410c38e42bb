//! `hardpan login` and `hardpan logout`: their options, and the name and password that a user types.

use std::io::{self, BufRead as _, IsTerminal as _};

use clap::Args;

use super::{
    password_prompt::{self, PasswordPrompt},
    registry::{ReachArguments, password},
    terminal::Terminal,
};
use crate::{
    commands::login as verbs,
    registry::{Login, RegistryHost, Secret},
    report::{ErrorName, Failure, Failures, printable},
};

#[derive(Debug, Args)]
pub(super) struct LoginArguments {
    /// The registry, HOST or HOST:PORT
    host: String,
    /// User name; a terminal is asked for it otherwise
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
    #[command(flatten)]
    reach: ReachArguments,
}

#[derive(Debug, Args)]
pub(super) struct LogoutArguments {
    /// The registry, HOST or HOST:PORT
    host: String,
}

/// Runs `login`.
pub(super) fn run_login(arguments: &LoginArguments, terminal: &Terminal) -> Result<(), Failures> {
    let host = RegistryHost::parse(&arguments.host)?;
    let access = arguments.reach.access(None)?;
    let login = if arguments.password_stdin {
        Login { username: username(arguments.username.clone())?, password: password()? }
    } else {
        typed(arguments, &host)?
    };
    verbs::login(&host, &login, &access, terminal)
}

/// Runs `logout`.
pub(super) fn run_logout(arguments: &LogoutArguments, terminal: &Terminal) -> Result<(), Failures> {
    let host = RegistryHost::parse(&arguments.host)?;
    verbs::logout(&host, &ReachArguments::default().access(None)?, terminal)
}

/// The login that the user types at a terminal.
fn typed(arguments: &LoginArguments, host: &RegistryHost) -> Result<Login, Failure> {
    if !io::stdin().is_terminal() {
        let what = "there is no terminal to ask for the password";
        return Err(Failure::error(ErrorName::Usage, what)
            .hint("such as `hardpan login HOST --username NAME --password-stdin < FILE`"));
    }
    let name = if let Some(name) = &arguments.username {
        name.clone()
    } else {
        password_prompt::show(&format!("User name for {}: ", printable(host.name())));
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(|error| Failure::io("read the name", "stdin", &error))?;
        line.trim().to_owned()
    };
    let username = username(Some(name))?;
    let password =
        PasswordPrompt::default().password(&format!("Password of {} (not shown): ", printable(&username)))?;
    Ok(Login { username, password: Secret::new(password) })
}

/// A name that can be part of a login.
fn username(name: Option<String>) -> Result<String, Failure> {
    let name = name.unwrap_or_default();
    if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
        let what = "a user name is not empty, and has neither `:` nor control characters";
        return Err(Failure::error(ErrorName::Credentials, what));
    }
    Ok(name)
}
