//! What every image passes before it is written: the audit that `hardpan audit` makes, over the bytes that were just
//! assembled.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use super::{
    gate_verdict::{self, GateVerdict},
    passed_findings::PassedFindings,
};
use crate::{
    audit::{self, Finding, FindingPlace, LayerWatch, SeenLayers, SharedScans, Unknown},
    build::{Assembled, Date, Plan, unless_all_excepted, unless_excepted},
    cache::Cache,
    image::ImageSet,
    layer::{LayerObserver, WrittenLayer},
    oci::Descriptor,
    output::Staging,
    policy::{Breach as _, Policy},
    recipe::Recipe,
    report::{ErrorName, Failure, Failures, Limits, Origin, Progress, Rule, printable},
};

/// The gate of one recipe.
#[derive(Debug)]
pub(in crate::commands) struct Gate<'a> {
    policy: &'a Policy,
    today: Date,
    seen: RefCell<SeenLayers>,
}

/// An image that is assembled and has to pass the gate.
#[derive(Debug)]
pub(in crate::commands) struct UnjudgedImage<'a> {
    pub(in crate::commands) staging: &'a Staging,
    pub(in crate::commands) root: &'a Descriptor,
    pub(in crate::commands) name: &'a str,
    /// Bytes of all layers as tars.
    pub(in crate::commands) unpacked_size: u64,
    /// Where verdicts are remembered.
    pub(in crate::commands) cache: Option<&'a Cache>,
}

/// The recipe and the plan that a finding is traced back to.
struct JudgedPlan<'a> {
    recipe: &'a Recipe,
    plan: &'a Plan,
    today: Date,
}

impl<'a> Gate<'a> {
    /// Demands what `policy` says; scans of small layers are `shared` with the other gates of a call.
    pub(in crate::commands) fn new(policy: &'a Policy, today: Date, shared: &Arc<SharedScans>) -> Self {
        Self { policy, today, seen: RefCell::new(SeenLayers::sharing(shared)) }
    }

    /// An onlooker that scans a layer while it is written. Where the system has no thread for it, the layer is read again.
    pub(in crate::commands) fn onlooker(&self) -> Box<dyn LayerObserver + '_> {
        Box::new(GateScan { watch: LayerWatch::default(), gate: self })
    }

    /// Audits what is staged, unless the cache has the verdict about this very image from today. `plans` are those
    /// of the images, in their order. Gives how much was found that does not refuse them.
    ///
    /// # Errors
    /// A refusal for every finding at the threshold or above, at the line of the recipe that is behind it; a fault for
    /// what could not be audited.
    pub(in crate::commands) fn pass(
        &self,
        staged: &UnjudgedImage<'_>,
        recipe: &Recipe,
        plans: &[Plan],
        progress: &dyn Progress,
    ) -> Result<PassedFindings, Failures> {
        // Auditing a small image takes less time than a look-up.
        let cache = staged.cache.filter(|_| staged.unpacked_size > Limits::CHEAP_LAYER_BYTES);
        let key = |cache| (cache, gate_verdict::key(staged.root.digest, staged.name, recipe, self.policy, self.today));
        let cached = cache.map(key);
        if let Some(known) = cached.as_ref().and_then(|(cache, key)| gate_verdict::find(cache, key)) {
            report(&known, recipe, progress);
            return Ok(known.passed);
        }
        let set = staged.staging.image_set(staged.root, staged.name)?;
        let verdict = self.judge(&set, staged.name, recipe, plans, progress)?;
        if let Some((cache, key)) = cached {
            gate_verdict::keep(cache, &key, &verdict);
        }
        Ok(verdict.passed)
    }

    /// Audits the images of `set`, of those plans.
    ///
    /// # Errors
    /// As [`pass`](Self::pass).
    pub(in crate::commands) fn judge(
        &self,
        set: &ImageSet,
        name: &str,
        recipe: &Recipe,
        plans: &[Plan],
        progress: &dyn Progress,
    ) -> Result<GateVerdict, Failures> {
        let (verdict, failures) = self.audit(set, name, recipe, plans);
        report(&verdict, recipe, progress);
        if failures.is_empty() { Ok(verdict) } else { Err(Failures(failures)) }
    }

    /// Audits the images of `set`: what the user is shown, and what refuses them.
    fn audit(&self, set: &ImageSet, name: &str, recipe: &Recipe, plans: &[Plan]) -> (GateVerdict, Vec<Failure>) {
        let Date(year, month, day) = self.today;
        let request = audit::AuditQuery { image: name, policy: self.policy, today: (year, month, day) };
        let judgement = audit::judge_seen(set, &request, &mut self.seen.borrow_mut());
        let (mut failures, mut shown, mut verdict) = (Vec::new(), BTreeSet::new(), GateVerdict::default());
        for (image, plan) in judgement.images.iter().zip(plans) {
            let built = JudgedPlan { recipe, plan, today: self.today };
            for finding in &image.findings {
                if finding.severity >= self.policy.fail_on {
                    failures.push(built.refusal(finding));
                    continue;
                }
                verdict.passed.add(finding.severity);
                let line = format!("audit: {} {}: {}", finding.severity, finding.rule, finding.message);
                if shown.insert(line.clone()) {
                    verdict.details.push(line);
                    verdict.ports.extend(privileged_port(finding));
                }
            }
            failures.extend(image.unknown.iter().map(|unknown| built.fault(unknown)));
        }
        if judgement.images.len() != plans.len() {
            failures.push(Failure::error(ErrorName::Internal, "the audit did not see every image that was built"));
        }
        for finding in &judgement.around.findings {
            if finding.severity >= self.policy.fail_on {
                failures.push(about_policy(recipe, finding.rule, &finding.message));
            } else if matches!(finding.rule, Rule::UnusedWaiver | Rule::ExpiredWaiver) {
                verdict.upkeep.push((finding.rule.name().to_owned(), finding.message.clone()));
            } else {
                verdict.passed.add(finding.severity);
                verdict.details.push(format!("audit: {} {}: {}", finding.severity, finding.rule, finding.message));
            }
        }
        failures.extend(
            judgement
                .around
                .unknown
                .iter()
                .map(|unknown| Failure::error(ErrorName::ImageUnsupported, printable(&unknown.reason).into_owned())),
        );
        // Two platforms have most things in common.
        let mut unique = Vec::new();
        for failure in failures {
            if !unique.contains(&failure) {
                unique.push(failure);
            }
        }
        (verdict, unique)
    }
}

