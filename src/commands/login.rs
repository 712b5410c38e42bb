//! `hardpan login` and `hardpan logout`: a login is checked by its registry, and then kept where podman and docker look for it.

use crate::{
    registry::{self, Access, Login, LoginVerdict, RegistryHost},
    report::{Failure, Failures, Progress, printable},
};

/// Checks the login, and keeps it when the registry accepts it.
///
/// # Errors
/// The registry cannot be reached or does not accept the login: nothing is kept. There is no place for it, or it cannot be written.
pub fn login(host: &RegistryHost, login: &Login, access: &Access, progress: &dyn Progress) -> Result<(), Failures> {
    let verdict = registry::check_login(host, login, access)?;
    let stored = registry::store_login(host, login, access)?;
    let (name, user) = (printable(host.name()), printable(&login.username));
    if verdict == LoginVerdict::NotAsked {
        let what = format!("`{name}` lets everybody in and asked for no login, so that nobody has checked this one");
        progress.warn(&Failure::warning(what));
    }
    let how = if stored.place.helper.is_none() { ", unencrypted" } else { "" };
    progress.step(&format!("log in to {name} as {user}: kept in {}{how}", stored.place));
    if let Some(hidden_by) = stored.hidden_by {
        let hidden_by = hidden_by.to_string_lossy();
        let what = format!("`{}` has another login for `{name}`, which counts before this one", printable(&hidden_by));
        progress.warn(&Failure::warning(what).hint(format!("take it out of `{}`", printable(&hidden_by))));
    }
    Ok(())
}

/// Takes the login out of every place where it would be found.
///
/// # Errors
/// A file cannot be read or written; a credential helper fails.
pub fn logout(host: &RegistryHost, access: &Access, progress: &dyn Progress) -> Result<(), Failures> {
    let (removed, left) = registry::remove_login(host, access)?;
    let name = printable(host.name());
    for place in &removed {
        progress.step(&format!("log out of {name}: removed from {place}"));
    }
    if let Some(left) = left {
        let what = format!("`{}` still has a login for `{name}`", printable(&left.to_string_lossy()));
        progress.warn(&Failure::warning(what));
    } else if removed.is_empty() {
        progress.step(&format!("there is no login for {name}"));
    }
    Ok(())
}
