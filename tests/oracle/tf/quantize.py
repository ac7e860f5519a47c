# SPDX-License-Identifier: Apache-2.0
"""Quantized values and their arithmetic; fake quantization with its gradients."""
import numpy as np

from tf_case import Case, Q


def near(codes):
    """Codes may differ by that many: TensorFlow's vectors round otherwise than its single values."""
    def check(wanted, got, inputs):
        wide = [np.asarray(a[0]).astype(np.int64) for a in (wanted, got)]
        return "" if np.abs(wide[0] - wide[1]).max(initial=0) <= codes else f"expected {wide[0]}, found {wide[1]}"
    return check



def cases(rng):
    def normal(*shape, dtype=np.float32, scale=3):
        return (rng.normal(size=shape) * scale).astype(dtype)

    def shape(low=1, high=4):
        return [int(n) for n in rng.integers(1, 6, rng.integers(low, high))]
    for i in range(12):
        low, high = float(np.float32(-rng.random() * 5 - 0.01)), float(np.float32(rng.random() * 5 + 0.01))
        if i % 4 == 1:
            low = 0.5
            high = 3.0
        if i % 4 == 2:
            low, high = -7.0, -1.5
        attrs = {"num_bits": int(rng.choice([2, 4, 8, 8, 16])), "narrow_range": bool(rng.integers(0, 2))}
        x = normal(*shape())
        yield Case("FakeQuantWithMinMaxArgs", [x], {**attrs, "min": low, "max": high}, tolerance=(1e-5, 1e-6))
        yield Case("FakeQuantWithMinMaxArgsGradient", [normal(*x.shape), x], {**attrs, "min": low, "max": high})
        limits = [np.float32(low), np.float32(high)] if i else [np.float32(0), np.float32(0)]
        yield Case("FakeQuantWithMinMaxVars", [x, *limits], attrs, tolerance=(1e-5, 1e-6))
        yield Case("FakeQuantWithMinMaxVarsGradient", [normal(*x.shape), x, *limits], attrs, tolerance=(1e-5, 1e-5))
        x = normal(*shape(1, 2)) if i % 3 == 0 else normal(*shape(2, 3)) if i % 3 == 1 else normal(2, 3, 4, 5)
        limits = [-np.abs(normal(x.shape[-1])) - np.float32(0.01), np.abs(normal(x.shape[-1])) + np.float32(0.01)]
        yield Case("FakeQuantWithMinMaxVarsPerChannel", [x, *limits], attrs, tolerance=(1e-5, 1e-6))
        yield Case("FakeQuantWithMinMaxVarsPerChannelGradient", [normal(*x.shape), x, *limits], attrs, tolerance=(1e-5, 1e-5))
    for i in range(24):
        dtype = [np.float32, np.float64][i % 4 == 3]
        x = normal(*shape(), dtype=dtype)
        axis = int(rng.integers(0, x.ndim)) if rng.random() < 0.6 else -1
        if axis == 0 and i % 2:
            axis = -1
        channels = [x.shape[axis]] if axis >= 0 else []
        low, high = -np.abs(normal(*channels, dtype=dtype)), np.abs(normal(*channels, dtype=dtype)) + dtype(0.1)
        attrs = {"signed_input": bool(rng.integers(0, 2)), "range_given": bool(i % 2), "narrow_range": bool(rng.integers(0, 2)), "axis": axis}
        if not attrs["signed_input"]:
            x = np.abs(x)
        low, high = np.asarray(low, dtype), np.asarray(high, dtype)
        rounding = {"num_bits": int(rng.choice([3, 8, 8, 12])), "round_mode": str(rng.choice(["HALF_TO_EVEN", "HALF_UP"]))}
        if axis >= 0 and attrs["range_given"]:  # TensorFlow's kernel wants scalars there
            yield Case("QuantizeAndDequantizeV3", [x, low, high, np.int32(8)], attrs, tolerance=(1e-5, 1e-6))
            continue
        yield Case("QuantizeAndDequantizeV2", [x, low, high], attrs | rounding, tolerance=(1e-5, 1e-6))
        yield Case("QuantizeAndDequantizeV4", [x, low, high], attrs | rounding, tolerance=(1e-5, 1e-6))
        yield Case("QuantizeAndDequantizeV3", [x, low, high, np.int32(rounding["num_bits"])], attrs, tolerance=(1e-5, 1e-6))
    yield from codes(rng, normal, shape)


