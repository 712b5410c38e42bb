//! What an image takes over from the config of its base. The resolver merges it below the settings of the recipe.
//!
//! | key | rule |
//! |---|---|
//! | `User` | the recipe's, 65532:65532 by default; the base's never counts |
//! | `Entrypoint`, `Cmd` | the recipe's; those of the base are for its own program |
//! | `Env` | the base's, and over it the recipe's, by name; sorted |
//! | `Labels` | the base's, and over them the recipe's, by key |
//! | `ExposedPorts`, `Volumes` | those of both |
//! | `WorkingDir`, `StopSignal` | the recipe's, else the base's; none where that says what runtimes do without them |
//! | `history` | the base's as it is, then a line for each layer of ours |
//! | health checks, `ONBUILD`, `Shell`, authors | left out: the specification does not have them, or they are about the base |
//!
//! Annotations of the base stay with the base. The manifest says what it is built on with
//! `org.opencontainers.image.base.name`, the reference without its digest, and `org.opencontainers.image.base.digest`, the
//! digest of what that reference names: the index, where it is one. A base on the disk has no name.

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::image::ImageConfiguration;

use crate::oci::{HistoryEntry, ImagePath, RunConfig};

/// What runtimes do where a config has no `WorkingDir` and no `StopSignal`. A recipe with these values gets the same config
/// as one without them: writing a default down changes no digest.
const DEFAULT_WORKDIR: &str = "/";
const DEFAULT_STOP_SIGNAL: &str = "SIGTERM";

/// The inherited settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::build) struct BaseConfig {
    pub(in crate::build) env: BTreeMap<String, String>,
    pub(in crate::build) labels: BTreeMap<String, String>,
    pub(in crate::build) ports: BTreeSet<String>,
    pub(in crate::build) volumes: BTreeSet<String>,
    pub(in crate::build) workdir: Option<String>,
    pub(in crate::build) stop_signal: Option<String>,
    pub(in crate::build) history: Vec<HistoryEntry>,
}

impl BaseConfig {
    /// Reads the config of a base with so many layers. `created` is for lines of history that it does not have.
    pub(super) fn from_image_config(config: &ImageConfiguration, layers: usize, created: &str) -> Self {
        let run = config.config().clone().unwrap_or_default();
        let env = run.env().iter().flatten().filter_map(|line| line.split_once('='));
        let env = env.filter(|(name, _)| !name.is_empty());
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Self {
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            labels: run.labels().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect(),
            ports: run.exposed_ports().iter().flatten().cloned().collect(),
            volumes: run.volumes().iter().flatten().cloned().collect(),
            // What is no clean absolute path is read differently by every runtime.
            workdir: filled(run.working_dir()).filter(|path| ImagePath::parse(path).is_ok()),
            stop_signal: filled(run.stop_signal()),
            history: history(config, layers, created),
        }
    }

    /// Puts the base's settings below those of the recipe, which `config` has.
    pub(in crate::build) fn merge_into(&self, config: &mut RunConfig) {
        let mut env = self.env.clone();
        env.extend(
            config.env.iter().filter_map(|line| line.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())),
        );
        config.env = env.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        for (key, value) in &self.labels {
            config.labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
        config.exposed_ports.extend(self.ports.iter().cloned());
        config.volumes.extend(self.volumes.iter().cloned());
        config.working_dir = prefer_recipe(config.working_dir.take(), self.workdir.as_ref(), DEFAULT_WORKDIR);
        config.stop_signal = prefer_recipe(config.stop_signal.take(), self.stop_signal.as_ref(), DEFAULT_STOP_SIGNAL);
    }
}

/// The recipe's value, else the base's. The default is written only where the base has a value.
fn prefer_recipe(own: Option<String>, base: Option<&String>, default: &str) -> Option<String> {
    match (own, base) {
        (Some(own), None) if own == default => None,
        (own, base) => own.or_else(|| base.cloned()),
    }
}

