//! [`Document`]: a file that is read by its format, beside the search for keywords.

use super::{
    assignment::Demand,
    exposed::Exposed,
    json_document::{JsonDocument, JsonSettings},
    line_document::{self, LineDocument, LineFormat},
    location::Location,
    names::Format,
    scan_result::Unread,
    xml_document::XmlDocument,
};
use crate::report::Severity;

/// The reader of a document. All of them read streams of any length.
#[derive(Debug)]
pub(super) enum Document {
    Lines(LineDocument),
    Json(Box<JsonDocument>),
    Xml(Box<XmlDocument>),
}

/// What a file begins with, without what may stand before any format.
#[derive(Debug, Clone, Copy)]
struct Beginning<'a> {
    text: &'a [u8],
}

impl Document {
    /// Hashes of a system's accounts: those of a base image lock them, most of the time.
    const SHADOW: LineFormat = LineFormat::Hashes("shadow-hash", Severity::Medium);
    /// Hashes of people's passwords, most of them quick to try.
    const HTPASSWD: LineFormat = LineFormat::Hashes("htpasswd", Severity::High);

    /// The reader for a file of that format at that location, whose first bytes are `head`; `None` for almost all files.
    pub(super) fn of(format: Option<Format>, location: Location, head: &[u8], is_binary: bool) -> Option<Self> {
        let begins = Beginning::of(head);
        let settings = |detector| LineFormat::Settings(detector, Demand::Any, Severity::High);
        let format = match format {
            // Such a file is read whatever bytes are in it.
            Some(Format::Settings(detector)) if begins.is_json() => return Some(Self::json_settings(detector)),
            Some(Format::Settings(detector)) if begins.is_xml() => return Some(Self::xml_settings(detector)),
            Some(Format::Settings(detector)) => settings(detector),
            Some(Format::Kube) if begins.is_json() => return Some(Self::json_settings("kubeconfig")),
            Some(Format::Kube) => settings("kubeconfig"),
            Some(Format::Netrc) => LineFormat::Netrc,
            Some(Format::Pgpass) => LineFormat::Pgpass,
            Some(Format::Shadow) => Self::SHADOW,
            Some(Format::Htpasswd) => Self::HTPASSWD,
            Some(Format::GitConfig) => LineFormat::GitConfig,
            _ if is_binary => return None,
            _ => return Self::by_content(format, location, begins),
        };
        Some(Self::Lines(LineDocument::new(format)))
    }

    /// The reader for a file whose name says little.
    fn by_content(format: Option<Format>, location: Location, begins: Beginning<'_>) -> Option<Self> {
        let is_own = location.is_own();
        let is_config = format == Some(Format::Config);
        if begins.is_json() {
            let settings =
                JsonSettings { detector: "generic-secret", demand: Demand::Random, severity: Severity::Medium };
            let is_docker = format == Some(Format::DockerLogins);
            return Some(Self::Json(Box::new(JsonDocument::new((is_config && is_own).then_some(settings), is_docker))));
        }
        if begins.is_xml() {
            if let Some(detector) = begins.xml_of_logins() {
                return Some(Self::xml_settings(detector));
            }
            let xml = || XmlDocument::new("generic-secret", Demand::Random, Severity::Medium);
            return (is_own && is_config).then(|| Self::Xml(Box::new(xml())));
        }
        let lines = if let Some(detector) = begins.lines_of_logins() {
            LineFormat::Settings(detector, Demand::Any, Severity::High)
        } else if let Some(hashes) = begins.hashes() {
            hashes
        } else if is_own && (format == Some(Format::Script) || begins.is_script()) {
            LineFormat::Script
        } else if is_own && format == Some(Format::Config) {
            LineFormat::Settings("generic-secret", Demand::Random, Severity::Medium)
        } else {
            return None;
        };
        Some(Self::Lines(LineDocument::new(lines)))
    }

    fn json_settings(detector: &'static str) -> Self {
        let settings = JsonSettings { detector, demand: Demand::Any, severity: Severity::High };
        Self::Json(Box::new(JsonDocument::new(Some(settings), detector == "docker-config")))
    }

    fn xml_settings(detector: &'static str) -> Self {
        Self::Xml(Box::new(XmlDocument::new(detector, Demand::Any, Severity::High)))
    }