def codes(rng, normal, shape):
    qtypes = {"qint8": (-128, 127), "quint8": (0, 255), "qint16": (-32768, 32767), "quint16": (0, 65535),
              "qint32": (-2**31, 2**31 - 1)}

    def quantized(name, *dims):
        low, high = qtypes[name]
        plain = {"qint8": np.int8, "quint8": np.uint8, "qint16": np.int16, "quint16": np.uint16, "qint32": np.int32}[name]
        return Q(rng.integers(low, high + 1, dims).astype(plain), name)

    def limits():
        return np.float32(-rng.random() * 4 - 0.1), np.float32(rng.random() * 4 + 0.1)
    for i in range(24):
        x = normal(*shape())
        mode = ["MIN_COMBINED", "MIN_FIRST", "SCALED"][i % 3]
        name = ["qint8", "quint8", "qint16", "quint16"][i // 3 % 4]
        attrs = {"T": name, "mode": mode, "narrow_range": bool(rng.integers(0, 2)) and mode == "SCALED"}
        if mode == "SCALED":
            attrs["round_mode"] = str(rng.choice(["HALF_TO_EVEN", "HALF_AWAY_FROM_ZERO"]))
        yield Case("QuantizeV2", [x, *limits()], attrs, check=near(1) if mode == "MIN_FIRST" else None)
        name = list(qtypes)[i % 5]
        yield Case("Dequantize", [quantized(name, *shape()), *limits()], {"mode": ["MIN_COMBINED", "MIN_FIRST", "SCALED"][i % 3]},
                   tolerance=(1e-5, 1e-5))
    for axis in 0, 1, 2:
        x = normal(3, 4, 5)
        low, high = -np.abs(normal(x.shape[axis])) - np.float32(0.1), np.abs(normal(x.shape[axis]))
        yield Case("QuantizeV2", [x, low, high], {"T": "qint8", "mode": "SCALED", "axis": axis})
        yield Case("QuantizeV2", [x, low, high], {"T": "quint8", "mode": "MIN_COMBINED", "axis": axis})
        yield Case("Dequantize", [quantized("qint8", 3, 4, 5), low, high], {"mode": "SCALED", "axis": axis}, tolerance=(1e-5, 1e-6))
    for i in range(11):
        x = quantized("qint32", *shape())
        x.value //= 1 << int(rng.integers(0, 20))
        yield Case("QuantizeDownAndShrinkRange", [x, *limits()], {"out_type": "quint8"})
        yield Case("RequantizationRange", [x, *limits()])
        yield Case("Requantize", [x, *limits(), *limits()], {"out_type": "quint8"})
        m, k, n = (int(v) for v in rng.integers(1, 9, 3))
        a, b = (bool(v) for v in rng.integers(0, 2, 2))
        yield Case("QuantizedMatMul", [quantized("quint8", *((k, m) if a else (m, k))), quantized("quint8", *((n, k) if b else (k, n))),
                                       *limits(), *limits()], {"transpose_a": a, "transpose_b": b})
        yield Case("QuantizedConv2D", [quantized("quint8", 2, 6, 5, k), quantized("quint8", 3, 2, k, n), *limits(), *limits()],
                   {"strides": [1, 1 + i % 2, 1 + i % 2, 1], "padding": ["SAME", "VALID"][i // 2 % 2]})
        one, two = shape(2, 4), None
        two = one if i % 3 == 0 else [] if i % 3 == 1 else one[-1:]
        yield Case("QuantizedMul", [quantized("quint8", *one), quantized("quint8", *two), *limits(), *limits()])
        yield Case("QuantizedAdd", [quantized("quint8", *one), quantized("quint8", *two), *limits(), *limits()])
        yield Case("QuantizedBiasAdd", [quantized("quint8", *one), quantized("quint8", one[-1]), *limits(), *limits()],
                   {"out_type": "qint32"}, check=near(256))
        yield Case("QuantizedRelu", [quantized(["quint8", "qint32"][i % 2], *one), *limits()], {"out_type": ["quint8", "qint32"][i % 2]})
        yield Case("QuantizedReshape", [quantized("quint8", *one), np.array([-1], "i4"), *limits()])
        window = {"ksize": [1, 2, 3, 1], "strides": [1, 1 + i % 2, 1, 1], "padding": ["SAME", "VALID"][i // 2 % 2]}
        yield Case("QuantizedMaxPool", [quantized("quint8", 2, 6, 5, k), *limits()], window)
        yield Case("QuantizedAvgPool", [quantized("quint8", 2, 6, 5, k), *limits()], window)
        axis = int(rng.integers(-1, 3))
        channels = [[3, 4, 5][axis]] if axis >= 0 else []
        scales = (rng.random(channels) + 0.01).astype("f")
        zeros = rng.integers(-5, 5, channels).astype("i4")
        name = ["qint8", "qint32"][i % 2]
        span = {"quantization_min_val": qtypes[name][0], "quantization_max_val": qtypes[name][1], "quantization_axis": axis}
        yield Case("UniformQuantize", [normal(3, 4, 5), np.asarray(scales), np.asarray(zeros)], {**span, "Tout": name})
        x = quantized(name, 3, 4, 5)
        yield Case("UniformDequantize", [x, np.asarray(scales), np.asarray(zeros)], {**span, "Tout": "float32"})