/// Shows the findings of an image that passed, now or before.
fn report(verdict: &GateVerdict, recipe: &Recipe, progress: &dyn Progress) {
    for line in &verdict.details {
        progress.detail(&printable(line));
    }
    for port in &verdict.ports {
        progress.warn(&about_port(recipe, port));
    }
    for (rule, message) in &verdict.upkeep {
        if let Some(rule) = Rule::named(rule) {
            progress.warn(&Failure { rule: None, ..about_policy(recipe, rule, message) });
        }
    }
}

/// The port of a finding that is about one which only root may listen on.
fn privileged_port(finding: &Finding) -> Option<String> {
    let key = finding.place.key.as_deref().filter(|_| finding.rule == Rule::PrivilegedPort)?;
    Some(key.strip_prefix("config.ExposedPorts[")?.strip_suffix(']')?.to_owned())
}

/// The warning about such a port, at its line or, where it came with the base, at that one.
fn about_port(recipe: &Recipe, port: &str) -> Failure {
    let run = &recipe.run;
    let written = run.ports.iter().find(|written| written.value == port).map(|written| &written.origin);
    let at = written.or(recipe.base.as_ref().map(|base| &base.origin)).unwrap_or(&run.origin);
    let what = format!(
        "the port {} is below 1024, and not every engine lets the user {} listen there (`privileged-port`)",
        printable(port),
        run.user
    );
    let hint = "take a port from 1024 up and map it outside; else the container needs \
                `--sysctl net.ipv4.ip_unprivileged_port_start=0`, which Docker sets by itself and others may not";
    Failure::warning(what).at(at).hint(hint)
}

/// A layer that is scanned for a gate.
struct GateScan<'g> {
    watch: LayerWatch,
    gate: &'g Gate<'g>,
}

impl LayerObserver for GateScan<'_> {
    fn observe(&mut self, tar: &[u8]) {
        self.watch.push(tar);
    }

    fn end(self: Box<Self>, written: &WrittenLayer) {
        self.gate.seen.borrow_mut().keep(written.blob.digest, self.watch);
    }
}

