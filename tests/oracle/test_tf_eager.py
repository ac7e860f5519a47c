# SPDX-License-Identifier: Apache-2.0
"""The same eager code with both libraries (eager_snippets.py): values, printed text, errors."""

import importlib.util
import json
import math
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("TensorFlow is not installed", allow_module_level=True)

# Errors whose kind is TensorFlow's and whose words are our own.
KIN = {"_FallbackException": "InvalidArgumentError", "NotFoundError": "NotFoundError"}


def evaluated(library):
    done = subprocess.run([sys.executable, HERE / "eager_worker.py", library], capture_output=True,
                          text=True, env=dict(os.environ, PYTHONHASHSEED="0"), cwd=HERE)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout[done.stdout.index('[["value"'):])


@pytest.fixture(scope="module")
def results():
    theirs, ours = evaluated("tensorflow"), evaluated("unflow")
    assert [r[1] for r in theirs] == [r[1] for r in ours]
    return list(zip(theirs, ours))


def same(a, b):
    """Equal, numbers within a small tolerance."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float) and isinstance(b, (int, float)):
        return a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=2e-5, abs_tol=2e-6)
    return a == b


def error_kind(name):
    return {"WrongTypeError": "InvalidArgumentError", "NoSuchFileError": "NotFoundError"}.get(name, name)


def differences(results, kind):
    out = []
    for (what, line, theirs), (_, _, ours) in results:
        if what != kind:
            continue
        if theirs[0] == "error" and ours[0] == "error":
            fine = error_kind(theirs[1]) == error_kind(ours[1]) and (kind != "error" or theirs[2] == ours[2])
        else:
            fine = theirs == ours if kind == "text" else same(theirs, ours)
        if not fine:
            out.append(f"{line}\n    TensorFlow: {str(theirs)[:300]}\n    unflow:     {str(ours)[:300]}")
    return out


@pytest.mark.parametrize("kind", ["value", "text", "error"])
def test_eager_code_gives_what_tensorflow_gives(results, kind):
    found = differences(results, kind)
    total = sum(r[0][0] == kind for r in results)
    assert not found, f"{len(found)} of {total} differ:\n" + "\n".join(found)
