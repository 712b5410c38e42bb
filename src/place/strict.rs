//! The walk through a document that others wrote, before it is read: no two readers may understand it differently.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use serde::{
    Deserialize,
    de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::shown;

/// Fields that decide what runs, in their one spelling. Go's decoder takes any case and the last one wins, so a
/// second spelling would show another image to Go than to everybody else.
const FIELDS: [&str; 18] = [
    "config",
    "layers",
    "manifests",
    "mediaType",
    "digest",
    "rootfs",
    "diff_ids",
    "architecture",
    "variant",
    "User",
    "Env",
    "Entrypoint",
    "Cmd",
    "WorkingDir",
    "Labels",
    "ExposedPorts",
    "Volumes",
    "StopSignal",
];
/// The fields of docker's `manifest.json` in an archive.
const ARCHIVE_FIELDS: [&str; 3] = ["Config", "RepoTags", "Layers"];
/// Objects whose keys are the author's own words.
const FREE: [&str; 5] = ["annotations", "labels", "Labels", "ExposedPorts", "Volumes"];

/// Keys of one object among which a further one is looked for one by one; more are in a tree.
const FEW: usize = 16;

/// Reads a document of an image.
///
/// # Errors
/// A sentence about the document, safe to print.
pub(super) fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    strict_with(bytes, &FIELDS)
}

/// Reads docker's `manifest.json`.
///
/// # Errors
/// A sentence about the document, safe to print.
pub(super) fn strict_archive<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    strict_with(bytes, &ARCHIVE_FIELDS)
}

fn strict_with<T: DeserializeOwned>(bytes: &[u8], fields: &'static [&'static str]) -> Result<T, String> {
    let said = |error: &serde_json::Error| shown(&error.to_string());
    let mut json = serde_json::Deserializer::from_slice(bytes);
    Strict { depth: 0, free: false, fields }
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| said(&error))?;
    serde_json::from_slice(bytes).map_err(|error| said(&error))
}

/// Walks through a document and keeps nothing. serde_json bounds how deep it goes.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
    /// The keys of this object are data, not fields.
    free: bool,
    /// The fields that have one spelling.
    fields: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Seen::default();
        while let Some(Key(key)) = map.next_key()? {
            if !self.free {
                check_spelling(&key, self.fields)?;
            }
            let free = !self.free && FREE.contains(&&*key);
            if seen.has(&key) {
                return Err(A::Error::custom(format_args!("the key `{key}` is there twice")));
            }
            seen.add(key);
            map.next_value_seed(Self { depth: self.depth + 1, free, ..self })?;
        }
        // An index to one reader and a manifest to another (CVE-2021-41190).
        if self.depth == 0 && seen.has("manifests") && (seen.has("layers") || seen.has("config")) {
            return Err(A::Error::custom("it is a manifest and an index in one"));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Self { depth: self.depth + 1, free: false, ..self })?.is_some() {}
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
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsKey;

        impl<'de> Visitor<'de> for AsKey {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }

        deserializer.deserialize_str(AsKey)
    }
}

/// The keys of one object. The usual one has a handful; one that somebody made to keep us busy may have any number.
#[derive(Default)]
struct Seen<'de> {
    few: Vec<Cow<'de, str>>,
    many: BTreeSet<Cow<'de, str>>,
}

impl<'de> Seen<'de> {
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

fn check_spelling<E: Error>(key: &str, fields: &[&str]) -> Result<(), E> {
    match fields.iter().find(|field| field.eq_ignore_ascii_case(key) && **field != key) {
        // `labels` and `config` are words of other objects too; only the spellings of no object are refused.
        Some(field) if !FREE.contains(&key) => {
            Err(E::custom(format_args!("the key `{key}` is a second spelling of `{field}`")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value;

    use super::*;

    fn refused(text: &str) -> String {
        strict::<Value>(text.as_bytes()).unwrap_err()
    }

    fn is_read(text: &str) -> bool {
        strict::<Value>(text.as_bytes()).is_ok()
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
        assert!(is_read(&object(["a", "A", "\\u00e4", "\\u00c4", ""])));
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
    fn a_second_spelling_is_refused_at_every_depth() {
        for field in FIELDS.iter().filter(|field| !FREE.contains(field)) {
            let other = field.to_ascii_uppercase();
            let other = if other == *field { field.to_ascii_lowercase() } else { other };
            let inner = object([other.as_str()]);
            for text in [inner.clone(), format!("[{inner}]"), format!("{{\"a\":{{\"b\":[{inner}]}}}}")] {
                assert!(refused(&text).contains(&format!("a second spelling of `{field}`")), "{text}");
            }
            let free = format!("{{\"annotations\":{inner}}}");
            assert!(is_read(&free), "{free}");
            let below = format!("{{\"annotations\":{{\"a\":{inner}}}}}");
            assert!(refused(&below).contains("second spelling"), "{below}");
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
