//! `COPY` and `ADD` of the image: files and folders of the context, and more programs.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use globset::GlobBuilder;

use super::{
    Notes,
    config::braces,
    program::Finder,
    stages::{Made, Stages, Step, absolute, copy_words, is_folder, relative},
};
use crate::{
    init::{
        draft::{Content, Draft, File, Tree},
        folder,
    },
    oci::ImagePath,
    report::Failure,
};

/// How deep a folder is looked into for a file that a pattern takes.
const DEPTH: usize = 8;

/// One source of a `COPY`.
struct Copied<'a> {
    line: usize,
    /// In the context, or in a stage.
    source: &'a str,
    /// Where it goes, as written, from the root.
    to: String,
    /// Whether `to` is a folder for it.
    into: bool,
    executable: Option<bool>,
}

/// Everything that the stages of the image copy.
pub(super) fn take(
    draft: &mut Draft,
    dir: &Path,
    stages: &Stages,
    chain: &[usize],
    finder: &mut Finder<'_>,
    notes: &mut Notes,
) -> Result<(), Failure> {
    for at in chain {
        let Some(stage) = stages.0.get(*at) else { continue };
        let compiles = stage.steps.iter().any(|step| step.commands.iter().any(super::build::is_compile));
        for step in stage.steps.iter().filter(|step| ["COPY", "ADD"].contains(&step.instruction.name.as_str())) {
            let line = step.instruction.line;
            let from = step.instruction.flag("from").map(|from| step.scope.word(from).text);
            if from.is_none() && compiles {
                notes.add(line, "the sources of the compile are not shipped; name what the program reads with `[[file]]` or `[[tree]]`");
                continue;
            }
            let Some((sources, to)) = copy_words(step) else {
                notes.add(line, format!("`{}`: a path in it is not known here", step.instruction.name));
                continue;
            };
            flags(step, notes);
            if !step.instruction.heredocs.is_empty() {
                heredocs(draft, step, &to, notes);
                continue;
            }
            let into = is_folder(step, &sources, &to);
            let executable = step
                .instruction
                .flag("chmod")
                .map(|mode| mode.contains('x') || mode.bytes().any(|bit| b"1357".contains(&bit)));
            for source in &sources {
                let copied = Copied { line, source, to: absolute(&step.workdir, &to), into, executable };
                match &from {
                    None => context(draft, dir, &step.instruction.name, &copied, notes),
                    Some(name) => match stages.named(name, *at) {
                        Some(other) => of_stage(draft, dir, other, &copied, finder, notes)?,
                        None if !is_system(&copied, notes) => {
                            notes.add(
                                line,
                                format!(
                                    "`{source}` of the image `{name}`: hardpan takes nothing from other images yet"
                                ),
                            );
                        }
                        None => {}
                    },
                }
            }
        }
    }
    if !draft.trees.is_empty() && dir.join(".dockerignore").is_file() {
        draft.said.push("the `.dockerignore` was not read: look at the `include` of each `[[tree]]`".into());
    }
    Ok(())
}

/// Flags that a recipe has no word for.
fn flags(step: &Step, notes: &mut Notes) {
    let line = step.instruction.line;
    if let Some(owner) = step.instruction.flag("chown") {
        notes.add(line, format!("`--chown={owner}`: files belong to root, so that the program cannot change them; `[[dir]]` with `writable = true` is for what it writes"));
    }
    for name in ["exclude", "parents"] {
        if step.instruction.flag(name).is_some() {
            notes.add(line, format!("`--{name}`: look at what the recipe takes instead"));
        }
    }
}

/// A source in another stage.
fn of_stage(
    draft: &mut Draft,
    dir: &Path,
    stage: usize,
    copied: &Copied<'_>,
    finder: &mut Finder<'_>,
    notes: &mut Notes,
) -> Result<(), Failure> {
    if is_system(copied, notes) {
        return Ok(());
    }
    let path = absolute("/", copied.source);
    match finder.stages.made(stage, &path) {
        Made::Compiled(wanted) => {
            let to = if copied.into { absolute(&copied.to, &wanted.file) } else { copied.to.clone() };
            if draft.binaries.iter().any(|program| program.image_path() == to) {
                return Ok(());
            }
            let program = finder.compiled(&wanted, &to, notes)?;
            if draft
                .binaries
                .iter()
                .any(|known| known.source == program.source && known.image_path() == program.image_path())
            {
                return Ok(());
            }
            // Of several programs a recipe says which one runs.
            if let (true, Some(first)) = (draft.run.entrypoint.is_empty(), draft.binaries.first()) {
                draft.run.entrypoint = vec![first.image_path()];
            }
            draft.said.push(format!("program: {program} too, as the Dockerfile copies it"));
            draft.binaries.push(program);
        }
        Made::Context(from) if dir.join(&from).exists() => {
            let inner = Copied { source: &from, to: copied.to.clone(), ..*copied };
            context(draft, dir, "COPY", &inner, notes);
        }
        Made::Context(_) | Made::Elsewhere => {
            // The program itself may have come this way, known by its name only.
            let name = copied.source.rsplit('/').next().unwrap_or_default();
            let to = if copied.into { absolute(&copied.to, name) } else { copied.to.clone() };
            if !draft
                .binaries
                .iter()
                .any(|program| program.image_path() == to || program.image_path().starts_with(&format!("{to}/")))
            {
                notes.add(
                    copied.line,
                    format!("`{}`: a `RUN` of its stage made it, and nothing runs while hardpan builds", copied.source),
                );
            }
        }
    }
    Ok(())
}

