//! Recipes by dice: what an author may write, in odd words, and now and then what must be refused.

use std::fmt::Write as _;

use super::{
    faults::FAULTS,
    words::{self, quoted},
};
use crate::support::{elf, elf_writer::noise, foreign::gzip, walks::Dice};

/// A recipe, the files that it takes, and what it excepts.
#[derive(Debug, Clone, Default)]
pub struct RandomRecipe {
    /// `stepN`.
    pub name: String,
    pub platforms: Vec<&'static str>,
    pub compression: &'static str,
    /// Lines above the first table.
    pub top: String,
    /// `[[file]]` and its like.
    pub entries: String,
    pub run: String,
    pub system: String,
    pub policy: String,
    /// Exceptions, for the recipe and for a policy file.
    pub allow: String,
    /// What lies beside the recipe.
    pub sources: Vec<(String, Vec<u8>)>,
    /// What was made wrong, if anything.
    pub fault: Option<&'static str>,
}

/// What a recipe may be built on.
#[derive(Debug, Clone)]
pub struct BaseChoice {
    /// As a recipe names it.
    pub reference: String,
    pub platforms: Vec<&'static str>,
    /// Exceptions that it needs.
    pub allow: String,
    /// Files of its recipe, which may be replaced.
    pub files: Vec<String>,
}

/// Names a path of an image, and remembers what may be below and beside it.
#[derive(Debug)]
struct Paths {
    folders: Vec<String>,
    files: Vec<String>,
    writable: Vec<String>,
}

/// Kinds of waived programs: rule, path.
const WAIVED: [(&str, &str); 4] = [
    ("shell", "/usr/bin/sh"),
    ("download-tool", "/usr/bin/curl"),
    ("debug-tool", "/usr/bin/gdb"),
    ("privilege-tool", "/usr/bin/su"),
];

impl RandomRecipe {
    /// The recipe of a step, on `base` if there is one. `authority` is a certificate.
    pub fn next(dice: &mut Dice, step: u32, base: Option<&BaseChoice>, authority: &str) -> (Self, Vec<String>) {
        let mut recipe = Self { name: format!("step{step}"), ..Self::default() };
        recipe.head(dice, base);
        recipe.program(dice);
        let mut paths = Paths::new(dice);
        for _ in 0..dice.below(7) {
            recipe.entry(dice, &mut paths);
        }
        recipe.replacement(dice, base);
        recipe.exception(dice, base);
        recipe.runtime(dice);
        recipe.system(dice, base.is_some(), authority);
        if dice.below(5) == 0 {
            let (name, change) = dice.one_of(&FAULTS);
            change(&mut recipe);
            recipe.fault = Some(name);
        }
        (recipe, paths.files)
    }

    /// The text of the recipe.
    pub fn text(&self) -> String {
        let mut text = self.top.clone();
        text.push_str(&self.entries);
        for (table, lines) in [("run", &self.run), ("system", &self.system), ("policy", &self.policy)] {
            if !lines.is_empty() {
                write!(text, "[{table}]\n{lines}").expect("a string");
            }
        }
        text + &self.allow
    }

    /// Adds an entry.
    pub fn add(&mut self, lines: &str) {
        self.entries.push_str(lines);
    }

