//! What the gate found in an image that passed, kept in the cache so that the same image is not audited again today.

use serde::{Deserialize, Serialize};

use super::passed_findings::PassedFindings;
use crate::{
    build::Date,
    cache::{Cache, Fingerprint, Fingerprinter, RecordShelf},
    oci::Digest,
    policy::Policy,
    recipe::Recipe,
};

/// The rules, and all they are made of: a verdict does not outlive them.
const RULES: [&str; 2] = [env!("CARGO_PKG_VERSION"), env!("HARDPAN_SOURCES")];

/// What the user is shown about an image that passed.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::commands) struct GateVerdict {
    /// Findings below the threshold, as lines.
    pub(in crate::commands) details: Vec<String>,
    /// Findings about the exceptions of the policy themselves: the name of the rule, and the sentence.
    pub(in crate::commands) upkeep: Vec<(String, String)>,
    /// Ports that the run user may not be let listen on, such as `443/tcp`.
    pub(in crate::commands) ports: Vec<String>,
    /// How many findings there are below the threshold, as an audit counts them: of each platform.
    pub(in crate::commands) passed: PassedFindings,
}

/// Everything that a verdict depends on: the image, what is demanded of it and by whom, the day, and the rules.
pub(in crate::commands) fn key(root: Digest, name: &str, recipe: &Recipe, policy: &Policy, today: Date) -> Fingerprint {
    let mut sum = Fingerprinter::default();
    let mut part = |text: &str| sum.update_part(text.as_bytes());
    for text in RULES {
        part(text);
    }
    part(&root.to_string());
    part(name);
    // Messages point at its lines.
    for source in recipe.texts() {
        part(&source.path);
        part(&source.text);
    }
    // With what a policy file of the caller has added.
    part(&format!("{policy:?} {:?} {today:?}", recipe.policy));
    sum.finish()
}

/// The verdict of that key.
pub(in crate::commands) fn find(cache: &Cache, key: &Fingerprint) -> Option<GateVerdict> {
    serde_json::from_slice(&cache.record(RecordShelf::Verdicts, key)?).ok()
}

/// Remembers a verdict. Where the cache cannot be written, the next build audits again.
pub(in crate::commands) fn keep(cache: &Cache, key: &Fingerprint, verdict: &GateVerdict) {
    if let Ok(bytes) = serde_json::to_vec(verdict) {
        let _ = cache.keep_record(RecordShelf::Verdicts, key, &bytes);
    }
}
