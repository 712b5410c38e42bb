//! Finds secrets in the words of a command: settings, options, headers, logins.

use super::{
    assignment::{self, Demand},
    connection, placeholder,
};

/// One word of a command, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandWord {
    /// Where it begins in the command.
    pub(super) at: usize,
    pub(super) text: String,
}

/// A secret in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommandSecret<'a> {
    /// What says that it is one: the name of a setting, an option, a header, a program.
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// Where the word with it begins in the command.
    pub(super) at: usize,
}

/// Commands within words of commands (`sh -c '...'`) that are read: one more for a shell started by a shell.
const DEPTH: usize = 2;
/// Words of one command that are looked through: back to an `echo`, on to an operand.
const NEAR: usize = 8;

/// Whether the words of a text may say a secret: that takes a setting, an option, a login, or a header, which has a blank in
/// it and therefore quotes or backslashes around that. Most lines of a history have none of these.
pub(super) fn may_command(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr2(b'=', b'-', bytes).is_some()
        || memchr::memchr(b':', bytes).is_some()
            && (memchr::memchr3(b'"', b'\'', b'\\', bytes).is_some()
                || ["chpasswd", "bundle", "_authToken", "_password"].iter().any(|w| text.contains(w)))
        || text.contains("password ")
}

/// The words of a command as a shell would see them, roughly: quotes join, backslashes escape, operators part. The words of a
/// list in JSON are parted, too.
pub(super) fn split(text: &str) -> Vec<CommandWord> {
    let mut words = Vec::new();
    let mut word = CommandWord { at: 0, text: String::new() };
    let mut quote = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let escaped = if c == '\\' && quote != Some('\'') { chars.next().map(|(_, c)| c) } else { None };
        let next = chars.peek().map(|(_, c)| *c);
        let is_operator =
            matches!(c, ';' | '|' | '&' | '(' | ')') || (c == '[' && word.text.is_empty() && next == Some('"'));
        if quote.is_none() && escaped.is_none() && (c.is_whitespace() || is_operator) {
            push_word(&mut words, &mut word);
            continue;
        }
        if word.text.is_empty() {
            word.at = at;
        }
        match (escaped, quote) {
            (Some(c), _) => word.text.push(c),
            (None, Some(open)) if c == open => {
                quote = None;
                // `["a","b"]`
                if open == '"' && matches!(next, Some(',' | ']')) {
                    chars.next();
                    push_word(&mut words, &mut word);
                }
            }
            (None, None) if matches!(c, '"' | '\'') => quote = Some(c),
            _ => word.text.push(c),
        }
    }
    push_word(&mut words, &mut word);
    words
}

fn push_word(words: &mut Vec<CommandWord>, word: &mut CommandWord) {
    if !word.text.is_empty() {
        words.push(std::mem::replace(word, CommandWord { at: 0, text: String::new() }));
    }
}

/// Calls `see` for each secret in the words of a command.
pub(super) fn each_secret(words: &[CommandWord], demand: Demand, see: &mut dyn FnMut(CommandSecret<'_>)) {
    each_secret_within(words, demand, DEPTH, see);
}

fn each_secret_within(words: &[CommandWord], demand: Demand, depth: usize, see: &mut dyn FnMut(CommandSecret<'_>)) {
    // Words that say what `-u` and `-p` mean, until another program begins.
    let mut program = "";
    for (number, word) in words.iter().enumerate() {
        let text = word.text.as_str();
        program = program_of(text).unwrap_or(program);
        let before = words.get(..number).unwrap_or_default();
        let after = words.get(number + 1..).unwrap_or_default();
        if let Some(login) = account_login(text, before, after) {
            see(login);
            continue;
        }
        // A redirection is no value.
        let next = after.first().filter(|next| !next.text.starts_with(['-', '>', '<']));
        let here = |(name, value)| CommandSecret { name, value, at: word.at };
        let found = setting(text, demand)
            .or_else(|| header(text, demand))
            .map(here)
            .or_else(|| {
                let next = next?;
                let (name, value) = option(program, text, &next.text, demand)?;
                Some(CommandSecret { name, value, at: next.at })
            })
            .or_else(|| positional(program, text, after))
            .or_else(|| glued(program, text).map(here));
        if let Some(secret) = found {
            see(secret);
        } else if depth > 0 && text.contains(char::is_whitespace) && may_command(text) {
            let mut inner = split(text);
            for inner in &mut inner {
                inner.at = word.at;
            }
            each_secret_within(&inner, demand, depth - 1, see);
        }
    }
}

/// The program that a word names, if its options are known.
fn program_of(word: &str) -> Option<&str> {
    const PROGRAMS: [&str; 22] = [
        "curl",
        "wget",
        "sshpass",
        "login",
        "mysql",
        "mysqldump",
        "mysqladmin",
        "mariadb",
        "mariadb-dump",
        "mariadb-admin",
        "redis-cli",
        "mongo",
        "mongosh",
        "mongodump",
        "htpasswd",
        "useradd",
        "usermod",
        "openssl",
        "bundle",
        "npm",
        "yarn",
        "smbclient",
    ];
    let name = word.rsplit('/').next().unwrap_or_default();
    PROGRAMS.contains(&name).then_some(name)
}

/// `NAME=value` and `--name=value`.
fn setting(word: &str, demand: Demand) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    // `//registry/:_authToken=value`, as npm has it.
    let name = if name.starts_with("//") { name.rsplit(":_").next().unwrap_or(name) } else { name };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if !is_name {
        return None;
    }
    // `BUNDLE_GEMS__EXAMPLE__COM=user:value`: the name is a host.
    let is_bundle = name.starts_with("BUNDLE_") && name.contains("__") && is_login(value);
    if is_bundle || assignment::is_secret(name, value, demand) {
        return Some((name, value));
    }
    connection::password(value).map(|password| (name, password))
}

/// Whether `value` is a user and a password.
fn is_login(value: &str) -> bool {
    let Some((user, password)) = value.split_once(':') else { return false };
    !user.is_empty() && password.len() >= 3 && !password.starts_with("//") && !placeholder::is_placeholder(password)
}

/// `Authorization: Bearer value`, `X-Api-Key: value`.
fn header(word: &str, demand: Demand) -> Option<(&str, &str)> {
    let (name, rest) = word.split_once(": ")?;
    let name = name.rsplit(['\n', '\r']).next().unwrap_or(name);
    let value = rest.split_ascii_whitespace().last()?;
    let is_login = name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("proxy-authorization");
    let is_secret = is_login && value.len() >= 8 && !placeholder::is_placeholder(value)
        || assignment::is_secret(name, value, demand);
    is_secret.then_some((name, value))
}

/// `--password value`, `-u user:value` of curl, `-p value` of a login, `-passin pass:value` of OpenSSL.
fn option<'a>(program: &str, option: &'a str, value: &'a str, demand: Demand) -> Option<(&'a str, &'a str)> {
    let real = |value: &'a str| (value.len() >= 3 && !placeholder::is_placeholder(value)).then_some((option, value));
    match (program, option) {
        ("curl" | "wget", "-u" | "--user" | "-U" | "--proxy-user") => real(value.split_once(':')?.1),
        ("smbclient", "-U" | "--user") => real(value.split_once('%')?.1),
        ("sshpass" | "login" | "useradd" | "usermod" | "mongo" | "mongosh" | "mongodump", "-p")
        | ("redis-cli", "-a") => real(value),
        ("openssl", "-passin" | "-passout" | "-pass") => real(value.strip_prefix("pass:")?),
        _ if option.starts_with("--") && !option.contains('=') => {
            assignment::is_secret(option, value, demand).then_some((option, value))
        }
        _ => None,
    }
}

