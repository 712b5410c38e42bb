//! [`Member`]: a file inside of a packed file: what it is called in reports, and by which path it is searched.

use crate::{
    report::Limits,
    secrets::{NameRule, name_hit},
};

/// Ends of the names of compressed files, and what takes their place in the name of what is inside.
const ENDS: [(&str, &str); 16] = [
    (".tgz", ".tar"),
    (".tbz2", ".tar"),
    (".tbz", ".tar"),
    (".txz", ".tar"),
    (".tzst", ".tar"),
    (".gz", ""),
    (".zst", ""),
    (".xz", ""),
    (".lzma", ""),
    (".bz2", ""),
    (".lz4", ""),
    (".lz", ""),
    (".zip", ""),
    (".7z", ""),
    (".rar", ""),
    (".Z", ""),
];

/// A file of the layer, or something inside of one.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// What reports call it, below the file of the layer; `None` is that file.
    pub(super) name: Option<String>,
    /// The path that its bytes are searched by: that of the file with those of the members behind it.
    pub(super) path: String,
    /// How many packed files it is in.
    pub(super) depth: usize,
    /// Whether it is all that a compressed file holds. A tar in it is no further depth.
    is_content: bool,
    /// What its own members are called below: itself, or the compressed file around it.
    around: Option<String>,
}

/// `path` without the end that says how it is packed; `None` where it has none.
fn without_packing(path: &str) -> Option<String> {
    let (end, instead) = ENDS.iter().find(|(end, _)| {
        let start = path.len().checked_sub(end.len());
        start.and_then(|start| path.get(start..)).is_some_and(|last| last.eq_ignore_ascii_case(end))
    })?;
    let start = path.get(..path.len() - end.len()).filter(|start| !start.is_empty() && !start.ends_with('/'))?;
    Some(format!("{start}{instead}"))
}

/// What the name of a packed file says of it, with or without the end that says how it is packed.
pub(super) fn credential_name(path: &str) -> Option<NameRule> {
    name_hit(path).or_else(|| name_hit(&without_packing(path)?))
}

impl Member {
    /// A file of the layer.
    pub(super) fn file(path: &str) -> Self {
        Self { name: None, path: path.to_owned(), depth: 0, is_content: false, around: None }
    }

    /// What the compressed file `self` holds.
    pub(super) fn content(&self) -> Self {
        let path = without_packing(&self.path).unwrap_or_else(|| self.path.clone());
        let name = below(self.name.as_deref(), path.rsplit('/').next().unwrap_or_default());
        Self { name: Some(name), path, depth: self.depth + 1, is_content: true, around: self.name.clone() }
    }

    /// The depth at which what it holds is: a tar and the compression around it are one.
    pub(super) fn depth_of(&self, is_sequence: bool) -> usize {
        if is_sequence && self.is_content { self.depth } else { self.depth + 1 }
    }

    /// The member `name` of the archive `self`.
    pub(super) fn child(&self, name: &str, depth: usize) -> Self {
        let name = cut(name.trim_start_matches('/'));
        let whole = below(self.around.as_deref(), name);
        let path = format!("{}/{name}", self.path);
        Self { name: Some(whole.clone()), path, depth, is_content: false, around: Some(whole) }
    }
}

/// A name with that of what it is in, bounded.
fn below(around: Option<&str>, name: &str) -> String {
    let name = around.map_or_else(|| name.to_owned(), |around| format!("{around}!/{name}"));
    cut(&name).to_owned()
}

/// The beginning of a name, where it is longer than any path.
fn cut(name: &str) -> &str {
    let mut end = name.len().min(Limits::PATH_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_is_called_as_its_file_without_the_end() {
        for (path, inner) in [
            ("/srv/.env.gz", Some("/srv/.env")),
            ("/srv/b.TGZ", Some("/srv/b.tar")),
            ("/srv/.gz", None),
            ("/srv/a.jar", None),
            ("gz", None),
        ] {
            assert_eq!(without_packing(path).as_deref(), inner, "{path}");
        }
        let package = Member::file("/srv/a.deb").child("data.tar.xz", 1);
        assert_eq!(package.name.as_deref(), Some("data.tar.xz"));
        let tar = package.content();
        assert_eq!(
            (tar.name.as_deref(), tar.depth_of(true), tar.depth_of(false)),
            (Some("data.tar.xz!/data.tar"), 2, 3)
        );
        let file = tar.child("/etc/x", 2);
        assert_eq!((file.name.as_deref(), &*file.path), (Some("data.tar.xz!/etc/x"), "/srv/a.deb/data.tar/etc/x"));
        assert!(
            Member::file("a").child(&"ü".repeat(5000), 1).name.is_some_and(|name| name.len() <= Limits::PATH_BYTES)
        );
    }
}
