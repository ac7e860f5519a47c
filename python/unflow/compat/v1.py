# SPDX-License-Identifier: Apache-2.0
"""tf.compat.v1: graphs and sessions, and all that unflow has at the top.

Each name is imported when it is asked for.
"""

import unflow as _top
from unflow import _mode

# name here: (module, name there)
_WHERE = {name: (module, name) for module, names in {
    "_graph": "Graph GraphKeys Operation Tensor get_default_graph get_default_session "
              "reset_default_graph control_dependencies",
    "_session": "Session InteractiveSession SparseTensorValue",
    "_graph_variable": "assign assign_add assign_sub scatter_add scatter_sub scatter_update scatter_max "
                       "scatter_min scatter_mul scatter_div scatter_nd_add scatter_nd_sub "
                       "scatter_nd_update global_variables local_variables trainable_variables "
                       "model_variables moving_average_variables all_variables "
                       "variables_initializer global_variables_initializer "
                       "local_variables_initializer tables_initializer is_variable_initialized "
                       "report_uninitialized_variables enable_resource_variables "
                       "disable_resource_variables resource_variables_enabled",
    "_variable_scope": "AUTO_REUSE VariableScope variable_scope variable_op_scope get_variable "
                       "get_local_variable get_variable_scope",
    "_graph_control": "cond while_loop case",
    "_graph_io": "import_graph_def",
    "_graph_api": "placeholder placeholder_with_default name_scope device colocate_with "
                  "add_to_collection add_to_collections get_collection get_collection_ref container "
                  "set_random_seed get_seed ConfigProto GPUOptions RunOptions RunMetadata "
                  "gradients logging op_scope",
    "_proto": "GraphDef NodeDef AttrValue MetaGraphDef NameAttrList TensorInfo",
}.items() for name in names.split()}
_WHERE.update({
    "gfile": ("_gfile", "v1_gfile"),
    "Variable": ("_graph_variable", "variable_v1"), "tuple": ("_eager", "tuple_"),
    "initialize_all_variables": ("_graph_variable", "global_variables_initializer"),
    "initialize_variables": ("_graph_variable", "variables_initializer"),
    "initialize_local_variables": ("_graph_variable", "local_variables_initializer"),
    "initialize_all_tables": ("_graph_variable", "tables_initializer"),
    "zeros_initializer": ("_variable_scope", "Zeros"), "ones_initializer": ("_variable_scope", "Ones"),
    "constant_initializer": ("_variable_scope", "Constant"),
    "random_uniform_initializer": ("_variable_scope", "RandomUniform"),
    "random_normal_initializer": ("_variable_scope", "RandomNormal"),
    "truncated_normal_initializer": ("_variable_scope", "TruncatedNormal"),
    "variance_scaling_initializer": ("_variable_scope", "VarianceScaling"),
    "glorot_uniform_initializer": ("_variable_scope", "GlorotUniform"),
    "glorot_normal_initializer": ("_variable_scope", "GlorotNormal"),
    "train": ("_v1_modules", "train"), "saved_model": ("_v1_modules", "saved_model"),
    "initializers": ("_v1_modules", "initializers"), "graph_util": ("_v1_modules", "graph_util"),
    **{name: ("_graph_api", name) for name in (
        "div to_float to_double to_int32 to_int64 to_bfloat16 sparse_to_dense setdiff1d arg_max arg_min").split()},
    "where": ("_graph_api", "where"), "string_split": ("_graph_api", "string_split"),
    "sparse_placeholder": ("_graph_api", "sparse_placeholder"),
    "sparse_tensor_to_dense": ("_composite", "to_dense"),
    "switch_case": ("_graph_control", "switch_case"),
})
# What version 2 has elsewhere, with the same arguments.
_MOVED = dict(pair.split("=") for pair in (
    "random_uniform=random.uniform random_normal=random.normal "
    "truncated_normal=random.truncated_normal random_shuffle=random.shuffle "
    "count_nonzero=math.count_nonzero random_gamma=random.gamma random_poisson=random.poisson matrix_inverse=linalg.inv "
    "matrix_determinant=linalg.det matrix_solve=linalg.solve "
    "matrix_triangular_solve=linalg.triangular_solve cholesky=linalg.cholesky "
    "matrix_transpose=linalg.matrix_transpose matrix_band_part=linalg.band_part "
    "matrix_diag=linalg.diag trace=linalg.trace log=math.log log1p=math.log1p ceil=math.ceil "
    "is_nan=math.is_nan is_inf=math.is_inf is_finite=math.is_finite erf=math.erf lgamma=math.lgamma "
    "digamma=math.digamma rsqrt=math.rsqrt reciprocal=math.reciprocal mod=math.floormod "
    "floormod=math.floormod floordiv=math.floordiv real=math.real imag=math.imag conj=math.conj "
    "segment_sum=math.segment_sum segment_mean=math.segment_mean segment_max=math.segment_max "
    "segment_min=math.segment_min unsorted_segment_sum=math.unsorted_segment_sum "
    "unsorted_segment_max=math.unsorted_segment_max bincount=math.bincount cumprod=math.cumprod "
    "invert_permutation=math.invert_permutation string_to_number=strings.to_number "
    "string_join=strings.join string_strip=strings.strip "
    "string_to_hash_bucket_fast=strings.to_hash_bucket_fast substr=strings.substr "
    "regex_replace=strings.regex_replace read_file=io.read_file write_file=io.write_file "
    "decode_raw=io.decode_raw decode_csv=io.decode_csv encode_base64=io.encode_base64 "
    "decode_base64=io.decode_base64 fft=signal.fft ifft=signal.ifft sparse_reorder=sparse.reorder "
    "sparse_add=sparse.add sparse_tensor_dense_matmul=sparse.sparse_dense_matmul "
).split())
_OWN = ("disable_eager_execution", "enable_eager_execution", "executing_eagerly",
        "executing_eagerly_outside_functions", "disable_v2_behavior", "enable_v2_behavior",
        "disable_control_flow_v2", "enable_control_flow_v2", "disable_v2_tensorshape",
        "enable_v2_tensorshape", "disable_tensor_equality", "enable_tensor_equality",
        "control_flow_v2_enabled")

