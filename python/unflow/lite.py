# SPDX-License-Identifier: Apache-2.0
"""tf.lite: an Interpreter that takes the place of TensorFlow Lite's.

Method for method, key for key, and the same built-in exceptions. What is better:

* ``get_tensor`` reads resource tensors (the value of the variable) and
  intermediates (of the last run), sparse tensors dense;
* ``reset_all_variables`` resets resource variables too;
* errors name the file, the op and its tensors, and no file or index crashes;
* arrays that ``tensor()`` gave do not stand in the way of ``invoke()``.
"""

from __future__ import annotations

import enum
import os
from types import SimpleNamespace

from . import _core
from ._custom import custom_op, functions_of  # noqa: F401  custom_op is for users
from .errors import InvalidArgumentError, OutOfRangeError


@enum.unique
class OpResolverType(enum.Enum):
    """Which kernels LiteRT would use. unflow has one set; the choice is accepted."""

    AUTO = 0
    BUILTIN = 1
    BUILTIN_REF = 2
    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 3


def load_delegate(library, options=None):
    """Raises InvalidArgumentError (a ValueError): unflow has no delegates."""
    raise InvalidArgumentError(
        None, None, f"expected no delegate (unflow runs on the CPU by its own kernels), found "
        f"{library!r}; leave it out")


class SignatureRunner:
    """One signature of a model, to be called. Made by Interpreter.get_signature_runner."""

    def __init__(self, interpreter=None, signature_key=None):
        if interpreter is None:
            raise ValueError("None interpreter provided.")
        if not signature_key:
            raise ValueError("None signature_key provided.")
        row = interpreter._signatures.get(signature_key)
        if row is None:
            raise InvalidArgumentError(
                None, None, f"{interpreter._model.info()['path']}: expected a signature_key of "
                f"{', '.join(map(repr, interpreter._signatures)) or 'none'}, found "
                f"{signature_key!r}")
        self._interpreter = interpreter
        self._signature_key = signature_key
        _, self._subgraph_index, inputs, input_indices, outputs, output_indices = row
        self._inputs = dict(zip(inputs, input_indices))
        self._output_names, self._output_indices = outputs, output_indices

    def __call__(self, **kwargs):
        """Runs on arrays given by input name; a dict from output name to a new array.

        The inputs take the shapes of the arrays. Raises InvalidArgumentError
        (ValueError) for names that are none or missing; all else as set_tensor,
        allocate_tensors and invoke.
        """
        if len(kwargs) != len(self._inputs):
            raise InvalidArgumentError(
                None, None, f"signature {self._signature_key!r}: expected {len(self._inputs)} "
                f"inputs ({', '.join(map(repr, self._inputs))}), found {len(kwargs)}")
        try:
            indices = [self._inputs[name] for name in kwargs]
        except KeyError as error:
            raise InvalidArgumentError(
                None, None, f"signature {self._signature_key!r}: expected the inputs "
                f"{', '.join(map(repr, self._inputs))}, found {error}") from None
        results = self._interpreter._call(self._subgraph_index, indices, tuple(kwargs.values()),
                                          self._output_indices, True, True)
        return dict(zip(self._output_names, results))

    def get_input_details(self):
        """A dict from input name to details, as Interpreter.get_input_details."""
        return {name: self._interpreter._details(self._subgraph_index, index)
                for name, index in self._inputs.items()}

    def get_output_details(self):
        """A dict from output name to details, as Interpreter.get_output_details."""
        return {name: self._interpreter._details(self._subgraph_index, index)
                for name, index in zip(self._output_names, self._output_indices)}


