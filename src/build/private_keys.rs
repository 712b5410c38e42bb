//! Private keys that an image would ship, refused before anything is compiled or packed.
//!
//! What a key is and what it weighs at its place say the detectors of the audit ([`secrets`]); whether that is refused says
//! the policy by which the gate judges the finished image. So what is refused here is what the gate would refuse.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{pinned::PinnedFile, policy, settings::Date};
use crate::{
    oci::ImagePath,
    policy::{Policy, WaiverTarget},
    recipe,
    report::{Failure, Origin, Rule, Severity, printable},
    secrets::{self, Fingerprint, SecretHit, SecretScanner, TextContext},
};

/// What a text is handed over by.
const AT_RUN_TIME: &str = "hand secrets over when the container runs";
/// What a file is handed over by.
const MOUNTED: &str = "mount it when the container runs; an image is readable by everybody who can pull it";

/// Something that would be shipped and that holds private keys.
#[derive(Debug)]
pub(super) struct ShippedKeys {
    place: KeyPlace,
    keys: Vec<WeighedKey>,
    at: Origin,
}

/// Where in an image private keys would be.
#[derive(Debug)]
enum KeyPlace {
    /// A file of the host or of a server, by its name there.
    File { path: ImagePath, name: String },
    /// A file whose text is in the recipe.
    Text { path: ImagePath },
    /// A text of the configuration, by the key that the audit calls it; `what` is how messages call it.
    Setting { key: String, what: String },
}

