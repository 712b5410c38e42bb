//! Each line is an address, or leads from one to another; what is read is written and read back the same.

use hardpan::registry::fuzzing;

use super::checks;

pub fn run(bytes: &[u8]) {
    let text = checks::text(bytes);
    let mut base = "https://registry.example:5000/v2/app/blobs/uploads/?x=1".to_owned();
    for line in text.lines() {
        if let Some(url) = fuzzing::url(line) {
            assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
            assert_eq!(fuzzing::url(&url).as_ref(), Some(&url));
            assert_eq!(fuzzing::join(&base, &url).as_ref(), Some(&url), "an absolute one leads to itself");
        }
        if let Some(next) = fuzzing::join(&base, line) {
            assert_eq!(fuzzing::url(&next).as_ref(), Some(&next));
            base = next;
        }
    }
}
