//! A compile with cgo: the C compiler, and a static program.

use std::{
    env::consts::ARCH,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::super::{Toolchain, bench::Bench, child::Ended, environment::Environment};
use crate::{
    oci::Platform,
    recipe::{GoBinary, Located},
    report::{Failure, printable},
};

/// Go's own packages in Go alone: those in C would ask the C library, which in a static program looks for the shared
/// libraries of the machine that linked it.
pub(super) const TAGS: [&str; 2] = ["osusergo", "netgo"];

/// The architectures, the beginning of the names that Debian gives to its compilers for them, and what Rust calls them.
const ARCHITECTURES: [(&str, &str, &str); 8] = [
    ("386", "i686-linux-gnu", "x86"),
    ("amd64", "x86_64-linux-gnu", "x86_64"),
    ("arm64", "aarch64-linux-gnu", "aarch64"),
    ("loong64", "loongarch64-linux-gnu", "loongarch64"),
    ("mips64le", "mips64el-linux-gnuabi64", "mips64"),
    ("ppc64le", "powerpc64le-linux-gnu", "powerpc64"),
    ("riscv64", "riscv64-linux-gnu", "riscv64"),
    ("s390x", "s390x-linux-gnu", "s390x"),
];

/// Adds what makes a compile one with cgo. What the recipe says of `CGO_CFLAGS` and its siblings stays.
pub(super) fn add(
    environment: &mut Environment,
    toolchain: &Toolchain<'_>,
    binary: &GoBinary,
    dir: &Path,
    platform: &Platform,
    bench: &Bench,
) -> Result<(), Failure> {
    // gcc and clang take the first `=` of a prefix map for its middle.
    if toolchain.checkout.as_os_str().as_encoded_bytes().contains(&b'=') {
        let failure =
            Failure::new("the path of this checkout has a `=`, by which C compilers would write it into the program");
        return Err(failure.in_path(toolchain.checkout).hint("move the checkout to a path without one"));
    }
    let cc = c_compiler(toolchain, binary.cc.as_ref(), dir, platform)?;
    environment.insert("CGO_ENABLED".into(), "1".into());
    environment.insert("CC".into(), quoted(&cc)?);
    environment.insert("CXX".into(), quoted(&sibling(&cc, "g++", "clang++", "c++"))?);
    environment.insert("FC".into(), quoted(&sibling(&cc, "gfortran", "flang", "gfortran"))?);
    // What `pkg-config` finds on this machine is on no other one by the same name.
    let nowhere = bench.home().join("pkg-config");
    fs::create_dir_all(&nowhere).map_err(|error| Failure::io("make the folder", &nowhere, &error))?;
    environment.entry("PKG_CONFIG_LIBDIR".into()).or_insert_with(|| nowhere.into());
    environment.entry("PKG_CONFIG_PATH".into()).or_default();
    // Named although they are Go's defaults.
    for name in ["CGO_CFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "CGO_LDFLAGS"] {
        environment.entry(name.into()).or_insert_with(|| "-g -O2".into());
    }
    environment.entry("CGO_CPPFLAGS".into()).or_default();
    Ok(())
}

/// The flags of the linker, which the C compiler calls. A program that may be anywhere needs another flag.
pub(super) fn linker(flags: &[Located<String>]) -> &'static str {
    let mut words = flags.iter().map(|flag| flag.value.trim_start_matches('-'));
    let is_pie = words.clone().any(|flag| flag == "buildmode=pie") || {
        words.by_ref().any(|flag| flag == "buildmode") && words.next() == Some("pie")
    };
    if is_pie { "-linkmode external -extldflags=-static-pie" } else { "-linkmode external -extldflags=-static" }
}