/// Arguments that are secrets by their place: `htpasswd -b FILE USER value`, `bundle config HOST user:value`,
/// `npm config set //registry/:_authToken value`.
fn positional<'a>(program: &str, word: &'a str, after: &'a [CommandWord]) -> Option<CommandSecret<'a>> {
    let named = |name: &'a str, word: &'a CommandWord| {
        let value = word.text.as_str();
        let is_real = value.len() >= 3 && !placeholder::is_placeholder(value);
        is_real.then_some(CommandSecret { name, value, at: word.at })
    };
    match program {
        "htpasswd" if word.starts_with('-') && !word.starts_with("--") && word.contains('b') => {
            let near = after.get(..after.len().min(NEAR)).unwrap_or_default();
            // Without a file, `-n` prints the line.
            let place = if word.contains('n') || near.iter().any(|word| word.text == "-n") { 1 } else { 2 };
            named(word, near.iter().filter(|word| !word.text.starts_with('-')).nth(place)?)
        }
        "bundle" if word.contains('.') && !word.starts_with('-') => {
            let next = after.first().filter(|next| is_login(&next.text))?;
            named(word, next)
        }
        "npm" | "yarn" if word.ends_with(":_authToken") || word.ends_with(":_password") => named(word, after.first()?),
        _ => None,
    }
}

/// `-pvalue` of mysql and sshpass, `-uuser:value` of curl.
fn glued<'a>(program: &str, word: &'a str) -> Option<(&'a str, &'a str)> {
    let (name, value) = match program {
        "mysql" | "mysqldump" | "mysqladmin" | "mariadb" | "mariadb-dump" | "mariadb-admin" | "sshpass" => {
            ("-p", word.strip_prefix("-p")?)
        }
        "curl" => ("-u", word.strip_prefix("-u")?.split_once(':')?.1),
        _ => return None,
    };
    (value.len() >= 3 && !placeholder::is_placeholder(value)).then_some((name, value))
}

/// The password of an account that a command writes: `echo user:value | chpasswd`, `chpasswd <<< user:value`,
/// `echo value | passwd --stdin user`, and `echo machine HOST login USER password value` into a `.netrc`.
fn account_login<'a>(word: &'a str, before: &'a [CommandWord], after: &'a [CommandWord]) -> Option<CommandSecret<'a>> {
    let near = before.get(before.len().saturating_sub(NEAR)..).unwrap_or_default();
    let real = |name: &'a str, value: &'a str, at: usize| {
        (value.len() >= 3 && !placeholder::is_placeholder(value)).then_some(CommandSecret { name, value, at })
    };
    match word.rsplit('/').next().unwrap_or_default() {
        "chpasswd" => {
            let here = after.iter().take(NEAR).skip_while(|word| word.text != "<<<");
            near.iter().rev().chain(here).find_map(|word| {
                let (user, value) = word.text.trim_end().split_once(':')?;
                let is_user =
                    !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
                real("chpasswd", value, word.at).filter(|_| is_user)
            })
        }
        "passwd" if after.first().is_some_and(|option| option.text == "--stdin") => {
            let value =
                before.last().filter(|_| near.iter().any(|word| matches!(word.text.as_str(), "echo" | "printf")))?;
            real("passwd", &value.text, value.at)
        }
        "password" => {
            let is_netrc = near.iter().any(|word| word.text == "login" || word.text.ends_with("machine"));
            let value = after.first().filter(|_| is_netrc)?;
            real("password", value.text.split_ascii_whitespace().next()?, value.at)
        }
        _ => None,
    }
}
