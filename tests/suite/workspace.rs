//! What recipes share: the defaults of a workspace, files that they extend, and the bound of their paths without git.

use std::fs;

use serde_json::Value;

use crate::support::{
    case::{APP, Case},
    elf, tls,
};

mod shared_inputs;

/// Two recipes below a workspace; `shared` is the content of `hardpan.workspace.toml`.
fn workspace(shared: &str) -> Case {
    Case::new()
        .file("hardpan.workspace.toml", shared)
        .file("svc/app", elf::static_amd64())
        .file("svc/app.toml", APP)
        .cwd("svc")
}

/// What `plan --recipe` prints.
fn resolved(case: &Case) -> String {
    case.run(["plan", "app.toml", "--recipe"]).ok().stdout
}

/// The config of the image of `svc/app.toml`, and its digest.
fn config(case: &Case) -> (Value, String) {
    let built = case.build().ok();
    (built.layout().image().config["config"].clone(), built.digest())
}

const DEFAULTS: &str = r#"# what all services have in common
[defaults]
platforms = ["linux/amd64"]
annotations = { "org.opencontainers.image.vendor" = "Acme", "org.opencontainers.image.title" = "{name}" }
[defaults.run]
user = "1000:1000"
ports = ["8080/tcp"]
env = { LOG = "info", REGION = "eu" }
labels = { team = "shared" }
[defaults.system]
timezones = true
extra-certificates = ["certs/root.pem"]
[defaults.policy]
fail-on = "low"
[[defaults.policy.allow]]
rule = "not-pie"
reason = "the compiler has no position independent code"
until = 2099-12-31
"#;

