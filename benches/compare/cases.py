"""What is measured. Each case gives rows of the table, and bars of the plot."""

import itertools, os, re, shlex, statistics, subprocess, time
from collections import Counter
from typing import NamedTuple

from . import images
from .line import Line
from .measure import Failed, Sample, Way, in_turn, measure, output
from .peers import Registry, remove


# Inputs of P and T, however a path leads to them.
INPUT = re.compile(r"(^|/)(programs/\d\d|\d\d|a-file-with-a-name-\d+\.txt)$")
# Of layouts with more than one image.
TAGS = {"umoci": "1"}


class Row(NamedTuple):
    case: str
    hardpan: str
    peer: str
    ratio: str = ""
    target: str = ""
    met: str = ""


class Bench:
    """What all cases share."""

    def __init__(self, options, folder, repository, peers, payload):
        self.runs, self.smoke, self.repository = options.runs, options.smoke, repository
        self.hardpan, self.folder, self.peers, self.payload = options.hardpan, folder, peers, payload
        self.rows, self.bars = [], {}

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def env(self, cache="cache"):
        """hardpan sees nothing of the caller's but the path; what it remembers is in a folder of ours."""
        return {"PATH": os.environ["PATH"], "HOME": self.path("home"), "XDG_CACHE_HOME": self.path(cache)}

    def build(self, name, recipe, image, cold=True, options=()):
        """`hardpan build`, with an empty cache and no image there, or with what the last build left."""
        command = [self.hardpan, "build", "--quiet", self.payload.path(recipe), "--output", image, *options]
        forget = (lambda: remove(self.path("cache"), image)) if cold else (lambda: None)
        return Way(name, command, forget, self.env())

    def measure(self, way):
        return measure(way, self.folder)

    def in_turn(self, ways, times=1):
        return in_turn(ways, times * self.runs, self.folder)

    def row(self, case, ours, theirs, ratio, most, words="at most {}"):
        """A row whose target is a bound of a ratio."""
        met = "yes" if ratio <= most else "**no**"
        self.rows.append(Row(case, ours, theirs, f"{ratio:.2f}", words.format(most), met))

    def bound(self, case, value, unit, most, digits=0):
        """A row whose target is a bound of a number."""
        met = "yes" if value <= most else "**no**"
        self.rows.append(Row(case, f"{value:.{digits}f} {unit}", "", "", f"at most {most} {unit}", met))

    def failed(self, case, peer, why):
        self.rows.append(Row(case, "", peer, "", "", f"not measured: {why}"))

    def against(self, case, ours, results, bounds):
        """Rows of wall time, ours against each peer's."""
        for peer, most in bounds.items():
            result = results[peer]
            if isinstance(result, str):
                self.failed(case, peer, result)
            else:
                self.row(case, times(ours), f"{peer} {times(result)}", ours.wall / result.wall, most)

    def available(self, ways):
        """Those peers that are here; the others' rows say why they are not."""
        made, missing = [], {}
        for name, make in ways.items():
            try:
                made.append(make())
            except Failed as why:
                missing[name] = str(why)
        return made, missing


def seconds(value):
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def times(sample):
    return f"{seconds(sample.wall)} (CPU {seconds(sample.cpu)})"


def mine(results, name):
    if isinstance(results[name], str):
        raise Failed(results[name])
    return results[name]


def programs(bench):
    """P, cold, against everybody."""
    bench.payload.programs()
    source, image = bench.payload.path("programs"), bench.path
    names = {"hardpan": "p", "hardpan zstd": "p-zstd", "crane": "crane.tar", "ko": "ko-image", "umoci": "umoci-image"}
    places = {name: image(file) for name, file in names.items()} | {"buildah": image("buildah-image")}
    with Registry(bench.peers["docker-registry"], bench.path("bases")) as registry:
        peers = {
            "crane": lambda: bench.peers.crane(bench.payload.path("p.tar"), places["crane"]),
            "ko": lambda: bench.peers.ko(source, places["ko"], bench.folder, registry),
            "umoci": lambda: bench.peers.umoci(source, places["umoci"], bench.folder),
            "buildah": lambda: bench.peers.buildah(source, places["buildah"], bench.folder),
        }
        theirs, missing = bench.available(peers)
        ours = [bench.build(name, f"{names[name]}.toml", places[name]) for name in ("hardpan", "hardpan zstd")]
        results = bench.in_turn(ours + theirs) | missing
    programs_told(bench, results, places)


