//! The image that each reader sees in the same bytes.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Map, Value, json};

use crate::support::{
    case::{Case, scratch},
    judges::tool,
    output::Output,
};

/// What hardpan sees, or why it sees nothing.
pub fn hardpan(case: &Case, image: &str) -> Result<Value, String> {
    let output = case.run(["inspect", "--json", image]);
    if output.code != 0 {
        return Err(output.fails(2).messages());
    }
    let seen: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let images = seen["contents"][0]["images"].as_array().expect("images");
    assert_eq!((seen["contents"].as_array().map(Vec::len), images.len()), (Some(1), 1), "{seen:#}");
    Ok(images[0].clone())
}

/// What hardpan's audit says of the place, where it could read it.
pub fn audit(case: &Case, image: &str) -> Result<Value, Output> {
    let output = case.run(["audit", "--json", image]);
    let Ok(report) = serde_json::from_str::<Value>(&output.stdout) else { return Err(output) };
    Ok(report["audits"][0]["images"][0].clone())
}

/// The parts of a config that containers are run by and that every reader has, without those that are empty.
pub fn config(config: &Value) -> Value {
    let run = ["User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal"];
    let mut kept = chosen(config, &["architecture", "os", "variant", "os.version", "os.features", "author", "created"]);
    kept.insert("rootfs".to_owned(), Value::Object(chosen(&config["rootfs"], &["type", "diff_ids"])));
    kept.insert("config".to_owned(), Value::Object(chosen(&config["config"], &run)));
    let line = |line| Value::Object(chosen(line, &["created", "created_by", "author", "comment", "empty_layer"]));
    kept.insert("history".to_owned(), config["history"].as_array().into_iter().flatten().map(line).collect());
    Value::Object(kept)
}

fn chosen(of: &Value, keys: &[&str]) -> Map<String, Value> {
    let is_empty = |value: &Value| [json!(null), json!(""), json!([]), json!({}), json!(false)].contains(value);
    keys.iter().filter(|key| !is_empty(&of[**key])).map(|key| ((*key).to_owned(), of[*key].clone())).collect()
}

/// The config as skopeo decodes it, where it takes the image.
pub fn skopeo_config(image: &str) -> Option<Value> {
    json_of(tool("skopeo").args(["--insecure-policy", "inspect", "--config", image]))
}

/// Digests of the layers that skopeo would copy, the lowest first.
pub fn skopeo_layers(image: &str) -> Option<Value> {
    Some(json_of(tool("skopeo").args(["--insecure-policy", "inspect", image]))?["Layers"].clone())
}

/// How umoci would run the image.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    pub user: (u64, u64),
    pub arguments: Vec<String>,
    pub variables: BTreeSet<String>,
    pub folder: String,
    pub files: BTreeSet<String>,
}

/// What umoci unpacks, where it takes the image.
pub fn umoci(folder: &Path) -> Option<Run> {
    let scratch = scratch();
    let bundle = scratch.path().join("bundle");
    let mut command = tool("umoci");
    command.args(["unpack", "--image"]).arg(format!("{}:image", folder.display())).arg(&bundle);
    if !command.stdin(Stdio::null()).output().expect("umoci").status.success() {
        return None;
    }
    let spec: Value = serde_json::from_slice(&fs::read(bundle.join("config.json")).expect("a config")).expect("JSON");
    let process = &spec["process"];
    let entries = fs::read_dir(bundle.join("rootfs")).expect("files");
    Some(Run {
        user: (number(&process["user"]["uid"]), number(&process["user"]["gid"])),
        arguments: texts(&process["args"]),
        variables: texts(&process["env"]).into_iter().filter(|variable| is_ours(variable)).collect(),
        folder: process["cwd"].as_str().expect("a folder").to_owned(),
        files: entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect(),
    })
}

/// How umoci has to run the image that hardpan sees, where the words of the config mean the same to everybody.
pub fn run_of(seen: &Value) -> Run {
    let run = &seen["config"]["config"];
    let user = run["User"].as_str().unwrap_or_default();
    let (uid, gid) = user.split_once(':').unwrap_or((user, ""));
    let arguments = [texts(&run["Entrypoint"]), texts(&run["Cmd"])].concat();
    let layers = seen["layers"].as_array().expect("layers");
    let entries = layers.iter().flat_map(|layer| layer["entries"].as_array().expect("entries"));
    Run {
        user: (uid.parse().unwrap_or_default(), gid.parse().unwrap_or_default()),
        // What umoci starts where the image names nothing.
        arguments: if arguments.is_empty() { vec!["sh".to_owned()] } else { arguments },
        variables: texts(&run["Env"]).into_iter().filter(|variable| is_ours(variable)).collect(),
        folder: run["WorkingDir"].as_str().filter(|folder| !folder.is_empty()).unwrap_or("/").to_owned(),
        files: entries.map(|entry| entry["path"].as_str().expect("a path").trim_matches('/').to_owned()).collect(),
    }
}

/// Whether a variable is none of those that umoci sets itself.
fn is_ours(variable: &str) -> bool {
    !["PATH=", "HOME=", "TERM="].iter().any(|own| variable.starts_with(own))
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn json_of(command: &mut Command) -> Option<Value> {
    let output = command.stdin(Stdio::null()).output().expect("the judge");
    output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
}