class Interpreter(_core.Session):
    """Runs a TensorFlow Lite model, as tf.lite.Interpreter does.

    model_path (str or PathLike) or model_content (bytes). num_threads: 1 or
    more. experimental_delegates must be empty. experimental_preserve_all_tensors
    keeps intermediates instead of computing them again when they are read. The
    other experimental arguments are accepted and change nothing.
    custom_op_registerers: Python functions in the place of TensorFlow's registerers
    in C++: {name: function}, or functions marked by ``custom_op(name)``; see
    ``unflow.open``'s custom_ops for what they take and give.
    max_bytes, max_steps: limits for models that one does not trust, as in ``unflow.open``.
    weight_cache: a folder for packed weights, as ``unflow.open``'s cache.

    Raises NotFoundError (ValueError and FileNotFoundError), InvalidArgumentError
    or DataLossError (ValueError) with the file's name.
    """

    def __init__(
        self,
        model_path=None,
        model_content=None,
        experimental_delegates=None,
        num_threads=None,
        experimental_op_resolver_type=OpResolverType.AUTO,
        experimental_preserve_all_tensors=False,
        experimental_disable_delegate_clustering=False,
        experimental_default_delegate_latest_features=False,
        experimental_compress_quantization_zero_points=False,
        experimental_disable_delegate_node_fusion=False,
        experimental_force_delegate_node_profiling=False,
        *,
        custom_op_registerers=None,
        max_bytes=0,
        max_steps=0,
        weight_cache=None,
    ):
        if getattr(experimental_op_resolver_type, "name", None) not in OpResolverType.__members__:
            raise InvalidArgumentError(None, None, f"expected an OpResolverType, found "
                                       f"{experimental_op_resolver_type!r}")
        if num_threads is not None and not isinstance(num_threads, int):
            raise InvalidArgumentError(None, None, f"type of num_threads should be int, found "
                                       f"{type(num_threads).__name__}")
        if num_threads is not None and num_threads < 1:
            raise InvalidArgumentError(None, None,
                                       f"num_threads should be >= 1, found {num_threads}")
        if experimental_delegates:
            raise InvalidArgumentError(
                None, None, f"expected no experimental_delegates (unflow runs on the CPU by its "
                f"own kernels), found {len(experimental_delegates)}; leave them out")
        if model_path and model_content:
            raise InvalidArgumentError(
                None, None, "Can't both provide `model_path` and `model_content`")
        if not model_path and not model_content:
            raise InvalidArgumentError(
                None, None, "`model_path` or `model_content` must be specified.")
        if model_path:
            model = _core.open_path(os.fspath(model_path), functions_of(custom_op_registerers), weight_cache)
        else:
            model = _core.open_buffer(model_content, None, functions_of(custom_op_registerers), weight_cache)
        super().__init__(model, num_threads=num_threads or 0,
                         keep_all=bool(experimental_preserve_all_tensors),
                         max_bytes=max_bytes, max_steps=max_steps)
        rows = (model.signature(i) for i in range(model.info()["n_signatures"]))
        self._signatures = {row[0]: row for row in rows}
        self._zero_points = bool(experimental_compress_quantization_zero_points)

    # get_tensor, set_tensor and invoke are the C type's.

    def allocate_tensors(self):
        """Infers shapes, prepares the ops and plans memory. Raises RuntimeError (of the
        kind that unflow.errors says) naming op and tensors when the model cannot run."""
        self._allocate(0)

    def tensor(self, tensor_index):
        """A function that gives an array over the tensor's own memory.

        Writable for inputs and state tensors, so ``tensor(i)()[...] = x`` sets
        an input without a copy, for the next invoke(); call the function again
        after that. Read-only for others. Any such array may be held for as long
        as one likes: nothing is written under it.
        """
        return lambda: self._live(0, int(tensor_index))

    def resize_tensor_input(self, input_index, tensor_size, strict=False):
        """Gives an input another shape, from the next allocate_tensors() on.

        strict: only sizes that are -1 in the shape_signature may change. Raises
        InvalidArgumentError (ValueError, RuntimeError) or OutOfRangeError."""
        self._resize(0, int(input_index), [int(n) for n in tensor_size], bool(strict))

    def get_input_details(self):
        """A list of dicts, one an input: name, index, shape and shape_signature (int32
        arrays), dtype (a NumPy scalar class), quantization (scale, zero_point),
        quantization_parameters (scales, zero_points, quantized_dimension, block_size) and
        sparsity_parameters (of a sparse constant, for which get_tensor gives the 1-D values
        that the file stores: traversal_order, block_map, dim_metadata; else empty)."""
        return [self._details(0, i) for i in self._model.graph(0)[3]]

    def get_output_details(self):
        """As get_input_details, for the outputs."""
        return [self._details(0, i) for i in self._model.graph(0)[4]]

    def get_tensor_details(self, subgraph_index=0):
        """As get_input_details, for every tensor of a subgraph."""
        if not 0 <= subgraph_index < self.num_subgraphs():
            raise OutOfRangeError(
                None, None, f"{self._model.info()['path']}: expected a subgraph_index below "
                f"{self.num_subgraphs()}, found {subgraph_index}")
        n = self._model.graph(subgraph_index)[1]
        return [self._details(subgraph_index, i) for i in range(n)]

    def _get_tensor_details(self, tensor_index, subgraph_index):
        return self._details(int(subgraph_index), int(tensor_index))

    def _get_op_details(self, op_index):
        return self._op_details(0, int(op_index))

    def _get_ops_details(self):
        """A list of dicts, one an op: index, op_name, inputs, outputs (int32 arrays of
        tensor indices), operand_types, result_types."""
        return [self._op_details(0, i) for i in range(self._model.graph(0)[2])]

    def num_subgraphs(self):
        """The number of subgraphs."""
        return self._model.info()["n_graphs"]

    def get_signature_list(self):
        """{key: {'inputs': [names], 'outputs': [names]}}."""
        return {key: {"inputs": list(row[2]), "outputs": list(row[4])}
                for key, row in self._signatures.items()}

    def _get_full_signature_list(self):
        return {key: {"inputs": dict(zip(row[2], row[3])), "outputs": dict(zip(row[4], row[5]))}
                for key, row in self._signatures.items()}

    def get_signature_runner(self, signature_key=None):
        """A callable for the signature; None stands for the only one there is."""
        if signature_key is None:
            if len(self._signatures) != 1:
                raise InvalidArgumentError(
                    None, None, f"{self._model.info()['path']}: expected a signature_key as the "
                    f"model has {len(self._signatures)} signatures, found None")
            signature_key = next(iter(self._signatures))
        return SignatureRunner(self, signature_key)

    def reset_all_variables(self):
        """Back to the first values: state tensors, and resource variables and tables too.
        Random ops go on, as in LiteRT; a new shape of an input makes them begin anew."""
        generators = [(i, self._state_read(i)) for i in range(self._state_count())
                      if self._state_info(i)[1] == "_random"]
        self._reset()
        for i, value in generators:
            self._state_write(i, None, value, True)

    @property
    def experimental_compress_quantization_zero_points(self):
        return self._zero_points

    def __repr__(self):
        return f"<unflow.lite.Interpreter {self._model.info()['path']!r}>"


experimental = SimpleNamespace(
    OpResolverType=OpResolverType,
    load_delegate=load_delegate,
)


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(f"unflow has no lite.{name}: it reads and runs models, see "
                         f"unflow.lite.Interpreter")


__all__ = ["Interpreter", "OpResolverType", "SignatureRunner", "experimental", "load_delegate"]


class InterpreterWithCustomOps(Interpreter):
    """Interpreter with the ops first, as in ``tensorflow.lite.python.interpreter``."""

    def __init__(self, custom_op_registerers=None, **kwargs):
        super().__init__(custom_op_registerers=custom_op_registerers, **kwargs)
