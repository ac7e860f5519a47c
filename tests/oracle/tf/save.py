# SPDX-License-Identifier: Apache-2.0
"""Checkpoints and files."""
import itertools
import os
import tempfile

import numpy as np

from tf_case import Case, Chain, R

FOLDER = os.path.join(tempfile.gettempdir(), "unflow_save")
numbers = itertools.count()


def text(value):
    return np.array(value if isinstance(value, bytes) else value.encode(), object)


def texts(*values):
    return np.array([v.encode() for v in values] + [None], object)[:-1]


def prefix():
    return text(f"{FOLDER}/{next(numbers)}/ckpt")


def cases(rng):
    os.makedirs(FOLDER, exist_ok=True)
    dtypes = ["f4", "f8", "f2", "i1", "u1", "i2", "u2", "i4", "i8", "u4", "u8", "?", "c8", "c16"]
    for i in range(10):
        n = int(rng.integers(1, 6))
        arrays = [rng.integers(0, 2, rng.integers(0, 4, rng.integers(0, 4))).astype(rng.choice(dtypes)) for _ in range(n)]
        arrays.append(np.array([b"", b"abc", b"x" * 300], object))
        names = texts(*[f"v{k}" for k in range(n + 1)])
        blank = texts(*[""] * (n + 1))
        kinds = [a.dtype.name if a.dtype != object else "string" for a in arrays]
        where = prefix()
        outs = [f"o{k}" for k in range(n + 1)]
        yield Chain([(None, "SaveV2", [where, names, blank, arrays]),
                     (outs, "RestoreV2", [where, names, blank], {"dtypes": kinds})], outs)
        yield Chain([(None, "SaveV2", [prefix(), names, blank, arrays])], [])
    x = rng.normal(size=(10, 6)).astype("f4")
    for spec in ("", "10 6 -:-", "10 6 0,5:-", "10 6 3,4:2,2", "10 6 9,1:5,1", "10 6 0,0:-", "10 5 -:-", "10 6 8,4:-", "10 -", "abc", "10 6 "):
        where = prefix()
        yield Chain([(None, "SaveV2", [where, texts("x"), texts(""), [x]]),
                     ("o", "RestoreV2", [where, texts("x"), texts(spec)], {"dtypes": ["float32"]})], ["o"])
        yield Chain([(None, "SaveV2", [where, texts("x"), texts(""), [x]]),
                     ("o", "RestoreSlice", [where, text("x"), text(spec)], {"dt": "float32"})], ["o"])
    where = prefix()
    save = (None, "SaveV2", [where, texts("x"), texts(""), [x]])
    yield Chain([save, ("o", "RestoreV2", [where, texts("y"), texts("")], {"dtypes": ["float32"]})], ["o"])
    yield Chain([save, ("o", "RestoreV2", [where, texts("x"), texts("")], {"dtypes": ["int32"]})], ["o"])
    yield Chain([("o", "RestoreV2", [text(FOLDER + "/nothing"), texts("x"), texts("")], {"dtypes": ["float32"]})], ["o"])
    yield Chain([("o", "RestoreV2", [where, texts("x", "y"), texts("")], {"dtypes": ["float32"]})], ["o"])
    yield Chain([(None, "SaveV2", [where, texts("x", "x"), texts("", ""), [x, x]])], [])
    for i in range(10):
        where = prefix()
        yield Chain([(None, "SaveV2", [where, texts("a/b"), texts(""), [np.full(i, i)]]),
                     ("o", "Restore", [where, text("a/b")], {"dt": "int64"})], ["o"])
        parts = [f"{FOLDER}/{next(numbers)}_temp/part_{k}" for k in range(1 + i % 3)]
        steps = [(None, "SaveV2", [text(p), texts(f"v{k}"), texts(""), [np.full((2, k), k + i, "f4")]]) for k, p in enumerate(parts)]
        where = prefix() if i % 2 else text(f"{FOLDER}/merged_{i}")
        outs = [f"o{k}" for k in range(len(parts))]
        yield Chain([*steps, (None, "MergeV2Checkpoints", [texts(*parts), where], {"delete_old_dirs": bool(i % 4)}),
                     (outs, "RestoreV2", [where, texts(*[f"v{k}" for k in range(len(parts))]), texts(*[""] * len(parts))],
                      {"dtypes": ["float32"] * len(parts)}),
                     ("left", "MatchingFiles", [text(parts[0] + "*")])], [*outs, "left"])
    yield Chain([(None, "MergeV2Checkpoints", [texts(FOLDER + "/none/a"), text(FOLDER + "/other")])], [])
    for base, shard, n in (("a", 0, 1), ("a/b", 3, 10), ("", 0, 0), ("x", -1, 5), ("x", 123456, 1234567), ("p", 7, 8), ("p", 99999, 100000), ("q" * 300, 1, 2), ("dé", 0, 1), ("a b", 5, 6), ("/abs/x", 0, 3)):
        yield Case("ShardedFilename", [text(base), np.array(shard, "i4"), np.array(n, "i4")])
        yield Case("ShardedFilespec", [text(base), np.array(n, "i4")])
    yield Case("ShardedFilename", [text("a"), np.array([0], "i4"), np.array(1, "i4")])
    for content in (b"", b"abc", b"\0\xff" * 1000, b"line\n"):
        for name in ("plain", "deep/er/file", "with space"):
            path = text(f"{FOLDER}/files/{len(content)}/{name}")
            yield Chain([(None, "WriteFile", [path, text(content)]), ("o", "ReadFile", [path])], ["o"])
    yield Case("ReadFile", [text(FOLDER + "/absent")])
    yield Case("ReadFile", [texts("a", "b")])
    yield Case("WriteFile", [text(FOLDER), text("x")])
    globs = f"{FOLDER}/globs/"
    os.makedirs(globs + "sub", exist_ok=True)
    for name in ("b.txt", "a.txt", "c.bin", ".hidden", "sub/d.txt"):
        with open(globs + name, "wb"):
            pass
    for patterns in (["*"], ["*.txt"], ["?.bin"], ["[ab].txt"], ["none*"], ["*.txt", "*.bin"], ["c*", "a*"], ["*/*.txt"], ["a.txt"], [".h*"]):
        yield Case("MatchingFiles", [texts(*[globs + p for p in patterns])])
    yield Case("MatchingFiles", [text(globs + "*.txt")])
    yield Case("MatchingFiles", [texts()])
    os.makedirs(f"{FOLDER}/v1", exist_ok=True)
    for i in range(12):
        dtype = dtypes[i % len(dtypes)]
        whole = rng.integers(0, 2, (6, 4)).astype(dtype)
        path = text(f"{FOLDER}/v1/plain{i}")
        kind = whole.dtype.name
        yield Chain([(None, "Save", [path, texts("b", "a/x", "s"), [whole, np.array(i), np.array([b"", b"text", b"y" * 200], object)]]),
                     ("o", "Restore", [path, text("b")], {"dt": kind}), ("p", "RestoreSlice", [path, text("b"), text("6 4 1,3:2,2")], {"dt": kind}),
                     (["q", "r", "t"], "RestoreV2", [path, texts("a/x", "b", "s"), texts("", "", "")], {"dtypes": ["int64", kind, "string"]})],
                    ["o", "p", "q", "r", "t"])
        path = text(f"{FOLDER}/v1/slices{i}")
        yield Chain([(None, "SaveSlices", [path, texts("w", "w", "z"), texts("6 4 0,2:-", "6 4 2,4:-", ""), [whole[:2], whole[2:], np.arange(3)]]),
                     ("o", "Restore", [path, text("w")], {"dt": kind}), ("p", "RestoreSlice", [path, text("w"), text("6 4 1,3:0,2")], {"dt": kind}),
                     ("q", "Restore", [path, text("z")], {"dt": "int64"})], ["o", "p", "q"])
    x = np.zeros((2, 2), "f4")
    yield Chain([(None, "SaveSlices", [text(f"{FOLDER}/v1/bad"), texts("w"), texts("2 2 0,1:-"), [x]])], [])
    yield Chain([(None, "Save", [text(f"{FOLDER}/v1/bad"), texts("w", "v"), [x]])], [])
    yield Chain([(None, "SaveSlices", [text(f"{FOLDER}/v1/bad"), texts("w"), texts("garbage"), [x]])], [])
    for i in range(3):
        where = prefix()
        x = rng.normal(size=(5, 6))
        yield Chain([(None, "SaveV2", [where, texts("p", "q", "p"), texts("5 6 0,3:-", "", "5 6 3,2:-"), [x[:3], np.arange(3), x[3:]]]),
                     (["o", "p"], "RestoreV2", [where, texts("p", "p"), texts("", "5 6 2,2:1,3")], {"dtypes": ["float64", "float64"]})], ["o", "p"])