/// The C compiler for a platform: the recipe's `cc`, the machine's own for its own architecture, else the one that
/// Debian's cross compilers are called by.
pub(in super::super) fn c_compiler(
    toolchain: &Toolchain<'_>,
    named: Option<&Located<String>>,
    dir: &Path,
    platform: &Platform,
) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        let found = if named.value.contains('/') {
            fs::canonicalize(dir.join(&named.value)).ok().filter(|path| path.is_file())
        } else {
            toolchain.program(&named.value)
        };
        let failure = || {
            let place = if named.value.contains('/') { "there is no such file" } else { "it is not in `PATH`" };
            let what = format!("the C compiler `{}`: {place}", printable(&named.value));
            Failure::new(what).at(&named.origin).hint("install it, or leave `cc` out for the one of this machine")
        };
        return found.ok_or_else(failure);
    }
    let (name, own) = match (platform.architecture, platform.variant) {
        ("arm", Some("v6")) => ("arm-linux-gnueabi", false),
        ("arm", _) => ("arm-linux-gnueabihf", false),
        (architecture, _) => {
            let known = ARCHITECTURES.iter().find(|(known, _, _)| *known == architecture);
            known.map_or(("", false), |(_, name, rust)| (*name, *rust == ARCH))
        }
    };
    let cross = format!("{name}-gcc");
    let candidates: &[&str] = if own { &["cc", "gcc", "clang"] } else { &[&cross] };
    candidates.iter().find_map(|name| toolchain.program(name)).ok_or_else(|| {
        let tried: Vec<_> = candidates.iter().map(|name| format!("`{name}`")).collect();
        let what =
            format!("`cgo = true` needs a C compiler for {platform}, and {} is not in `PATH`", tried.join(" or "));
        let package = if own { "gcc libc6-dev".to_owned() } else { format!("gcc-{}", name.replace('_', "-")) };
        Failure::new(what).hint(format!("`apt install {package}` on Debian and Ubuntu, or name one by `cc = \"...\"`"))
    })
}

/// The compiler for another language that belongs to the C compiler `cc`.
fn sibling(cc: &Path, gcc: &str, clang: &str, plain: &str) -> PathBuf {
    let name = cc.file_name().unwrap_or_default().to_string_lossy();
    let other = if name.contains("clang") {
        name.replacen("clang", clang, 1)
    } else if name.contains("gcc") {
        name.replacen("gcc", gcc, 1)
    } else {
        name.strip_suffix("cc").map_or_else(|| plain.to_owned(), |start| format!("{start}{plain}"))
    };
    cc.with_file_name(other)
}

/// A path as Go reads it from `CC`: it splits at white space, outside of quotes.
fn quoted(path: &Path) -> Result<OsString, Failure> {
    let text = path.to_str().filter(|text| !text.contains(['\'', '"']));
    let text = text.ok_or_else(|| Failure::new("Go cannot call a C compiler by this path").in_path(path))?;
    Ok(if text.contains(char::is_whitespace) { format!("'{text}'").into() } else { text.into() })
}

/// The failure of a compile with cgo, with what to do where the C side is to blame.
pub(super) fn explain(ended: &Ended, failure: Failure) -> Failure {
    if ended.complains("pkg-config") {
        return failure.hint(
            "`pkg-config` finds nothing of this machine here; have the C sources in the module, or flags in `#cgo`",
        );
    }
    if ended.complains("cannot find -l") {
        return failure.hint("the program is linked statically: the library is needed as an archive, `lib....a`");
    }
    if ended.complains("fatal error: ") && ended.complains("No such file or directory") {
        return failure
            .hint("the C compiler does not find a header: on Debian headers are in packages that end with `-dev`");
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_languages_have_the_compiler_beside_the_one_for_c() {
        for (cc, cxx) in [
            ("/usr/bin/cc", "/usr/bin/c++"),
            ("/usr/bin/gcc-12", "/usr/bin/g++-12"),
            ("/usr/bin/aarch64-linux-gnu-gcc", "/usr/bin/aarch64-linux-gnu-g++"),
            ("/opt/clang-18", "/opt/clang++-18"),
            ("/x/musl-gcc", "/x/musl-g++"),
            ("/x/zig-cc", "/x/zig-c++"),
            ("/x/tcc", "/x/tc++"),
        ] {
            assert_eq!(sibling(Path::new(cc), "g++", "clang++", "c++"), Path::new(cxx));
        }
    }
}
