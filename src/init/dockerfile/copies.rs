//! Translates the files that `COPY` and `ADD` put into the image into `[[file]]`, `[[tree]]`, `[[dir]]`, `[[symlink]]`
//! and further programs.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    LeftOutNotes,
    command_reasons::PASSWD,
    file_commands,
    ignored::Ignored,
    program_finder::ProgramFinder,
    stage_files::{ContextFile, CopiedFolder, PathContent, PlacedPath},
    stage_path::absolute,
    stage_reader::StageReader,
    stages::Stages,
};
use crate::{
    init::{
        draft::{DraftContent, DraftFile, DraftProgram, DraftSymlink, DraftTree, ProgramSource, RecipeDraft},
        folder,
    },
    oci::ImagePath,
    report::bounded_glob,
};

/// Folders in which hardpan writes files: passwd, group and certificates.
const OWN_FOLDERS: [&str; 3] = ["/etc", "/etc/ssl", "/etc/ssl/certs"];

/// The most files of a folder that a tree names one by one.
const NAMED: usize = 50;
/// Paths that hardpan writes, and the notes about copies to them.
const OWN: [(&str, &str); 3] = [
    ("/etc/passwd", PASSWD),
    ("/etc/group", PASSWD),
    (
        "/etc/ssl/certs/ca-certificates.crt",
        "CA certificates are there by default (Mozilla's); `extra-certificates` in `[system]` adds the roots of a file",
    ),
];

/// Translates everything that the stages of the image copy.
pub(super) fn translate(
    draft: &mut RecipeDraft,
    ignored: &Ignored,
    chain: &[usize],
    finder: &mut ProgramFinder<'_>,
    notes: &mut LeftOutNotes,
) {
    let stages = finder.stages;
    note_owners(stages, chain, notes);
    let reader = StageReader { stages, ignored, chain };
    let Some(last) = chain.last() else { return };
    let files = reader.files(*last, "/", 0, notes).map;
    let mut groups: BTreeMap<(usize, CopiedFolder), Vec<(String, ContextFile)>> = BTreeMap::new();
    let parents: BTreeSet<_> = files.keys().flat_map(|path| parent_folders(path)).map(str::to_owned).collect();
    for (to, PlacedPath { line, what }) in &files {
        if is_taken(draft, stages, to, *line, what, notes) {
            continue;
        }
        match what {
            PathContent::Link(link) => {
                notes.put("to", to, *line);
                let comment = format!("Line {line} makes it.");
                draft.symlinks.push(DraftSymlink { comment, to: to.clone(), target: link.target.clone() });
            }
            PathContent::Compiled(wanted) => finder.add_program(draft, wanted, to, *line, notes),
            PathContent::Folder => add_empty_folder(draft, to, *line, &parents, (finder, *last), notes),
            PathContent::Text { text, executable } => {
                let comment = format!("The text of line {line}.");
                notes.put("to", to, *line);
                draft.files.push(DraftFile {
                    comment,
                    content: DraftContent::Text(text.clone()),
                    to: to.clone(),
                    executable: *executable,
                });
            }
            PathContent::Context(source) => match &source.root {
                Some(root) => groups.entry((*line, root.clone())).or_default().push((to.clone(), source.clone())),
                None => add_file(draft, stages, to, *line, source, notes),
            },
        }
    }
    for ((line, root), members) in groups {
        add_tree(draft, &reader, line, &root, &members, notes);
    }
    let of_program = note_missing_sources(notes);
    name_lines_of_program(draft, notes, &of_program);
    let lines = |counts: &dyn Fn(&PathContent) -> bool| -> BTreeSet<usize> {
        files.values().filter(|placed| counts(&placed.what)).map(|placed| placed.line).collect()
    };
    // A folder alone is nothing that is left of a copy: a later line may have put all that is in it there.
    let placed = PlacedLines { any: lines(&|_| true), content: lines(&|what| !matches!(what, PathContent::Folder)) };
    note_covered_copies(draft, stages, chain, &placed, &of_program, notes);
}

/// Notes `--chown`.
fn note_owners(stages: &Stages, chain: &[usize], notes: &mut LeftOutNotes) {
    for step in chain.iter().filter_map(|at| stages.list.get(*at)).flat_map(|stage| &stage.steps) {
        let copies = ["COPY", "ADD"].contains(&step.instruction.name.as_str());
        if let Some(owner) = step.instruction.flag("chown").filter(|_| copies) {
            let why = "files belong to root, so that the program cannot change them; `[[dir]]` with `writable = true` is \
                       for what it writes";
            notes.add(step.instruction.line, format!("`--chown={owner}`: {why}"));
        }
    }
}