def programs_told(bench, results, places):
    gzip, zstd = mine(results, "hardpan"), mine(results, "hardpan zstd")
    case = "P to an image, gzip, nothing known"
    bench.against(case, gzip, results, {"crane": 0.40, "ko": 0.40, "umoci": 0.55, "buildah": 0.55})
    bench.against("P to an image, zstd", zstd, results, {"crane": 0.30})
    sizes = {}
    for name, result in results.items():
        if isinstance(result, Sample):
            images.check(places[name], TAGS.get(name), bench.peers, bench.payload.programs_bytes)
            sizes[name] = images.stored(places[name])
    size = lambda name: f"{name} {sizes[name] / 1e6:.2f} MB"
    for peer, most in (("crane", 0.90), ("ko", 0.90)):
        if peer in sizes:
            ratio = sizes["hardpan"] / sizes[peer]
            bench.row("P, bytes of the layers, gzip", size("hardpan"), size(peer), ratio, most)
    ratio = sizes["hardpan zstd"] / sizes["hardpan"]
    bench.row("P, bytes of the layers, zstd", size("hardpan zstd"), size("hardpan"), ratio, 1.0)
    bench.row("P, wall of CPU time", seconds(gzip.wall), f"CPU {seconds(gzip.cpu)}", gzip.wall / gzip.cpu, 0.60)
    bench.bound("P, peak memory", gzip.peak / 1024, "MiB", 64)
    bench.p_cpu = gzip.cpu
    bench.bars["P to an image, seconds"] = {n: r.wall for n, r in results.items() if isinstance(r, Sample)}
    bench.bars["P, layers in MB"] = {name: value / 1e6 for name, value in sizes.items()}


def stages(bench):
    """What P takes at least: its files read and hashed, compressed, and hashed again."""
    if not hasattr(bench, "p_cpu"):
        raise Failed("it needs the case `programs` in the same run")
    files = sorted(os.path.join(bench.payload.path("programs"), n) for n in os.listdir(bench.payload.path("programs")))
    env = {**os.environ, "CARGO_TERM_QUIET": "true"}
    cargo = ["cargo", "bench", "--manifest-path", os.path.join(bench.repository, "Cargo.toml"), "--bench", "layer"]
    said = output([*cargo, "--", *files], env=env)

    def number(stage):
        found = re.search(rf"^ *{re.escape(stage)} +([\d.]+)", said, re.M)
        if not found:
            raise Failed(f"`cargo bench --bench layer` says nothing of {stage}")
        return float(found.group(1))

    length = bench.payload.programs_bytes / 1e6
    stored = images.stored(bench.path("p")) / 1e6
    cat = Way("cat", ["bash", "-c", 'cat "$@" >/dev/null', "cat", *files])
    read = statistics.median(bench.measure(cat).cpu for _ in range(5))
    bare = read + length / number("SHA-256") + length / number("gzip, 1 thread") + stored / number("SHA-256")
    bench.row("P, CPU time of the bare stages", seconds(bench.p_cpu), seconds(bare), bench.p_cpu / bare, 1.25)


