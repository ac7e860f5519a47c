# SPDX-License-Identifier: Apache-2.0
"""zoo_run.py: what an engine says of a whole model, and a model cut into its nodes.

observe() runs the calls of a model on one interpreter and keeps everything that can be asked: details of tensors, of ops
and of signatures; after each call its outputs and every tensor of its graph. worker.py calls it for the oracle,
test_zoo.py for unflow. nodes() makes of a model and of what the oracle said one model for each node, with the oracle's
own values as its inputs: a difference there is of that op alone.
"""

import dataclasses
import hashlib
import typing

import numpy as np

from modelgen import ModelGen, _Buffer, schema

NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
TYPES = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
HANDLES = ("RESOURCE", "VARIANT")
VERSION = 6  # counts up when observe() changes what it keeps
BIG = 4096  # bytes: of a larger constant the digest is kept


def parse(data):
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    for graph in model.subgraphs:
        graph.operators = graph.operators or []
        graph.inputs, graph.outputs = (np.zeros(0, np.int32) if part is None else part for part in (graph.inputs, graph.outputs))
        for op in graph.operators:
            for part in ("inputs", "outputs", "intermediates"):
                if getattr(op, part) is None:
                    setattr(op, part, np.zeros(0, np.int32))
    return model


def op_name(model, op):
    code = model.operatorCodes[op.opcodeIndex]
    name = NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
    return code.customCode.decode() if name == "CUSTOM" else name


def is_constant(model, tensor):
    return not tensor.isVariable and model.buffers[tensor.buffer].data is not None and len(model.buffers[tensor.buffer].data) > 0


# ---- the calls ------------------------------------------------------------------------------------


def generic_calls(model):
    """Calls of a model without signatures: inputs by dtype; several of them and a reset where there is state."""
    graph = model.subgraphs[0]
    stateful = any(t.isVariable for t in graph.tensors)
    rng = np.random.default_rng(5)

    def inputs():
        out = []
        for index in graph.inputs:
            tensor = graph.tensors[index]
            shape, kind = tuple(tensor.shape if tensor.shape is not None else ()), TYPES[tensor.type]
            if kind in ("INT8", "UINT8", "INT16"):
                info = np.iinfo(kind.lower())
                out.append(rng.integers(info.min, info.max, shape, endpoint=True).astype(kind.lower()))
            elif kind.startswith("FLOAT"):
                out.append(rng.uniform(-1, 1, shape).astype(kind.lower()))
            else:
                out.append(rng.integers(0, 8, shape).astype(kind.lower()))
        return out

    return [(None, inputs()) for _ in range(3)] + [None, (None, inputs())] if stateful else [(None, inputs())]


def quantized_calls(model, calls):
    """The calls as the model's input types have them: floats at the input's scale where it takes integers."""
    signatures = {s.signatureKey.decode(): s for s in model.signatureDefs or ()}
    out = []
    for call in calls:
        if call is None:
            out.append(None)
            continue
        key, inputs = call
        tensors = model.subgraphs[signatures[key].subgraphIndex].tensors
        by_name = {m.name.decode(): tensors[m.tensorIndex] for m in signatures[key].inputs or ()}
        out.append((key, {name: quantized(by_name[name], array) for name, array in inputs.items() if name in by_name}))
    return out


def quantized(tensor, array):
    name = TYPES[tensor.type]
    if array.dtype != np.float32 or name not in ("INT8", "INT16"):
        return array
    info, q = np.iinfo(name.lower()), tensor.quantization
    return np.clip(np.round(array / q.scale[0]) + q.zeroPoint[0], info.min, info.max).astype(name.lower())


# ---- what an engine says --------------------------------------------------------------------------


