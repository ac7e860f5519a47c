# SPDX-License-Identifier: Apache-2.0
"""tf.nn functions that are more than one op."""

from __future__ import annotations

import numpy as np

from . import _core, _ops
from ._convert import cast
from ._functions import concat, reduce_mean, reduce_sum, tensor, transpose, where, zeros_like

_apply = _ops.apply


def crelu(features, axis=-1, name=None):
    x = tensor(features)
    return _apply("Relu", [concat([x, -x], axis)], None, name)


def gelu(features, approximate=False, name=None):
    x = tensor(features)
    if not x.dtype.is_floating:
        raise ValueError(f"`features.dtype` must be a floating point tensor.Received:{x.dtype}")
    if approximate:
        c = tensor(0.044715, x.dtype)
        return 0.5 * x * (1.0 + _apply("Tanh", [0.7978845608028654 * (x + c * _apply("Pow", [x, 3.0]))]))
    return 0.5 * x * (1.0 + _apply("Erf", [x / tensor(1.4142135623730951, x.dtype)]))


def silu(features, beta=1.0, name=None):
    x = tensor(features)
    return x * _apply("Sigmoid", [tensor(beta, x.dtype) * x])


swish = silu


def _softmax(op):
    def function(logits, axis=None, name=None):
        x = tensor(logits)
        axis = -1 if axis is None else int(axis)
        n = x.shape.rank
        if axis in (-1, n - 1):
            return _apply(op, [x], None, name)
        order = np.arange(n)
        order[axis], order[-1] = order[-1], order[axis]
        return transpose(_apply(op, [transpose(x, order)]), order)

    return function


softmax, log_softmax = _softmax("Softmax"), _softmax("LogSoftmax")


def bias_add(value, bias, data_format=None, name=None):
    form = "NHWC" if data_format is None or data_format.startswith("N") and not data_format.startswith("NC") else "NCHW"
    return _apply("BiasAdd", [value, bias], {"data_format": form}, name)


def xw_plus_b(x, weights, biases, name=None):
    """matmul(x, weights) + biases."""
    from ._functions import matmul
    from ._module import name_scope

    with name_scope(name or "xw_plus_b") as scope:
        return bias_add(matmul(x, weights), biases, name=scope)


def dropout(x, rate, noise_shape=None, seed=None, name=None):
    from . import _random

    x = tensor(x)
    if isinstance(rate, (int, float)) and not 0 <= rate < 1:
        raise ValueError(f"`rate` must be a scalar tensor or a float in the range [0, 1). Received: rate={rate}")
    if rate == 0:
        return x
    shape = x.shape if noise_shape is None else noise_shape
    kept = _random.uniform(shape, seed=seed, dtype=x.dtype) >= tensor(rate, x.dtype)
    return where(kept, x * tensor(1 / (1 - rate), x.dtype), zeros_like(x))


def moments(x, axes, shift=None, keepdims=False, name=None):
    x = tensor(x)
    y = cast(x, "float32") if x.dtype.name == "float16" else x
    mean = reduce_mean(y, axes, True)
    variance = reduce_mean(_apply("SquaredDifference", [y, mean]), axes, True)
    if not keepdims:
        mean, variance = (_apply("Squeeze", [t], {"squeeze_dims": [int(a) for a in np.atleast_1d(axes)]})
                          for t in (mean, variance))
    return cast(mean, x.dtype), cast(variance, x.dtype)


def normalize_moments(counts, mean_ss, variance_ss, shift, name=None):
    divisor = _apply("Reciprocal", [counts])
    shifted = mean_ss * divisor
    mean = shifted if shift is None else shifted + shift
    return mean, variance_ss * divisor - shifted * shifted


def sufficient_statistics(x, axes, shift=None, keepdims=False, name=None):
    x = tensor(x)
    count = tensor(float(np.prod([x.shape[a] for a in np.atleast_1d(axes)])), x.dtype)
    y = x if shift is None else x - shift
    return count, reduce_sum(y, axes, keepdims), reduce_sum(y * y, axes, keepdims), shift


def batch_normalization(x, mean, variance, offset, scale, variance_epsilon, name=None):
    x = tensor(x)
    inverse = _apply("Rsqrt", [tensor(variance) + variance_epsilon])
    if scale is not None:
        inverse = inverse * scale
    shift = -tensor(mean) * inverse if offset is None else tensor(offset) - tensor(mean) * inverse
    return x * cast(inverse, x.dtype) + cast(shift, x.dtype)


