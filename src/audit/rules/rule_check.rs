//! [`RuleCheck`]: what answers one rule or a small family of them.

use super::super::{image_view::ImageView, rule_notes::RuleNotes};
use crate::report::Rule;

/// A rule or a small family of them.
pub(in crate::audit) struct RuleCheck {
    /// The rules that it answers.
    pub(in crate::audit) rules: &'static [Rule],
    /// Whether it needs the files of the layers; without them it has no answer.
    pub(in crate::audit) files: bool,
    /// Looks, and says what it found, what it could not find out, and what is not for this image.
    pub(in crate::audit) run: fn(&ImageView<'_>, &mut RuleNotes),
}
