//! `COPY` and `ADD` of the image: files and folders of the context, and more programs.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Notes,
    files::{Placed, Reader, Root, Source, What},
    ignored::Ignored,
    moves,
    program::Finder,
    stages::{Stages, absolute},
};
use crate::{
    init::{
        draft::{Content, Draft, File, Program, Source as ProgramSource, Symlink, Tree},
        folder,
    },
    oci::ImagePath,
};

/// Folders of passwd, group and certificates.
const OWN_FOLDERS: [&str; 3] = ["/etc", "/etc/ssl", "/etc/ssl/certs"];

/// Files of a folder that are named one by one.
const NAMED: usize = 50;
/// Paths that hardpan fills by itself.
const OWN: [(&str, &str); 3] = [
    ("/etc/passwd", super::reasons::PASSWD),
    ("/etc/group", super::reasons::PASSWD),
    (
        "/etc/ssl/certs/ca-certificates.crt",
        "CA certificates are there by default (Mozilla's); `extra-certificates` in `[system]` adds the roots of a file",
    ),
];

/// Everything that the stages of the image copy.
pub(super) fn take(draft: &mut Draft, ignored: &Ignored, chain: &[usize], finder: &mut Finder<'_>, notes: &mut Notes) {
    let stages = finder.stages;
    for step in chain.iter().filter_map(|at| stages.list.get(*at)).flat_map(|stage| &stage.steps) {
        if let (true, Some(owner)) =
            (["COPY", "ADD"].contains(&step.instruction.name.as_str()), step.instruction.flag("chown"))
        {
            notes.add(step.instruction.line, format!("`--chown={owner}`: files belong to root, so that the program cannot change them; `[[dir]]` with `writable = true` is for what it writes"));
        }
    }
    let reader = Reader { stages, ignored, chain };
    let Some(last) = chain.last() else { return };
    let files = reader.files(*last, "/", 0, notes).map;
    let mut groups: BTreeMap<(usize, Root), Vec<(String, Source)>> = BTreeMap::new();
    let parents: BTreeSet<_> = files.keys().flat_map(|path| above(path)).map(str::to_owned).collect();
    for (to, Placed { line, what }) in &files {
        if let Some((_, why)) = OWN.iter().find(|(own, _)| own == to) {
            notes.add(*line, format!("`{to}`: {why}"));
            continue;
        }
        if OWN_FOLDERS.contains(&to.as_str()) && !matches!(what, What::Folder) {
            notes.add(*line, format!("`{to}`: a folder, in which hardpan's own files are"));
            continue;
        }
        if let Some(program) = draft.binaries.iter_mut().find(|program| program.image_path() == *to) {
            let own = match (&program.source, what) {
                (ProgramSource::Path { path }, What::Context(source)) => *path == stages.templates.shown(&source.path),
                (_, What::Compiled(_)) => true,
                _ => false,
            };
            if !own && !matches!(what, What::Folder) {
                notes.add(*line, format!("`{to}`: the program is there"));
            } else if program.comment.is_empty() {
                program.comment = format!("Line {line} copies it.");
            } else if matches!(what, What::Context(_)) {
                // What something else has built is known by this line alone.
                program.comment = format!("{} Line {line} copies it.", program.comment);
            }
            continue;
        }
        if let Err(error) = ImagePath::parse(to) {
            notes.add(*line, format!("`{to}`: {error}"));
            continue;
        }
        match what {
            What::Link(link) => {
                notes.put("to", to, *line);
                let comment = format!("Line {line} makes it.");
                draft.symlinks.push(Symlink { comment, to: to.clone(), target: link.target.clone() });
            }
            What::Compiled(wanted) => finder.another(draft, wanted, to, *line, notes),
            What::Folder => folder_alone(draft, to, *line, &parents, (finder, *last), notes),
            What::Text { text, executable } => {
                let comment = format!("The text of line {line}.");
                notes.put("to", to, *line);
                draft.files.push(File {
                    comment,
                    content: Content::Text(text.clone()),
                    to: to.clone(),
                    executable: *executable,
                });
            }
            What::Context(source) => match &source.root {
                Some(root) => groups.entry((*line, root.clone())).or_default().push((to.clone(), source.clone())),
                None => file(draft, stages, to, *line, source, notes),
            },
        }
    }
    for ((line, root), members) in groups {
        group(draft, &reader, line, &root, &members, notes);
    }
    let of_program = tell_missing(notes);
    name_lines(draft, notes, &of_program);
    for step in chain.iter().filter_map(|at| stages.list.get(*at)).flat_map(|stage| &stage.steps) {
        let line = step.instruction.line;
        let moved = step.commands.iter().any(moves::is_followed);
        let copies = moved || ["COPY", "ADD"].contains(&step.instruction.name.as_str());
        let is_told = notes.has(line) || of_program.contains(&line) || says_line(draft, line);
        let is_placed = files.values().any(|placed| placed.line == line);
        if copies && !is_told && (!is_placed || !moved && notes.by_name.is_some()) {
            notes.add(line, format!("`{}`: later lines cover or remove what it brings", step.instruction.name));
        }
    }
}

