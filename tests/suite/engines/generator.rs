//! Random images. Most are what sound tools write, if in odd headers; some have a construct or two that tools should not
//! write; and some are entries thrown together, over names so few that they meet.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    archive::Entry,
    constructs::{CONSTRUCTS, Construct},
    decorations::decorated,
    image::{Image, Layer, Packing},
};
use crate::support::walks::Dice;

/// The image of a seed.
pub fn generate(seed: u64) -> Image {
    let mut generator = Generator::new(seed);
    if seed.is_multiple_of(5) {
        // Of so many images, each construct is alone in one.
        let index = usize::try_from(seed / 5).expect("a small number") % CONSTRUCTS.len();
        generator.construct(CONSTRUCTS[index]);
    } else {
        match generator.dice.below(16) {
            0 | 1 => generator.meeting_entries(),
            2..=5 => {
                generator.sound_layers();
                for _ in 0..=generator.dice.below(2) {
                    let construct = generator.dice.one_of(CONSTRUCTS);
                    generator.construct(construct);
                }
            }
            _ => generator.sound_layers(),
        }
    }
    Image { seed, layers: generator.layers, constructs: generator.constructs }
}

/// What is at a path after the layers so far.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Object {
    /// With the mode and the owner of the last entry about it.
    Folder(u32, u64, u64),
    File,
    Link,
}

struct Generator {
    dice: Dice,
    layers: Vec<Layer>,
    constructs: BTreeSet<&'static str>,
    /// What the layers so far leave, where they are sound.
    merged: BTreeMap<String, Object>,
    /// The paths that the layer in the making has an entry about.
    own: BTreeSet<String>,
    /// The files that the layer in the making brings.
    files: Vec<String>,
    contents: usize,
}