    /// The line with which an entry goes over a base, where there is one.
    pub fn replace(&self) -> &'static str {
        if self.top.contains("\nbase = ") { "replace = true\n" } else { "" }
    }

    pub fn source(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.sources.push((format!("{}-in/{path}", self.name), content.into()));
    }

    fn head(&mut self, dice: &mut Dice, base: Option<&BaseChoice>) {
        let all: [&[&str]; 5] = [
            &["linux/amd64"],
            &["linux/amd64"],
            &["linux/arm64"],
            &["linux/amd64", "linux/arm64"],
            &["linux/arm64", "linux/amd64"],
        ];
        self.platforms = base.map_or_else(|| dice.one_of(&all).to_vec(), |base| base.platforms.clone());
        self.compression = dice.one_of(&["gzip", "gzip", "zstd", "none"]);
        let platforms: Vec<_> = self.platforms.iter().map(|platform| quoted(platform)).collect();
        self.top = format!("platforms = [{}]\ncompression = \"{}\"\n", platforms.join(", "), self.compression);
        if let Some(base) = base {
            writeln!(self.top, "base = {}", quoted(&base.reference)).expect("a string");
        }
        if dice.below(3) == 0 {
            let key = dice.one_of(&["org.example.a", "org.opencontainers.image.title", "é", "two words", "UPPER", "/"]);
            writeln!(self.top, "annotations = {{ {} = {} }}", quoted(key), quoted(&words::text(dice)))
                .expect("a string");
        }
    }

    /// A program of each platform. Each image of a chain has another, so that none replaces that of its base.
    fn program(&mut self, dice: &mut Dice) {
        let size = 512 + dice.below(100_000);
        let machines = [("amd64", elf::Machine::Amd64), ("arm64", elf::Machine::Arm64)];
        for (architecture, machine) in machines {
            self.source(&format!("app-{architecture}"), elf::Elf::static_pie(machine).size(size).bytes());
        }
        let name = &self.name;
        self.entries = format!("[[binary]]\npath = \"{name}-in/app-{{arch}}\"\nto = \"/usr/bin/{name}\"\n");
        self.run = format!("entrypoint = [\"/usr/bin/{name}\"]\n");
    }

    fn entry(&mut self, dice: &mut Dice, paths: &mut Paths) {
        let to = paths.new_path(dice, &self.name);
        let mut lines = match dice.below(8) {
            0..=2 => self.file(dice, &to),
            3 | 4 => self.tree(dice, &to),
            5 => {
                let writable = dice.below(2) == 0;
                paths.folders.push(to.clone());
                if writable {
                    paths.writable.push(to.clone());
                }
                format!(
                    "[[dir]]\nto = {}\nwritable = {writable}\nvolume = {}\n",
                    quoted(&to),
                    writable && dice.below(2) == 0
                )
            }
            _ => {
                let target = paths.target(dice, &to);
                format!("[[symlink]]\nto = {}\ntarget = {}\n", quoted(&to), quoted(&target))
            }
        };
        let is_file = lines.starts_with("[[file]]");
        if is_file {
            paths.files.push(to);
        }
        // Links may lead to it on every platform only where it is on every platform.
        if !is_file && lines.starts_with("[[tree]]") && self.platforms.len() > 1 && dice.below(3) == 0 {
            writeln!(lines, "platforms = [{}]", quoted(self.platforms[1])).expect("a string");
        }
        self.add(&lines);
    }

    fn file(&mut self, dice: &mut Dice, to: &str) -> String {
        let mode = dice.one_of(&["", "", "mode = \"0444\"\n", "mode = \"0555\"\n"]);
        if dice.below(3) == 0 {
            return format!("[[file]]\ntext = {}\nto = {}\n{mode}", quoted(&words::text(dice)), quoted(to));
        }
        let from = format!("{}-{}", self.sources.len(), words::name(dice).chars().take(60).collect::<String>());
        self.source(&from, content(dice));
        let from = format!("{}-in/{from}", self.name).replace('{', "{{").replace('}', "}}");
        format!("[[file]]\nfrom = {}\nto = {}\n{mode}", quoted(&from), quoted(to))
    }

    fn tree(&mut self, dice: &mut Dice, to: &str) -> String {
        let folder = format!("tree{}", self.sources.len());
        // Patterns that match nothing are refused.
        self.source(&format!("{folder}/.hidden-{}", dice.below(100)), content(dice));
        self.source(&format!("{folder}/seen"), content(dice));
        let mut below = folder.clone();
        for _ in 0..=dice.below(5) {
            if dice.below(3) == 0 {
                below = format!("{below}/folder-{}", words::name(dice).chars().take(90).collect::<String>());
            }
            let name = words::found_name(dice);
            // One name is one file.
            if !self.sources.iter().any(|(path, _)| *path == format!("{}-in/{below}/{name}", self.name)) {
                self.source(&format!("{below}/{name}"), content(dice));
            }
        }
        let more = dice.one_of(&["", "", "executable = [\"seen\", \"**/.*\"]\n", "exclude = [\"nothing-like-it\"]\n"]);
        let name = &self.name;
        format!("[[tree]]\nfrom = \"{name}-in/{folder}\"\nto = {}\ninclude = [\"**/*\", \"**/.*\"]\n{more}", quoted(to))
    }

    fn replacement(&mut self, dice: &mut Dice, base: Option<&BaseChoice>) {
        let Some(base) = base.filter(|base| !base.files.is_empty() && dice.below(2) == 0) else { return };
        let to = &base.files[dice.below(base.files.len())];
        let lines = match dice.below(3) {
            0 => format!("[[file]]\ntext = \"replaced\"\nto = {}\nreplace = true\n", quoted(to)),
            1 => format!("[[symlink]]\ntarget = \"/dev/null\"\nto = {}\nreplace = true\n", quoted(to)),
            _ => format!("[[dir]]\nwritable = true\nto = {}\nreplace = true\n", quoted(to)),
        };
        self.add(&lines);
    }

    fn exception(&mut self, dice: &mut Dice, base: Option<&BaseChoice>) {
        self.allow = base.map(|base| base.allow.clone()).unwrap_or_default();
        let (rule, path) = dice.one_of(&WAIVED);
        if dice.below(5) > 0 || self.allow.contains(path) {
            return;
        }
        let name = self.name.clone();
        self.add(&format!("[[binary]]\npath = \"{name}-in/app-{{arch}}\"\nto = \"{path}\"\n"));
        let reason = quoted(dice.one_of(&["a test", "ünïcode \"quoted\" 🦀", "{name}"]));
        let facts = format!("rule = \"{rule}\"\npath = \"{path}\"\nreason = {reason}\nuntil = 2999-12-31");
        writeln!(self.allow, "[[policy.allow]]\n{facts}").expect("a string");
    }

    fn runtime(&mut self, dice: &mut Dice) {
        let mut set = |share: usize, lines: &dyn Fn(&mut Dice) -> String| {
            if dice.below(share) == 0 {
                let lines = lines(dice);
                self.run.push_str(&lines);
            }
        };
        set(3, &|dice| {
            let key = dice.one_of(&["A", "a.b", "_", "É", "two words", "LOG-LEVEL"]);
            format!("env = {{ {} = {} }}\n", quoted(key), quoted(&words::text(dice)))
        });
        set(3, &|dice| {
            let key = dice.one_of(&["org.example.a", "é", "two words", "UPPER", "a/b", "{name}"]);
            format!("labels = {{ {} = {} }}\n", quoted(key), quoted(&words::text(dice)))
        });
        set(3, &|dice| format!("args = [{}, \"--port=8080\"]\n", quoted(&words::text(dice))));
        set(3, &|dice| {
            let port = dice.one_of(&["8080/tcp", "8080", "53/udp", "65535/sctp", "1/tcp"]);
            format!("ports = [{}, \"8443/tcp\"]\n", quoted(port))
        });
        set(4, &|dice| format!("user = {}\n", quoted(dice.one_of(&["1000:1000", "1:1", "65532:1", "2147483647:2"]))));
        set(6, &|dice| format!("stop-signal = {}\n", quoted(dice.one_of(&["SIGTERM", "SIGINT", "SIGRTMIN+3", "15"]))));
        set(6, &|dice| format!("workdir = {}\n", quoted(dice.one_of(&["/", "/usr/bin", "/usr", "/not/there"]))));
    }

    fn system(&mut self, dice: &mut Dice, has_base: bool, authority: &str) {
        self.source("roots.pem", authority);
        let roots = format!("{}-in/roots.pem", self.name);
        let mut lines = match dice.below(6) {
            0 => "certificates = \"none\"\n".to_owned(),
            1 => "certificates = \"mozilla\"\n".to_owned(),
            2 => format!("certificates = {{ file = \"{roots}\" }}\n"),
            3 => format!("extra-certificates = [\"{roots}\"]\n"),
            _ => String::new(),
        };
        lines.push_str(dice.one_of(&["", "", "", "passwd = true\n", "passwd = false\n"]));
        lines.push_str(dice.one_of(&["", "", "tmp = true\n"]));
        if dice.below(12) == 0 {
            lines.push_str("timezones = true\n");
        }
        if has_base && dice.below(8) > 0 {
            lines.push_str("replace = true\n");
        }
        self.system = lines;
    }
}