def plain(value):
    """value in types that compare by == and pickle without the engine."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.tolist())
    return value.__name__ if isinstance(value, type) else value.item() if isinstance(value, np.generic) else value


def details_of(interpreter, model):
    """Of every tensor of every graph; of the inputs, the outputs, the ops."""
    out = {"inputs": plain(interpreter.get_input_details()), "outputs": plain(interpreter.get_output_details()),
           "ops": plain(interpreter._get_ops_details())[:len(model.subgraphs[0].operators)]}
    for said, op in zip(out["ops"], model.subgraphs[0].operators):
        if said["op_name"] == "WHILE":  # the oracle writes -1 over outputs that nobody uses; unflow says what the file does
            said["outputs"], said["result_types"] = op.outputs.tolist(), len(op.outputs)
    for g, graph in enumerate(model.subgraphs):
        out[f"graph {g}"] = plain(interpreter.get_tensor_details(g))[:len(graph.tensors)]
    for op in (op for op in model.subgraphs[0].operators if op_name(model, op) == "DENSIFY"):
        for said in (said for part in ("graph 0", "outputs") for said in out[part] if said["index"] == op.outputs[0]):
            said["name"] = model.subgraphs[0].tensors[op.outputs[0]].name.decode()  # the oracle calls all of them "Densify_output"
    return out


def tensors_of(interpreter, model, g):
    """{index: value} of the tensors of a graph that can be read; (digest, dtype, shape) of large constants."""
    out = {}
    for index, tensor in enumerate(model.subgraphs[g].tensors):
        if TYPES[tensor.type] in HANDLES:
            continue
        try:
            value = np.asarray(interpreter.get_tensor(index, g))
        except (ValueError, RuntimeError):  # a tensor that never got memory
            continue
        if is_constant(model, tensor) and value.nbytes > BIG and value.dtype.kind != "O":
            out[index] = (hashlib.sha256(value.tobytes()).hexdigest(), value.dtype.name, value.shape)
        else:
            out[index] = value.copy()
    return out


def unused(model):
    """(graph, tensor) of outputs of WHILE that nobody uses: the oracle leaves them out, and what it reads there is whatever
    the memory held."""
    found = set()
    for g, graph in enumerate(model.subgraphs):
        used = {int(i) for op in graph.operators for i in op.inputs} | {int(i) for i in graph.outputs}
        found |= {(g, int(i)) for op in graph.operators if op_name(model, op) == "WHILE" for i in op.outputs if int(i) not in used}
    return found


def observe(interpreter, data, calls):
    """A dict: details at three moments, signatures, steps: a list of {graph, outputs, tensors, fresh} of
    each call; fresh: state began anew before it."""
    model = parse(data)
    graph_of = {s.signatureKey.decode(): s.subgraphIndex for s in model.signatureDefs or ()}
    out = {"opened": details_of(interpreter, model), "signatures": plain(interpreter.get_signature_list()), "runners": {},
           "steps": []}
    runners, fresh = {}, True
    if any(call and call[0] is None for call in calls):
        interpreter.allocate_tensors()
        out["allocated"] = details_of(interpreter, model)
    for call in calls:
        if call is None:
            interpreter.reset_all_variables()
            fresh = True
            continue
        key, inputs = call
        if key is None:
            for detail, array in zip(interpreter.get_input_details(), inputs):
                interpreter.set_tensor(detail["index"], array)
            interpreter.invoke()
            outputs = {d["name"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}
        else:
            if key not in runners:
                runners[key] = interpreter.get_signature_runner(key)
            outputs = runners[key](**inputs)
        g = graph_of.get(key, 0)
        out["steps"].append({"graph": g, "outputs": {k: np.array(v) for k, v in outputs.items()},
                             "tensors": tensors_of(interpreter, model, g),
                             "fresh": fresh})
        fresh = False
    for g, index in unused(model):
        for step in out["steps"]:
            if step["graph"] == g:
                step["tensors"].pop(index, None)
    for key, runner in runners.items():
        out["runners"][key] = [plain(runner.get_input_details()), plain(runner.get_output_details())]
    out["ran"] = details_of(interpreter, model)
    return out


# ---- one model for each node ----------------------------------------------------------------------


@dataclasses.dataclass
class NodeRun:
    """A node alone: its model, its inputs, the state before it, what the oracle made of them."""

    where: str
    op: str
    model: bytes
    inputs: list
    state: dict  # {tensor index: value}, what it is not: the first value
    want: dict  # {tensor index: value}: outputs and state afterwards
    node: typing.Any = None  # the schema's OperatorT
    tensors: typing.Any = None  # its inputs' and outputs' TensorTs, None where one is left out
    numbers: typing.Any = None  # {input: value} of its int32 constants: axes, sizes


def _cut(model, g, k):
    """(a model of node k of graph g alone, {its tensor: the old one}, indices of its inputs to feed, of its outputs)."""
    graph = model.subgraphs[g]
    op = graph.operators[k]
    used = [int(i) for part in (op.inputs, op.outputs, op.intermediates) for i in part if i >= 0]
    used = list(dict.fromkeys(used))
    at = {old: new for new, old in enumerate(used)}

    def moved(part):
        return np.array([at[int(i)] if i >= 0 else -1 for i in part], np.int32)

    new_op = dataclass_copy(op)
    new_op.inputs, new_op.outputs, new_op.intermediates = moved(op.inputs), moved(op.outputs), moved(op.intermediates)
    feed = [i for i in dict.fromkeys(int(i) for i in op.inputs if i >= 0)
            if not is_constant(model, graph.tensors[i]) and not graph.tensors[i].isVariable]
    cut = schema.SubGraphT()
    cut.name, cut.operators = "main", [new_op]
    cut.tensors = [dataclass_copy(graph.tensors[i]) for i in used]
    cut.inputs = np.array([at[i] for i in feed], np.int32)
    cut.outputs = np.array([at[int(i)] for i in op.outputs if i >= 0], np.int32)
    out = ModelGen()
    out.model.operatorCodes = model.operatorCodes
    others = op_name(model, op) in ("WHILE", "IF", "CALL_ONCE", "STABLEHLO_COMPOSITE")
    out.model.subgraphs = [cut, *model.subgraphs[1:]] if others else [cut]
    if others:  # what they call needs its own buffers
        out.model.buffers = [_Buffer(b.data.tobytes() if b.data is not None else b"") for b in model.buffers]
    else:
        out.model.buffers = [_Buffer()]
        new_op.opcodeIndex, out.model.operatorCodes = 0, [model.operatorCodes[op.opcodeIndex]]
        for tensor in cut.tensors:
            held = model.buffers[tensor.buffer].data
            tensor.buffer = 0 if held is None or not len(held) else out.buffer(held.tobytes())
    return out.build(), used, feed


def dataclass_copy(value):
    """A shallow copy of one of the schema's objects."""
    out = type(value)()
    out.__dict__.update(value.__dict__)
    return out


