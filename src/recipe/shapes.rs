//! Types of values in a recipe that serde and schemars do not have: values with spans, tables, strings or arrays.
//!
//! The structs of [`written`](super::written) and of the lock are made of them.

use std::{collections::BTreeMap, fmt, marker::PhantomData, ops::Range};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use toml::value::Datetime;

/// A value and the bytes of the recipe it was written in.
#[derive(Debug, Clone)]
pub(super) struct Spanned<T> {
    /// The value.
    pub(super) value: T,
    /// Byte offsets into the recipe; of a table its header.
    pub(super) span: Range<usize>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { span: spanned.span(), value: spanned.into_inner() })
    }
}

/// Implements `JsonSchema` for a wrapper as that of what is in it.
macro_rules! schema_of {
    ($inner:ty, $wrapper:ty $(, $generic:ident)?) => {
        impl$(<$generic: JsonSchema>)? JsonSchema for $wrapper {
            fn inline_schema() -> bool {
                <$inner>::inline_schema()
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$inner>::schema_name()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                <$inner>::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$inner>::json_schema(generator)
            }
        }
    };
}

/// Implements `JsonSchema` as the given words of JSON, written in place.
macro_rules! schema_is {
    ($name:ty, $($json:tt)+) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                json_schema!($($json)+)
            }
        }
    };
}

schema_of!(T, Spanned<T>, T);
schema_of!(T, TomlTable<T>, T);
schema_of!(BTreeMap<String, String>, Pairs);

/// A table. serde would read a derived struct from an array as well, field by field; this one refuses that.
#[derive(Debug)]
pub(super) struct TomlTable<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TomlTable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyMap<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMap<T> {
            type Value = TomlTable<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TomlTable)
            }
        }
        deserializer.deserialize_map(OnlyMap(PhantomData))
    }
}

/// A table of texts, or of other tables, under free keys, sorted by key.
#[derive(Debug)]
pub(super) struct Pairs<T = Spanned<String>>(pub(super) Vec<(Spanned<String>, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AllPairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AllPairs<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(AllPairs(PhantomData))
    }
}

/// A string or an array of strings.
#[derive(Debug, Default)]
pub(super) struct List(pub(super) Vec<Spanned<String>>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        enum Either {
            One(String),
            Many(Vec<Spanned<String>>),
        }
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Either;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<Either, E> {
                Ok(Either::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Either, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(Either::Many(all))
            }
        }
        impl<'de> Deserialize<'de> for Either {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(OneOrMany)
            }
        }
        let either = Spanned::<Either>::deserialize(deserializer)?;
        Ok(Self(match either.value {
            Either::One(value) => vec![Spanned { value, span: either.span }],
            Either::Many(all) => all,
        }))
    }
}

schema_is!(List, { "anyOf": [
    { "type": "string" },
    { "type": "array", "items": { "type": "string" } },
] });

/// A string that people like to write as a number. The number is read too, so that the refusal can say what to write.
#[derive(Debug)]
pub(super) struct Loose {
    /// The text, without quotes.
    pub(super) text: String,
    /// Whether it was a string, which is the only good form.
    pub(super) quoted: bool,
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl Visitor<'_> for TextOrNumber {
            type Value = Loose;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
                Ok(Loose { text: text.to_owned(), quoted: true })
            }

            fn visit_i64<E>(self, number: i64) -> Result<Loose, E> {
                Ok(Loose { text: number.to_string(), quoted: false })
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}

schema_is!(Loose, { "type": "string" });

/// `strip`: a switch, or `"debuginfo"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StripWord {
    /// All or nothing.
    Switch(bool),
    /// A word, which may be an unknown one.
    Word(String),
}

impl<'de> Deserialize<'de> for StripWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SwitchOrWord;
        impl Visitor<'_> for SwitchOrWord {
            type Value = StripWord;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `false` or `\"debuginfo\"`")
            }

            fn visit_bool<E>(self, switch: bool) -> Result<StripWord, E> {
                Ok(StripWord::Switch(switch))
            }

            fn visit_str<E>(self, word: &str) -> Result<StripWord, E> {
                Ok(StripWord::Word(word.to_owned()))
            }
        }
        deserializer.deserialize_any(SwitchOrWord)
    }
}

schema_is!(StripWord, { "enum": [true, false, "debuginfo"] });

/// A platform as it is spelled.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct PlatformWord(pub(super) String);

// The names complete in an editor; the pattern lets the other spellings of containerd through.
schema_is!(PlatformWord, { "type": "string", "anyOf": [
    { "enum": [
        "linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386", "linux/riscv64", "linux/ppc64le",
        "linux/s390x",
    ] },
    { "pattern": "^[Ll][Ii][Nn][Uu][Xx]/[A-Za-z0-9_-]+(/[A-Za-z0-9]+)?$" },
] });

/// A day, in TOML's own form.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Day(pub(super) Datetime);

schema_is!(Day, { "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" });

/// `certificates`: a word, or a table with a file.
#[derive(Debug)]
pub(super) enum CertificatesWord {
    /// `"mozilla"` and the like.
    Word(String),
    /// `{ file = "..." }`.
    File(CertificatesFile),
}

/// The table of `certificates`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificatesFile {
    /// A PEM file.
    pub(super) file: Spanned<String>,
}

impl<'de> Deserialize<'de> for CertificatesWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrFile;
        impl<'de> Visitor<'de> for WordOrFile {
            type Value = CertificatesWord;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a table")
            }

            fn visit_str<E>(self, word: &str) -> Result<Self::Value, E> {
                Ok(CertificatesWord::Word(word.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                CertificatesFile::deserialize(MapAccessDeserializer::new(map)).map(CertificatesWord::File)
            }
        }
        deserializer.deserialize_any(WordOrFile)
    }
}

schema_is!(CertificatesWord, { "oneOf": [
    { "type": "string", "enum": ["mozilla", "none", "base"] },
    {
        "type": "object",
        "properties": { "file": { "type": "string", "description": "A PEM file, relative to the recipe." } },
        "required": ["file"],
        "additionalProperties": false,
    },
] });