def many(bench):
    """T, cold."""
    bench.payload.many()
    source, image = bench.payload.path("many"), bench.path("t")
    theirs, missing = bench.available({
        "umoci": lambda: bench.peers.umoci(source, bench.path("umoci-many"), bench.folder),
        "buildah": lambda: bench.peers.buildah(source, bench.path("buildah-many"), bench.folder),
    })
    results = bench.in_turn([bench.build("hardpan", "t.toml", image), *theirs]) | missing
    ours = mine(results, "hardpan")
    bench.against(f"T, {bench.payload.many_count:,} small files, gzip", ours, results, {"umoci": 0.50, "buildah": 0.50})
    bench.bound("T, peak memory", ours.peak / 1024, "MiB", 64)
    images.check(image, None, bench.peers, bench.payload.many_count)
    bench.bars["T to an image, seconds"] = {n: r.wall for n, r in results.items() if isinstance(r, Sample)}


def unchanged(bench):
    """Builds of what was built before."""
    for case, recipe, most in (("P", "p.toml", 15), ("T", "t.toml", 150)):
        bench.payload.programs() if case == "P" else bench.payload.many()
        image = bench.path(f"again-{case}")
        bench.measure(bench.build("hardpan", recipe, image))
        # Files that are newer than the memory of them are read again, as git's index has it.
        time.sleep(0.1 if bench.smoke else 2.1)
        again = bench.build("hardpan", recipe, image, cold=False)
        bench.measure(again)
        result = mine(bench.in_turn([again], 4), "hardpan")
        bench.bound(f"{case}, nothing changed", result.wall * 1000, "ms", most, 1)
        opened, syncs = traced(bench, again)
        bench.bound(f"{case}, nothing changed: inputs opened", opened, "files", 0)
        if case == "P":
            changed(bench, image, again)


def changed(bench, image, again):
    """One of the files of P has other bytes now; the binary's layer is another one."""
    before = {path for path, _ in images.layers(image)}
    samples, opened = [], 0
    for number in range(bench.runs):
        with open(bench.payload.path("programs", "00"), "r+b") as file:
            file.seek(4096)
            file.write(number.to_bytes(8, "little"))
        time.sleep(0.1)
        if number == 0:
            opened, syncs = traced(bench, again)
        else:
            samples.append(bench.measure(again).wall)
    new = len({path for path, _ in images.layers(image)} - before)
    bench.bound(f"P, one of {bench.payload.programs_count} files changed: layers that are new", new, "layers", 1)
    told = ", ".join(f"{count} {name}" for name, count in sorted(syncs.items()))
    # Folders whose names changed are synced for themselves, after the renames.
    met = "yes" if syncs["syncfs"] == 1 and syncs.total() <= 5 else "**no**"
    bench.rows.append(Row("P, one file changed: waits for the disk", told, "", "", "1 syncfs and 4 fsync", met))
    if samples:
        middle = statistics.median(samples)
        bench.rows.append(Row("P, one file changed", seconds(middle), "", "", f"{opened} inputs were opened", ""))


def traced(bench, way):
    """How many inputs a call opens for reading, and how often it waits for the disk."""
    log = bench.path("strace.log")
    calls = "trace=open,openat,openat2,syncfs,fsync,fdatasync,sync"
    way.prepare()
    output([bench.peers["strace"], "-f", "-qq", "-e", calls, "-o", log, *way.command], env=way.env)
    inputs, syncs = set(), Counter()
    with open(log, errors="replace") as lines:
        for line in lines:
            name = re.search(r'"([^"]*)"', line)
            if name and INPUT.search(name.group(1)) and not re.search(r"O_PATH|O_DIRECTORY|ENOENT", line):
                inputs.add(name.group(1))
            sync = re.match(r"\d+ +(syncfs|fsync|fdatasync|sync)\(", line)
            syncs.update([sync.group(1)] if sync else [])
    return len(inputs), syncs


def large(bench):
    """One large file: memory does not follow it."""
    bench.payload.large()
    image = bench.path("large-image")
    result = bench.measure(bench.build("hardpan", "large.toml", image))
    bench.bound("one file of 4 GiB, peak memory", result.peak / 1024, "MiB", 64)
    remove(image, bench.payload.path("large"))


