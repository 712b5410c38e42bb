//! [`ImageView`]: one image with its layers applied, as rules read it.

use std::cell::OnceCell;

use serde_json::Value;

use super::{
    FindingPlace, LayerRef, Presence,
    accounts::{AccountFile, RunUser, accounts},
    document_scan::DocumentScan,
    redact,
    rule_file::{KeptFile, RuleFile},
    setting_file::SettingFile,
};
use crate::{
    image::StoredImage,
    rootfs::{
        ElfFile, EntryIndex, FileContent, LayerScan, LayeredRootfs, NodeEntries, ResolveError, TarEntry, TarEntryKind,
        join, parent,
    },
};

/// A resolved path: the node, and the entry that holds its content.
pub(super) type ResolvedEntry<'a> = (NodeEntries, &'a TarEntry);

/// One image.
pub(super) struct ImageView<'a> {
    pub(super) image: &'a StoredImage,
    /// The whole config.
    pub(super) document: &'a Value,
    /// `config` of it.
    pub(super) config: &'a Value,
    pub(super) scans: Vec<&'a LayerScan>,
    /// The layers as findings name them; made for the first finding.
    pub(super) layers: OnceCell<Vec<LayerRef>>,
    pub(super) rootfs: &'a LayeredRootfs,
    pub(super) user: RunUser,
    pub(super) passwd: AccountFile<'a>,
    pub(super) group: AccountFile<'a>,
    /// The entrypoint, once a rule has asked for it.
    pub(super) entrypoint: OnceCell<Entrypoint>,
    /// The files with settings, once a rule has asked for them.
    pub(super) settings: OnceCell<Vec<SettingFile<'a>>>,
    /// The registries and the size that the policy allows.
    pub(super) registries: &'a [Vec<String>],
    pub(super) max_size: Option<u64>,
    /// The config searched for secrets, once a rule or the report has asked for it.
    pub(super) config_scan: OnceCell<DocumentScan>,
    /// The day of the audit: year, month, day.
    pub(super) today: (u16, u8, u8),
    /// Every layer was read to its end.
    pub(super) complete: bool,
}

/// The program that a container starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entrypoint {
    /// There is none.
    Unset,
    /// It is at the first path, links followed; the second is where it was looked for.
    At(String, String),
    /// The first word, which leads nowhere, and why.
    Lost(String, &'static str),
}

impl<'a> ImageView<'a> {
    /// Fills in what follows from the layers.
    pub(super) fn with_accounts(mut self) -> Self {
        self.passwd = self.account_file("/etc/passwd");
        self.group = self.account_file("/etc/group");
        let user = self.text("User").unwrap_or_default();
        self.user = RunUser::of(user, &self.passwd.accounts, &self.group.accounts);
        self
    }

