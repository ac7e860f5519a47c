# SPDX-License-Identifier: Apache-2.0
"""tf.cond, tf.while_loop and their kin, as Python does them in eager mode; in a graph they are those
of compat.v1. tf.TensorArray."""

from __future__ import annotations

from . import _mode, _nest, _ops
from ._dtypes import TensorShape, as_dtype
from ._functions import stack, tensor, unstack


def _in_graph(name, args, kwargs):
    from . import _graph_control

    return getattr(_graph_control, name)(*args, **kwargs)


def cond(pred, true_fn=None, false_fn=None, name=None):
    """true_fn() or false_fn()."""
    if _mode.graph_for((pred,)) is not None:
        return _in_graph("cond", (pred, true_fn, false_fn), {"name": name})
    if not callable(true_fn):
        raise TypeError("'true_fn' must be callable.")
    if not callable(false_fn):
        raise TypeError("'false_fn' must be callable.")
    result = true_fn() if bool(pred) else false_fn()
    while isinstance(result, (list, tuple)) and len(result) == 1 and not hasattr(result, "_fields"):
        result = result[0]
    return result


def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
    """The function of the first condition that holds."""
    given = list(pred_fn_pairs.items() if isinstance(pred_fn_pairs, dict) else pred_fn_pairs)
    if _mode.graph_for([pred for pred, _ in given]) is not None:
        return _in_graph("case", (given, default, exclusive, strict, name), {})
    pairs = pred_fn_pairs.items() if isinstance(pred_fn_pairs, dict) else pred_fn_pairs
    hits = [fn for pred, fn in pairs if bool(pred)]
    if exclusive and len(hits) > 1:
        from .errors import InvalidArgumentError

        raise InvalidArgumentError(None, None, f"expected one condition that holds, found {len(hits)}")
    fn = hits[0] if hits else default or list(pairs)[-1][1]
    return fn()


def switch_case(branch_index, branch_fns, default=None, name="switch_case"):
    """branch_fns[branch_index](), the default where there is none."""
    if _mode.graph_for((branch_index,)) is not None:
        return _in_graph("switch_case", (branch_index, branch_fns, default, name), {})
    pairs = dict(branch_fns.items() if isinstance(branch_fns, dict) else
                 branch_fns if branch_fns and isinstance(branch_fns[0], (tuple, list)) else
                 enumerate(branch_fns))
    index = int(branch_index)
    return pairs.get(index, default or pairs[max(pairs)])()


def while_loop(cond, body, loop_vars, shape_invariants=None, parallel_iterations=10, back_prop=True,
               swap_memory=False, maximum_iterations=None, name=None):
    """body(*vars) as long as cond(*vars)."""
    if not callable(cond):
        raise TypeError("'cond' must be callable.")
    if not callable(body):
        raise TypeError("'body' must be callable.")
    graph = _mode.graph_for([getattr(v, "flow", v) for v in _nest.flatten(loop_vars)])
    if graph is not None:
        return _in_graph("while_loop", (cond, body, loop_vars), {
            "shape_invariants": shape_invariants, "maximum_iterations": maximum_iterations, "name": name,
            "return_same_structure": True})
    if not loop_vars:
        raise ValueError("'loop_vars' must be provided.")
    structure = list(loop_vars) if isinstance(loop_vars, (list, tuple)) else [loop_vars]
    alone = not isinstance(loop_vars, (list, tuple))
    count = 0
    while bool(cond(*structure)):
        if maximum_iterations is not None and count >= int(maximum_iterations):
            break
        found = body(*structure)
        if not isinstance(found, (list, tuple)):
            found = [found]
        _nest.assert_same_structure(list(structure), list(found), check_types=False)
        structure = list(found)
        count += 1
    result = _nest.map_structure(_value, structure)
    if alone:
        return result[0]
    return tuple(result) if isinstance(loop_vars, tuple) else result


def _value(v):
    return tensor(v) if not isinstance(v, TensorArray) and not hasattr(v, "_type_spec") else v


def _rows(elems):
    flat = [_value(e) for e in _nest.flatten(elems)]
    n = len(flat[0])
    for i in range(n):
        yield _nest.pack_sequence_as(elems, [f[i] for f in flat])


def _stacked(results):
    return _nest.map_structure(lambda *leaves: stack(list(leaves)), *results)


def map_fn(fn, elems, dtype=None, parallel_iterations=None, back_prop=True, swap_memory=False,
           infer_shape=True, name=None, fn_output_signature=None):
    """fn of each row, stacked."""
    if _mode.graph_for(_nest.flatten(elems)) is not None:
        from . import _tensor_array

        return _tensor_array.map_fn(fn, elems, dtype if fn_output_signature is None else fn_output_signature)
    results = [_nest.map_structure(tensor, fn(row)) for row in _rows(elems)]
    if not results:
        spec = fn_output_signature or dtype
        return _nest.map_structure(lambda e: _value(e) if spec is None else _ops.apply(
            "Cast", [_value(e)], {"DstT": as_dtype(getattr(spec, "dtype", spec))}), elems)
    return _stacked(results)


def vectorized_map(fn, elems, fallback_to_while_loop=True, warn=True):
    """fn of each row, stacked."""
    return map_fn(fn, elems)


