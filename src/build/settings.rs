//! The settings of one build beside the recipe. `cli` makes them from the command line and the environment.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    compile::{StatesOfCall, Toolchain},
    handed_git::HandedGit,
    passed_variables::PassedVariables,
};
use crate::{
    cache::{Cache, SharedCache},
    output::ScratchFolder,
    registry::Access,
    report::Progress,
};

/// The settings of one call.
#[derive(Debug, Clone)]
pub struct BuildSettings {
    /// The caller's environment, for the toolchains' fetch; nothing of it reaches a byte of output.
    pub caller: BTreeMap<OsString, OsString>,
    /// What of it reaches toolchains because the command line or the policy file says so.
    pub passed: PassedVariables,
    /// Threads. The output does not depend on it.
    pub jobs: NonZeroUsize,
    /// The memory that compilers of several recipes may take together, in bytes, where it is known. The output does not depend
    /// on it.
    pub memory: Option<u64>,
    /// Never open a socket.
    pub offline: bool,
    /// `--locked`: the locks beside the recipes must be there and fit, and another machine must get the same bytes.
    pub locked: bool,
    /// Host paths may leave the git root or the recipe's folder.
    pub allow_outside: bool,
    /// hardpan's own executable, by which compilers run at fixed paths; none in a caller that is another program.
    pub program: Option<PathBuf>,
    /// Where compilers keep what they made. Absolute. None where the caller has no such place.
    pub cache: Option<PathBuf>,
    /// Where this call works, where `cache` or the caller's home cannot be written.
    pub scratch: Arc<ScratchFolder>,
    /// Where blobs are kept that need not be fetched or made twice; none where the caller has no such place.
    pub blobs: Option<Cache>,
    /// The same, with what other checkouts and machines made behind it.
    pub shared: Option<SharedCache>,
    /// The states of the files that programs are made of, as far as this call has read them; empty at its start.
    pub states: StatesOfCall,
    /// How registries are reached that bases come from, and servers that files come from.
    pub access: Access,
    /// What the caller says of git.
    pub git: HandedGit,
    /// Goes to `created` and the history.
    pub source_date: SourceDate,
    /// The day by which exceptions expire.
    pub today: Date,
    /// Seconds since 1970, for warnings about expired certificates; reaches no output.
    pub now: u64,
}

impl BuildSettings {
    /// The toolchains of this machine, for sources within `checkout`; they report to `progress`: nothing is ignored, and
    /// the call writes nothing.
    pub fn toolchain<'a>(&'a self, checkout: &'a Path, progress: &'a dyn Progress) -> Toolchain<'a> {
        Toolchain {
            caller: &self.caller,
            passed: &self.passed,
            offline: self.offline,
            jobs: self.jobs,
            program: self.program.as_deref(),
            cache: self.cache.as_deref(),
            scratch: Arc::clone(&self.scratch),
            blobs: self.blobs.as_ref(),
            shared: self.shared.as_ref(),
            states: self.states.clone(),
            ignored: &[],
            written: Arc::default(),
            checkout,
            progress,
        }
    }
}

/// Seconds since 1970, from 0 to the end of the year 9999, a day less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceDate(u64);

/// A day: year, month, day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub u16, pub u8, pub u8);

impl SourceDate {
    /// The last second of the calendar library, a day before the last one of RFC 3339.
    const LAST: u64 = 253_402_207_200;

    /// Reads a number of seconds: digits only.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        text.parse().ok().filter(|seconds| *seconds <= Self::LAST).map(Self)
    }

    /// The seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SourceDate {
    /// RFC 3339 in UTC: `1970-01-01T00:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).unwrap_or_default();
        fmt::Display::fmt(&jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_date_is_a_plain_number_of_seconds() {
        let show = |text| SourceDate::parse(text).map(|date| date.to_string());
        assert_eq!(show("0").as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(show("1700000000").as_deref(), Some("2023-11-14T22:13:20Z"));
        assert_eq!(show("253402207200").as_deref(), Some("9999-12-30T22:00:00Z"));
        for bad in ["", "-1", "+1", " 1", "1.5", "now", "253402207201", "99999999999999999999999"] {
            assert_eq!(show(bad), None, "{bad}");
        }
    }
}
