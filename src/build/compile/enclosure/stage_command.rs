//! The protocol between hardpan and the stages of an enclosure: commands as arguments, the report as bytes on stdin's
//! socket.

use std::{ffi::OsString, path::PathBuf};

use super::BindMount;

/// The internal verb by which hardpan starts itself. It is in no list of verbs.
pub(crate) const VERB: &str = "__enclosure";

/// The command that a stage gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StageCommand {
    /// Make the namespaces and the root, and start the second stage.
    Enter {
        /// The mounts below `/build`.
        mounts: Vec<BindMount>,
        /// A folder of the inside.
        dir: PathBuf,
        /// Program and arguments; empty to try the enclosure alone.
        command: Vec<OsString>,
    },
    /// Run the command without namespaces, and end all that it started with the parent.
    Watch {
        /// A folder.
        dir: PathBuf,
        /// Program and arguments.
        command: Vec<OsString>,
    },
    /// Run the command as a child of process 1.
    Init {
        /// Program and arguments; empty to try the enclosure alone.
        command: Vec<OsString>,
    },
}

/// How a stage ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StageReport {
    /// The command ran; its status as `waitpid` has it.
    Ended(i32),
    /// It did not, for this reason.
    Failed(String),
}

impl StageCommand {
    /// The arguments, verb included.
    pub(super) fn words(self) -> Vec<OsString> {
        let mut words = vec![VERB.into()];
        match self {
            Self::Enter { mounts, dir, command } => {
                words.extend(["enter".into(), mounts.len().to_string().into()]);
                words.extend(mounts.into_iter().flat_map(|mount| [mount.host.into(), mount.inside.into()]));
                words.push(dir.into());
                words.extend(command);
            }
            Self::Watch { dir, command } => {
                words.extend(["watch".into(), dir.into()]);
                words.extend(command);
            }
            Self::Init { command } => {
                words.push("init".into());
                words.extend(command);
            }
        }
        words
    }

    /// Reads the arguments behind the verb.
    pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut words = words.into_iter();
        match words.next()?.to_str()? {
            "enter" => {
                let count: usize = words.next()?.to_str()?.parse().ok()?;
                let mut mounts = Vec::new();
                for _ in 0..count {
                    mounts.push(BindMount { host: words.next()?.into(), inside: words.next()?.into() });
                }
                let dir = words.next()?.into();
                Some(Self::Enter { mounts, dir, command: words.collect() })
            }
            "watch" => Some(Self::Watch { dir: words.next()?.into(), command: words.collect() }),
            "init" => Some(Self::Init { command: words.collect() }),
            _ => None,
        }
    }
}

impl StageReport {
    /// As bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Ended(raw) => [b"S".as_slice(), &raw.to_le_bytes()].concat(),
            Self::Failed(why) => [b"E", why.as_bytes()].concat(),
        }
    }

    /// Reads what [`bytes`](Self::bytes) wrote; none where a stage was killed before it could say anything.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (b'S', raw) => Some(Self::Ended(i32::from_le_bytes(raw.try_into().ok()?))),
            (b'E', why) => Some(Self::Failed(String::from_utf8_lossy(why).into_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        let mount = |host: &str, inside: &str| BindMount { host: host.into(), inside: inside.into() };
        let mounts = vec![mount("/a b/'\"\n", "/build/source"), mount("/2", "/build/target")];
        let command = ["/bin/echo", "", "--", "2"].map(OsString::from).to_vec();
        let enter =
            || StageCommand::Enter { mounts: mounts.clone(), dir: "/build/source/x".into(), command: command.clone() };
        assert_eq!(StageCommand::parse(enter().words().into_iter().skip(1)).unwrap(), enter());
        let watch = || StageCommand::Watch { dir: "/a b".into(), command: command.clone() };
        assert_eq!(StageCommand::parse(watch().words().into_iter().skip(1)).unwrap(), watch());
        let init = || StageCommand::Init { command: command.clone() };
        assert_eq!(StageCommand::parse(init().words().into_iter().skip(1)).unwrap(), init());
        for bad in
            [&[][..], &["enter"], &["enter", "x", "/"], &["enter", "1", "/a"], &["enter", "0"], &["watch"], &["leave"]]
        {
            assert_eq!(StageCommand::parse(bad.iter().map(OsString::from)), None, "{bad:?}");
        }
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        for report in [StageReport::Ended(9), StageReport::Ended(3 << 8), StageReport::Failed("it is not there".into())]
        {
            assert_eq!(StageReport::parse(&report.bytes()), Some(report));
        }
        for cut in [&b""[..], b"S", b"S\0\0\0", b"?"] {
            assert_eq!(StageReport::parse(cut), None);
        }
    }
}