def scan(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False,
         infer_shape=True, reverse=False, name=None):
    """All the states of foldl, stacked."""
    if _mode.graph_for(_nest.flatten([elems, initializer])) is not None:
        return _walk(fn, elems, initializer, reverse, True)
    rows = list(_rows(elems))
    rows = rows[::-1] if reverse else rows
    results = []
    state = initializer
    if state is None:
        state, rows = rows[0], rows[1:]
        results.append(state)
    for row in rows:
        state = _nest.map_structure(tensor, fn(state, row))
        results.append(state)
    return _stacked(results[::-1] if reverse else results)


def foldl(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    """fn(state, row) over the rows."""
    if _mode.graph_for(_nest.flatten([elems, initializer])) is not None:
        return _walk(fn, elems, initializer, False, False)
    return _fold(fn, list(_rows(elems)), initializer)


def foldr(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    """fn(state, row) over the rows, the last first."""
    if _mode.graph_for(_nest.flatten([elems, initializer])) is not None:
        return _walk(fn, elems, initializer, True, False)
    return _fold(fn, list(_rows(elems))[::-1], initializer)


def _walk(*args):
    from . import _tensor_array

    return _tensor_array.walk(*args)


def _fold(fn, rows, state):
    if state is None:
        state, rows = rows[0], rows[1:]
    for row in rows:
        state = fn(state, row)
    return _nest.map_structure(tensor, state)


class TensorArray:
    """A list of tensors of one dtype; write() gives the array that has it."""

    def __new__(cls, dtype=None, size=None, *args, **kwargs):
        if cls is TensorArray and _mode.graph_for((size,)) is not None:
            from ._tensor_array import GraphTensorArray as cls
        return object.__new__(cls)

    def __init__(self, dtype, size=None, dynamic_size=None, clear_after_read=None, tensor_array_name=None,
                 handle=None, flow=None, infer_shape=True, element_shape=None, colocate_with_first_write_call=True,
                 name=None):
        self.dtype = as_dtype(dtype)
        self.dynamic_size = bool(dynamic_size)
        self._clear = True if clear_after_read is None else clear_after_read
        self._infer = infer_shape
        self.element_shape = TensorShape(element_shape)
        self._tensors = [None] * (0 if size is None else int(size))
        self._read = set()
        self.flow, self.handle = tensor(0.0), None

    def _fail(self, kind, text):
        from . import errors

        raise getattr(errors, kind)(None, None, text)

    def identity(self):
        return self

    def write(self, index, value, name=None):
        """value at index."""
        index, value = int(index), tensor(value)
        if value.dtype != self.dtype:
            self._fail("InvalidArgumentError", f"TensorArray dtype is {self.dtype.name} but op is trying to "
                       f"write dtype {value.dtype.name} ")
        if index < 0 or (index >= len(self._tensors) and not self.dynamic_size):
            self._fail("OutOfRangeError", f"Tried to write to index {index} but array is not resizeable and "
                       f"size is: {len(self._tensors)}")
        if self._infer:
            if not self.element_shape.is_compatible_with(value.shape):
                raise ValueError(f"Incompatible shape for value ({value.shape}), expected "
                                 f"({self.element_shape})")
            self.element_shape = self.element_shape.merge_with(value.shape)
        self._tensors += [None] * (index + 1 - len(self._tensors))
        self._tensors[index] = value
        return self

    def read(self, index, name=None):
        """The tensor at index."""
        index = int(index)
        if not 0 <= index < len(self._tensors):
            self._fail("OutOfRangeError", f"Tried to read from index {index} but array size is: "
                       f"{len(self._tensors)} ")
        if index in self._read:
            self._fail("InvalidArgumentError", f"Could not read index {index} twice because it was cleared "
                       f"after a previous read (perhaps try setting clear_after_read = false?)")
        found = self._tensors[index]
        if found is None:
            found = self._zeros(index)
        if self._clear:
            self._read.add(index)
            self._tensors[index] = None
        return found

    def _zeros(self, index):
        if not self.element_shape.is_fully_defined():
            self._fail("InvalidArgumentError", f"Could not read from TensorArray index {index}.  Furthermore, "
                       f"the element shape is not fully defined: {self.element_shape}")
        from ._functions import zeros

        return zeros(self.element_shape, self.dtype)

    def stack(self, name=None):
        """All as one tensor."""
        if not self._tensors:
            from ._functions import zeros

            return zeros([0, *self.element_shape.as_list()] if self.element_shape.rank is not None else [0],
                         self.dtype)
        return stack([t if t is not None else self._zeros(i) for i, t in enumerate(self._tensors)])

    def gather(self, indices, name=None):
        return stack([self._tensors[int(i)] for i in tensor(indices).numpy()])

    def concat(self, name=None):
        from ._functions import concat

        return concat([t if t is not None else self._zeros(i) for i, t in enumerate(self._tensors)], 0)

    def unstack(self, value, name=None):
        """The rows of value."""
        rows = unstack(value)
        if len(rows) > len(self._tensors) and not self.dynamic_size:
            raise ValueError(f"Cannot unstack {len(rows)} tensors into a TensorArray of static size "
                             f"{len(self._tensors)} ")
        self._tensors = list(rows)
        self.element_shape = TensorShape(tensor(value).shape[1:])
        return self

    def scatter(self, indices, value, name=None):
        for i, row in zip(tensor(indices).numpy(), unstack(value)):
            self.write(i, row)
        return self

    def split(self, value, lengths, name=None):
        from ._functions import split

        self._infer = False
        for i, part in enumerate(split(value, [int(n) for n in tensor(lengths).numpy()])):
            self.write(i, part)
        return self

    def size(self, name=None):
        return tensor(len(self._tensors))

    def close(self, name=None):
        self._tensors = []
