//! The response of a registry, with the errors in its body (distribution-spec, "Error Codes") as a failure that hides
//! secrets.

use std::io::{self, Read};

use serde::Deserialize;
use ureq::{
    Body,
    http::{HeaderMap, Response},
};

use crate::{
    registry::{Secret, url::Url},
    report::{ErrorName, Failure, Limits, NamedReason, shown},
};

/// An answer whose body was not read yet.
#[derive(Debug)]
pub(in crate::registry) struct RegistryResponse {
    /// 200 and the like.
    pub(in crate::registry) status: u16,
    /// The URL that answered, after redirects.
    pub(in crate::registry) url: Url,
    headers: HeaderMap,
    body: Body,
    /// Secrets that were sent: text of the registry that repeats one is not shown.
    secrets: Vec<Secret>,
    /// The errors in the body of a refusal, once they were read.
    said: Option<Vec<RegistryError>>,
    /// How often and how long others like it were waited for, for messages.
    account: String,
}

/// One error of a refusal (distribution-spec, "Error Codes"). Foreign text.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::registry) struct RegistryError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl RegistryResponse {
    pub(in crate::registry) fn new(response: Response<Body>, url: Url, secrets: Vec<Secret>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            url,
            headers: parts.headers,
            body,
            secrets,
            said: None,
            account: String::new(),
        }
    }

    /// The same, the last one of several tries.
    pub(super) fn with_account(self, account: &str) -> Self {
        Self { account: account.to_owned(), ..self }
    }

    /// Whether the status is 2xx.
    pub(in crate::registry) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// All header fields.
    pub(in crate::registry) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header field, when it is text.
    pub(in crate::registry) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }

    /// The body as it comes, with no bound: for a reader that checks what it gets.
    pub(in crate::registry) fn into_reader(self) -> impl Read + Send + Sync + 'static {
        self.body.into_with_config().limit(u64::MAX).reader()
    }

    /// The whole body, which has at most `limit` bytes.
    pub(in crate::registry) fn read_body(&mut self, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.body
            .as_reader()
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| NamedReason::error(ErrorName::RegistryUnreachable, error.kind(), error.to_string()))?;
        if bytes.len() as u64 > limit {
            let what = format!("it has more than the {limit} bytes allowed");
            return Err(NamedReason::error(ErrorName::RegistryProtocol, io::ErrorKind::InvalidData, what));
        }
        Ok(bytes)
    }

    /// Reads what is left of a body that is not asked for, as far as it is as short as such a body is: the connection can be used
    /// again then.
    pub(super) fn drain(&mut self) {
        self.errors();
    }

    /// The refusal as a failure, named by its status.
    pub(in crate::registry) fn refusal_failure(&mut self) -> Failure {
        Failure::error(self.error_name(), self.refusal())
    }

    /// What kind of failure the status stands for.
    pub(in crate::registry) const fn error_name(&self) -> ErrorName {
        match self.status {
            401 | 403 => ErrorName::RegistryLogin,
            404 => ErrorName::RegistryNotFound,
            413 | 429 => ErrorName::RegistryLimit,
            _ => ErrorName::RegistryRefusal,
        }
    }

    /// Whether the refusal names this code.
    pub(in crate::registry) fn has_code(&mut self, code: &str) -> bool {
        self.errors().iter().any(|said| said.code.eq_ignore_ascii_case(code))
    }

    /// The HTTP status, and the code and message of the registry where the body has them.
    pub(in crate::registry) fn refusal(&mut self) -> String {
        let status = self.status;
        let said = self.errors().first().cloned();
        let by = self.url.shown();
        match said {
            Some(RegistryError { code, message }) if !code.is_empty() || !message.is_empty() => {
                let [code, message] = [code, message].map(|text| Secret::hide(&self.secrets, text));
                let colon = if code.is_empty() || message.is_empty() { "" } else { ": " };
                let account = &self.account;
                format!("{} answered HTTP {status}, {}{colon}{}{account}", shown(&by), shown(&code), shown(&message))
            }
            _ => format!("{} answered HTTP {status}{}", shown(&by), self.account),
        }
    }

    fn errors(&mut self) -> &[RegistryError] {
        #[derive(Deserialize)]
        struct Errors {
            #[serde(default)]
            errors: Vec<RegistryError>,
        }
        if self.said.is_none() {
            // What is no JSON, or no end, says nothing.
            let bytes = self.read_body(Limits::REFUSAL_BYTES).unwrap_or_default();
            let parsed = serde_json::from_slice::<Errors>(&bytes).ok();
            self.said = Some(parsed.map(|errors| errors.errors).unwrap_or_default());
        }
        self.said.as_deref().unwrap_or_default()
    }
}