impl JudgedPlan<'_> {
    /// A finding as a refusal.
    fn refusal(&self, finding: &Finding) -> Failure {
        let mut what = printable(&finding.message).into_owned();
        if let Some(evidence) = &finding.evidence {
            what = format!("{what}: {}", printable(evidence));
        }
        let more = finding.places().saturating_sub(1);
        // The message of a folded finding has the number.
        if more > 0 && !finding.folded {
            what = format!("{what}, and in {more} more places");
        }
        let failure = Failure::refused(finding.rule, what).at(&self.line(&finding.place));
        // An exception that was meant for it says why it does not help.
        let excepted = unless_all_excepted(&self.recipe.policy, self.today, &finding.targets(), failure.clone());
        excepted.err().unwrap_or(failure).hint(remedy(finding.rule))
    }

    /// What could not be audited, as a failure.
    fn fault(&self, unknown: &Unknown) -> Failure {
        let rules: Vec<&str> = unknown.rules.iter().map(|rule| rule.name()).collect();
        let what = format!("the audit cannot answer {}: {}", rules.join(", "), printable(&unknown.reason));
        Failure::error(ErrorName::ImageUnsupported, what).at(&self.line(&unknown.place))
    }

    /// The line of the recipe that brought in what is at `place`.
    fn line(&self, place: &FindingPlace) -> Origin {
        if let Some(base) = self.base_of(place) {
            return base;
        }
        let by_path = place.path.as_deref().and_then(|path| self.entry(path));
        let by_key = || place.key.as_deref().and_then(|key| self.setting(key));
        by_path.or_else(by_key).unwrap_or_else(|| self.recipe.start())
    }

    /// The line of `base`, for what one of its layers brought in.
    fn base_of(&self, place: &FindingPlace) -> Option<Origin> {
        let base = self.plan.base.as_ref()?;
        let layer = place.layer.as_ref()?;
        (layer.index < base.layers.len()).then(|| base.origin.clone())
    }

    /// The line of an entry, or for a folder that is not in the recipe of the first entry in it.
    fn entry(&self, path: &str) -> Option<Origin> {
        let mut entries = self.plan.groups.iter().flat_map(|group| &group.entries);
        let at = |text: &[u8]| text == path.as_bytes();
        let below = |text: &[u8]| text.strip_prefix(path.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"));
        let exact = entries.clone().find(|planned| at(planned.entry.path.as_bytes()));
        let found = exact.or_else(|| entries.find(|planned| below(planned.entry.path.as_bytes())));
        found.map(|planned| planned.origin.clone())
    }

    /// The line of a setting, by the key that an audit calls it.
    fn setting(&self, key: &str) -> Option<Origin> {
        let run = &self.recipe.run;
        let (table, name) = match key.split_once('[') {
            Some((table, rest)) => (table, rest.strip_suffix(']').unwrap_or(rest)),
            None => (key, ""),
        };
        let written = match table {
            "config.Env" => run.env.get(name).map(|at| &at.origin),
            "config.Labels" => run.labels.get(name).map(|at| &at.origin),
            "config.Cmd" => run.args.first().map(|at| &at.origin),
            "config.Entrypoint" => run.entrypoint.as_ref().map(|at| &at.origin),
            "config.WorkingDir" => run.workdir.as_ref().map(|at| &at.origin),
            "config.ExposedPorts" => run.ports.iter().find(|port| port.value == name).map(|at| &at.origin),
            "config.Volumes" => return self.entry(name).or_else(|| Some(self.plan.base.as_ref()?.origin.clone())),
            "manifest.annotations" => self.recipe.annotations.get(name).map(|at| &at.origin),
            _ => None,
        };
        // A list of settings that is not in the recipe came with the base.
        let inherited = ["config.Env", "config.Labels", "config.ExposedPorts", "config.Volumes"].contains(&table);
        let base = self.plan.base.as_ref().filter(|_| inherited && !name.is_empty()).map(|base| &base.origin);
        let table = table.starts_with("config.").then_some(&run.origin);
        written.or(base).or(table).cloned()
    }
}

/// A finding about the policy itself, at the exception that it is about.
fn about_policy(recipe: &Recipe, rule: Rule, message: &str) -> Failure {
    let failure = Failure::refused(rule, printable(message).into_owned());
    let allow = recipe.policy.allow.iter().find(|allow| message.contains(&allow.origin.to_string()));
    failure.at(allow.map_or(&recipe.start(), |allow| &allow.origin)).hint(remedy(rule))
}

/// The first sentence of what the catalogue advises, as a hint.
fn remedy(rule: Rule) -> String {
    let text = rule.facts().remediation;
    let sentence = text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.');
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// `policy.max-size`: holds the stored layers of one platform against the budget.
///
/// # Errors
/// At the line of the budget, unless an exception allows it `today`.
pub(super) fn check_size(recipe: &Recipe, today: Date, plan: &Plan, image: &Assembled) -> Result<(), Failure> {
    let policy = &recipe.policy;
    let Some(budget) = &policy.max_size else { return Ok(()) };
    let stored: u64 = image.layers.iter().map(|(_, layer)| layer.blob.size).sum();
    if stored <= budget.value {
        return Ok(());
    }
    let sizes: Vec<_> =
        image.layers.iter().map(|(kind, layer)| format!("{} {}", kind.name(), layer.blob.size)).collect();
    let what = format!(
        "the layers for {} take {stored} bytes, the budget is {} ({})",
        plan.platform,
        budget.value,
        sizes.join(", ")
    );
    let failure = Failure::refused(Rule::SizeBudget, what).at(&budget.origin).hint("raise `max-size`, or ship less");
    unless_excepted(policy, today, None, failure)
}
