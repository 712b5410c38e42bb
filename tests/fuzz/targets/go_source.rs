//! A Go file, a `go.mod` or a `go.work` is read or is none.

use hardpan::build::compile::fuzzing::go;

use super::checks;

pub fn run(bytes: &[u8]) {
    let text = checks::text(bytes);
    assert!(go::words(&text) <= text.len() + 1);
    if let Some((imports, of_head, embeds)) = go::source(&text) {
        assert_eq!(imports, of_head, "the part that `go list` reads has all imports");
        assert!(imports.iter().all(|path| !path.is_empty() && text.contains(path.as_str())));
        assert!(embeds.iter().all(|path| !path.starts_with('/') && !path.split('/').any(|name| name == "..")));
    }
    let (names, is_found) = go::declarations(&text);
    assert!(is_found, "an exported name that is not found again");
    assert!(names.iter().all(|name| !name.is_empty() && text.contains(name.as_str())));
    if let Some((module, folders)) = go::directives(&text) {
        assert!(module.iter().chain(&folders).all(|word| text.contains(word.as_str())));
    }
}
