//! The names of the hardening rules that a build can refuse by.

use std::fmt;

/// A rule that `build` enforces without an audit engine, or that a policy may name.
///
/// A refusal that carries a rule ends with exit code 1: hardpan did its work and the answer is no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The run user is uid 0 or gid 0, however it is written.
    RootUser,
    /// A binary wants a loader or libraries that are not in the image.
    DynamicBinary,
    /// An ELF file is for another architecture than the image.
    WrongArchitecture,
    /// The run user cannot execute the entrypoint.
    EntrypointNotExecutable,
    /// A private key is in a file, a variable, a label or an argument.
    PrivateKey,
    /// The stored layers of one platform are larger than `policy.max-size`.
    SizeBudget,
    /// A mode asks for setuid or setgid.
    Setuid,
    /// A mode lets everybody write.
    WorldWritable,
    /// A declared port below 1024. Reported by `audit` only; `build` never refuses it.
    PrivilegedPort,
}

impl Rule {
    /// Every rule, in the order of their names.
    pub const ALL: [Self; 9] = [
        Self::DynamicBinary,
        Self::EntrypointNotExecutable,
        Self::PrivateKey,
        Self::PrivilegedPort,
        Self::RootUser,
        Self::Setuid,
        Self::SizeBudget,
        Self::WorldWritable,
        Self::WrongArchitecture,
    ];

    /// The kebab-case name that people, policies and reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RootUser => "root-user",
            Self::DynamicBinary => "dynamic-binary",
            Self::WrongArchitecture => "wrong-architecture",
            Self::EntrypointNotExecutable => "entrypoint-not-executable",
            Self::PrivateKey => "private-key",
            Self::SizeBudget => "size-budget",
            Self::Setuid => "setuid",
            Self::WorldWritable => "world-writable",
            Self::PrivilegedPort => "privileged-port",
        }
    }

    /// The rule of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_by_its_name_and_the_list_is_sorted() {
        for rule in Rule::ALL {
            assert_eq!(Rule::named(rule.name()), Some(rule));
        }
        assert!(Rule::ALL.is_sorted_by_key(|rule| rule.name()));
        assert_eq!(Rule::named("no-such-rule"), None);
    }
}