impl Generator {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::of_seed(seed);
        // The first numbers of neighbouring seeds are alike.
        for _ in 0..8 {
            dice.below(2);
        }
        Self {
            dice,
            layers: Vec::new(),
            constructs: BTreeSet::new(),
            merged: BTreeMap::new(),
            own: BTreeSet::new(),
            files: Vec::new(),
            contents: 0,
        }
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.dice.below(100) < percent
    }

    fn new_layer(&mut self) {
        let packing = self.dice.one_of(&[Packing::Plain, Packing::Gzip, Packing::Gzip, Packing::TwoMembers]);
        self.layers.push(Layer { packing, ..Layer::default() });
        self.own.clear();
        self.files.clear();
    }

    fn push(&mut self, entry: Entry) {
        self.layers.last_mut().expect("a layer").entries.push(entry);
    }

    /// Content that no other file has.
    fn content(&mut self) -> Vec<u8> {
        self.contents += 1;
        if self.chance(15) { Vec::new() } else { format!("content {}", self.contents).into_bytes() }
    }

    /// One to four layers in which each path has one entry, after the folder it is in, and is no longer the business of
    /// a whiteout in the same layer.
    fn sound_layers(&mut self) {
        for _ in 0..=self.dice.below(4) {
            self.new_layer();
            for _ in 0..2 + self.dice.below(8) {
                self.sound_entry();
            }
            self.end();
        }
    }

    /// Another end of the layer than the two blocks of zeros that every tar should have.
    fn end(&mut self) {
        let hidden = || Entry::file("hidden", "hidden").bytes();
        let (word, end) = match self.dice.below(40) {
            0 => ("no zeros at the end", Vec::new()),
            1 => ("one block of zeros at the end", vec![0; 512]),
            2 | 3 => ("end of GNU", vec![0; 10_240]),
            4 => ("end that is no whole block", vec![0; 1100]),
            5 => ("entry behind the end", [vec![0; 1024], hidden(), vec![0; 1024]].concat()),
            6 => ("garbage behind the end", [&[0; 1024][..], b"garbage"].concat()),
            _ => return,
        };
        self.constructs.insert(word);
        self.layers.last_mut().expect("a layer").end = Some(end);
    }

    fn sound_entry(&mut self) {
        match self.dice.below(16) {
            0..=3 => self.folder(),
            4..=7 => self.file(),
            8 | 9 => self.symlink(),
            10 | 11 => self.hard_link(),
            12 | 13 => self.whiteout(),
            14 => self.opaque_whiteout(),
            _ => self.special(),
        }
    }

    /// A path about which the layer has no entry yet, in a folder that is one, with the folder's entry before it or not.
    fn free_path(&mut self) -> Option<String> {
        let folders = self.merged.iter().filter(|(_, object)| matches!(object, Object::Folder(..)));
        let mut folders: Vec<String> = folders.map(|(path, _)| path.clone()).filter(|path| depth(path) < 3).collect();
        folders.push(String::new());
        let folder = folders[self.dice.below(folders.len())].clone();
        let name = self.dice.one_of(&["a", "b", "c", "d", "e", "file.txt", "lib", "usr"]);
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        if self.own.contains(&path) || self.own.iter().any(|own| is_below(own, &path)) {
            return None;
        }
        self.parents(&folder);
        Some(path)
    }

    /// The entries of the folders above a path, or none of them.
    fn parents(&mut self, folder: &str) {
        if folder.is_empty() || self.own.contains(folder) {
            return;
        }
        let Some(Object::Folder(mode, uid, gid)) = self.merged.get(folder).cloned() else { return };
        let usual = (mode, uid, gid) == (0o755, 0, 0);
        if self.chance(if usual { 40 } else { 3 }) {
            let words = ["lower folder of another mode without an entry", "usual lower folder without an entry"];
            self.constructs.insert(words[usize::from(usual)]);
            return;
        }
        self.parents(folder.rsplit_once('/').map_or("", |(above, _)| above));
        if self.chance(20) {
            self.constructs.insert("folder of a lower layer with another mode or owner");
            return self.folder_entry(folder);
        }
        self.own.insert(folder.to_owned());
        self.push(Entry::folder(folder).mode(mode).owner(uid, gid));
    }

    fn folder_entry(&mut self, path: &str) {
        let mode = self.dice.one_of(&[0o755, 0o755, 0o755, 0o700, 0o1777, 0o2755, 0o555]);
        let entry = Entry::folder(path).mode(mode);
        let entry = self.decorated(entry);
        self.put(path, Object::Folder(mode, entry.uid, entry.gid), entry);
    }

    /// Adds the entry, and what it does to the merged tree.
    fn put(&mut self, path: &str, object: Object, entry: Entry) {
        let is_folder = matches!(object, Object::Folder(..));
        match self.merged.get(path) {
            Some(Object::Folder(..)) if !is_folder => {
                self.constructs.insert("other object over a folder");
                self.remove_below(path);
            }
            Some(Object::Folder(..)) | None => {}
            Some(Object::Link) if is_folder => {
                self.constructs.insert("folder over a link");
            }
            Some(_) if is_folder => {
                self.constructs.insert("folder over a file");
            }
            Some(_) => {
                self.constructs.insert("file or link over another");
            }
        }
        self.own.insert(path.to_owned());
        self.merged.insert(path.to_owned(), object);
        self.push(entry);
    }

    fn remove_below(&mut self, folder: &str) {
        self.merged.retain(|path, _| !is_below(path, folder));
    }

    fn folder(&mut self) {
        if let Some(path) = self.free_path() {
            self.folder_entry(&path);
        }
    }

    fn file(&mut self) {
        let Some(path) = self.free_path() else { return };
        let mode = self.dice.one_of(&[0o644, 0o755, 0o600, 0o4755, 0o2711, 0o000, 0o444]);
        let entry = Entry::file(path.clone(), self.content()).mode(mode);
        let entry = self.decorated(entry);
        self.files.push(path.clone());
        self.put(&path, Object::File, entry);
    }

    fn symlink(&mut self) {
        let Some(path) = self.free_path() else { return };
        let mut targets: Vec<String> = self.merged.keys().map(|path| format!("/{path}")).collect();
        targets.extend(["nothing", "/nothing/at/all", "a/b", ".", "/"].map(str::to_owned));
        targets.push(path.rsplit('/').next().expect("a name").to_owned());
        let target = targets[self.dice.below(targets.len())].clone();
        let mode = self.dice.one_of(&[0o777, 0o777, 0o644, 0o700]);
        let entry = Entry::symlink(path.clone(), target).mode(mode);
        let entry = self.decorated(entry);
        self.put(&path, Object::Link, entry);
    }

    /// A hard link to a file that the layer has brought already, with the file's mode and owner, as tools write them.
    fn hard_link(&mut self) {
        if self.files.is_empty() {
            return self.file();
        }
        let target = self.files[self.dice.below(self.files.len())].clone();
        let Some(path) = self.free_path() else { return };
        let find = |layer: &Layer| layer.entries.iter().find(|entry| entry.name == target.as_bytes()).cloned();
        let Some(file) = find(self.layers.last().expect("a layer")) else { return };
        let name = self.dice.one_of(&["", "", "", "./", "/"]);
        let link = Entry::hard_link(path.clone(), format!("{name}{target}")).mode(file.mode).owner(file.uid, file.gid);
        self.files.push(path.clone());
        self.put(&path, Object::File, link);
    }

    fn whiteout(&mut self) {
        let own = &self.own;
        let is_free = |path: &&String| !own.iter().any(|own| own == *path || is_below(own, path));
        let lower: Vec<String> = self.merged.keys().filter(is_free).cloned().collect();
        if lower.is_empty() {
            return;
        }
        let path = lower[self.dice.below(lower.len())].clone();
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        self.parents(folder);
        self.constructs.insert("whiteout");
        let slash = if folder.is_empty() { "" } else { "/" };
        let mode = self.dice.one_of(&[0o644, 0o000]);
        self.push(Entry::file(format!("{folder}{slash}.wh.{name}"), "").mode(mode));
        self.remove_below(&path);
        self.merged.remove(&path);
        self.own.insert(path);
    }

    /// An opaque whiteout of a folder that the layer has an entry about, before or after entries in it.
    fn opaque_whiteout(&mut self) {
        let own = &self.own;
        let is_own = |(path, object): &(&String, &Object)| matches!(object, Object::Folder(..)) && own.contains(*path);
        let folders: Vec<String> = self.merged.iter().filter(is_own).map(|(path, _)| path.clone()).collect();
        if folders.is_empty() {
            return;
        }
        let folder = folders[self.dice.below(folders.len())].clone();
        let marker = format!("{folder}/.wh..wh..opq");
        if !self.own.insert(marker.clone()) {
            return;
        }
        let has_entries = self.own.iter().any(|own| is_below(own, &folder) && *own != marker);
        self.constructs.insert(if has_entries { "opaque whiteout after entries" } else { "opaque whiteout" });
        self.push(Entry::file(marker, ""));
        let own = &self.own;
        // A folder that only an entry below it speaks of is still there.
        let is_kept = |path: &String| own.iter().any(|own| own == path || is_below(own, path));
        self.merged.retain(|path, _| !is_below(path, &folder) || is_kept(path));
    }

    fn special(&mut self) {
        let Some(path) = self.free_path() else { return };
        self.constructs.insert("fifo");
        let entry = Entry::new(b'6', path.clone()).mode(0o622);
        let entry = self.decorated(entry);
        self.put(&path, Object::File, entry);
    }

    /// The entry in another header that says the same, or with more said.
    fn decorated(&mut self, entry: Entry) -> Entry {
        let (word, entry) = decorated(&mut self.dice, entry);
        self.constructs.extend(word);
        entry
    }

    /// A construct in a layer and the next, among the entries that are there.
    fn construct(&mut self, (word, make): Construct) {
        while self.layers.len() < 2 {
            self.new_layer();
        }
        let layer = self.dice.below(self.layers.len() - 1);
        self.constructs.insert(word);
        for (above, entries) in make(&mut self.dice).into_iter().enumerate() {
            let layer = &mut self.layers[layer + above];
            let at = self.dice.below(layer.entries.len() + 1);
            layer.entries.splice(at..at, entries);
        }
    }

    /// Layers of entries of any kind whose names and targets are a few that meet.
    fn meeting_entries(&mut self) {
        self.constructs.insert("entries that meet");
        for _ in 0..=self.dice.below(3) {
            self.new_layer();
            let each_once = self.chance(80);
            for _ in 0..2 + self.dice.below(5) {
                let entry = self.any_entry();
                let parts = entry.name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
                let path = String::from_utf8_lossy(&parts.collect::<Vec<_>>().join(&b'/')).into_owned();
                if self.own.insert(path) || !each_once {
                    self.push(entry);
                }
            }
        }
    }

    fn any_entry(&mut self) -> Entry {
        const NAMES: &[&str] = &["a", "b", "l", "a/x", "b/x", "l/x", "a/b", "a/b/x", "./a", "a//x"];
        let name = self.dice.one_of(NAMES);
        let target = self.dice.one_of(&["a", "/a", "b", "l", "a/x", "/b/x", "a/b", "../a", "x", "."]);
        match self.dice.below(12) {
            0..=2 => Entry::file(name, self.content()),
            3..=5 => Entry::folder(name).mode(self.dice.one_of(&[0o755, 0o700])),
            6 | 7 => Entry::symlink(name, target),
            8 => Entry::hard_link(name, self.dice.one_of(NAMES)),
            9 | 10 => {
                let (folder, name) = name.rsplit_once('/').map_or((String::new(), name), |(f, n)| (format!("{f}/"), n));
                Entry::file(format!("{folder}.wh.{name}"), "")
            }
            _ => Entry::file(self.dice.one_of(&["a/.wh..wh..opq", "l/.wh..wh..opq", ".wh..wh..opq"]), ""),
        }
    }
}

fn depth(path: &str) -> usize {
    path.matches('/').count() + 1
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
