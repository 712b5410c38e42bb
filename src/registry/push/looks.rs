//! [`Looks`]: asks a repository at once for all that it may have of an image.
//!
//! One question after the other costs a wait each. So the first one has a head start that is short beside the wait for an answer
//! from afar: where the answer comes sooner and says that the tag is the image already, nothing else is asked; else the other
//! questions are on their way when it comes.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use super::{
    contents::PushContents,
    plan::{PUSH_THREAD, TagRule},
    repository::{Look, PushRepository},
};
use crate::{
    image::BlobRef,
    oci::Digest,
    report::{ErrorName, Failure, Limits, parallel},
};

/// Until the other questions are sent, whether the first one has an answer or not.
const HEAD_START: Duration = Duration::from_millis(8);

/// What a repository has of an image.
#[derive(Debug)]
pub(super) struct Looks {
    /// The digest that each tag names.
    pub(super) tags: Vec<Look<Option<Digest>>>,
    /// For each document of the image, whether it is there. One that is there has all that it names: a registry takes none
    /// without.
    pub(super) documents: Vec<bool>,
    /// The same for each blob; meaningless where the root is there.
    pub(super) blobs: Vec<bool>,
}

/// A question.
enum Question<'a> {
    Tag(&'a str),
    Document(Digest),
    Blob(&'a BlobRef),
}

/// The answer to one.
enum Answer {
    Digest(Look<Option<Digest>>),
    IsThere(bool),
    /// It was not asked: other answers are enough.
    None,
}

/// What all questions share.
struct Asking<'a> {
    repository: &'a PushRepository,
    root: Digest,
    /// Whether the first question has its answer.
    is_first_answered: Mutex<bool>,
    answered: Condvar,
    /// Whether the root is there, or the first question has failed: then no other one is asked.
    is_enough: AtomicBool,
}

impl Looks {
    /// Asks what there is of `contents`, whose root is `root`.
    ///
    /// # Errors
    /// Those of the first question, in their order, whose answer is needed and does not come.
    pub(super) fn ask(
        repository: &PushRepository,
        tags: &[(&str, &TagRule)],
        root: Digest,
        contents: &PushContents,
        jobs: NonZeroUsize,
    ) -> Result<Self, Failure> {
        let mut questions: Vec<_> = tags.iter().map(|(tag, _)| Question::Tag(tag)).collect();
        // The root is the last document, and its answer may spare all others.
        questions.extend(contents.documents.iter().rev().map(|document| Question::Document(document.blob.digest)));
        questions.extend(contents.blobs.iter().map(Question::Blob));
        let asking = Asking {
            repository,
            root,
            is_first_answered: Mutex::new(false),
            answered: Condvar::new(),
            is_enough: AtomicBool::new(false),
        };
        let threads = jobs.saturating_mul(NonZeroUsize::new(Limits::LOOKS_PER_UPLOAD).unwrap_or(NonZeroUsize::MIN));
        // Each failure is kept: whether it counts depends on other answers.
        let answers =
            parallel::map(PUSH_THREAD, threads, &questions, |index, question| asking.ask_in_turn(index, question));
        let mut looks = Self { tags: Vec::new(), documents: Vec::new(), blobs: Vec::new() };
        let mut has_root = false;
        for (question, answer) in questions.iter().zip(answers) {
            let is_needed = !has_root || matches!(question, Question::Tag(_));
            let answer = match answer {
                Err(failure) if is_needed => return Err(failure),
                Err(_) => Answer::None,
                Ok(answer) => answer,
            };
            match (question, answer) {
                (Question::Tag(_), Answer::Digest(look)) => {
                    has_root |= matches!(look, Look::Known(Some(digest)) if digest == root);
                    looks.tags.push(look);
                }
                (Question::Document(document), answer) => {
                    // A server that answers 200 to everything does not have this digest.
                    let is_there = matches!(answer, Answer::Digest(Look::Known(Some(digest))) if digest == *document);
                    has_root |= is_there && *document == root;
                    looks.documents.push(is_there);
                }
                (Question::Blob(_), answer) => looks.blobs.push(matches!(answer, Answer::IsThere(true))),
                (Question::Tag(_), _) => {
                    return Err(Failure::error(ErrorName::Internal, "a tag was not looked at"));
                }
            }
        }
        looks.documents.reverse();
        if let (true, Some(last)) = (has_root, looks.documents.last_mut()) {
            *last = true;
        }
        Ok(looks)
    }

    /// Whether the root is there.
    pub(super) fn has_root(&self) -> bool {
        self.documents.last() == Some(&true)
    }
}

impl Asking<'_> {
    /// Asks a question when it is its turn, unless that is in vain by then.
    fn ask_in_turn(&self, index: usize, question: &Question<'_>) -> Result<Answer, Failure> {
        if index > 0 {
            let mut is_answered = self.is_first_answered.lock();
            if !*is_answered {
                self.answered.wait_for(&mut is_answered, HEAD_START);
            }
        }
        let is_tag = matches!(question, Question::Tag(_));
        let answer = if !is_tag && (self.is_enough.load(Ordering::Relaxed) || self.repository.is_login_doubted()) {
            Ok(Answer::None)
        } else {
            self.ask(question)
        };
        let has_root = matches!(answer, Ok(Answer::Digest(Look::Known(Some(digest)))) if digest == self.root);
        if has_root || (index == 0 && answer.is_err()) {
            self.is_enough.store(true, Ordering::Relaxed);
        }
        if index == 0 {
            *self.is_first_answered.lock() = true;
            self.answered.notify_all();
        }
        answer
    }

    fn ask(&self, question: &Question<'_>) -> Result<Answer, Failure> {
        Ok(match question {
            Question::Tag(tag) => Answer::Digest(self.repository.manifest_digest(tag)?),
            Question::Document(digest) => Answer::Digest(self.repository.manifest_digest(&digest.to_string())?),
            Question::Blob(blob) => Answer::IsThere(self.repository.has_blob(blob)?.or(false)),
        })
    }
}
