//! [`JsonDocument`]: finds secrets in JSON, by what the document is known to be and by the names of its settings.

use super::{
    assignment::{self, Demand},
    connection, decode,
    exposed::Exposed,
    found_secret::KeywordWindow,
    json_tokens::{JsonText, JsonToken, JsonTokens, unescaped},
    keys, placeholder,
    scan_result::{SecretUnreadReason, Unread},
};
use crate::report::{Limits, Rule, Severity};

/// How the settings of a document are judged, besides what it is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JsonSettings {
    pub(super) detector: &'static str,
    pub(super) demand: Demand,
    pub(super) severity: Severity,
}

impl JsonSettings {
    /// Of an `auth.json` of Composer.
    const COMPOSER: Self = Self { detector: "registry-auth", demand: Demand::Any, severity: Severity::High };
    /// Of a state of Terraform, which has every attribute of what it made.
    const TERRAFORM: Self = Self { detector: "terraform-state", demand: Demand::Any, severity: Severity::High };
}

/// Reads JSON as a stream, of any length.
#[derive(Debug)]
pub(super) struct JsonDocument {
    tokens: JsonTokens,
    reader: JsonReader,
}

/// What is known at a token.
#[derive(Debug)]
struct JsonReader {
    settings: Option<JsonSettings>,
    /// Whether the file is one of logins by its name: `auth` is one at any depth.
    is_docker: bool,
    /// The containers around the token, at most [`Limits::SECRET_JSON_DEPTH`].
    levels: Vec<JsonLevel>,
    /// How many containers there are around.
    depth: usize,
    /// The string that was read last, until the next token says whether it is a name or a value.
    last: HeldText,
    has_last: bool,
    /// The same of a word without quotes, which can be a name alone.
    word: Vec<u8>,
}

/// One container.
#[derive(Debug, Default)]
struct JsonLevel {
    /// The name whose value comes next or is being read; empty in a list.
    key: Vec<u8>,
    /// Values that mean something together.
    record: Option<Box<JsonRecord>>,
}

/// The values of an object that mean something together.
#[derive(Debug, Default)]
struct JsonRecord {
    kind: Vec<u8>,
    key_type: bool,
    has_email: bool,
    private_key: Option<HeldText>,
    refresh_token: Option<HeldText>,
    /// The secret part of a JSON Web Key.
    private_part: Option<HeldText>,
    /// `name` and `value` of a variable.
    name: Option<HeldText>,
    value: Option<HeldText>,
}

/// A string that is kept.
#[derive(Debug, Default, Clone)]
struct HeldText {
    bytes: Vec<u8>,
    is_escaped: bool,
    is_cut: bool,
    offset: u64,
    line: u64,
}

impl HeldText {
    fn set(&mut self, text: JsonText<'_>) {
        let JsonText { bytes, is_escaped, is_cut, offset, line } = text;
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        (self.is_escaped, self.is_cut, self.offset, self.line) = (is_escaped, is_cut, offset, line);
    }

    fn plain(&self) -> Vec<u8> {
        if self.is_escaped { unescaped(&self.bytes) } else { self.bytes.clone() }
    }
}

impl JsonDocument {
    /// For a document whose settings are judged so.
    pub(super) fn new(settings: Option<JsonSettings>, is_docker: bool) -> Self {
        let reader = JsonReader {
            settings,
            is_docker,
            levels: Vec::new(),
            depth: 0,
            last: HeldText::default(),
            has_last: false,
            word: Vec::new(),
        };
        Self { tokens: JsonTokens::new(), reader }
    }

    /// Reads the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], unread: &mut Unread, see: &mut dyn FnMut(Exposed)) {
        let Self { tokens, reader } = self;
        tokens.push(bytes, |token| reader.token(token, unread, see));
    }
}