/// Tells of the sources that nothing makes; gives the lines that may have brought the program that is known by its name
/// alone.
fn tell_missing(notes: &mut Notes) -> BTreeSet<usize> {
    let mut of_program = BTreeSet::new();
    for (missing, what) in std::mem::take(&mut notes.missing) {
        let name = missing.source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let inside = absolute(&missing.target, name);
        // The program itself may have come this way, known by its name only.
        let (is_exact, is_below) = notes.by_name.as_ref().map_or((false, false), |path| {
            let below = || {
                path.starts_with(&format!("{inside}/"))
                    || missing.alone && path.starts_with(&format!("{}/", missing.target.trim_end_matches('/')))
            };
            let is_exact = *path == inside || *path == missing.target;
            (is_exact, !is_exact && !missing.in_context && below())
        });
        let is_program = is_exact || is_below;
        if is_program && missing.in_context {
            let what = format!("`{}`: it is not here; the project's program of this name is taken", missing.source);
            notes.add(missing.line, what);
        } else if is_program {
            of_program.insert(missing.line);
            // A folder in which the program is, mostly beside what it reads.
            if is_below {
                let what = "the program in it is taken; what else is in it is not known here";
                notes.add(missing.line, format!("`{}`: {what}", missing.source));
            }
        } else {
            notes.add(missing.line, what);
        }
    }
    of_program
}

/// Says at the program that is known by its name alone which lines may have brought it.
fn name_lines(draft: &mut Draft, notes: &Notes, lines: &BTreeSet<usize>) {
    let is_it = |program: &&mut Program| {
        matches!(program.source, ProgramSource::Path { .. }) && Some(program.image_path()) == notes.by_name
    };
    if let Some(program) = draft.binaries.iter_mut().find(is_it) {
        for line in lines {
            program.comment = format!("{} Line {line} copies it.", program.comment);
        }
    }
}

/// Whether something of the recipe says that it comes from a line.
fn says_line(draft: &Draft, line: usize) -> bool {
    let files = draft.files.iter().map(|file| &file.comment);
    let trees = draft.trees.iter().map(|tree| &tree.comment);
    let folders = draft.dirs.iter().map(|(_, comment)| comment);
    let links = draft.symlinks.iter().map(|link| &link.comment);
    let programs = draft.binaries.iter().map(|program| &program.comment);
    let mut comments = files.chain(trees).chain(folders).chain(links).chain(programs);
    comments.any(|comment| comment.contains(&format!("ine {line} ")) || comment.ends_with(&format!("ine {line}.")))
}

/// The folders that a path is in.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.char_indices().filter(|(at, c)| *c == '/' && *at > 0).filter_map(move |(at, _)| path.get(..at))
}

/// A folder in which nothing is.
fn folder_alone(
    draft: &mut Draft,
    to: &str,
    line: usize,
    parents: &BTreeSet<String>,
    (finder, stage): (&Finder<'_>, usize),
    notes: &mut Notes,
) {
    let programs = draft.binaries.iter().any(|program| program.image_path().starts_with(&format!("{to}/")));
    let is_workdir = finder.stages.workdir(stage) == to;
    if !parents.contains(to) && !programs && !is_workdir && !finder.stages.base_has_folder(stage, to) {
        notes.put("to", to, line);
        draft.dirs.push((to.to_owned(), format!("Line {line} makes it.")));
    }
}

/// A file of the context by itself.
fn file(draft: &mut Draft, stages: &Stages, to: &str, line: usize, source: &Source, notes: &mut Notes) {
    if source.is_link {
        let target = "a link in a folder of which not everything is copied; a `[[symlink]]` can say it";
        return notes.add(line, format!("`{}`: {target}", source.path));
    }
    if is_script(&source.path) {
        return notes.add(line, format!("`{}`: a shell script, and there is no shell in the image", source.path));
    }
    notes.put("to", to, line);
    draft.files.push(File {
        comment: format!("Line {line} copies it."),
        content: Content::From(stages.templates.shown(&source.path)),
        to: to.to_owned(),
        executable: source.executable,
    });
}

fn is_script(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|end| end == "sh")
}