impl Paths {
    fn new(dice: &mut Dice) -> Self {
        let mut folders = vec!["/srv".to_owned(), "/opt".to_owned(), format!("/{}", words::name(dice))];
        // Beyond 100 bytes, where ustar begins to split, and beyond 256, where it cannot say a path.
        for length in [90, 160, 250] {
            folders.push(format!("/srv/{}", "d".repeat(length)));
        }
        folders.push(format!("/opt/{}", ["l".repeat(120), "m".repeat(120), "n".repeat(120)].join("/")));
        Self { folders, files: Vec::new(), writable: Vec::new() }
    }

    /// A path that nothing is at yet. The name of the recipe keeps it apart from those of a base.
    fn new_path(&self, dice: &mut Dice, recipe: &str) -> String {
        let folder = &self.folders[dice.below(self.folders.len())];
        let folder = if dice.below(3) == 0 { format!("{folder}/{}", words::name(dice)) } else { folder.clone() };
        if dice.below(3) == 0 {
            format!("{folder}/{recipe}-{}", dice.below(100_000))
        } else {
            format!("{folder}/{}", words::name(dice))
        }
    }

    /// Where a link may lead.
    fn target(&self, dice: &mut Dice, from: &str) -> String {
        let mut targets = vec!["/dev/null".to_owned(), "/run/x".to_owned(), "/usr/bin".to_owned()];
        targets.extend(self.writable.iter().map(|path| format!("{path}/later")));
        targets.extend(self.files.iter().cloned());
        let target = &targets[dice.below(targets.len())];
        if dice.below(2) == 0 {
            return target.clone();
        }
        let up = "../".repeat(from.matches('/').count() - 1);
        format!("{up}{}", &target[1..])
    }
}