/// Whether a path needs no entry, because hardpan or a program is there, or because no image can have it; notes it.
fn is_taken(
    draft: &mut RecipeDraft,
    stages: &Stages,
    to: &str,
    line: usize,
    what: &PathContent,
    notes: &mut LeftOutNotes,
) -> bool {
    if let Some((_, why)) = OWN.iter().find(|(own, _)| *own == to) {
        notes.add(line, format!("`{to}`: {why}"));
        return true;
    }
    if OWN_FOLDERS.contains(&to) && !matches!(what, PathContent::Folder) {
        notes.add(line, format!("`{to}`: a folder, in which hardpan's own files are"));
        return true;
    }
    if let Some(program) = draft.binaries.iter_mut().find(|program| program.image_path() == to) {
        let own = match (&program.source, what) {
            (ProgramSource::Path { path }, PathContent::Context(source)) => {
                *path == stages.templates.shown(&source.path)
            }
            (_, PathContent::Compiled(_)) => true,
            _ => false,
        };
        if !own && !matches!(what, PathContent::Folder) {
            notes.add(line, format!("`{to}`: the program is there"));
        } else if program.comment.is_empty() {
            program.comment = format!("Line {line} copies it.");
        } else if matches!(what, PathContent::Context(_)) {
            // The line is all that is known about a prebuilt program.
            program.comment = format!("{} Line {line} copies it.", program.comment);
        }
        return true;
    }
    if let Err(error) = ImagePath::parse(to) {
        notes.add(line, format!("`{to}`: {error}"));
        return true;
    }
    false
}

/// The lines of which something is left in the image.
struct PlacedLines {
    /// A file, a link or a folder.
    any: BTreeSet<usize>,
    /// A file or a link.
    content: BTreeSet<usize>,
}

/// Notes lines of the image that copy or move files of which nothing is left.
fn note_covered_copies(
    draft: &RecipeDraft,
    stages: &Stages,
    chain: &[usize],
    placed: &PlacedLines,
    of_program: &BTreeSet<usize>,
    notes: &mut LeftOutNotes,
) {
    for step in chain.iter().filter_map(|at| stages.list.get(*at)).flat_map(|stage| &stage.steps) {
        let line = step.instruction.line;
        let moved = step.commands.iter().any(file_commands::is_followed);
        let copies = moved || ["COPY", "ADD"].contains(&step.instruction.name.as_str());
        let is_noted = notes.has(line) || of_program.contains(&line) || mentions_line(draft, line);
        let is_placed = if moved { placed.any.contains(&line) } else { placed.content.contains(&line) };
        if copies && !is_noted && (!is_placed || !moved && notes.by_name.is_some()) {
            notes.add(line, format!("`{}`: later lines cover or remove what it brings", step.instruction.name));
        }
    }
}

