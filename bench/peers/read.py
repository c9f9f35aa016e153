"""Haystack's extractive reader over given passages: runs in its own environment, knows nothing of Citespan.

``python read.py MODEL CASES`` reads a JSON list of {"question", "passages"} and prints one JSON object: for
each case the words of the best answer, with milliseconds, and the peak memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path


def main() -> None:
    """Read every case once; the first is read twice, and counted the second time."""
    from haystack import Document
    from haystack_integrations.components.readers.transformers import TransformersExtractiveReader

    model, cases = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    reader = TransformersExtractiveReader(model=model, no_answer=False, top_k=1)
    reader.warm_up()
    answers, wall_ms, cpu_ms = [], [], []
    for case in [cases[0], *cases]:
        documents = [Document(content=passage) for passage in case["passages"]]
        wall, cpu = time.perf_counter(), time.process_time()
        found = reader.run(query=case["question"], documents=documents)["answers"]
        wall_ms.append(1e3 * (time.perf_counter() - wall))
        cpu_ms.append(1e3 * (time.process_time() - cpu))
        answers.append(found[0].data or "" if found else "")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    result = {"answers": answers[1:], "ms": wall_ms[1:], "cpu_ms": cpu_ms[1:], "peak_mb": peak_mb}
    sys.stdout.write("\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
