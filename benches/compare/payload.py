"""What goes into the images: programs of the toolchains, many small files, one large file."""

import os, random, shutil, subprocess

from .measure import Failed, output

PROGRAMS_BYTES, LARGE_BYTES, SMALL_FILES = 100_000_000, 4 << 30, 50_000
# Smaller ones are hardly programs; larger ones are taken last, because a payload is more than a file or two.
LEAST, USUAL, MOST = 1_000_000, 16_000_000, 60_000_000

HEAD = '[[binary]]\npath = "{program}"\nto = "/usr/bin/app"\n\n'
FILE = '[[file]]\nfrom = "programs/{name}"\nto = "/srv/payload/{name}"\nmode = "0555"\n\n'
TAIL = '[system]\ncertificates = "none"\n\n[policy]\nmax-size = "8000MB"\n'


class Payload:
    """Folders of inputs, recipes for them, and how large they are."""

    def __init__(self, folder, repository, smoke):
        self.folder, self.smoke = folder, smoke
        self.small_program = os.path.join(repository, "recipes/prebuilt/hello-amd64")
        shutil.copy(self.small_program, self.path("app"))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def programs(self):
        """P: programs of Go and Rust in turn. The image names them by number: their names are
        those of compilers, which the gate refuses."""
        if os.path.exists(self.path("p.toml")):
            return
        os.mkdir(self.path("programs"))
        wanted = 900_000 if self.smoke else PROGRAMS_BYTES
        self.programs_count, total, recipe = 0, 0, HEAD.format(program="app")
        for source in interleaved(*candidates()):
            if total > 0.97 * wanted:
                break
            name = f"{self.programs_count:02}"
            self.programs_count += 1
            with open(source, "rb") as file, open(self.path("programs", name), "wb") as copy:
                shutil.copyfileobj(file, copy)
                if self.smoke:
                    copy.truncate(300_000)
            total += os.path.getsize(self.path("programs", name))
            recipe += FILE.format(name=name)
        self.programs_bytes = total
        self.write("p.toml", recipe + TAIL)
        self.write("p-zstd.toml", 'compression = "zstd"\n' + recipe + TAIL)
        tar = ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "-C", self.folder]
        output(tar + ["-cf", self.path("p.tar"), "programs"])

    def many(self):
        """T: small files of a few lines, in folders."""
        if os.path.exists(self.path("t.toml")):
            return
        self.many_count = 200 if self.smoke else SMALL_FILES
        for number in range(self.many_count):
            folder = self.path("many", f"folder-{number // 100:03}")
            if number % 100 == 0:
                os.makedirs(folder)
            with open(os.path.join(folder, f"a-file-with-a-name-{number:05}.txt"), "w") as file:
                file.write(f"file {number}\n" * (1 + number % 40))
        tree = '[[tree]]\nfrom = "many"\nto = "/srv/many"\ninclude = ["**/*.txt"]\n\n'
        self.write("t.toml", HEAD.format(program="app") + tree + TAIL)

    def small(self):
        """A service as it is pushed every day: a program, a megabyte of data, certificates and accounts."""
        with open(self.path("data"), "wb") as file:
            file.write(random.Random(1).randbytes(1_000_000))
        self.write("small.toml", HEAD.format(program="app") + '[[file]]\nfrom = "data"\nto = "/srv/data"\n')

    def large(self):
        """One file: the programs, and a hole up to 4 GiB."""
        self.programs()
        with open(self.path("large"), "wb") as large:
            for name in sorted(os.listdir(self.path("programs"))):
                with open(self.path("programs", name), "rb") as file:
                    shutil.copyfileobj(file, large)
            large.truncate(LARGE_BYTES // (1024 if self.smoke else 1))
        file = '[[file]]\nfrom = "large"\nto = "/srv/large"\n\n'
        self.write("large.toml", HEAD.format(program="app") + file + TAIL)

    def recipes(self, count):
        """Small recipes, each with a text of its own, and the same as tars for those who take tars."""
        os.mkdir(self.path("recipes"))
        os.makedirs(self.path("root/usr/bin"))
        os.makedirs(self.path("root/etc"))
        shutil.copy(self.small_program, self.path("root/usr/bin/app"))
        shutil.copy(self.small_program, self.path("recipes/app"))
        text = '[[file]]\ntext = "recipe {number}\\n"\nto = "/etc/app"\n\n'
        for number in range(count):
            recipe = HEAD.format(program="app") + text.format(number=number) + TAIL
            self.write(f"recipes/r{number:04}.toml", recipe)
            self.write("root/etc/app", f"recipe {number}\n")
            output(["tar", "-C", self.path("root"), "-cf", self.path(f"recipes/r{number:04}.tar"), "usr", "etc"])


    def workspace(self, count):
        """A cargo workspace of `count` crates, all of which the program of the first one uses; its folder."""
        name = f"workspace-{count}"
        crates = [f"crate-{number:02}" for number in range(1, count)]
        members = ", ".join(f'"{crate}"' for crate in ["app", *crates])
        for crate in ["app", *crates]:
            os.makedirs(self.path(name, crate, "src"))
        self.write(f"{name}/Cargo.toml", f'[workspace]\nmembers = [{members}]\nresolver = "2"\n')
        package = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'
        uses = "".join(f'{crate} = {{ path = "../{crate}" }}\n' for crate in crates)
        self.write(f"{name}/app/Cargo.toml", package.format("app") + "[dependencies]\n" + uses)
        calls = "".join(f"    sum += {crate.replace('-', '_')}::work(sum);\n" for crate in crates)
        self.write(f"{name}/app/src/main.rs", f'fn main() {{\n    let mut sum = 1u64;\n{calls}    println!("{{sum}}");\n}}\n')
        step = "pub fn step_{0}(of: u64) -> u64 {{\n    let list: Vec<u64> = (0..of % 97 + {0}).map(|n| n.wrapping_mul(of)).collect();\n    list.iter().fold(of, |sum, n| sum.rotate_left(3) ^ n)\n}}\n"
        body = "".join(step.format(number) for number in range(30))
        work = "pub fn work(of: u64) -> u64 {\n    " + "\n        ^ ".join(f"step_{number}(of)" for number in range(30)) + "\n}\n"
        for crate in crates:
            self.write(f"{name}/{crate}/Cargo.toml", package.format(crate))
            self.write(f"{name}/{crate}/src/lib.rs", body + work)
        self.write(f"{name}.toml", f'[[binary]]\ncargo = "app"\ndir = "{name}"\ntarget = "x86_64-unknown-linux-gnu"\n\n[system]\ncertificates = "none"\n')
        return self.path(name)

    def module(self, count):
        """A Go module of `count` packages, all of which the program uses; its folder."""
        name = f"module-{count}"
        packages = [f"part{number:02}" for number in range(1, count)]
        for package in packages:
            os.makedirs(self.path(name, package))
        imports = "".join(f'\t"example.com/app/{package}"\n' for package in packages)
        calls = "".join(f"\tsum += {package}.Work(sum)\n" for package in packages)
        step = "func step{0}(of uint64) uint64 {{\n\tsum := of\n\tfor n := uint64(0); n < of%97+{0}; n++ {{\n\t\tsum = sum<<3 ^ n*of\n\t}}\n\treturn sum\n}}\n"
        work = "func Work(of uint64) uint64 {\n\treturn " + " ^ ".join(f"step{number}(of)" for number in range(30)) + "\n}\n"
        self.write(f"{name}/go.mod", "module example.com/app\n\ngo 1.24\n")
        self.write(f"{name}/main.go", f'package main\n\nimport (\n\t"fmt"\n\t"net/http"\n{imports})\n\nfunc main() {{\n\tsum := uint64(1)\n{calls}\tfmt.Println(sum, http.StatusOK)\n}}\n')
        for package in packages:
            self.write(f"{name}/{package}/{package}.go", f"package {package}\n\n" + "".join(step.format(number) for number in range(30)) + work)
        self.write(f"{name}.toml", f'[[binary]]\ngo = "."\ndir = "{name}"\n\n[system]\ncertificates = "none"\n')
        return self.path(name)

    def fleet(self, go, rust, prebuilt):
        """A repository of services: a Go module of `go` programs for two platforms, a workspace of `rust` programs, and
        `prebuilt` ones; the paths of their recipes."""
        recipes = []

        def recipe(name, text):
            self.write(f"fleet/{name}.toml", text + '\n[system]\ncertificates = "none"\n')
            recipes.append(self.path("fleet", f"{name}.toml"))

        shared = [f"shared{number:02}" for number in range(10)]
        for folder in [*(f"go/{name}" for name in shared), *(f"go/cmd/svc{number:02}" for number in range(go))]:
            os.makedirs(self.path("fleet", folder))
        self.write("fleet/go/go.mod", "module example.com/fleet\n\ngo 1.24\n")
        for name in shared:
            self.write(f"fleet/go/{name}/{name}.go", f'package {name}\n\nfunc Text(of string) string {{ return of + "{name}" }}\n')
        imports = "".join(f'\t"example.com/fleet/{name}"\n' for name in shared)
        calls = "".join(f"\ttext = {name}.Text(text)\n" for name in shared)
        for number in range(go):
            main = f'package main\n\nimport (\n\t"fmt"\n\t"net/http"\n{imports})\n\nfunc main() {{\n\ttext := "svc{number:02}"\n{calls}\tfmt.Println(text, http.StatusOK)\n}}\n'
            self.write(f"fleet/go/cmd/svc{number:02}/main.go", main)
            text = f'platforms = ["linux/amd64", "linux/arm64"]\n\n[[binary]]\ngo = "./cmd/svc{number:02}"\ndir = "go"\n'
            recipe(f"svc{number:02}", text)
        members = ", ".join(f'"rs{number}"' for number in range(rust))
        for number in range(rust):
            os.makedirs(self.path("fleet/rust", f"rs{number}", "src"))
            package = f'[package]\nname = "rs{number}"\nversion = "0.1.0"\nedition = "2021"\n'
            self.write(f"fleet/rust/rs{number}/Cargo.toml", package)
            self.write(f"fleet/rust/rs{number}/src/main.rs", f'fn main() {{ println!("rs{number}"); }}\n')
            recipe(f"rs{number}", f'[[binary]]\ncargo = "rs{number}"\ndir = "rust"\n')
        self.write("fleet/rust/Cargo.toml", f"[workspace]\nmembers = [{members}]\nresolver = \"2\"\n")
        lock = "".join(f'\n[[package]]\nname = "rs{number}"\nversion = "0.1.0"\n' for number in range(rust))
        self.write("fleet/rust/Cargo.lock", f"version = 3\n{lock}")
        shutil.copy(self.small_program, self.path("fleet/app"))
        for number in range(prebuilt):
            recipe(f"pre{number}", f'[[binary]]\npath = "app"\nto = "/usr/bin/pre{number}"\n')
        return recipes


def candidates():
    """Programs of the Go and of the Rust toolchain that is in use here, the largest of usual size first."""
    try:
        go = output(["go", "env", "GOROOT"]).strip()
        rust = output(["rustc", "--print", "sysroot"]).strip()
    except Failed as why:
        raise Failed(f"the payload is made of the toolchains: {why}") from why
    return [sorted(programs(root), key=rank) for root in (go, rust)]


def rank(path):
    size = os.path.getsize(path)
    return size > USUAL, size if size > USUAL else -size, path


def programs(root):
    for folder, _, names in os.walk(root):
        if os.path.basename(folder) not in ("bin", "linux_amd64", "linux_arm64"):
            continue
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and LEAST <= os.path.getsize(path) <= MOST and is_elf(path):
                yield path


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def interleaved(one, other):
    for pair in zip(one, other):
        yield from pair
    shorter = min(len(one), len(other))
    yield from one[shorter:]
    yield from other[shorter:]
