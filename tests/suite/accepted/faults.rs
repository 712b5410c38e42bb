//! What a recipe may have wrong, each of which somebody else refuses: the parser, the resolver, the early check or the audit.

use super::recipes::RandomRecipe;
use crate::support::elf;

/// What to do to a recipe.
type Change = fn(&mut RandomRecipe);

pub const FAULTS: [(&str, Change); 32] = [
    ("a link to nothing", |one| one.add("[[symlink]]\nto = \"/srv/dangling\"\ntarget = \"/nowhere\"\n")),
    ("a link to itself", |one| one.add("[[symlink]]\nto = \"/srv/loop\"\ntarget = \"loop\"\n")),
    ("a missing source", |one| file(one, "from = \"none\"", "/srv/missing")),
    ("a path twice", |one| {
        let path = format!("/usr/bin/{}", one.name);
        file(one, "text = \"x\"", &path);
    }),
    ("a path below a file", |one| {
        let path = format!("/usr/bin/{}/below", one.name);
        file(one, "text = \"x\"", &path);
    }),
    ("a path through a link", |one| {
        one.add("[[symlink]]\nto = \"/srv/through\"\ntarget = \"/usr/bin\"\n");
        file(one, "text = \"x\"", "/srv/through/file");
    }),
    ("a token", |one| {
        let token = format!("text = \"gl{}-{}\"", "pat", "a8Kd02mZqLx7TnVw3YpR");
        file(one, &token, "/srv/token");
    }),
    ("a shell", |one| program(one, "/usr/bin/dash", elf::static_amd64())),
    ("a dynamic program", |one| program(one, "/usr/bin/dynamic", elf::dynamic_amd64())),
    ("a truncated program", |one| program(one, "/usr/bin/truncated", elf::truncated_amd64())),
    ("no program", |one| program(one, "/usr/bin/text", b"#!/bin/sh\n".to_vec())),
    ("a library with its folders", |one| {
        let library = elf::Elf::shared_object(elf::Machine::Amd64, "libx.so").needs("liby.so").bytes();
        one.source("libx.so", library);
        let from = format!("from = \"{}-in/libx.so\"", one.name);
        file(one, &from, "/usr/lib/libx.so");
    }),
    ("root", |one| one.run = one.run.replace("user = ", "# ") + "user = \"0:1\"\n"),
    ("a budget", |one| one.policy.push_str("max-size = \"1kB\"\n")),
    ("a heavier rule", |one| one.policy.push_str("severity = { missing-metadata = \"high\" }\n")),
    ("a lower threshold", |one| one.policy.push_str("fail-on = \"info\"\n")),
    ("a mode", |one| file(one, "mode = \"4555\"\ntext = \"x\"", "/srv/mode")),
    ("an empty tree", |one| one.add("[[tree]]\nfrom = \".\"\nto = \"/srv\"\ninclude = [\"nothing-*\"]\n")),
    ("the loader's list", |one| file(one, "text = \"/srv/x.so\\n\"", "/etc/ld.so.preload")),
    ("an account without a password", |one| accounts(one, "root::0:0::/:/x\\nuser:x:65532:65532::/:/x\\n")),
    ("accounts without the run user", |one| accounts(one, "root:x:0:0::/:/x\\n")),
    ("a volume over the system", |one| folder(one, "/etc", "volume = true\n")),
    ("a folder of programs that can be written", |one| folder(one, "/usr/bin", "")),
    ("a link to the machine", |one| {
        one.add("[[symlink]]\nto = \"/srv/self\"\ntarget = \"/proc/self/exe\"\n");
    }),
    ("a range of ports", |one| one.run = one.run.replace("ports = ", "# ") + "ports = [\"9000-9003/tcp\"]\n"),
    ("a port with a zero", |one| one.run = one.run.replace("ports = ", "# ") + "ports = [\"08080\"]\n"),
    ("an id that is none", |one| one.run = one.run.replace("user = ", "# ") + "user = \"4294967294:2\"\n"),
    ("a variable for the loader", |one| one.run = one.run.replace("env = ", "# ") + "env = { LD_PRELOAD = \"/x\" }\n"),
    ("an entrypoint that is not there", |one| "entrypoint = [\"/usr/bin/none\"]\n".clone_into(&mut one.run)),
    ("a name that is too long", |one| file(one, "text = \"x\"", &format!("/srv/{}", "x".repeat(256)))),
    ("a whiteout", |one| file(one, "text = \"x\"", "/srv/.wh.x")),
    ("an unknown key", |one| one.top.push_str("unknown = 1\n")),
];

fn file(one: &mut RandomRecipe, lines: &str, to: &str) {
    one.add(&format!("[[file]]\n{lines}\nto = \"{to}\"\n"));
}

/// Accounts that the author writes.
fn accounts(one: &mut RandomRecipe, text: &str) {
    "passwd = false\n".clone_into(&mut one.system);
    let lines = format!("text = \"{text}\"\n{}", one.replace());
    file(one, &lines, "/etc/passwd");
}

fn folder(one: &mut RandomRecipe, to: &str, lines: &str) {
    let replace = one.replace();
    one.add(&format!("[[dir]]\nto = \"{to}\"\nwritable = true\n{lines}{replace}"));
}

fn program(one: &mut RandomRecipe, to: &str, bytes: Vec<u8>) {
    one.source("fault", bytes);
    let name = one.name.clone();
    one.add(&format!("[[binary]]\npath = \"{name}-in/fault\"\nto = \"{to}\"\n"));
}
