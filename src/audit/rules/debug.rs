//! NET006: doors that let a debugger into the running service.

use super::{
    super::{FindingPlace, image_view::ImageView, rule_notes::RuleNotes, setting_file::is_off},
    history_command::name,
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};

pub(super) const CHECK: RuleCheck = RuleCheck { rules: &[Rule::DebugDoor], files: false, run: check_debug };

/// Ports on which debuggers listen unless they are told otherwise.
const PORTS: [(u16, &str); 3] = [(5005, "Java"), (9229, "Node.js"), (2345, "Delve")];

/// Programs that run JavaScript, and take `--inspect` for an order.
const SCRIPT_RUNNERS: [&str; 8] = ["node", "nodejs", "nodemon", "ts-node", "tsx", "deno", "bun", "pm2"];

/// Addresses that only the container itself reaches.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

fn check_debug(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for (variable, value) in view.env() {
        if let Some((what, severity)) = variable_door(variable, value) {
            notes.weigh(Rule::DebugDoor, severity, FindingPlace::key(format!("config.Env[{variable}]")), what);
        }
    }
    for key in ["Entrypoint", "Cmd"] {
        let all = view.words(key);
        let words: Vec<&str> = all.iter().flat_map(|word| word.split_whitespace()).collect();
        // The arguments belong to the program of the entrypoint.
        let starts_script = || view.command().iter().flat_map(|word| word.split_whitespace()).any(is_script_runner);
        if let Some((what, severity)) = command_door(&words, starts_script()) {
            notes.weigh(Rule::DebugDoor, severity, FindingPlace::key(format!("config.{key}")), what);
        }
    }
    for port in view.keys("ExposedPorts") {
        let number = port.split('/').next().and_then(|number| number.parse::<u16>().ok());
        if let Some((number, of)) = PORTS.iter().find(|(known, _)| Some(*known) == number) {
            let message = format!("the port {number} is declared, on which debuggers of {of} listen");
            let place = FindingPlace::key(format!("config.ExposedPorts[{port}]"));
            notes.weigh(Rule::DebugDoor, Severity::Medium, place, message);
        }
    }
}

fn is_script_runner(word: &str) -> bool {
    SCRIPT_RUNNERS.contains(&name(word))
}

/// What a debugger of Java weighs by its address: one without a host is open to all in Java 8.
fn weight_of_agent(word: &str) -> Severity {
    if LOOPBACK.iter().any(|host| word.contains(host)) { Severity::Medium } else { Severity::High }
}

/// What another debugger weighs by the words that may name its address: without a host it listens to the container alone.
fn weight_of_address(words: &[&str]) -> Severity {
    let is_open = |word: &&str| {
        let address = word.rsplit('=').next().unwrap_or_default();
        let is_any = |host: &str| matches!(host, "" | "0.0.0.0" | "[::]" | "*");
        let port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        is_any(address) && !address.is_empty()
            || address.rsplit_once(':').is_some_and(|(host, number)| port(number) && is_any(host))
    };
    if words.iter().any(is_open) { Severity::High } else { Severity::Medium }
}

/// The door that a variable opens.
fn variable_door(variable: &str, value: &str) -> Option<(String, Severity)> {
    let is_set = !value.trim().is_empty() && !is_off(value);
    match variable {
        "NODE_OPTIONS" => value
            .split_whitespace()
            .find(|word| is_inspect(word))
            .map(|word| ("`NODE_OPTIONS` opens Node.js to debuggers".to_owned(), weight_of_address(&[word]))),
        "WERKZEUG_DEBUG_PIN" if value == "off" => {
            Some(("`WERKZEUG_DEBUG_PIN` lets everybody into the debugger of Werkzeug".to_owned(), Severity::High))
        }
        "FLASK_DEBUG" if is_set => Some((
            "`FLASK_DEBUG` runs the debugger of Werkzeug, which takes code from its page".to_owned(),
            Severity::Medium,
        )),
        "FLASK_ENV" if value == "development" => {
            let what = "`FLASK_ENV` runs the debugger of Werkzeug, which takes code from its page";
            Some((what.to_owned(), Severity::Medium))
        }
        "XDEBUG_MODE" if value.split(',').any(|mode| mode.trim() == "debug") => {
            Some(("`XDEBUG_MODE` lets PHP call a debugger".to_owned(), Severity::Medium))
        }
        "JPDA_ADDRESS" if is_set => {
            Some(("`JPDA_ADDRESS` is where Tomcat waits for a debugger".to_owned(), weight_of_agent(value)))
        }
        _ => value
            .split_whitespace()
            .find(|word| is_java_agent(word))
            .map(|word| (format!("`{variable}` opens Java to debuggers"), weight_of_agent(word))),
    }
}

