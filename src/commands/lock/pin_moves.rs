//! What changed in locks, a line for each pin, whatever number of recipes has it.

use std::collections::BTreeMap;

use crate::{
    recipe::{Difference, Pin},
    report::printable,
};

/// How many recipes a line names before it counts them.
const NAMED: usize = 3;

/// What changed in locks, by pin and by what became of it, with the recipes that have it.
#[derive(Debug, Default)]
pub(super) struct PinMoves(BTreeMap<(Pin, String), Vec<String>>);

impl PinMoves {
    /// Adds what changed in one lock; `users` says which recipes have a pin.
    pub(super) fn add(&mut self, changes: &[Difference], users: &dyn Fn(&Pin) -> Vec<String>) {
        let mut of_pin: BTreeMap<&Pin, Vec<&Difference>> = BTreeMap::new();
        for change in changes {
            of_pin.entry(&change.pin).or_default().push(change);
        }
        for (pin, changes) in of_pin {
            self.0.entry((pin.clone(), summary(pin, &changes))).or_default().extend(users(pin));
        }
    }

    /// The lines, in the order of pins.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |((pin, summary), users): (&(Pin, String), &Vec<String>)| {
            let users = if users.is_empty() { String::new() } else { format!("  ({})", counted(users)) };
            printable(&format!("{pin}: {summary}{users}")).into_owned()
        };
        self.0.iter().map(line).collect()
    }
}

/// A few names, and how many there are where they are more.
pub(super) fn counted(names: &[String]) -> String {
    let few = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED { format!("{few}, ... {} recipes", names.len()) } else { few }
}

/// What became of a pin: its version or digest, else each line that differs.
fn summary(pin: &Pin, changes: &[&Difference]) -> String {
    let main = match pin {
        Pin::Base(_) => "digest",
        Pin::Url(_) => "sha256",
        Pin::Certificates | Pin::Timezones | Pin::Toolchain(..) => "version",
    };
    if let Some(change) = changes.iter().find(|change| change.key == main) {
        return moved(change);
    }
    let (files, lines): (Vec<&Difference>, Vec<&Difference>) =
        changes.iter().copied().partition(|change| change.scope().is_some() && change.was.is_none());
    let mut parts: Vec<String> = lines.iter().map(|change| format!("{} {}", change.key, moved(change))).collect();
    // New files of this machine are many, and come together.
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for scope in files.iter().filter_map(|change| change.scope()) {
        *counts.entry(scope).or_default() += 1;
    }
    parts.extend(counts.into_iter().map(|(scope, count)| {
        format!("{count} {} of this machine for {scope}", if count == 1 { "file" } else { "files" })
    }));
    parts.join(", ")
}

fn moved(change: &Difference) -> String {
    match (&change.was, &change.now) {
        (Some(was), Some(now)) => format!("{was} -> {now}"),
        (None, Some(now)) => now.clone(),
        (_, None) => "no longer asked for".to_owned(),
    }
}