    /// Reads the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], unread: &mut Unread, see: &mut dyn FnMut(Exposed)) {
        match self {
            Self::Lines(lines) => lines.push(bytes, unread, see),
            Self::Json(json) => json.push(bytes, unread, see),
            Self::Xml(xml) => xml.push(bytes, unread, see),
        }
    }

    /// Reads what is left at the end of the file.
    pub(super) fn finish(self, unread: &mut Unread, see: &mut dyn FnMut(Exposed)) {
        match self {
            Self::Lines(lines) => lines.finish(unread, see),
            Self::Json(_) | Self::Xml(_) => {}
        }
    }
}

impl<'a> Beginning<'a> {
    fn of(head: &'a [u8]) -> Self {
        // A byte order mark: of UTF-8, or what `Narrow` makes of one.
        let text = head.strip_prefix(b"\xef\xbb\xbf").or(head.strip_prefix(b"\xff")).unwrap_or(head);
        Self { text: text.trim_ascii_start() }
    }

    /// Whether JSON begins so: an object, or a list of what JSON knows. A section of an ini file is none.
    fn is_json(self) -> bool {
        let Some((first, rest)) = self.text.split_first() else { return false };
        let next = rest.trim_ascii_start().first();
        match first {
            b'{' => matches!(next, Some(b'"' | b'}' | b'/')),
            b'[' => matches!(next, Some(b'{' | b'"' | b'[')) && !rest.starts_with(b"["),
            _ => false,
        }
    }

    fn is_xml(self) -> bool {
        matches!(self.text, [b'<', b'a'..=b'z' | b'A'..=b'Z' | b'!', ..]) || self.text.starts_with(b"<?xml")
    }

    /// The first lines, without comments.
    fn lines(self) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"))
    }

    fn holds(self, words: &str) -> bool {
        memchr::memmem::find(self.text, words.as_bytes()).is_some()
    }

    /// The detector for XML that is known to hold logins.
    fn xml_of_logins(self) -> Option<&'static str> {
        if self.holds("<settings") && self.holds("<server") {
            Some("maven-settings")
        } else if self.holds("<packageSourceCredentials") {
            Some("nuget-config")
        } else if self.holds("<tomcat-users") {
            Some("tomcat-users")
        } else {
            None
        }
    }

    /// The detector for settings that are known to hold logins: of a cluster, of a share.
    fn lines_of_logins(self) -> Option<&'static str> {
        let first = self.lines().next()?;
        let begins = |line: &[u8], words: &[&str]| words.iter().any(|word| line.starts_with(word.as_bytes()));
        let kube = ["apiVersion:", "kind:", "clusters:", "contexts:", "users:", "current-context:", "preferences:"];
        if begins(first, &kube) {
            let has = |word: &str| self.lines().any(|line| line.starts_with(word.as_bytes()));
            let is_kube = has("kind: Config") && (has("clusters:") || has("users:") || has("contexts:"))
                || begins(first, &["apiVersion: v1"]) && has("clusters:");
            return is_kube.then_some("kubeconfig");
        }
        // `username=`, `password=`, and a domain: what mount.cifs reads.
        let share = ["username=", "user=", "password=", "pass=", "domain=", "workgroup="];
        if begins(first, &share) {
            let is_share = self.lines().take(4).all(|line| begins(line, &share))
                && self.lines().any(|line| begins(line, &["username=", "user="]));
            return is_share.then_some("share-credentials");
        }
        None
    }

    /// The format of lines of users and their hashes.
    fn hashes(self) -> Option<LineFormat> {
        let first = self.lines().next().filter(|line| line.len() < 512)?;
        let text = line_document::text_of(first);
        let (user, _) = text.split_once(':')?;
        let is_user =
            user.len() <= 64 && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte));
        let hash = line_document::hash(&text).filter(|_| is_user && !user.is_empty())?;
        if text.matches(':').count() >= 7 {
            return Some(Document::SHADOW);
        }
        ["$apr1$", "$2y$", "$2a$", "$2b$", "$5$", "$6$", "$1$", "$argon2", "{SHA}"]
            .iter()
            .any(|kind| hash.starts_with(kind))
            .then_some(Document::HTPASSWD)
    }

    /// Whether a shell reads the file.
    fn is_script(self) -> bool {
        let line = self.text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        line.starts_with(b"#!")
            && line
                .split(|byte| matches!(byte, b'/' | b' ' | b'\t' | b'\r'))
                .any(|word| matches!(word, b"sh" | b"bash" | b"dash" | b"ash" | b"zsh" | b"ksh" | b"mksh" | b"busybox"))
    }
}
