# SPDX-License-Identifier: Apache-2.0
"""case.py: what a case of the differential harness is, and how close is close enough.

A family file in cases/ has `def cases(rng)` that yields Case objects. rng is a numpy.random.Generator seeded by the
family's name; use it for everything random, so that a case is the same in every run. It may have DIFFERS, {op: text}:
what docs/ops.md says about where our values are not those of the reference kernels, or those of the resolvers differ,
and why. A file in refusals/ has `def refusals(rng)` that yields Refusal objects.
"""

import dataclasses
import hashlib
import typing

import numpy as np


class Tolerance:
    """compare() returns (ok, error): error is a number to sort by, 0 for equal."""

    def compare(self, want, got):
        raise NotImplementedError


def _equal(want, got):
    if want.dtype.kind in "fcV" and want.dtype.kind != "V":
        return (want == got) | (np.isnan(want) & np.isnan(got))
    return want == got


def _wide(a):
    """A dtype wide enough that a difference cannot overflow. Half floats of ml_dtypes become float32."""
    if a.dtype.kind in "iub":
        return a.astype(object) if a.dtype.itemsize == 8 else a.astype(np.int64)
    if a.dtype.kind == "c":
        return a.astype(np.complex128)
    return a.astype(np.float64)


class Exact(Tolerance):
    """Every element equal; NaN equals NaN."""

    def compare(self, want, got):
        if want.dtype.kind == "V" or want.dtype.name in ("bfloat16",):
            same = want.view(np.uint8) == got.view(np.uint8) if want.size else np.ones(0, bool)
            return bool(np.all(same)), 0.0 if np.all(same) else 1.0
        same = _equal(want, got)
        if np.all(same):
            return True, 0.0
        if want.dtype.kind in "OSU":
            return False, float(np.sum(~same))
        with np.errstate(all="ignore"):
            diff = np.abs(_wide(want) - _wide(got))
        worst = np.max(np.where(same, 0, diff))
        return False, float("inf") if worst != worst else float(worst)

    def __repr__(self):
        return "Exact()"


class Step(Tolerance):
    """Integers may differ by n; anything else must be within Close(1e-5, 1e-6)."""

    def __init__(self, n=1):
        self.n = n

    def compare(self, want, got):
        if want.dtype.kind not in "iu":
            return Close(1e-5, 1e-6).compare(want, got) if want.dtype.kind in "fc" else Exact().compare(want, got)
        worst = float(np.max(np.abs(_wide(want) - _wide(got)))) if want.size else 0.0
        return worst <= self.n, worst

    def __repr__(self):
        return f"Step({self.n})"


class Close(Tolerance):
    """|want - got| <= atol + rtol * |want| for floats; NaN and infinities must agree; anything else exact."""

    def __init__(self, rtol=1e-5, atol=1e-6):
        self.rtol, self.atol = rtol, atol

    def compare(self, want, got):
        if want.dtype.kind not in "fc" and want.dtype.name not in ("bfloat16",):
            return Exact().compare(want, got)
        if not want.size:
            return True, 0.0
        a, b = _wide(want), _wide(got)
        same = _equal(a, b)
        with np.errstate(all="ignore"):
            diff = np.where(same, 0, np.abs(a - b))
            bound = self.atol + self.rtol * np.abs(a)
            ok = same | (np.isfinite(a) & (diff <= bound))
        worst = np.max(diff)
        return bool(np.all(ok)), float("inf") if worst != worst else float(worst)

    def __repr__(self):
        return f"Close({self.rtol}, {self.atol})"


@dataclasses.dataclass
class Case:
    """One model with inputs.

    name    unique in its family
    op      the row in ops.def that it is a case for
    model   bytes of a .tflite file
    inputs  arrays in the order of graph 0's inputs (strings: object arrays of bytes). An array whose shape differs
            from the input's in the file resizes it.
    steps   how many times to set the inputs and invoke; outputs of every step are compared
    tol     Exact(), Step(n), Close(rtol, atol), or a list with one per output
    calls   instead of inputs: [(signature key, {name: array})], run in order on one interpreter
    keep_all  the result is everything that zoo_run.observe() asks for of the calls (test_zoo.py only)
    """

    name: str
    op: str
    model: bytes
    inputs: list = dataclasses.field(default_factory=list)
    steps: int = 1
    tol: typing.Any = dataclasses.field(default_factory=Exact)
    calls: typing.Any = None
    family: str = ""
    keep_all: bool = False

    def job(self):
        """What worker.py wants of it."""
        return self.model, self.inputs, self.steps, self.calls, self.keep_all

    def key(self):
        """Hash of everything that the expected outputs depend on."""
        digest = hashlib.sha256()

        def add(array):
            array = np.asarray(array)
            digest.update(repr((array.dtype.str, array.shape)).encode())
            digest.update(repr(array.tolist()).encode() if array.dtype.kind in "OSU" else array.tobytes())

        digest.update(self.model)
        digest.update(str(self.steps).encode() + b"all" * self.keep_all)
        for array in self.inputs:
            add(array)
        for key, inputs in self.calls or ():
            digest.update(key.encode())
            for name in sorted(inputs):
                digest.update(name.encode())
                add(inputs[name])
        return digest.hexdigest()[:32]


@dataclasses.dataclass
class Refusal:
    """One model that unflow must refuse, with the words it must say.

    message  the whole text of the error but for the model's name and "op #0 NAME 'y0': " in front of it
    when     where it is refused: "open", "allocate", or "invoke" when it depends on data
    lenient  why unflow refuses what the reference kernels take; "" where they refuse it, too (the run checks which)
    """

    name: str
    op: str
    model: bytes
    inputs: list = dataclasses.field(default_factory=list)
    message: str = ""
    when: str = "allocate"
    lenient: str = ""
    family: str = ""

    def case(self):
        return Case(self.name, self.op, self.model, self.inputs, family=self.family)
