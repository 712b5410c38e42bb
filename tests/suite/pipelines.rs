//! `docs/ci`: the scripts of the pipelines run here, in the order of their jobs and with the variables that each CI system
//! sets, against a registry that wants a login. What the systems themselves act on (rights, actions, secrets) is held by what
//! the files say.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    registries::login,
    support::{
        base::{Base, Family, Packed, Stage},
        case::{APP, Case, HARDPAN},
        elf,
        foreign::Tar,
        judges::{checked, tool},
        layout::Layout,
        registry::{Lock, Registry},
    },
};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The scripts of a pipeline: blocks behind `run: |`, `script: |` and `- |` of YAML, and in `sh '''` of Groovy.
fn scripts(text: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (mut scripts, mut lines) = (Vec::new(), text.lines().peekable());
    while let Some(line) = lines.next() {
        let mut script = String::new();
        if line.trim_start() == "sh '''" {
            let block = lines.by_ref().take_while(|line| line.trim() != "'''");
            // Groovy undoes escapes.
            script = block.map(|line| line.trim_start().replace("\\\\", "\\") + "\n").collect();
        } else if ["run: |", "script: |", "- |"].iter().any(|end| line.trim_start() == *end) {
            while let Some(inner) = lines.next_if(|inner| inner.trim().is_empty() || indent(inner) > indent(line)) {
                script.extend([inner.trim_start(), "\n"]);
            }
        } else {
            let is_comment = ["#", "//"].iter().any(|mark| line.trim_start().starts_with(mark));
            assert!(is_comment || !line.contains("hardpan "), "a script that no test runs: {line}");
            continue;
        }
        scripts.push(script);
    }
    scripts
}

/// A clone of a fleet, on a branch that changes `c`, and a registry that takes pushes of one user.
struct Pipeline {
    case: Case,
    registry: Registry,
    scripts: Vec<String>,
    shell: &'static [&'static str],
    /// What the system sets for every step.
    env: BTreeMap<&'static str, String>,
}