impl JsonReader {
    fn token(&mut self, token: JsonToken<'_>, unread: &mut Unread, see: &mut dyn FnMut(Exposed)) {
        match token {
            JsonToken::Text(text) => {
                self.last.set(text);
                self.has_last = true;
                return;
            }
            JsonToken::Word(word) => {
                self.word.clear();
                self.word.extend_from_slice(word);
                return;
            }
            _ => {}
        }
        // Taken, so that their memory is used again.
        let (last, word) = (std::mem::take(&mut self.last), std::mem::take(&mut self.word));
        let is_text = std::mem::take(&mut self.has_last);
        if token == JsonToken::Colon {
            let key = if is_text { &last.bytes } else { &word };
            self.name(key.get(..Limits::SECRET_NAME_BYTES).unwrap_or(key));
        } else if is_text {
            self.value(&last, unread, see);
        }
        (self.last, self.word) = (last, word);
        self.word.clear();
        match token {
            JsonToken::Open => {
                self.depth += 1;
                if self.levels.len() < Limits::SECRET_JSON_DEPTH {
                    self.levels.push(JsonLevel::default());
                }
            }
            JsonToken::Close => self.close(see),
            JsonToken::Colon | JsonToken::Comma | JsonToken::Text(_) | JsonToken::Word(_) => {}
        }
    }

    /// The name of what is `up` containers around: 0 is the one of the value that is read.
    fn key(&self, up: usize) -> &[u8] {
        let at = self.levels.len().checked_sub(up + 1);
        at.and_then(|at| self.levels.get(at)).map(|level| level.key.as_slice()).unwrap_or_default()
    }

    fn name(&mut self, key: &[u8]) {
        match key {
            b"terraform_version" | b"lineage" if self.depth == 1 => self.settings = Some(JsonSettings::TERRAFORM),
            b"http-basic" if self.depth == 1 => self.settings = Some(JsonSettings::COMPOSER),
            _ => {}
        }
        if let Some(level) = self.levels.last_mut() {
            level.key.clear();
            level.key.extend_from_slice(key);
        }
    }

    fn close(&mut self, see: &mut dyn FnMut(Exposed)) {
        if self.depth == self.levels.len()
            && let Some(record) = self.levels.pop().and_then(|level| level.record)
        {
            self.record(&record, see);
        }
        self.depth = self.depth.saturating_sub(1);
    }

    /// Judges a value by the names around it.
    fn value(&mut self, value: &HeldText, unread: &mut Unread, see: &mut dyn FnMut(Exposed)) {
        self.keep(value);
        if let Some(login) = self.login(value) {
            see(login);
            return;
        }
        let Some(settings) = self.settings else { return };
        // `"outputs": {"db_password": {"value": ".."}}`
        let key =
            if settings == JsonSettings::TERRAFORM && self.key(0) == b"value" { self.key(1) } else { self.key(0) };
        let Ok(name) = std::str::from_utf8(if key.is_empty() { self.key(1) } else { key }) else { return };
        if value.is_cut && assignment::names_secret(name) {
            unread.note(SecretUnreadReason::LongValue, value.offset);
        }
        see_setting(settings, name, value, see);
    }

    /// Keeps what means something together with other values of the object.
    fn keep(&mut self, value: &HeldText) {
        let wants_pairs = self.settings.is_some();
        let Some(JsonLevel { key, record }) = self.levels.last_mut() else { return };
        let is_part = match key.as_slice() {
            b"type" | b"kty" | b"client_email" | b"private_key" | b"refresh_token" | b"d" | b"k" => true,
            b"name" | b"key" | b"value" | b"Name" | b"Key" | b"Value" => wants_pairs,
            _ => false,
        };
        if !is_part {
            return;
        }
        let record = record.get_or_insert_default();
        let held = || Some(value.clone());
        match key.as_slice() {
            b"type" => record.kind = value.bytes.get(..32).unwrap_or(&value.bytes).to_vec(),
            b"kty" => record.key_type = matches!(value.bytes.as_slice(), b"RSA" | b"EC" | b"OKP" | b"oct"),
            b"client_email" => record.has_email = value.bytes.contains(&b'@'),
            b"private_key" => record.private_key = held(),
            b"refresh_token" => record.refresh_token = held(),
            b"d" | b"k" => record.private_part = held(),
            b"value" | b"Value" => record.value = held(),
            _ => record.name = held(),
        }
    }

