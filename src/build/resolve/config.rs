//! Fills the OCI config of an image from the recipe, with the variables replaced.

use std::collections::BTreeMap;

use super::{PreparedImage, Resolver};
use crate::{
    build::{
        certificates::BUNDLE_PATH,
        private_keys::{ConfigText, ShippedKeys},
    },
    report::Failure,
};

impl Resolver<'_> {
    /// Adds user, variables, entrypoint, arguments, ports, labels and annotations; `bundle` says whether the image has
    /// certificates.
    pub(super) fn add_config(&self, prepared: &mut PreparedImage, bundle: bool) -> Result<(), Failure> {
        let run = &self.recipe.run;
        let platform = prepared.platform.clone();
        let mut env = BTreeMap::new();
        if bundle {
            env.insert("SSL_CERT_FILE".to_owned(), BUNDLE_PATH.to_owned());
        }
        for (name, value) in &run.env {
            let text = self.variables.expand(value, &platform)?;
            prepared.keys.extend(ShippedKeys::in_config(ConfigText::Variable(name), &text, &value.origin));
            env.insert(name.clone(), text);
        }
        if let Some(entrypoint) = &run.entrypoint {
            for text in &entrypoint.value {
                let keys = ShippedKeys::in_config(ConfigText::Entrypoint, text, &entrypoint.origin);
                prepared.keys.extend(keys);
            }
        }
        for value in &run.args {
            let text = self.variables.expand(value, &platform)?;
            prepared.keys.extend(ShippedKeys::in_config(ConfigText::Argument, &text, &value.origin));
            prepared.config.cmd.push(text);
        }
        let mut labels = BTreeMap::new();
        for (name, value) in &run.labels {
            let text = self.variables.expand(value, &platform)?;
            prepared.keys.extend(ShippedKeys::in_config(ConfigText::Label(name), &text, &value.origin));
            labels.insert(name.clone(), text);
        }
        for (name, value) in &self.recipe.annotations {
            let text = self.variables.expand(value, &platform)?;
            prepared.keys.extend(ShippedKeys::in_config(ConfigText::Annotation(name), &text, &value.origin));
            prepared.annotations.insert(name.clone(), text);
        }
        let config = &mut prepared.config;
        config.user = run.user.to_string();
        config.env = env.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        config.exposed_ports = run.ports.iter().map(|port| port.value.clone()).collect();
        config.working_dir = run.workdir.as_ref().map(|workdir| workdir.value.as_str().to_owned());
        config.stop_signal.clone_from(&run.stop_signal);
        config.labels = labels;
        Ok(())
    }
}
