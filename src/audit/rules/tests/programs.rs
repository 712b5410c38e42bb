//! Cases of programs and libraries: ELF, and whether the entrypoint is for the machine.

use super::*;

fn of(program: &SampleProgram) -> Audit {
    server(program).audit()
}

fn good() -> SampleProgram {
    SampleProgram::default()
}

fn word(backwards: &str) -> Vec<u8> {
    [&[0][..], &backwards.bytes().rev().collect::<Vec<_>>(), &[0]].concat()
}

fn section(name: &'static str, bytes: &[u8]) -> SampleProgram {
    SampleProgram { sections: vec![(".dep-v0", vec![0; 4]), (name, bytes.to_vec())], ..good() }
}

/// A program that needs a loader and a library, with these files more.
fn dynamic(more: &[&str]) -> Audit {
    let program = SampleProgram { loader: Some("/usr/lib/ld.so"), needed: vec!["libx.so.1"], ..good() };
    let library = |path: &&str| SampleFile::new(path, &good().bytes()).mode(0o555);
    server(&program).layer(more.iter().map(library)).audit()
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = vec![
        case(
            Rule::DynamicBinary,
            || dynamic(&["usr/lib/libx.so.1"]),
            || dynamic(&["usr/lib/ld.so", "usr/lib/libx.so.1"]),
        ),
        case(Rule::MissingLibrary, || dynamic(&["usr/lib/ld.so"]), || dynamic(&["usr/lib/ld.so", "usr/lib/libx.so.1"])),
        case(Rule::NotPie, || of(&SampleProgram { fixed: true, ..good() }), || of(&good())),
        case(
            Rule::ExecutableStack,
            || of(&SampleProgram { stack: 7, ..good() }),
            || of(&SampleProgram { stack: 6, ..good() }),
        ),
        case(
            Rule::ExecutableStack,
            || of(&SampleProgram { stack: 0, ..good() }),
            || of(&SampleProgram { stack: 4, ..good() }),
        ),
        case(
            Rule::ExecutableStack,
            || of(&SampleProgram { code: 7, ..good() }),
            || of(&SampleProgram { code: 5, ..good() }),
        ),
        case(Rule::NoRelro, || of(&SampleProgram { relro: false, ..good() }), || of(&good())),
        case(
            Rule::LibraryPath,
            || of(&SampleProgram { runpath: Some("lib"), ..good() }),
            || of(&SampleProgram { runpath: Some("$ORIGIN/../lib"), ..good() }),
        ),
        case(
            Rule::LibraryPath,
            || of(&SampleProgram { runpath: Some("/tmp"), ..good() }),
            || of(&SampleProgram { runpath: Some("/usr/lib"), ..good() }),
        ),
        case(Rule::NoDependencyData, || of(&SampleProgram { sections: Vec::new(), ..good() }), || of(&good())),
        case(
            Rule::WrongArchitecture,
            || of(&SampleProgram { machine: 183, ..good() }),
            || server(&SampleProgram { machine: 183, ..good() }).document("architecture", json!("arm64")).audit(),
        ),
    ];
    all.extend(contents());
    all
}

fn contents() -> Vec<Case> {
    vec![
        case(
            Rule::MissingCertificates,
            || {
                let program = SampleProgram { behind: word("shtap_yfirev_tluafed_tes_XTC_LSS"), ..good() };
                server(&program).layer([SampleFile::whiteout("etc/ssl/certs/ca-certificates.crt")]).audit()
            },
            || of(&SampleProgram { behind: word("shtap_yfirev_tluafed_tes_XTC_LSS"), ..good() }),
        ),
        case(
            Rule::NoStackCanary,
            || of(&section(".comment", b"GCC: (GNU) 12.2\0")),
            || of(&SampleProgram { behind: word("liaf_khc_kcats__"), ..section(".comment", b"GCC: (GNU) 12.2\0") }),
        ),
        case(
            Rule::NoStackCanary,
            || of(&section(".comment", b"clang version 17\0")),
            || of(&section(".comment", b"GCC: (GNU) 12.2\0rustc version 1.95.0\0")),
        ),
        case(Rule::DebugInfo, || of(&section(".debug_info", &[0; 5000])), || of(&section(".debug_info", &[0; 100]))),
        case(
            Rule::BuildPaths,
            || of(&SampleProgram { behind: word("c.niam/crs/ecila/emoh/"), ..good() }),
            || of(&SampleProgram { behind: word("ecila/emoh/"), ..good() }),
        ),
        case(
            Rule::PackedBinary,
            || {
                let mut bytes = good().bytes();
                let at = bytes.len().min(900);
                let mark: Vec<u8> = "!XPU".bytes().rev().collect();
                bytes.splice(at..at, mark);
                clean().layer([SampleFile::new("usr/bin/server", &bytes).mode(0o555)]).audit()
            },
            || of(&good()),
        ),
    ]
}