/// The bytes of a file: none, a few, or up to 200 KB, which may compress or not.
fn content(dice: &mut Dice) -> Vec<u8> {
    if dice.below(15) == 0 {
        return known_content(dice);
    }
    let size = dice.one_of(&[0, 1, 511, 512, 513, 5_000, 70_000, 200_000]);
    let mut bytes = if dice.below(2) == 0 { noise(size) } else { b"some words of text\n".repeat(size / 19 + 1) };
    bytes.truncate(size);
    // No two are the same.
    for byte in bytes.iter_mut().take(8) {
        *byte = b'a' + u8::try_from(dice.below(26)).expect("a letter");
    }
    bytes
}

/// What rules know, and what looks like it.
fn known_content(dice: &mut Dice) -> Vec<u8> {
    let token = format!("gl{}-{}", "pat", "a8Kd02mZqLx7TnVw3YpR");
    match dice.below(10) {
        0 => elf::dynamic_amd64(),
        1 => elf::shared_object_amd64(),
        2 => elf::relocatable_amd64(),
        3 => elf::cut_off_amd64(),
        4 => elf::static_arm64(),
        5 => b"#!/bin/sh\nexit 0\n".to_vec(),
        6 => format!("url = https://user:{token}@example.com/\n").into_bytes(),
        7 => b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n".to_vec(),
        8 => gzip(format!("{} is no token\n", &token[..8]).as_bytes()),
        _ => b"password = \"correct9horseBattery7staple\"\n".to_vec(),
    }
}