/// Notes sources that nothing makes. Returns the lines that may have copied the program which was found by its name
/// only.
fn note_missing_sources(notes: &mut LeftOutNotes) -> BTreeSet<usize> {
    let mut of_program = BTreeSet::new();
    for (missing, what) in std::mem::take(&mut notes.missing) {
        let name = missing.source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let inside = absolute(&missing.target, name);
        // The source may be the program that was found by its name only.
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
            // The folder of the program mostly has other files that it reads.
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

/// Adds to the comment of the program that was found by its name only which lines may have copied it.
fn name_lines_of_program(draft: &mut RecipeDraft, notes: &LeftOutNotes, lines: &BTreeSet<usize>) {
    let is_it = |program: &&mut DraftProgram| {
        matches!(program.source, ProgramSource::Path { .. }) && Some(program.image_path()) == notes.by_name
    };
    if let Some(program) = draft.binaries.iter_mut().find(is_it) {
        for line in lines {
            program.comment = format!("{} Line {line} copies it.", program.comment);
        }
    }
}

/// Whether a comment of the recipe names a line.
fn mentions_line(draft: &RecipeDraft, line: usize) -> bool {
    let files = draft.files.iter().map(|file| &file.comment);
    let trees = draft.trees.iter().map(|tree| &tree.comment);
    let folders = draft.dirs.iter().map(|(_, comment)| comment);
    let links = draft.symlinks.iter().map(|link| &link.comment);
    let programs = draft.binaries.iter().map(|program| &program.comment);
    let mut comments = files.chain(trees).chain(folders).chain(links).chain(programs);
    comments.any(|comment| comment.contains(&format!("ine {line} ")) || comment.ends_with(&format!("ine {line}.")))
}

/// The folders that a path is in.
fn parent_folders(path: &str) -> impl Iterator<Item = &str> {
    path.char_indices().filter(|(at, c)| *c == '/' && *at > 0).filter_map(move |(at, _)| path.get(..at))
}

/// Adds an empty folder.
fn add_empty_folder(
    draft: &mut RecipeDraft,
    to: &str,
    line: usize,
    parents: &BTreeSet<String>,
    (finder, stage): (&ProgramFinder<'_>, usize),
    notes: &mut LeftOutNotes,
) {
    let programs = draft.binaries.iter().any(|program| program.image_path().starts_with(&format!("{to}/")));
    let is_workdir = finder.stages.workdir(stage) == to;
    if !parents.contains(to) && !programs && !is_workdir && !finder.stages.base_has_folder(stage, to) {
        notes.put("to", to, line);
        draft.dirs.push((to.to_owned(), format!("Line {line} makes it.")));
    }
}

/// Adds a single file of the context.
fn add_file(
    draft: &mut RecipeDraft,
    stages: &Stages,
    to: &str,
    line: usize,
    source: &ContextFile,
    notes: &mut LeftOutNotes,
) {
    if source.is_link {
        let target = "a link in a folder of which not everything is copied; a `[[symlink]]` can say it";
        return notes.add(line, format!("`{}`: {target}", source.path));
    }
    if is_script(&source.path) {
        return notes.add(line, format!("`{}`: a shell script, and there is no shell in the image", source.path));
    }
    notes.put("to", to, line);
    draft.files.push(DraftFile {
        comment: format!("Line {line} copies it."),
        content: DraftContent::From(stages.templates.shown(&source.path)),
        to: to.to_owned(),
        executable: source.executable,
    });
}

fn is_script(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|end| end == "sh")
}

/// Adds a tree for files of one folder that keep their names.
fn add_tree(
    draft: &mut RecipeDraft,
    reader: &StageReader<'_>,
    line: usize,
    root: &CopiedFolder,
    members: &[(String, ContextFile)],
    notes: &mut LeftOutNotes,
) {
    let prefix = if root.from.is_empty() { String::new() } else { format!("{}/", root.from) };
    let names: BTreeMap<&str, &ContextFile> =
        members.iter().filter_map(|(_, source)| Some((source.path.strip_prefix(&prefix)?, source))).collect();
    let all = folder::all(&folder::within(&reader.stages.dir, &root.from), usize::MAX).unwrap_or_default();
    let all: Vec<_> = all.iter().filter(|(_, kind)| !kind.is_dir()).map(|(name, _)| name.as_str()).collect();
    let scripts: Vec<_> = names.keys().filter(|name| is_script(name)).collect();
    if names.len() != members.len() || root.pattern.is_some() && names.len() == 1 {
        for (to, source) in members {
            add_file(draft, reader.stages, to, line, source, notes);
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
    draft.trees.push(DraftTree {
        comment: format!("Line {line} copies it."),
        line: Some(line),
        from: if root.from.is_empty() { ".".into() } else { reader.stages.templates.shown(&root.from) },
        to: root.to.clone(),
        include,
        exclude,
        executable,
    });
}

/// Whether a `[[tree]]` pattern matches all these names, and none of those that are left out.
fn takes_exactly(pattern: &str, names: &BTreeMap<&str, &ContextFile>, left: &[&str]) -> bool {
    let dotted = |name: &&str| name.starts_with('.') && !pattern.starts_with('.');
    let Ok(glob) = bounded_glob(pattern) else { return false };
    let glob = glob.compile_matcher();
    !names.keys().any(dotted) && !left.iter().any(|name| glob.is_match(name))
}

/// Patterns that match all these names: dotfiles are matched only by a pattern with the dot.
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

/// The folders without any copied file, and the other left-out files.
fn topmost(left: &[&str], kept: &BTreeMap<&str, &ContextFile>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for name in left {
        let is_empty = |folder: &&str| !kept.keys().any(|kept| kept.starts_with(&format!("{folder}/")));
        let folders = name.char_indices().filter(|(_, c)| *c == '/').filter_map(|(at, _)| name.get(..at));
        found.insert(escaped(folders.into_iter().find(is_empty).unwrap_or(name)));
    }
    found.into_iter().collect()
}

/// Escapes a name as a pattern that matches nothing else.
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
