//! Each line is a reference or refused; one that is read is written and read back the same.

use hardpan::{
    build::base::BaseName,
    oci::{Digest, Platform},
    registry::Reference,
    report::holds_login,
};

use super::checks;

pub fn run(bytes: &[u8]) {
    let text = checks::text(bytes);
    for line in text.lines() {
        match Reference::parse(line) {
            Ok(reference) => {
                let written = reference.to_string();
                assert_eq!(Reference::parse(&written).as_ref(), Ok(&reference), "{written}");
                assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{written}");
                assert!(Reference::has_host(&written) && written.starts_with(&reference.name()));
                assert!(reference.is_below(reference.host()) && reference.is_below(&reference.name()));
                let pinned = reference.pinned(Digest::of(b""));
                assert_eq!(pinned.digest(), Some(Digest::of(b"")));
                assert_eq!(Reference::parse(&pinned.to_string()).as_ref(), Ok(&pinned));
                assert_eq!(reference.unpinned().tag(), reference.tag());
            }
            Err(failure) => {
                checks::refusal(&failure);
                assert!(!holds_login(line) || !failure.to_string().contains(line), "{failure}");
            }
        }
        if let Err(failure) = BaseName::parse(line) {
            checks::refusal(&failure);
        }
        if let Ok(platform) = Platform::parse(line) {
            assert_eq!(Platform::parse(&platform.to_string()), Ok(platform));
        }
        if let Ok(digest) = Digest::parse(line) {
            assert_eq!(digest.to_string(), line);
        }
    }
}