/// Files of one folder that keep their names below it: a tree.
fn group(
    draft: &mut Draft,
    reader: &Reader<'_>,
    line: usize,
    root: &Root,
    members: &[(String, Source)],
    notes: &mut Notes,
) {
    let prefix = if root.from.is_empty() { String::new() } else { format!("{}/", root.from) };
    let names: BTreeMap<&str, &Source> =
        members.iter().filter_map(|(_, source)| Some((source.path.strip_prefix(&prefix)?, source))).collect();
    let all = folder::all(&folder::within(&reader.stages.dir, &root.from), usize::MAX).unwrap_or_default();
    let all: Vec<_> = all.iter().filter(|(_, kind)| !kind.is_dir()).map(|(name, _)| name.as_str()).collect();
    let scripts: Vec<_> = names.keys().filter(|name| is_script(name)).collect();
    if names.len() != members.len() || root.pattern.is_some() && names.len() == 1 {
        for (to, source) in members {
            file(draft, reader.stages, to, line, source, notes);
        }
        return;
    }
    if !scripts.is_empty() {
        let shown = scripts.iter().take(3).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        notes.add(line, format!("{shown}: taken, but there is no shell in the image that would run a script"));
    }
    let left: Vec<_> = all.iter().copied().filter(|name| !names.contains_key(name)).collect();
    let (include, exclude) = match &root.pattern {
        Some(pattern) if takes_exactly(pattern, &names, &left) => (vec![pattern.clone()], Vec::new()),
        _ if left.len() <= NAMED.min(names.len()) || root.pattern.is_none() && names.len() > NAMED => {
            (shapes(names.keys().copied()), topmost(&left, &names))
        }
        _ => (names.keys().map(|name| escaped(name)).collect(), Vec::new()),
    };
    let run: Vec<_> =
        names.iter().filter(|(_, source)| source.executable && !source.is_link).map(|(name, _)| *name).collect();
    let plain = names.values().filter(|source| !source.is_link).count();
    let executable = if run.len() == plain && plain > 0 {
        shapes(run.iter().copied())
    } else {
        run.iter().map(|name| escaped(name)).collect()
    };
    draft.trees.push(Tree {
        comment: format!("Line {line} copies it."),
        line: Some(line),
        from: if root.from.is_empty() { ".".into() } else { reader.stages.templates.shown(&root.from) },
        to: root.to.clone(),
        include,
        exclude,
        executable,
    });
}

/// Whether a pattern of a `[[tree]]` takes these names, and none of those that are left.
fn takes_exactly(pattern: &str, names: &BTreeMap<&str, &Source>, left: &[&str]) -> bool {
    let dotted = |name: &&str| name.starts_with('.') && !pattern.starts_with('.');
    let Ok(glob) = globset::GlobBuilder::new(pattern).literal_separator(true).build() else { return false };
    let glob = glob.compile_matcher();
    !names.keys().any(dotted) && !left.iter().any(|name| glob.is_match(name))
}

/// Patterns that take all these names: dotted components are taken only by a pattern that writes the dot.
fn shapes<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        let (folders, last) = name.rsplit_once('/').unwrap_or(("", name));
        let dotted = folders.split('/').filter(|part| part.starts_with('.')).count();
        let end = if last.starts_with('.') { ".*" } else { "*" };
        let shape = format!("**/{}{end}", ".*/**/".repeat(dotted));
        if !found.contains(&shape) {
            found.push(shape);
        }
    }
    found.sort();
    found.sort_by_key(String::len);
    found
}

/// The folders of which nothing is kept, and the other files that are left out.
fn topmost(left: &[&str], kept: &BTreeMap<&str, &Source>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for name in left {
        let is_empty = |folder: &&str| !kept.keys().any(|kept| kept.starts_with(&format!("{folder}/")));
        let folders = name.char_indices().filter(|(_, c)| *c == '/').filter_map(|(at, _)| name.get(..at));
        found.insert(escaped(folders.into_iter().find(is_empty).unwrap_or(name)));
    }
    found.into_iter().collect()
}

/// A name as a pattern that takes nothing else.
fn escaped(name: &str) -> String {
    let mut pattern = String::new();
    for c in name.chars() {
        if "*?[]{}\\,!".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// Files of a distribution that a recipe has by default, or has not at all.
pub(super) fn is_system(path: &str, line: usize, notes: &mut Notes) -> bool {
    let why = if path.contains("ca-certificates") || path.contains("/ssl/") || path.contains("/pki/") {
        super::reasons::CERTIFICATES
    } else if path.contains("zoneinfo") {
        super::reasons::ZONES
    } else if ["/etc/passwd", "/etc/group", "/etc/shadow"].contains(&path) {
        super::reasons::PASSWD
    } else {
        return false;
    };
    notes.add(line, format!("`{path}`: {why}"));
    true
}
