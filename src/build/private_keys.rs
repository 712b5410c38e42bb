//! Refuses private keys in files, programs and settings of an image before anything is compiled or packed.
//!
//! The detectors of the audit ([`secrets`]) find keys and give their severity; the policy of the gate decides. So exactly
//! what the gate would refuse is refused here.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{pinned::PinnedFile, settings::Date, waivers};
use crate::{
    oci::ImagePath,
    policy::{Policy, WaiverTarget},
    recipe,
    report::{Failure, Origin, Rule, Severity, printable},
    secrets::{self, SecretFingerprint, SecretHit, SecretScanner, TextContext},
};

/// The hint for a private key in a text.
const AT_RUN_TIME: &str = "hand secrets over when the container runs";
/// The hint for a private key in a file.
const MOUNTED: &str = "mount it when the container runs; everyone who can pull an image can read its files";

/// A file or setting of the image that has private keys.
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

/// A private key and its severity at its place.
#[derive(Debug)]
struct WeighedKey {
    severity: Severity,
    /// Its offset and fingerprint, by which the same key in two files is recognised; `None` where only the file name says
    /// that it is a key.
    content: Option<(u64, SecretFingerprint)>,
}

impl ShippedKeys {
    /// The private keys of a pinned file that would be at `path`; `name` is its name in messages.
    pub(super) fn in_file(file: &PinnedFile, name: &str, path: &ImagePath, at: &Origin) -> io::Result<Option<Self>> {
        let text = path.as_str();
        let keys = keys_of_file(text, file.private_keys(text)?, file.size());
        Ok(Self::if_any(KeyPlace::File { path: path.clone(), name: name.to_owned() }, keys, at))
    }

    /// The private keys of a text of the recipe that would be the file at `path`.
    pub(super) fn in_text(text: &str, path: &ImagePath, at: &Origin) -> Option<Self> {
        let name = path.as_str();
        let mut scanner = SecretScanner::sniffing(name);
        scanner.push(text.as_bytes());
        let keys = keys_of_file(name, scanner.finish().hits, text.len() as u64);
        Self::if_any(KeyPlace::Text { path: path.clone() }, keys, at)
    }

    /// The private keys of a text of the configuration.
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
        Self::if_any(KeyPlace::Setting { key, what }, keys_of_hits(secrets::scan_text(context, text)), at)
    }

    fn if_any(place: KeyPlace, keys: Vec<WeighedKey>, at: &Origin) -> Option<Self> {
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

/// The refusals of the keys that the gate would refuse on the day `today`: severe enough for `policy`, and covered by no
/// exception of the `recipe`. At most one a file.
pub(super) fn refusals(
    shipped: &[ShippedKeys],
    policy: &Policy,
    recipe: &recipe::PolicySettings,
    today: Date,
) -> Vec<Failure> {
    let weights = weights(shipped);
    let (mut reported, mut left) = (BTreeSet::new(), Vec::new());
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
        let refusal = waivers::unless_all_excepted(recipe, today, &[target], input.refusal(key));
        let Err(failure) = refusal else { continue };
        if !left.contains(&failure) && input.path().is_none_or(|path| reported.insert(path)) {
            left.push(failure);
        }
    }
    left
}

