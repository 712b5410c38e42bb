//! Checks a JSON document before it is parsed, and refuses what two readers would understand differently: duplicate
//! keys, keys that differ only in case, a manifest and an index in one.
//!
//! Engines decode with Go's `encoding/json`: a key means the field of a struct whatever its case is (and `ſ` is `s`,
//! the Kelvin sign is `k`), and of several keys for one field the last one wins. Other readers take a key as it is
//! written. So in objects that engines decode into structs keys are compared as Go folds them: two that fold to one are
//! refused, and so is a known field in another spelling.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use serde::{
    Deserialize,
    de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{image::json_shape::JsonShape, report::shown};

/// Keys of one object among which a further one is looked for one by one; more are in a tree.
const FEW: usize = 16;

/// Reads a document of an image, which engines decode as `shape` says.
///
/// # Errors
/// A sentence about the document, safe to print.
pub(super) fn parse_strict<T: DeserializeOwned>(bytes: &[u8], shape: &'static JsonShape) -> Result<T, String> {
    let said = |error: &serde_json::Error| shown(&error.to_string());
    let mut json = serde_json::Deserializer::from_slice(bytes);
    StrictWalk { depth: 0, shape }.deserialize(&mut json).and_then(|()| json.end()).map_err(|error| said(&error))?;
    serde_json::from_slice(bytes).map_err(|error| said(&error))
}

/// Reads a document of which nothing is known but that it is JSON: one with a key that is there twice is refused, because a
/// reader would drop one of the two.
///
/// # Errors
/// As [`parse_strict`].
pub(crate) fn parse_json(bytes: &[u8]) -> Result<serde_json::Value, String> {
    parse_strict(bytes, &JsonShape::Any)
}

/// Walks through a document and keeps nothing. serde_json bounds how deep it goes.
#[derive(Clone, Copy)]
struct StrictWalk {
    depth: usize,
    /// What engines decode this value into.
    shape: &'static JsonShape,
}

impl<'de> DeserializeSeed<'de> for StrictWalk {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictWalk {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = SeenKeys::default();
        while let Some(ObjectKey(key)) = map.next_key()? {
            let (folded, shape) = match self.shape {
                JsonShape::Struct(fields) => (fold_key(key.clone()), check_spelling(fields, &key)?),
                _ => (key.clone(), &JsonShape::Any),
            };
            if seen.has(&folded) {
                return Err(A::Error::custom(format_args!("the key `{key}` is there twice")));
            }
            seen.add(folded);
            map.next_value_seed(Self { depth: self.depth + 1, shape })?;
        }
        // An index to one reader and a manifest to another (CVE-2021-41190).
        let is_document = self.depth == 0 && matches!(self.shape, JsonShape::Struct(_));
        if is_document && seen.has("manifests") && (seen.has("layers") || seen.has("config")) {
            return Err(A::Error::custom("it is a manifest and an index in one"));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let shape = self.shape.of_element();
        while seq.next_element_seed(Self { depth: self.depth + 1, shape })?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| ())
    }
}

/// A key, in the document itself unless it is escaped there.
struct ObjectKey<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for ObjectKey<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsKey;

        impl<'de> Visitor<'de> for AsKey {
            type Value = ObjectKey<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<ObjectKey<'de>, E> {
                Ok(ObjectKey(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<ObjectKey<'de>, E> {
                Ok(ObjectKey(Cow::Owned(key.to_owned())))
            }
        }

        deserializer.deserialize_str(AsKey)
    }
}

/// The keys of one object. Usually a handful; a hostile document may have any number.
#[derive(Default)]
struct SeenKeys<'de> {
    few: Vec<Cow<'de, str>>,
    many: BTreeSet<Cow<'de, str>>,
}

impl<'de> SeenKeys<'de> {
    fn has(&self, key: &str) -> bool {
        self.few.iter().any(|seen| seen == key) || (!self.many.is_empty() && self.many.contains(key))
    }

    fn add(&mut self, key: Cow<'de, str>) {
        if self.few.len() < FEW {
            self.few.push(key);
        } else {
            self.many.insert(key);
        }
    }
}

