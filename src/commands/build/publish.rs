//! Makes the images of a call visible, all of them or none; one by one where the call keeps going.

use std::collections::BTreeMap;

use super::{
    image::FinishedImage, image_progress::ImageProgress, outcomes::Outcomes, outputs::Outputs, receipts::ReceiptImage,
    request::BuiltImage,
};
use crate::{
    commands::staged_file::StagedFile,
    output::{PublishFailure, Publisher},
    report::{Failure, Failures, Progress, printable},
};

/// The images that are at their paths, durably.
pub(super) struct PublishedImages {
    /// What the receipts say of them, by recipe.
    pub(super) receipts: BTreeMap<usize, ReceiptImage>,
    /// Holds the staged blobs of archives, from which registries get them.
    #[expect(dead_code, reason = "it is there as long as images are pushed")]
    publisher: Publisher,
}

/// An image that is on its way to its path.
struct LeavingImage {
    index: usize,
    built: BuiltImage,
    receipt: ReceiptImage,
    /// How much was found in it.
    note: Option<String>,
    is_unchanged: bool,
    debug_files: Vec<StagedFile>,
}

/// Makes every image visible, after all of them are durable, and then gives the files of `debug-file` their names.
///
/// # Errors
/// The system failed. Unless the call keeps going, images are as they were then, but for those that `outcomes` knows as new.
pub(super) fn publish(
    images: Vec<FinishedImage>,
    outputs: &mut Outputs,
    outcomes: &mut Outcomes,
    progress: &dyn Progress,
) -> Result<PublishedImages, Failures> {
    let (mut leaving, mut publisher) = (Vec::with_capacity(images.len()), Publisher::default());
    for image in images {
        leaving.push(LeavingImage {
            index: image.index,
            receipt: image.receipt(),
            note: image.passed.note(&image.built.path),
            is_unchanged: image.ready.is_unchanged(),
            built: image.built,
            debug_files: image.debug_files,
        });
        publisher.add(image.ready);
    }
    if !outcomes.keep_going() {
        outputs.write_receipts(leaving.iter().map(|image| (image.index, &image.receipt)))?;
    }
    if let Err(failure) = publisher.sync() {
        leaving.drain(..).try_for_each(|image| outcomes.fail(image.index, failure.clone()))?;
    }
    let task = progress.task(&waiting(&leaving), None);
    let is_published = if outcomes.keep_going() {
        publish_each(&mut publisher, &leaving, outcomes)?
    } else {
        publish_together(&mut publisher, &leaving, outcomes)?;
        vec![true; leaving.len()]
    };
    drop(task);
    let (mut receipts, mut debug_files, mut indexes) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (LeavingImage { index, built, receipt, note, is_unchanged, debug_files: files }, is_published) in
        leaving.into_iter().zip(is_published)
    {
        indexes.push(index);
        if !is_published {
            continue;
        }
        let named = ImageProgress::of(&built.name, outcomes.count(), progress);
        for line in [write_line(&built)].iter().chain(&note) {
            named.step_unless(is_unchanged, line);
        }
        outcomes.succeed(index, built, is_unchanged);
        receipts.insert(index, receipt);
        debug_files.extend(files.into_iter().map(|file| (index, file)));
    }
    // From here on images are new, whatever fails.
    for (image, failure) in publisher.take_unsettled() {
        match indexes.get(image) {
            Some(index) => outcomes.fail(*index, in_place(failure))?,
            None => return Err(in_place(failure).into()),
        }
    }
    publisher.finish().map_err(in_place)?;
    for (index, file) in debug_files {
        file.publish().or_else(|failure| outcomes.fail(index, failure))?;
    }
    Ok(PublishedImages { receipts, publisher })
}

/// Publishes all images or none.
fn publish_together(
    publisher: &mut Publisher,
    leaving: &[LeavingImage],
    outcomes: &mut Outcomes,
) -> Result<(), Failures> {
    let Err(PublishFailure { failure, kept, .. }) = publisher.publish_all() else { return Ok(()) };
    let mut failures = vec![failure];
    for (image, failure) in kept {
        if let Some(LeavingImage { index, built, .. }) = leaving.get(image) {
            outcomes.succeed(*index, built.clone(), false);
        }
        failures.push(failure);
    }
    Err(Failures(failures))
}

/// Publishes each image for itself, and gives for each whether it is published.
fn publish_each(
    publisher: &mut Publisher,
    leaving: &[LeavingImage],
    outcomes: &mut Outcomes,
) -> Result<Vec<bool>, Failures> {
    let mut visible = Vec::with_capacity(leaving.len());
    for (image, LeavingImage { index, built, .. }) in leaving.iter().enumerate() {
        let ended = publisher.publish_one(image);
        visible.push(ended.is_ok());
        if let Err(PublishFailure { failure, kept, .. }) = ended {
            if !kept.is_empty() {
                outcomes.succeed(*index, built.clone(), false);
            }
            let failures = std::iter::once(failure).chain(kept.into_iter().map(|(_, failure)| failure));
            outcomes.fail(*index, Failures(failures.collect()))?;
        }
    }
    Ok(visible)
}

/// The failure to make something durable, where the image is at its path.
fn in_place(failure: Failure) -> Failure {
    Failure {
        what: format!("{}; what was written is there, and may not survive a power failure", failure.what),
        ..failure
    }
}

/// What is waited for, as the terminal shows it.
fn waiting(leaving: &[LeavingImage]) -> String {
    match leaving {
        [only] => write_line(&only.built),
        several => format!("write {} images", several.len()),
    }
}

fn write_line(built: &BuiltImage) -> String {
    format!("write {}", printable(&built.path.to_string_lossy()))
}
