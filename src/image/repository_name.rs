//! The syntax of a repository name component, which registries, docker, podman and containerd share.

/// A path component of a repository (distribution-spec, "Pulling manifests"), which all engines hold to.
pub(crate) fn is_repository(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let rest = name.trim_matches(plain);
    let mut separators = name.split(plain).filter(|between| !between.is_empty());
    !name.is_empty()
        && name.starts_with(plain)
        && (rest.is_empty() || name.ends_with(plain))
        && separators.all(|between| matches!(between, "." | "_" | "__") || between.chars().all(|c| c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_engine_takes_is_known_before_anything_is_sent() {
        for good in ["hello", "a", "hello-go", "a--b", "a.b_c__d", "0"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["", "Hello", "a.", "-a", "a..b", "a___b", "a/b", "a.-b", "ä"] {
            assert!(!is_repository(bad), "{bad}");
        }
    }
}
