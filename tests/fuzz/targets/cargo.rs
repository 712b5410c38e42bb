//! What cargo and compilers print is read or refused.

use std::path::Path;

use hardpan::build::compile::fuzzing;

use super::checks;

/// Members whose dependencies are listed.
const MEMBERS: usize = 4;

pub fn run(bytes: &[u8]) {
    match fuzzing::cargo_members(bytes) {
        Ok(members) => members.iter().take(MEMBERS).for_each(|member| list(bytes, member)),
        Err(failure) => checks::refusal(&failure),
    }
    let text = checks::text(bytes);
    match fuzzing::cargo_tree(&text) {
        Ok(packages) => {
            for (name, version) in packages {
                assert!(text.contains(&format!("{name} v{version}")), "{name} {version}");
            }
        }
        Err(failure) => checks::refusal(&failure),
    }
    let (program, archives) = fuzzing::program_of_messages(bytes, "app");
    assert!(archives.iter().all(|archive| archive.file_name().is_none_or(|name| !name.is_empty())));
    if let Err(failure) = program {
        checks::refusal(&failure);
    }
    for path in fuzzing::prerequisites(&text) {
        assert!(path != Path::new("") && !path.to_string_lossy().contains('\n'), "{}", path.display());
    }
}

/// The dependency list of a member names packages of the list alone, and the member as its root.
fn list(metadata: &[u8], member: &str) {
    let json = match fuzzing::dependency_list(metadata, member) {
        Ok(json) => json,
        Err(failure) => return checks::refusal(&failure),
    };
    let list: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let packages = list["packages"].as_array().unwrap();
    let roots: Vec<_> = packages.iter().filter(|package| package["root"] == true).collect();
    assert!(roots.len() == 1 && roots[0]["name"] == *member);
    for package in packages {
        let places = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        let places: Vec<_> = places.iter().map(|place| place.as_u64().unwrap()).collect();
        assert!(places.is_sorted() && places.iter().all(|place| *place < packages.len() as u64));
    }
}