def fused_batch_norm(x, scale, offset, mean=None, variance=None, epsilon=0.001, data_format="NHWC",
                     is_training=True, name=None, exponential_avg_factor=1.0):
    empty = tensor(np.zeros(0, np.float32))
    out = _apply("FusedBatchNormV3", [x, scale, offset, empty if mean is None else mean,
                                      empty if variance is None else variance], {
        "epsilon": max(epsilon, 1.001e-5), "data_format": data_format, "is_training": is_training,
        "exponential_avg_factor": exponential_avg_factor}, name)
    return tuple(out[:3])


def embedding_lookup(params, ids, max_norm=None, name=None):
    from ._functions import clip_by_norm, gather

    if isinstance(params, (list, tuple)):  # parts of one table, cut along its rows
        params = params[0] if len(params) == 1 else concat(list(params), 0)
    found = gather(params, ids)
    if max_norm is None:
        return found
    n = found.shape.rank - tensor(ids).shape.rank
    return clip_by_norm(found, max_norm, list(range(found.shape.rank - n, found.shape.rank)))


# ---- convolutions ----


def _per_axis(value, n, first, spatial=None):
    """Strides or windows for all dimensions of a format."""
    value = [value] if isinstance(value, (int, np.integer)) else [int(v) for v in value]
    if len(value) == 1:
        value = value * n
    if len(value) == n:
        return [1, 1, *value] if first else [1, *value, 1]
    if len(value) != n + 2:
        raise ValueError(f"expected 1, {n} or {n + 2} numbers, found {len(value)}")
    return value


def _padding(padding, explicit_ok=True):
    """(padding, explicit_paddings)"""
    if isinstance(padding, str):
        return padding.upper(), []
    return "EXPLICIT", [int(p) for pair in padding for p in pair]


def conv2d(input, filters, strides, padding, data_format="NHWC", dilations=None, name=None):
    first = data_format == "NCHW"
    words, explicit = _padding(padding)
    return _apply("Conv2D", [input, filters], {
        "strides": _per_axis(strides, 2, first), "padding": words, "explicit_paddings": explicit,
        "data_format": data_format, "dilations": _per_axis(1 if dilations is None else dilations, 2, first)}, name)


def conv3d(input, filters, strides, padding, data_format="NDHWC", dilations=None, name=None):
    first = data_format == "NCDHW"
    return _apply("Conv3D", [input, filters], {
        "strides": _per_axis(strides, 3, first), "padding": padding, "data_format": data_format,
        "dilations": _per_axis(1 if dilations is None else dilations, 3, first)}, name)


def conv1d(input, filters, stride, padding, data_format="NWC", dilations=None, name=None):
    first = data_format == "NCW"
    step = _per_axis(stride, 1, first)[2 if first else 1]
    spread = _per_axis(1 if dilations is None else dilations, 1, first)[2 if first else 1]
    at = 2 if first else 1
    x = _apply("ExpandDims", [input, at])
    out = conv2d(x, _apply("ExpandDims", [filters, 0]), [1, step], padding, "NCHW" if first else "NHWC", [1, spread])
    return _apply("Squeeze", [out], {"squeeze_dims": [at]}, name)


def conv2d_transpose(input, filters, output_shape, strides, padding="SAME", data_format="NHWC", dilations=None,
                     name=None):
    first = data_format == "NCHW"
    words, explicit = _padding(padding)
    return _apply("Conv2DBackpropInput", [output_shape, filters, input], {
        "strides": _per_axis(strides, 2, first), "padding": words, "explicit_paddings": explicit,
        "data_format": data_format, "dilations": _per_axis(1 if dilations is None else dilations, 2, first)}, name)


def conv1d_transpose(input, filters, output_shape, strides, padding="SAME", data_format="NWC", dilations=None,
                     name=None):
    first = data_format == "NCW"
    at = 2 if first else 1
    dims = list(tensor(output_shape).numpy())
    dims.insert(at, 1)
    out = conv2d_transpose(_apply("ExpandDims", [input, at]), _apply("ExpandDims", [filters, 0]), dims,
                           [1, _per_axis(strides, 1, first)[at]], padding, "NCHW" if first else "NHWC")
    return _apply("Squeeze", [out], {"squeeze_dims": [at]}, name)