impl Pipeline {
    fn new(name: &str, shell: &'static [&'static str]) -> Self {
        let recipe = |name: &str| format!("{APP}[run]\nargs = [\"{name}\"]\n");
        let case = Case::new().file("origin/recipes/app", elf::static_amd64()).folder("job").folder("bin");
        let case =
            case.file("origin/policy.toml", "[policy]\nmax-size = \"30MB\"\n").file("origin/.gitignore", "/out\n");
        let case = NAMES.iter().fold(case, |case, name| case.file(format!("origin/recipes/{name}.toml"), recipe(name)));
        fs::copy(HARDPAN, case.path("bin/hardpan")).expect("hardpan");
        let (registry, home) = (Registry::locked(Lock::Basic(login().2)), case.path("job").display().to_string());
        let pipeline = Self { case, registry, scripts: scripts(&document(name)), shell, env: BTreeMap::new() };
        let setup = "cd origin && hardpan lock -q recipes/*.toml > /dev/null && git init -q -b main . && git add -A && \
                     git commit -qm first && git clone -q . ../checkout && cd ../checkout && git checkout -qb change && \
                     echo 'workdir = \"/usr\"' >> recipes/c.toml && git commit -qam second";
        let mut setup = pipeline.command(&["sh", "-ec", setup], &pipeline.case.dir());
        for variable in ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"] {
            setup.env(variable, "a@example.com");
        }
        checked(&mut setup);
        pipeline.set("HOME", home)
    }

    fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.insert(name, value.into());
        self
    }

    fn host(&self) -> String {
        self.registry.host()
    }

    fn base(&self) -> String {
        let mut git = self.command(&["git", "rev-parse", "origin/main"], &self.checkout());
        checked(&mut git).trim().to_owned()
    }

    fn checkout(&self) -> PathBuf {
        self.case.path("checkout")
    }

    fn command(&self, words: &[&str], folder: &Path) -> Command {
        let path = format!("{}:{}", self.case.path("bin").display(), std::env::var("PATH").expect("PATH"));
        let mut command = tool(words[0]);
        command.args(&words[1..]).current_dir(folder).env_clear().stdin(Stdio::null());
        command
            .env("PATH", path)
            .env("HOME", self.case.path("job"))
            .env("XDG_CACHE_HOME", self.case.path("cache"))
            .envs(&self.env);
        command
    }

    /// Runs the one script that has all of these words.
    fn step(&self, words: &[&str], folder: &Path, env: &[(&str, &str)]) -> Output {
        let found: Vec<_> =
            self.scripts.iter().filter(|script| words.iter().all(|word| script.contains(word))).collect();
        let [script] = found.as_slice() else { panic!("{words:?} are in {} scripts", found.len()) };
        let file = self.case.path("script");
        fs::write(&file, script).expect("the script");
        let file = file.display().to_string();
        self.command(&[self.shell, &[file.as_str()]].concat(), folder)
            .envs(env.iter().copied())
            .output()
            .expect("a shell")
    }

    #[track_caller]
    fn passes(&self, words: &[&str], env: &[(&str, &str)]) {
        let output = self.step(words, &self.checkout(), env);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What a change built is the image of `c` alone, and nothing was pushed.
    #[track_caller]
    fn built_the_change(&self, folder: &str) {
        let built = fs::read_dir(self.case.path(folder)).expect("images").map(|entry| entry.unwrap().file_name());
        assert_eq!(built.collect::<Vec<_>>(), ["c"]);
        assert!(self.registry.manifests("acme/c").is_empty());
    }

    /// The merged report has all images, with the digests that the registry has under the tag.
    #[track_caller]
    fn pushed_the_fleet(&self, report: &Path, images: &str) {
        let report: Value = serde_json::from_str(&fs::read_to_string(report).expect("a report")).expect("JSON");
        assert_eq!(report.as_object().expect("images").keys().collect::<Vec<_>>(), NAMES);
        for name in NAMES {
            let digest = Layout::open(self.case.path(format!("{images}/{name}")), None).digest();
            assert_eq!(report[name]["containerimage.digest"], digest);
            assert_eq!(self.registry.tag(&format!("acme/{name}"), "0123abc").as_deref(), Some(&*digest));
        }
    }
}

#[test]
fn github() {
    let pipeline = Pipeline::new("github.yml", &["sh", "-e"]);
    let (registry, base) = (format!("{}/acme", pipeline.host()), pipeline.base());
    let (workspace, outputs) = (pipeline.checkout().display().to_string(), pipeline.case.path("outputs"));
    let pipeline = pipeline.set("GITHUB_ACTIONS", "true").set("CI", "true").set("GITHUB_SHA", "0123abc");
    let pipeline = pipeline.set("GITHUB_WORKSPACE", workspace).set("GITHUB_OUTPUT", outputs.display().to_string());
    let pipeline = pipeline.set("REGISTRY", registry);
    let take = |name: &str| -> String {
        let text = fs::read_to_string(&outputs).expect("outputs");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
    };
    pipeline.passes(&["hardpan check"], &[]);
    pipeline.passes(&["hardpan affected"], &[("BASE", &base)]);
    let matrix: Value = serde_json::from_str(&take("matrix")).expect("JSON");
    assert_eq!(matrix, json!({ "include": [{ "recipe": "recipes/c.toml", "name": "c" }] }));
    pipeline.passes(&["$RECIPE"], &[("RECIPE", "recipes/c.toml")]);
    pipeline.built_the_change("checkout/out");
    // A commit that is not there builds nothing, and is no success.
    assert!(!pipeline.step(&["hardpan affected"], &pipeline.checkout(), &[("BASE", "0123456789")]).status.success());

    let (user, password, _) = login();
    for shard in ["1", "2", "3"] {
        pipeline.passes(&["--shard"], &[("SHARD", shard), ("REGISTRY_USER", &user), ("REGISTRY_PASSWORD", &password)]);
    }
    let merge = pipeline.case.path("merge");
    fs::create_dir(&merge).unwrap();
    let shards = [take("shard_1"), take("shard_2"), take("shard_3")];
    let run = |second: &str| {
        let env = [("SHARD_1", shards[0].as_str()), ("SHARD_2", second), ("SHARD_3", &shards[2])];
        pipeline.step(&["hardpan merge"], &merge, &env).status.success()
    };
    assert!(!run("") && !run(&shards[0]) && !merge.join("build.json").exists(), "a shard that is missing");
    assert!(run(&shards[1]));
    pipeline.pushed_the_fleet(&merge.join("build.json"), "checkout/out");
}

