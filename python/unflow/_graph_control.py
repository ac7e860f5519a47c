# SPDX-License-Identifier: Apache-2.0
"""tf.cond, tf.while_loop and tf.case: at once in eager mode, If and While nodes in a graph.

A branch or body is a graph of its own (FuncGraph). What it takes from outside becomes an argument
when it is used; both branches of an If get the same arguments.
"""

from __future__ import annotations

from . import _mode, _ops
from ._dtypes import TensorShape, as_dtype
from ._graph import Graph, Operation, Tensor

_PLAIN = ("ReadVariableOp", "VarHandleOp", "Placeholder", "VarIsInitializedOp", "VariableV2")


class FuncGraph(Graph):
    """The body of a function."""

    building_function = True

    def __init__(self, name, outer):
        super().__init__()
        self.name = name
        self.outer_graph = outer
        self.seed = outer.seed
        self.inputs, self.outputs = [], []
        self.captured = {}  # id of an outer tensor: (it, the argument that stands for it)

    def argument(self, dtype, shape, name="arg"):
        """A new argument."""
        tensor = self.add_op("Placeholder", [], {"dtype": dtype, "shape": TensorShape(shape)},
                             name).outputs[0]
        self.inputs.append(tensor)
        return tensor

    def capture(self, tensor, name=None):
        """What stands here for a tensor from outside."""
        if tensor.graph is not self.outer_graph:
            graph = self.outer_graph
            if graph.outer_graph is None:
                raise ValueError(f"{tensor!r} is out of scope: it is of a graph that does not enclose "
                                 f"this one.")
            tensor = graph.capture(tensor)
        found = self.captured.get(id(tensor))
        if found is None:
            with self.name_scope(None):
                before, self._controls = self._controls, []
                inner = self.argument(tensor.dtype, tensor.shape, "capture")
                self._controls = before
            found = self.captured[id(tensor)] = (tensor, inner)
        return found[1]


def _unique(graph, word):
    """A name for a function that the root graph has not yet."""
    while graph.outer_graph is not None:
        graph = graph.outer_graph
    n = graph.__dict__.setdefault("_function_count", 0)
    graph._function_count = n + 1
    return f"{word}_{n}"


def _effects(body):
    out = []
    for op in body.get_operations():
        if op.type not in _PLAIN and _ops.signature(op.type).stateful:
            out.append(op)
    return out


def _register(body):
    """Gives the root graph the finished function; its name."""
    from ._nodes import function_def

    root = body.outer_graph
    while root.outer_graph is not None:
        root = root.outer_graph
    effects = _effects(body)
    root._functions[body.name] = function_def(body.name, body, body.inputs, body.outputs, effects)
    root._builder.add_function(body.name, body._builder, [t._value for t in body.inputs],
                               [t._value for t in body.outputs], [e._node for e in effects])
    return body.name


# ---- structures ----


def _flat(structure):
    """Leaves of lists, tuples and dicts."""
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in _flat(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in _flat(item)]
    if hasattr(structure, "_with_flow"):  # a TensorArray
        return [structure.flow]
    return [structure]


def _packed(structure, leaves):
    """The structure with these leaves, an iterator."""
    if isinstance(structure, dict):
        made = {key: _packed(structure[key], leaves) for key in sorted(structure)}
        return type(structure)((key, made[key]) for key in structure)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(_packed(item, leaves) for item in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(_packed(item, leaves) for item in structure)
    if hasattr(structure, "_with_flow"):
        return structure._with_flow(next(leaves))
    return next(leaves)


def pack_structure(structure, leaves):
    """The structure with these leaves."""
    return _packed(structure, iter(leaves))


def _same_structure(a, b):
    if isinstance(a, dict) or isinstance(b, dict):
        return isinstance(a, dict) and isinstance(b, dict) and sorted(a) == sorted(b) and all(
            _same_structure(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)) or isinstance(b, (list, tuple)):
        return isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b) and (
            all(map(_same_structure, a, b)))
    return True


# ---- cond ----


def _branch(function, graph, word):
    """A FuncGraph with what the branch gives, and the structure of that."""
    body = FuncGraph(_unique(graph, word), graph)
    with body.as_default():
        result = function()
        leaves = []
        for leaf in _flat(result):
            if leaf is None or isinstance(leaf, Operation):
                leaves.append(None)
                continue
            tensor = _ops.convert(leaf, graph=body)
            if tensor.op.type == "Placeholder":
                tensor = _ops.apply("Identity", [tensor])
            leaves.append(tensor)
    body.outputs = [t for t in leaves if t is not None]
    return body, result


def _unified(bodies):
    """Outer tensors that any of the bodies takes; every body gets all of them, in this order."""
    every = {}
    for body in bodies:
        for key, (outer, _) in body.captured.items():
            every.setdefault(key, outer)
    for body in bodies:
        body.inputs = [body.capture(outer) for outer in every.values()]
    return list(every.values())


