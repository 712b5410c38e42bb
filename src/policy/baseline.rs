//! [`Baseline`]: the findings of one day that a team has accepted, as a file of `hardpan audit --write-baseline` holds them.

use std::{collections::BTreeMap, sync::Arc};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::is_fingerprint;
use crate::report::{ErrorName, Failure, Limits, Origin, Severity, SourceText, printable};

/// Accepted findings, by image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Baseline {
    /// The version of this format.
    #[serde(deserialize_with = "first_format")]
    #[schemars(range(min = 1, max = 1))]
    pub format: u32,
    /// What is accepted in which image, sorted by image.
    pub images: Vec<AcceptedImage>,
}

/// The accepted findings of one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AcceptedImage {
    /// The image as audits name it, without a digest. Without it, the findings are accepted in every image: an audit of one
    /// image writes them so, because the next build of it may have another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Sorted by rule, path and fingerprint.
    pub findings: Vec<AcceptedFinding>,
}

/// One accepted finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AcceptedFinding {
    /// The name of its rule, for people.
    pub rule: String,
    /// Its path or key, for people. Foreign text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Which finding it is.
    #[serde(deserialize_with = "fingerprint")]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}(-[1-9][0-9]{0,5})?$"))]
    pub fingerprint: String,
    /// How many places it had, of a finding that is many: one more is not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<usize>,
    /// What it weighed when it was accepted; one that weighs more is not accepted.
    #[serde(deserialize_with = "severity")]
    pub severity: Severity,
    /// The day on which it was accepted, `2026-11-30`.
    #[serde(deserialize_with = "day")]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub since: String,
}

impl Baseline {
    /// Reads a baseline. `path` is the name that it is printed under.
    ///
    /// # Errors
    /// The first thing that is wrong, at its place.
    pub fn parse(path: &str, text: &str) -> Result<Self, Failure> {
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > Limits::BASELINE_BYTES {
            let what = format!("the baseline is larger than {} MiB", Limits::BASELINE_BYTES >> 20);
            return Err(Failure::error(ErrorName::Baseline, what).in_path(path));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        serde_json::from_str(text).map_err(|error| {
            let before = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
            let at = before + error.column().saturating_sub(1);
            let source = Arc::new(SourceText { path: printable(path).into_owned(), text: text.to_owned() });
            let said = error.to_string();
            // The place is said by the failure.
            let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what);
            Failure::error(ErrorName::Baseline, format!("the baseline cannot be read: {}", printable(what)))
                .at(&Origin::new(&source, at..at))
                .hint("write it anew with `--write-baseline`")
        })
    }

    /// What is accepted in an image of that name, by fingerprint. Of several entries the lightest counts.
    pub fn of_image(&self, image: &str) -> BTreeMap<&str, &AcceptedFinding> {
        let mut accepted: BTreeMap<&str, &AcceptedFinding> = BTreeMap::new();
        for entry in self.images.iter().filter(|entry| entry.is_about(image)).flat_map(|entry| &entry.findings) {
            let known = accepted.entry(&entry.fingerprint).or_insert(entry);
            if (entry.severity, entry.places) < (known.severity, known.places) {
                *known = entry;
            }
        }
        accepted
    }
}

impl AcceptedFinding {
    /// Whether it accepts what weighs so much now, and has so many places.
    pub fn accepts(&self, severity: Severity, places: usize) -> bool {
        severity <= self.severity && self.places.is_none_or(|accepted| places <= accepted)
    }
}

impl AcceptedImage {
    /// Whether it is about an image of that name.
    pub fn is_about(&self, image: &str) -> bool {
        self.image.as_deref().is_none_or(|own| own == image)
    }
}

/// The JSON Schema of a baseline (draft 7), indented, with a line break at its end. `schema/baseline.schema.json` holds the
/// same text.
pub fn baseline_schema() -> String {
    let generator = SchemaSettings::draft07().into_generator();
    format!("{:#}\n", generator.into_root_schema_for::<Baseline>().as_value())
}

