# SPDX-License-Identifier: Apache-2.0
"""Candidate samplers, seeded: the same classes, and how often each is expected."""
import numpy as np

from tf_case import Case, Chain


def cases(rng):
    for op in ("UniformCandidateSampler", "LogUniformCandidateSampler", "LearnedUnigramCandidateSampler",
               "ThreadUnsafeUnigramCandidateSampler"):
        for i in range(12):
            top, n_true = int(rng.choice([5, 16, 100, 1000])), int(rng.integers(1, 4))
            true = rng.integers(0, top, (int(rng.integers(0, 5)), n_true))
            a = {"num_true": n_true, "num_sampled": int(rng.integers(1, 6)), "unique": bool(i % 2), "range_max": top,
                 "seed": int(rng.integers(1, 999)), "seed2": int(rng.integers(999))}
            yield Chain([(["a", "b", "c"], op, [true], a), (["d", "e", "f"], op, [true], a)], list("abc"))
            if op.startswith("U"):
                yield Case(op, [true], {**a, "num_sampled": top, "seed": 77, "seed2": i})
    for i in range(12):
        n = int(rng.integers(2, 30))
        true = rng.integers(0, n, (int(rng.integers(0, 5)), 2))
        weights = [float(w) for w in rng.integers(1, 9, n)]
        a = {"num_true": 2, "num_sampled": int(rng.integers(1, 3)), "unique": bool(i % 2), "range_max": n,
             "unigrams": weights, "distortion": [1.0, 0.75][i // 2 % 2], "seed": int(rng.integers(1, 999)), "seed2": i}
        if i > 8:
            a.update(num_reserved_ids=1, unigrams=weights[1:])
        yield Case("FixedUnigramCandidateSampler", [true], a)
        yield Case("AllCandidateSampler", [true], {"num_true": 2, "num_sampled": n, "unique": True, "seed": 1, "seed2": i})
    for i in range(12):
        true = rng.integers(0, 9, (int(rng.integers(0, 5)), 3))
        yield Case("ComputeAccidentalHits", [true, rng.integers(0, 9, int(rng.integers(0, 12)))], {"num_true": 3})
    true = np.array([[1, 2]])
    a = {"num_true": 2, "num_sampled": 5, "unique": True, "range_max": 4, "seed": 1, "seed2": 2}
    yield Case("UniformCandidateSampler", [true], a)
    yield Case("UniformCandidateSampler", [true], {**a, "num_true": 1})
    yield Case("UniformCandidateSampler", [true * 9], {**a, "unique": False})
    yield Case("UniformCandidateSampler", [true[0]], a)
    yield Case("ComputeAccidentalHits", [true, true[0]], {"num_true": 1})