#[test]
fn gitlab() {
    let pipeline = Pipeline::new("gitlab.yml", &["bash", "-eo", "pipefail"]);
    let (registry, base, (user, password, _)) = (format!("{}/acme", pipeline.host()), pipeline.base(), login());
    let pipeline = pipeline.set("GITLAB_CI", "true").set("CI", "true").set("CI_COMMIT_SHA", "0123abc");
    let pipeline = pipeline.set("CI_MERGE_REQUEST_DIFF_BASE_SHA", base).set("CI_REGISTRY_IMAGE", registry);
    let pipeline =
        pipeline.set("CI_REGISTRY_USER", user).set("CI_REGISTRY_PASSWORD", password).set("CI_NODE_TOTAL", "3");
    pipeline.passes(&["hardpan check"], &[]);
    pipeline.passes(&["hardpan affected"], &[]);
    pipeline.built_the_change("checkout/out");
    let unknown = [("CI_MERGE_REQUEST_DIFF_BASE_SHA", "0123456789")];
    assert!(!pipeline.step(&["hardpan affected"], &pipeline.checkout(), &unknown).status.success());
    pipeline.passes(&["--shard"], &[("CI_NODE_INDEX", "1")]);
    pipeline.passes(&["--shard"], &[("CI_NODE_INDEX", "3")]);
    assert!(!pipeline.step(&["hardpan merge"], &pipeline.checkout(), &[]).status.success(), "a shard that is missing");
    pipeline.passes(&["--shard"], &[("CI_NODE_INDEX", "2")]);
    pipeline.passes(&["hardpan merge"], &[]);
    pipeline.pushed_the_fleet(&pipeline.checkout().join("build.json"), "checkout/out");
}

#[test]
fn tekton() {
    let pipeline = Pipeline::new("tekton.yaml", &["sh"]);
    assert!(pipeline.scripts.iter().all(|script| script.starts_with("#!/bin/sh\nset -eu\n")));
    let (registry, base, (_, _, encoded)) = (format!("{}/acme", pipeline.host()), pipeline.base(), login());
    let (reports, credentials) = (pipeline.case.path("reports"), pipeline.case.path("credentials"));
    fs::create_dir(&reports).unwrap();
    fs::create_dir(&credentials).unwrap();
    let auths = json!({ "auths": { (pipeline.host()): { "auth": encoded } } });
    fs::write(credentials.join(".dockerconfigjson"), auths.to_string()).unwrap();
    pipeline.passes(&["hardpan check"], &[]);
    pipeline.passes(&["hardpan affected"], &[("BASE", &base)]);
    pipeline.built_the_change("job/images");
    assert!(!pipeline.step(&["hardpan affected"], &pipeline.checkout(), &[("BASE", "0123456789")]).status.success());
    let (reports_path, credentials) = (reports.display().to_string(), credentials.display().to_string());
    let shard = |number: &str| {
        let env = [("SHARD", number), ("REGISTRY", &registry), ("COMMIT", "0123abc")];
        pipeline
            .passes(&["--shard"], &[&env[..], &[("REPORTS", &reports_path), ("CREDENTIALS", &credentials)]].concat());
    };
    shard("1");
    shard("3");
    assert!(!pipeline.step(&["hardpan merge"], &reports, &[]).status.success(), "a shard that is missing");
    shard("2");
    assert!(pipeline.step(&["hardpan merge"], &reports, &[]).status.success());
    pipeline.pushed_the_fleet(&reports.join("build.json"), "job/images");
}