def start(bench):
    """What a call costs that does nothing."""
    version = Way("hardpan", [bench.hardpan, "--version"], env=bench.env())
    nothing = Way("/bin/true", ["/bin/true"], env=bench.env())
    rounds = 5 if bench.smoke else 100
    # Without the sync before each run: nothing is written here.
    walls = {way.name: [] for way in (version, nothing)}
    for _ in range(rounds):
        for way in (version, nothing):
            started = time.perf_counter()
            subprocess.run(way.command, env=way.env, stdout=subprocess.DEVNULL, check=True)
            walls[way.name].append(time.perf_counter() - started)
    more = statistics.median(walls["hardpan"]) - statistics.median(walls["/bin/true"])
    bench.bound("`hardpan --version`, more than `/bin/true`", more * 1000, "ms", 3, 1)


def edits(bench):
    """One line of a program changes: to the finished program, next to cargo and go with what they compiled before."""
    env = caller(bench)
    for count in (2,) if bench.smoke else (12, 85):
        folder = bench.payload.workspace(count)
        output(["cargo", "generate-lockfile", "--offline"], env=env, cwd=folder)
        target = ["--target", "x86_64-unknown-linux-gnu", "--target-dir", bench.path(f"cargo-{count}")]
        cargo = ["cargo", "build", "--release", "--quiet", "--offline", *target]
        line = "pub const EDIT_{}: u64 = 0;\n"
        edit_of(bench, f"a workspace of {count} crates", folder, ("crate-01/src/lib.rs", line), cargo, env)
    for count in (2,) if bench.smoke else (12, 85):
        folder = bench.payload.module(count)
        own = {**env, "GOCACHE": bench.path("go-cache"), "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
        flags = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", bench.path(f"go-{count}"), "."]
        line = "const Edit{} = 0\n"
        edit_of(bench, f"a module of {count} packages", folder, ("part01/part01.go", line), ["go", "build", *flags], own)


def edit_of(bench, what, folder, edit, command, env):
    """The rows of one program: `edit` is a file in its folder and a line that is added before each run."""
    edited = itertools.count()

    def prepare():
        with open(os.path.join(folder, edit[0]), "a") as file:
            file.write(edit[1].format(next(edited)))

    theirs = Way(command[0], command, prepare, env, folder)
    name = os.path.basename(folder)
    recipe, image = bench.payload.path(f"{name}.toml"), bench.path(f"{name}-image")
    ours = Way("hardpan", [bench.hardpan, "plan", "--quiet", "--offline", recipe], prepare, env)
    whole = Way("image", [bench.hardpan, "build", "--quiet", "--offline", recipe, "--output", image], prepare, env)
    for way in (theirs, ours, whole):
        bench.measure(way)
    results = bench.in_turn([ours, theirs, whole])
    for measure, at in (("wall", "wall"), ("processor", "cpu")):
        mine, peer = getattr(results["hardpan"], at), getattr(results[command[0]], at)
        case = f"one line of {what} changed: to the program, {measure}"
        told = f"{command[0]} {seconds(peer)}"
        if command[0] == "cargo":
            bench.row(case, seconds(mine), told, (mine - 0.05) / peer, 1.15, "at most {} and 50 ms")
        else:
            # No target yet: Go is asked anew what a program is made of before each compile.
            bench.rows.append(Row(case, seconds(mine), told, f"{mine / peer:.2f}", "", ""))
    bench.rows.append(Row(f"one line of {what} changed: to the image", seconds(results["image"].wall), "", "", "", ""))


def caller(bench):
    """The environment of calls that compile: the toolchains of the caller, and caches of ours."""
    homes = {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup", "GOPATH": "go"}
    homes = {name: os.environ.get(name) or os.path.expanduser(f"~/{below}") for name, below in homes.items()}
    return {**bench.env(), **homes}


def fleet(bench):
    """A repository of services: all of them unchanged, one edited, and the Go programs from nothing beside `go build`."""
    go, rust, prebuilt = (2, 1, 1) if bench.smoke else (30, 6, 10)
    recipes = bench.payload.fleet(go, rust, prebuilt)
    env = {**caller(bench), "GOCACHE": bench.path("fleet-go-cache")}
    folder, images = bench.payload.path("fleet", "go"), bench.path("fleet-images")
    build = lambda named: [bench.hardpan, "build", "--quiet", "--offline", *named, "--output", f"{images}/{{name}}"]
    own = {**env, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    line = 'GOARCH={0} go build -trimpath -buildvcs=false "-ldflags=-s -w -buildid=" -o {1}/{0}/ {2} || exit 1'
    shell = lambda packages: [line.format(arch, bench.path("fleet-programs"), packages) for arch in ("amd64", "arm64")]
    compile_all = ["bash", "-c", "\n".join(shell("./cmd/..."))]
    cold = lambda: remove(bench.path("fleet-go-cache"), bench.path("cache"), images)
    ours = Way("hardpan", build(recipes[:go]), cold, env)
    theirs = Way("go", compile_all, cold, own, folder)
    results = in_turn([ours, theirs], max(1, bench.runs // 3), bench.folder)
    mine_, peer = mine(results, "hardpan"), mine(results, "go")
    case = f"{go} Go services for 2 platforms, from nothing"
    bench.row(case, times(mine_), f"go build {times(peer)}", mine_.wall / peer.wall, 1.1)
    # The first build after it remembers what was too young to be remembered before.
    for _ in range(2):
        time.sleep(0.1)
        bench.measure(Way("hardpan", build(recipes), env=env))
    again = bench.in_turn([Way("hardpan", build(recipes), env=env)])
    count = len(recipes)
    bench.bound(f"{count} recipes, nothing changed", mine(again, "hardpan").wall * 1000, "ms", 500)
    edited = itertools.count()

    def edit():
        with open(os.path.join(folder, "cmd/svc00/main.go"), "a") as file:
            file.write(f"\nconst edit{next(edited)} = 0\n")

    bench.measure(Way("go", ["bash", "-c", "\n".join(shell("./cmd/svc00"))], edit, own, folder))
    ours = Way("hardpan", build(recipes), edit, env)
    theirs = Way("go", ["bash", "-c", "\n".join(shell("./cmd/svc00"))], edit, own, folder)
    results = bench.in_turn([ours, theirs])
    mine_, peer = mine(results, "hardpan"), mine(results, "go")
    case = f"{count} recipes, one Go service edited"
    bench.row(case, times(mine_), f"go build of that one {times(peer)}", mine_.wall / peer.wall, 1.2)


def recipes(bench):
    """Many small recipes in one call, against a call of crane's for each."""
    count, calls = (20, 5) if bench.smoke else (1000, 1000 // max(bench.runs, 5))
    bench.payload.recipes(count)
    paths = [bench.payload.path("recipes", f"r{number:04}.toml") for number in range(count)]
    build = lambda few: [bench.hardpan, "build", "--quiet", *paths[:few], "--output", bench.path("small", "{name}")]
    forget = lambda: aside(bench, "cache", "small")
    ours = Way("hardpan", build(count), forget, bench.env())
    few = bench.measure(Way("hardpan", build(count // 20), forget, bench.env()))
    theirs, missing = bench.available({"crane": lambda: cranes(bench, calls)})
    results = bench.in_turn([ours, *theirs]) | missing
    result = mine(results, "hardpan")
    case = f"{count:,} small recipes in one call"
    if isinstance(results["crane"], str):
        bench.failed(case, "crane", results["crane"])
    else:
        each = results["crane"].wall / calls
        told = f"crane {seconds(each * count)}, from {calls} calls a run"
        bench.row(case, times(result), told, result.wall / (each * count), 0.15)
        bench.bars[f"{count:,} small images, seconds"] = {"hardpan": result.wall, "crane": each * count}
    case = f"{count:,} small recipes, peak memory of {count // 20}"
    bench.row(case, f"{result.peak / 1024:.0f} MiB", f"{few.peak / 1024:.0f} MiB", result.peak / few.peak, 1.25)


def aside(bench, *names):
    """Moves away what the last run left. It is not removed: where thousands of files were, ext4 takes ten times as
    long to make new ones for a minute or more, whoever makes them."""
    for name in names:
        if os.path.exists(bench.path(name)):
            os.makedirs(bench.path("old"), exist_ok=True)
            os.rename(bench.path(name), bench.path("old", f"{name}-{len(os.listdir(bench.path('old')))}"))


def cranes(bench, calls):
    """A loop of the shell over tars; its own part is small."""
    tar, image = bench.payload.path("recipes", "r$n.tar"), bench.path("cranes", "r$n.tar")
    append = f"{shlex.quote(bench.peers['crane'])} append --oci-empty-base -f {tar} -t bench/image:1 -o {image}"
    script = f"for ((i = 0; i < {calls}; i++)); do printf -v n %04d $i; {append} || exit 1; done"

    def prepare():
        aside(bench, "cranes")
        os.mkdir(bench.path("cranes"))

    return Way("crane", ["bash", "-c", script], prepare)


def push(bench):
    """P to a registry on the loopback, against curl sending the same blobs."""
    bench.payload.programs()
    image = bench.path("pushed")
    bench.measure(bench.build("hardpan", "p.toml", image))
    samples = {"hardpan": [], "curl": []}
    for _ in range(bench.runs):
        for name in samples:
            # A registry that knows nothing, each time.
            with Registry(bench.peers["docker-registry"], bench.path("registry")) as registry:
                reference = f"127.0.0.1:{registry.port}/bench/p:1"
                remove(bench.path("cache"))
                hardpan = Way("hardpan", [bench.hardpan, "push", "--quiet", image, reference], env=bench.env())
                curl = Way("curl", ["bash", "-c", curls(bench, image, registry.port)])
                way = hardpan if name == "hardpan" else curl
                samples[name].append(bench.measure(way).wall)
                if name == "hardpan":
                    sent = len(registry.requests())
                    bench.measure(hardpan)
                    again = len(registry.requests()) - sent
                else:
                    output([bench.peers["skopeo"], "inspect", "--tls-verify=false", f"docker://{reference}"])
    ours, theirs = (statistics.median(samples[name]) for name in ("hardpan", "curl"))
    bench.row("P, push to docker-registry", seconds(ours), f"curl {seconds(theirs)}", ours / theirs, 1.15)
    bench.bound("P, unchanged push", again, "requests", 2)


def curls(bench, image, port):
    """A POST and a PUT for each blob, then the manifest."""
    curl, base = f"{shlex.quote(bench.peers['curl'])} -sSf", f"http://127.0.0.1:{port}/v2/bench/p"
    lines, blobs = ["set -e"], sorted(os.listdir(os.path.join(image, "blobs/sha256")))
    manifest = images.manifest(image)
    for blob in blobs:
        path = shlex.quote(os.path.join(image, "blobs/sha256", blob))
        if blob != manifest:
            start = f"{curl} -X POST -o /dev/null -D - {base}/blobs/uploads/"
            lines.append(f"to=$({start} | tr -d '\\r' | sed -n 's/^Location: //p')")
            lines.append(f'{curl} -H "Content-Type: application/octet-stream" -T {path} "$to&digest=sha256:{blob}"')
    kind = "application/vnd.oci.image.manifest.v1+json"
    path = shlex.quote(os.path.join(image, "blobs/sha256", manifest))
    lines.append(f'{curl} -H "Content-Type: {kind}" -T {path} {base}/manifests/1')
    return "\n".join(lines)


def latency(bench):
    """A small image of three layers to docker-registry, through a line that takes its time and through one that takes none,
    beside crane and skopeo."""
    bench.payload.small()
    image = bench.path("small-image")
    bench.measure(bench.build("hardpan", "small.toml", image))
    for milliseconds, most in ((60, 0.65), (0, 1.0)):
        samples, again, sent = {}, [], 0
        for _ in range(bench.runs):
            for name in ("hardpan", "crane", "skopeo"):
                # A registry that knows nothing, each time.
                with Registry(bench.peers["docker-registry"], bench.path("registry")) as registry:
                    with Line(registry.port, milliseconds / 1000) as line:
                        # The line itself takes its time where there should be none.
                        port = line.port if milliseconds else registry.port
                        push = pusher(bench, name, image, f"127.0.0.1:{port}/bench/small:1")
                        samples.setdefault(name, []).append(bench.measure(push).wall)
                        if name == "hardpan":
                            before = len(registry.requests())
                            again.append(bench.measure(push).wall)
                            sent = len(registry.requests()) - before
        median = {name: statistics.median(walls) for name, walls in samples.items()}
        case = f"three layers to a registry {milliseconds} ms away"
        for peer, bound in (("crane", most), ("skopeo", most)):
            bench.row(case, seconds(median["hardpan"]), f"{peer} {seconds(median[peer])}", median["hardpan"] / median[peer], bound)
        if milliseconds:
            # A round trip for the connection, one for the tag, and the start of the program.
            waits = statistics.median(again) * 1000
            bench.bound(f"the same again, {milliseconds} ms away", waits, "ms", 3 * milliseconds)
        else:
            bench.bound("the same again: requests", sent, "requests", 2)


def pusher(bench, name, image, reference):
    command = {
        "hardpan": lambda: [bench.hardpan, "push", "--quiet", image, reference],
        "crane": lambda: [bench.peers["crane"], "push", image, reference],
        "skopeo": lambda: [bench.peers["skopeo"], "copy", "-q", "--dest-tls-verify=false", f"oci:{image}", f"docker://{reference}"],
    }[name]()
    return Way(name, command, env=bench.env())


def audit(bench):
    """Images as `docker save` writes them, one of many small files and one of programs: hardpan's audit, which reads every
    byte, against dockle, and against nothing but reading the same layers."""
    for case, recipe in (("T", "t.toml"), ("P", "p.toml")):
        bench.payload.many() if case == "T" else bench.payload.programs()
        layout, archive = bench.path(f"audited-{case}"), bench.path(f"audited-{case}.tar")
        bench.measure(bench.build("hardpan", recipe, layout))
        output([bench.peers["skopeo"], "copy", "-q", f"oci:{layout}", f"docker-archive:{archive}:bench/image:1"])
        # Either exit code is a report; dockle's is 0.
        judged = lambda path: ["bash", "-c", '"$@" >/dev/null 2>&1; (($? < 2))', "audit", bench.hardpan, "audit", "--json", path]
        ours = Way("hardpan", judged(archive), env=bench.env())
        packed = Way("packed", judged(layout), env=bench.env())
        read = Way("read", [bench.hardpan, "inspect", "--json", layout], env=bench.env())
        dockle = lambda: Way("dockle", [bench.peers["dockle"], "--quiet", "--input", archive], env=bench.env())
        theirs, missing = bench.available({"dockle": dockle})
        results = bench.in_turn([ours, *theirs, packed, read]) | missing
        mine_, peer = mine(results, "hardpan"), results["dockle"]
        if isinstance(peer, str):
            bench.failed(f"{case}, audit of an archive, processor", "dockle", peer)
        else:
            told = f"dockle {times(peer)}"
            bench.row(f"{case}, audit of an archive, processor", times(mine_), told, mine_.cpu / peer.cpu, 1.0)
        packed_, read_ = mine(results, "packed"), mine(results, "read")
        told = f"reading its layers {times(read_)}"
        bench.row(f"{case}, audit of a layout, wall", times(packed_), told, packed_.wall / read_.wall, 1.2)


# In this order; the case of the bare stages needs the one before. Many recipes come first: the other cases remove tens
# of thousands of files, after which ext4 is slow at making new ones (see `aside`).
CASES = {case.__name__: case for case in (recipes, programs, stages, many, unchanged, large, start, push, latency, edits, fleet, audit)}
