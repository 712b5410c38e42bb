//! Joins locks of one recipe that were written apart, such as on machines with other platforms' C libraries.

use std::path::Path;

use super::{MergedContent, MergedKind, MergedReport, named};
use crate::{
    recipe::{Lock, LockFile, LockedToolchain, changes},
    report::{ErrorName, Failure, printable},
};

/// Joins the pins of all locks.
///
/// # Errors
/// They are of several recipes, or two pin something differently: at the line of the second one.
pub(super) fn merge(locks: &[LockFile]) -> Result<MergedReport, Failure> {
    let mut merged = Lock::default();
    let mut before: Vec<&LockFile> = Vec::new();
    for file in locks {
        for other in &before {
            let name = named(Path::new(&other.source.path));
            // The first line names the recipe.
            if title(file) != title(other) {
                let what = format!("the lock is of another recipe than {name}");
                return Err(Failure::error(ErrorName::Merge, what)
                    .in_path(&file.source.path)
                    .hint("each recipe has a lock of its own"));
            }
            let mut differ = changes(&other.lock, &file.lock).into_iter();
            if let Some((difference, was, now)) = differ.find_map(|one| Some((one.clone(), one.was?, one.now?))) {
                let (was, now, key) = (printable(&was), printable(&now), printable(&difference.key));
                let what = format!("{}: `{key}` is `{now}` here, and `{was}` in {name}", difference.pin);
                return Err(Failure::error(ErrorName::Merge, what)
                    .at(&file.place(&difference.pin, &difference.key))
                    .hint("`hardpan lock --update` brings one of them up to date"));
            }
        }
        add(&mut merged, &file.lock);
        before.push(file);
    }
    let first = locks.first().map(title).unwrap_or_default();
    let text = merged.to_text(Some(""));
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    let pins = merged.bases.len()
        + merged.urls.len()
        + merged.toolchains.len()
        + usize::from(merged.bundle.is_some())
        + usize::from(merged.timezones.is_some());
    let summary = format!("{pins} {}", if pins == 1 { "pin" } else { "pins" });
    let content = MergedContent::Text(format!("{first}\n{rest}"));
    Ok(MergedReport { kind: MergedKind::Lock, content, summary, exit: 0 })
}

fn title(file: &LockFile) -> &str {
    file.source.text.lines().next().unwrap_or_default()
}

/// Adds the pins of `other`, of which none differs.
fn add(lock: &mut Lock, other: &Lock) {
    for (name, base) in &other.bases {
        let own = lock.bases.entry(name.clone()).or_insert_with(|| base.clone());
        let missing =
            base.platforms.iter().filter(|(platform, _)| own.platforms.iter().all(|(known, _)| known != platform));
        let missing: Vec<_> = missing.cloned().collect();
        own.platforms.extend(missing);
        // As `hardpan lock` has them, whichever file comes first.
        own.platforms.sort_by_key(|(platform, _)| platform.to_string());
    }
    lock.urls.extend(other.urls.iter().map(|(url, locked)| (url.clone(), *locked)));
    lock.bundle = lock.bundle.take().or_else(|| other.bundle.clone());
    lock.timezones = lock.timezones.take().or_else(|| other.timezones.clone());
    for (key, toolchain) in &other.toolchains {
        let own = lock.toolchains.entry(key.clone()).or_default();
        let LockedToolchain { version, commit, llvm, files, cc } = toolchain.clone();
        own.version = version;
        own.commit = own.commit.take().or(commit);
        own.llvm = own.llvm.take().or(llvm);
        own.cc.extend(cc);
        for (scope, files) in files {
            own.files.entry(scope).or_default().extend(files);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn platforms_of_a_base_have_one_order_whichever_file_comes_first() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let lock = |platform: &str| {
            let text = format!(
                "# What app.toml asks for.\nversion = 1\nformat = 1\n[[base]]\nname = \"r.example/b:1\"\ndigest = \"{digest}\"\n\
                 [base.platforms]\n\"linux/arm64\" = \"{digest}\"\n\"{platform}\" = \"{digest}\"\n"
            );
            crate::recipe::parse_lock(platform, &text).unwrap()
        };
        let merged = |one: &str, other: &str| match merge(&[lock(one), lock(other)]).unwrap().content {
            MergedContent::Text(text) => text,
            MergedContent::Json(_) => unreachable!(),
        };
        let text = merged("linux/amd64", "linux/386");
        assert_eq!(text, merged("linux/386", "linux/amd64"));
        let order = ["linux/386", "linux/amd64", "linux/arm64"].map(|platform| text.find(platform).unwrap());
        assert!(order.is_sorted(), "{text}");
    }
}
