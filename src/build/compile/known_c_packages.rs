//! A table of well-known packages whose build dependencies do not show what they need. An entry that is wrong for some
//! version costs a refusal or a failed build script, never another program.

use super::c_packages::{CNeed, CProgram};

/// The needs of a well-known package.
#[derive(Debug, Clone, Copy)]
pub(super) enum CPackageNeeds {
    /// It compiles C for other systems only.
    NoC,
    /// It always needs these.
    Needs(&'static [CNeed]),
    /// It compiles C++ unless one of these features is on.
    CxxWithout(&'static [&'static str]),
    /// It takes the system's library unless one of these features compiles its own; and the name that is in every
    /// variable that says where the library is.
    SystemWithout(&'static [&'static str], &'static str),
    /// It compiles its own library unless one of these features takes the system's.
    SystemWith(&'static [&'static str]),
    /// It compiles C++.
    Cxx,
    /// blake3 chooses by processor and features.
    Blake3,
}

/// The entry of a package.
pub(super) fn known_needs(name: &str) -> Option<CPackageNeeds> {
    use CProgram::{Cmake, Go, Libclang, Make};
    Some(match name {
        // C for Windows only (stacker 0.1.25), Android (backtrace 0.3.60), DragonFly (errno-dragonfly 0.1.2), Haiku.
        "stacker" | "backtrace" | "errno-dragonfly" | "iana-time-zone-haiku" => CPackageNeeds::NoC,
        "blake3" => CPackageNeeds::Blake3,
        // 1.0.12: a dummy in C++ finds out which library it is, unless a feature says so.
        "link-cplusplus" => CPackageNeeds::CxxWithout(&["nothing"]),
        // 0.47: `cc` compiles it; cmake is for what a variable asks for.
        "aws-lc-sys" => CPackageNeeds::Needs(&[CNeed::C]),
        "aws-lc-fips-sys" => CPackageNeeds::Needs(&[
            CNeed::C,
            CNeed::Cxx,
            CNeed::Program(Cmake),
            CNeed::Program(Go),
            CNeed::Program(Libclang),
        ]),
        // They start `configure` and `make` (0.6.1).
        "tikv-jemalloc-sys" | "jemalloc-sys" => CPackageNeeds::Needs(&[CNeed::C, CNeed::Program(Make)]),
        // 4.10: `configure` and `make`, with pkg-config for the other way alone.
        "rdkafka-sys" => CPackageNeeds::SystemWith(&["dynamic-linking", "dynamic_linking"]),
        // 2.1: pkg-config is for this feature alone.
        "zstd-sys" => CPackageNeeds::SystemWith(&["pkg-config"]),
        "openssl-sys" => CPackageNeeds::SystemWithout(&["vendored"], "OPENSSL"),
        "libsqlite3-sys" => CPackageNeeds::SystemWithout(&["bundled", "bundled-sqlcipher"], "SQL"),
        "pq-sys" => CPackageNeeds::SystemWithout(&["bundled"], "PQ"),
        "mysqlclient-sys" => CPackageNeeds::SystemWithout(&["bundled"], "MYSQLCLIENT"),
        "libdbus-sys" => CPackageNeeds::SystemWithout(&["vendored"], "DBUS"),
        "libusb1-sys" => CPackageNeeds::SystemWithout(&["vendored"], "LIBUSB"),
        "sasl2-sys" => CPackageNeeds::SystemWithout(&["vendored"], "SASL2"),
        "mlua-sys" => CPackageNeeds::SystemWithout(&["vendored"], "LUA"),
        // `boring-sys2` and `btls-sys` are copies of `boring-sys`.
        "cxx" | "librocksdb-sys" | "protobuf-src" | "snmalloc-sys" | "grpcio-sys" | "libduckdb-sys" | "boring-sys"
        | "boring-sys2" | "btls-sys" => CPackageNeeds::Cxx,
        _ => return None,
    })
}
