//! Recognises credential files by their names.

use std::sync::LazyLock;

use super::{
    location::{Evidence, Location},
    stores::StoreMagic,
};
use crate::report::{Rule, Severity};

/// The rule for a file of a certain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    /// The rule that such a file breaks.
    pub rule: Rule,
    /// The kind of file, such as `keystore`.
    pub detector: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// Whether the name alone is no finding: the scanner reads such a file and reports what it really holds. Of the
    /// others, an empty file is none.
    pub confirmed_by_content: bool,
}

/// How a file of credentials or of settings is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Names and values, and the file is made for secrets.
    Settings(&'static str),
    /// Names and values of any kind.
    Config,
    /// JSON that says itself what it is.
    Json,
    Netrc,
    Pgpass,
    Shadow,
    Htpasswd,
    GitConfig,
    Kube,
    /// The whole file is one token.
    Token(&'static str),
    /// A file of keys, which may be one number in hexadecimal alone: that is reported under this name.
    Key(&'static str),
    /// Logins of registries in JSON, of Docker's older form too.
    DockerLogins,
    /// Commands of a shell.
    Script,
    /// A store of keys or passwords, known by its first bytes. Of a file that begins otherwise the name is all that there is.
    Store(&'static str, &'static [StoreMagic]),
}

const JAVA: &[StoreMagic] = &[StoreMagic::Java, StoreMagic::Pkcs12];
const PKCS12: &[StoreMagic] = &[StoreMagic::Pkcs12];

/// Which paths an entry of the table is about.
#[derive(Debug, Clone, Copy)]
enum PathMatch {
    /// The last components, whole.
    Tail(&'static str),
    /// The end of the file's name.
    End(&'static str),
    /// The start of the file's name.
    Start(&'static str),
    /// Anything below a folder of that name.
    Under(&'static str),
    /// Anything below this path of the root.
    Root(&'static str),
    /// A start and an end of the file's name.
    Around(&'static str, &'static str),
}

impl PathMatch {
    /// The byte that such a path ends with, where there is only one.
    fn last(self) -> Option<u8> {
        match self {
            Self::Tail(end) | Self::End(end) | Self::Around(_, end) => end.as_bytes().last().copied(),
            Self::Start(_) | Self::Under(_) | Self::Root(_) => None,
        }
    }

    fn matches(self, path: &str, name: &str) -> bool {
        match self {
            Self::Tail(tail) => path.strip_suffix(tail).is_some_and(|rest| rest.is_empty() || rest.ends_with('/')),
            Self::End(end) => name.len() > end.len() && name.ends_with(end),
            Self::Start(start) => name.starts_with(start),
            Self::Under(folder) => {
                let folders = path.get(..path.len() - name.len()).unwrap_or_default();
                // Few paths have a folder that is as long and begins so.
                let begins =
                    folder.as_bytes().first().is_some_and(|first| memchr::memchr(*first, folders.as_bytes()).is_some());
                folders.len() > folder.len() && begins && folders.split('/').any(|component| component == folder)
            }
            Self::Root(root) => path.starts_with(root),
            Self::Around(start, end) => name.starts_with(start) && name.ends_with(end),
        }
    }
}

struct NameEntry(PathMatch, &'static str, Rule, Severity, Option<Format>);

use PathMatch::{Around, End, Root, Start, Tail, Under};
use Rule::{CredentialFile as File, LoginTraces as Traces, PrivateKey as Key};
use Severity::{High, Low, Medium};

/// The name of what the command line of Azure keeps. Other files of its folder are settings, or those of a pipeline.
const AZURE: &str = "azure-credentials";

/// The files, the most precise first. Those with a format are findings only when they hold something.
const FILES: &[NameEntry] = &[
    NameEntry(Tail(".npmrc"), "npmrc", File, High, Some(Format::Settings("npmrc"))),
    NameEntry(Tail(".yarnrc"), "npmrc", File, High, Some(Format::Settings("npmrc"))),
    NameEntry(Tail(".yarnrc.yml"), "npmrc", File, High, Some(Format::Settings("npmrc"))),
    NameEntry(Tail(".pypirc"), "pypirc", File, High, Some(Format::Settings("pypirc"))),
    NameEntry(Tail("pip.conf"), "pip-config", File, High, Some(Format::Settings("pip-config"))),
    NameEntry(Tail(".gem/credentials"), "gem-credentials", File, High, Some(Format::Settings("gem-credentials"))),
    NameEntry(Tail(".bundle/config"), "bundle-config", File, High, Some(Format::Settings("bundle-config"))),
    NameEntry(Tail(".cargo/credentials"), "cargo-credentials", File, High, Some(Format::Settings("cargo-credentials"))),
    NameEntry(
        Tail(".cargo/credentials.toml"),
        "cargo-credentials",
        File,
        High,
        Some(Format::Settings("cargo-credentials")),
    ),
    NameEntry(Tail(".netrc"), "netrc", File, High, Some(Format::Netrc)),
    NameEntry(Tail("_netrc"), "netrc", File, High, Some(Format::Netrc)),
    NameEntry(Tail(".pgpass"), "pgpass", File, High, Some(Format::Pgpass)),
    NameEntry(Tail(".my.cnf"), "my-cnf", File, High, Some(Format::Settings("my-cnf"))),
    NameEntry(Tail(".git/config"), "git-header", File, High, Some(Format::GitConfig)),
    NameEntry(Tail(".git-credentials"), "git-credentials", File, High, None),
    NameEntry(Tail(".kube/config"), "kubeconfig", File, High, Some(Format::Kube)),
    NameEntry(Tail("etc/kubernetes/admin.conf"), "kubeconfig", File, High, Some(Format::Kube)),
    NameEntry(Tail(".docker/config.json"), "docker-config", File, High, Some(Format::DockerLogins)),
    NameEntry(Tail(".dockercfg"), "docker-config", File, High, Some(Format::DockerLogins)),
    NameEntry(Tail("containers/auth.json"), "docker-config", File, High, Some(Format::DockerLogins)),
    NameEntry(Tail(".composer/auth.json"), "registry-auth", File, High, Some(Format::Settings("registry-auth"))),
    NameEntry(Tail(".vault-token"), "vault-token", File, High, Some(Format::Token("vault-token"))),
    NameEntry(Tail(".terraform.d/credentials.tfrc.json"), "terraform-token", File, High, Some(Format::Json)),
    NameEntry(End(".tfstate"), "terraform-state", File, High, Some(Format::Settings("terraform-state"))),
    NameEntry(End(".tfstate.backup"), "terraform-state", File, High, Some(Format::Settings("terraform-state"))),
    NameEntry(Tail("master.key"), "rails-master-key", File, High, Some(Format::Key("rails-master-key"))),
    NameEntry(Tail(".vault_pass"), "ansible-vault-password", File, High, Some(Format::Token("ansible-vault-password"))),
    NameEntry(
        Start(".vault_pass"),
        "ansible-vault-password",
        File,
        High,
        Some(Format::Token("ansible-vault-password")),
    ),
    NameEntry(
        Start(".vault-pass"),
        "ansible-vault-password",
        File,
        High,
        Some(Format::Token("ansible-vault-password")),
    ),
    NameEntry(
        Around("vault_pass", ".txt"),
        "ansible-vault-password",
        File,
        High,
        Some(Format::Token("ansible-vault-password")),
    ),
    NameEntry(Tail(".smbcredentials"), "share-credentials", File, High, Some(Format::Settings("share-credentials"))),
    NameEntry(Tail("smbcredentials"), "share-credentials", File, High, Some(Format::Settings("share-credentials"))),
    NameEntry(Tail(".m2/settings.xml"), "maven-settings", File, High, Some(Format::Settings("maven-settings"))),
    NameEntry(Tail("NuGet.config"), "nuget-config", File, High, Some(Format::Settings("nuget-config"))),
    NameEntry(Tail("nuget.config"), "nuget-config", File, High, Some(Format::Settings("nuget-config"))),
    NameEntry(Tail("NuGet.Config"), "nuget-config", File, High, Some(Format::Settings("nuget-config"))),
    NameEntry(Tail(".config/gh/hosts.yml"), "github-login", File, High, Some(Format::Settings("github-login"))),
    NameEntry(Tail(".htpasswd"), "htpasswd", File, High, Some(Format::Htpasswd)),
    NameEntry(Tail("etc/shadow"), "shadow-hash", File, Medium, Some(Format::Shadow)),
    NameEntry(Tail("etc/shadow-"), "shadow-hash", File, Medium, Some(Format::Shadow)),
    NameEntry(Tail(".s3cfg"), "s3cfg", File, High, Some(Format::Settings("s3cfg"))),
    NameEntry(Tail(".boto"), "boto", File, High, Some(Format::Settings("boto"))),
    NameEntry(Around("service-account", ".json"), "gcp-service-account", File, High, Some(Format::Json)),
    NameEntry(Tail("wp-config.php"), "wp-config", File, High, Some(Format::Settings("wp-config"))),
    NameEntry(Tail("database.yml"), "database-config", File, High, Some(Format::Settings("database-config"))),
    NameEntry(Tail(".env"), "dotenv", File, High, Some(Format::Settings("dotenv"))),
    NameEntry(Start(".env."), "dotenv", File, High, Some(Format::Settings("dotenv"))),
    NameEntry(Tail(".aws/credentials"), "aws-credentials", File, High, Some(Format::Settings("aws-credentials"))),
    NameEntry(Tail(".aws/config"), "aws-credentials", File, High, Some(Format::Settings("aws-credentials"))),
    NameEntry(Tail(".config/gcloud/credentials.db"), "gcloud-credentials", File, High, None),
    NameEntry(Tail(".config/gcloud/access_tokens.db"), "gcloud-credentials", File, High, None),
    NameEntry(Tail("application_default_credentials.json"), "gcloud-credentials", File, High, Some(Format::Json)),
    NameEntry(Under("legacy_credentials"), "gcloud-credentials", File, High, Some(Format::Json)),
    NameEntry(Tail(".azure/accessTokens.json"), "azure-credentials", File, High, Some(Format::Settings(AZURE))),
    NameEntry(Tail(".azure/msal_token_cache.json"), "azure-credentials", File, High, Some(Format::Settings(AZURE))),
    NameEntry(
        Tail(".azure/service_principal_entries.json"),
        "azure-credentials",
        File,
        High,
        Some(Format::Settings(AZURE)),
    ),
    NameEntry(Tail(".azure/msal_token_cache.bin"), "azure-credentials", File, High, None),
    NameEntry(Tail(".azure/service_principal_entries.bin"), "azure-credentials", File, High, None),
    NameEntry(Under("private-keys-v1.d"), "gnupg-key", Key, High, None),
    NameEntry(Tail(".gnupg/secring.gpg"), "gnupg-key", Key, High, None),
    NameEntry(Under(".gnupg"), "gnupg-folder", File, Low, None),
    NameEntry(Root("run/secrets/"), "mounted-secret", File, High, None),
    // Keys are reported when they are keys.
    NameEntry(Around("ssh_host_", "_key"), "ssh-host-key", Traces, High, Some(Format::Json)),
    NameEntry(Tail("id_rsa"), "private-key", Key, High, Some(Format::Json)),
    NameEntry(Tail("id_dsa"), "private-key", Key, High, Some(Format::Json)),
    NameEntry(Tail("id_ecdsa"), "private-key", Key, High, Some(Format::Json)),
    NameEntry(Tail("id_ed25519"), "private-key", Key, High, Some(Format::Json)),
    NameEntry(End(".pem"), "private-key", Key, High, Some(Format::Json)),
    NameEntry(End(".key"), "private-key", Key, High, Some(Format::Key("raw-key"))),
    NameEntry(End(".p8"), "private-key", Key, High, Some(Format::Json)),
    NameEntry(Under(".ssh"), "ssh-folder", Traces, Medium, None),
    NameEntry(Tail(".bash_history"), "shell-history", Traces, Medium, None),
    NameEntry(Tail(".zsh_history"), "shell-history", Traces, Medium, None),
    NameEntry(Tail(".ash_history"), "shell-history", Traces, Medium, None),
    NameEntry(Tail(".sh_history"), "shell-history", Traces, Medium, None),
    NameEntry(Tail(".python_history"), "shell-history", Traces, Medium, None),
    NameEntry(Tail(".node_repl_history"), "shell-history", Traces, Medium, None),
    NameEntry(Tail(".psql_history"), "shell-history", Traces, Medium, None),
    NameEntry(Tail(".mysql_history"), "shell-history", Traces, Medium, None),
    NameEntry(Tail(".rediscli_history"), "shell-history", Traces, Medium, None),
    NameEntry(End(".p12"), "keystore", File, High, Some(Format::Store("keystore", PKCS12))),
    NameEntry(End(".pfx"), "keystore", File, High, Some(Format::Store("keystore", PKCS12))),
    NameEntry(End(".jks"), "keystore", File, High, Some(Format::Store("keystore", JAVA))),
    NameEntry(End(".keystore"), "keystore", File, High, Some(Format::Store("keystore", JAVA))),
    NameEntry(End(".keychain"), "keystore", File, High, Some(Format::Store("keystore", &[StoreMagic::Keychain]))),
    NameEntry(
        End(".kdbx"),
        "password-store",
        File,
        High,
        Some(Format::Store("password-store", &[StoreMagic::KeePass])),
    ),
    NameEntry(
        End(".psafe3"),
        "password-store",
        File,
        High,
        Some(Format::Store("password-store", &[StoreMagic::PasswordSafe])),
    ),
    NameEntry(End(".agilekeychain"), "password-store", File, High, None),
    NameEntry(
        End(".keytab"),
        "kerberos-keytab",
        File,
        High,
        Some(Format::Store("kerberos-keytab", &[StoreMagic::Keytab])),
    ),
    NameEntry(End(".ovpn"), "vpn-profile", File, Medium, None),
    NameEntry(End(".rdp"), "vpn-profile", File, Medium, None),
    NameEntry(End(".tpm"), "disk-key", File, Medium, None),
    NameEntry(End(".bek"), "disk-key", File, Medium, None),
    NameEntry(End(".fve"), "disk-key", File, Medium, None),
    NameEntry(End(".pcap"), "packet-capture", File, Medium, None),
];

/// Ends of the names of files of settings.
const CONFIG: [&str; 15] = [
    ".env",
    ".properties",
    ".ini",
    ".conf",
    ".cfg",
    ".cnf",
    ".toml",
    ".yaml",
    ".yml",
    ".json",
    ".tfvars",
    ".credentials",
    ".xml",
    ".config",
    ".pubxml",
];

/// Ends of the names of files of commands: scripts, what shells read when they start, their histories.
const SCRIPTS: [&str; 10] =
    [".sh", ".bash", ".zsh", ".ksh", ".envrc", "bashrc", "zshrc", "profile", "_history", "ockerfile"];

/// `path` without what stands before its first component, and its last component.
fn parts(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('.').filter(|rest| rest.starts_with('/')).unwrap_or(path).trim_start_matches('/');
    (path, path.rsplit('/').next().unwrap_or(path))
}

/// The entries that a path may be about, by the byte that it ends with: a bit for each. Every path of an image is asked
/// for, and almost none is about any.
static CANDIDATES: LazyLock<[u128; 256]> = LazyLock::new(|| {
    let mut table = [0; 256];
    for (byte, set) in (0_u8..=u8::MAX).zip(&mut table) {
        for (at, entry) in FILES.iter().enumerate() {
            if entry.0.last().is_none_or(|last| last == byte) {
                *set |= 1 << at;
            }
        }
    }
    table
});

const _: () = assert!(FILES.len() <= 128, "an entry has a bit of a `u128`");

/// The entries that may be about `path`, in their order.
fn candidates(path: &str) -> impl Iterator<Item = &'static NameEntry> {
    let last = path.as_bytes().last().copied().unwrap_or_default();
    let mut left = CANDIDATES.get(usize::from(last)).copied().unwrap_or(u128::MAX);
    std::iter::from_fn(move || {
        let at = left.trailing_zeros();
        // The lowest bit is taken away.
        left &= left.wrapping_sub(1);
        FILES.get(at as usize)
    })
}

fn entry(path: &str) -> Option<&'static NameEntry> {
    let (path, name) = parts(path);
    candidates(path).find(|entry| entry.0.matches(path, name)).filter(|entry| {
        // Stores of certificates that are trusted hold no keys.
        let is_store = entry.1 == "keystore" && (name.contains("trust") || name.contains("cacerts"));
        // Templates are made to be committed.
        let is_template = [".example", ".sample", ".template", ".dist", ".pub"].iter().any(|end| name.ends_with(end));
        let is_model = is_template && entry.4 != Some(Format::Json) && entry.2 != Traces;
        !(is_store || is_model)
    })
}

/// The rule for the name of the file at `path`, weighed by where the file is; `None` for almost all files.
pub fn name_hit(path: &str) -> Option<NameRule> {
    let NameEntry(_, detector, rule, severity, format) = entry(path)?;
    let severity = Location::of(path).weigh(*severity, Evidence::Guess);
    Some(NameRule { rule: *rule, detector, severity, confirmed_by_content: format.is_some() })
}

impl Format {
    /// How the file at `path` is read.
    pub(super) fn of(path: &str) -> Option<Self> {
        let (_, name) = parts(path);
        entry(path)
            .and_then(|entry| entry.4)
            .or_else(|| CONFIG.iter().any(|end| name.ends_with(end)).then_some(Self::Config))
            .or_else(|| SCRIPTS.iter().any(|end| name.ends_with(end)).then_some(Self::Script))
    }

    /// Whether such a file is read as a whole, and is small.
    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Token(_) | Self::Key(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known_from_any_root_and_by_whole_components() {
        for (path, detector) in [
            ("/root/.netrc", "netrc"),
            ("./root/.ssh/known_hosts", "ssh-folder"),
            ("home/a/.ssh/id_ed25519", "private-key"),
            (".env", "dotenv"),
            ("app/.env.production", "dotenv"),
            ("etc/ssh/ssh_host_rsa_key", "ssh-host-key"),
            ("run/secrets/db", "mounted-secret"),
            ("a/b.p12", "keystore"),
            ("root/.bash_history", "shell-history"),
            ("etc/shadow", "shadow-hash"),
            ("root/.aws/credentials", "aws-credentials"),
        ] {
            assert_eq!(name_hit(path).map(|hit| hit.detector), Some(detector), "{path}");
        }
        for path in [
            "app/settings.py",
            "etc/gshadow",
            "a.env/b",
            "x/my.netrc",
            ".p12",
            "etc/ssl/truststore.jks",
            "var/run/secrets/x",
            "app/.env.example",
            "etc/ssh/ssh_host_rsa_key.pub",
            "ssh/config",
        ] {
            assert_eq!(name_hit(path), None, "{path}");
        }
    }

    #[test]
    fn no_entry_is_missed_for_the_byte_that_a_path_ends_with() {
        for NameEntry(kind, ..) in FILES {
            let texts = match *kind {
                Tail(text) | End(text) | Start(text) => vec![text.to_owned()],
                Under(text) => {
                    vec![format!("{text}/x"), format!("a/{text}/b/c.p12"), format!("{text}s/x"), text.to_owned()]
                }
                Root(text) => vec![format!("{text}x"), format!("{text}a/b.pem"), text.to_owned()],
                Around(start, end) => vec![format!("{start}{end}"), format!("{start}x{end}")],
            };
            for text in texts {
                for path in ["", "a/", "x", "/", "./"].map(|before| format!("{before}{text}")) {
                    for path in [path.clone(), format!("{path}x"), format!("{path}.production"), path.replace('/', "")]
                    {
                        let (path, name) = parts(&path);
                        let all = FILES.iter().find(|entry| entry.0.matches(path, name));
                        let found = candidates(path).find(|entry| entry.0.matches(path, name));
                        assert_eq!(found.map(|entry| entry.1), all.map(|entry| entry.1), "{path}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_folder_counts_by_its_whole_name_and_for_what_is_below_it() {
        for path in [".ssh/x", "root/.ssh/x", "root/.ssh/a/b", "home/.ss/.ssh/x"] {
            assert_eq!(name_hit(path).map(|hit| hit.detector), Some("ssh-folder"), "{path}");
        }
        for path in [".ssh", "root/.ssh", "root/.sshd/x", "root/x.ssh/x", "root/.ss/h/x", "root/_ssh/x"] {
            assert_eq!(name_hit(path), None, "{path}");
        }
    }

    #[test]
    fn a_name_that_needs_content_says_so() {
        assert!(name_hit("a/server.pem").unwrap().confirmed_by_content);
        assert!(name_hit("a/server.p12").unwrap().confirmed_by_content);
        assert!(!name_hit("root/.bash_history").unwrap().confirmed_by_content);
        assert_eq!(Format::of("a/config.yaml"), Some(Format::Config));
        assert_eq!(Format::of("a/main.rs"), None);
    }
}
