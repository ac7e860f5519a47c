# SPDX-License-Identifier: Apache-2.0
"""The modules train, saved_model, initializers and graph_util of tf.compat.v1."""

from __future__ import annotations


class _Module:
    """Names that are imported when they are asked for, and those of another module."""

    def __init__(self, name, names, behind=None):
        self.__name__ = f"unflow.compat.v1.{name}"
        self._names, self._behind = names, behind

    def __getattr__(self, name):
        from importlib import import_module

        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._names:
            module, there = self._names[name]
            if isinstance(there, dict):
                return _Module(f"{self.__name__}.{name}", there)
            value = getattr(import_module("unflow." + module), there)
        elif self._behind is not None and hasattr(import_module(self._behind), name):
            value = getattr(import_module(self._behind), name)
        else:
            raise AttributeError(f"unflow has no {self.__name__[7:]}.{name}: it is not among the parts "
                                 f"of TensorFlow that unflow offers")
        self.__dict__[name] = value
        return value

    def __dir__(self):
        return sorted(self._names)


train = _Module("train", {
    **{n: ("_graph_io", n) for n in ("Saver", "import_meta_graph", "export_meta_graph", "write_graph")},
    **{n: ("_variable_scope", n) for n in ("get_global_step", "create_global_step",
                                           "get_or_create_global_step", "global_step")},
    **{n: ("_proto", n) for n in ("SaverDef", "Example", "Features", "Feature", "BytesList", "FloatList",
                                  "Int64List", "SequenceExample", "FeatureList", "FeatureLists")},
    "Checkpoint": ("_checkpoint", "CheckpointV1"), "CheckpointManager": ("_checkpoint", "CheckpointManager"),
}, "unflow.train")

_LOADER = {n: ("_loader_v1", n) for n in ("load", "maybe_saved_model_directory")}
_LOADER["maybe_saved_model_directory"] = ("_loader_v1", "contains_saved_model")
saved_model = _Module("saved_model", {
    "loader": ("", _LOADER), "load": ("_loader_v1", "load"), "load_v2": ("_loader", "load"),
    "contains_saved_model": ("_loader_v1", "contains_saved_model"),
    "maybe_saved_model_directory": ("_loader_v1", "contains_saved_model"),
    "tag_constants": ("_loader_v1", "tag_constants"),
    "signature_constants": ("_loader_v1", "signature_constants"),
    "constants": ("_loader_v1", "constants"),
    "SERVING": ("_loader_v1", "SERVING"), "TRAINING": ("_loader_v1", "TRAINING"),
})

initializers = _Module("initializers", {
    "zeros": ("_variable_scope", "Zeros"), "ones": ("_variable_scope", "Ones"),
    "constant": ("_variable_scope", "Constant"), "random_uniform": ("_variable_scope", "RandomUniform"),
    "random_normal": ("_variable_scope", "RandomNormal"),
    "truncated_normal": ("_variable_scope", "TruncatedNormal"),
    "variance_scaling": ("_variable_scope", "VarianceScaling"),
    "identity": ("_variable_scope", "Identity"),
    "glorot_uniform": ("_variable_scope", "GlorotUniform"),
    "glorot_normal": ("_variable_scope", "GlorotNormal"),
    "global_variables": ("_graph_variable", "global_variables_initializer"),
    "local_variables": ("_graph_variable", "local_variables_initializer"),
    "variables": ("_graph_variable", "variables_initializer"),
    "tables_initializer": ("_graph_variable", "tables_initializer"),
})

graph_util = _Module("graph_util", {
    "import_graph_def": ("_graph_io", "import_graph_def"),
    "convert_variables_to_constants": ("_graph_io", "convert_variables_to_constants"),
})
