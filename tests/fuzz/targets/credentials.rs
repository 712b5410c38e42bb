//! A file of credentials is read or refused, and a refusal shows nothing of it.

use serde_json::Value;

use hardpan::registry::fuzzing;

use super::checks;

/// Bytes of a value that no sentence of a refusal has by itself.
const LONG: usize = 8;

pub fn run(bytes: &[u8]) {
    let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let (mut values, mut keys) = (Vec::new(), Vec::new());
    collect(&document, &mut values, &mut keys);
    // The name of a host may be shown.
    values.retain(|value| value.len() >= LONG && !keys.iter().any(|key| key.contains(value.as_str())));
    let hosts = ["docker.io", "ghcr.io", "localhost:5000", "registry.example"].into_iter();
    for host in hosts.chain(keys.iter().map(String::as_str)) {
        for repository in ["library/alpine", "team/app/web"] {
            let found = fuzzing::credentials(bytes, host, repository);
            match &found {
                Ok(Some(found)) => {
                    let is_sent = found.starts_with("Bearer ") || found.starts_with("Basic ");
                    assert!(!is_sent || found.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{found:?}");
                }
                Ok(None) => {}
                Err(failure) => {
                    checks::refusal(failure);
                    let said = format!("{failure} {:?}", failure.hint);
                    assert!(values.iter().all(|value| !said.contains(value.as_str())), "{said}");
                    assert!(
                        failure.what.contains("line ")
                            || failure.what.starts_with("`auth` of")
                            || failure.what.starts_with("`registrytoken` of"),
                        "{said}"
                    );
                }
            }
            assert_eq!(found, fuzzing::credentials(bytes, host, repository));
        }
    }
}

/// All values, and the names of all keys.
fn collect(document: &Value, values: &mut Vec<String>, keys: &mut Vec<String>) {
    match document {
        Value::String(text) => values.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| collect(value, values, keys)),
        Value::Object(map) => {
            for (key, value) in map {
                keys.push(key.clone());
                collect(value, values, keys);
            }
        }
        _ => {}
    }
}
