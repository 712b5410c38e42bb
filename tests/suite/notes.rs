//! What a build says of an image that it lets pass.

use crate::support::{
    case::{APP, Case},
    elf, elf_writer,
};

fn app(more: &str) -> Case {
    Case::new().recipe(&format!("{APP}{more}")).file("app", elf::static_amd64())
}

/// The note of a build's messages, as counts and command.
fn note(messages: &str) -> (String, String) {
    let notes: Vec<_> = messages.lines().filter(|line| line.starts_with("note: ")).collect();
    let [note] = notes.as_slice() else { panic!("{messages}") };
    let (_, rest) = note.split_once(" below the gate (").unwrap_or_else(|| panic!("{note}"));
    let (counts, command) = rest.split_once("): hardpan ").unwrap_or_else(|| panic!("{note}"));
    (counts.to_owned(), command.to_owned())
}

#[test]
fn findings_below_the_gate() {
    let two = "platforms = [\"linux/amd64\", \"linux/arm64\"]\n";
    let cases = [
        (app(""), &["build", "app.toml"][..]),
        (app("[run]\nports = [\"443/tcp\"]\n"), &["build", "app.toml"]),
        (
            app("")
                .edit("app.toml", |text| format!("{two}{}", text.replace("path = \"app\"", "path = \"app-{arch}\"")))
                .file("app-amd64", elf::static_amd64())
                .file("app-arm64", elf::static_arm64()),
            &["build", "app.toml"],
        ),
        // Large enough for its verdict to be remembered.
        (
            app("[[file]]\nfrom = \"noise\"\nto = \"/noise\"\n").file("noise", elf_writer::noise(8_000_000)),
            &["build", "app.toml"],
        ),
    ];
    for (case, arguments) in cases {
        let cache = case.path("../cache");
        let case = case.env("XDG_CACHE_HOME", cache);
        let built = case.run(arguments).ok();
        let (counts, command) = note(&built.messages());
        assert!(!built.stdout.contains("note"), "{}", built.stdout);
        let audit = case.run(command.split(' ')).ok();
        assert!(audit.stdout.contains(&format!("({counts})")), "{counts}:\n{}", audit.stdout);
        assert_eq!(note(&case.run(arguments).ok().messages()).0, counts, "the second time");
        let quiet: Vec<_> = arguments.iter().chain(&["--quiet"]).collect();
        assert!(!case.run(quiet).ok().messages().contains("note"));
    }
}

#[test]
fn nothing_is_said_where_nothing_was_found() {
    let case = app("").file(
        "policy.toml",
        "[policy]\nseverity = { not-pie = \"off\", missing-metadata = \"off\", no-dependency-data = \"off\" }\n",
    );
    let said = case.run(["build", "app.toml", "--policy", "policy.toml"]).ok().messages();
    assert!(!said.contains("note:"), "{said}");
}

#[test]
fn a_port_below_1024_is_told_once_at_its_line() {
    let two = "platforms = [\"linux/amd64\", \"linux/arm64\"]\n";
    let ports = "[run]\nports = [\"8080/tcp\", \"443\"]\n";
    let case = Case::new()
        .recipe(&format!("{two}[[binary]]\npath = \"app-{{arch}}\"\nto = \"/usr/bin/app\"\n{ports}"))
        .file("app-amd64", elf::static_amd64())
        .file("app-arm64", elf::static_arm64());
    let said = case.build().ok().messages();
    insta::assert_snapshot!(said.lines().filter(|line| !line.starts_with("layer")).collect::<Vec<_>>().join("\n"), @r#"
    warning: app.toml:6:22: the port 443/tcp is below 1024, and not every engine lets the user 65532:65532 listen there (`privileged-port`)
      |
    6 | ports = ["8080/tcp", "443"]
      |                      ^^^^^
    hint: take a port from 1024 up and map it outside; else the container needs `--sysctl net.ipv4.ip_unprivileged_port_start=0`, which Docker sets by itself and others may not
    write out/app
    note: 8 findings below the gate (4 low, 4 info): hardpan audit out/app
    "#);
    for waived in ["[[policy.allow]]\nrule = \"privileged-port\"\nreason = \"the balancer\"\nuntil = 9999-12-31\n", ""]
    {
        let case = app(&format!("[run]\nports = [\"{}\"]\n{waived}", if waived.is_empty() { "1024" } else { "80" }));
        let said = case.build().ok().messages();
        assert!(!said.contains("below 1024"), "{said}");
    }
}
