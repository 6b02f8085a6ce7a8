"""Prints RESULTS.md with one section written anew from what was measured:
results.py SECTION DIRECTORY. The order of sections is that of their first writing."""

import datetime
import os
import platform
import runpy
import subprocess
import sys

section, out = sys.argv[1:3]


def cpu():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "unknown")


commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
head = f"""# Results

Written by `make bench`, each section beside its peers in one run on the same cores; a section says when. The last machine: {os.cpu_count()} cores of {cpu()}, {gib:.0f} GiB, {platform.system()} {platform.machine()}. It is shared: a load average over the number of cores says that other work has slowed both sides. Times move with the machine; ratios hold."""

os.environ["BENCH_STAMP"] = f"Measured on {datetime.date.today()} at commit {commit}, load average {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores (`bench/run.sh {section}`)."
own = runpy.run_path(f"bench/sections/{section}.py")["text"](out)

sections = []
if os.path.exists("bench/RESULTS.md"):
    with open("bench/RESULTS.md") as f:
        sections = [s.strip() for s in ("\n" + f.read()).split("\n## ")[1:]]
for part in ("\n" + own).split("\n## ")[1:]:
    at = [i for i, s in enumerate(sections) if s.split("\n")[0] == part.split("\n")[0]]
    if at:
        sections[at[0]] = part.strip()
    else:
        sections.append(part.strip())
print("\n\n## ".join([head, *sections]))