#[test]
fn jenkins() {
    let pipeline = Pipeline::new("jenkins/Jenkinsfile", &["sh", "-xe"]);
    let (registry, (user, password, _)) = (format!("{}/acme", pipeline.host()), login());
    let pipeline = pipeline.set("CHANGE_TARGET", "main").set("GIT_COMMIT", "0123abc").set("REGISTRY", registry);
    let pipeline = pipeline.set("REGISTRY_LOGIN_USR", user).set("REGISTRY_LOGIN_PSW", password);
    pipeline.passes(&["hardpan check"], &[]);
    pipeline.passes(&["hardpan affected"], &[]);
    pipeline.built_the_change("checkout/out");
    let unknown = [("CHANGE_TARGET", "other")];
    assert!(!pipeline.step(&["hardpan affected"], &pipeline.checkout(), &unknown).status.success());
    pipeline.passes(&["--shard"], &[("SHARD", "1")]);
    pipeline.passes(&["--shard"], &[("SHARD", "3")]);
    assert!(!pipeline.step(&["hardpan merge"], &pipeline.checkout(), &[]).status.success(), "a shard that is missing");
    pipeline.passes(&["--shard"], &[("SHARD", "2")]);
    pipeline.passes(&["hardpan merge"], &[]);
    pipeline.pushed_the_fleet(&pipeline.checkout().join("build.json"), "checkout/out");
}

/// The lines of a file without comments.
fn code(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim_start().starts_with("//")).collect()
}