/// The history, with one line for each layer. Where the base has another number of lines they cannot be assigned to
/// layers, and plain lines replace them.
fn history(config: &ImageConfiguration, layers: usize, created: &str) -> Vec<HistoryEntry> {
    let text = |text: &Option<String>| text.clone();
    let own: Vec<HistoryEntry> = config
        .history()
        .iter()
        .flatten()
        .map(|line| HistoryEntry {
            created: text(line.created()),
            created_by: text(line.created_by()),
            author: text(line.author()),
            comment: text(line.comment()),
            empty_layer: line.empty_layer() == Some(true),
        })
        .collect();
    if own.iter().filter(|line| !line.empty_layer).count() == layers {
        return own;
    }
    let plain = HistoryEntry {
        created: Some(created.to_owned()),
        created_by: Some("hardpan: base".to_owned()),
        ..HistoryEntry::default()
    };
    vec![plain; layers]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(text: &str, layers: usize) -> BaseConfig {
        BaseConfig::from_image_config(&serde_json::from_str(text).unwrap(), layers, "1970-01-01T00:00:00Z")
    }

    const BASE: &str = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},
        "history":[{"created":"2020-02-02T02:02:02Z","created_by":"a"},{"created_by":"ENV","empty_layer":true}],
        "config":{"User":"root","Env":["PATH=/bin","A=base","nothing"],"Entrypoint":["/bin/sh"],"Cmd":["x"],
        "Labels":{"a":"base","b":"base"},"ExposedPorts":{"80/tcp":{}},"Volumes":{"/v":{}},"WorkingDir":"/w",
        "StopSignal":"SIGINT"}}"#;

    #[test]
    fn the_recipe_stands_above_the_base() {
        let base = read(BASE, 1);
        let mut config = RunConfig {
            user: "65532:65532".into(),
            env: vec!["A=own".into(), "Z=own".into()],
            entrypoint: vec!["/app".into()],
            labels: BTreeMap::from([("a".into(), "own".into())]),
            working_dir: Some("/own".into()),
            exposed_ports: BTreeSet::from(["8080/tcp".into()]),
            ..RunConfig::default()
        };
        base.merge_into(&mut config);
        assert_eq!(config.user, "65532:65532");
        assert_eq!(config.env, ["A=own", "PATH=/bin", "Z=own"]);
        assert_eq!((config.entrypoint, config.cmd), (vec!["/app".to_owned()], vec![]));
        assert_eq!(
            config.labels.into_iter().collect::<Vec<_>>(),
            [("a".into(), "own".into()), ("b".into(), "base".into())]
        );
        assert_eq!(config.exposed_ports.into_iter().collect::<Vec<_>>(), ["80/tcp", "8080/tcp"]);
        assert_eq!(config.volumes.into_iter().collect::<Vec<_>>(), ["/v"]);
        assert_eq!((config.working_dir.as_deref(), config.stop_signal.as_deref()), (Some("/own"), Some("SIGINT")));
    }

    #[test]
    fn a_default_that_is_written_out_changes_nothing_and_still_stands_above_a_base() {
        let merged = |base: &BaseConfig, own: Option<(&str, &str)>| {
            let mut config = RunConfig {
                working_dir: own.map(|(workdir, _)| workdir.to_owned()),
                stop_signal: own.map(|(_, signal)| signal.to_owned()),
                ..RunConfig::default()
            };
            base.merge_into(&mut config);
            (config.working_dir, config.stop_signal)
        };
        let pair = |workdir: &str, signal: &str| (Some(workdir.to_owned()), Some(signal.to_owned()));
        let (none, default) = (BaseConfig::default(), Some(("/", "SIGTERM")));
        assert_eq!(merged(&none, default), (None, None));
        assert_eq!(merged(&none, Some(("/x", "SIGINT"))), pair("/x", "SIGINT"));
        assert_eq!(merged(&read(BASE, 1), default), pair("/", "SIGTERM"));
        let same = BASE.replace("\"/w\"", "\"/\"").replace("SIGINT", "SIGTERM");
        assert_eq!(merged(&read(&same, 1), default), merged(&read(&same, 1), None));
    }

    #[test]
    fn a_history_is_kept_or_has_a_line_for_each_layer() {
        let kept = read(BASE, 1).history;
        assert_eq!(kept[0].created.as_deref(), Some("2020-02-02T02:02:02Z"));
        assert!(kept[1].empty_layer && kept[1].created.is_none());
        let plain = read(BASE, 2).history;
        assert_eq!((plain.len(), plain[0].created_by.as_deref()), (2, Some("hardpan: base")));
    }
}
