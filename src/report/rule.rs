//! [`Rule`]: the names of the hardening rules that a build refuses by and an audit reports.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::{
    RuleFacts,
    catalogue::{cfg, elf, net, perm, pol, reg, rep, sec, tar, tool, usr},
};

/// Makes the enum, its list and its facts of one table.
macro_rules! rules {
    (
        of images { $($rule:ident => $family:ident::$facts:ident,)* }
        of deeds { $($deed:ident => $deed_family:ident::$deed_facts:ident,)* }
    ) => {
        /// A rule of the catalogue, that a finding, a refusal or a policy may name.
        ///
        /// A refusal that carries a rule ends with exit code 1: hardpan did its work and the answer is no.
        /// What a rule means is in its [`facts`](Self::facts).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(
                #[doc = concat!("`", stringify!($family), "::", stringify!($facts), "` of the catalogue.")]
                $rule,
            )*
            $(
                #[doc = concat!("`", stringify!($deed_family), "::", stringify!($deed_facts), "` of the catalogue.")]
                $deed,
            )*
        }

        impl Rule {
            /// Every rule that an image can break, in the order of the catalogue, which is that of the codes within a
            /// family. Those about what hardpan is to do with an image are no audit's and no policy's.
            pub const ALL: [Self; [$(stringify!($rule)),*].len()] = [$(Self::$rule),*];

            /// Every rule that a message can name: those of [`ALL`](Self::ALL), then those about what hardpan is to do.
            pub const CATALOGUE: [Self; [$(stringify!($rule),)* $(stringify!($deed)),*].len()] =
                [$(Self::$rule,)* $(Self::$deed),*];

            /// The entry of the rule in the catalogue.
            pub const fn facts(self) -> &'static RuleFacts {
                match self {
                    $(Self::$rule => &$family::$facts,)*
                    $(Self::$deed => &$deed_family::$deed_facts,)*
                }
            }
        }
    };
}

