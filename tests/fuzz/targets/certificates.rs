//! A file of roots is read or refused; what is accepted reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(bundle) = hardpan::build::fuzzing::certificates(bytes) {
        assert_eq!(hardpan::build::fuzzing::certificates(&bundle), Some(bundle));
    }
});
