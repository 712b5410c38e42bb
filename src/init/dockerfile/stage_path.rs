//! Paths of a stage as text, as instructions write them.

/// Joins `path` to `folder` as an absolute path; `.` and `..` resolved.
pub(in crate::init) fn absolute(folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    format!("/{}", relative(&whole))
}

/// `path` without a leading slash, `.` and `..` resolved.
pub(in crate::init) fn relative(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The part of `path` below `folder`; empty for the same path.
pub(in crate::init) fn strip<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder == "/" {
        return path.strip_prefix('/');
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// The last name of a path.
pub(in crate::init) fn last_name(path: &str) -> String {
    path.rsplit('/').find(|part| !part.is_empty() && *part != ".").unwrap_or_default().to_owned()
}
