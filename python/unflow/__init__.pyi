# SPDX-License-Identifier: Apache-2.0
# The modules are annotated by their docstrings; this names what the lazy
# package offers, and types what most programs use.
import builtins
import os
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import compat as compat
from . import errors as errors
from . import lite as lite
from . import train as train
from ._core import isa as isa
from ._core import ops as ops
from ._dtypes import DType as DType
from ._dtypes import TensorShape as TensorShape
from ._dtypes import as_dtype as as_dtype
from ._convert import constant as constant
from ._convert import convert_to_tensor as convert_to_tensor
from ._convert import is_tensor as is_tensor
from ._eager import group as group
from ._eager import no_op as no_op
from ._graph import Graph as Graph
from ._graph import Operation as Operation
from ._graph import Tensor as Tensor
from ._graph import control_dependencies as control_dependencies
from ._graph import get_default_graph as get_default_graph

from ._mode import executing_eagerly as executing_eagerly
from ._model import Model as Model
from ._model import Signature as Signature
from ._source import Handle as Handle
from ._source import Source as Source
from ._tensor import Quantization as Quantization
from ._tensor import Sparse as Sparse
from ._variable import Variable as Variable

__version__: str

bfloat16: DType
bool: DType
complex128: DType
complex64: DType
double: DType
float16: DType
float32: DType
float64: DType
half: DType
int16: DType
int32: DType
int4: DType
int64: DType
int8: DType
resource: DType
string: DType
uint16: DType
uint32: DType
uint4: DType
uint64: DType
uint8: DType
variant: DType

def open(source: str | os.PathLike[str] | bytes | bytearray | memoryview | NDArray[np.uint8]
         | IO[bytes], num_threads: int | None = None, *, keep_all: builtins.bool = False,
         name: str | None = None, ema: builtins.bool = False, fs: Any = None,
         storage_options: Mapping[str, Any] | None = None,
         custom_ops: Mapping[str, Callable[..., Any]] | None = None, max_bytes: int = 0,
         max_steps: int = 0, cache: Any = None) -> Any: ...  # a Model or a Source
def extract(source: Any, path: str | os.PathLike[str], *,
            include: str | Iterable[str] | None = None, exclude: str | Iterable[str] | None = None,
            names: str = "variable",
            rename: Mapping[str, str] | Callable[[str], str | None]
            | Iterable[tuple[str, str]] | None = None,
            ema: builtins.bool = False, slots: builtins.bool = True,
            everything: builtins.bool = False, dequantize: builtins.bool = False, dtype: Any = None,
            layout: str | Iterable[str] | None = None, compress: builtins.bool | int = False,
            verify: builtins.bool = True, threads: int | None = None,
            progress: builtins.bool | Callable[[int, int], Any] | None = None,
            format: str | None = None) -> dict[str, str]: ...
def to_dask(source: Any, chunks: Any = "auto") -> dict[str, Any]: ...
def dequantize(array: ArrayLike, quantization: Quantization | tuple[Any, ...]
               | Mapping[str, Any] | None) -> NDArray[np.float32]: ...

# Functions of TensorFlow's names (tf.add, tf.nn, tf.compat ...) are made from tables when they are first used.
def __getattr__(name: str) -> Any: ...
