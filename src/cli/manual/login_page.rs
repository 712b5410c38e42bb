//! The help of `hardpan login` and `hardpan logout` around their options.

use super::verb_page::VerbPage;

/// The page of `login`.
pub(super) const LOGIN: VerbPage = VerbPage {
    about: "\
Logs in to a registry: lets it look at the user name and the password, and keeps them where hardpan, docker, podman, skopeo and \
crane find them.

The password is typed at a terminal, or comes from standard input with --password-stdin. There is no option for it: other \
processes could read it. A registry that does not accept the login leaves everything as it was.

A login replaces the one that the host has. A host without one gets it in the file that REGISTRY_AUTH_FILE names, else in docker's \
config.json. Where the file names a credential helper for the host (`credHelpers`, `credsStore`), the helper keeps the login; \
otherwise the file does, unencrypted, readable by the user alone.

A login is looked for in this order; the first place that has one for the host counts:

  1. --username and --password-stdin of the verb
  2. the file that REGISTRY_AUTH_FILE names, in place of the files of 4 and 5
  3. DOCKER_AUTH_CONFIG, the text of a config.json
  4. podman's auth.json: of the session ($XDG_RUNTIME_DIR/containers, else /run/containers/UID), then of the user \
($XDG_CONFIG_HOME/containers, else ~/.config/containers)
  5. docker's config.json ($DOCKER_CONFIG, else ~/.docker)

In the files of 2 and 4 podman's rules hold: a helper in `credHelpers` for the host, else `auths`, whose keys may go into \
repositories; `credsStore` comes last. In those of 3 and 5 docker's do: a helper in `credHelpers` for the host, else `credsStore`, \
and `auths` where there is neither, or where the helper says that it has no credentials. A helper that fails in another way is an \
error. Keys may be written as docker does, as in `https://index.docker.io/v1/`.",
    examples: &[
        ("hardpan login registry.example.com", "asks for name and password"),
        ("hardpan login registry.example.com --username ci --password-stdin < password", "in a pipeline"),
    ],
    end: super::pages::EXIT,
};

/// The page of `logout`.
pub(super) const LOGOUT: VerbPage = VerbPage {
    about: "\
Takes the login for a registry out of every file and credential helper in which hardpan would find it: `hardpan help login` has \
them. What DOCKER_AUTH_CONFIG holds stays, and is said.",
    examples: &[("hardpan logout registry.example.com", "on this machine")],
    end: super::pages::EXIT,
};
