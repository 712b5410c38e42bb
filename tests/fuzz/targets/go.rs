//! What `go list` prints is read or refused; a program is made of packages of the list, each with a chain of imports.

use std::collections::BTreeSet;

use hardpan::build::compile::fuzzing::go;

use super::checks;

pub fn run(bytes: &[u8]) {
    let (paths, programs) = match go::packages(bytes) {
        Ok(read) => read,
        Err(failure) => return checks::refusal(&failure),
    };
    for program in programs {
        assert!(program.packages.iter().all(|path| paths.contains(path)));
        assert!(program.packages.contains(&program.path));
        for chain in &program.chains {
            assert!(chain.len() == chain.iter().collect::<BTreeSet<_>>().len(), "{chain:?}");
            assert!(chain.iter().all(|path| program.packages.contains(path)), "{chain:?}");
        }
    }
}
