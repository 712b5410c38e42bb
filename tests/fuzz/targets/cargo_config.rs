//! A checkout's cargo configuration is read or refused.

use std::fs;

use super::checks;

pub fn run(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let checkout = fs::canonicalize(folder.path()).unwrap();
    let path = checkout.join(".cargo/config.toml");
    fs::create_dir(checkout.join(".cargo")).unwrap();
    fs::write(&path, bytes).unwrap();
    let read = || hardpan::build::compile::fuzzing::cargo_config(&checkout);
    if let Err(failure) = read() {
        checks::refusal(&failure);
        assert!(failure.place.is_some(), "{failure}");
        checks::place_is_in(&failure, &path.to_string_lossy(), &checks::text(bytes));
    }
    assert_eq!(read(), read());
}
