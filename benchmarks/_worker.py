"""One engine in its own process: `python _worker.py MODULE FUNCTION THREADS SAMPLES` reads numbers of steps from stdin
and answers in JSON lines.

The process is pinned to THREADS cores before anything is imported, so that one thread means one core for every engine.
"""

import importlib
import json
import os
import resource
import sys
import time


def main(module: str, function: str, threads: int, samples: int) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    train = getattr(importlib.import_module(module), function)(threads, samples)
    for line in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        value = train(int(line))
        seconds = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps({"seconds": seconds, "value": value, "peak_gb": peak}), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