/// Files of a distribution that a recipe has by default, or has not at all.
fn is_system(copied: &Copied<'_>, notes: &mut Notes) -> bool {
    let path = copied.source;
    let why = if path.contains("ca-certificates") || path.contains("/ssl/") || path.contains("/pki/") {
        super::reasons::CERTIFICATES
    } else if path.contains("zoneinfo") {
        super::reasons::ZONES
    } else if ["/etc/passwd", "/etc/group", "/etc/shadow"].contains(&path) {
        super::reasons::PASSWD
    } else {
        return false;
    };
    notes.add(copied.line, format!("`{path}`: {why}"));
    true
}

/// A source in the context.
fn context(draft: &mut Draft, dir: &Path, instruction: &str, copied: &Copied<'_>, notes: &mut Notes) {
    let Copied { line, source, .. } = *copied;
    if source.contains("://") || source.starts_with("git@") {
        notes.add(
            line,
            format!("`ADD {source}`: a download without a digest; fetch it once, look at it, and name the file"),
        );
        return;
    }
    let archive = [".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".txz"].iter().any(|end| source.ends_with(end));
    if instruction == "ADD" && archive {
        notes.add(
            line,
            format!("`ADD {source}`: archives are not unpacked; unpack it and name the folder in a `[[tree]]`"),
        );
        return;
    }
    let path = relative(source);
    if path.is_empty() {
        notes.add(
            line,
            format!(
                "`{instruction} {source}`: the whole folder; name what the program reads with `[[file]]` or `[[tree]]`"
            ),
        );
        return;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if path.contains(['*', '?', '[']) {
        return pattern(draft, dir, &path, copied, notes);
    }
    let host = dir.join(&path);
    let Ok(metadata) = host.metadata() else {
        notes.add(line, format!("`{source}`: there is no such file or folder"));
        return;
    };
    let to = if copied.into && metadata.is_file() { absolute(&copied.to, name) } else { copied.to.clone() };
    if ImagePath::parse(&to).is_err() || path.chars().any(char::is_control) {
        notes.add(line, format!("`{source}`: `{to}` is no path for it in an image"));
        return;
    }
    if draft.binaries.iter().any(|program| program.image_path() == to) {
        return;
    }
    if Path::new(name).extension().is_some_and(|end| end == "sh") {
        notes.add(line, format!("`{source}`: a shell script, and there is no shell in the image"));
        return;
    }
    let comment = format!("Line {line} copies it.");
    if metadata.is_dir() {
        if folder::files(&host, DEPTH, |name| !name.starts_with('.')).is_empty() {
            notes.add(line, format!("`{source}`: the folder has no files"));
            return;
        }
        draft.trees.push(Tree { comment, from: braces(&path), to, include: vec!["**/*".into()], exclude: Vec::new() });
        return;
    }
    let executable = copied.executable.unwrap_or(metadata.permissions().mode() & 0o111 != 0);
    draft.files.retain(|file| file.to != to);
    draft.files.push(File { comment, content: Content::From(braces(&path)), to, executable });
}

/// A source with wildcards: a tree of the folder before the first of them.
fn pattern(draft: &mut Draft, dir: &Path, path: &str, copied: &Copied<'_>, notes: &mut Notes) {
    let wild = path.find(['*', '?', '[']).unwrap_or_default();
    let from = path.get(..wild).and_then(|before| before.rsplit_once('/')).map_or("", |(folder, _)| folder);
    let include = path.get(from.len()..).unwrap_or_default().trim_start_matches('/').to_owned();
    let glob = GlobBuilder::new(&include).literal_separator(true).build().map(|glob| glob.compile_matcher());
    let root = dir.join(from);
    let takes =
        |glob: &globset::GlobMatcher| folder::files(&root, DEPTH, |_| true).iter().any(|file| glob.is_match(file));
    let good = include.split('/').all(|part| part != "..") && glob.as_ref().is_ok_and(takes);
    if !good || ImagePath::parse(&copied.to).is_err() {
        notes.add(copied.line, format!("`{}`: no file matches it", copied.source));
        return;
    }
    let from = if from.is_empty() { "." } else { from };
    let comment = format!("Line {} copies it.", copied.line);
    draft.trees.push(Tree {
        comment,
        from: braces(from),
        to: copied.to.clone(),
        include: vec![include],
        exclude: Vec::new(),
    });
}

/// `COPY <<EOF /path`.
fn heredocs(draft: &mut Draft, step: &Step, to: &str, notes: &mut Notes) {
    for heredoc in &step.instruction.heredocs {
        let text = if heredoc.expand {
            step.scope.expand(&heredoc.text)
        } else {
            super::words::Word { text: heredoc.text.clone(), unknown: None }
        };
        let target = absolute(&step.workdir, to);
        let to = if to.ends_with('/') { absolute(&target, &heredoc.name) } else { target };
        let line = step.instruction.line;
        match text.unknown {
            Some(unknown) => notes.add(line, format!("`{to}`: the value of `{unknown}` is not known here")),
            None if ImagePath::parse(&to).map_or(true, |path| path.is_root()) => {
                notes.add(line, format!("`{to}` is no path for a file"));
            }
            None => {
                let comment = format!("The text of line {line}.");
                draft.files.retain(|file| file.to != to);
                draft.files.push(File { comment, content: Content::Text(text.text), to, executable: false });
            }
        }
    }
}
