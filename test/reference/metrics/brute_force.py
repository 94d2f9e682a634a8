"""The neighbours of test/benchmarks/neighbours.ts by numpy: blocked matrix products and a partition, float32.

    python3 brute_force.py [references] [queries] [width]

Prints seconds and GFLOP/s; faiss.IndexFlatL2 too where faiss is installed.
"""

import json
import sys
import time

import numpy as np

sizes = [int(text) for text in sys.argv[1:]]
references, queries, width = (sizes + [100_000, 2048, 512][len(sizes):])[:3]
k = 20
rng = np.random.default_rng(0)
base = rng.normal(size=(references, width)).astype(np.float32)
asked = rng.normal(size=(queries, width)).astype(np.float32)

start = time.perf_counter()
norms = (base * base).sum(1)
for row in range(0, queries, 256):
    scores = norms[None] - 2 * asked[row : row + 256] @ base.T
    nearest = np.argpartition(scores, k, axis=1)[:, :k]
seconds = time.perf_counter() - start
print(json.dumps({"method": "numpy", "seconds": seconds, "gflops": 2 * references * queries * width / seconds / 1e9}))

try:
    import faiss
except ModuleNotFoundError:
    sys.exit()
index = faiss.IndexFlatL2(width)
index.add(base)
start = time.perf_counter()
index.search(asked, k)
seconds = time.perf_counter() - start
print(json.dumps({"method": "faiss flat", "seconds": seconds, "gflops": 2 * references * queries * width / seconds / 1e9}))
