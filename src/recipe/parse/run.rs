//! Parses `[run]`: user, entrypoint, arguments, environment, ports, stop signal, labels.

use std::collections::BTreeMap;

use super::{
    super::{
        Located, RunSettings,
        shapes::{Loose, Pairs, Spanned, TomlTable},
        wording::{nearest, quoted},
        written,
    },
    recipe_text::{EXPECTED_STRING, RecipeText},
};
use crate::{
    oci::User,
    report::{ErrorName, Failure, Limits, Rule},
};

/// Signals by name, without `SIG`. The real-time ones are counted from `RTMIN` and `RTMAX`.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

/// `[run]`, or what stands for it.
pub(super) fn run(
    page: &RecipeText,
    at: Option<Spanned<TomlTable<written::WrittenRun>>>,
) -> Result<RunSettings, Failure> {
    let Some(at) = at else {
        return Ok(RunSettings {
            origin: page.origin(&(0..0)),
            user: User::default(),
            entrypoint: None,
            args: Vec::new(),
            env: BTreeMap::new(),
            workdir: None,
            ports: Vec::new(),
            stop_signal: None,
            labels: BTreeMap::new(),
        });
    };
    let TomlTable(table) = at.value;
    Ok(RunSettings {
        origin: page.origin(&at.span),
        user: table.user.map_or(Ok(User::default()), |at| user(page, &at))?,
        entrypoint: table.entrypoint.map(|at| entrypoint(page, at)).transpose()?,
        args: table.args.into_iter().map(|at| page.template("an argument", at)).collect::<Result<_, _>>()?,
        env: environment(page, table.env)?,
        workdir: table.workdir.map(|at| page.image_path(&at, true)).transpose()?,
        ports: ports(page, table.ports)?,
        stop_signal: table.stop_signal.map(|at| stop_signal(page, at)).transpose()?,
        labels: page.labels("a label", table.labels)?,
    })
}

/// `user`: two numbers, neither of them root's.
fn user(page: &RecipeText, at: &Spanned<Loose>) -> Result<User, Failure> {
    let text = at.value.text.as_str();
    let (uid, gid) = text.split_once(':').map_or((text, None), |(uid, gid)| (uid, Some(gid)));
    for (what, id) in [("user", Some(uid)), ("group", gid)] {
        if id.is_some_and(is_root) {
            return Err(page
                .refused(&at.span, Rule::RootUser, format!("the run {what} is root"))
                .hint("write a numeric user, such as `65532:65532`"));
        }
    }
    let word = quoted(text);
    let is_number = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    match gid {
        None if is_number(uid) => {
            let what = if at.value.quoted { "the run user has no group" } else { EXPECTED_STRING };
            return Err(page.failure(&at.span, what).hint(format!("write `\"{uid}:{uid}\"`")));
        }
        Some(gid) if is_number(uid) && is_number(gid) => {}
        _ => {
            return Err(page
                .failure(&at.span, format!("{word} is no numeric user"))
                .hint("write it as `uid:gid`, such as `65532:65532`"));
        }
    }
    let gid = gid.unwrap_or_default();
    if uid.starts_with('0') || gid.starts_with('0') {
        return Err(page.failure(&at.span, format!("a number in {word} begins with 0")));
    }
    let user = uid.parse().ok().zip(gid.parse().ok()).and_then(|(uid, gid)| User::new(uid, gid));
    user.ok_or_else(|| page.failure(&at.span, format!("a number in {word} is above {}, the last id", Limits::ID)))
}

/// Whether an id means root in any spelling: by name, `0`, `00`, `+0`, ` 0`, `0x0`.
fn is_root(id: &str) -> bool {
    let id = id.trim();
    let digits = id.trim_start_matches(['+', '-']);
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    id.eq_ignore_ascii_case("root") || (!digits.is_empty() && digits.bytes().all(|byte| byte == b'0'))
}