def nodes(data, said):
    """NodeRuns of every node whose inputs the oracle's values are known of, and how many others there are."""
    model, runs, left = parse(data), [], 0
    cuts, before = {}, {}
    for s, step in enumerate(said["steps"]):
        g, known = step["graph"], step["tensors"]
        graph = model.subgraphs[g]
        before = {} if step["fresh"] else before
        for k, op in enumerate(graph.operators):
            name = op_name(model, op)
            ends = [graph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
            is_state = any(graph.tensors[i].isVariable for i in op.outputs if i >= 0)
            if any(TYPES[t.type] in HANDLES for t in ends) or name == "CALL_ONCE" or is_state:
                left += 1
                continue
            if (g, k) not in cuts:
                cuts[g, k] = _cut(model, g, k)
            cut, used, feed = cuts[g, k]
            states = [i for i in used if graph.tensors[i].isVariable]
            outputs = [int(i) for i in op.outputs if i >= 0]
            if any(not isinstance(known.get(i), np.ndarray) for i in (*feed, *outputs)):
                left += 1
                continue
            at = {old: new for new, old in enumerate(used)}
            state = {at[i]: before[g, i] for i in states if (g, i) in before}
            want = {at[i]: known[i] for i in (*outputs, *states) if i in known}
            runs.append(NodeRun(f"step {s} graph {g} op #{k} {name}", name, cut, [known[i] for i in feed], state, want,
                                op, [graph.tensors[i] if i >= 0 else None for i in (*op.inputs, *op.outputs)],
                                {k: np.frombuffer(model.buffers[t.buffer].data, np.int32) for k, t in enumerate(ends)
                                 if is_constant(model, t) and TYPES[t.type] == "INT32"}))
        before.update({(g, i): known[i] for i, t in enumerate(graph.tensors) if t.isVariable and i in known})
    return runs, left
