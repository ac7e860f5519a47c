# SPDX-License-Identifier: Apache-2.0
"""onenode.py: a case with one node, from arrays.

    node = Node("TRANSPOSE", "TransposeOptions")
    yield node.case("swap", [x, const(perm)], ["float32"])

Inputs are arrays; const(...) marks those that are constants of the file. A name in `outputs` is a dtype; the shape of
an output in the file does not matter to the ops made here, which work theirs out.
"""

import dataclasses
import typing

import numpy as np

from case import Case, Exact, Refusal
from modelgen import ModelGen


@dataclasses.dataclass
class Arg:
    """An input: its value, whether it is a constant, dtype (by default that of the value), quantization."""

    value: typing.Any
    const: bool = False
    dtype: str = ""
    scale: typing.Any = None
    zero: typing.Any = None
    axis: int = 0

    def name(self):
        if self.dtype:
            return self.dtype
        return "string" if self.value.dtype.kind == "O" else self.value.dtype.name


def const(value, dtype=""):
    return Arg(np.asarray(value), True, dtype)


def quant(value, scale, zero, constant=False):
    return Arg(np.asarray(value), constant, "", scale, zero)


def i32(*values):
    """A constant int32 vector."""
    return const(np.array(values, np.int32).reshape(-1))


class Node:
    def __init__(self, op, options=None, version=1, prefix=""):
        self.op, self.options, self.version, self.prefix = op, options, version, prefix

    def case(self, name, inputs, outputs, values=None, tol=None, quant=None, version=None, shapes=None, steps=1,
             custom=None):
        """quant: (scale, zero) of every output; shapes: of the outputs in the file."""
        model, feeds = self._model(inputs, outputs, values, quant, version, shapes, custom)
        return Case(f"{self.prefix or self.op.lower()}_{name}", op=self.op if not custom else custom[0], model=model,
                    inputs=feeds, steps=steps, tol=tol or Exact())

    def refusal(self, name, inputs, outputs, message, values=None, when="allocate", lenient="", quant=None,
                version=None, shapes=None, custom=None):
        """A case that must be refused with `message`; the rest as in case()."""
        model, feeds = self._model(inputs, outputs, values, quant, version, shapes, custom)
        return Refusal(f"{self.prefix or self.op.lower()}_{name}", self.op if not custom else custom[0], model, feeds,
                       message, when, lenient)

    def _model(self, inputs, outputs, values, quant, version, shapes, custom):
        """(bytes of the model, inputs to feed)."""
        g = ModelGen()
        tensors, feeds, graph_inputs = [], [], []
        for i, arg in enumerate(inputs):
            if arg is None:
                tensors.append(-1)
                continue
            if not isinstance(arg, Arg):
                arg = Arg(np.asarray(arg))
            tensors.append(g.tensor(f"x{i}", arg.name(), arg.value.shape, data=arg.value if arg.const else None,
                                    scale=arg.scale, zero=arg.zero, axis=arg.axis))
            if not arg.const:
                feeds.append(arg.value)
                graph_inputs.append(tensors[-1])
        outs = []
        for i, dtype in enumerate(outputs):
            scale, zero = quant if quant else (None, None)
            outs.append(g.tensor(f"y{i}", dtype, shapes[i] if shapes else (), scale=scale, zero=zero))
        g.op(self.op, tensors, outs, self.options, values, version=version or self.version, custom=custom)
        g.inputs(graph_inputs)
        g.outputs(outs)
        return g.build(), feeds


def numbers(rng, dtype, shape):
    """Random values that fill the dtype's range."""
    kind = np.dtype(dtype).kind
    if kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    if kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
    if kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def words(rng, shape):
    """Random byte strings, some empty."""
    out = np.empty(shape, object)
    for i in np.ndindex(*shape):
        out[i] = bytes(rng.integers(97, 123, rng.integers(0, 9)).astype(np.uint8))
    return out


def text(*values):
    """A vector of byte strings."""
    out = np.empty(len(values), object)
    out[:] = values
    return out
