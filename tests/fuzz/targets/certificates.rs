//! A file of roots is read or refused; what is accepted reads back.

pub fn run(bytes: &[u8]) {
    if let Some(bundle) = hardpan::build::fuzzing::certificates(bytes) {
        assert_eq!(hardpan::build::fuzzing::certificates(&bundle), Some(bundle));
    }
}
