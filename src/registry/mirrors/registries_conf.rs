//! Parses `registries.conf` of podman, skopeo and buildah (containers-registries.conf(5), version 2).
//!
//! Short names, and what completes them, are passed over: hardpan takes no name without a host. Everything else that is not known here
//! is told.

use std::sync::Arc;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    registry::Reference,
    report::{ErrorName, Failure, Origin, SourceText, printable},
};

/// Keys that are about short names, or about layers that an engine stores.
const SHORT_NAMES: [&str; 4] =
    ["unqualified-search-registries", "short-name-mode", "aliases", "additional-layer-store-auth-helper"];
/// The one default credential helper that is the files of logins.
const AUTH_FILES: &str = "containers-auth.json";

/// One `[[registry]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RegistryTable {
    /// `host`, `host/namespace` or `*.host`: which images it is about.
    pub(super) prefix: String,
    /// What takes the place of the prefix; none leaves names as they are.
    pub(super) location: Option<String>,
    pub(super) is_insecure: bool,
    pub(super) is_blocked: bool,
    pub(super) mirrors: Vec<MirrorTable>,
    /// Where it stands.
    pub(super) origin: Origin,
}

/// One `[[registry.mirror]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MirrorTable {
    /// What takes the place of the prefix.
    pub(super) location: String,
    pub(super) is_insecure: bool,
    pub(super) pulls: MirrorPulls,
}

/// Which references a mirror is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MirrorPulls {
    /// `all`.
    All,
    /// `digest-only`.
    Digest,
    /// `tag-only`.
    Tag,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct RegistriesConf {
    pub(super) tables: Vec<RegistryTable>,
    /// What is not known here, as warnings.
    pub(super) unknown: Vec<Failure>,
}

/// Parses the text of the file at `path`.
///
/// # Errors
/// At its line: no TOML; a value of another type; a location or prefix that names no registry; the version 1 of the format.
pub(super) fn parse(path: &str, text: &str) -> Result<RegistriesConf, Failure> {
    let source = Arc::new(SourceText { path: printable(path).into_owned(), text: text.to_owned() });
    let mut reader = ConfReader { source, conf: RegistriesConf::default() };
    let table = DeTable::parse(text).map_err(|error| {
        let end = text.len();
        let what = format!("not valid TOML: {}", printable(error.message()));
        reader.failure(error.span().unwrap_or(end..end), what)
    })?;
    reader.file(table.get_ref())?;
    Ok(reader.conf)
}

struct ConfReader {
    source: Arc<SourceText>,
    conf: RegistriesConf,
}

