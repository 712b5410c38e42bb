//! Says which files are settings that rules read: of tools that fetch and install, of logins, and of the distribution.

use super::name;

/// Files by their paths.
const PATHS: [&str; 16] = [
    "/etc/apt/apt.conf",
    "/etc/apt/sources.list",
    "/etc/curlrc",
    "/etc/dnf/dnf.conf",
    "/etc/doas.conf",
    "/etc/gitconfig",
    "/etc/npmrc",
    "/etc/ssh/sshd_config",
    "/etc/sudoers",
    "/etc/wgetrc",
    "/etc/yum.conf",
    "/usr/etc/npmrc",
    "/usr/etc/sudoers",
    "/usr/local/etc/doas.conf",
    "/usr/local/etc/npmrc",
    "/usr/local/etc/wgetrc",
];

/// Folders of which every file is one.
const FOLDERS: [&str; 7] = [
    "/etc/apt/apt.conf.d/",
    "/etc/apt/sources.list.d/",
    "/etc/doas.d/",
    "/etc/ssh/sshd_config.d/",
    "/etc/sudoers.d/",
    "/etc/yum.repos.d/",
    "/etc/zypp/repos.d/",
];

/// Names, wherever they lie: in the home of any user, and where the links of a distribution lead.
const NAMES: [&str; 9] =
    [".condarc", ".curlrc", ".gitconfig", ".npmrc", ".wgetrc", ".yarnrc", ".yarnrc.yml", "os-release", "pip.conf"];

/// Ends of paths below the home of any user.
const ENDS: [&str; 2] = ["/.config/curlrc", "/.config/git/config"];

/// Folders of packages: what they hold was a setting of whoever made the package.
const PACKAGES: [&str; 4] = ["/node_modules/", "/site-packages/", "/dist-packages/", "/gems/"];

/// Whether a path is that of a file with settings that rules read.
pub(crate) fn is_setting_file(path: &str) -> bool {
    let named = match path.as_bytes() {
        [b'/', b'e', b't', b'c', ..] | [b'/', b'u', b's', b'r', ..] => {
            PATHS.contains(&path) || FOLDERS.iter().any(|folder| path.starts_with(folder))
        }
        _ => false,
    };
    let file_name = name(path);
    let is_release = file_name.starts_with("os-release");
    let by_name = is_release || NAMES.contains(&file_name) || ENDS.iter().any(|end| path.ends_with(end));
    named || by_name && !PACKAGES.iter().any(|folder| path.contains(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_known_by_path_folder_and_name() {
        for path in [
            "/etc/sudoers",
            "/etc/sudoers.d/90-cloud",
            "/root/.curlrc",
            "/home/app/.config/git/config",
            "/usr/lib/os-release",
            "/usr/lib/os.release.d/os-release-fedora",
            "/opt/venv/pip.conf",
        ] {
            assert!(is_setting_file(path), "{path}");
        }
        for path in ["/etc/sudoersx", "/x/etc/sudoers", "/app/node_modules/x/.npmrc", "/app/git/config", "/", ""] {
            assert!(!is_setting_file(path), "{path}");
        }
    }
}
