"""The peers: where they come from, and how each is asked for an image."""

import json, os, shlex, shutil, socket, subprocess, time

from .measure import Failed, Way, output

# Named as their own projects name them.
GO = {
    "crane": ("github.com/google/go-containerregistry/cmd/crane", "v0.22.1"),
    "ko": ("github.com/google/ko", "v0.19.1"),
    "dockle": ("github.com/goodwithtech/dockle/cmd/dockle", "v0.4.15"),
}
DEBIAN = {
    "umoci": "umoci", "buildah": "buildah", "skopeo": "skopeo", "docker-registry": "docker-registry", "curl": "curl",
    "strace": "strace", "zstd": "zstd",
}
VERSIONS = {
    "crane": ["version"], "dockle": ["--version"], "ko": ["version"], "umoci": ["--version"], "buildah": ["--version"], "skopeo": ["--version"],
    "docker-registry": ["--version"], "curl": ["--version"],
}

KO_PROGRAM = """package main

import "embed"

//go:embed programs
var programs embed.FS

func main() {
	entries, err := programs.ReadDir("programs")
	println(len(entries), err == nil)
}
"""


class Peers:
    def __init__(self, built, install):
        self.built, self.programs = built, {}
        if install:
            self.install()
        for name in [*GO, *DEBIAN]:
            places = [os.path.join(folder, name) for folder in built] + [shutil.which(name) or ""]
            self.programs[name] = next((place for place in places if os.access(place, os.X_OK)), None)

    def install(self):
        missing = sorted({package for name, package in DEBIAN.items() if not shutil.which(name)})
        if missing:
            print("installing", *missing, flush=True)
            env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
                output(["apt-get", *words], env=env)
        for name, (module, version) in GO.items():
            stamp = os.path.join(self.built[0], f"{name}-{version}")
            if not os.path.exists(stamp):
                print("installing", name, version, flush=True)
                env = {**os.environ, "GOBIN": self.built[0], "GOFLAGS": "", "CGO_ENABLED": "0"}
                try:
                    output(["go", "install", "-trimpath", f"{module}@{version}"], env=env)
                except Failed as why:
                    # Its rows say that it is missing; the other peers go on.
                    print(f"cannot install {name}: {why}", flush=True)
                    continue
                open(stamp, "w").close()

    def __getitem__(self, name):
        if not self.programs.get(name):
            raise Failed(f"{name} is not installed")
        return self.programs[name]

    def versions(self):
        told = []
        for name, words in VERSIONS.items():
            if self.programs.get(name):
                said = output([self.programs[name], *words]).split("\n")[0]
                number = next((word for word in said.split() if word.lstrip("v")[:1].isdigit()), said)
                told.append(f"{name} {number.lstrip('v').split('+')[0]}")
        return told

    def crane(self, tar, image):
        """Its part alone: the tar is there already."""
        command = [self["crane"], "append", "--oci-empty-base", "-f", tar, "-t", "bench/image:1", "-o", image]
        return Way("crane", command, lambda: remove(image))

    def umoci(self, source, image, folder):
        """Its part alone: the bundle is unpacked, and the payload is in it already."""
        umoci, bundle = self["umoci"], os.path.join(folder, "bundle")

        def prepare():
            remove(image, bundle)
            output([umoci, "init", "--layout", image])
            output([umoci, "new", "--image", f"{image}:base"])
            output([umoci, "unpack", "--image", f"{image}:base", bundle])
            output(["cp", "-r", source, os.path.join(bundle, "rootfs")])

        return Way("umoci", [umoci, "repack", "--image", f"{image}:1", bundle], prepare)

    def buildah(self, source, image, folder):
        """From scratch, copy, commit to a layout, compressed."""
        root = os.path.join(folder, "buildah")
        words = [self["buildah"], "--root", f"{root}/root", "--runroot", f"{root}/run", "--storage-driver", "vfs"]
        buildah = shlex.join(words)
        script = f"c=$({buildah} from scratch) && {buildah} copy -q $c {shlex.quote(source)} /payload && "
        script += f"{buildah} commit -q --disable-compression=false $c oci:{shlex.quote(image)}:1"

        def prepare():
            subprocess.run(["chmod", "-R", "u+w", root], stderr=subprocess.DEVNULL)
            remove(image, root)
            os.makedirs(root)

        return Way("buildah", ["bash", "-c", script], prepare)

    def ko(self, programs, image, folder, registry):
        """A Go program with the payload in it. What is cached is the compiled program, and nothing of the layer."""
        ko, module, cache = self["ko"], os.path.join(folder, "ko"), os.path.join(folder, "ko-cache")
        os.makedirs(module)
        shutil.copytree(programs, os.path.join(module, "programs"))
        for name, text in (("main.go", KO_PROGRAM), ("go.mod", "module example.com/app\n\ngo 1.24\n")):
            with open(os.path.join(module, name), "w") as file:
                file.write(text)
        base = f"127.0.0.1:{registry.port}/base:1"
        empty = os.path.join(folder, "empty.tar")
        output(["tar", "-cf", empty, "-T", "/dev/null"])
        output([self["crane"], "append", "--oci-empty-base", "-f", empty, "-t", base])
        output([self["crane"], "mutate", "--set-platform", "linux/amd64", base, "-t", base])
        repository = f"127.0.0.1:{registry.port}/app"
        env = {**os.environ, "KOCACHE": cache, "KO_DEFAULTBASEIMAGE": base, "KO_DOCKER_REPO": repository}
        command = [ko, "build", "--push=false", "--oci-layout-path", image]
        command += ["--sbom=none", "--platform=linux/amd64", "."]
        output(command, env=env, cwd=module)

        def prepare():
            remove(image)
            for folder, _, names in os.walk(cache):
                for name in names:
                    if name in ("buildid-to-diffid", "diffid-to-descriptor"):
                        os.remove(os.path.join(folder, name))

        return Way("ko", command, prepare, env, module)


def remove(*paths):
    for path in paths:
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.remove(path)


class Registry:
    """docker-registry on a free port of the loopback, empty, until the end of the `with`."""

    def __init__(self, program, folder):
        self.program, self.folder, self.child = program, folder, None

    def __enter__(self):
        remove(self.folder)
        os.makedirs(self.folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config, self.log = os.path.join(self.folder, "config.yml"), os.path.join(self.folder, "log")
        with open(config, "w") as file:
            storage = {"filesystem": {"rootdirectory": os.path.join(self.folder, "data")}, "delete": {"enabled": True}}
            json.dump({"version": 0.1, "storage": storage, "http": {"addr": f"127.0.0.1:{self.port}"}}, file)
        with open(self.log, "w") as log:
            self.child = subprocess.Popen([self.program, "serve", config], stdout=log, stderr=log)
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.01)
        self.__exit__()
        raise Failed("docker-registry does not start")

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()

    def requests(self):
        """Lines of the access log."""
        with open(self.log) as log:
            return [line.split('"')[1] for line in log if 'HTTP/1.1" ' in line and line.startswith("127.0.0.1 ")]
