//! Other texts of an image's documents, by dice.

use serde_json::{Value, json};

use super::{
    image::{Change, Document, Place, World},
    text::Text,
};
use crate::support::walks::Dice;

/// What a text is for a careful reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The image as it was.
    Same,
    /// Another image, which is to be read.
    Read,
    /// Nothing that may be read: another reader would see another image.
    Refused,
    /// Any image, as long as all who read it see the same.
    Agreed,
}

/// One way to write an image.
pub struct Variant {
    /// What was done, in words.
    pub name: String,
    pub expected: Expected,
    pub changes: Vec<Change>,
    /// What stands between tokens.
    pub space: &'static str,
}

/// What is done to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// Its name is in another spelling that Go takes for the same.
    Respelled,
    /// Another value under another spelling stands before it, or behind it.
    FoldedBefore,
    FoldedBehind,
    /// Another value under the same name, perhaps with an escape.
    SameBefore,
    SameBehind,
    EscapedBehind,
    /// A key that nobody knows, in two spellings.
    UnknownTwice,
    /// Its name is written with an escape.
    Escaped,
    /// Another value, that of the second image or an odd one.
    Second,
    Odd,
    /// A key that nobody knows.
    Unknown,
    /// The order of all keys.
    Reversed,
}

const DEEDS: [Deed; 12] = [
    Deed::Respelled,
    Deed::FoldedBefore,
    Deed::FoldedBehind,
    Deed::SameBefore,
    Deed::SameBehind,
    Deed::EscapedBehind,
    Deed::UnknownTwice,
    Deed::Escaped,
    Deed::Second,
    Deed::Odd,
    Deed::Unknown,
    Deed::Reversed,
];

impl Deed {
    fn expected(self) -> Expected {
        match self {
            Self::Second | Self::Odd => Expected::Agreed,
            Self::Escaped | Self::Unknown | Self::Reversed => Expected::Same,
            _ => Expected::Refused,
        }
    }
}

impl Variant {
    /// The next one, of an object among `places`.
    pub fn next(dice: &mut Dice, places: &[Place]) -> Self {
        let space = dice.one_of(&["", "", " ", "\n\t", "\r\n"]);
        if dice.below(8) == 0 {
            return Self::of_map(dice, places[0].document == Document::Table, space);
        }
        let place = &places[dice.below(places.len())];
        let (key, second) = &place.keys[dice.below(place.keys.len())];
        let deed = dice.one_of(&DEEDS);
        let name = format!("{:?} {} `{key}`: {deed:?}", place.document, place.pointer);
        let edit = Edit::new(dice, deed, key, second);
        let name = format!("{name} `{}` {}", edit.spelling, edit.value.written(""));
        let pointer = place.pointer;
        let change: Change = (place.document, Box::new(move |text| edit.apply(text.members(pointer))));
        Self { name, expected: deed.expected(), changes: vec![change], space }
    }

    /// A map whose keys are words of the image's author: those that look the same to Go are two, those that are the same
    /// are refused.
    fn of_map(dice: &mut Dice, is_archive: bool, space: &'static str) -> Self {
        let config = [(Document::Config, "/config/Labels"), (Document::Config, "/config/Volumes")];
        let annotations = [(Document::Manifest, "/annotations"), (Document::Index, "/manifests/0/annotations")];
        let maps = if is_archive { config.to_vec() } else { [config, annotations].concat() };
        let (document, pointer) = dice.one_of(&maps);
        let key = dice.one_of(&["version", "User", "layers", "org.example.k"]);
        let twin = respelled(dice, key);
        let is_same = dice.below(2) == 0;
        let [first, second] = [key.to_owned(), if is_same { escaped(dice, key) } else { twin }];
        let name = format!("{document:?} {pointer}: `{first}` and `{second}`");
        let value = if pointer.ends_with("Volumes") { json!({}) } else { json!("a word") };
        let change = move |text: &mut Text| {
            text.members(pointer).extend([(first.clone(), Text::from(&value)), (second.clone(), Text::from(&value))]);
        };
        let expected = if is_same { Expected::Refused } else { Expected::Read };
        Self { name, expected, changes: vec![(document, Box::new(change))], space }
    }
}

/// A key of a struct in another spelling, whether it was there or not.
pub fn spelled(document: Document, pointer: &str, key: &str, spelling: String) -> Variant {
    let name = format!("{document:?} {pointer}: `{spelling}`");
    let (pointer, key) = (pointer.to_owned(), key.to_owned());
    let change = move |text: &mut Text| {
        let members = text.members(&pointer);
        members.retain(|(known, _)| *known != key);
        members.push((spelling.clone(), Text::Word("null".to_owned())));
    };
    Variant { name, expected: Expected::Refused, changes: vec![(document, Box::new(change))], space: "" }
}