rules! {
    of images {
        RootUser => usr::ROOT_USER,
        NamedUser => usr::NAMED_USER,
        MalformedUser => usr::MALFORMED_USER,
        RootGroup => usr::ROOT_GROUP,
        UnknownUser => usr::UNKNOWN_USER,
        EmptyPassword => usr::EMPTY_PASSWORD,
        DuplicateId => usr::DUPLICATE_ID,
        OversizedAccounts => usr::OVERSIZED_ACCOUNTS,
        PasswordlessSudo => usr::PASSWORDLESS_SUDO,
        Shell => tool::SHELL,
        MultiCallBinary => tool::MULTI_CALL_BINARY,
        PackageManager => tool::PACKAGE_MANAGER,
        DownloadTool => tool::DOWNLOAD_TOOL,
        Compiler => tool::COMPILER,
        PrivilegeTool => tool::PRIVILEGE_TOOL,
        DebugTool => tool::DEBUG_TOOL,
        UnusedInterpreter => tool::UNUSED_INTERPRETER,
        Leftovers => tool::LEFTOVERS,
        DatabaseDump => tool::DATABASE_DUMP,
        MemoryDump => tool::MEMORY_DUMP,
        EndOfLife => tool::END_OF_LIFE,
        Setuid => perm::SETUID,
        WorldWritable => perm::WORLD_WRITABLE,
        WritableCode => perm::WRITABLE_CODE,
        ReplaceableCode => perm::REPLACEABLE_CODE,
        RunUserOwned => perm::RUN_USER_OWNED,
        ForeignOwner => perm::FOREIGN_OWNER,
        EntrypointNotExecutable => perm::ENTRYPOINT_NOT_EXECUTABLE,
        FileCapabilities => perm::FILE_CAPABILITIES,
        SpecialFile => perm::SPECIAL_FILE,
        HostXattrs => perm::HOST_XATTRS,
        LoaderHijack => perm::LOADER_HIJACK,
        PathEscape => tar::PATH_ESCAPE,
        HardLinkEscape => tar::HARD_LINK_ESCAPE,
        SymlinkParent => tar::SYMLINK_PARENT,
        SymlinkEscape => tar::SYMLINK_ESCAPE,
        DuplicatePath => tar::DUPLICATE_PATH,
        InvalidWhiteout => tar::INVALID_WHITEOUT,
        AmbiguousTar => tar::AMBIGUOUS_TAR,
        DigestMismatch => tar::DIGEST_MISMATCH,
        AmbiguousManifest => tar::AMBIGUOUS_MANIFEST,
        ForeignLayer => tar::FOREIGN_LAYER,
        ResourceBomb => tar::RESOURCE_BOMB,
        PrivateKey => sec::PRIVATE_KEY,
        ProviderToken => sec::PROVIDER_TOKEN,
        RemovedSecret => sec::REMOVED_SECRET,
        CredentialFile => sec::CREDENTIAL_FILE,
        SecretInEnv => sec::SECRET_IN_ENV,
        SecretInLabel => sec::SECRET_IN_LABEL,
        SecretInHistory => sec::SECRET_IN_HISTORY,
        SecretInArguments => sec::SECRET_IN_ARGUMENTS,
        LoginTraces => sec::LOGIN_TRACES,
        AdminService => net::ADMIN_SERVICE,
        AdminPort => net::ADMIN_PORT,
        PrivilegedPort => net::PRIVILEGED_PORT,
        InvalidPort => net::INVALID_PORT,
        SensitiveVolume => net::SENSITIVE_VOLUME,
        DebugDoor => net::DEBUG_DOOR,
        RootLogin => net::ROOT_LOGIN,
        MutableReference => cfg::MUTABLE_REFERENCE,
        UnpinnedBase => cfg::UNPINNED_BASE,
        BaseNotAllowed => cfg::BASE_NOT_ALLOWED,
        AddFromUrl => cfg::ADD_FROM_URL,
        PipeToShell => cfg::PIPE_TO_SHELL,
        StopSignal => cfg::STOP_SIGNAL,
        Healthcheck => cfg::HEALTHCHECK,
        ShellForm => cfg::SHELL_FORM,
        EntrypointMissing => cfg::ENTRYPOINT_MISSING,
        WorkingDirectory => cfg::WORKING_DIRECTORY,
        RuntimeLabels => cfg::RUNTIME_LABELS,
        OnbuildTriggers => cfg::ONBUILD_TRIGGERS,
        MissingMetadata => cfg::MISSING_METADATA,
        Unsigned => cfg::UNSIGNED,
        WrongArchitecture => cfg::WRONG_ARCHITECTURE,
        UncheckedTls => cfg::UNCHECKED_TLS,
        UnverifiedPackages => cfg::UNVERIFIED_PACKAGES,
        SystemUpgrade => cfg::SYSTEM_UPGRADE,
        OpenChmod => cfg::OPEN_CHMOD,
        DuplicateVariable => cfg::DUPLICATE_VARIABLE,
        VaryingCreated => rep::VARYING_CREATED,
        VaryingTimes => rep::VARYING_TIMES,
        GzipMetadata => rep::GZIP_METADATA,
        OwnerNames => rep::OWNER_NAMES,
        UnsortedEntries => rep::UNSORTED_ENTRIES,
        WastedBytes => rep::WASTED_BYTES,
        DuplicateContent => rep::DUPLICATE_CONTENT,
        SizeBudget => rep::SIZE_BUDGET,
        DynamicBinary => elf::DYNAMIC_BINARY,
        MissingLibrary => elf::MISSING_LIBRARY,
        MissingCertificates => elf::MISSING_CERTIFICATES,
        NotPie => elf::NOT_PIE,
        ExecutableStack => elf::EXECUTABLE_STACK,
        NoRelro => elf::NO_RELRO,
        NoStackCanary => elf::NO_STACK_CANARY,
        DebugInfo => elf::DEBUG_INFO,
        BuildPaths => elf::BUILD_PATHS,
        LibraryPath => elf::LIBRARY_PATH,
        PackedBinary => elf::PACKED_BINARY,
        NoDependencyData => elf::NO_DEPENDENCY_DATA,
        HostPath => elf::HOST_PATH,
        NeedsCgo => elf::NEEDS_CGO,
        ExpiredWaiver => pol::EXPIRED_WAIVER,
        UnusedWaiver => pol::UNUSED_WAIVER,
    }
    of deeds {
        TagExists => reg::TAG_EXISTS,
    }
}

