//! What docker answers is read or is none, and only what says that an image was loaded is a success.

use hardpan::engine::fuzzing;

use super::checks;

pub fn run(bytes: &[u8]) {
    if let Some(platform) = fuzzing::docker_platform(&checks::text(bytes)) {
        assert_eq!(hardpan::oci::Platform::parse(&platform).map(|platform| platform.to_string()), Ok(platform));
    }
    let Some((status, body, refusal)) = fuzzing::docker_answer(bytes) else { return };
    if refusal.is_none() {
        assert!(status == 200 && body.contains("Loaded image"), "{status} {body}");
    }
    // A chunk is never more than the answer; a sign for what is no text has three bytes.
    assert!(body.len() <= 3 * bytes.len());
}
