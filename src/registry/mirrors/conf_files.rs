//! Finds and reads `registries.conf` and its drop-ins, where podman looks for them.

use std::path::{Path, PathBuf};

use super::registries_conf::{self, RegistriesConf};
use crate::{
    registry::{Access, config_files},
    report::{ErrorName, Failure, Limits, printable},
};

/// The variables that name the file, podman's first.
const VARIABLES: [&str; 2] = ["CONTAINERS_REGISTRIES_CONF", "REGISTRIES_CONFIG_PATH"];
/// The file of the machine.
const SYSTEM: &str = "/etc/containers/registries.conf";
/// Below the user's home.
const USER: &str = ".config/containers/registries.conf";

/// What the files say together: a table of a later file replaces the one with the same prefix.
///
/// # Errors
/// A file that cannot be read, or that a variable names and that is not there; what [`registries_conf::parse`] says.
pub(super) fn read(access: &Access) -> Result<RegistriesConf, Failure> {
    let mut all = RegistriesConf::default();
    for path in files(access)? {
        let Some(text) = read_text(&path)? else { continue };
        let conf = registries_conf::parse(&path.to_string_lossy(), &text)?;
        for table in conf.tables {
            all.tables.retain(|known| known.prefix != table.prefix);
            all.tables.push(table);
        }
        all.unknown.extend(conf.unknown);
    }
    Ok(all)
}

/// The file that a variable names, else the user's, else the machine's, and then the drop-ins: the machine's, which do not count where
/// the user has a file, and the user's. Each folder is sorted.
fn files(access: &Access) -> Result<Vec<PathBuf>, Failure> {
    let user = access.home.as_ref().map(|home| home.join(USER));
    let named = VARIABLES.iter().find_map(|variable| Some((*variable, access.path(variable)?)));
    let own = user.clone().filter(|path| named.is_none() && path.exists());
    let has_own = own.is_some();
    let file = match named {
        Some((variable, path)) if !path.exists() => {
            let what =
                format!("the file that `{variable}` names does not exist: `{}`", printable(&path.to_string_lossy()));
            return Err(Failure::error(ErrorName::RegistriesConf, what));
        }
        Some((_, path)) => path,
        None => own.unwrap_or_else(|| PathBuf::from(SYSTEM)),
    };
    let system = (!has_own).then(|| Path::new(SYSTEM).with_extension("conf.d"));
    let mut files = vec![file];
    for folder in system.into_iter().chain(user.map(|path| path.with_extension("conf.d"))) {
        files.extend(drop_ins(&folder)?);
    }
    Ok(files)
}

/// The files of a folder whose names end with `.conf`, sorted.
fn drop_ins(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for path in config_files::entries(folder)? {
        let path = path?;
        if path.extension().is_some_and(|end| end == "conf") && path.is_file() {
            paths.push(path);
        }
        if paths.len() > Limits::REGISTRIES_CONF_FILES {
            let what = format!("holds more than {} files", Limits::REGISTRIES_CONF_FILES);
            return Err(Failure::error(ErrorName::RegistriesConf, what).in_path(folder));
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// The text of a configuration file; none where there is no file.
///
/// # Errors
/// It cannot be read, is larger than [`Limits::REGISTRIES_CONF_BYTES`], or is not UTF-8.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, Failure> {
    let wrong = |what: &str| Failure::error(ErrorName::RegistriesConf, what).in_path(path);
    let too_large = || wrong("the file is larger than 1 MiB");
    let bytes = config_files::bytes(path, "read the configuration", Limits::REGISTRIES_CONF_BYTES, too_large)?;
    let text = |bytes| String::from_utf8(bytes).map_err(|_| wrong("the file is not UTF-8"));
    bytes.map(text).transpose()
}
