//! The catalogue: what each rule means and how to follow it, one table a family. `hardpan explain` and the audit show it.

pub(super) mod cfg;
pub(super) mod elf;
pub(super) mod net;
pub(super) mod perm;
pub(super) mod pol;
pub(super) mod reg;
pub(super) mod rep;
pub(super) mod sec;
pub(super) mod tar;
pub(super) mod tool;
pub(super) mod usr;

use schemars::JsonSchema;
use serde::Serialize;

use super::Severity;

/// What the catalogue says about a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RuleFacts {
    /// Family and number, such as `USR001`.
    pub code: &'static str,
    /// Kebab-case, such as `root-user`.
    pub name: &'static str,
    /// What is wrong, in a few words; lower case, no full stop.
    pub title: &'static str,
    /// What a finding weighs, where nothing about it says more.
    pub severity: Severity,
    /// Why it matters; sentences.
    pub rationale: &'static str,
    /// What to do about it; sentences.
    pub remediation: &'static str,
    /// Where else the practice is written down: `CIS 4.1` (Docker Benchmark), `NIST 4.1.2` (the countermeasures of NIST
    /// SP 800-190), `PSS ...` (Pod Security Standards, "restricted"), `CIS-DI-0001` and `DKL-*` (dockle), `DL3002`
    /// (hadolint), `DS-0002` (trivy), CVEs, the two articles the project began with. The first six of these are columns
    /// of a table of `docs/practices.md`.
    pub sources: &'static [&'static str],
}
