//! `--update`: which pins are resolved anew.

use std::{cell::RefCell, collections::BTreeSet};

use crate::{
    recipe::Pin,
    report::{ErrorName, Failure, printable},
};

/// The names that `--update` was given.
pub(super) struct Updates<'a> {
    asked: &'a [String],
    /// Those that named a pin.
    used: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Updates<'a> {
    /// The names as they were given.
    pub(super) fn new(asked: &'a [String]) -> Self {
        Self { asked, used: RefCell::default() }
    }

    /// Whether the pin is to move.
    pub(super) fn names(&self, pin: &Pin) -> bool {
        let repository = |base: &str| {
            let base = base.split('@').next().unwrap_or_default();
            base.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(base, |(name, _)| name).to_owned()
        };
        let is_it = |asked: &str| match (asked, pin) {
            ("all", _) | ("base", Pin::Base(_)) | ("url", Pin::Url(_)) | ("toolchain", Pin::Toolchain(..)) => true,
            (asked, Pin::Base(base)) => asked == base || asked == repository(base),
            (asked, pin) => asked == pin.name() || asked == pin.printable_name(),
        };
        let found: Vec<&'a str> = self.asked.iter().map(String::as_str).filter(|asked| is_it(asked)).collect();
        self.used.borrow_mut().extend(&found);
        !found.is_empty()
    }

    /// Refuses a name that no recipe pins anything under.
    pub(super) fn check(&self, known: &BTreeSet<String>) -> Result<(), Failure> {
        let used = self.used.borrow();
        let is_strange = |asked: &&String| *asked != "all" && !used.contains(asked.as_str());
        let Some(stranger) = self.asked.iter().find(is_strange) else { return Ok(()) };
        let failure =
            Failure::error(ErrorName::Usage, format!("nothing is pinned under the name `{}`", printable(stranger)));
        let known: Vec<_> = known.iter().take(16).map(|name| format!("`{}`", printable(name))).collect();
        Err(if known.is_empty() { failure } else { failure.hint(format!("pinned here: {}", known.join(", "))) })
    }
}
