//! Cases of programs and libraries: ELF, and whether the entrypoint is for the machine.

use super::*;

fn of(program: &Program) -> Audit {
    server(program).audit()
}

fn good() -> Program {
    Program::default()
}

fn word(backwards: &str) -> Vec<u8> {
    [&[0][..], &backwards.bytes().rev().collect::<Vec<_>>(), &[0]].concat()
}

fn section(name: &'static str, bytes: &[u8]) -> Program {
    Program { sections: vec![(".dep-v0", vec![0; 4]), (name, bytes.to_vec())], ..good() }
}

/// A program that needs a loader and a library, with these files more.
fn dynamic(more: &[&str]) -> Audit {
    let program = Program { loader: Some("/usr/lib/ld.so"), needed: vec!["libx.so.1"], ..good() };
    let library = |path: &&str| File::new(path, &good().bytes()).mode(0o555);
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
        case(Rule::NotPie, || of(&Program { fixed: true, ..good() }), || of(&good())),
        case(Rule::ExecutableStack, || of(&Program { stack: 7, ..good() }), || of(&Program { stack: 6, ..good() })),
        case(Rule::ExecutableStack, || of(&Program { stack: 0, ..good() }), || of(&Program { stack: 4, ..good() })),
        case(Rule::ExecutableStack, || of(&Program { code: 7, ..good() }), || of(&Program { code: 5, ..good() })),
        case(Rule::NoRelro, || of(&Program { relro: false, ..good() }), || of(&good())),
        case(
            Rule::LibraryPath,
            || of(&Program { runpath: Some("lib"), ..good() }),
            || of(&Program { runpath: Some("$ORIGIN/../lib"), ..good() }),
        ),
        case(
            Rule::LibraryPath,
            || of(&Program { runpath: Some("/tmp"), ..good() }),
            || of(&Program { runpath: Some("/usr/lib"), ..good() }),
        ),
        case(Rule::NoDependencyData, || of(&Program { sections: Vec::new(), ..good() }), || of(&good())),
        case(
            Rule::WrongArchitecture,
            || of(&Program { machine: 183, ..good() }),
            || server(&Program { machine: 183, ..good() }).document("architecture", json!("arm64")).audit(),
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
                let program = Program { behind: word("shtap_yfirev_tluafed_tes_XTC_LSS"), ..good() };
                server(&program).layer([File::whiteout("etc/ssl/certs/ca-certificates.crt")]).audit()
            },
            || of(&Program { behind: word("shtap_yfirev_tluafed_tes_XTC_LSS"), ..good() }),
        ),
        case(
            Rule::NoStackCanary,
            || of(&section(".comment", b"GCC: (GNU) 12.2\0")),
            || of(&Program { behind: word("liaf_khc_kcats__"), ..section(".comment", b"GCC: (GNU) 12.2\0") }),
        ),
        case(
            Rule::NoStackCanary,
            || of(&section(".comment", b"clang version 17\0")),
            || of(&section(".comment", b"GCC: (GNU) 12.2\0rustc version 1.95.0\0")),
        ),
        case(Rule::DebugInfo, || of(&section(".debug_info", &[0; 5000])), || of(&section(".debug_info", &[0; 100]))),
        case(
            Rule::BuildPaths,
            || of(&Program { behind: word("c.niam/crs/ecila/emoh/"), ..good() }),
            || of(&Program { behind: word("ecila/emoh/"), ..good() }),
        ),
        case(
            Rule::PackedBinary,
            || {
                let mut bytes = good().bytes();
                let at = bytes.len().min(900);
                let mark: Vec<u8> = "!XPU".bytes().rev().collect();
                bytes.splice(at..at, mark);
                clean().layer([File::new("usr/bin/server", &bytes).mode(0o555)]).audit()
            },
            || of(&good()),
        ),
    ]
}