def conv3d_transpose(input, filters, output_shape, strides, padding="SAME", data_format="NDHWC", dilations=None,
                     name=None):
    first = data_format == "NCDHW"
    return _apply("Conv3DBackpropInputV2", [output_shape, filters, input], {
        "strides": _per_axis(strides, 3, first), "padding": padding, "data_format": data_format,
        "dilations": _per_axis(1 if dilations is None else dilations, 3, first)}, name)


def depthwise_conv2d(input, filter, strides, padding, data_format="NHWC", dilations=None, name=None):
    data_format = data_format or "NHWC"
    words, explicit = _padding(padding)
    return _apply("DepthwiseConv2dNative", [input, filter], {
        "strides": list(strides), "padding": words, "explicit_paddings": explicit, "data_format": data_format,
        "dilations": _per_axis(1 if dilations is None else dilations, 2, data_format == "NCHW")}, name)


def separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, data_format=None, dilations=None,
                     name=None):
    data_format = data_format or "NHWC"
    out = depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations)
    return conv2d(out, pointwise_filter, [1, 1, 1, 1], "VALID", data_format, name=name)


def atrous_conv2d(value, filters, rate, padding, name=None):
    return conv2d(value, filters, 1, padding, dilations=[rate, rate], name=name)


def convolution(input, filters, strides=None, padding="VALID", data_format=None, dilations=None, name=None):
    n = tensor(filters).shape.rank - 2
    function = {1: conv1d, 2: conv2d, 3: conv3d}[n]
    default = {1: "NWC", 2: "NHWC", 3: "NDHWC"}[n]
    return function(input, filters, 1 if strides is None else strides, padding, data_format or default, dilations, name)


def _pool(op, n):
    default = {1: "NWC", 2: "NHWC", 3: "NDHWC"}[n]

    def function(input, ksize, strides, padding, data_format=None, name=None):
        data_format = data_format or default
        first = data_format.startswith("NC")
        words, explicit = _padding(padding)
        attrs = {"ksize": _per_axis(ksize, n, first), "strides": _per_axis(strides, n, first), "padding": words,
                 "data_format": data_format}
        if n == 1:
            at = 2 if first else 1
            attrs["data_format"] = "NCHW" if first else "NHWC"
            for key in ("ksize", "strides"):
                attrs[key].insert(at, 1)
            out = _apply(op, [_apply("ExpandDims", [input, at])], attrs)
            return _apply("Squeeze", [out], {"squeeze_dims": [at]}, name)
        if explicit:
            attrs["explicit_paddings"] = explicit
        return _apply(op, [input], attrs, name)

    return function


max_pool1d, max_pool2d, max_pool3d = _pool("MaxPool", 1), _pool("MaxPool", 2), _pool("MaxPool3D", 3)
avg_pool1d, avg_pool2d, avg_pool3d = _pool("AvgPool", 1), _pool("AvgPool", 2), _pool("AvgPool3D", 3)


def _by_rank(functions):
    def function(input, ksize, strides, padding, data_format=None, name=None):
        n = tensor(input).shape.rank - 2
        if n not in functions:
            raise ValueError(f"`input.shape.rank` must be 3, 4 or 5, found {n + 2}")
        return functions[n](input, ksize, strides, padding, data_format, name)

    return function


max_pool = _by_rank({1: max_pool1d, 2: max_pool2d, 3: max_pool3d})
avg_pool = _by_rank({1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d})


def pool(input, window_shape, pooling_type, strides=None, padding="VALID", data_format=None, dilations=None,
         name=None):
    if dilations is not None and any(d != 1 for d in np.atleast_1d(dilations)):
        raise NotImplementedError("unflow pools without dilations only")
    function = {"MAX": max_pool, "AVG": avg_pool}[pooling_type]
    return function(input, window_shape, 1 if strides is None else strides, padding, data_format, name)


def max_pool_with_argmax(input, ksize, strides, padding, data_format="NHWC", output_dtype="int64",
                         include_batch_in_index=False, name=None):
    return _ops.structured(_ops.signature("MaxPoolWithArgmax"))(_apply("MaxPoolWithArgmax", [input], {
        "ksize": _per_axis(ksize, 2, False), "strides": _per_axis(strides, 2, False), "padding": padding,
        "Targmax": output_dtype, "include_batch_in_index": include_batch_in_index}, name))


def dilation2d(input, filters, strides, padding, data_format, dilations, name=None):
    return _apply("Dilation2D", [input, filters], {"strides": list(strides), "rates": list(dilations),
                                                   "padding": padding}, name)