def _joined_shape(a, b):
    if a.rank is None or b.rank is None or a.rank != b.rank:
        return TensorShape(None)
    return TensorShape([x if x == y else None for x, y in zip(a.as_list(), b.as_list())])


def cond(pred, true_fn=None, false_fn=None, strict=False, name=None, fn1=None, fn2=None):
    """What true_fn() gives where pred is true, else what false_fn() gives. Both must give the same
    structure of tensors."""
    true_fn, false_fn = true_fn or fn1, false_fn or fn2
    for word, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        if not callable(function):
            raise TypeError(f"{word} must be callable.")
    if isinstance(pred, bool):
        if _mode.executing_eagerly():
            return true_fn() if pred else false_fn()
        raise TypeError("pred must not be a Python bool")
    graph = _mode.graph_for((pred,))
    if graph is None:
        return true_fn() if bool(pred) else false_fn()
    with graph.name_scope(name or "cond") as scope:
        pred = _ops.convert(pred, None, name="pred", graph=graph)
        if pred.dtype.name != "bool":
            pred = _ops.apply("Cast", [pred], {"DstT": as_dtype("bool")}, "ToBool")
        yes, result = _branch(true_fn, graph, scope.replace("/", "_") + "true")
        no, other = _branch(false_fn, graph, scope.replace("/", "_") + "false")
        if not _same_structure(result, other) or len(yes.outputs) != len(no.outputs):
            raise TypeError(f"true_fn and false_fn arguments to tf.cond must have the same number, type, "
                            f"and overall structure of return values. True branch returned structure: "
                            f"{result!r}; false branch: {other!r}")
        for a, b in zip(yes.outputs, no.outputs):
            if a.dtype != b.dtype:
                raise TypeError(f"true_fn and false_fn must return the same dtypes: {a.dtype.name} and "
                                f"{b.dtype.name}")
        captured = _unified([yes, no])
        shapes = [_joined_shape(a.shape, b.shape) for a, b in zip(yes.outputs, no.outputs)]
        stateful = bool(_effects(yes) or _effects(no) or any(
            t.dtype.name == "resource" for t in captured))
        op = graph.add_op("If" if stateful else "StatelessIf", [pred, *captured], {
            "then_branch": _register(yes), "else_branch": _register(no),
            "Tin": [t.dtype for t in captured], "Tout": [t.dtype for t in yes.outputs],
            "output_shapes": shapes}, scope)
        outputs = []
        for tensor, shape in zip(op.outputs, shapes):
            if tensor.shape.rank is None:
                tensor.set_shape(shape)
            outputs.append(_ops.apply("Identity", [tensor]))
    if not outputs:
        return op
    left = iter(outputs)
    leaves = [op if leaf is None or isinstance(leaf, Operation) else next(left)
              for leaf in _flat(result)]
    return pack_structure(result, leaves)


def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
    """What the function of the first true predicate gives, else what default() gives."""
    pairs = list(pred_fn_pairs.items() if isinstance(pred_fn_pairs, dict) else pred_fn_pairs)
    if exclusive:
        raise NotImplementedError("unflow has no case(exclusive=True)")
    if default is None:
        default = pairs.pop()[1]

    def chain(i):
        if i == len(pairs):
            return default()
        return cond(pairs[i][0], pairs[i][1], lambda: chain(i + 1), name=f"{name}_{i}" if i else name)

    return chain(0)


def switch_case(branch_index, branch_fns, default=None, name="switch_case"):
    """What branch_fns[branch_index]() gives, the default where there is none."""
    pairs = dict(branch_fns.items() if isinstance(branch_fns, dict) else
                 branch_fns if branch_fns and isinstance(branch_fns[0], (tuple, list)) else
                 enumerate(branch_fns))
    graph = _mode.graph_for((branch_index,))
    if graph is None:
        return pairs.get(int(branch_index), default or pairs[max(pairs)])()
    default = default or pairs[max(pairs)]
    index = _ops.convert(branch_index, as_dtype("int32"), graph=graph)

    def chain(keys):
        if not keys:
            return default()
        return cond(_ops.apply("Equal", [index, keys[0]]), pairs[keys[0]], lambda: chain(keys[1:]), name=name)

    return chain(sorted(pairs))


# ---- while ----


def _eager_loop(cond, body, loop_vars, limit, single):
    done = 0
    while bool(cond(*loop_vars)) and (limit is None or done < limit):
        result = body(*loop_vars)
        loop_vars = [result] if single and not _is_list(result, loop_vars) else list(result)
        done += 1
    return loop_vars


def _is_list(result, loop_vars):
    return isinstance(result, (list, tuple)) and len(result) == len(loop_vars)