disable_eager_execution = _mode.disable_eager_execution
enable_eager_execution = _mode.enable_eager_execution
executing_eagerly = _mode.executing_eagerly


def executing_eagerly_outside_functions():
    """Whether calls compute at once where no function is being made."""
    return _mode.executing_eagerly()


def disable_v2_behavior():
    """Calls add to the default graph, and v1.Variable and get_variable make references."""
    from unflow._graph_variable import disable_resource_variables

    _mode.disable_eager_execution()
    disable_resource_variables()


def enable_v2_behavior():
    """Calls outside of a graph compute at once (the default)."""
    from unflow._graph_variable import enable_resource_variables

    _mode.enable_eager_execution()
    enable_resource_variables()


def control_flow_v2_enabled():
    """Loops and branches are always While and If nodes."""
    return True


def disable_control_flow_v2():
    """Loops and branches stay While and If nodes, which give the same values."""


def enable_control_flow_v2():
    """Loops and branches are While and If nodes already."""


def disable_v2_tensorshape():
    raise NotImplementedError("unflow has the TensorShape of version 2 only, whose dimensions are "
                              "ints; write shape[i] without .value")


def enable_v2_tensorshape():
    """Dimensions of a TensorShape are ints already."""


def disable_tensor_equality():
    """Symbolic tensors compare by identity already."""


def enable_tensor_equality():
    raise NotImplementedError("in unflow symbolic tensors compare by identity; use tf.equal")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    if name in _WHERE:
        from importlib import import_module

        module, there = _WHERE[name]
        value = getattr(import_module("unflow." + module), there)
        globals()[name] = value
        return value
    try:
        value = _top
        for part in _MOVED.get(name, name).split("."):
            value = getattr(value, part)
        return value
    except AttributeError:
        raise AttributeError(
            f"unflow has no compat.v1.{name}: it is not among the parts of TensorFlow that "
            f"unflow offers"
        ) from None


def __dir__():
    return sorted({*_WHERE, *_MOVED, *_OWN, *dir(_top)})