fn first_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        1 => Ok(1),
        other => Err(D::Error::custom(format!("`format` is {other}, and this hardpan reads format 1"))),
    }
}

fn fingerprint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_fingerprint(&text) { Ok(text) } else { Err(D::Error::custom(format!("`{text}` is no fingerprint"))) }
}

fn severity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Severity, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error| D::Error::custom(format!("`{text}`: {error}")))
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parts: Vec<&str> = text.split('-').collect();
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let is_day = match parts.as_slice() {
        [year, month, day] if [year.len(), month.len(), day.len()] == [4, 2, 2] => {
            number(year).is_some()
                && number(month).is_some_and(|month| (1..=12).contains(&month))
                && number(day).is_some_and(|day| (1..=31).contains(&day))
        }
        _ => false,
    };
    if is_day { Ok(text) } else { Err(D::Error::custom(format!("`{text}` is no day, such as `2026-11-30`"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINT: &str = "0123456789abcdef0123456789abcdef";

    fn entry(severity: &str) -> String {
        format!(
            r#"{{"rule":"shell","path":"/bin/sh","fingerprint":"{PRINT}","severity":"{severity}","since":"2026-11-30"}}"#
        )
    }

    fn baseline(images: &str) -> String {
        format!("{{\"format\": 1,\n\"images\": [{images}]\n}}\n")
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let text = baseline(&format!("{{\"image\":\"a\",\"findings\":[{}]}}", entry("high")));
        let read = Baseline::parse("b.json", &text).unwrap();
        assert_eq!(read.images[0].findings[0].severity, Severity::High);
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(Baseline::parse("b.json", &written).unwrap(), read);
    }

    #[test]
    fn entries_without_an_image_are_about_every_image_and_the_lightest_counts() {
        let (high, low) = (entry("high"), entry("low"));
        let text = baseline(&format!("{{\"image\":\"a\",\"findings\":[{high}]}},{{\"findings\":[{low}]}}"));
        let read = Baseline::parse("b.json", &text).unwrap();
        for image in ["a", "b"] {
            assert_eq!(read.of_image(image).get(PRINT).map(|entry| entry.severity), Some(Severity::Low), "{image}");
        }
        let only = baseline(&format!("{{\"image\":\"a\",\"findings\":[{high}]}}"));
        assert!(Baseline::parse("b.json", &only).unwrap().of_image("b").is_empty());
    }

    #[test]
    fn a_broken_baseline_is_refused_at_its_place() {
        let whole = baseline(&format!("{{\"findings\":[\n{}]}}", entry("high")));
        for (from, to, line, says) in [
            ("\"format\": 1", "\"format\": 2", 1, "`format` is 2"),
            ("high", "heavy", 3, "a severity is"),
            ("2026-11-30", "2026-13-30", 3, "is no day"),
            ("2026-11-30", "30.11.2026", 3, "is no day"),
            (PRINT, "0123", 3, "is no fingerprint"),
            ("\"rule\"", "\"rules\"", 3, "unknown field"),
            ("\"images\"", "\"image\"", 2, "unknown field"),
            ("]\n}", "]\n", 5, "EOF while parsing"),
        ] {
            let failure = Baseline::parse("b.json", &whole.replace(from, to)).unwrap_err();
            assert!(failure.what.contains(says), "{to}: {}", failure.what);
            let shown = failure.to_string();
            assert!(shown.contains(&format!("b.json:{line}:")), "{to}: {shown}");
        }
        assert!(Baseline::parse("b.json", "").is_err());
        assert!(Baseline::parse("b.json", &"[".repeat(10_000)).is_err(), "no overflow of the stack");
    }

    /// `HARDPAN_BLESS=1 cargo test schema` writes the file anew.
    #[test]
    fn the_committed_schema_is_the_one_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/baseline.schema.json");
        if std::env::var_os("HARDPAN_BLESS").is_some() {
            std::fs::write(path, baseline_schema()).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            baseline_schema(),
            "run `HARDPAN_BLESS=1 cargo test schema`"
        );
    }
}
