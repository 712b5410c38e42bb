//! A passwd or group file of a base gets a line for the run user once, and keeps its own.

pub fn run(bytes: &[u8]) {
    let files = hardpan::build::fuzzing::accounts(bytes);
    for (number, file) in files.into_iter().enumerate() {
        let Some(with) = file else { continue };
        assert!(with.starts_with(bytes) && with.ends_with(b"\n"));
        assert_eq!(hardpan::build::fuzzing::accounts(&with)[number], None, "it has the line now");
    }
}
