//! Parses credential files and settings files (netrc, kubeconfig, Docker logins, `.env`) and finds the secrets in them.

use std::{borrow::Cow, iter};

use serde_json::{Map, Value};

use super::{
    assignment::{self, Demand},
    decode,
    found_secret::KeywordWindow,
    hit::mask,
    keys,
    location::Location,
    names::Format,
    placeholder,
};
use crate::report::{Limits, Rule, Severity};

/// A secret that a document exposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exposed {
    pub(super) rule: Rule,
    pub(super) detector: &'static str,
    pub(super) severity: Severity,
    pub(super) offset: usize,
    /// The setting's name, where there is one.
    pub(super) name: String,
    pub(super) value: String,
    /// The text that identifies the secret, if that is not the value as written.
    pub(super) identity: Option<Vec<u8>>,
}

impl Exposed {
    /// The printable form: the name of the setting, and nothing of a value that a person chose.
    pub(super) fn masked(&self) -> String {
        let name: String = self.name.chars().take(64).collect();
        // A name that holds the value would give it away.
        let is_safe = !name.is_empty() && !name.contains(&self.value);
        if is_safe { format!("{name}={}", mask(b"")) } else { mask(b"") }
    }
}

/// The bytes of a file as a text of the same length, so that a place in the text is the place in the file. Each byte that is
/// no UTF-8 is a DEL in it: no part of a name, a number or base64, and allowed in a string of JSON.
pub(super) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(iter::repeat_n('\u{7f}', chunk.invalid().len()));
    }
    Cow::Owned(text)
}

/// The secrets in `text`, parsed as `format` or, without one, as JSON of a known kind.
pub(super) fn read(format: Option<Format>, location: Location, text: &str) -> Vec<Exposed> {
    let mut found = Vec::new();
    if text.trim_start().starts_with('{') {
        found.extend(json(text));
    }
    match format {
        Some(Format::Settings(detector)) => settings(text, detector, Demand::Any, Severity::High, &mut found),
        Some(Format::Config) if location.is_own() => {
            settings(text, "generic-secret", Demand::Random, Severity::Medium, &mut found);
        }
        Some(Format::Netrc) => netrc(text, &mut found),
        Some(Format::Pgpass) => lines(text, "pgpass", Severity::High, pgpass, &mut found),
        Some(Format::Shadow) => lines(text, "shadow-hash", Severity::Medium, shadow, &mut found),
        Some(Format::Htpasswd) => lines(text, "htpasswd", Severity::Medium, shadow, &mut found),
        Some(Format::Token(detector)) => token(text, detector, &mut found),
        Some(Format::GitConfig) => lines(text, "git-header", Severity::High, git_header, &mut found),
        Some(Format::Kube) => kube(text, &mut found),
        Some(Format::Config | Format::Json) | None => {}
    }
    found.truncate(Limits::SECRETS_PER_FILE);
    found
}

/// Where `part` begins in `text`, of which it is a slice.
fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr()).min(text.len())
}

fn exposed(detector: &'static str, severity: Severity, offset: usize, name: &str, value: &str) -> Exposed {
    let (name, value) = (name.to_owned(), value.to_owned());
    Exposed { rule: Rule::CredentialFile, detector, severity, offset, name, value, identity: None }
}

fn settings(text: &str, detector: &'static str, demand: Demand, severity: Severity, found: &mut Vec<Exposed>) {
    for line in text.lines() {
        // npm writes `//host/:_authToken=value`.
        let line = line.strip_prefix("//").and_then(|rest| rest.split_once(":_")).map_or(line, |(_, rest)| rest);
        let Some((name, value)) = assignment::of_line(line) else { continue };
        let is_npm = detector == "npmrc"
            && matches!(name, "auth" | "_auth")
            && value.len() >= 8
            && !placeholder::is_placeholder(value);
        if is_npm || assignment::is_secret(name, value, demand) {
            found.push(exposed(detector, severity, offset_in(text, value), name, value));
        }
    }
}

/// `machine HOST login USER password VALUE`, in any lines.
fn netrc(text: &str, found: &mut Vec<Exposed>) {
    let mut words = text.split_ascii_whitespace();
    while let Some(word) = words.next() {
        if word != "password" {
            continue;
        }
        if let Some(value) = words.next().filter(|value| !placeholder::is_placeholder(value)) {
            found.push(exposed("netrc", Severity::High, offset_in(text, value), "password", value));
        }
    }
}

fn lines(
    text: &str,
    detector: &'static str,
    severity: Severity,
    read: fn(&str) -> Option<&str>,
    found: &mut Vec<Exposed>,
) {
    for value in text.lines().filter(|line| !line.starts_with('#')).filter_map(read) {
        found.push(exposed(detector, severity, offset_in(text, value), "", value));
    }
}