    /// A text of the run config.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.config.get(key).and_then(Value::as_str)
    }

    /// The words of a list of the run config.
    pub(super) fn words(&self, key: &str) -> Vec<&'a str> {
        let list = self.config.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The keys of a map of the run config, sorted.
    pub(super) fn keys(&self, key: &str) -> Vec<&'a str> {
        let mut keys: Vec<&str> = match self.config.get(key) {
            Some(Value::Object(map)) => map.keys().map(String::as_str).collect(),
            // Some builders write a list.
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        keys.sort_unstable();
        keys
    }

    /// The variables, as name and value.
    pub(super) fn env(&self) -> Vec<(&'a str, &'a str)> {
        self.words("Env").into_iter().map(|line| line.split_once('=').unwrap_or((line, ""))).collect()
    }

    /// An annotation, or the label of the same key.
    pub(super) fn annotation_or_label(&self, key: &str) -> Option<&'a str> {
        let annotation = || self.image.manifest.as_ref()?.annotations().as_ref()?.get(key).map(String::as_str);
        let label = || self.config.get("Labels")?.get(key)?.as_str();
        annotation().or_else(label)
    }

    /// The entry at a place.
    pub(super) fn entry(&self, at: EntryIndex) -> Option<&'a TarEntry> {
        self.scans.get(at.layer)?.entries.get(at.entry)
    }

    /// The facts about its content.
    pub(super) fn content(&self, at: EntryIndex) -> Option<&'a FileContent> {
        self.scans.get(at.layer)?.contents.get(&at.entry)
    }

    /// The ELF file at a place.
    pub(super) fn elf(&self, at: EntryIndex) -> Option<&'a ElfFile> {
        match self.content(at)? {
            FileContent::Elf(file) => Some(file),
            _ => None,
        }
    }

    /// Every entry of every layer, the lowest layer first.
    pub(super) fn entries(&self) -> impl Iterator<Item = (EntryIndex, &'a TarEntry)> {
        self.scans.iter().enumerate().flat_map(|(layer, scan)| {
            scan.entries.iter().enumerate().map(move |(entry, found)| (EntryIndex { layer, entry }, found))
        })
    }

    /// Every file that a container sees, each inode once, by its first path: path, node, the entry with its content.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, NodeEntries, &'a TarEntry)> {
        let mut seen = std::collections::BTreeSet::new();
        self.nodes().filter(move |(_, node, entry)| {
            entry.kind == TarEntryKind::File && (!self.rootfs.is_shared(node.inode) || seen.insert(node.inode))
        })
    }

    /// Every path that a container sees, with the entry that holds its mode.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&str, NodeEntries, &'a TarEntry)> {
        self.rootfs.nodes().filter_map(|(path, node)| Some((path, node, self.entry(node.inode)?)))
    }

    /// Resolves a path, links followed. An implied directory has no entry.
    pub(super) fn look_up(&self, path: &str) -> Result<(String, Option<ResolvedEntry<'a>>), ResolveError> {
        let (path, node) = self.rootfs.resolve(path)?;
        Ok((path, node.and_then(|node| Some((node, self.entry(node.inode)?)))))
    }

    /// The entry that a path leads to, links followed.
    pub(super) fn find(&self, path: &str) -> Result<(String, NodeEntries, &'a TarEntry), ResolveError> {
        let (path, found) = self.look_up(path)?;
        found.map(|(node, entry)| (path, node, entry)).ok_or(ResolveError::Absent)
    }

    /// Whether a path leads to something, or to a folder that only its contents tell of.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.look_up(path).is_ok()
    }

    /// The file at a path that rules read.
    pub(super) fn rule_file(&self, path: &str) -> RuleFile<'a> {
        let Ok((_, node, entry)) = self.find(path) else { return RuleFile::Nothing };
        match self.content(node.inode) {
            Some(FileContent::Kept { text, longest }) => RuleFile::Kept(KeptFile { text, longest: *longest, node }),
            _ if entry.kind == TarEntryKind::File && entry.size > 0 => RuleFile::Unread(node.inode),
            _ => RuleFile::Nothing,
        }
    }

    /// A small file that was kept.
    pub(super) fn kept_file(&self, path: &str) -> Option<KeptFile<'a>> {
        match self.rule_file(path) {
            RuleFile::Kept(file) => Some(file),
            RuleFile::Unread(_) | RuleFile::Nothing => None,
        }
    }

    /// The files with settings that a container sees, links followed; each once, by its first path.
    pub(super) fn settings(&self) -> &[SettingFile<'a>] {
        self.settings.get_or_init(|| SettingFile::all(self))
    }

    /// A file of accounts, read.
    pub(super) fn account_file(&self, path: &str) -> AccountFile<'a> {
        let file = self.rule_file(path);
        let accounts = match &file {
            RuleFile::Kept(file) => accounts(file),
            RuleFile::Unread(_) | RuleFile::Nothing => Vec::new(),
        };
        AccountFile { file, accounts }
    }

    /// The links that lead from a path to what is there, by their own paths.
    pub(super) fn links(&self, path: &str) -> Vec<String> {
        self.rootfs.links(path)
    }

    /// The program that a container starts: the entrypoint, or where there is none the arguments.
    pub(super) fn entrypoint(&self) -> &Entrypoint {
        self.entrypoint.get_or_init(|| self.find_entrypoint())
    }

    fn find_entrypoint(&self) -> Entrypoint {
        let words = self.command();
        let Some(first) = words.first().copied() else { return Entrypoint::Unset };
        let lost = |why| Entrypoint::Lost(first.to_owned(), why);
        let end = |path: &str| match self.find(path) {
            Ok((end, _, entry)) if entry.kind == TarEntryKind::File => Ok(end),
            Ok(_) => Err("it is no file"),
            Err(ResolveError::Loop) => Err("its links lead in a circle"),
            Err(ResolveError::NotADirectory) => Err("a folder above it is a file"),
            Err(ResolveError::Absent) => Err("there is nothing"),
            Err(ResolveError::Exhausted) => Err("its links are too many"),
        };
        if first.contains('/') {
            let base = self.text("WorkingDir").filter(|dir| !dir.is_empty()).unwrap_or("/");
            return match end(&join(base, first)) {
                Ok(path) => Entrypoint::At(path, join(base, first)),
                Err(why) => lost(why),
            };
        }
        // As `execvp`: what may not be executed is passed over, while there is something else.
        let mut second = None;
        for folder in self.search_path() {
            let written = join(&folder, first);
            let Ok(path) = end(&written) else { continue };
            let found = Entrypoint::At(path.clone(), written);
            if self.find(&path).is_ok_and(|(_, _, entry)| self.may(entry, 1)) {
                return found;
            }
            second = second.or(Some(found));
        }
        if let Some(found) = second {
            return found;
        }
        lost("it is in no folder of PATH")
    }

    /// `Entrypoint` and `Cmd` in one.
    pub(super) fn command(&self) -> Vec<&'a str> {
        let mut words = self.words("Entrypoint");
        words.extend(self.words("Cmd"));
        words
    }

    /// The folders of `PATH`; without one, those that runtimes take.
    pub(super) fn search_path(&self) -> Vec<String> {
        const USUAL: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let path = self.env().into_iter().find(|(name, _)| *name == "PATH").map_or(USUAL, |(_, value)| value);
        path.split(':').filter(|folder| folder.starts_with('/')).map(str::to_owned).collect()
    }

    /// Whether the run user has the permission `bit` (4 read, 2 write, 1 execute) of an entry, by its mode. Root has
    /// every one.
    pub(super) fn may(&self, entry: &TarEntry, bit: u32) -> bool {
        let Some(uid) = self.user.uid else { return entry.mode & bit != 0 };
        if uid == 0 {
            return bit != 1 || entry.kind == TarEntryKind::Directory || entry.mode & 0o111 != 0;
        }
        let shift = if entry.uid == uid {
            6
        } else if Some(entry.gid) == self.user.gid || self.user.groups.contains(&entry.gid) {
            3
        } else {
            0
        };
        entry.mode >> shift & bit != 0
    }

    /// Whether the run user may write to it, or may give itself the right to: an owner may change the mode.
    pub(super) fn may_change(&self, entry: &TarEntry) -> bool {
        self.may(entry, 2) || self.user.uid.is_some_and(|uid| uid == entry.uid)
    }

    /// The first folder above `path`, from below, in which the run user may rename what is there.
    pub(super) fn writable_ancestor(&self, path: &str) -> Option<(String, NodeEntries, &'a TarEntry)> {
        let mut at = path;
        while at != "/" {
            at = parent(at);
            let Some(node) = self.rootfs.get(at) else { continue };
            let Some(entry) = self.entry(node.inode) else { continue };
            let owner = self.user.uid.is_some_and(|uid| uid == entry.uid);
            // In a sticky folder only the owner of a name, or of the folder, may move it.
            if entry.kind == TarEntryKind::Directory && self.may_change(entry) && (owner || entry.mode & 0o1000 == 0) {
                return Some((at.to_owned(), node, entry));
            }
        }
        None
    }

    /// The config: its secrets, and what of it may be shown.
    pub(super) fn config_scan(&self) -> &DocumentScan {
        self.config_scan.get_or_init(|| DocumentScan::of("", self.document))
    }

    /// The layers, with the history's line of each where there is one.
    pub(super) fn layers(&self) -> &[LayerRef] {
        self.layers.get_or_init(|| layer_refs(self.image, self.document))
    }

    /// The place of an entry: that of a hard link, where a container sees the content by it alone.
    pub(super) fn place(&self, at: EntryIndex) -> FindingPlace {
        let at = self.rootfs.seen_as(at).unwrap_or(at);
        let Some(entry) = self.entry(at) else { return FindingPlace::default() };
        FindingPlace {
            layer: self.layers().get(at.layer).cloned(),
            path: Some(entry.path.clone()),
            mode: Some(entry.mode),
            uid: Some(entry.uid),
            gid: Some(entry.gid),
            presence: self.rootfs.presence(at),
            ..FindingPlace::default()
        }
    }

    /// The place of a member of a packed file, or of the file itself.
    pub(super) fn member_place(&self, at: EntryIndex, member: Option<&str>) -> FindingPlace {
        FindingPlace { member: member.map(str::to_owned), ..self.place(at) }
    }

    /// The place of a folder. A folder without an entry of its own has the path alone.
    pub(super) fn folder(&self, path: &str) -> FindingPlace {
        let node = self.rootfs.get(path).filter(|node| self.entry(node.inode).is_some());
        let known = node.map(|node| self.place(node.inode)).unwrap_or_default();
        FindingPlace { path: Some(path.to_owned()), presence: Presence::Final, ..known }
    }

    /// The place of a layer as a whole.
    pub(super) fn layer(&self, index: usize) -> FindingPlace {
        FindingPlace {
            layer: self.layers().get(index).cloned(),
            presence: Presence::NotAFile,
            ..FindingPlace::default()
        }
    }
}

/// The layers, with the history's line of each where there is one.
fn layer_refs(image: &StoredImage, document: &Value) -> Vec<LayerRef> {
    let entries = document.get("history").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let made: Vec<Option<String>> = entries
        .iter()
        .filter(|entry| entry.get("empty_layer").and_then(Value::as_bool) != Some(true))
        .map(|entry| entry.get("created_by").and_then(Value::as_str).map(redact::history))
        .collect();
    let has_lines = made.len() == image.layers.len();
    image
        .layers
        .iter()
        .enumerate()
        .map(|(index, stored)| LayerRef {
            index,
            digest: stored.descriptor.digest,
            diff_id: stored.diff_id,
            created_by: if has_lines { made.get(index).cloned().flatten() } else { None },
        })
        .collect()
}
