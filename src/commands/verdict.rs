//! What the gate had to say of an image that was built before, so that it need not look again.

use serde::{Deserialize, Serialize};

use super::below::Below;
use crate::{
    build::Date,
    cache::{Cache, Fingerprint, Fingerprinter, Shelf},
    oci::Digest,
    policy::Policy,
    recipe::Recipe,
};

/// The rules, and all they are made of: a verdict does not outlive them.
const RULES: [&str; 2] = [env!("CARGO_PKG_VERSION"), env!("HARDPAN_SOURCES")];

/// What an image that passed was told.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verdict {
    /// Findings below the threshold, as lines.
    pub(super) details: Vec<String>,
    /// What is to be said of the policy's exceptions: the name of the rule, and the sentence.
    pub(super) upkeep: Vec<(String, String)>,
    /// Ports that the run user may not be let listen on, such as `443/tcp`.
    pub(super) ports: Vec<String>,
    /// How many findings there are below the threshold, as an audit counts them: of each platform.
    pub(super) below: Below,
}

/// Everything that a verdict depends on: the image, what is demanded of it and by whom, the day, and the rules.
pub(super) fn key(root: Digest, name: &str, recipe: &Recipe, policy: &Policy, today: Date) -> Fingerprint {
    let mut sum = Fingerprinter::default();
    let mut part = |text: &str| {
        sum.update(&(text.len() as u64).to_le_bytes());
        sum.update(text.as_bytes());
    };
    for text in RULES {
        part(text);
    }
    part(&root.to_string());
    part(name);
    // Messages point at its lines.
    part(&recipe.source.path);
    part(&recipe.source.text);
    // With what a policy file of the caller has added.
    part(&format!("{policy:?} {:?} {today:?}", recipe.policy));
    sum.finish()
}

/// The verdict of that key.
pub(super) fn find(cache: &Cache, key: &Fingerprint) -> Option<Verdict> {
    serde_json::from_slice(&cache.record(Shelf::Verdicts, key)?).ok()
}

/// Remembers a verdict. Where the cache cannot be written, the next build looks again.
pub(super) fn keep(cache: &Cache, key: &Fingerprint, verdict: &Verdict) {
    if let Ok(bytes) = serde_json::to_vec(verdict) {
        let _ = cache.keep_record(Shelf::Verdicts, key, &bytes);
    }
}