/// `host:port:database:user:password`.
fn pgpass(line: &str) -> Option<&str> {
    let value = line.splitn(5, ':').nth(4)?;
    (!value.is_empty() && !placeholder::is_placeholder(value)).then_some(value)
}

/// `user:hash:..`, where the hash is one: crypt's `$id$..`, or `{SHA}..` of htpasswd.
fn shadow(line: &str) -> Option<&str> {
    let value = line.split(':').nth(1)?;
    let is_crypt = value.starts_with('$') && value.matches('$').count() >= 3 || value.starts_with("{SHA}");
    (is_crypt && value.len() > 20).then_some(value)
}

/// `extraheader = AUTHORIZATION: basic VALUE`.
fn git_header(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    let header = name.trim().eq_ignore_ascii_case("extraheader");
    let secret = value.split_ascii_whitespace().last()?;
    let is_real = secret.len() >= 8 && !placeholder::is_placeholder(secret);
    (header && value.to_ascii_lowercase().contains("authorization:") && is_real).then_some(secret)
}

/// A file that holds one token and nothing else.
fn token(text: &str, detector: &'static str, found: &mut Vec<Exposed>) {
    let value = text.trim();
    if value.len() >= 8 && !value.contains(char::is_whitespace) && !placeholder::is_placeholder(value) {
        found.push(exposed(detector, Severity::High, offset_in(text, value), "", value));
    }
}

/// Users of a kubeconfig: tokens, passwords, and keys in base64 of PEM.
fn kube(text: &str, found: &mut Vec<Exposed>) {
    settings(text, "kubeconfig", Demand::Any, Severity::High, found);
    for line in text.lines() {
        let Some(("client-key-data", value)) = assignment::of_line(line.trim_start_matches([' ', '-'])) else {
            continue;
        };
        let is_key = decode::base64(value.as_bytes())
            .is_some_and(|pem| memchr::memmem::find(&pem, b"PRIVATE KEY-----").is_some());
        if is_key {
            let mut hit = exposed("kubeconfig", Severity::Critical, offset_in(text, value), "client-key-data", value);
            hit.rule = Rule::PrivateKey;
            found.push(hit);
        }
    }
}

/// The secret in a JSON document of a known kind: a service account, a login of Docker or of gcloud, a token of Terraform.
fn json(text: &str) -> Option<Exposed> {
    let object = decode::json_object(text.trim().as_bytes())?;
    let field = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let find = |words: &str| memchr::memmem::find(text.as_bytes(), words.as_bytes());
    // A value with escapes in it is not in the text as it is: its name shows the place.
    let at = |name: &str, value: &str| find(value).or_else(|| find(&format!("\"{name}\""))).unwrap_or_default();
    let of_provider = |detector, name: &str, value: &str| {
        let mut hit = exposed(detector, Severity::Critical, at(name, value), name, value);
        hit.rule = Rule::ProviderToken;
        hit
    };
    match field("type") {
        "service_account"
            if field("private_key").contains("PRIVATE KEY-----") && field("client_email").contains('@') =>
        {
            let mut hit = of_provider("gcp-service-account", "private_key_id", field("private_key"));
            hit.offset = find("\"private_key\"").unwrap_or_default();
            hit.identity = keys::pem(KeywordWindow { bytes: field("private_key").as_bytes(), keyword: 0 }, &mut 0)
                .map(|key| key.value.into_owned());
            return Some(hit);
        }
        "authorized_user" if field("refresh_token").len() > 20 => {
            return Some(of_provider("gcloud-credentials", "refresh_token", field("refresh_token")));
        }
        _ => {}
    }
    if let Some(login) = docker_login(&object) {
        let offset = find("\"auths\"").unwrap_or_default();
        let mut hit = exposed("docker-config", Severity::Critical, offset, "auths", &login);
        hit.rule = Rule::CredentialFile;
        return Some(hit);
    }
    let tokens = object.get("credentials").and_then(Value::as_object)?;
    let token = tokens.values().filter_map(|host| host.get("token")?.as_str()).find(|token| token.len() >= 8)?;
    (!placeholder::is_placeholder(token)).then(|| of_provider("terraform-token", "token", token))
}

/// The first login that a Docker configuration holds: `user:password`, or a token.
pub(super) fn docker_login(config: &Map<String, Value>) -> Option<String> {
    let auths = config.get("auths")?.as_object()?;
    auths.values().find_map(|host| {
        let field =
            |name: &str| host.get(name).and_then(Value::as_str).filter(|value| !placeholder::is_placeholder(value));
        if let Some(token) = field("identitytoken").or(field("registrytoken")).or(field("password")) {
            return Some(token.to_owned());
        }
        let login = String::from_utf8(decode::base64(field("auth")?.as_bytes())?).ok()?;
        let (_, password) = login.split_once(':')?;
        (!placeholder::is_placeholder(password)).then_some(login)
    })
}
