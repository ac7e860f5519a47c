# SPDX-License-Identifier: Apache-2.0
"""tf_case.py: cases of TensorFlow ops, run by TensorFlow 2.21 and by unflow (tf_run.py compares).

A family file in tf/ has `def cases(rng)` that yields Case and Chain objects; rng is a numpy.random.Generator seeded
by the family's name. A family that says ROUNDS = 2 has its cases made that many times.

    Case("AddV2", [a, b])                          inputs in the order of the op's arguments
    Case("Pack", [[a, b, c]], {"axis": 1})         an argument of many values is a list
    Case("Cast", [a], {"DstT": "int32"})           dtypes by name, shapes as lists
    Case("QuantizedRelu", [Q(a, "quint8"), 0.0, 1.0])   quantized values over plain integers
    Chain([("h", "VarHandleOp", [], {"dtype": "float32", "shape": [2], "shared_name": "v1"}),
           (None, "AssignVariableOp", [R("h"), a]),
           ("x", "ReadVariableOp", [R("h")], {"dtype": "float32"})], ["x"])

In a Chain each step names its outputs (None, a name, or a list of names), later steps use R(name), and the last
argument says which are compared. With graph=True TensorFlow runs it as a version 1 graph, each step after the one
before, where that is the only way (references, stacks, queues). Both sides run steps in order.

tolerance: None takes the dtype's default, (rtol, atol) is for all float outputs, "exact" for equal bits; a list has
one for each output. check=f, f(wanted arrays, got arrays, inputs) -> "" or what is wrong, compares instead (for results
defined up to a sign or an order). skip: outputs whose values TensorFlow leaves undefined.
Where TensorFlow raises, unflow must raise the same exception, unless TensorFlow only lacks the kernel.
"""

import dataclasses
import typing

import numpy as np


@dataclasses.dataclass
class R:
    """The value that an earlier step named."""
    name: str


@dataclasses.dataclass
class Q:
    """Integers as a quantized dtype."""
    value: typing.Any
    dtype: str


@dataclasses.dataclass
class Case:
    op: str
    inputs: list
    attrs: dict = dataclasses.field(default_factory=dict)
    tolerance: typing.Any = None
    check: typing.Any = None
    name: str = ""
    skip: typing.Any = ()

    @property
    def steps(self):
        return [("out", self.op, self.inputs, self.attrs)]

    outputs = ["out"]
    graph = False

    @property
    def ops(self):
        return [self.op]


@dataclasses.dataclass
class Chain:
    steps: list
    outputs: list
    tolerance: typing.Any = None
    graph: bool = False
    check: typing.Any = None
    name: str = ""
    skip: typing.Any = ()

    @property
    def ops(self):
        return [s[1] for s in self.steps]


DEFAULTS = {"float16": (1e-3, 1e-6), "bfloat16": (8e-3, 1e-6), "float32": (1e-5, 1e-6), "float64": (1e-12, 1e-12),
            "complex64": (1e-5, 1e-6), "complex128": (1e-12, 1e-12)}


def compare(tolerance, want, got):
    """"" when got is near enough to want."""
    if want.dtype != got.dtype:
        return f"expected dtype {want.dtype}, found {got.dtype}"
    if want.shape != got.shape:
        return f"expected shape {want.shape}, found {got.shape}"
    if want.size == 0:
        return ""
    if want.dtype == object or want.dtype.kind in "iubSU" or tolerance == "exact":
        same = want == got if want.dtype.kind not in "fcV" else (want == got) | ((want != want) & (got != got))
    else:
        rtol, atol = tolerance or DEFAULTS.get(want.dtype.name, (0, 0))
        wide = np.complex128 if want.dtype.kind == "c" else np.float64
        a, b = want.astype(wide), got.astype(wide)
        with np.errstate(all="ignore"):
            same = (a == b) | ((a != a) & (b != b)) | (np.abs(a - b) <= atol + rtol * np.abs(a))
    same = np.asarray(same)
    if same.all():
        return ""
    at = tuple(int(i) for i in np.argwhere(~same)[0])
    return f"{int((~same).sum())} of {want.size} differ, first at {at}: expected {want[at]!r}, found {got[at]!r}"
