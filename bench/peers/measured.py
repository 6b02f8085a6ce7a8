"""Runs a program and appends its wall seconds and the peak of its resident memory
to a file, as a line of JSON: measured.py FILE PROGRAM [ARGUMENT...]."""

import json
import resource
import subprocess
import sys
import time

begun = time.perf_counter()
out = subprocess.run(sys.argv[2:], check=True, capture_output=True, text=True).stdout
seconds = time.perf_counter() - begun
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
with open(sys.argv[1], "a") as f:
    print(json.dumps({"program": "pandas" if "csv_read" in " ".join(sys.argv) else "esteira", "seconds": seconds, "peak_mb": peak, "rows": int(out.strip())}), file=f)
