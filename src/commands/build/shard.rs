//! `--shard K/N`: which part of a fleet this call builds, and what documents say of it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::report::{ErrorName, Failure, Limits, printable};

/// The key of metadata files that says which shard they are of. An image of this name cannot be in them.
pub(in crate::commands) const SHARD_KEY: &str = "hardpan.shard";
/// The key of an image's metadata with the milliseconds that its build took.
pub const DURATION_KEY: &str = "hardpan.duration-ms";

/// `K/N`: the shard number `K`, from 1, of `N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `count`.
    pub number: usize,
    /// How many shards the fleet is divided into.
    pub count: usize,
}

/// What `build` is asked for with `--shard`.
#[derive(Debug, Clone)]
pub struct ShardRequest {
    /// `--shard`.
    pub shard: Shard,
    /// `--durations`: a metadata file of an earlier call with `--shard`, or of its shards merged.
    pub durations: Option<PathBuf>,
}

/// What a shard says about itself, by which `hardpan merge` finds out whether all of the fleet was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardHeader {
    /// Which one it is.
    pub shard: Shard,
    /// The same for all shards that divided the same recipes in the same way, and for no others: the start of a SHA-256.
    pub plan: String,
    /// The paths of its recipes, as they were named, in the order of the call.
    pub recipes: Vec<String>,
    /// How many recipes the fleet has.
    pub total: usize,
}

impl Shard {
    /// Parses `K/N`.
    ///
    /// # Errors
    /// It is not two numbers, or `K` is not one of 1 to `N`, or `N` is above [`Limits::SHARDS`].
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let parts = text.split_once('/').filter(|(number, count)| is_number(number) && is_number(count));
        let parsed =
            parts.and_then(|(number, count)| Some(Self { number: number.parse().ok()?, count: count.parse().ok()? }));
        match parsed {
            Some(shard) if (1..=shard.count).contains(&shard.number) && shard.count <= Limits::SHARDS => Ok(shard),
            _ => {
                let what = format!("`--shard {}` is not K/N, a shard from 1 to N, such as `2/3`", printable(text));
                Err(Failure::error(ErrorName::Usage, what)
                    .hint(format!("N machines build `--shard 1/N` to `--shard N/N`; N is at most {}", Limits::SHARDS)))
            }
        }
    }
}

impl ShardHeader {
    /// As documents have it.
    pub fn to_json(&self) -> Value {
        json!({
            "number": self.shard.number,
            "count": self.shard.count,
            "plan": self.plan,
            "recipes": self.recipes,
            "total": self.total,
        })
    }

    /// The same, read back; `None` where it is not what [`to_json`](Self::to_json) writes.
    pub fn of_json(document: &Value) -> Option<Self> {
        let number = |key: &str| usize::try_from(document.get(key)?.as_u64()?).ok();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let shard = Shard { number: number("number")?, count: number("count")? };
        let recipes = document.get("recipes")?.as_array()?.iter().map(text).collect::<Option<_>>()?;
        let header = Self { shard, plan: text(document.get("plan")?)?, recipes, total: number("total")? };
        let is_shard = (1..=shard.count).contains(&shard.number) && shard.count <= Limits::SHARDS;
        is_shard.then_some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_one_of_as_many_as_there_are() {
        for (text, expected) in [("1/1", Some((1, 1))), ("2/3", Some((2, 3))), ("01/2", Some((1, 2)))] {
            assert_eq!(Shard::parse(text).ok().map(|shard| (shard.number, shard.count)), expected, "{text}");
        }
        for text in [
            "",
            "1",
            "/",
            "0/3",
            "4/3",
            "1/0",
            "a/3",
            "+1/3",
            "1/-3",
            " 1/3",
            "1/3/3",
            "1/1001",
            "1/99999999999999999999",
        ] {
            assert!(Shard::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_header_is_read_back() {
        let shard = Shard { number: 2, count: 3 };
        let header = ShardHeader { shard, plan: "ab".to_owned(), recipes: vec!["a.toml".to_owned()], total: 4 };
        assert_eq!(ShardHeader::of_json(&header.to_json()), Some(header.clone()));
        for (key, value) in
            [("number", json!(4)), ("count", json!("3")), ("recipes", json!([1])), ("plan", json!(null))]
        {
            let mut other = header.to_json();
            other[key] = value;
            assert_eq!(ShardHeader::of_json(&other), None, "{key}");
        }
    }
}
