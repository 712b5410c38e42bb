//! [`Waivers`]: the only matcher of waivers. The audit and the build's early check both use it.

use super::{Policy, Waiver, WaiverTarget};
use crate::report::Rule;

/// The exceptions that count on a day.
#[derive(Debug, Clone, Copy)]
pub struct Waivers<'a> {
    list: &'a [Waiver],
    are_allowed: bool,
    keep_promises: bool,
    today: (u16, u8, u8),
}

/// The answer of the waivers to a breach of a rule.
#[derive(Debug, Clone, Copy)]
pub enum WaiverAnswer<'a> {
    /// No exception is about it.
    Unmentioned,
    /// Each of its targets has an exception in force; this one of those ends first.
    Waived(&'a Waiver),
    /// This exception is about it, and no build may have it: the rule is a promise of every image that hardpan builds.
    Promised(&'a Waiver),
    /// This exception is about it, and the policy allows none.
    Forbidden(&'a Waiver),
    /// This exception was about it, and has ended.
    Ended(&'a Waiver),
    /// This exception is about some of its targets, and of others there is none.
    Partial(&'a Waiver),
}

impl<'a> Waivers<'a> {
    /// The waivers in `list`, which count if they `are_allowed`.
    pub fn new(list: &'a [Waiver], are_allowed: bool, today: (u16, u8, u8)) -> Self {
        Self { list, are_allowed, keep_promises: false, today }
    }

    /// The waivers of a policy.
    pub fn of(policy: &'a Policy, today: (u16, u8, u8)) -> Self {
        Self::new(&policy.waivers, policy.allow_waivers, today)
    }

    /// The waivers of a build, which do not cover rules that every image of hardpan keeps: [`Rule::waivable`].
    #[must_use]
    pub fn keeping_promises(self) -> Self {
        Self { keep_promises: true, ..self }
    }

    /// The waivers that cover a target, in force or not, with their index in the list.
    pub fn about<'t>(
        self,
        rule: Rule,
        target: WaiverTarget<'t>,
    ) -> impl Iterator<Item = (usize, &'a Waiver)> + use<'a, 't> {
        self.list.iter().enumerate().filter(move |(_, waiver)| waiver.covers(rule, target))
    }

    /// The waivers that name a finding by its fingerprint, in force or not, with their index in the list.
    pub fn naming(self, rule: Rule, fingerprint: &str) -> impl Iterator<Item = (usize, &'a Waiver)> {
        self.list.iter().enumerate().filter(move |(_, waiver)| waiver.names(rule, fingerprint))
    }

    /// The waiver that names a finding by its fingerprint and counts.
    pub fn by_name(self, rule: Rule, fingerprint: &str) -> Option<&'a Waiver> {
        if !self.are_allowed || self.keep_promises && !rule.waivable() {
            return None;
        }
        self.naming(rule, fingerprint).map(|(_, waiver)| waiver).find(|waiver| waiver.holds(self.today))
    }

    /// The answer to a breach of `rule` at all of `targets`. Several waivers may share the targets among them.
    pub fn answer(self, rule: Rule, targets: &[WaiverTarget<'_>]) -> WaiverAnswer<'a> {
        let first = targets.iter().find_map(|target| self.about(rule, *target).next());
        let Some((_, first)) = first else { return WaiverAnswer::Unmentioned };
        if self.keep_promises && !rule.waivable() {
            return WaiverAnswer::Promised(first);
        }
        if !self.are_allowed {
            return WaiverAnswer::Forbidden(first);
        }
        let (mut used, mut ended) = (Vec::with_capacity(targets.len()), None);
        for target in targets {
            let mut about = self.about(rule, *target).map(|(_, waiver)| waiver).peekable();
            let Some(meant) = about.peek().copied() else { return WaiverAnswer::Partial(first) };
            match about.find(|waiver| waiver.holds(self.today)) {
                Some(waiver) => used.push(waiver),
                None => ended = ended.or(Some(meant)),
            }
        }
        match (ended, used.into_iter().min_by_key(|waiver| waiver.until)) {
            (Some(waiver), _) => WaiverAnswer::Ended(waiver),
            (None, Some(waiver)) => WaiverAnswer::Waived(waiver),
            (None, None) => WaiverAnswer::Unmentioned,
        }
    }
}