/// The door that a command line opens.
fn command_door(words: &[&str], starts_script: bool) -> Option<(String, Severity)> {
    let told = |what: &str, severity| Some((format!("the service starts with {what}"), severity));
    if let Some(word) = words.iter().find(|word| is_java_agent(word)) {
        return told("the debugging agent of Java", weight_of_agent(word));
    }
    if starts_script && let Some(word) = words.iter().find(|word| is_inspect(word)) {
        return told("the inspector of Node.js", weight_of_address(&[word]));
    }
    let names: Vec<&str> = words.iter().map(|word| name(word)).collect();
    for (program, what) in [("dlv", "Delve"), ("gdbserver", "gdbserver"), ("debugpy", "debugpy"), ("rdbg", "rdbg")] {
        if names.contains(&program) {
            return told(what, weight_of_address(words));
        }
    }
    if names.contains(&"flask") && words.contains(&"--debug") {
        return told("the debugger of Werkzeug", Severity::Medium);
    }
    if words.contains(&"jpda") && names.iter().any(|name| name.starts_with("catalina")) {
        return told("the debugging agent of Java", Severity::High);
    }
    None
}

/// `--inspect`, `--inspect-brk` and `--inspect-wait`, with or without an address.
fn is_inspect(word: &str) -> bool {
    let option = word.split('=').next().unwrap_or_default();
    matches!(option, "--inspect" | "--inspect-brk" | "--inspect-wait" | "--inspect-brk-node")
}

/// An agent that waits for a debugger: without `server=y` it calls one, and waits for nobody.
fn is_java_agent(word: &str) -> bool {
    (word.contains("-agentlib:jdwp") || word.contains("-Xrunjdwp")) && word.contains("server=y")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::sample_image::{SampleImage, found};
    use super::*;

    fn weight_of(sample: &SampleImage) -> Option<Severity> {
        found(&sample.clone().layer([]).audit(), Rule::DebugDoor).first().map(|one| one.severity)
    }

    #[test]
    fn doors_in_variables_are_found_and_those_of_the_container_alone_weigh_less() {
        let with = |line: &str| weight_of(&SampleImage::new().env(&[line]));
        let (high, medium) = (Some(Severity::High), Some(Severity::Medium));
        let agent = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address";
        assert_eq!(with(&format!("JAVA_TOOL_OPTIONS=-Xmx1g {agent}=*:5005")), high);
        assert_eq!(with(&format!("X={agent}=127.0.0.1:5005")), medium);
        assert_eq!(with("JAVA_TOOL_OPTIONS=-agentlib:jdwp=transport=dt_socket,server=n,address=h:1"), None);
        assert_eq!(with("NODE_OPTIONS=--max-old-space-size=1 --inspect=0.0.0.0:9229"), high);
        assert_eq!(with("NODE_OPTIONS=--inspect=127.0.0.1"), medium);
        assert_eq!(with("NODE_OPTIONS=--inspector-is-none"), None);
        assert_eq!(with("WERKZEUG_DEBUG_PIN=off"), high);
        assert_eq!(with("FLASK_DEBUG=1"), medium);
        assert_eq!(with("FLASK_DEBUG=0"), None);
        assert_eq!(with("FLASK_ENV=production"), None);
        assert_eq!(with("XDEBUG_MODE=coverage,debug"), medium);
        assert_eq!(with("DEBUG=1"), None);
    }

    #[test]
    fn doors_in_commands_and_ports_are_found() {
        let with = |words: &[&str]| weight_of(&SampleImage::new().entrypoint(words));
        let (high, medium) = (Some(Severity::High), Some(Severity::Medium));
        assert_eq!(with(&["node", "--inspect-brk", "x.js"]), medium);
        assert_eq!(with(&["node", "--inspect=[::]:9229", "x.js"]), high);
        assert_eq!(with(&["/bin/sh", "-c", "exec node --inspect=localhost:1 x.js"]), medium);
        assert_eq!(with(&["/usr/bin/server", "--inspect"]), None, "another program's own option");
        assert_eq!(with(&["java", "-Xrunjdwp:server=y,address=5005", "X"]), high);
        assert_eq!(with(&["/go/bin/dlv", "exec", "/x", "--headless"]), medium);
        assert_eq!(with(&["/go/bin/dlv", "exec", "/x", "--headless", "--listen=:2345"]), high);
        assert_eq!(with(&["gdbserver", "0.0.0.0:1", "/x"]), high);
        assert_eq!(with(&["python", "-m", "debugpy", "--listen", "127.0.0.1:1"]), medium);
        assert_eq!(with(&["flask", "run", "--debug"]), medium);
        assert_eq!(with(&["catalina.sh", "jpda", "run"]), high);
        assert_eq!(with(&["/usr/bin/server", "--debug"]), None);
        let arguments = SampleImage::new().entrypoint(&["node"]).config("Cmd", json!(["--inspect", "x.js"]));
        assert_eq!(weight_of(&arguments), medium);
        for (port, expected) in [("5005/tcp", medium), ("9229", medium), ("2345/tcp", medium), ("5000/tcp", None)] {
            assert_eq!(weight_of(&SampleImage::new().port(port)), expected, "{port}");
        }
    }
}
