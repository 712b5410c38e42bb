//! `zig cc` as a C and C++ compiler for every musl target, wrapped in scripts that build scripts can call.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{
    c_compiler::{CCompiler, ProgramLookup, with_argument},
    shell_script::{quoted, write_script},
};
use crate::report::Failure;

/// How Python says where the program of the package `ziglang` is.
const LOCATE: &str = "import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))";

/// Scripts that take a compiler's arguments and nothing else, as `CC`, `CXX` and `AR` have to.
#[derive(Debug)]
pub(super) struct ZigWrappers {
    pub(super) cc: PathBuf,
    pub(super) cxx: PathBuf,
    pub(super) ar: PathBuf,
}

/// Whether a recipe's `cc` means zig.
pub(super) fn names_zig(program: &str) -> bool {
    matches!(program.rsplit('/').next(), Some("zig" | "python-zig"))
}

/// zig for `target`: from `PATH`, or from the Python package `ziglang`.
pub(super) fn find_zig(target: &str, programs: &ProgramLookup<'_>) -> Option<CCompiler> {
    let name = triple(target)?;
    let in_path = || ["zig", "python-zig"].into_iter().filter_map(|name| (programs.find)(name));
    let of_python = || {
        let python = (programs.find)("python3")?;
        let said = (programs.ask)(&[python.into_os_string(), "-c".into(), LOCATE.into()])?;
        Some(PathBuf::from(said.trim())).filter(|path| path.is_absolute())
    };
    let of = |program: PathBuf| {
        let program = vec![program.into_os_string()];
        let version = (programs.ask)(&with_argument(&program, "version"))?;
        let of = |language: &str| with_argument(&with_argument(&with_argument(&program, language), "-target"), &name);
        let version = format!("zig {}", version.lines().next()?.trim());
        Some(CCompiler { command: of("cc"), cxx: Some(of("c++")), version, is_zig: true })
    };
    in_path().find_map(of).or_else(|| of(of_python()?))
}

/// The name that zig has for a musl target.
fn triple(target: &str) -> Option<String> {
    let (architecture, rest) = target.split_once('-')?;
    let library = rest.rsplit('-').next().filter(|library| library.starts_with("musl"))?;
    let architecture = match architecture {
        "i586" | "i686" => "x86",
        "riscv64gc" => "riscv64",
        name if name.starts_with("arm") || name.starts_with("thumb") => "arm",
        name => name,
    };
    Some(format!("{architecture}-linux-{library}"))
}

impl ZigWrappers {
    /// Writes the scripts for `compiler`, which is zig for `target`, into `folder`.
    pub(super) fn write(folder: &Path, compiler: &CCompiler, target: &str) -> Result<Self, Failure> {
        let program = compiler.command.first().cloned().unwrap_or_default();
        let cxx = compiler.cxx.as_deref().unwrap_or_default();
        Ok(Self {
            cc: write_script(folder, "zig-cc", &compiler_script(&compiler.command, target)?)?,
            cxx: write_script(folder, "zig-c++", &compiler_script(cxx, target)?)?,
            ar: write_script(
                folder,
                "zig-ar",
                &format!("#!/bin/sh\nexec {} \"$@\"\n", quoted(&[program, "ar".into()])?),
            )?,
        })
    }
}

/// The script for C or C++.
///
/// The `cc` crate names Rust's triple, which zig does not take; a target is there already. Without `-fno-sanitize` zig
/// adds calls of a library that is not linked, where a build script does not ask for an optimised program.
fn compiler_script(command: &[OsString], target: &str) -> Result<String, Failure> {
    let mut command = quoted(command)?;
    if let Some(processor) = processor(target) {
        command = format!("{command} -mcpu={processor}");
    }
    let architectures = architectures(target);
    Ok(format!(
        r#"#!/bin/sh
for argument do
  shift
  case $argument in
    --target=*) ;;
{architectures}    *) set -- "$@" "$argument" ;;
  esac
done
exec {command} -fno-sanitize=undefined "$@"
"#
    ))
}

