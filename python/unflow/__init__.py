# SPDX-License-Identifier: Apache-2.0
"""unflow: every tensor of TensorFlow and TensorFlow Lite files as NumPy, resource tensors included.

>>> import unflow
>>> with unflow.open("model.tflite") as m:
...     m.run(x=array)["y"]          # run it
...     m.variables["w"].numpy()     # the value behind a resource tensor
...     m.tensors["conv1/Relu"]      # any intermediate, after the run
>>> with unflow.open("model.ckpt-7") as ck:
...     ck.variables["dense/kernel"][:10]    # of a checkpoint, only these rows
>>> unflow.extract("saved_model/", "weights.npz")

``unflow.lite.Interpreter`` takes the place of ``tf.lite.Interpreter``, ``unflow.train`` that of
``tf.train`` where checkpoints are read, and
``import unflow as tf`` that of TensorFlow where a script uses what is here.
``python -m unflow script.py`` runs one unchanged.

Nothing is imported before it is used, NumPy included.
"""

__version__ = "0.1.0"

# name: module that has it. "" stands for the module of that name itself.
_WHERE = {
    "errors": "", "lite": "", "compat": "", "train": "",
    "Source": "_source", "Handle": "_source", "extract": "_extract", "to_dask": "_dask",
    "open": "_model", "Model": "_model", "Signature": "_model",
    "Quantization": "_tensor", "Sparse": "_tensor", "dequantize": "_tensor",
    "isa": "_core", "ops": "_core",
    "DType": "_dtypes", "TensorShape": "_dtypes", "as_dtype": "_dtypes", "raw_ops": "",
    "Graph": "_graph", "Operation": "_graph",
    "get_default_graph": "_graph", "control_dependencies": "_graph",
    "group": "_eager", "no_op": "_eager",
}
_DTYPES = (
    "bfloat16", "bool", "complex128", "complex64", "double", "float16", "float32", "float64",
    "half", "int16", "int32", "int4", "int64", "int8", "resource", "string", "uint16", "uint32",
    "uint4", "uint64", "uint8", "variant",
)
__all__ = ["open", "extract", "dequantize", "to_dask", "errors", "lite", "train", "compat", "Model",
           "Source", "__version__"]


def __getattr__(name):
    from importlib import import_module

    if name in _DTYPES:
        value = import_module("._dtypes", __name__).by_name(name)
    elif name in _WHERE:
        module = import_module("." + (_WHERE[name] or name), __name__)
        value = getattr(module, name) if _WHERE[name] else module
    elif name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    elif name == "newaxis":
        value = None
    else:
        value = import_module("._namespaces", __name__).lookup(name)
    globals()[name] = value
    return value


def __dir__():
    from ._namespaces import names

    return sorted({*_WHERE, *_DTYPES, *names(), "newaxis", "__version__"})
