//! What a recipe may have wrong, each of which somebody else refuses: the parser, the resolver, the early check or the audit.

use super::recipes::RandomRecipe;
use crate::support::elf;

/// A fault in words, and what makes it in a recipe.
type Fault = (&'static str, fn(&mut RandomRecipe));

pub const FAULTS: [Fault; 32] = [
    ("a link to nothing", |recipe| recipe.add("[[symlink]]\nto = \"/srv/dangling\"\ntarget = \"/nowhere\"\n")),
    ("a link to itself", |recipe| recipe.add("[[symlink]]\nto = \"/srv/loop\"\ntarget = \"loop\"\n")),
    ("a missing source", |recipe| file(recipe, "from = \"none\"", "/srv/missing")),
    ("a path twice", |recipe| {
        let path = format!("/usr/bin/{}", recipe.name);
        file(recipe, "text = \"x\"", &path);
    }),
    ("a path below a file", |recipe| {
        let path = format!("/usr/bin/{}/below", recipe.name);
        file(recipe, "text = \"x\"", &path);
    }),
    ("a path through a link", |recipe| {
        recipe.add("[[symlink]]\nto = \"/srv/through\"\ntarget = \"/usr/bin\"\n");
        file(recipe, "text = \"x\"", "/srv/through/file");
    }),
    ("a token", |recipe| {
        let token = format!("text = \"gl{}-{}\"", "pat", "a8Kd02mZqLx7TnVw3YpR");
        file(recipe, &token, "/srv/token");
    }),
    ("a shell", |recipe| program(recipe, "/usr/bin/dash", elf::static_amd64())),
    ("a dynamic program", |recipe| program(recipe, "/usr/bin/dynamic", elf::dynamic_amd64())),
    ("a truncated program", |recipe| program(recipe, "/usr/bin/truncated", elf::truncated_amd64())),
    ("no program", |recipe| program(recipe, "/usr/bin/text", b"#!/bin/sh\n".to_vec())),
    ("a library with its folders", |recipe| {
        let library = elf::Elf::shared_object(elf::Machine::Amd64, "libx.so").needs("liby.so").bytes();
        recipe.source("libx.so", library);
        let from = format!("from = \"{}-in/libx.so\"", recipe.name);
        file(recipe, &from, "/usr/lib/libx.so");
    }),
    ("root", |recipe| recipe.run = recipe.run.replace("user = ", "# ") + "user = \"0:1\"\n"),
    ("a budget", |recipe| recipe.policy.push_str("max-size = \"1kB\"\n")),
    ("a heavier rule", |recipe| recipe.policy.push_str("severity = { missing-metadata = \"high\" }\n")),
    ("a lower threshold", |recipe| recipe.policy.push_str("fail-on = \"info\"\n")),
    ("a mode", |recipe| file(recipe, "mode = \"4555\"\ntext = \"x\"", "/srv/mode")),
    ("an empty tree", |recipe| recipe.add("[[tree]]\nfrom = \".\"\nto = \"/srv\"\ninclude = [\"nothing-*\"]\n")),
    ("the loader's list", |recipe| file(recipe, "text = \"/srv/x.so\\n\"", "/etc/ld.so.preload")),
    ("an account without a password", |recipe| accounts(recipe, "root::0:0::/:/x\\nuser:x:65532:65532::/:/x\\n")),
    ("accounts without the run user", |recipe| accounts(recipe, "root:x:0:0::/:/x\\n")),
    ("a volume over the system", |recipe| folder(recipe, "/etc", "volume = true\n")),
    ("a folder of programs that can be written", |recipe| folder(recipe, "/usr/bin", "")),
    ("a link to the machine", |recipe| {
        recipe.add("[[symlink]]\nto = \"/srv/self\"\ntarget = \"/proc/self/exe\"\n");
    }),
    ("a range of ports", |recipe| recipe.run = recipe.run.replace("ports = ", "# ") + "ports = [\"9000-9003/tcp\"]\n"),
    ("a port with a zero", |recipe| recipe.run = recipe.run.replace("ports = ", "# ") + "ports = [\"08080\"]\n"),
    ("an id that is none", |recipe| recipe.run = recipe.run.replace("user = ", "# ") + "user = \"4294967294:2\"\n"),
    ("a variable for the loader", |recipe| {
        recipe.run = recipe.run.replace("env = ", "# ") + "env = { LD_PRELOAD = \"/x\" }\n";
    }),
    ("an entrypoint that is not there", |recipe| "entrypoint = [\"/usr/bin/none\"]\n".clone_into(&mut recipe.run)),
    ("a name that is too long", |recipe| file(recipe, "text = \"x\"", &format!("/srv/{}", "x".repeat(256)))),
    ("a whiteout", |recipe| file(recipe, "text = \"x\"", "/srv/.wh.x")),
    ("an unknown key", |recipe| recipe.top.push_str("unknown = 1\n")),
];

fn file(recipe: &mut RandomRecipe, lines: &str, to: &str) {
    recipe.add(&format!("[[file]]\n{lines}\nto = \"{to}\"\n"));
}

/// Accounts that the author writes.
fn accounts(recipe: &mut RandomRecipe, text: &str) {
    "passwd = false\n".clone_into(&mut recipe.system);
    let lines = format!("text = \"{text}\"\n{}", recipe.replace());
    file(recipe, &lines, "/etc/passwd");
}

fn folder(recipe: &mut RandomRecipe, to: &str, lines: &str) {
    let replace = recipe.replace();
    recipe.add(&format!("[[dir]]\nto = \"{to}\"\nwritable = true\n{lines}{replace}"));
}

fn program(recipe: &mut RandomRecipe, to: &str, bytes: Vec<u8>) {
    recipe.source("fault", bytes);
    let name = recipe.name.clone();
    recipe.add(&format!("[[binary]]\npath = \"{name}-in/fault\"\nto = \"{to}\"\n"));
}
