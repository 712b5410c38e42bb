//! [`CredentialPlace`]: a file or variable that may hold credentials, and the order in which hardpan looks for one in it.

use std::{
    borrow::Cow,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{
    credential::Credential,
    credential_helper::CredentialHelper,
    credentials_file::{self, CredentialsFile, NamedHelper},
};
use crate::{
    registry::Access,
    report::{ErrorName, Failure},
};

/// GitLab's variable, which docker reads as well: the text of a `config.json`.
pub(super) const AUTH_VARIABLE: &str = "DOCKER_AUTH_CONFIG";
/// The variable that names the one file of podman, skopeo and buildah.
const FILE_VARIABLE: &str = "REGISTRY_AUTH_FILE";

/// Whose rules a file is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CredentialRules {
    /// `credHelpers` of the host, else `credsStore`; `auths` where there is neither, and where the helper says that it has no
    /// credentials. Of the last docker itself does not ask `auths`.
    Docker,
    /// `credHelpers` of the host, alone in its file; else `auths`, and last `credsStore`, which podman itself does not read.
    Podman,
}

/// Where credentials may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CredentialPlace {
    /// The text of [`AUTH_VARIABLE`].
    Variable,
    /// A file.
    File {
        /// Which.
        path: PathBuf,
        /// Whose.
        rules: CredentialRules,
    },
}

impl CredentialPlace {
    /// All places, in the order of the look-up: the file that `REGISTRY_AUTH_FILE` names, in place of all other files; the variable
    /// `DOCKER_AUTH_CONFIG`; podman's `auth.json` of this session and of this user; docker's `config.json`.
    pub(super) fn all(access: &Access) -> Vec<Self> {
        let podman = |path| Self::File { path, rules: CredentialRules::Podman };
        let variable = access.variable(AUTH_VARIABLE).map(|_| Self::Variable);
        if let Some(only) = access.path(FILE_VARIABLE) {
            return [podman(only)].into_iter().chain(variable).collect();
        }
        let session = access.path("XDG_RUNTIME_DIR").map_or_else(
            || PathBuf::from(format!("/run/containers/{}", rustix::process::getuid().as_raw())),
            |folder| folder.join("containers"),
        );
        let config = access.path("XDG_CONFIG_HOME").or_else(|| access.home.as_ref().map(|home| home.join(".config")));
        let mut places: Vec<Self> = variable.into_iter().collect();
        places.push(podman(session.join("auth.json")));
        places.extend(config.map(|folder| podman(folder.join("containers/auth.json"))));
        places.extend(Self::docker(access));
        places
    }

    /// docker's `config.json`.
    pub(super) fn docker(access: &Access) -> Option<Self> {
        let folder = access.path("DOCKER_CONFIG").or_else(|| access.home.as_ref().map(|home| home.join(".docker")));
        folder.map(|folder| Self::File { path: folder.join("config.json"), rules: CredentialRules::Docker })
    }

    /// What it is called in messages.
    pub(super) fn shown(&self) -> Cow<'_, Path> {
        match self {
            Self::Variable => Cow::Borrowed(Path::new(AUTH_VARIABLE)),
            Self::File { path, .. } => Cow::Borrowed(path),
        }
    }

    /// Whose rules it is read by.
    pub(super) const fn rules(&self) -> CredentialRules {
        match self {
            Self::Variable => CredentialRules::Docker,
            Self::File { rules, .. } => *rules,
        }
    }

    /// What is there, if anything is.
    ///
    /// # Errors
    /// It cannot be read, or is no file of credentials.
    pub(super) fn read(&self, access: &Access) -> Result<Option<CredentialsFile>, Failure> {
        let bytes = match self {
            Self::Variable => access.variable(AUTH_VARIABLE).map(|text| text.as_bytes().to_vec()),
            Self::File { path, .. } => credentials_file::read_bytes(path)?,
        };
        let parsed = bytes.map(|bytes| CredentialsFile::parse(&bytes)).transpose();
        parsed.map_err(|failure| failure.in_path(self.shown()))
    }

    /// The credential for `repository` at `host`.
    ///
    /// # Errors
    /// It cannot be read; a helper that is named there fails, and does not say that it has no credentials.
    pub(super) fn look_up(&self, access: &Access, host: &str, repository: &str) -> Result<Option<Credential>, Failure> {
        let Some(file) = self.read(access)? else { return Ok(None) };
        let ask = |helper: NamedHelper<'_>| {
            let found = CredentialHelper::find(helper.name, access).and_then(|found| found.ask(host, helper.key));
            found.map_err(|failure| failure.or_in_path(self.shown()))
        };
        let written = || {
            let found = file.written(host, repository);
            found.map_err(|what| Failure::error(ErrorName::Credentials, what).in_path(self.shown()))
        };
        let own = file.helper(host);
        match self.rules() {
            CredentialRules::Docker => {
                // A host whose helper is `""` has none, not even the one of all hosts.
                let helper = own.or_else(|| file.store()).filter(|helper| !helper.name.is_empty());
                match helper.map(ask).transpose()?.flatten() {
                    Some(found) => Ok(Some(found)),
                    None => written(),
                }
            }
            CredentialRules::Podman => {
                if let Some(helper) = own.filter(|helper| !helper.name.is_empty()) {
                    return ask(helper);
                }
                match written()? {
                    Some(found) => Ok(Some(found)),
                    None => Ok(file.store().map(ask).transpose()?.flatten()),
                }
            }
        }
    }
}