impl Rule {
    /// The kebab-case name that people, policies and reports use.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The catalogue's code, such as `USR001`: an alias of the name.
    pub const fn code(self) -> &'static str {
        self.facts().code
    }

    /// The rule of that name, or of that code in any case.
    pub fn named(name_or_code: &str) -> Option<Self> {
        let asked = |rule: &Self| rule.name() == name_or_code || rule.code().eq_ignore_ascii_case(name_or_code);
        Self::ALL.into_iter().find(asked)
    }

    /// Every name, sorted: for schemas, and for suggestions.
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<_> = Self::ALL.into_iter().map(Self::name).collect();
        names.sort_unstable();
        names
    }

    /// Whether it finds secrets: what it points at is not to be shown.
    pub fn is_about_secrets(self) -> bool {
        self.facts().code.starts_with("SEC")
    }

    /// Whether the build answers it alone: an image does not say enough for an audit to find what the build waived.
    pub const fn is_of_build(self) -> bool {
        matches!(self, Self::SizeBudget | Self::HostPath | Self::NeedsCgo)
    }

    /// Whether `--locked` is refused whatever is waived: the same lock would not give the same bytes elsewhere.
    pub const fn breaks_lock(self) -> bool {
        matches!(self, Self::HostPath)
    }

    /// Whether a recipe's `[[policy.allow]]` may except a build from the rule.
    ///
    /// What is promised of every image that hardpan builds has no exception: who runs it, that it starts, what a mode may
    /// be, and that its layers are sound. A path that is twice in one layer comes with a base alone, and can be excepted.
    pub const fn waivable(self) -> bool {
        !matches!(
            self,
            Self::RootUser
                | Self::NamedUser
                | Self::MalformedUser
                | Self::UnknownUser
                | Self::Setuid
                | Self::WorldWritable
                | Self::WritableCode
                | Self::ReplaceableCode
                | Self::EntrypointNotExecutable
                | Self::EntrypointMissing
                | Self::WrongArchitecture
                | Self::PathEscape
                | Self::HardLinkEscape
                | Self::SymlinkParent
                | Self::InvalidWhiteout
                | Self::AmbiguousTar
                | Self::DigestMismatch
                | Self::AmbiguousManifest
                | Self::ResourceBomb
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl JsonSchema for Rule {
    fn schema_name() -> Cow<'static, str> {
        "Rule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::names(), "description": "A rule of the catalogue, by its name." })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_is_found_by_its_name_and_by_its_code() {
        for rule in Rule::ALL {
            assert_eq!(Rule::named(rule.name()), Some(rule));
            assert_eq!(Rule::named(&rule.code().to_lowercase()), Some(rule));
        }
        assert_eq!(Rule::named("no-such-rule"), None);
        assert_eq!(Rule::named(Rule::TagExists.name()), None, "no policy can except it");
        assert_eq!(Rule::named(""), None);
    }

    #[test]
    fn names_and_codes_are_unique_and_well_formed_and_every_fact_is_told() {
        let names: BTreeSet<_> = Rule::ALL.into_iter().map(Rule::name).collect();
        let codes: BTreeSet<_> = Rule::ALL.into_iter().map(Rule::code).collect();
        assert_eq!((names.len(), codes.len()), (Rule::ALL.len(), Rule::ALL.len()));
        for rule in Rule::CATALOGUE {
            let facts = rule.facts();
            assert!(facts.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{rule}");
            let (family, number) = facts.code.split_at(facts.code.len() - 3);
            assert!(family.bytes().all(|byte| byte.is_ascii_uppercase()), "{rule}");
            assert!(number.bytes().all(|byte| byte.is_ascii_digit()), "{rule}");
            for text in [facts.title, facts.rationale, facts.remediation] {
                assert!(!text.is_empty() && !text.contains("  "), "{rule}: {text}");
            }
            assert!(facts.rationale.ends_with('.') && facts.remediation.ends_with('.'), "{rule}");
            assert!(!facts.title.ends_with('.'), "{rule}");
        }
    }

    #[test]
    fn codes_of_a_family_count_from_one_without_a_gap() {
        let mut last = ("", 0);
        for rule in Rule::ALL {
            let (family, number) = rule.code().split_at(rule.code().len() - 3);
            let number: u32 = number.parse().expect("three digits");
            let expected = if family == last.0 { last.1 + 1 } else { 1 };
            assert_eq!(number, expected, "{}", rule.code());
            last = (family, number);
        }
    }
}
