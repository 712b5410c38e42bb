//! [`TagPatterns`]: which tags of registries may move, as the policy file of a pipeline says.

use crate::policy::PathGlob;

/// `[push]` of a policy file. The patterns are those of exceptions: `*` and `?` stand for any characters of a tag.
#[derive(Debug, Clone, Default)]
pub struct TagPatterns {
    /// `immutable-tags`: these never move.
    pub immutable: Vec<PathGlob>,
    /// `moving-tags`: where the list is there, no other tag moves.
    pub moving: Option<Vec<PathGlob>>,
}

impl TagPatterns {
    /// Why a tag must not move, as a clause; none where it may. A tag that is in both lists does not move.
    pub fn fixes(&self, tag: &str) -> Option<String> {
        let path = format!("/{tag}");
        if let Some(glob) = self.immutable.iter().find(|glob| glob.matches(&path)) {
            return Some(format!("`immutable-tags` of the policy has `{}`", glob.text()));
        }
        let moves = self.moving.as_ref().is_none_or(|moving| moving.iter().any(|glob| glob.matches(&path)));
        (!moves).then(|| "`moving-tags` of the policy has no pattern for it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn release_tags_stay_and_channel_tags_move() {
        let globs = |texts: &[&str]| -> Vec<_> { texts.iter().map(|text| PathGlob::parse(text).unwrap()).collect() };
        let moves = |immutable: &[&str], moving: Option<&[&str]>, tag: &str| {
            TagPatterns { immutable: globs(immutable), moving: moving.map(globs) }.fixes(tag).is_none()
        };
        assert!(moves(&[], None, "v1"));
        assert!(!moves(&["v*"], None, "v1.2") && moves(&["v*"], None, "edge"));
        assert!(moves(&[], Some(&["edge", "main-*"]), "main-x") && !moves(&[], Some(&["edge"]), "v1"));
        assert!(!moves(&["v*"], Some(&["v*"]), "v1"));
        assert!(moves(&["v[0-9]*"], None, "vnext") && !moves(&["v[0-9]*"], None, "v10"));
    }
}
