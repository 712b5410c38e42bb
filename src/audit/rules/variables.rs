//! CFG020: variables that the configuration has twice.

use std::collections::BTreeMap;

use super::{
    super::{FindingPlace, image_view::ImageView, rule_notes::RuleNotes},
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};

pub(super) const CHECK: RuleCheck = RuleCheck { rules: &[Rule::DuplicateVariable], files: false, run: check_variables };

/// Variables that decide what runs.
fn decides_what_runs(name: &str) -> bool {
    name == "PATH" || name.starts_with("LD_")
}

fn check_variables(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in view.env() {
        values.entry(name).or_default().push(value);
    }
    for (name, values) in values {
        let Some((first, more)) = values.split_first().filter(|(_, more)| !more.is_empty()) else { continue };
        let differ = more.iter().any(|value| value != first);
        let severity = if differ && decides_what_runs(name) { Severity::Medium } else { Severity::Low };
        let what =
            if differ { "with different values: programs differ in which one they take" } else { "with one value" };
        let message = format!("`{name}` is there {} times, {what}", values.len());
        notes.weigh(Rule::DuplicateVariable, severity, FindingPlace::key(format!("config.Env[{name}]")), message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleImage, found};
    use super::*;

    #[test]
    fn a_variable_that_is_there_twice_is_found_and_weighs_more_where_it_decides_what_runs() {
        let with = |lines: &[&str]| {
            let audit = SampleImage::new().env(lines).layer([]).audit();
            found(&audit, Rule::DuplicateVariable).iter().map(|one| one.severity).collect::<Vec<_>>()
        };
        assert_eq!(with(&["PATH=/usr/bin", "A=1", "PATH=/tmp"]), [Severity::Medium]);
        assert_eq!(with(&["PATH=/usr/bin", "PATH=/usr/bin"]), [Severity::Low]);
        assert_eq!(with(&["A=1", "A=2", "A=3"]), [Severity::Low]);
        assert_eq!(with(&["A=1", "a=2", "B=1"]), []);
    }
}
