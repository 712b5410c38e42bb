//! Reads the environment, the clock and the number of processors, and hands them down as [`BuildSettings`]. No other room
//! reads them.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::SystemTime};

use super::{available_memory::available_memory, recipe_arguments::RecipeArguments};
use crate::{
    build::{BuildSettings, Date, SourceDate, compile::StatesOfCall},
    cache::{Cache, SealKeyPlace, SharedCache},
    output::ScratchFolder,
    registry::Access,
    report::{ErrorName, Failure, printable},
};

/// The settings of a `build` or a `plan`, which reach registries by `access`.
pub(super) fn settings(arguments: &RecipeArguments, access: Access) -> Result<BuildSettings, Failure> {
    let now = now();
    let cache = cache_folder();
    let blobs = cache.as_deref().map(|root| Cache::at(root, now, seal_key_place()));
    Ok(BuildSettings {
        shared: blobs.clone().map(SharedCache::local),
        blobs,
        states: StatesOfCall::default(),
        access: Access { offline: arguments.offline, ..access },
        caller: std::env::vars_os().collect(),
        passed: arguments.passed()?,
        jobs: arguments.jobs.unwrap_or_else(processors),
        memory: available_memory(),
        offline: arguments.offline,
        locked: arguments.locked,
        allow_outside: arguments.allow_outside,
        program: program(),
        scratch: Arc::new(ScratchFolder::below(folder("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp")))),
        cache,
        git: arguments.git()?,
        source_date: source_date(arguments)?,
        today: today(now),
        now,
    })
}

/// The path of this executable: the link in `/proc`, because another version may be at the path by now.
fn program() -> Option<PathBuf> {
    let link = PathBuf::from("/proc/self/exe");
    link.exists().then_some(link)
}

/// Today, as year, month and day (UTC).
pub(super) fn day() -> (u16, u8, u8) {
    let now = now();
    let Date(year, month, day) = today(now);
    (year, month, day)
}

/// Seconds since 1970; 0 where the clock is earlier.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The number of processors that this process may use.
pub(super) fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// `--source-date`, else `SOURCE_DATE_EPOCH`, else 0. Anything but a number of seconds is refused, never ignored.
fn source_date(arguments: &RecipeArguments) -> Result<SourceDate, Failure> {
    let (name, text, kind) = match &arguments.source_date {
        Some(text) => ("--source-date", text.clone(), ErrorName::Usage),
        None => match std::env::var_os("SOURCE_DATE_EPOCH") {
            None => return Ok(SourceDate::default()),
            Some(value) => ("SOURCE_DATE_EPOCH", value.to_string_lossy().into_owned(), ErrorName::Environment),
        },
    };
    SourceDate::parse(&text).ok_or_else(|| {
        let found = if text.is_empty() { "empty".to_owned() } else { format!("`{}`", printable(&text)) };
        Failure::error(kind, format!("`{name}` is {found}, not a number of seconds since 1970"))
            .hint("such as `$(git log -1 --format=%ct)`")
    })
}

fn today(now: u64) -> Date {
    let date = i64::try_from(now).ok().and_then(|now| jiff::Timestamp::from_second(now).ok());
    let date = date.unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(jiff::tz::TimeZone::UTC).date();
    let part = |value: i8| u8::try_from(value).unwrap_or(1);
    Date(u16::try_from(date.year()).unwrap_or(u16::MAX), part(date.month()), part(date.day()))
}

/// The cache; `None` in a container where neither `XDG_CACHE_HOME` nor `HOME` is set.
pub(super) fn cache() -> Option<Cache> {
    let now = now();
    cache_folder().map(|root| Cache::at(&root, now, seal_key_place()))
}

/// Where the key of the cache is: the file that `HARDPAN_CACHE_KEY_FILE` names, else `XDG_STATE_HOME/hardpan/cache.key`, else
/// `~/.local/state/hardpan/cache.key`; nowhere in a container where none of the three is set.
fn seal_key_place() -> SealKeyPlace {
    let named = std::env::var_os("HARDPAN_CACHE_KEY_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let state = || folder("XDG_STATE_HOME").or_else(|| home().map(|home| home.join(".local/state")));
    let file = named.or_else(|| state().map(|state| state.join("hardpan/cache.key")));
    file.map_or(SealKeyPlace::Nowhere, SealKeyPlace::File)
}

/// `XDG_CACHE_HOME/hardpan`, else `~/.cache/hardpan`; `None` where neither variable is set.
fn cache_folder() -> Option<PathBuf> {
    let xdg = folder("XDG_CACHE_HOME");
    xdg.or_else(|| home().map(|home| home.join(".cache"))).map(|cache| cache.join("hardpan"))
}

/// The caller's home: `HOME` and nothing else.
///
/// The standard library's `home_dir` asks the user database where `HOME` is not set. In a static program that loads the C library's
/// modules of `nsswitch.conf` (`systemd`, `sss`, `ldap`) into a process that was not made for them, and the process dies. A
/// user without an entry, as in most containers, would have no home there anyway.
pub(super) fn home() -> Option<PathBuf> {
    folder("HOME")
}

/// The folder that a variable names; `None` where it is not an absolute path.
fn folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}
