# SPDX-License-Identifier: Apache-2.0
"""changed.py: refusals made of a case's model with one thing changed.

    base, _ = case_file("rnn").step_model(rng)
    yield changed("RNN", "rnn_bias", base, "expected ...", shape={"b": (3,)})
"""

import importlib.util
import pathlib

import numpy as np

from case import Refusal
from modelgen import DTYPES, edited, schema


def case_file(name):
    path = pathlib.Path(__file__).resolve().parent / "cases" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"oracle_cases_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Change:
    """A change of a model with one node. Tensors by name."""

    def __init__(self, **fields):
        self.fields = fields

    def __call__(self, model):
        graph = model.subgraphs[0]
        named = {t.name.decode(): t for t in graph.tensors}
        for name, value in self.fields.items():
            getattr(self, "do_" + name)(graph, named, value)

    def do_shape(self, graph, named, shapes):
        """{tensor: shape}; constants become values that nobody gave."""
        for name, shape in shapes.items():
            named[name].shape = np.asarray(shape, np.int32)
            if named[name].buffer:
                named[name].buffer = 0
                graph.inputs = np.append(graph.inputs, [[t.name for t in graph.tensors].index(name.encode())]).astype(np.int32)

    def do_dtype(self, graph, named, dtypes):
        for name, dtype in dtypes.items():
            named[name].type = DTYPES[dtype][0]
            self.do_shape(graph, named, {name: named[name].shape})

    def do_fixed(self, graph, named, names):
        """Not is_variable."""
        for name in names:
            named[name].isVariable = False
            self.do_shape(graph, named, {name: named[name].shape})
            graph.inputs = np.append(graph.inputs, [[t.name for t in graph.tensors].index(name.encode())]).astype(np.int32)

    def do_scales(self, graph, named, scales):
        for name, scale in scales.items():
            named[name].quantization = None if scale is None else named[name].quantization
            if scale is not None:
                named[name].quantization.scale = np.asarray(scale, np.float32)
                named[name].quantization.zeroPoint = np.zeros(len(scale), np.int64)

    def do_options(self, graph, named, options):
        for key, value in options.items():
            setattr(graph.operators[0].builtinOptions, key, value)

    def do_inputs(self, graph, named, inputs):
        """{place: tensor, None to omit it}, or a number of inputs to keep."""
        node = graph.operators[0]
        node.inputs = np.array(node.inputs)  # the file's own is read-only
        if isinstance(inputs, int):
            node.inputs = node.inputs[:inputs]
            return
        for place, name in inputs.items():
            node.inputs[place] = -1 if name is None else [t.name for t in graph.tensors].index(name.encode())

    def do_outputs(self, graph, named, outputs):
        graph.operators[0].outputs = graph.operators[0].outputs[outputs]
        graph.outputs = graph.operators[0].outputs

    def do_intermediates(self, graph, named, n):
        graph.operators[0].intermediates = graph.operators[0].intermediates[:n]


def fed(model):
    """Zeros for every input."""
    graph = schema.ModelT.InitFromPackedBuf(model, 0).subgraphs[0]
    kinds = {code: dtype for code, dtype in DTYPES.values()}
    return [np.zeros(graph.tensors[i].shape, kinds[graph.tensors[i].type]) for i in graph.inputs]


def changed(op, name, base, message, lenient="", when="allocate", **fields):
    model = edited(base, Change(**fields))
    return Refusal(name, op, model, fed(model), message, when, lenient)
