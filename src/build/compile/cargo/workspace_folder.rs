//! Opens the folder of the cache in which a workspace is compiled, and chooses the paths that the compile sees.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::{
        Toolchain, cargo_lock::CargoLock, child::Child, compile_folder::CompileFolder, environment::Environment,
        installed_rust::InstalledRust,
    },
    compile_paths::{CompilePaths, HostFolders},
    metadata,
};
use crate::report::{Failure, printable};

/// The folder with the workspace's `Cargo.toml`; refuses one outside of the checkout, and one without a lock.
pub(super) fn workspace_root(
    toolchain: &Toolchain<'_>,
    rust: &InstalledRust,
    dir: &Path,
    environment: &Environment,
) -> Result<PathBuf, Failure> {
    let arguments = ["locate-project", "--workspace", "--message-format=plain"];
    let ended = Child::new(&rust.cargo, dir, environment).args(arguments).run()?;
    let manifest = PathBuf::from(ended.text());
    match manifest.parent() {
        Some(root)
            if ended.status.success() && root.starts_with(toolchain.checkout) && root.join("Cargo.lock").is_file() =>
        {
            Ok(root.to_path_buf())
        }
        // `cargo metadata` reports what is wrong.
        _ => Ok(metadata(toolchain, &rust.cargo, dir, environment)?.1.workspace_root),
    }
}

/// The folder in the cache for a workspace, and the paths under which the compile sees its own.
pub(super) fn open_compile_folder(
    toolchain: &Toolchain<'_>,
    root: &Path,
    rust: &InstalledRust,
    cargo_home: &Path,
    enclose: bool,
) -> Result<(CompileFolder, CompilePaths), Failure> {
    let below = root.strip_prefix(toolchain.checkout).unwrap_or(root);
    let packages = CargoLock::read(&root.join("Cargo.lock"))?.own_packages().join(" ");
    let shared = [below.as_os_str().as_encoded_bytes(), packages.as_bytes(), rust.verbose.as_bytes()];
    let open = |place: &Path, enclose: bool| -> Result<(CompileFolder, CompilePaths, Option<String>), Failure> {
        let key: Vec<_> = shared.into_iter().chain([place.as_os_str().as_encoded_bytes()]).collect();
        let compile_folder = toolchain.compile_folder("cargo", &key)?;
        fs::create_dir_all(compile_folder.target())
            .map_err(|error| Failure::io("create the folder", compile_folder.target(), &error))?;
        let (target_dir, home, temporary) =
            (compile_folder.target(), compile_folder.home(), compile_folder.temporary());
        let folders = HostFolders {
            checkout: toolchain.checkout,
            target_dir: &target_dir,
            cargo_home,
            home: &home,
            temporary: &temporary,
        };
        let (paths, why) = CompilePaths::choose(toolchain.program, &folders, enclose);
        Ok((compile_folder, paths, why))
    };
    if enclose {
        let (compile_folder, paths, why) = open(Path::new(""), true)?;
        if paths.enclosure().is_some() {
            return Ok((compile_folder, paths));
        }
        if let Some(why) = why {
            toolchain.progress.detail(&format!("  the compile runs in place: {}", printable(&why)));
        }
    }
    let (compile_folder, paths, _) = open(toolchain.checkout, false)?;
    Ok((compile_folder, paths))
}