def while_loop(cond, body, loop_vars, shape_invariants=None, parallel_iterations=10,
               back_prop=True, swap_memory=False, name=None, maximum_iterations=None,
               return_same_structure=False):
    """Computes loop_vars = body(*loop_vars) as long as cond(*loop_vars); the last ones."""
    if not callable(cond):
        raise TypeError("'cond' must be callable.")
    if not callable(body):
        raise TypeError("'body' must be callable.")
    if not isinstance(loop_vars, (list, tuple)):
        loop_vars = [loop_vars]
    loop_vars = list(loop_vars) if not hasattr(loop_vars, "_fields") else loop_vars
    single = len(loop_vars) == 1
    graph = _mode.graph_for(_flat(loop_vars))
    if graph is None:
        limit = None if maximum_iterations is None else int(maximum_iterations)
        given = [pack_structure(v, [_ops.convert(leaf) for leaf in _flat(v)]) for v in loop_vars]
        out = _eager_loop(cond, body, given, limit, single)
        return out[0] if single and not return_same_structure else type(loop_vars)(out)
    return _graph_loop(graph, cond, body, loop_vars, shape_invariants, parallel_iterations, name,
                       maximum_iterations, single and not return_same_structure)


def _graph_loop(graph, cond, body, loop_vars, invariants, parallel, name, limit, single):
    with graph.name_scope(name or "while") as scope:
        first = [_ops.convert(leaf, graph=graph) for leaf in _flat(loop_vars)]
        shapes = [t.shape for t in first]
        if invariants is not None:
            shapes = [TensorShape(s) for s in _flat_shapes(invariants)]
        n = len(first)
        if limit is not None:
            limit = _ops.convert(limit, as_dtype("int32"), name="maximum_iterations", graph=graph)
            first = [*first, _ops.convert(0, as_dtype("int32"), name="loop_counter", graph=graph)]
            shapes = [*shapes, TensorShape([])]
        word = scope.replace("/", "_")
        bodies = []
        for kind in ("cond", "body"):
            inner = FuncGraph(_unique(graph, word + kind), graph)
            arguments = [inner.argument(t.dtype, s) for t, s in zip(first, shapes)]
            with inner.as_default():
                given = pack_structure(loop_vars, arguments[:n])
                if kind == "cond":
                    test = _ops.convert(cond(*given), as_dtype("bool"), graph=inner)
                    if limit is not None:
                        more = _ops.apply("Less", [arguments[n], limit])
                        test = _ops.apply("LogicalAnd", [more, test])
                    if test.op.type == "Placeholder":
                        test = _ops.apply("Identity", [test])
                    inner.outputs = [test]
                else:
                    inner.outputs = _body_outputs(body, given, loop_vars, first, inner, n)
                    if limit is not None:
                        inner.outputs.append(_ops.apply("AddV2", [arguments[n], 1]))
            inner._own = arguments
            bodies.append(inner)
        test, step = bodies
        captured = _unified(bodies)
        for inner in bodies:
            inner.inputs = [*inner._own, *inner.inputs]
        inner_captured = step.inputs[len(first):]
        with step.as_default():
            step.outputs = [*step.outputs, *(_ops.apply("Identity", [t]) for t in inner_captured)]
        stateful = bool(_effects(test) or _effects(step) or any(
            t.dtype.name == "resource" for t in captured))
        every = [*first, *captured]
        op = graph.add_op("While" if stateful else "StatelessWhile", every, {
            "cond": _register(test), "body": _register(step), "T": [t.dtype for t in every],
            "output_shapes": [*shapes, *(t.shape for t in captured)],
            "parallel_iterations": int(parallel)}, scope)
        outputs = []
        for tensor, shape in zip(op.outputs[:n], shapes):
            if tensor.shape.rank is None:
                tensor.set_shape(shape)
            outputs.append(_ops.apply("Identity", [tensor]))
    result = pack_structure(loop_vars, outputs)
    return result[0] if single else result


def _flat_shapes(invariants):
    if isinstance(invariants, TensorShape):
        return [invariants]
    return [s for item in invariants for s in _flat_shapes(item)]


def _body_outputs(body, given, loop_vars, first, inner, n):
    result = body(*given)
    if isinstance(result, (list, tuple)) and len(result) == len(loop_vars) and not (
            len(loop_vars) == 1 and not isinstance(result, list) and hasattr(result, "op")):
        leaves = _flat(list(result))
    else:
        leaves = _flat(result)
    if len(leaves) != n:
        raise ValueError(f"The number of inputs and outputs of the loop body must match: {n} loop "
                         f"variables, {len(leaves)} results")
    outputs = []
    for leaf, start in zip(leaves, first):
        tensor = _ops.convert(leaf, start.dtype if not isinstance(leaf, Tensor) else None, graph=inner)
        if tensor.dtype != start.dtype:
            raise TypeError(f"Loop var {start.name} enters the loop with type {start.dtype.name} but has "
                            f"type {tensor.dtype.name} after 1 iteration.")
        if tensor.op.type == "Placeholder":
            tensor = _ops.apply("Identity", [tensor])
        outputs.append(tensor)
    return outputs