/// `entrypoint`: a program by its whole path, and its arguments.
fn entrypoint(page: &RecipeText, at: Spanned<Vec<Spanned<String>>>) -> Result<Located<Vec<String>>, Failure> {
    const HINT: &str = "leave it out for the only binary, or write `[\"/usr/bin/...\"]`";
    let Some(first) = at.value.first() else {
        return Err(page.failure(&at.span, "`entrypoint` is empty").hint(HINT));
    };
    if !first.value.starts_with('/') {
        let what = format!("{} is no absolute path in the image", quoted(&first.value));
        // There is no shell that would look it up.
        return Err(page.failure(&first.span, what).named(ErrorName::RecipePath).hint(HINT));
    }
    page.image_path(first, false)?;
    let origin = page.origin(&at.span);
    let words = at.value.into_iter().map(|at| Ok(page.plain("an argument", at)?.value));
    Ok(Located { value: words.collect::<Result<_, Failure>>()?, origin })
}

/// `env`.
fn environment(page: &RecipeText, pairs: Pairs) -> Result<BTreeMap<String, Located<String>>, Failure> {
    let mut environment = BTreeMap::new();
    for (key, value) in pairs.0 {
        page.variable_name(&key)?;
        let value = page.template(&format!("the variable {}", quoted(&key.value)), value)?;
        environment.insert(key.value, value);
    }
    Ok(environment)
}

/// `ports`, each as `number/protocol`.
fn ports(page: &RecipeText, list: Vec<Spanned<Loose>>) -> Result<Vec<Located<String>>, Failure> {
    let mut ports: Vec<Located<String>> = Vec::new();
    for at in list {
        let text = at.value.text.as_str();
        if !at.value.quoted {
            let hint = format!("write `\"{text}/tcp\"`");
            return Err(page.failure(&at.span, EXPECTED_STRING).hint(hint));
        }
        let word = quoted(text);
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            let failure = page.failure(&at.span, format!("{word} is no port"));
            return Err(failure.hint("write one port, such as `8080/tcp`"));
        }
        if !["tcp", "udp", "sctp"].contains(&protocol) {
            let failure = page.failure(&at.span, format!("unknown protocol in {word}"));
            return Err(failure.hint("known: `tcp`, `udp`, `sctp`"));
        }
        if number.starts_with('0') || !number.parse::<u16>().is_ok_and(|number| number > 0) {
            return Err(page.failure(&at.span, format!("{word} is no port; ports are 1 to 65535")));
        }
        let port = format!("{number}/{protocol}");
        if ports.iter().any(|other| other.value == port) {
            let what = format!("the port `{port}` is named twice");
            return Err(page.failure(&at.span, what).named(ErrorName::RecipeConflict));
        }
        ports.push(Located { value: port, origin: page.origin(&at.span) });
    }
    Ok(ports)
}

/// `stop-signal`: a name with `SIG`, or a number from 1 to 64.
fn stop_signal(page: &RecipeText, at: Spanned<Loose>) -> Result<String, Failure> {
    let text = at.value.text;
    let number = |text: &str| text.parse::<u8>().ok().filter(|_| !text.starts_with(['+', '0']));
    if !at.value.quoted {
        let hint = format!("write `\"{text}\"`, or its name, such as `\"SIGTERM\"`");
        return Err(page.failure(&at.span, EXPECTED_STRING).hint(hint));
    }
    // Linux has 64 signals; 34 to 64 are `RTMIN` to `RTMAX`.
    let real_time = |name: &str| match name.get(..5) {
        Some("RTMIN") => name.strip_prefix("RTMIN+").is_some_and(|n| number(n).is_some_and(|n| n <= 30)),
        Some("RTMAX") => name.strip_prefix("RTMAX-").is_some_and(|n| number(n).is_some_and(|n| n <= 30)),
        _ => false,
    };
    let known = |name: &str| SIGNALS.contains(&name) || ["RTMIN", "RTMAX"].contains(&name) || real_time(name);
    if number(&text).is_some_and(|number| (1..=64).contains(&number)) || text.strip_prefix("SIG").is_some_and(known) {
        return Ok(text);
    }
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    let failure = page.failure(&at.span, format!("unknown signal {}", quoted(&text)));
    let near = SIGNALS.iter().copied().find(|name| *name == bare).or_else(|| nearest(bare, SIGNALS));
    Err(match near {
        Some(near) => failure.hint(format!("did you mean `SIG{near}`?")),
        None => failure.hint("write a name, such as `SIGTERM`, or a number from 1 to 64"),
    })
}