#[test]
fn pipelines_have_the_least_rights() {
    let github = document("github.yml");
    let uses: Vec<_> =
        code(&github).into_iter().filter_map(|line| line.split_once("uses: ")).map(|(_, action)| action).collect();
    assert!(!uses.is_empty());
    for action in uses {
        let commit =
            action.strip_prefix("actions/checkout@").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{action}");
    }
    assert!(code(&github).contains(&"permissions: {}") && !github.contains("pull_request_target"));
    let jobs: Vec<&str> = github.split("\n\n  ").collect();
    let of = |word: &str| {
        jobs.iter().filter(|job| job.contains(word)).map(|job| job.split(':').next().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((of(": write"), of("secrets.")), (vec!["build"], vec!["build"]));
    let build = jobs.iter().find(|job| job.starts_with("build:")).expect("the job");
    assert!(build.contains("if: github.event_name == 'push'"), "no secret in a pull request");
    let checkouts = github.matches("uses: actions/checkout").count();
    assert_eq!(github.matches("persist-credentials: false").count(), checkouts);
    assert_eq!(github.matches("timeout-minutes:").count(), github.matches("runs-on:").count());
    // Nothing of a pull request is pasted into a script.
    for (name, marks) in [("github.yml", "${{"), ("tekton.yaml", "$("), ("jenkins/Jenkinsfile", "${")] {
        for script in scripts(&document(name)) {
            let pasted = script
                .lines()
                .any(|line| line.contains(marks) && !line.contains("$(hardpan") && !line.contains("$(tr "));
            assert!(!pasted, "{name}: {script}");
        }
    }
    assert!(!document("jenkins/Jenkinsfile").contains("\"\"\""), "Groovy would replace variables");
    let gitlab = document("gitlab.yml");
    let change = gitlab.split("\n\n").find(|job| job.starts_with("try:")).expect("the job");
    assert!(change.contains("policy: pull\n") && !change.contains("PASSWORD"), "{change}");
    let tekton = document("tekton.yaml");
    let tasks: Vec<_> = tekton.split("---\n").filter(|task| task.contains("\nkind: Task\n")).collect();
    assert_eq!(tasks.iter().filter(|task| task.contains("- name: credentials\n")).count(), 1);
    for key in ["runAsNonRoot: true", "readOnlyRootFilesystem: true", "allowPrivilegeEscalation: false", "drop: [ALL]"]
    {
        assert!(tasks.iter().all(|task| task.contains(key)), "{key}");
    }
    for name in ["github.yml", "gitlab.yml", "tekton.yaml", "jenkins/Jenkinsfile"] {
        let text = document(name);
        let images = code(&text).into_iter().filter(|line| line.contains("/jobs"));
        assert!(images.clone().count() > 0 && images.clone().all(|line| line.contains("/jobs@sha256:")), "{name}");
    }
}

/// The recipe of the jobs' image, on a base that breaks the rules as Debian's do. Without one of its exceptions it is refused.
#[test]
fn the_image_of_jobs() {
    let (program, recipe) = (elf::static_amd64, document("image/jobs.toml"));
    let mut tar = Tar::new();
    for path in ["bin/env", "bin/bash", "bin/gcc", "bin/apt", "bin/git", "bin/nsenter"] {
        tar = tar.file(&format!("usr/{path}"), 0o755, program());
    }
    let replaced: Vec<_> =
        recipe.split("[[file]]\nto      = \"/").skip(1).map(|file| file.split('"').next().unwrap()).collect();
    assert_eq!(replaced.len(), 14);
    for path in &replaced {
        tar = tar.file(path, 0o4755, program());
    }
    let tar = tar
        .file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/bash\n")
        .file("etc/group", 0o644, "root:x:0:\n")
        .file("etc/ssl/certs/ca-certificates.crt", 0o644, "");
    let base = Base::of([Stage::new(Family::Oci, "amd64").layer(tar, Packed::Gzip)]);
    let recipe = recipe.replace("docker.io/library/buildpack-deps:bookworm", "./base");
    let mut case = base.layout(Case::new(), "base").file("jobs.toml", &recipe).file("hardpan", program());
    for path in ["go/bin/go", "go/pkg/tool/linux_amd64/buildid", "rust/bin/cargo", "rust/lib/rustlib/x/bin/rust-lld"] {
        case = case.file(path, program());
    }
    for path in ["go/VERSION", "go/go.env", "go/lib/time/README", "go/src/fmt/print.go", "go/src/fmt/testdata/key.pem"]
    {
        case = case.file(path, "text\n");
    }
    case.run(["check", "jobs.toml"]).ok();
    let image = case.run(["build", "jobs.toml"]).ok().layout().image();
    let paths: Vec<_> = image.entries().into_keys().collect();
    let has = |end: &str| paths.iter().any(|path| path.ends_with(end));
    assert!(has("go/src/fmt/print.go") && has("rust/bin/cargo") && !has("key.pem"), "{paths:?}");
    let exceptions: Vec<&str> = recipe.split("[[policy.allow]]\n").skip(1).collect();
    assert_eq!(exceptions.len(), 6);
    for exception in exceptions {
        let rule = exception.split('"').nth(1).expect("a rule");
        // Programs that are linked as compilers are take more than a test's base has.
        if rule != "not-pie" {
            let without = recipe.replace(&format!("[[policy.allow]]\n{exception}"), "");
            let case = case.clone().file("without.toml", without);
            case.run(["build", "without.toml"]).fails(1).says(&format!("error[{rule}]"));
        }
        assert!(exception.contains("\nreason = \"") && exception.contains("\nuntil  = 2"), "{exception}");
    }
    // What the base has of programs that change users is gone.
    let kept = recipe.replacen("[[file]]\nto      = \"/usr/bin/su\"", "[[file]]\nto      = \"/usr/bin/other\"", 1);
    let case = case.file("without.toml", kept);
    case.run(["build", "without.toml"]).fails(1).says("error[setuid]");
}
