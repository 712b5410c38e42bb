"""The table and the plot."""

import html, os, platform, re, time

from .measure import output

COLUMNS = ["case", "hardpan", "peer", "ratio", "target", "met"]
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
# Pixels.
WIDTH, LABEL, BAR, GAP, TITLE = 720, 130, 18, 6, 30


def machine(hardpan, peers, runs):
    """Where, when and with what."""
    with open("/proc/cpuinfo") as file:
        info = file.read()
    model = re.search(r"^(?:model name|CPU part)\s*: (.*)$", info, re.M)
    sha = "with SHA-NI" if re.search(r"^flags.*\bsha_ni\b", info, re.M) else "without SHA-NI"
    version = output([hardpan, "--version"]).strip()
    day = time.strftime("%Y-%m-%d", time.gmtime())
    model = model.group(1).strip() if model else platform.machine()
    kernel = platform.release().split("-")[0]
    told = f"{os.cpu_count()} processors, {model} ({sha}), Linux {kernel}"
    return f"{day}, {told}. {version}; {', '.join(peers.versions())}. Medians of {runs} runs in turn."


def table(rows):
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def section(told, rows, picture):
    return f"{BEGIN}\n![Bars: hardpan and its peers]({picture})\n\n{told}\n\n{table(rows)}\n{END}"


def update(readme, text):
    """Puts the section where the last one was."""
    with open(readme) as file:
        before = file.read()
    if before.count(BEGIN) != 1 or before.count(END) != 1:
        raise SystemExit(f"{readme} does not have {BEGIN} and {END}, once each")
    head, rest = before.split(BEGIN)
    with open(readme, "w") as file:
        file.write(head + text + rest.split(END)[1])


STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.ours { fill: #1a7f37 }
.theirs { fill: #8c959f }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ours { fill: #3fb950 }
  .theirs { fill: #6e7681 }
}
"""


def plot(bars):
    """One group of bars for each quantity, each with a scale of its own."""
    parts, top = [], 8
    for title, values in bars.items():
        parts.append(f'<text class="title" x="8" y="{top + 16}">{html.escape(title)}</text>')
        top += TITLE
        most = max(values.values())
        for name, value in values.items():
            length = max(1, round(value / most * (WIDTH - LABEL - 90)))
            ours = "ours" if name.startswith("hardpan") else "theirs"
            middle = top + BAR - 4
            parts.append(f'<text x="{LABEL - 8}" y="{middle}" text-anchor="end">{html.escape(name)}</text>')
            parts.append(f'<rect class="{ours}" x="{LABEL}" y="{top}" width="{length}" height="{BAR}" rx="2"/>')
            parts.append(f'<text x="{LABEL + length + 6}" y="{middle}">{number(value)}</text>')
            top += BAR + GAP
        top += 10
    size = f'width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<style>{STYLE}</style>\n'
    return head + "\n".join(parts) + "\n</svg>\n"


def number(value):
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