/// The severity of each key in files: the same key in several files is one finding of the audit, with its highest severity.
fn weights(shipped: &[ShippedKeys]) -> BTreeMap<SecretFingerprint, Severity> {
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
fn keys_of_file(path: &str, hits: Vec<SecretHit>, size: u64) -> Vec<WeighedKey> {
    let mut keys = keys_of_hits(hits);
    let named = secrets::key_by_name(path).filter(|_| size > 0);
    keys.extend(named.map(|named| WeighedKey { severity: named.severity, content: None }));
    keys
}

/// The private keys among secrets.
fn keys_of_hits(hits: Vec<SecretHit>) -> Vec<WeighedKey> {
    let keys = hits.into_iter().filter(|hit| hit.rule == Rule::PrivateKey);
    keys.map(|hit| WeighedKey { severity: hit.severity, content: Some((hit.offset, hit.fingerprint)) }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{cache::Fingerprint as Fingerprinted, report::SourceText};

    const TODAY: Date = Date(2026, 5, 9);

    /// An Ed25519 key in PKCS#8, another one for each number.
    fn pem(number: u8) -> String {
        use base64ct::Encoding as _;
        let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let body = base64ct::Base64::encode_string(&[&head[..], &Fingerprinted::of(&[number]).bytes()[..]].concat());
        let dashes = "-".repeat(5);
        let label = ["PRIVATE", "KEY"].join(" ");
        format!("{dashes}BEGIN {label}{dashes}\n{body}\n{dashes}END {label}{dashes}\n")
    }

    fn origin() -> Origin {
        Origin::new(&Arc::new(SourceText { path: "x.toml".to_owned(), text: String::new() }), 0..0)
    }

    fn text(path: &str, text: &str) -> Option<ShippedKeys> {
        ShippedKeys::in_text(text, &ImagePath::parse(path).unwrap(), &origin())
    }

    fn variable(text: &str) -> Option<ShippedKeys> {
        ShippedKeys::in_config(ConfigText::Variable("KEY"), text, &origin())
    }

    /// What is refused by a policy that fails on that severity, under that `[[policy.allow]]`.
    fn refused(fail_on: Severity, allow: &str, shipped: Vec<Option<ShippedKeys>>) -> Vec<String> {
        let recipe = recipe::parse("x.toml", allow).unwrap();
        let policy = Policy { fail_on, ..Policy::hardened() };
        let shipped: Vec<ShippedKeys> = shipped.into_iter().flatten().collect();
        refusals(&shipped, &policy, &recipe.policy, TODAY).into_iter().map(|failure| failure.what).collect()
    }

    #[test]
    fn a_key_is_refused_once_for_each_place() {
        let both = [pem(1), pem(2)].concat();
        let shipped =
            || vec![text("/a", &both), text("/b", &pem(1)), variable(&pem(1)), variable(&pem(2)), text("/c", "x")];
        let all = ["`/a` holds a private key", "`/b` holds a private key", "the variable `KEY` holds a private key"];
        assert_eq!(refused(Severity::Medium, "", shipped()), all);
        let source = Arc::new(SourceText { path: "x.toml".to_owned(), text: "two\nlines".to_owned() });
        let on_line_2 = ShippedKeys { at: Origin::new(&source, 4..5), ..text("/a", &pem(2)).unwrap() };
        let twice = vec![text("/a", &pem(1)), Some(on_line_2)];
        assert_eq!(refused(Severity::Medium, "", twice), ["`/a` holds a private key"]);
        let token = format!("key = gl{}-{}\n", "pat", "a8Kd02mZqLx7TnVw3YpR");
        assert!(text("/a", &token).is_none() && variable(&token).is_none(), "another secret is no private key");
    }

    #[test]
    fn a_file_that_is_a_key_by_its_name_is_refused_unless_it_is_empty() {
        assert_eq!(refused(Severity::Medium, "", vec![text("/root/.gnupg/secring.gpg", "x")]).len(), 1);
        assert!(text("/root/.gnupg/secring.gpg", "").is_none());
    }

    #[test]
    fn a_key_weighs_in_every_file_what_it_weighs_at_its_heaviest_place() {
        let sample = "/usr/share/doc/x/examples/server.key";
        let weight = |shipped: &Option<ShippedKeys>| shipped.as_ref().unwrap().keys[0].severity;
        let (light, heavy) = (weight(&text(sample, &pem(1))), weight(&text("/srv/server.key", &pem(1))));
        assert!(light < heavy, "{light:?} {heavy:?}");
        assert_eq!(refused(heavy, "", vec![text(sample, &pem(1))]), [""; 0]);
        for shipped in [
            vec![text(sample, &pem(1)), text("/srv/server.key", &pem(1))],
            vec![text("/srv/server.key", &pem(1)), text(sample, &pem(1))],
        ] {
            assert_eq!(refused(heavy, "", shipped).len(), 2);
        }
        let other = vec![text(sample, &pem(1)), text("/srv/server.key", &pem(2))];
        assert_eq!(refused(heavy, "", other), ["`/srv/server.key` holds a private key"]);
        // A text of the configuration is a finding of its own.
        assert_eq!(
            refused(heavy, "", vec![text(sample, &pem(1)), variable(&pem(1))]),
            ["the variable `KEY` holds a private key"]
        );
        // The first key of a file may weigh less than another one of it.
        let both = vec![text(sample, &[pem(1), pem(2)].concat()), text("/srv/server.key", &pem(2))];
        assert_eq!(refused(heavy, "", both).len(), 2);
    }

    #[test]
    fn an_exception_is_for_the_path_of_a_file_or_the_key_of_a_setting() {
        let allow = |path: &str| {
            format!(
                "[[policy.allow]]\nrule = \"private-key\"\npath = \"{path}\"\nreason = \"test\"\nuntil = 2026-05-09\n"
            )
        };
        let shipped = || vec![text("/a", &pem(1)), variable(&pem(2))];
        let (file, setting) = ("`/a` holds a private key", "the variable `KEY` holds a private key");
        assert_eq!(refused(Severity::Medium, &allow("/a"), shipped()), [setting]);
        assert_eq!(refused(Severity::Medium, &allow("config.Env[KEY]"), shipped()), [file]);
        assert_eq!(refused(Severity::Medium, &allow("/b"), shipped()), [file, setting]);
    }
}