#[test]
fn values_that_are_inherited_give_the_image_of_values_that_are_written() {
    let case = workspace(DEFAULTS)
        .file("certs/root.pem", tls::papers().0)
        .edit("svc/app.toml", |text| format!("annotations = {{ \"org.opencontainers.image.title\" = \"own\" }}\n{text}[run]\nenv = {{ LOG = \"debug\" }}\nports = [\"9090/tcp\"]\n"));
    let (config, digest) = config(&case);
    assert_eq!(config["User"], "1000:1000");
    assert_eq!(config["ExposedPorts"], serde_json::json!({ "9090/tcp": {} }), "arrays replace");
    assert_eq!(config["Labels"]["team"], "shared");
    let env: Vec<_> = config["Env"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(env.contains(&"LOG=debug") && env.contains(&"REGION=eu"), "tables are merged: {env:?}");
    // Written out, in the folder of the recipe and without a workspace, it is the same image.
    let text = resolved(&case);
    for line in [
        "name = \"app\"",
        "user = \"1000:1000\"  # ../hardpan.workspace.toml:6:8",
        "LOG = \"debug\"\nREGION = \"eu\"  # ../hardpan.workspace.toml:8:32",
        "extra-certificates = [\"../certs/root.pem\"]  # ../hardpan.workspace.toml:12:22",
        "\"org.opencontainers.image.title\" = \"own\"\n",
        "# ../hardpan.workspace.toml:15:1\n[[policy.allow]]\nreason = ",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let case = case.file("svc/app.toml", &text);
    assert_eq!(config_digest(&case), digest, "below the workspace\n{text}");
    assert_eq!(resolved(&case).matches("[[policy.allow]]").count(), 1, "an exception is one");
    fs::remove_file(case.path("hardpan.workspace.toml")).unwrap();
    let alone = case.run(["build", "app.toml", "--allow-outside"]).ok();
    assert_eq!(alone.digest(), digest, "without it\n{text}");
}

fn config_digest(case: &Case) -> String {
    config(case).1
}

#[test]
fn a_chain_of_files_counts_nearest_first_and_its_paths_are_its_own() {
    let case = workspace("[defaults]\nrun.workdir = \"/workspace\"\nrun.labels = { d = \"workspace\" }\n")
        .file("svc/app.toml", format!("extends = \"../shared/web.toml\"\n{APP}[run.labels]\na = \"own\"\n"))
        .file(
            "shared/web.toml",
            "extends = \"deep/all.toml\"\n[vars]\nzone = \"eu\"\n[[file]]\nfrom = \"motd.txt\"\nto = \"/etc/motd\"\n\
             [run.labels]\na = \"web\"\nb = \"web {zone}\"\n",
        )
        .file(
            "shared/deep/all.toml",
            "[[tree]]\nfrom = \"static\"\nto = \"/srv\"\ninclude = [\"*\"]\n[run]\nworkdir = \"/srv\"\n\
             labels = { a = \"all\", b = \"all\", c = \"all\", d = \"all\" }\n",
        )
        .file("shared/motd.txt", "hello\n")
        .file("shared/deep/static/index.html", "<p>\n");
    let (config, digest) = config(&case);
    assert_eq!(config["Labels"], serde_json::json!({ "a": "own", "b": "web eu", "c": "all", "d": "all" }));
    assert_eq!(config["WorkingDir"], "/srv");
    let image = case.build().ok().layout().image();
    assert_eq!(image.entry("etc/motd").content, b"hello\n");
    assert_eq!(image.entry("srv/index.html").content, b"<p>\n");
    let text = resolved(&case);
    assert!(text.contains("# ../shared/web.toml:4:1\n[[file]]\nfrom = \"../shared/motd.txt\"\n"), "{text}");
    assert_eq!(config_digest(&case.clone().file("svc/app.toml", text)), digest);
    // Lines are those of the files that they are in.
    let case = case.file("svc/app.toml", format!("extends = \"../shared/web.toml\"\n{APP}"));
    let plan: Value = serde_json::from_str(&case.run(["plan", "app.toml", "--json"]).ok().stdout).unwrap();
    let layers = plan["plans"][0]["images"][0]["layers"].as_array().unwrap();
    let entry = |path: &str| {
        let entries = layers.iter().flat_map(|layer| layer["entries"].as_array().unwrap());
        entries.clone().find(|entry| entry["path"] == path).unwrap_or_else(|| panic!("{path}: {plan}")).clone()
    };
    assert_eq!((&entry("/etc/motd")["file"], &entry("/etc/motd")["line"]), (&"../shared/web.toml".into(), &6.into()));
    assert_eq!((&entry("/usr/bin/app")["file"], &entry("/usr/bin/app")["line"]), (&Value::Null, &4.into()));
    let inputs = case.run(["plan", "app.toml", "--inputs"]).ok().stdout;
    for input in
        ["input recipe       app.toml", "input recipe       ../shared/deep/all.toml", "input file         /etc/motd"]
    {
        assert!(inputs.contains(input), "{input}\n{inputs}");
    }
    let several: Value =
        serde_json::from_str(&case.run(["plan", "app.toml", "--recipe", "--json"]).ok().stdout).unwrap();
    assert_eq!(
        several["recipes"][0]["files"],
        serde_json::json!(["../shared/web.toml", "../shared/deep/all.toml", "../hardpan.workspace.toml"])
    );
}

/// What is wrong with a shared file has a message at its own line; one line a case: file, text, exit code, message.
#[test]
fn mistakes_are_told_in_the_file_where_they_stand() {
    let ws = "hardpan.workspace.toml";
    for (path, text, code, said) in [
        (ws, "[default]\n", 2, "error[recipe-key]: ../hardpan.workspace.toml:1:2: unknown key `default`"),
        (ws, "[defaults]\nname = \"x\"\n", 2, "../hardpan.workspace.toml:2:1: unknown key `name`"),
        (ws, "[defaults.run]\nuser = \"0:0\"\n", 1, "root-user]: ../hardpan.workspace.toml:2:8: the run user is root"),
        (ws, "[defaults]\nplatforms = [\"linux/amd46\"]\n", 2, "../hardpan.workspace.toml:2:14: "),
        (ws, "lock = \"yes\"\n", 2, "../hardpan.workspace.toml:1:8: expected a boolean, found a string"),
        (ws, "recipes = [\"../*.toml\"]\n", 2, "../hardpan.workspace.toml:1:12: a pattern of recipes is a path below"),
        (
            ws,
            "[defaults.system]\nextra-certificates = [\"none.pem\"]\n",
            2,
            "../hardpan.workspace.toml:2:23: `../none.pem` does not exist",
        ),
        (
            ws,
            "[defaults]\nrun.env = { A = \"{nope}\" }\n",
            2,
            "../hardpan.workspace.toml:2:18: unknown variable `nope`",
        ),
        // A mistake is one also where the recipe says otherwise.
        (ws, "[defaults]\nrun.workdir = 5\n", 2, "../hardpan.workspace.toml:2:15: expected a string, found an integer"),
        (
            ws,
            "[defaults.policy]\nfail-on = \"critical\"\n",
            2,
            "../hardpan.workspace.toml:2:11: a recipe cannot loosen",
        ),
        ("common.toml", "name = \"x\"\n", 2, "../common.toml:1:1: `name` stands in the recipe itself"),
        ("common.toml", "[[binary]]\ngo = \".\"\n", 2, "../common.toml:1:3: `binary` stands in the recipe itself"),
        (
            "common.toml",
            "extends = \"common.toml\"\n",
            2,
            "../common.toml:1:11: files extend one another in a circle: `../common.toml`, `../common.toml`",
        ),
        ("common.toml", "extends = \"svc/app.toml\"\n", 2, "in a circle: `app.toml`, `../common.toml`, `app.toml`"),
        ("common.toml", "extends = \"none.toml\"\n", 2, "../common.toml:1:11: `../none.toml` does not exist"),
        (
            "common.toml",
            "extends = \"../above.toml\"\n",
            2,
            "error[input-outside]: ../common.toml:1:11: `../../above.toml` is outside of the workspace",
        ),
        (
            "common.toml",
            "[[dir]]\nto = \"/usr/bin/app\"\n",
            2,
            "app.toml:4:6: `/usr/bin/app` is on line 2 of `../common.toml` already",
        ),
        ("common.toml", "name = \n", 2, "../common.toml:1:8: not valid TOML"),
    ] {
        let case = workspace("")
            .file(
                "svc/app.toml",
                format!("extends = \"../common.toml\"\n{APP}run.workdir = \"/\"\n")
                    .replace("run.workdir", "[run]\nworkdir"),
            )
            .file("common.toml", "")
            .file("../above.toml", "")
            .file(path, text);
        case.build().fails(code).says(said);
        case.run(["check", "app.toml"]).fails(code).says(said);
    }
    let long = workspace("").file("svc/app.toml", format!("extends = \"1.toml\"\n{APP}"));
    let long =
        (1..12).fold(long, |case, at| case.file(format!("svc/{at}.toml"), format!("extends = \"{}.toml\"\n", at + 1)));
    long.build().fails(2).says("8.toml:1:11: more than 8 files extend one another");
    let link = workspace("").link("svc/hardpan.workspace.toml", "../../outside.toml").file("../outside.toml", "secret");
    link.build().fails(2).says("hardpan.workspace.toml: `hardpan.workspace.toml` is outside of the recipe's folder");
    let folder = workspace("").folder("svc/hardpan.workspace.toml");
    folder.build().fails(2).says("error[file-kind]: hardpan.workspace.toml: the workspace is no regular file");
    for bad in ["/etc/passwd", "", "x/", "{name}.toml"] {
        let case = workspace("").file("svc/app.toml", format!("extends = \"{bad}\"\n{APP}"));
        case.build().fails(2).says("app.toml:1:11: `extends` is the path of a file, relative to this one");
    }
}

#[test]
fn a_shared_policy_is_tightened_and_never_loosened() {
    let shared = "[defaults.policy]\nfail-on = \"low\"\nmax-size = \"30MB\"\nwaivers = false\nregistries = [\"ghcr.io/acme\"]\nseverity = { healthcheck = \"medium\" }\n";
    for (policy, said) in [
        (
            "fail-on = \"medium\"",
            Some("app.toml:5:11: this loosens the policy of ../hardpan.workspace.toml:2:11, which fails on `low`"),
        ),
        ("fail-on = \"info\"", None),
        ("max-size = \"31MB\"", Some("which allows `30MB`")),
        ("max-size = \"29MB\"", None),
        ("waivers = true", Some("which lets no exception count")),
        (
            "registries = [\"docker.io\"]",
            Some("app.toml:5:15: this loosens the policy of ../hardpan.workspace.toml:5:14"),
        ),
        ("registries = [\"ghcr.io/acmes\"]", Some("which allows other registries alone")),
        ("registries = []", Some("which allows certain registries alone")),
        ("registries = [\"ghcr.io/acme/team\"]", None),
        ("severity = { healthcheck = \"low\" }", Some("which weighs healthcheck `medium`")),
    ] {
        let case = workspace(shared).file("svc/app.toml", format!("{APP}[policy]\n{policy}\n"));
        let parsed = case.run(["plan", "app.toml", "--recipe"]);
        match said {
            Some(said) => drop(parsed.fails(2).says("error[policy]: ").says(said)),
            None => drop(parsed.ok()),
        }
    }
    // An exception that all share is named by its place when it ends.
    let ended = "[[defaults.policy.allow]]\nrule = \"not-pie\"\nreason = \"x\"\nuntil = 2020-01-01\n";
    let built = workspace(&format!("[defaults.policy]\nfail-on = \"low\"\n{ended}")).build().fails(1);
    built.says("hint: the exception at ../hardpan.workspace.toml:3:1 ended on 2020-01-01");
    workspace(&format!("[defaults.policy]\nfail-on = \"low\"\n{}", ended.replace("2020", "2090"))).build().ok();
}

#[test]
fn without_git_paths_stay_in_the_workspace() {
    let case = workspace("")
        .file("data.txt", "shared\n")
        .file("svc/app.toml", format!("{APP}[[file]]\nfrom = \"../data.txt\"\nto = \"/data\"\n"));
    case.build().ok();
    case.run(["check", "app.toml"]).ok();
    let above = case
        .clone()
        .file("../above.txt", "x")
        .edit("svc/app.toml", |text| text.replace("../data.txt", "../../above.txt"));
    above.build().fails(2).says("`../../above.txt` is outside of the workspace");
    // A checkout is the bound where there is one, and what is above it is no workspace of its recipes.
    let case = case.edit("svc/app.toml", |text| text.replace("../../above.txt", "../data.txt"));
    case.clone().folder("svc/.git").build().fails(2).says("outside of the recipe's folder");
    let sealed = workspace("[defaults]\nrun.user = \"1:1\"\n").folder("svc/.git");
    assert_eq!(config(&sealed).0["User"], "65532:65532");
}

#[test]
fn no_output_goes_over_a_shared_file() {
    let case =
        workspace("").file("common.toml", "").file("svc/app.toml", format!("extends = \"../common.toml\"\n{APP}"));
    for (path, what) in [
        ("../common.toml", "a file that a recipe shares"),
        ("../hardpan.workspace.toml", "a file that a recipe shares"),
        ("hardpan.workspace.toml", "the workspace of a recipe"),
    ] {
        case.run(["build", "app.toml", "--metadata-file", path])
            .fails(2)
            .says(&format!("`--metadata-file` would be written over {what}"));
    }
    assert_eq!(fs::read_to_string(case.path("common.toml")).unwrap(), "");
}
