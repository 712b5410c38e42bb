//! The one writer of JSON that ends up behind a digest.

use std::{
    borrow::Cow,
    cell::RefCell,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// Bytes that most documents of an image need no more than.
const USUAL: usize = 1 << 10;

/// `document` as compact UTF-8 JSON with the keys of every object sorted by their bytes.
///
/// The order does not depend on the order of struct fields, nor on which map `serde_json` was built with
/// (another crate can switch that on), so the bytes are those of `format = 1` in every build. Of a key that is given
/// twice the last value stays.
///
/// # Errors
/// Only for values that JSON cannot say, such as a map whose keys are no strings.
pub fn canonical_json<T: Serialize>(document: &T) -> serde_json::Result<Vec<u8>> {
    let out = Out(RefCell::new(Vec::with_capacity(USUAL)));
    // Numbers are integers; strings are escaped by serde_json: `"`, `\` and control characters only.
    let sorted = Sorted { out: &out, members: Vec::new(), open: Vec::new() };
    document.serialize(&mut Serializer::with_formatter(&out, sorted))?;
    Ok(out.0.into_inner())
}

/// What was written so far. The formatter looks at it as well, to see where the members of an object begin and end.
struct Out(RefCell<Vec<u8>>);

impl Out {
    fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

impl Write for &Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Brings the members of an object into their order when it ends: those of an object within it are in theirs by then.
struct Sorted<'a> {
    out: &'a Out,
    /// The members so far of all objects that have not ended, the outermost first.
    members: Vec<Member>,
    /// Where the members of each of these objects begin.
    open: Vec<usize>,
}

/// Where a member of an object was written.
#[derive(Clone, Copy)]
struct Member {
    /// The quote before its key.
    start: usize,
    /// Behind the quote after its key.
    value: usize,
    /// Behind its value.
    end: usize,
    /// Whether its key was escaped.
    is_escaped: bool,
}

impl Member {
    /// The key, as it was before it was escaped.
    fn key<'a>(&self, out: &'a [u8]) -> Cow<'a, [u8]> {
        let quoted = out.get(self.start..self.value).unwrap_or_default();
        if self.is_escaped
            && let Ok(key) = serde_json::from_slice::<String>(quoted)
        {
            return Cow::Owned(key.into_bytes());
        }
        Cow::Borrowed(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default())
    }
}

impl Formatter for Sorted<'_> {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open.push(self.members.len());
        writer.write_all(b"{")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        let start = self.out.len();
        self.members.push(Member { start, value: start, end: start, is_escaped: false });
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(member) = self.members.last_mut() {
            let out = self.out.0.borrow();
            member.value = out.len();
            member.is_escaped = out.get(member.start..).is_some_and(|key| key.contains(&b'\\'));
        }
        Ok(())
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(member) = self.members.last_mut() {
            member.end = self.out.len();
        }
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let from = self.open.pop().unwrap_or_default();
        sort(self.members.get_mut(from..).unwrap_or_default(), &mut self.out.0.borrow_mut());
        self.members.truncate(from);
        writer.write_all(b"}")
    }
}

/// Sorts the members at the end of `out` by their keys.
fn sort(members: &mut [Member], out: &mut Vec<u8>) {
    if members.is_sorted_by(|one, next| one.key(out) < next.key(out)) {
        return;
    }
    let start = members.first().map_or(out.len(), |first| first.start);
    members.sort_by(|one, other| one.key(out).cmp(&other.key(out)));
    let mut sorted = Vec::with_capacity(out.len() - start);
    for (at, member) in members.iter().enumerate() {
        if members.get(at + 1).is_some_and(|next| next.key(out) == member.key(out)) {
            continue;
        }
        if !sorted.is_empty() {
            sorted.push(b',');
        }
        sorted.extend_from_slice(out.get(member.start..member.end).unwrap_or_default());
    }
    out.truncate(start);
    out.append(&mut sorted);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::ser::SerializeMap as _;
    use serde_json::{Value, json};

    use super::*;

    /// Members in the order in which they are given, some of them twice.
    struct Members<'a>(&'a [(&'a str, Value)]);

    impl Serialize for Members<'_> {
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
        assert_eq!(text(&Members(&members)), r#"{"":-1,"a":[{},[]],"ab":true,"b":{"c":{},"d":[]}}"#);
        assert_eq!((text(&Members(&[])), text(&json!([]))), ("{}".to_owned(), "[]".to_owned()));
    }

    #[test]
    fn the_order_is_that_of_keys_before_they_are_escaped() {
        // Written, the line feed is a `\`, which is behind `A`; the quote becomes one as well.
        let members = [("A", json!(1)), ("\n", json!(2)), ("\"", json!(3)), ("#", json!(4)), ("a\\", json!(5))];
        assert_eq!(text(&Members(&members)), r##"{"\n":2,"\"":3,"#":4,"A":1,"a\\":5}"##);
        let bytes = [("\u{10000}", json!(1)), ("\u{ffff}", json!(2)), ("z", json!(3))];
        assert_eq!(text(&Members(&bytes)), "{\"z\":3,\"\u{ffff}\":2,\"\u{10000}\":1}");
    }

    #[test]
    fn of_a_key_that_is_given_twice_the_last_value_stays() {
        let members = [("a", json!(1)), ("b", json!({"c": 1})), ("a", json!(2)), ("b", json!(3)), ("a", json!(4))];
        assert_eq!(text(&Members(&members)), r#"{"a":4,"b":3}"#);
        assert_eq!(text(&Members(&[("a", json!(1)), ("a", json!(2))])), r#"{"a":2}"#);
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
            prop_assert_eq!(text(&Members(&borrowed)), serde_json::to_string(&sorted).expect("plain data"));
        }
    }
}