/// The key as Go folds it, as far as a field of a struct can be meant: these have ASCII names (`encoding/json`, `foldName`).
fn fold_key(key: Cow<'_, str>) -> Cow<'_, str> {
    let is_plain = |c: char| !c.is_ascii_uppercase() && c != LONG_S && c != KELVIN;
    if key.chars().all(is_plain) {
        return key;
    }
    let fold = |c: char| match c {
        LONG_S => 's',
        KELVIN => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect::<String>().into()
}

/// The value of the field that `key` means; refuses a key that means a field whose name is another one.
fn check_spelling<E: Error>(fields: &[(&'static str, &'static JsonShape)], key: &str) -> Result<&'static JsonShape, E> {
    if let Some((_, shape)) = fields.iter().find(|(name, _)| *name == key) {
        return Ok(shape);
    }
    let own = fold_key(key.into());
    match fields.iter().find(|(name, _)| fold_key((*name).into()) == own) {
        Some((name, _)) => Err(E::custom(format_args!("the key `{key}` is a second spelling of `{name}`"))),
        None => Ok(&JsonShape::Any),
    }
}

/// `ſ`, which Go folds to `s`.
const LONG_S: char = '\u{17f}';
/// The Kelvin sign, which Go folds to `k`.
const KELVIN: char = '\u{212a}';

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value;

    use super::*;
    use crate::image::json_shape::{ARCHIVE, CONFIG, DOCUMENT};

    fn refused(text: &str) -> String {
        refused_as(&DOCUMENT, text)
    }

    fn is_read(text: &str) -> bool {
        parse_strict::<Value>(text.as_bytes(), &DOCUMENT).is_ok()
    }

    fn refused_as(shape: &'static JsonShape, text: &str) -> String {
        parse_strict::<Value>(text.as_bytes(), shape).expect_err(text)
    }

    /// An object with these keys, as they are written.
    fn object<'a>(keys: impl IntoIterator<Item = &'a str>) -> String {
        let members: Vec<_> = keys.into_iter().map(|key| format!("\"{key}\":[]")).collect();
        format!("{{{}}}", members.join(","))
    }

    #[test]
    fn a_key_is_found_again_among_any_number_of_others() {
        for count in [1, FEW - 1, FEW, FEW + 1, 4 * FEW] {
            let keys: Vec<_> = (0..count).map(|at| format!("key-{at}")).collect();
            let all = || keys.iter().map(String::as_str);
            assert!(is_read(&object(all())), "{count}");
            for twice in [0, count / 2, count - 1] {
                let text = object(all().chain([keys[twice].as_str()]));
                assert!(refused(&text).contains(&format!("the key `key-{twice}` is there twice")), "{text}");
            }
        }
    }

    #[test]
    fn a_key_is_itself_however_it_is_escaped() {
        for (one, other) in [("a", "\\u0061"), ("\\u0061", "a"), ("\\u0061", "\\u0061"), ("\\n", "\\u000a")] {
            assert!(refused(&object([one, other])).contains("is there twice"), "{one} {other}");
            let many = (0..2 * FEW).map(|at| format!("key-{at}")).collect::<Vec<_>>();
            let many = || many.iter().map(String::as_str);
            assert!(refused(&object(many().chain([one, other]))).contains("is there twice"), "{one} {other}");
            assert!(refused(&object([one].into_iter().chain(many()).chain([other]))).contains("is there twice"));
        }
        assert!(refused(&object(["\\u006cAYERS"])).contains("second spelling of `layers`"));
        assert!(refused(&object(["m\\u0061nifests", "l\\u0061yers"])).contains("a manifest and an index in one"));
        assert!(is_read(&object(["a", "\\u00e4", "\\u00c4", ""])));
        assert!(refused(r#"{"\ud800":1}"#).contains("surrogate") || refused(r#"{"\ud800":1}"#).contains("escape"));
    }

    #[test]
    fn what_is_both_is_refused_however_many_keys_are_between() {
        let many = (0..3 * FEW).map(|at| format!("key-{at}")).collect::<Vec<_>>();
        let many = || many.iter().map(String::as_str);
        for other in ["layers", "config"] {
            for text in [
                object(["manifests"].into_iter().chain(many()).chain([other])),
                object([other].into_iter().chain(many()).chain(["manifests"])),
                object(many().chain([other, "manifests"])),
            ] {
                assert!(refused(&text).contains("a manifest and an index in one"), "{text}");
            }
        }
    }

    #[test]
    fn keys_of_structs_are_those_that_go_takes_for_the_field() {
        let config = |members: &str| format!("{{\"rootfs\":{{}},\"config\":{{{members}}}}}");
        for (shape, text, what) in [
            (&CONFIG, config(r#""User":"1","user":"0""#), "`user` is a second spelling of `User`"),
            (&CONFIG, config(r#""U\u017fer":"0""#), "is a second spelling of `User`"),
            (&CONFIG, config(r#""Healthchec\u212a":{}"#), "is a second spelling of `Healthcheck`"),
            (&CONFIG, config(r#""Healthcheck":{"test":[]}"#), "`test` is a second spelling of `Test`"),
            (&CONFIG, config(r#""Tmpfs":1,"tmpf\u017f":2"#), "is there twice"),
            (&CONFIG, r#"{"OS":"linux"}"#.to_owned(), "`OS` is a second spelling of `os`"),
            (&CONFIG, r#"{"Config":{"User":"0"}}"#.to_owned(), "`Config` is a second spelling of `config`"),
            (&CONFIG, r#"{"history":[{"Empty_layer":true}]}"#.to_owned(), "second spelling of `empty_layer`"),
            (&CONFIG, r#"{"rootfs":{"Diff_ids":[]}}"#.to_owned(), "second spelling of `diff_ids`"),
            (&CONFIG, config(r#""Labels":{"a":"1","a":"2"}"#), "the key `a` is there twice"),
            (&CONFIG, config(r#""Volumes":{"a":{},"\u0061":{}}"#), "the key `a` is there twice"),
            // Keys that the specification does not have, for engines that decode them.
            (&CONFIG, config(r#""x":[{"a":1,"a":2}]"#), "the key `a` is there twice"),
            (&DOCUMENT, r#"{"x":{"y":{"a":1,"a":2}}}"#.to_owned(), "the key `a` is there twice"),
            (&DOCUMENT, r#"{"layers":[{"Digest":"x"}]}"#.to_owned(), "second spelling of `digest`"),
            (&DOCUMENT, r#"{"config":{"dige\u017ft":"x"}}"#.to_owned(), "second spelling of `digest`"),
            (&DOCUMENT, r#"{"manifests":[{"platform":{"Architecture":"x"}}]}"#.to_owned(), "of `architecture`"),
            (&DOCUMENT, r#"{"Annotations":{}}"#.to_owned(), "second spelling of `annotations`"),
            (&DOCUMENT, r#"{"x":1,"X":2}"#.to_owned(), "the key `X` is there twice"),
            (&ARCHIVE, r#"[{"Config":"a","config":"b"}]"#.to_owned(), "second spelling of `Config`"),
            (&ARCHIVE, r#"[{"Layer\u017f":[]}]"#.to_owned(), "second spelling of `Layers`"),
        ] {
            let said = refused_as(shape, &text);
            assert!(said.contains(what), "{text}: {said}");
        }
    }

    #[test]
    fn keys_of_maps_are_exact() {
        let labels = r#"{"Version":"1","version":"2","User":"a","u\u017fer":"b","config":"c"}"#;
        for (shape, text) in [
            (&CONFIG, format!("{{\"config\":{{\"Labels\":{labels},\"Volumes\":{labels},\"ExposedPorts\":{labels}}}}}")),
            (&DOCUMENT, format!("{{\"annotations\":{labels},\"layers\":[{{\"annotations\":{labels}}}]}}")),
            // No engine decodes what the specification does not know.
            (&CONFIG, format!("{{\"x.y\":{labels},\"z\":[{labels}]}}")),
        ] {
            assert!(parse_strict::<Value>(text.as_bytes(), shape).is_ok(), "{text}");
        }
    }

    #[test]
    fn deep_documents_end_and_keys_are_strings() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
            assert!(is_read(&deep(100)));
            assert!(refused(&deep(100_000)).contains("recursion"));
        }
        assert!(refused("{1:2}").contains("key must be a string"));
        assert!(refused(r#"{"a":1} {}"#).contains("trailing"));
    }

    #[test]
    fn an_object_of_very_many_keys_takes_no_time() {
        let keys: Vec<_> = (0..200_000).map(|at| at.to_string()).collect();
        assert!(is_read(&object(keys.iter().map(String::as_str))));
    }
}
