//! Entry points for the fuzz targets to the parsers of foreign bytes in this room. Nothing else uses them.

use ureq::{
    Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode},
};

use super::{
    Reference, RegistryWarnings, Secret, action_result,
    auth::{self, AuthToken, Challenge, Credential, CredentialsFile, TokenScopes},
    download,
    http::{RegistryResponse, retry_pause},
    mirrors, push,
    url::Url,
};
use crate::report::{Failure, Limits};

/// Header fields of an answer that are looked at; more make it no answer.
const FIELDS: usize = 64;

/// A challenge that was chosen: none is a name and a password.
pub type ChosenChallenge = Option<BearerChallenge>;

/// A challenge that a token answers.
#[derive(Debug, PartialEq, Eq)]
pub struct BearerChallenge {
    /// Where tokens are had. Foreign text.
    pub realm: String,
    /// Whom the token is for.
    pub service: Option<String>,
    /// What it must allow.
    pub scopes: Vec<String>,
}

/// The challenge that `WWW-Authenticate` fields are answered by, or the names of those that are there.
///
/// # Errors
/// None that can be answered.
pub fn challenge(fields: &[&str]) -> Result<ChosenChallenge, Vec<String>> {
    auth::choose_challenge(fields.iter().copied()).map(|chosen| match chosen {
        Challenge::Basic => None,
        Challenge::Bearer { realm, service, scopes } => Some(BearerChallenge { realm, service, scopes }),
    })
}

/// The request for a token that a challenge leads to: its URL, and the URL without the query.
pub fn token_request(challenge: &BearerChallenge) -> Option<(String, String)> {
    let realm = Url::parse(&challenge.realm)?;
    let wanted: TokenScopes = challenge.scopes.iter().cloned().collect();
    let request = auth::token_request(&realm, challenge.service.as_deref(), &wanted, None);
    Some((request.url.to_string(), request.url.shown()))
}

/// The most challenges, and the most parameters of one, that are read.
pub const CHALLENGES: usize = Limits::CHALLENGES;

/// The URL that a text is.
pub fn url(text: &str) -> Option<String> {
    Url::parse(text).map(|url| url.to_string())
}

/// Where a `Location` leads from a URL.
pub fn join(base: &str, location: &str) -> Option<String> {
    Some(Url::parse(base)?.join(location)?.to_string())
}

/// The header field that a token in an answer becomes.
pub fn token(body: &[u8]) -> Option<String> {
    auth::parse_token(body).map(|token| token.header().reveal().to_owned())
}

/// What was found in an answer of a registry.
#[derive(Debug)]
pub struct ReadAnswer {
    /// The refusal as a user sees it.
    pub refusal: String,
    /// Warnings as a user sees them.
    pub warnings: Vec<String>,
    /// Seconds of `Retry-After`.
    pub retry_after: Option<u64>,
    /// Where a partial body begins.
    pub range_start: Option<u64>,
    /// How much of an upload `Range` says that there is.
    pub stored: Option<u64>,
    /// Where `Location` leads.
    pub location: Option<String>,
}

/// Reads an answer, head and body, as one that a registry sent after it was sent `secret`.
pub fn answer(bytes: &[u8], secret: &str) -> Option<ReadAnswer> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    let mut headers = HeaderMap::new();
    for field in head.headers.iter() {
        headers.append(HeaderName::from_bytes(field.name.as_bytes()).ok()?, HeaderValue::from_bytes(field.value).ok()?);
    }
    let url = Url::parse("https://registry.example/v2/")?;
    let secrets = [Secret::new(secret)];
    let warnings = RegistryWarnings::default();
    warnings.record(&url, headers.get_all("warning").iter().map(HeaderValue::as_bytes), &secrets);
    let mut response = Response::new(Body::builder().data(bytes.get(length..)?));
    *response.status_mut() = StatusCode::from_u16(head.code?).ok()?;
    *response.headers_mut() = headers;
    let mut response = RegistryResponse::new(response, url.clone(), secrets.to_vec());
    Some(ReadAnswer {
        retry_after: retry_pause::asked(response.headers()).map(|pause| pause.as_secs()),
        range_start: response.header("content-range").and_then(download::range_start),
        stored: response.header("range").and_then(push::stored_bytes),
        location: response.header("location").and_then(|location| url.join(location)).map(|url| url.to_string()),
        refusal: response.refusal(),
        warnings: warnings.take().into_iter().map(|warning| warning.to_string()).collect(),
    })
}

/// The kind of a credential, and the header field that it is sent as where there is one.
fn credential(found: Credential) -> String {
    match found {
        Credential::Login(login) => AuthToken::Basic(login).header().reveal().to_owned(),
        Credential::Registry(token) => AuthToken::Bearer(token).header().reveal().to_owned(),
        Credential::Identity(_) => "identity".to_owned(),
    }
}

/// What a file of credentials has for a repository: the helpers that it names, or the login that is written.
///
/// # Errors
/// It is none, or the login is none.
pub fn credentials(bytes: &[u8], host: &str, repository: &str) -> Result<Option<String>, Failure> {
    let file = CredentialsFile::parse(bytes)?;
    if let Some(named) = file.helper(host).or(file.store()) {
        return Ok(Some(format!("helper {}", named.name)));
    }
    let written = file.written(host, repository);
    written.map(|found| found.map(credential)).map_err(Failure::warning)
}

/// The names under which a `registries.conf` has an image looked for, in their order, and whether each is blocked.
///
/// # Errors
/// It is none, or moves the image to a name that is none.
pub fn mirrors(text: &str, reference: &Reference) -> Result<Vec<(String, bool)>, Failure> {
    mirrors::names_in(text, reference)
}

/// What the output of a credential helper means, by whether it ended well.
///
/// # Errors
/// It is not what helpers write.
pub fn helper_answer(bytes: &[u8], is_success: bool) -> Result<Option<String>, Failure> {
    Ok(auth::parse_helper_answer("docker-credential-fuzz", is_success, bytes)?.map(credential))
}

/// The record in a message of a shared cache, and the message that it came in.
pub fn shared_record(message: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let record = action_result::record(message)?;
    Some((record, [action_result::head(record.len() as u64), record.to_vec()].concat()))
}
