//! Canonical JSON: the one writer of documents that end up behind a digest. `build` and `output` write configs, manifests
//! and indexes with it; the same document gives the same bytes in every build of hardpan.

use serde::Serialize;

/// `document` as compact UTF-8 JSON with the keys of every object sorted by their bytes.
///
/// The order does not depend on the order of struct fields, nor on which map `serde_json` was built with
/// (another crate can switch that on), so the bytes are those of `format = 1` in every build. Of a key that is given
/// twice the last value stays. Numbers are integers; of strings only `"`, `\` and control characters are escaped.
///
/// # Errors
/// Only for values that JSON cannot say, such as a map whose keys are no strings.
pub fn canonical_json<T: Serialize>(document: &T) -> serde_json::Result<Vec<u8>> {
    let mut document = serde_json::to_value(document)?;
    document.sort_all_objects();
    serde_json::to_vec(&document)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::ser::SerializeMap as _;
    use serde_json::{Value, json};

    use super::*;

    /// Members in the order in which they are given, some of them twice.
    struct UnsortedMembers<'a>(&'a [(&'a str, Value)]);

    impl Serialize for UnsortedMembers<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            for (key, value) in self.0 {
                map.serialize_entry(key, value)?;
            }
            map.end()
        }
    }

    fn text(document: &impl Serialize) -> String {
        String::from_utf8(canonical_json(document).expect("plain data")).expect("UTF-8")
    }

    #[test]
    fn keys_are_sorted_and_nothing_is_padded() {
        let value = json!({"b": [1, {"z": null, "a": "ü\u{1}\""}], "a": {}});
        assert_eq!(text(&value), r#"{"a":{},"b":[1,{"a":"ü\u0001\"","z":null}]}"#);
        let members = [("b", json!({"d": [], "c": {}})), ("a", json!([{}, []])), ("", json!(-1)), ("ab", json!(true))];
        assert_eq!(text(&UnsortedMembers(&members)), r#"{"":-1,"a":[{},[]],"ab":true,"b":{"c":{},"d":[]}}"#);
        assert_eq!((text(&UnsortedMembers(&[])), text(&json!([]))), ("{}".to_owned(), "[]".to_owned()));
    }

    #[test]
    fn the_order_is_that_of_keys_before_they_are_escaped() {
        // Written, the line feed is a `\`, which is behind `A`; the quote becomes one as well.
        let members = [("A", json!(1)), ("\n", json!(2)), ("\"", json!(3)), ("#", json!(4)), ("a\\", json!(5))];
        assert_eq!(text(&UnsortedMembers(&members)), r##"{"\n":2,"\"":3,"#":4,"A":1,"a\\":5}"##);
        let bytes = [("\u{10000}", json!(1)), ("\u{ffff}", json!(2)), ("z", json!(3))];
        assert_eq!(text(&UnsortedMembers(&bytes)), "{\"z\":3,\"\u{ffff}\":2,\"\u{10000}\":1}");
    }

    #[test]
    fn of_a_key_that_is_given_twice_the_last_value_stays() {
        let members = [("a", json!(1)), ("b", json!({"c": 1})), ("a", json!(2)), ("b", json!(3)), ("a", json!(4))];
        assert_eq!(text(&UnsortedMembers(&members)), r#"{"a":4,"b":3}"#);
        assert_eq!(text(&UnsortedMembers(&[("a", json!(1)), ("a", json!(2))])), r#"{"a":2}"#);
    }

    #[test]
    fn keys_that_are_no_strings_are_an_error() {
        assert!(canonical_json(&BTreeMap::from([(vec![1], 1)])).is_err());
        assert_eq!(text(&BTreeMap::from([(10, 1), (9, 2)])), r#"{"10":1,"9":2}"#);
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            let key = prop_oneof![any::<String>(), "[a-c\"\\\\\n]{0,2}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..6).prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        /// Whatever order the members come in, they are written in that of their keys, and they are all there.
        #[test]
        fn it_is_what_a_sorted_map_writes(members in prop::collection::vec((any::<String>(), documents()), 0..24)) {
            let borrowed: Vec<_> = members.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
            let sorted: BTreeMap<_, _> = members.iter().cloned().collect();
            prop_assert_eq!(text(&UnsortedMembers(&borrowed)), serde_json::to_string(&sorted).expect("plain data"));
        }
    }
}