impl ConfReader {
    fn file(&mut self, table: &DeTable<'_>) -> Result<(), Failure> {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "registry" => {
                    for entry in array(value) {
                        let DeValue::Table(fields) = entry.get_ref() else {
                            return Err(self.failure(entry.span(), "`registry` is a table, as in `[[registry]]`"));
                        };
                        let read = self.registry(fields, entry)?;
                        if let Some(known) = self.conf.tables.iter().find(|known| known.prefix == read.prefix) {
                            let what = format!(
                                "the registry `{}` is there twice, on line {} as well",
                                printable(&read.prefix),
                                known.origin.line_column().0
                            );
                            return Err(self.failure(entry.span(), what));
                        }
                        self.conf.tables.push(read);
                    }
                }
                "registries" => self.first_version(key, value)?,
                "credential-helpers" => {
                    let is_usual = |helper: &Spanned<DeValue<'_>>| helper.get_ref().as_str() == Some(AUTH_FILES);
                    if !array(value).iter().all(is_usual) {
                        let what = "`credential-helpers` is not supported: logins come from files, and the helpers that those name";
                        self.tell(key.span(), what.to_owned());
                    }
                }
                name if SHORT_NAMES.contains(&name) => {}
                _ => self.unknown_key(key),
            }
        }
        Ok(())
    }

    /// `[registries.block]` and the like: registries that are blocked or insecure by a file that podman would have to translate.
    fn first_version(
        &self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), Failure> {
        let DeValue::Table(lists) = value.get_ref() else { return Ok(()) };
        let is_full = |name: &str| {
            let list = lists.get(name).and_then(|list| list.get_ref().as_table()?.get("registries"));
            list.is_some_and(|list| !array(list).is_empty())
        };
        if is_full("insecure") || is_full("block") {
            let what = "`[registries]` is version 1 of this format, which is not supported";
            return Err(self
                .failure(key.span(), what)
                .hint("write `[[registry]]` with `location`, and `blocked` or `insecure`"));
        }
        Ok(())
    }

    fn registry(&mut self, fields: &DeTable<'_>, at: &Spanned<DeValue<'_>>) -> Result<RegistryTable, Failure> {
        let (mut prefix, mut location, mut mirrors) = (None, None, Vec::new());
        let (mut is_insecure, mut is_blocked, mut by_digest) = (false, false, false);
        for (key, value) in fields {
            match key.get_ref().as_ref() {
                "prefix" => prefix = self.place(value, true)?,
                "location" => location = self.place(value, false)?,
                "insecure" => is_insecure = self.boolean(value)?,
                "blocked" => is_blocked = self.boolean(value)?,
                "mirror-by-digest-only" => by_digest = self.boolean(value)?,
                "mirror" => {
                    for entry in array(value) {
                        let DeValue::Table(fields) = entry.get_ref() else {
                            return Err(self.failure(entry.span(), "`mirror` is a table, as in `[[registry.mirror]]`"));
                        };
                        mirrors.push((self.mirror(fields, entry)?, entry.span()));
                    }
                }
                _ => self.unknown_key(key),
            }
        }
        if by_digest {
            for (mirror, span) in &mut mirrors {
                if mirror.pulls.is_some() {
                    let what = "`pull-from-mirror` and `mirror-by-digest-only` are both there";
                    return Err(self.failure(span.clone(), what));
                }
                mirror.pulls = Some(MirrorPulls::Digest);
            }
        }
        let mirrors = mirrors.into_iter().map(|(mirror, _)| mirror.finished()).collect();
        let is_wild = prefix.as_deref().is_some_and(|prefix: &str| prefix.starts_with("*."));
        let Some(prefix) = prefix.or_else(|| location.clone()) else {
            return Err(self.failure(at.span(), "a registry needs `location`, or `prefix`"));
        };
        if location.is_none() && !is_wild {
            return Err(self.failure(at.span(), "a registry needs `location`, unless its `prefix` begins with `*.`"));
        }
        let origin = Origin::new(&self.source, at.span());
        Ok(RegistryTable { prefix, location, is_insecure, is_blocked, mirrors, origin })
    }

    fn mirror(&mut self, fields: &DeTable<'_>, at: &Spanned<DeValue<'_>>) -> Result<WrittenMirror, Failure> {
        let (mut location, mut is_insecure, mut pulls) = (None, false, None);
        for (key, value) in fields {
            match key.get_ref().as_ref() {
                "location" => location = self.place(value, false)?,
                "insecure" => is_insecure = self.boolean(value)?,
                "pull-from-mirror" => pulls = self.pulls(value)?,
                _ => self.unknown_key(key),
            }
        }
        let location = location.ok_or_else(|| self.failure(at.span(), "a mirror needs `location`"))?;
        Ok(WrittenMirror { location, is_insecure, pulls })
    }

    fn pulls(&self, value: &Spanned<DeValue<'_>>) -> Result<Option<MirrorPulls>, Failure> {
        match value.get_ref().as_str() {
            Some("") => Ok(None),
            Some("all") => Ok(Some(MirrorPulls::All)),
            Some("digest-only") => Ok(Some(MirrorPulls::Digest)),
            Some("tag-only") => Ok(Some(MirrorPulls::Tag)),
            _ => Err(self.failure(value.span(), "`pull-from-mirror` is `all`, `digest-only` or `tag-only`")),
        }
    }

    /// A prefix or location, without trailing slashes and with its host in lower case; none where it is empty.
    fn place(&self, value: &Spanned<DeValue<'_>>, is_prefix: bool) -> Result<Option<String>, Failure> {
        let Some(text) = value.get_ref().as_str() else {
            return Err(self.failure(value.span(), "expected a string"));
        };
        let text = text.trim_end_matches('/');
        if text.is_empty() {
            return Ok(None);
        }
        let named = |what: &str| self.failure(value.span(), format!("`{}` {what}", printable(text)));
        if text.contains("://") {
            return Err(named("has a scheme").hint("leave the scheme out; `insecure = true` allows HTTP"));
        }
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let whole = match host.strip_prefix("*.") {
            Some(_) if !is_prefix || !path.is_empty() || host.contains(':') => {
                return Err(named("has a `*` where none may be: only a `prefix` is `*.HOST`, without port and path"));
            }
            Some(domain) => format!("{domain}/x"),
            None => format!("{host}/{}", if path.is_empty() { "x" } else { path }),
        };
        if path.contains([':', '@']) {
            return Err(named("has a tag or digest, which is not supported").hint("name a registry or a repository"));
        }
        if !Reference::has_host(&whole) || Reference::parse(&whole).is_err() {
            return Err(named("is no registry: a host with a dot or a port, and maybe a repository"));
        }
        let host = host.to_ascii_lowercase();
        Ok(Some(if path.is_empty() { host } else { format!("{host}/{path}") }))
    }

    fn boolean(&self, value: &Spanned<DeValue<'_>>) -> Result<bool, Failure> {
        value.get_ref().as_bool().ok_or_else(|| self.failure(value.span(), "expected `true` or `false`"))
    }

    fn unknown_key(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>) {
        self.tell(
            key.span(),
            format!("the key `{}` is not known to this version, and has no effect", printable(key.get_ref())),
        );
    }

    fn tell(&mut self, span: std::ops::Range<usize>, what: String) {
        self.conf.unknown.push(Failure::warning(what).at(&Origin::new(&self.source, span)));
    }

    fn failure(&self, span: std::ops::Range<usize>, what: impl Into<String>) -> Failure {
        Failure::error(ErrorName::RegistriesConf, what).at(&Origin::new(&self.source, span))
    }
}

/// A mirror before it is known whether its registry has mirrors for digests alone.
struct WrittenMirror {
    location: String,
    is_insecure: bool,
    pulls: Option<MirrorPulls>,
}

impl WrittenMirror {
    fn finished(self) -> MirrorTable {
        MirrorTable {
            location: self.location,
            is_insecure: self.is_insecure,
            pulls: self.pulls.unwrap_or(MirrorPulls::All),
        }
    }
}

/// The items of an array; none of anything else.
fn array<'t, 'i>(value: &'t Spanned<DeValue<'i>>) -> &'t [Spanned<DeValue<'i>>] {
    value.get_ref().as_array().map(|items| &**items).unwrap_or_default()
}
