//! Facts about public base images: their user, its home and their working directory. Nothing of a base itself gets into
//! the recipe.

use super::{LeftOutNotes, stage_path::strip};
use crate::init::draft::{RecipeDraft, WritableDir};

/// Where the images of Chainguard are.
const CHAINGUARD: &str = "cgr.dev/chainguard/";
/// The home of 65532 in the images of distroless and Chainguard, which it can write.
const HOME: &str = "/home/nonroot";

/// The user of a base, as the end of a sentence.
pub(super) fn user(base: &str) -> String {
    let (name, tag) = name_and_tag(base);
    let last = name.rsplit('/').next().unwrap_or_default();
    let official = [
        "scratch",
        "alpine",
        "debian",
        "ubuntu",
        "busybox",
        "golang",
        "rust",
        "fedora",
        "centos",
        "rockylinux",
        "almalinux",
        "amazonlinux",
        "buildpack-deps",
        "archlinux",
    ];
    if is_distroless(name) && tag.contains("nonroot") {
        return "and its base runs as 65532 too".into();
    }
    if name.starts_with(CHAINGUARD) {
        return "and images of Chainguard run as 65532 mostly".into();
    }
    let library = name == last || name == format!("docker.io/{last}") || name.ends_with(&format!("library/{last}"));
    if is_distroless(name) || official.contains(&last) && library {
        return "and would run as root".into();
    }
    "and would run as the user of its base".into()
}

/// The working directory of a base.
pub(super) fn workdir(base: &str) -> &'static str {
    let (name, tag) = name_and_tag(base);
    if is_distroless(name) && tag.contains("nonroot") { HOME } else { "/" }
}

/// The base of the lowest stage.
pub(super) struct LowestBase {
    pub(super) name: String,
    /// Of its `FROM`.
    pub(super) line: usize,
    /// Whether the base decides the working directory, because no `WORKDIR` does.
    pub(super) sets_workdir: bool,
}

/// Adds the home of the base's user to the recipe where the recipe names it; notes it otherwise.
pub(super) fn take_home(draft: &mut RecipeDraft, base: &LowestBase, notes: &mut LeftOutNotes) {
    let LowestBase { name: base, line, sets_workdir } = base;
    let (line, (name, _)) = (*line, name_and_tag(base));
    let is_workdir = *sets_workdir && workdir(base) == HOME;
    if !(is_distroless(name) || name.starts_with(CHAINGUARD)) || draft.run.user.is_some() {
        return;
    }
    let run = &draft.run;
    let is_inside = |path: &str| strip(path, HOME).is_some();
    let words = run.entrypoint.iter().chain(&run.args).chain(run.env.values()).chain(&run.workdir);
    let mut words = words.map(String::as_str);
    let is_named = |word: &str| {
        word.match_indices(HOME).any(|(at, _)| word.get(at..).is_some_and(is_path))
            || is_workdir && word.starts_with("./")
    };
    let is_used = words.any(is_named) || draft.image_paths().any(is_inside);
    if !is_used {
        if is_workdir {
            let what = "is the base's working directory, which the user can write, and is not in the image; `workdir` \
                        and a `[[dir]]` with `writable = true` bring it";
            notes.add(line, format!("`{HOME}` {what}"));
        }
        return;
    }
    if is_workdir {
        notes.put("run", "workdir", line);
        draft.run.workdir = Some(HOME.to_owned());
    }
    if !draft.writable.iter().any(|folder| folder.to == HOME) {
        notes.put("to", HOME, line);
        draft.dirs.retain(|(to, _)| to != HOME);
        let comment = format!("The home of the base of line {line}: the run user owns it.");
        draft.writable.push(WritableDir { comment, to: HOME.to_owned(), is_volume: false });
    }
}

/// Whether [`HOME`] at the beginning of a text is a whole path component.
fn is_path(text: &str) -> bool {
    let next = text.strip_prefix(HOME).and_then(|rest| rest.chars().next());
    next.is_none_or(|next| !next.is_ascii_alphanumeric() && !"_-.".contains(next))
}

/// An image's name without its digest, and its tag.
fn name_and_tag(base: &str) -> (&str, &str) {
    match base.split('@').next().unwrap_or_default().rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (base, "latest"),
    }
}

fn is_distroless(name: &str) -> bool {
    name.contains("distroless/") && !name.starts_with("cgr.dev/")
}