/// A text of the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) enum ConfigText<'a> {
    Variable(&'a str),
    Entrypoint,
    Argument,
    Label(&'a str),
    Annotation(&'a str),
}

/// A private key, and what it weighs at its place.
#[derive(Debug)]
struct WeighedKey {
    severity: Severity,
    /// Its offset, and what tells whether two files have the same one; none where the name of the file says that it is one.
    content: Option<(u64, Fingerprint)>,
}

impl ShippedKeys {
    /// Those of a pinned file that would be at `path`; `name` is how messages call it.
    pub(super) fn in_file(file: &PinnedFile, name: &str, path: &ImagePath, at: &Origin) -> io::Result<Option<Self>> {
        let text = path.as_str();
        let keys = of_file(text, file.private_keys(text)?, file.size());
        Ok(Self::some(KeyPlace::File { path: path.clone(), name: name.to_owned() }, keys, at))
    }

    /// Those of a text of the recipe that would be the file at `path`.
    pub(super) fn in_text(text: &str, path: &ImagePath, at: &Origin) -> Option<Self> {
        let name = path.as_str();
        let mut scanner = SecretScanner::sniffing(name);
        scanner.push(text.as_bytes());
        let keys = of_file(name, scanner.finish(), text.len() as u64);
        Self::some(KeyPlace::Text { path: path.clone() }, keys, at)
    }

    /// Those of a text of the configuration.
    pub(super) fn in_config(place: ConfigText<'_>, text: &str, at: &Origin) -> Option<Self> {
        let (context, key, what) = match place {
            ConfigText::Variable(name) => {
                let what = format!("the variable `{}`", printable(name));
                (TextContext::Env { name }, format!("config.Env[{name}]"), what)
            }
            ConfigText::Entrypoint => {
                (TextContext::Argument, "config.Entrypoint".to_owned(), "the entrypoint".to_owned())
            }
            ConfigText::Argument => (TextContext::Argument, "config.Cmd".to_owned(), "an argument".to_owned()),
            ConfigText::Label(key) => {
                let what = format!("the label `{}`", printable(key));
                (TextContext::Label { key }, format!("config.Labels[{key}]"), what)
            }
            ConfigText::Annotation(key) => {
                let what = format!("the annotation `{}`", printable(key));
                (TextContext::Label { key }, format!("manifest.annotations[{key}]"), what)
            }
        };
        Self::some(KeyPlace::Setting { key, what }, of_hits(secrets::scan_text(context, text)), at)
    }

    fn some(place: KeyPlace, keys: Vec<WeighedKey>, at: &Origin) -> Option<Self> {
        (!keys.is_empty()).then(|| Self { place, keys, at: at.clone() })
    }

    /// The refusal by one of the keys.
    fn refusal(&self, key: &WeighedKey) -> Failure {
        let (what, hint) = match (&self.place, key.content) {
            (KeyPlace::File { path, name }, Some((offset, _))) => {
                let name = printable(name);
                (format!("`{name}` holds a private key (at byte {offset}), and `{path}` would ship it"), MOUNTED)
            }
            (KeyPlace::File { path, name }, None) => {
                (format!("`{}` would be `{path}`, and a file of that name is a private key", printable(name)), MOUNTED)
            }
            (KeyPlace::Text { path }, _) => (format!("`{path}` holds a private key"), AT_RUN_TIME),
            (KeyPlace::Setting { what, .. }, _) => (format!("{what} holds a private key"), AT_RUN_TIME),
        };
        Failure::refused(Rule::PrivateKey, what).at(&self.at).hint(hint)
    }

    /// The file that it would be.
    fn path(&self) -> Option<&ImagePath> {
        match &self.place {
            KeyPlace::File { path, .. } | KeyPlace::Text { path } => Some(path),
            KeyPlace::Setting { .. } => None,
        }
    }
}

/// The refusals of what the gate would refuse on the day `today`: of what weighs enough by `policy`, what no exception of
/// the `recipe` covers. A file has at most one.
pub(super) fn refusals(shipped: &[ShippedKeys], policy: &Policy, recipe: &recipe::Policy, today: Date) -> Vec<Failure> {
    let weights = weights(shipped);
    let (mut told, mut left) = (BTreeSet::new(), Vec::new());
    for input in shipped {
        let weight = |key: &&WeighedKey| {
            let shared = key.content.filter(|_| input.path().is_some()).and_then(|(_, same)| weights.get(&same));
            policy.fails(Rule::PrivateKey, shared.copied().unwrap_or(key.severity))
        };
        let Some(key) = input.keys.iter().find(weight) else { continue };
        let name = input.path().map(ImagePath::as_str);
        let target = match &input.place {
            KeyPlace::Setting { key, .. } => WaiverTarget::Key(key),
            _ => WaiverTarget::Path(name.unwrap_or_default()),
        };
        let refusal = policy::unless_all_excepted(recipe, today, &[target], input.refusal(key));
        let Err(failure) = refusal else { continue };
        if !left.contains(&failure) && input.path().is_none_or(|path| told.insert(path)) {
            left.push(failure);
        }
    }
    left
}

/// What each key of a file weighs: the same one in several files is one finding of the audit, which weighs as much as at
/// its heaviest place.
fn weights(shipped: &[ShippedKeys]) -> BTreeMap<Fingerprint, Severity> {
    let mut weights = BTreeMap::new();
    for key in shipped.iter().filter(|input| input.path().is_some()).flat_map(|input| &input.keys) {
        if let Some((_, same)) = key.content {
            let weight = weights.entry(same).or_insert(key.severity);
            *weight = key.severity.max(*weight);
        }
    }
    weights
}

/// The private keys of a file of that many bytes at `path`: in it, and by its name.
fn of_file(path: &str, hits: Vec<SecretHit>, size: u64) -> Vec<WeighedKey> {
    let mut keys = of_hits(hits);
    let named = secrets::key_by_name(path).filter(|_| size > 0);
    keys.extend(named.map(|named| WeighedKey { severity: named.severity, content: None }));
    keys
}

/// The private keys among secrets.
fn of_hits(hits: Vec<SecretHit>) -> Vec<WeighedKey> {
    let keys = hits.into_iter().filter(|hit| hit.rule == Rule::PrivateKey);
    keys.map(|hit| WeighedKey { severity: hit.severity, content: Some((hit.offset, hit.fingerprint)) }).collect()
}