/// The processor of Rust's 32-bit ARM targets: zig has one target name for several of them.
fn processor(target: &str) -> Option<&'static str> {
    let is_hard = target.ends_with("hf");
    Some(match target.split('-').next().unwrap_or_default() {
        "armv5te" => "generic+v5te+soft_float+strict_align",
        "armv7" | "thumbv7neon" if is_hard => "generic+v7a+vfp3d16",
        "armv7" => "generic+v7a+soft_float",
        "arm" if is_hard => "generic+v6+vfp2+strict_align",
        "arm" => "generic+v6+soft_float+strict_align",
        _ => return None,
    })
}

/// The lines for `-march`, with which the `cc` crate and build scripts name an architecture. To zig it is the name of a
/// processor: what the target says is left out, and extensions are said in zig's way.
fn architectures(target: &str) -> &'static str {
    match target.split('-').next().unwrap_or_default() {
        "aarch64" => {
            concat!("    -march=*+*) set -- \"$@\" \"-mcpu=generic+${argument#*+}\" ;;\n", "    -march=*) ;;\n")
        }
        "x86_64" => concat!(
            "    -march=x86-64) ;;\n",
            "    -march=x86-64-v*) set -- \"$@\" \"-march=x86_64_v${argument##*-v}\" ;;\n"
        ),
        "i586" | "i686" => "",
        _ => "    -march=*) ;;\n",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::Command;

    use super::*;

    #[test]
    fn targets_have_the_names_that_zig_knows() {
        for (target, expected) in [
            ("x86_64-unknown-linux-musl", Some("x86_64-linux-musl")),
            ("aarch64-unknown-linux-musl", Some("aarch64-linux-musl")),
            ("armv7-unknown-linux-musleabihf", Some("arm-linux-musleabihf")),
            ("i686-unknown-linux-musl", Some("x86-linux-musl")),
            ("riscv64gc-unknown-linux-musl", Some("riscv64-linux-musl")),
            ("mips64el-unknown-linux-muslabi64", Some("mips64el-linux-muslabi64")),
            ("x86_64-unknown-linux-gnu", None),
        ] {
            assert_eq!(triple(target).as_deref(), expected, "{target}");
        }
    }

    #[test]
    fn a_wrapper_passes_every_argument_but_rusts_triple() {
        let folder = tempfile::tempdir().unwrap();
        let shown = |word: &str| OsString::from(word);
        let echo = vec![shown("/usr/bin/printf"), shown("<%s>"), shown("it's")];
        let compiler =
            CCompiler { command: echo.clone(), cxx: Some(echo), version: "zig 0.13.0".to_owned(), is_zig: true };
        let said = |script: &Path, arguments: &[&str]| {
            String::from_utf8(Command::new(script).args(arguments).output().unwrap().stdout).unwrap()
        };
        let musl = "x86_64-unknown-linux-musl";
        let wrappers = ZigWrappers::write(folder.path(), &compiler, musl).unwrap();
        let arguments = ["-c", "a b.c", "--target=x86_64-unknown-linux-musl", "", "-o", "*"];
        for script in [&wrappers.cc, &wrappers.cxx] {
            assert_eq!(said(script, &arguments), "<it's><-fno-sanitize=undefined><-c><a b.c><><-o><*>");
        }
        assert_eq!(said(&wrappers.ar, &["%s|", "x"]), "ar");
        for (target, argument, expected) in [
            (musl, "-march=x86-64", ""),
            (musl, "-march=x86-64-v3", "<-march=x86_64_v3>"),
            (musl, "-march=haswell", "<-march=haswell>"),
            ("i686-unknown-linux-musl", "-march=i686", "<-march=i686>"),
            ("aarch64-unknown-linux-musl", "-march=armv8-a", ""),
            ("aarch64-unknown-linux-musl", "-march=armv8-a+crc+crypto", "<-mcpu=generic+crc+crypto>"),
            ("riscv64gc-unknown-linux-musl", "-march=rv64gc", ""),
        ] {
            let wrappers = ZigWrappers::write(folder.path(), &compiler, target).unwrap();
            let expected = format!("<it's><-fno-sanitize=undefined>{expected}");
            assert_eq!(said(&wrappers.cc, &[argument]), expected, "{target}");
        }
        let wrappers = ZigWrappers::write(folder.path(), &compiler, "armv7-unknown-linux-musleabihf").unwrap();
        let expected = "<it's><-mcpu=generic+v7a+vfp3d16><-fno-sanitize=undefined><-marm>";
        assert_eq!(said(&wrappers.cc, &["-march=armv7-a", "-marm"]), expected);
    }
}
