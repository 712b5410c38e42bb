//! What `build` does for all recipes of a call before it builds the first image: it looks for mistakes that need no compiler
//! to be found, and compiles Go programs together.

use std::{path::Path, sync::Arc};

use super::{
    image::ImageBuilder,
    image_progress::{ImageProgress, LookProgress},
    jobs::BuildJob,
    outcomes::Outcomes,
    request::BuildRequest,
};
use crate::{
    build::{
        RecipeCheck, ResolveReach,
        compile::{PlannedGo, Toolchain},
    },
    report::{Failure, Failures, Progress, parallel},
};

/// Looks at everything that needs no compiler, of all recipes, before the first compiler runs: a mistake in the last recipe
/// costs no compile of the first. Where nothing is compiled, building the images takes no longer than looking at them.
///
/// What is found is forgotten: a thousand recipes are not held at once.
///
/// # Errors
/// None of its own: mistakes are in `outcomes`.
pub(super) fn look_at_all(
    builder: &ImageBuilder<'_>,
    jobs: Vec<BuildJob>,
    request: &BuildRequest,
    outcomes: &mut Outcomes,
    progress: &dyn Progress,
) -> Result<Vec<BuildJob>, Failures> {
    if outcomes.count() == 1 || !jobs.iter().any(BuildJob::has_compile) {
        return Ok(jobs);
    }
    let look = |job: &BuildJob, progress: &dyn Progress| Ok::<_, Failures>(builder.look(job, progress));
    let found = parallel::try_map_reporting("recipe", request.settings.jobs, &jobs, progress, look)?;
    let mut sound = Vec::with_capacity(jobs.len());
    for (job, failures) in jobs.into_iter().zip(found) {
        if failures.is_empty() {
            sound.push(job);
        } else {
            outcomes.note(job.index, Failures(failures));
        }
    }
    Ok(sound)
}

impl ImageBuilder<'_> {
    /// Everything that is wrong with a recipe, as far as that needs no compiler and no layer of a base.
    pub(super) fn look(&self, job: &BuildJob, progress: &dyn Progress) -> Vec<Failure> {
        let settings = &self.request.settings;
        let mut bound = match self.bounds.of(&job.recipe.folder, settings.allow_outside) {
            Ok(bound) => bound,
            Err(failure) => return vec![failure],
        };
        bound.written = Arc::clone(self.written);
        let check = RecipeCheck {
            recipe: &job.recipe.recipe,
            bound,
            policy: &job.policy,
            lock: job.lock.as_ref(),
            platforms: &job.platforms,
            reach: ResolveReach::WithoutLayers,
        };
        let named = ImageProgress::of(&job.name, self.count, progress);
        check.run(settings, &LookProgress(&named)).failures
    }

    /// Compiles the Go programs of all jobs together, as far as one `go build` can. The build of each image then finds its
    /// programs, and reports what failed here.
    pub(super) fn compile_together(&mut self, jobs: &[BuildJob], progress: &dyn Progress) {
        if jobs.iter().map(|job| job.count_go() * job.platforms.len()).sum::<usize>() < 2 {
            return;
        }
        let begin = progress.elapsed();
        let settings = &self.request.settings;
        let planned = |job: &BuildJob| -> Result<Vec<PlannedGo>, Failure> {
            let resolver = self.resolver(job, progress)?;
            let each = job.platforms.iter().map(|platform| resolver.go_programs(platform));
            Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
        };
        let programs: Vec<_> = jobs.iter().flat_map(|job| planned(job).unwrap_or_default()).collect();
        let toolchain = Toolchain { written: Arc::clone(self.written), ..settings.toolchain(Path::new("/"), progress) };
        toolchain.go_together(&programs);
        let members = jobs.iter().filter(|job| job.count_go() > 0).count();
        self.together = progress.elapsed().saturating_sub(begin) / u32::try_from(members).unwrap_or(u32::MAX).max(1);
    }
}
