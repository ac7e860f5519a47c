# SPDX-License-Identifier: Apache-2.0
"""sparse.py: DENSIFY: constants stored as trees of dense and compressed levels, in every form that the format has."""

import itertools

import numpy as np

from case import Case
from modelgen import ModelGen

# The reference kernel calls every output "Densify_output", whatever the file says; so do the files made here.
OUTPUT = "Densify_output"
DIFFERS = {"DENSIFY": "The output keeps its name of the file (TensorFlow renames it to `Densify_output`), and constants of "
                      "all numeric types are taken, not only of float32, float16 and int8."}


def narrow(values, width):
    """The list in the narrowest of the encodings that holds it, but at least `width` bytes."""
    values = np.asarray(values)
    for size, dtype in ((1, np.uint8), (2, np.uint16)):
        if size >= width and (not values.size or values.max() <= np.iinfo(dtype).max):
            return values.astype(dtype)
    return values.astype(np.int32)


def store(dense, order, formats, block_map=(), blocks=(), width=4):
    """(values, the `sparsity` of ModelGen.tensor) of an array.

    order: the levels as dimensions (blocks' insides after the others); formats: "dense" or "csr" by level.
    """
    sizes, strides = list(dense.shape), [int(np.prod(dense.shape[d + 1:])) for d in range(dense.ndim)]
    for d, n in zip(block_map, blocks):
        strides.append(strides[d])
        sizes[d] //= n
        strides[d] *= n
    sizes += blocks
    flat = dense.reshape(-1)
    parents, dims = [0], []  # places of the entries of a level
    nonzero = set(np.flatnonzero(flat).tolist())

    def leads_anywhere(place, level):
        rest = [range(sizes[d]) for d in order[level + 1:]]
        steps = [strides[d] for d in order[level + 1:]]
        return any(place + sum(i * s for i, s in zip(at, steps)) in nonzero for at in itertools.product(*rest))

    for level, d in enumerate(order):
        below, segments, indices = [], [0], []
        for parent in parents:
            for i in range(sizes[d]):
                place = parent + i * strides[d]
                if formats[level] == "dense" or leads_anywhere(place, level):
                    below.append(place)
                    indices.append(i)
            segments.append(len(indices))
        parents = below
        dims.append(("dense", sizes[d]) if formats[level] == "dense"
                    else ("csr", narrow(segments, width), narrow(indices, width)))
    return flat[parents], {"order": list(order), "block_map": list(block_map), "dims": dims}


def case(name, dtype, dense, *form, scale=None, zero=None, **options):
    g = ModelGen()
    values, sparsity = store(dense, *form, **options)
    sparse = g.tensor("sparse", dtype, dense.shape, data=values, sparsity=sparsity, scale=scale, zero=zero)
    alone = g.tensor("alone", dtype, dense.shape, data=values, sparsity=sparsity)  # a constant that no node reads
    out = g.tensor(OUTPUT, dtype, dense.shape, scale=scale, zero=zero)
    g.op("DENSIFY", [sparse], [out], "DensifyOptions")
    g.inputs([])
    g.outputs([out, alone])
    return Case(f"densify_{name}", op="DENSIFY", model=g.build())


def sprinkled(rng, dtype, shape, part=0.3):
    """Values of which about `part` are not zero."""
    kept = rng.random(shape) < part
    if dtype.startswith("float"):
        return np.where(kept, rng.standard_normal(shape), 0).astype(dtype)
    return np.where(kept, rng.integers(-128, 128, shape), 0).astype(dtype)


def cases(rng):
    for t in ("float32", "float16", "int8"):
        for formats in itertools.product(("dense", "csr"), repeat=2):
            for order in ([0, 1], [1, 0]):
                x = sprinkled(rng, t, (7, 5))
                yield case(f"{t}_{''.join(f[0] for f in formats)}_{order[0]}", t, x, order, formats)
        for width in (1, 2, 4):
            yield case(f"{t}_width_{width}", t, sprinkled(rng, t, (17, 33)), [0, 1], ("dense", "csr"), width=width)
            yield case(f"{t}_blocks_{width}", t, sprinkled(rng, t, (8, 12), 0.1), [0, 1, 2, 3], ("dense", "csr", "dense", "dense"),
                       [0, 1], [4, 2], width=width)
        yield case(f"{t}_row_blocks", t, sprinkled(rng, t, (6, 32), 0.1), [0, 1, 2], ("dense", "csr", "dense"), [1], [16])
        yield case(f"{t}_inside_out", t, sprinkled(rng, t, (6, 8), 0.1), [1, 0, 3, 2], ("csr", "csr", "dense", "dense"), [0, 1], [2, 4])
        yield case(f"{t}_one", t, np.eye(4, 3, 2, t), [0, 1], ("csr", "csr"))
        yield case(f"{t}_full", t, np.ones((4, 3), t), [0, 1], ("csr", "csr"))
    for rank, shape in ((1, (9,)), (3, (3, 4, 5)), (4, (2, 3, 4, 2))):
        for i, order in enumerate(itertools.islice(itertools.permutations(range(rank)), 0, None, 3)):
            formats = [("dense", "csr")[int(n)] for n in rng.integers(0, 2, rank)]
            yield case(f"rank{rank}_{i}", "float32", sprinkled(rng, "float32", shape), order, formats)
    yield case("blocks_of_rank3", "int8", sprinkled(rng, "int8", (4, 6, 8), 0.1), [2, 0, 1, 3, 4], ("dense", "csr", "csr", "dense", "dense"),
               [0, 2], [2, 4])
    yield case("large_indices", "int8", sprinkled(rng, "int8", (2, 70000), 0.001), [0, 1], ("dense", "csr"), width=1)
    yield case("quantized", "int8", sprinkled(rng, "int8", (5, 5)), [0, 1], ("dense", "csr"), scale=0.5, zero=3)
