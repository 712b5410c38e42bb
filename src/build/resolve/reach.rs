//! How far a resolver looks: a build sees everything, a check of recipes leaves out what takes processes, sockets or time.

/// What a resolver may look at besides files of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResolveReach {
    /// Everything, as a build does.
    #[default]
    Everything,
    /// git, registries and servers, but no layer of a base, which takes long to read; and no download that could not be
    /// kept.
    WithoutLayers,
    /// Files alone: no child process and no socket.
    FilesOnly,
}

/// A kind of input that was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnseenInput {
    /// The base.
    Base,
    /// Files that the recipe names by `url`.
    Download,
    /// What `{git...}` stands for.
    Git,
    /// Programs that are compiled.
    Program,
}

impl UnseenInput {
    /// The name, in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Download => "download",
            Self::Git => "git",
            Self::Program => "program",
        }
    }
}