/// A deed with all that the dice said.
struct Edit {
    deed: Deed,
    key: String,
    spelling: String,
    value: Text,
}

impl Edit {
    fn new(dice: &mut Dice, deed: Deed, key: &str, second: &Value) -> Self {
        let spelling = match deed {
            Deed::Respelled | Deed::FoldedBefore | Deed::FoldedBehind => respelled(dice, key),
            Deed::Escaped | Deed::EscapedBehind => escaped(dice, key),
            Deed::UnknownTwice => dice.one_of(&["X-TASK", "x-ta\u{17f}k", "x-tas\u{212a}", "x-\\u0054ask"]).to_owned(),
            Deed::Unknown => dice.one_of(&["x-task", "Userr", "\u{e4}", "", "us\\u0065r-id"]).to_owned(),
            _ => key.to_owned(),
        };
        let value = match deed {
            Deed::Odd => Text::Word(dice.one_of(&ODD).to_owned()),
            Deed::Unknown => {
                Text::Word(dice.one_of(&["null", "{\"a\":1,\"A\":2}", "[1.5]", "\"\\ud83d\\ude00\""]).to_owned())
            }
            _ => Text::from(second),
        };
        Self { deed, key: key.to_owned(), spelling, value }
    }

    fn apply(&self, members: &mut Vec<(String, Text)>) {
        let (key, new) = (self.key.clone(), (self.spelling.clone(), self.value.clone()));
        let at = members.iter().position(|(known, _)| *known == key);
        match self.deed {
            Deed::Respelled | Deed::Escaped => match at {
                Some(at) => members[at].0 = new.0,
                // A key that was absent: the respelled one is refused, whatever it says.
                None if self.deed == Deed::Respelled => members.push(new),
                None => {}
            },
            Deed::FoldedBefore | Deed::SameBefore => {
                add_unless_there(members, at, new.clone());
                members.insert(0, new);
            }
            Deed::FoldedBehind | Deed::SameBehind | Deed::EscapedBehind => {
                add_unless_there(members, at, (key, new.1.clone()));
                members.push(new);
            }
            Deed::UnknownTwice => members.extend([("x-task".to_owned(), new.1.clone()), new]),
            Deed::Second | Deed::Odd => {
                members.retain(|(known, _)| *known != key);
                members.push(new);
            }
            Deed::Unknown => members.insert(0, new),
            Deed::Reversed => members.reverse(),
        }
    }
}

/// A key of which there are to be two is there once at least.
fn add_unless_there(members: &mut Vec<(String, Text)>, at: Option<usize>, new: (String, Text)) {
    if at.is_none() {
        members.push(new);
    }
}

/// Values that one reader may take for nothing and another for something.
const ODD: [&str; 16] = [
    "null",
    "\"\"",
    "[]",
    "{}",
    "0",
    "-1",
    "1.0",
    "1e2",
    "true",
    "[null]",
    "[\"\"]",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"0:0\"",
    "{\"\":null}",
    "18446744073709551616",
];

/// Another spelling of a key that Go takes for the same.
fn respelled(dice: &mut Dice, key: &str) -> String {
    let letters: Vec<(usize, char)> = key.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).collect();
    let folds: Vec<_> = letters.iter().filter(|(_, c)| "sSkK".contains(*c)).collect();
    let at = |(at, c): (usize, char), new: &str| format!("{}{new}{}", &key[..at], &key[at + c.len_utf8()..]);
    let flipped = |c: char| if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
    let upper = key.to_ascii_uppercase();
    match dice.below(4) {
        0 if upper != key => upper,
        1 | 2 if !folds.is_empty() => {
            let letter = *folds[dice.below(folds.len())];
            let (sign, escape) = if "sS".contains(letter.1) { ("\u{17f}", "\\u017F") } else { ("\u{212a}", "\\u212a") };
            at(letter, dice.one_of(&[sign, escape]))
        }
        _ => {
            let letter = letters[dice.below(letters.len())];
            at(letter, &flipped(letter.1).to_string())
        }
    }
}

/// The same key with one of its letters escaped.
fn escaped(dice: &mut Dice, key: &str) -> String {
    let at = dice.below(key.len());
    format!("{}\\u{:04x}{}", &key[..at], key.as_bytes()[at], &key[at + 1..])
}

/// The text as it is.
pub fn unchanged() -> Variant {
    Variant { name: "unchanged".to_owned(), expected: Expected::Same, changes: Vec::new(), space: "" }
}

/// All places of a layout, or the one of an archive with those of its config.
pub fn places(world: &World, is_archive: bool) -> Vec<Place> {
    let places = world.places();
    if !is_archive {
        return places;
    }
    let configs = places.into_iter().filter(|place| place.document == Document::Config);
    let mut all: Vec<_> = (0..4).map(|_| World::table()).collect();
    all.extend(configs);
    all
}
