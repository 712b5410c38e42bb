//! [`Dictionary`]: looks up file names that a rule knows; fast, because every path of an image is looked up.

/// A map from file names to the facts of a rule.
#[derive(Debug)]
pub(super) struct Dictionary<V> {
    /// By the first byte of the name: the others are of another length, most of them.
    by_first: Vec<Vec<(&'static str, V)>>,
}

impl<V: Copy> Dictionary<V> {
    /// Builds the map; of two entries for a name, the later one counts.
    pub(super) fn of(entries: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        let mut by_first: Vec<Vec<_>> = std::iter::repeat_with(Vec::new).take(256).collect();
        for (name, value) in entries {
            if let Some(same) = place(name).and_then(|place| by_first.get_mut(place)) {
                same.push((name, value));
            }
        }
        Self { by_first }
    }

    /// The facts about exactly this name.
    pub(super) fn get(&self, name: &str) -> Option<V> {
        let same = self.by_first.get(place(name)?)?;
        same.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

fn place(name: &str) -> Option<usize> {
    name.bytes().next().map(usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_known_and_the_later_entry_counts() {
        let known = Dictionary::of([("sh", 1), ("ssh", 2), ("su", 3), ("sh", 4), ("é", 5), ("", 6)]);
        let found = ["sh", "ssh", "su", "é", "s", "shh", "x", "", "\u{ea}"].map(|name| known.get(name));
        assert_eq!(found, [Some(4), Some(2), Some(3), Some(5), None, None, None, None, None]);
    }
}
