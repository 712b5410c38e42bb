//! [`SharedCacheArguments`]: the options of the cache that several machines share, and the variables in their place.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    build::BuildSettings,
    cache::{CacheSigner, CacheTrust, RemoteCache, SharedCache},
    registry::{Access, ClientFiles, HttpCache},
    report::{ErrorName, Failure, Progress, printable},
};

/// The cache of other machines, as `build` uses it.
#[derive(Debug, Default, Args)]
pub(super) struct SharedCacheArguments {
    /// Take programs and layers from this HTTP cache, and add them with --cache-sign [env: HARDPAN_CACHE_URL]
    #[arg(long, value_name = "URL")]
    cache_url: Option<String>,
    #[command(flatten)]
    keys: CacheKeyArguments,
    /// Credentials for the cache: a file with `Bearer TOKEN` or `Basic USER:PASSWORD` [env: HARDPAN_CACHE_AUTH_FILE]
    #[arg(long, value_name = "FILE")]
    cache_auth_file: Option<PathBuf>,
    /// A client certificate for the cache, PEM; its key is in --cache-cert-key [env: HARDPAN_CACHE_CERT]
    #[arg(long, value_name = "FILE")]
    cache_cert: Option<PathBuf>,
    /// The private key of the client certificate, PEM [env: HARDPAN_CACHE_CERT_KEY]
    #[arg(long, value_name = "FILE")]
    cache_cert_key: Option<PathBuf>,
    /// Make this part of what is cached again, and fail where it is not the same [default: 0]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    verify_cache: Option<u8>,
}

/// The keys of a shared cache, for `build` and for archives of the cache.
#[derive(Debug, Default, Args)]
pub(super) struct CacheKeyArguments {
    /// Believe what this public key signed: the key, or a file of keys; repeatable [env: HARDPAN_CACHE_TRUST]
    #[arg(long, value_name = "KEY")]
    cache_trust: Vec<String>,
    /// Sign with this private key what is added; without it nothing is [env: HARDPAN_CACHE_SIGN]
    #[arg(long, value_name = "FILE")]
    cache_sign: Option<PathBuf>,
}

impl SharedCacheArguments {
    /// The settings with the shared cache in them.
    ///
    /// # Errors
    /// A URL without a key that is trusted; keys, credentials or a URL that cannot be used.
    pub(super) fn add_to(
        &self,
        mut settings: BuildSettings,
        progress: &dyn Progress,
    ) -> Result<BuildSettings, Failure> {
        let percent = self.verify_cache.unwrap_or_default();
        let url = self.cache_url.clone().or_else(|| variable("HARDPAN_CACHE_URL"));
        let Some(local) = settings.blobs.clone() else {
            if url.is_some() || percent > 0 {
                let what = "a shared cache needs one on this machine, and neither `XDG_CACHE_HOME` nor `HOME` is set";
                return Err(Failure::error(ErrorName::Cache, what).hint("set `XDG_CACHE_HOME`"));
            }
            return Ok(settings);
        };
        let remote = match url {
            Some(_) if settings.offline => {
                progress.step("the shared cache is not asked: `--offline`");
                None
            }
            Some(url) => Some(self.remote(&url, &settings)?),
            None => None,
        };
        settings.shared = Some(SharedCache::new(local, remote, percent));
        Ok(settings)
    }

    fn remote(&self, url: &str, settings: &BuildSettings) -> Result<RemoteCache, Failure> {
        let (trust, signer) = (self.keys.trust()?, self.keys.signer()?);
        if trust.is_empty() && signer.is_none() {
            let what = "a shared cache is used with keys that are trusted, and none is given";
            return Err(Failure::error(ErrorName::Usage, what).hint(
                "`--cache-trust KEY` names the public key of the jobs that may add to it; `hardpan cache key --new FILE` makes a pair",
            ));
        }
        let file = self.cache_auth_file.clone().or_else(|| variable("HARDPAN_CACHE_AUTH_FILE").map(PathBuf::from));
        let access = Access { client: self.client()?, ..settings.access.clone() };
        let store = HttpCache::new(url, file.as_deref(), &access)?;
        Ok(RemoteCache::new(Box::new(store), trust, signer))
    }

    /// The client certificate and its key.
    ///
    /// # Errors
    /// One of both is missing.
    fn client(&self) -> Result<Option<ClientFiles>, Failure> {
        let path = |option: &Option<PathBuf>, name| option.clone().or_else(|| variable(name).map(PathBuf::from));
        let certificate = path(&self.cache_cert, "HARDPAN_CACHE_CERT");
        match (certificate, path(&self.cache_cert_key, "HARDPAN_CACHE_CERT_KEY")) {
            (Some(certificate), Some(key)) => Ok(Some(ClientFiles { certificate, key })),
            (None, None) => Ok(None),
            _ => Err(Failure::error(ErrorName::Usage, "`--cache-cert` and `--cache-cert-key` belong together")
                .hint("the one names the certificate, the other its private key, both in PEM")),
        }
    }
}

impl CacheKeyArguments {
    /// The keys that are trusted.
    ///
    /// # Errors
    /// A file of them cannot be read, or something is no key.
    pub(super) fn trust(&self) -> Result<CacheTrust, Failure> {
        let mut trust = CacheTrust::default();
        let variable = variable("HARDPAN_CACHE_TRUST").filter(|_| self.cache_trust.is_empty());
        let words = variable.iter().flat_map(|words| words.split_whitespace());
        words.chain(self.cache_trust.iter().map(String::as_str)).try_for_each(|word| trust.add(word))?;
        Ok(trust)
    }

    /// The key that signs; none in a job that adds nothing.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn signer(&self) -> Result<Option<CacheSigner>, Failure> {
        let variable = variable("HARDPAN_CACHE_SIGN").map(PathBuf::from);
        self.cache_sign.clone().or(variable).map(|path| CacheSigner::read(&path)).transpose()
    }
}

/// A variable of the environment; an empty one is none.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    Some(value.to_string_lossy().into_owned())
}

/// Whether a path of the command line stands for standard input or output.
pub(super) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The path for a message.
pub(super) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}
