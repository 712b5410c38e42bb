//! [`PackedFindings`]: what was found inside of the packed files of a layer, and what could not be read.

use std::borrow::Cow;

use crate::{
    report::{Limits, Rule},
    secrets::{NameRule, SecretFingerprint, SecretHit},
};

/// What is inside of the packed files of one layer. Entries are indexes into those of the layer.
#[derive(Debug, Default)]
pub(crate) struct PackedFindings {
    /// Secrets, in the order in which they were met; at most [`Limits::AUDIT_SECRETS`].
    pub(crate) secrets: Vec<PackedSecret>,
    /// Members that are credential files by their names alone; at most as many.
    pub(crate) names: Vec<CredentialMember>,
    /// What could not be read; the first [`Limits::AUDIT_UNREAD`], and as many credential files.
    pub(crate) unread: Vec<UnreadPart>,
    /// How much could not be read altogether.
    pub(crate) unread_count: usize,
    /// How many of those are credential files by their names.
    pub(crate) unread_credentials: usize,
    /// The memory that all this takes, about.
    weight: usize,
}

/// A secret in a member of a packed file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PackedSecret {
    /// The packed file.
    pub(crate) entry: usize,
    /// The member, as `inner.jar!/application.yml`. Foreign text.
    pub(crate) member: Box<str>,
    /// The secret; its offset is in the member.
    pub(crate) hit: SecretHit,
}

/// A member that is a credential file by its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CredentialMember {
    /// The packed file.
    pub(crate) entry: usize,
    /// The member. Foreign text.
    pub(crate) member: Box<str>,
    /// What the name says.
    pub(crate) named: NameRule,
}

/// A file, or a member of one, that was not read, or not to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnreadPart {
    /// The file.
    pub(crate) entry: usize,
    /// The member; `None` is the file itself. Foreign text.
    pub(crate) member: Option<Box<str>>,
    /// Why: a part of a sentence.
    pub(crate) reason: Cow<'static, str>,
    /// The rule that has no answer because of it: it is a credential file by its name.
    pub(crate) credential: Option<Rule>,
}

/// How far findings went at some time, to go back there.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnreadMark {
    kept: usize,
    count: usize,
    credentials: usize,
}

impl PackedFindings {
    pub(super) fn add_secrets(&mut self, entry: usize, member: &str, hits: Vec<SecretHit>) {
        for hit in hits {
            if self.secrets.len() < Limits::AUDIT_SECRETS {
                self.weight += size_of::<PackedSecret>() + member.len() + hit.masked.len();
                self.secrets.push(PackedSecret { entry, member: member.into(), hit });
            }
        }
    }

    pub(super) fn add_name(&mut self, entry: usize, member: &str, named: NameRule) {
        if self.names.len() < Limits::AUDIT_SECRETS {
            self.weight += size_of::<CredentialMember>() + member.len();
            self.names.push(CredentialMember { entry, member: member.into(), named });
        }
    }

    /// Records that something was not read. Only the first of too many are kept, and all are counted.
    pub(in crate::rootfs) fn add_unread(&mut self, part: UnreadPart) {
        self.unread_count += 1;
        let is_credential = part.credential.is_some();
        self.unread_credentials += usize::from(is_credential);
        // Nobody hides a credential file behind a thousand others.
        let room = if is_credential { 2 * Limits::AUDIT_UNREAD } else { Limits::AUDIT_UNREAD };
        if self.unread.len() < room {
            self.weight += size_of::<UnreadPart>() + part.member.as_deref().map_or(0, str::len) + part.reason.len();
            self.unread.push(part);
        }
    }

    pub(super) fn unread_mark(&self) -> UnreadMark {
        UnreadMark { kept: self.unread.len(), count: self.unread_count, credentials: self.unread_credentials }
    }

    /// Forgets what was unread since `mark`.
    pub(super) fn forget_unread(&mut self, mark: UnreadMark) {
        self.unread.truncate(mark.kept);
        self.unread_count = mark.count;
        self.unread_credentials = mark.credentials;
    }

    /// Whether a member of the file holds that secret.
    pub(in crate::rootfs) fn holds(&self, entry: usize, secret: SecretFingerprint) -> bool {
        let mut of_file = self.secrets.iter().rev().take_while(|found| found.entry == entry);
        of_file.any(|found| found.hit.fingerprint == secret)
    }

    /// The memory that all this takes, about.
    pub(in crate::rootfs) fn weight(&self) -> usize {
        self.weight
    }
}
