//! What a fetch may run and see. It works in the caller's environment, because proxies, private modules and logins are the
//! caller's. So it runs toolchains of the user alone, none that the checkout brings, and variables that look like secrets do
//! not reach it unless the caller names them.

use std::{ffi::OsStr, fs::File, io::Read as _, path::Path};

use toml::{Table, Value};

use super::{
    Toolchain,
    cargo_config::{CargoConfigFile, CargoConfiguration},
    child::ChildOutput,
    environment::Environment,
};
use crate::{
    report::{ErrorName, Failure, Limits, printable},
    secrets::is_secret_variable,
};

/// The files by which rustup takes a toolchain for a folder.
const CHOICES: [&str; 2] = ["rust-toolchain.toml", "rust-toolchain"];
/// Variables of toolchains and of git by which a caller says where things are fetched from. What they hold is for the fetch,
/// even where it looks like a secret, as a password in a URL does.
const OF_FETCHES: [&str; 15] = [
    "GOPROXY",
    "GOAUTH",
    "GONOPROXY",
    "GOSUMDB",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "CARGO_HTTP_PROXY",
    "SSH_AUTH_SOCK",
    "GIT_SSH_COMMAND",
    "NETRC",
    "GIT_SSL_KEY",
    "GIT_SSL_CERT_PASSWORD_PROTECTED",
    "CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS",
];
/// How others of them begin: git's settings by variables (a header for a private host is what they are for), and the user's
/// own credential providers.
const STARTS_OF_FETCHES: [&str; 2] = ["GIT_CONFIG_", "CARGO_CREDENTIAL_ALIAS_"];

/// What Go, cargo and git say where a login is missing; some hosts say that a private thing is not there.
const LOGIN_COMPLAINTS: [&str; 10] = [
    "401",
    "403",
    "404 Not Found",
    "no token found",
    "could not read Username",
    "terminal prompts disabled",
    "uthentication",
    "nauthorized",
    "orbidden",
    "ermission denied",
];

impl Toolchain<'_> {
    /// Takes the variables away that look like secrets and that the caller does not name.
    pub(super) fn withhold_secrets(&self, environment: &mut Environment) {
        environment.retain(|name, value| !self.is_withheld(name, value));
    }

    fn is_withheld(&self, name: &OsStr, value: &OsStr) -> bool {
        let text = name.to_string_lossy();
        if self.passed.fetch.contains(name) || OF_FETCHES.contains(&text.to_ascii_uppercase().as_str()) {
            return false;
        }
        let is_of_fetches = STARTS_OF_FETCHES.iter().any(|start| text.starts_with(start));
        !is_of_fetches && (text.starts_with("HARDPAN_") || is_secret_variable(&text, &value.to_string_lossy()))
    }

    /// The failure of a fetch, with the hint which variables it did not get where a server may have asked for a login.
    pub(super) fn with_withheld_hint(&self, ended: &ChildOutput, failure: Failure) -> Failure {
        let asks = LOGIN_COMPLAINTS.iter().any(|words| ended.complains(words));
        self.withheld_hint().filter(|_| asks).into_iter().fold(failure, Failure::hint)
    }

    /// Which variables a fetch does not get; none where it gets all.
    fn withheld_hint(&self) -> Option<String> {
        let withheld = self.caller.iter().filter(|(name, value)| !value.is_empty() && self.is_withheld(name, value));
        let names: Vec<_> = withheld
            .map(|(name, _)| name.to_string_lossy())
            .filter(|name| !name.starts_with("HARDPAN_"))
            .map(|name| format!("`{}`", printable(&name)))
            .collect();
        let first = names.first()?;
        Some(format!(
            "{} {} like a secret, and the fetch did not get {}: `--fetch-env {}` passes it on",
            names.join(", "),
            if names.len() == 1 { "looks" } else { "look" },
            if names.len() == 1 { "it" } else { "them" },
            first.trim_matches('`')
        ))
    }

    /// Refuses a checkout that would have the fetch of crates for `dir` run programs of its own: a toolchain at a path, a
    /// credential provider, a library that is loaded into every program.
    pub(super) fn check_fetch(&self, dir: &Path) -> Result<(), Failure> {
        for folder in dir.ancestors().take_while(|folder| folder.starts_with(self.checkout)) {
            for name in CHOICES {
                refuse_toolchain(&folder.join(name))?;
            }
        }
        let configuration = CargoConfiguration::read(dir, self.checkout, &self.cargo_home()?)?;
        configuration.own.iter().try_for_each(refuse_commands)
    }
}

