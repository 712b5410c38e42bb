"""Times, and the order in which they are taken."""

import os, statistics, subprocess, tempfile, time
from typing import NamedTuple


class Failed(Exception):
    """A case that could not be measured, with the reason to be shown."""


class Sample(NamedTuple):
    wall: float
    cpu: float
    peak: int  # KiB


class Way(NamedTuple):
    """One way of doing what a case is about."""

    name: str
    command: list
    prepare: callable = lambda: None  # Before each run, untimed.
    env: dict = None
    cwd: str = None


def measure(way, folder=None):
    """Runs it once. Before, dirty pages of the folder's file system are written: each pays for its own syncs alone."""
    way.prepare()
    if folder:
        output(["sync", "-f", folder])
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        streams = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said}
        child = subprocess.Popen(way.command, env=way.env, cwd=way.cwd, **streams)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().splitlines()[-1:]
            raise Failed(f"{way.name} ended with {child.returncode}: {' '.join(last)[:200]}")
    return Sample(wall, used.ru_utime + used.ru_stime, used.ru_maxrss)


def in_turn(ways, runs, folder=None):
    """Medians by name, of runs in the order A B A B. A way that fails drops out, and its name has the reason."""
    samples, failures = {way.name: [] for way in ways}, {}
    for _ in range(runs):
        for way in ways:
            if way.name not in failures:
                try:
                    samples[way.name].append(measure(way, folder))
                except Failed as why:
                    failures[way.name] = str(why)
    return {name: failures.get(name) or median(taken) for name, taken in samples.items()}


def median(samples):
    """Of each number for itself; of memory, the most."""
    walls, cpus, peaks = zip(*samples)
    return Sample(statistics.median(walls), statistics.median(cpus), max(peaks))


def output(command, **options):
    """What a helper says; its failure is the case's."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    except OSError as why:
        raise Failed(str(why)) from why
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise Failed(f"{os.path.basename(command[0])} ended with {done.returncode}: {' '.join(last)[:200]}")
    return done.stdout
