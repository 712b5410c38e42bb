//! What a cargo configuration is judged against: target, host, profile and environment of one compile.

use std::{fmt, path::Path};

use cargo_platform::Cfg;

use super::super::environment::Environment;
use crate::report::Failure;

/// Asks the compiler for the configuration of the target (`rustc --print cfg`) when it is compiled with flags.
pub(in super::super) type CfgQuery<'a> = &'a dyn Fn(&[String]) -> Result<Vec<Cfg>, Failure>;

/// The compile that a configuration is judged for.
pub(in super::super) struct CompileContext<'a> {
    /// The triple that is compiled for.
    pub(in super::super) target: &'a str,
    /// The triple of this machine; build scripts run there.
    pub(in super::super) host: &'a str,
    /// The profile that cargo is asked for.
    pub(in super::super) profile: &'a str,
    /// The folder with the workspace's `Cargo.toml`, whose profiles count.
    pub(in super::super) workspace: &'a Path,
    /// The variables of the compile, to which `[env]` yields.
    pub(in super::super) environment: &'a Environment,
    /// Called only where a condition has to be decided.
    pub(in super::super) ask: CfgQuery<'a>,
}

impl fmt::Debug for CompileContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reach({} on {}, {})", self.target, self.host, self.profile)
    }
}