/// Refuses a toolchain that rustup would take from a path that the checkout names.
fn refuse_toolchain(file: &Path) -> Result<(), Failure> {
    let mut text = String::new();
    let opened = file.metadata().ok().filter(std::fs::Metadata::is_file).and_then(|_| File::open(file).ok());
    let Some(opened) = opened else { return Ok(()) };
    let read = opened.take(Limits::RECIPE_BYTES).read_to_string(&mut text);
    read.map_err(|error| Failure::io("read", file, &error))?;
    // The older form is the name of a toolchain alone.
    let Ok(table) = text.parse::<Table>() else { return Ok(()) };
    if table.get("toolchain").and_then(|toolchain| toolchain.get("path")).is_none() {
        return Ok(());
    }
    let what = "the fetch runs toolchains of the user alone, and `path` names one that the checkout chooses";
    Err(Failure::error(ErrorName::FetchUntrusted, what).in_path(file).hint(
        "name it with `rustup toolchain link NAME PATH`, and write `channel = \"NAME\"`; or fetch the crates before and pass \
         `--offline`",
    ))
}

/// Refuses keys of a configuration of the checkout by which cargo would run a program in a fetch.
fn refuse_commands(config: &CargoConfigFile) -> Result<(), Failure> {
    const HINT: &str = "it belongs into the configuration of this machine (`config.toml` in `CARGO_HOME`); or fetch the crates \
                        before and pass `--offline`";
    let refuse = |path: &[&str]| {
        let failure = config.failure(path, "`{key}` has the fetch run a program that the checkout chooses");
        Err(failure.named(ErrorName::FetchUntrusted).hint(HINT))
    };
    for path in
        [&["registry", "credential-provider"][..], &["registry", "global-credential-providers"], &["credential-alias"]]
    {
        if config.get(path).is_some() {
            return refuse(path);
        }
    }
    let keys = |path: &[&str]| -> Vec<String> {
        config.get(path).and_then(Value::as_table).into_iter().flat_map(Table::keys).cloned().collect()
    };
    for name in keys(&["registries"]) {
        let path = ["registries", &name, "credential-provider"];
        if config.get(&path).is_some() {
            return refuse(&path);
        }
    }
    // cargo gives them to rustc, which it asks about the target in a fetch as well.
    match keys(&["env"]).iter().find(|name| name.starts_with("LD_") || *name == "PATH") {
        Some(name) => refuse(&["env", name]),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::{super::environment::tests::toolchain, *};
    use crate::build::passed_variables::PassedVariables;

    #[test]
    fn what_looks_like_a_secret_does_not_reach_a_fetch_unless_it_is_named() {
        let secret = [
            ("CI_JOB_TOKEN", "x"),
            ("GITHUB_TOKEN", "placeholder"),
            ("CI_JOB_JWT_V2", "eyJ"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_SESSION_TOKEN", "x"),
            ("ACTIONS_RUNTIME_TOKEN", "x"),
            ("NPM_AUTH", "x"),
            ("DB_PASSWORD", "a"),
            ("CI_REGISTRY_PASSWORD", "a"),
            ("CARGO_REGISTRIES_MINE_TOKEN", "x"),
            ("CARGO_REGISTRY_TOKEN", "x"),
            ("DOCKER_AUTH_CONFIG", "{}"),
            ("SIGNING_KEY", "x"),
            ("COSIGN_PRIVATE_KEY", "x"),
            ("GPG_KEY", "x"),
            ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/x"),
            ("DATABASE_URL", "postgres://me:hunter2@db/x"),
            ("ANYTHING", "glpat-Zk3vQ9xT2mBn7LpW4rYs"),
            ("HARDPAN_CACHE_SIGN", "/run/secrets/key"),
        ];
        let others = [
            ("PATH", "/bin"),
            ("HOME", "/root"),
            ("HTTPS_PROXY", "http://me:hunter2@proxy:3128"),
            ("https_proxy", "http://me:hunter2@proxy:3128"),
            ("GOPROXY", "https://me:hunter2@proxy"),
            ("GOPRIVATE", "git.example.com"),
            ("SSH_AUTH_SOCK", "/tmp/agent"),
            ("GIT_CONFIG_VALUE_0", "AUTHORIZATION: basic aGVsbG86d29ybGQ="),
            ("KEYBOARD", "us"),
            ("CARGO_HOME", "/c"),
            ("GIT_AUTHOR_NAME", "a"),
            ("GIT_ASKPASS", "/usr/lib/git-core/git-gui--askpass"),
            ("GIT_SSL_KEY", "/home/me/client.key"),
            ("CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS", "cargo:libsecret"),
            ("CARGO_REGISTRIES_MINE_CREDENTIAL_PROVIDER", "cargo:token"),
            ("LANG", "C"),
        ];
        let caller: Environment =
            secret.iter().chain(&others).map(|(name, value)| (name.into(), value.into())).collect();
        let path = Path::new("/x");
        let mut toolchain = toolchain(&caller, path, path);
        let reaches = |toolchain: &Toolchain<'_>| {
            let mut environment = caller.clone();
            toolchain.withhold_secrets(&mut environment);
            environment
        };
        let fetching = reaches(&toolchain);
        let left: Vec<_> = secret.iter().filter(|(name, _)| fetching.contains_key(OsStr::new(name))).collect();
        assert!(left.is_empty(), "{left:?}");
        let gone: Vec<_> = others.iter().filter(|(name, _)| !fetching.contains_key(OsStr::new(name))).collect();
        assert!(gone.is_empty(), "{gone:?}");
        let hint = toolchain.withheld_hint().unwrap();
        assert!(hint.contains("`CI_JOB_TOKEN`") && !hint.contains("HARDPAN") && !hint.contains("hunter2"), "{hint}");
        let passed = PassedVariables { fetch: ["CI_JOB_TOKEN".into()].into(), ..PassedVariables::default() };
        toolchain.passed = &passed;
        assert!(reaches(&toolchain).contains_key(OsStr::new("CI_JOB_TOKEN")));
        assert!(!reaches(&toolchain).contains_key(OsStr::new("GITHUB_TOKEN")));
    }

    #[test]
    fn programs_that_the_checkout_brings_are_refused_and_those_of_the_user_are_not() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (home, checkout) = (root.join("home"), root.join("checkout"));
        fs::create_dir_all(checkout.join("app/.cargo")).unwrap();
        fs::create_dir_all(&home).unwrap();
        let caller = Environment::from([("HOME".into(), home.clone().into())]);
        let check =
            || toolchain(&caller, &home, &checkout).check_fetch(&checkout.join("app")).map_err(|f| f.to_string());
        assert_eq!(check(), Ok(()));
        for name in ["rust-toolchain.toml", "app/rust-toolchain", "app/rust-toolchain.toml"] {
            let file = checkout.join(name);
            fs::write(&file, "[toolchain]\npath = \"./toolchain\"\n").unwrap();
            assert!(check().unwrap_err().contains("toolchains of the user alone"), "{name}");
            for text in ["[toolchain]\nchannel = \"stable\"\n", "nightly-2024-01-01\n", ""] {
                fs::write(&file, text).unwrap();
                assert_eq!(check(), Ok(()), "{name} {text}");
            }
        }
        fs::write(root.join("rust-toolchain.toml"), "[toolchain]\npath = \"./toolchain\"\n").unwrap();
        let refused = [
            "[registry]\ncredential-provider = [\"./steal\"]\n",
            "[registry]\nglobal-credential-providers = [\"cargo:token-from-stdout ./steal\"]\n",
            "[registries.mine]\nindex = \"sparse+https://x/\"\ncredential-provider = [\"cargo:token\"]\n",
            "[credential-alias]\n\"cargo:token\" = \"./steal\"\n",
            "[env]\nLD_PRELOAD = { value = \"steal.so\", relative = true }\n",
            "[env]\nPATH = \"./bin\"\n",
        ];
        for text in refused {
            for place in ["app/.cargo/config.toml", "app/.cargo/config"] {
                fs::write(checkout.join(place), text).unwrap();
                let failure = check().unwrap_err();
                assert!(
                    failure.contains("a program that the checkout chooses") && !failure.contains("steal"),
                    "{failure}"
                );
                fs::remove_file(checkout.join(place)).unwrap();
            }
        }
        fs::create_dir_all(home.join(".cargo")).unwrap();
        fs::write(home.join(".cargo/config.toml"), refused[0]).unwrap();
        fs::write(checkout.join("app/.cargo/config.toml"), "[registries.mine]\nindex = \"sparse+https://x/\"\n")
            .unwrap();
        assert_eq!(check(), Ok(()), "the user's own configuration counts");
    }
}
