//! Finds passwords in URLs: `scheme://user:password@host`.

use std::borrow::Cow;

use super::{
    class::Class,
    entropy,
    found_secret::{FoundSecret, KeywordWindow},
    placeholder,
};
use crate::report::Severity;

/// The separator between a scheme and the rest.
pub(super) const MARK: &str = "://";
/// The longest user and password that are looked for; longer ones are not credentials.
const USERINFO: usize = 256;
/// Passwords of manuals.
const SAMPLES: [&str; 14] = [
    "password", "passwd", "pass", "pwd", "secret", "token", "user", "username", "foo", "bar", "pw", "p", "1234", "test",
];

/// The password of the URL whose `://` is the keyword.
///
/// Ends at the first slash, blank or quote, so that no byte is read for two URLs.
///
/// Of binary data, only a URL of a service with a login: programs have the forms of URLs in them, and the names of schemes.
pub(super) fn userinfo<'a>(window: KeywordWindow<'a>, is_binary: bool, work: &mut u64) -> Option<FoundSecret<'a>> {
    const SCHEME: Class = Class::of(b"0-9A-Za-z+.-");
    const USERINFO_BYTES: Class = Class::of(b"0-9A-Za-z!$&'()*+,;=:%._~#^?{}[]<>|@-");
    let scheme = SCHEME.run_back(window.before(), 20);
    let rest = window.rest().strip_prefix(MARK.as_bytes())?;
    let run = USERINFO_BYTES.run(rest, USERINFO + 64);
    *work += (scheme + run) as u64;
    let authority = rest.get(..run)?;
    let at = memchr::memrchr(b'@', authority)?;
    let colon = memchr::memchr(b':', authority.get(..at)?)?;
    let (user, password) = (authority.get(..colon)?, authority.get(colon + 1..at)?);
    let host = authority.get(at + 1..)?;
    let host_is_one = host.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'[');
    let text = std::str::from_utf8(password).ok()?;
    if is_binary && !is_of_service(window.before(), password, host) {
        return None;
    }
    if scheme < 2 || at > USERINFO || !host_is_one || is_sample(user, text, host) {
        return None;
    }
    let start = window.keyword + MARK.len() + colon + 1;
    Some(FoundSecret {
        at: start..start + password.len(),
        value: Cow::Borrowed(password),
        name: None,
        severity: Some(weight(window, password, work)),
        // What passes for one there is no form.
        proven: is_binary,
    })
}

/// Whether the URL behind `before` is one of a service, with a password and a host that look real.
fn is_of_service(before: &[u8], password: &[u8], host: &[u8]) -> bool {
    const HOST: Class = Class::of(b"0-9A-Za-z.-");
    let schemes = [
        "postgres",
        "postgresql",
        "mysql",
        "mariadb",
        "mongodb",
        "mongodb+srv",
        "redis",
        "rediss",
        "amqp",
        "amqps",
        "https",
        "http",
    ];
    let name = host.get(..HOST.run(host, host.len())).unwrap_or_default();
    schemes.iter().any(|scheme| before.ends_with(scheme.as_bytes()))
        && entropy::tenths(password) >= 30
        && password.len() >= 8
        && password.iter().any(u8::is_ascii_digit)
        // Several hosts, or what is to be replaced.
        && !password.contains(&b',')
        && !password.contains(&b'%')
        && name.len() >= 2
}

/// The severity of such a password: low in a comment, as in manuals, and lower if it is a word.
fn weight(window: KeywordWindow<'_>, password: &[u8], work: &mut u64) -> Severity {
    let line = window.before().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    *work += line.len() as u64;
    let line = line.trim_ascii_start();
    if [b"#".as_slice(), b"//", b"*", b"/*", b";", b"--"].iter().any(|mark| line.starts_with(mark)) {
        return Severity::Low;
    }
    if entropy::tenths(password) >= 25 { Severity::High } else { Severity::Medium }
}

/// Whether the password is a word of a manual, a reference, or the host one that is kept for manuals (RFC 2606).
fn is_sample(user: &[u8], password: &str, host: &[u8]) -> bool {
    let lower = password.to_ascii_lowercase();
    let host = host.split(|byte| matches!(byte, b':' | b'?' | b'#')).next().unwrap_or_default().to_ascii_lowercase();
    let reserved = ["example.com", "example.org", "example.net", ".example", ".test", ".invalid", "example"];
    // `p@ssw0rd` is the word too.
    let plain = lower.replace('@', "a").replace('0', "o").replace('$', "s");
    let is_word = SAMPLES.contains(&plain.as_str()) || plain.len() < 4 || plain.starts_with("password");
    is_word
        || placeholder::is_placeholder(password)
        || password.contains(['<', '>', '{', '}', '|', '[', ']', '(', ')', '^', '*', '\''])
        || user.eq_ignore_ascii_case(password.as_bytes())
        || reserved.iter().any(|name| host.ends_with(name.as_bytes()))
        || matches!(host.as_slice(), b"host" | b"hostname" | b"server" | b"domain" | b"proxy")
}