def erosion2d(value, filters, strides, padding, data_format, dilations, name=None):
    flipped = _apply("ReverseV2", [filters, [0, 1]])
    return -dilation2d(-tensor(value), flipped, strides, padding, data_format, dilations)


# ---- losses ----


def softmax_cross_entropy_with_logits(labels, logits, axis=-1, name=None):
    logits = tensor(logits)
    labels = cast(tensor(labels, hint=logits.dtype), logits.dtype)
    n = logits.shape.rank
    order = [i for i in range(n) if i != axis % n] + [axis % n]
    if order != list(range(n)):
        logits, labels = transpose(logits, order), transpose(labels, order)
    dims = logits.shape.as_list()
    flat = [_apply("Reshape", [t, [-1, dims[-1]]]) for t in (logits, labels)]
    loss = _apply("SoftmaxCrossEntropyWithLogits", flat, None, name)[0]
    return _apply("Reshape", [loss, np.array(dims[:-1], np.int32)])


def sparse_softmax_cross_entropy_with_logits(labels, logits, name=None):
    labels, logits = tensor(labels), tensor(logits)
    if logits.shape.rank == 2:
        return _apply("SparseSoftmaxCrossEntropyWithLogits", [logits, labels], None, name)[0]
    flat = _apply("Reshape", [logits, [-1, logits.shape[-1]]])
    loss = _apply("SparseSoftmaxCrossEntropyWithLogits", [flat, _apply("Reshape", [labels, [-1]])])[0]
    return _apply("Reshape", [loss, _apply("Shape", [labels])])


def sigmoid_cross_entropy_with_logits(labels=None, logits=None, name=None):
    logits = tensor(logits)
    labels = tensor(labels, logits.dtype if not isinstance(labels, _core.Operand) else None)
    zeros = zeros_like(logits)
    positive = logits >= zeros
    small = where(positive, -logits, logits)
    return where(positive, logits, zeros) - logits * labels + _apply("Log1p", [_apply("Exp", [small])])


def weighted_cross_entropy_with_logits(labels, logits, pos_weight, name=None):
    logits = tensor(logits)
    labels = tensor(labels, logits.dtype)
    weight = 1 + (tensor(pos_weight, logits.dtype) - 1) * labels
    return (1 - labels) * logits + weight * (
        _apply("Log1p", [_apply("Exp", [-abs(logits)])]) + _apply("Relu", [-logits]))


def log_poisson_loss(targets, log_input, compute_full_loss=False, name=None):
    log_input = tensor(log_input)
    targets = tensor(targets, log_input.dtype)
    loss = _apply("Exp", [log_input]) - log_input * targets
    if compute_full_loss:
        stirling = targets * _apply("Log", [targets]) - targets + 0.5 * _apply("Log", [6.283185307179586 * targets])
        loss = loss + where((targets >= 0) & (targets <= 1), zeros_like(targets), stirling)
    return loss


def scale_regularization_loss(regularization_loss):
    return regularization_loss


def ctc_greedy_decoder(inputs, sequence_length, merge_repeated=True, blank_index=None):
    from ._composite import SparseTensor

    out = _apply("CTCGreedyDecoder", [inputs, sequence_length], {
        "merge_repeated": merge_repeated, "blank_index": -1 if blank_index is None else blank_index})
    return [SparseTensor(out[0], out[1], out[2])], out[3]


def ctc_beam_search_decoder(inputs, sequence_length, beam_width=100, top_paths=1):
    from ._composite import SparseTensor

    out = _apply("CTCBeamSearchDecoder", [inputs, sequence_length], {
        "beam_width": beam_width, "top_paths": top_paths, "merge_repeated": False})
    n = top_paths
    return [SparseTensor(out[i], out[n + i], out[2 * n + i]) for i in range(n)], out[3 * n]


def quantize_and_dequantize(input, input_min, input_max, signed_input=True, num_bits=8, range_given=False,
                            round_mode="HALF_TO_EVEN", name=None, narrow_range=False, axis=None):
    return _apply("QuantizeAndDequantizeV2", [input, input_min, input_max], {
        "signed_input": signed_input, "num_bits": num_bits, "range_given": range_given, "round_mode": round_mode,
        "narrow_range": narrow_range, "axis": -1 if axis is None else axis}, name)


BY_PATH = {"math.softmax": softmax, "math.log_softmax": log_softmax}
