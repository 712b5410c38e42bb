//! A program's headers are read, or it is said why not.

pub fn run(bytes: &[u8]) {
    let sentence = hardpan::build::fuzzing::elf(bytes);
    assert!(!sentence.is_empty());
    assert_eq!(sentence, hardpan::build::fuzzing::elf(bytes));
}