    /// The login that a value is: of a registry, of Terraform, of a cluster.
    fn login(&self, value: &HeldText) -> Option<Exposed> {
        let key = self.key(0);
        let found = |detector, severity, identity: Vec<u8>| {
            let name = String::from_utf8_lossy(key);
            let exposed = Exposed::new(detector, severity, &name, &value.bytes).at(value.offset, value.line);
            Exposed { identity: Some(identity), ..exposed }
        };
        let plain = || {
            let plain = value.plain();
            let is_real = std::str::from_utf8(&plain).is_ok_and(|text| !placeholder::is_placeholder(text));
            is_real.then_some(plain)
        };
        let is_registry = self.key(2) == b"auths";
        match key {
            b"auth" if is_registry || self.is_docker => {
                let login = decode::base64(&value.plain())?;
                let password = login.splitn(2, |byte| *byte == b':').nth(1)?;
                let is_real = std::str::from_utf8(password).is_ok_and(|text| !placeholder::is_placeholder(text));
                is_real.then(|| found("docker-config", Severity::Critical, login.clone()).proven())
            }
            b"identitytoken" | b"registrytoken" | b"password" if is_registry => {
                Some(found("docker-config", Severity::Critical, plain()?).proven())
            }
            b"token" if self.key(2) == b"credentials" => {
                let token = plain().filter(|token| token.len() >= 8)?;
                Some(found("terraform-token", Severity::Critical, token).of_rule(Rule::ProviderToken))
            }
            b"token" | b"password" if self.key(1) == b"user" && self.key(3) == b"users" => {
                Some(found("kubeconfig", Severity::High, plain().filter(|token| token.len() >= 3)?))
            }
            _ => None,
        }
    }

    /// Judges the values of an object together.
    fn record(&self, record: &JsonRecord, see: &mut dyn FnMut(Exposed)) {
        let found = |detector, name, value: &HeldText| {
            Exposed::new(detector, Severity::Critical, name, &value.bytes).at(value.offset, value.line).proven()
        };
        if let Some(key) = &record.private_key
            && record.kind == b"service_account"
            && record.has_email
        {
            let plain = key.plain();
            if memchr::memmem::find(&plain, b"PRIVATE KEY-----").is_some() {
                let pem = keys::pem(KeywordWindow { bytes: &plain, keyword: 0 }, &mut 0);
                let identity = pem.map_or_else(|| plain.clone(), |key| key.value.into_owned());
                let hit = found("gcp-service-account", "private_key", key).of_rule(Rule::ProviderToken);
                see(Exposed { identity: Some(identity), ..hit });
            }
        }
        if let Some(token) = &record.refresh_token
            && record.kind == b"authorized_user"
            && token.bytes.len() > 20
        {
            see(found("gcloud-credentials", "refresh_token", token).of_rule(Rule::ProviderToken));
        }
        if let Some(part) = &record.private_part
            && record.key_type
            && decode::base64url(&part.bytes).is_some_and(|bytes| bytes.len() >= 16)
        {
            see(found("json-web-key", "d", part));
        }
        if let (Some(settings), Some(name), Some(value)) = (self.settings, &record.name, &record.value)
            && let Ok(name) = std::str::from_utf8(&name.bytes)
        {
            see_setting(settings, name, value, see);
        }
    }
}

/// Calls `see` if `value`, as the value of `name`, is a secret.
fn see_setting(settings: JsonSettings, name: &str, value: &HeldText, see: &mut dyn FnMut(Exposed)) {
    let plain = value.plain();
    let Ok(text) = std::str::from_utf8(&plain) else { return };
    let found = |detector, severity, name: &str, secret: &str| {
        // The place of a part of the string, unless escapes have moved it.
        let within = memchr::memmem::find(&value.bytes, secret.as_bytes()).unwrap_or(0);
        let exposed = Exposed::new(detector, severity, name, secret.as_bytes());
        let breaks = memchr::memchr_iter(b'\n', value.bytes.get(..within).unwrap_or_default()).count();
        exposed.at(value.offset + within as u64, value.line + breaks as u64)
    };
    if assignment::is_secret(name, text, settings.demand) {
        see(found(settings.detector, settings.severity, name, text));
    } else if let Some(password) = connection::password(text) {
        see(found("connection-string", Severity::High, name, password));
    }
}
