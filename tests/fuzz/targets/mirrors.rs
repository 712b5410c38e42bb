//! A `registries.conf` says where an image is looked for, or is refused at a place inside of it.

use hardpan::registry::{Reference, fuzzing};

use super::checks;

/// References that are always asked for.
const USUAL: [&str; 4] =
    ["docker.io/library/alpine:3", "ghcr.io/a/b:1", "localhost:5000/x:1", "r.example.com/a/b/c:v1"];

pub fn run(bytes: &[u8]) {
    let parts = checks::parts(bytes);
    let (text, names) = (checks::text(parts[0]), checks::text(parts.get(1).copied().unwrap_or_default()));
    for name in USUAL.into_iter().chain(names.lines().take(16)) {
        let Ok(reference) = Reference::parse(name) else { continue };
        let found = fuzzing::mirrors(&text, &reference);
        match &found {
            Ok(sources) => {
                for (source, _) in sources {
                    let again = Reference::parse(source).expect("a source is a reference");
                    assert_eq!((again.tag(), again.digest()), (reference.tag(), reference.digest()), "{source}");
                }
            }
            Err(failure) => checks::refusal(failure),
        }
        assert_eq!(found, fuzzing::mirrors(&text, &reference));
    }
}
