# SPDX-License-Identifier: Apache-2.0
"""Custom ops that no resolver of TensorFlow's wheels has, beside their formulas in NumPy: those of MediaPipe and of
TFLite's perception kernels."""

import struct

import numpy as np
import pytest
import unflow

modelgen = pytest.importorskip("modelgen")


def run(op, inputs, outputs, options=b"", version=1):
    """Outputs of one custom op; constants are as good as inputs, so every second array is one."""
    g = modelgen.ModelGen()
    tensors, feeds = [], {}
    for i, x in enumerate(inputs):
        tensors.append(g.tensor(f"x{i}", "string" if x.dtype == object else x.dtype.name, x.shape, data=x if i % 2 else None))
        if not i % 2:
            feeds[f"x{i}"] = x
    ys = [g.tensor(f"y{i}", dtype, ()) for i, dtype in enumerate(outputs)]
    g.op("CUSTOM", tensors, ys, custom=op, custom_options=options, version=version)
    g.inputs([t for i, t in enumerate(tensors) if not i % 2])
    g.outputs(ys)
    out = unflow.open(g.build()).run(**feeds)
    return [np.asarray(out[f"y{i}"]) for i in range(len(ys))]


def pool_options(same, stride, window, act=0):
    return struct.pack("<10i", 1 if same else 2, stride[1], stride[0], window[1], window[0], act, 0, 0, 0, 0)


WINDOWS = [(same, stride, window) for same in (True, False) for stride, window in
           [((2, 2), (2, 2)), ((1, 2), (3, 2)), ((3, 1), (3, 3)), ((1, 1), (1, 1)), ((2, 3), (2, 4))]]


def axis(same, n, stride, window):
    """(outputs, padding before)."""
    out = -(-n // stride) if same else (n - window) // stride + 1
    return out, max((out - 1) * stride + window - n, 0) // 2


def argmax(x, same, stride, window):
    """values, places in the window, places in the image."""
    b, h, w, c = x.shape
    (oh, top), (ow, left) = axis(same, h, stride[0], window[0]), axis(same, w, stride[1], window[1])
    y, near, far = np.zeros((b, oh, ow, c), np.float32), np.zeros((b, oh, ow, c), np.float32), np.zeros((b, oh, ow, c), np.int32)
    for i, j, k, m in np.ndindex(b, oh, ow, c):
        best = -np.finfo(np.float32).max
        near[i, j, k, m], far[i, j, k, m] = 0.1, m
        for p, q in np.ndindex(*window):
            v, u = j * stride[0] - top + p, k * stride[1] - left + q
            if 0 <= v < h and 0 <= u < w and x[i, v, u, m] > best:
                best = x[i, v, u, m]
                near[i, j, k, m] = np.float32(p * window[1] + q) + np.float32(0.1)
                far[i, j, k, m] = (v * w + u) * c + m
        y[i, j, k, m] = best
    return y, near, far


@pytest.mark.parametrize("same,stride,window", WINDOWS)
def test_argmax(same, stride, window):
    rng = np.random.default_rng(1)
    x = rng.integers(-4, 5, (2, 6, 7, 5)).astype(np.float32)  # with ties: the first one counts
    x[0, 2:4, 1:3] = np.nan
    x[1, :3, :3] = -np.inf
    y, near, far = argmax(x, same, stride, window)
    got = run("MaxPoolingWithArgmax2D", [x], ["float32", "float32"], pool_options(same, stride, window))
    np.testing.assert_array_equal(got[0], y)
    np.testing.assert_array_equal(got[1], near)
    options = modelgen.flex({"padding": "SAME" if same else "VALID", "ksize": [1, *window, 1], "strides": [1, *stride, 1],
                             "include_batch_in_index": False})
    got = run("MaxPoolWithArgmax", [x], ["float32", "int32"], options)
    np.testing.assert_array_equal(got[0], y)
    np.testing.assert_array_equal(got[1], far)


def test_argmax_with_an_activation():
    x = np.array([-3, 8, 2, 1], np.float32).reshape(1, 2, 2, 1)
    assert run("MaxPoolingWithArgmax2D", [x], ["float32", "float32"], pool_options(True, (2, 2), (2, 2), 3))[0].ravel().tolist() == [6]
    assert run("MaxPoolingWithArgmax2D", [-x], ["float32", "float32"], pool_options(True, (1, 1), (1, 1), 1))[0].ravel().tolist() == [3, 0, 0, 0]


@pytest.mark.parametrize("same,stride,window", WINDOWS)
def test_unpooling_windows(same, stride, window):
    """MediaPipe's: float places within windows."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, 3, 4, 2)).astype(np.float32)
    places = rng.integers(0, window[0] * window[1], x.shape).astype(np.float32) + np.float32(0.1)
    places[0, 0, 0] = [1e20, np.nan]  # lead nowhere
    h, w = 3 * window[0], 4 * window[1]
    top, left = (max((n - 1) * s + k - n * k, 0) // 2 for n, s, k in ((3, stride[0], window[0]), (4, stride[1], window[1])))
    want = np.zeros((2, h, w, 2), np.float32)
    for i, j, k, m in np.ndindex(*x.shape):
        if places[i, j, k, m] < 1e9:
            v, u = divmod(int(places[i, j, k, m]), window[1])
            v, u = j * stride[0] - top + v, k * stride[1] - left + u
            if 0 <= v < h and 0 <= u < w:
                want[i, v, u, m] = x[i, j, k, m]
    np.testing.assert_array_equal(run("MaxUnpooling2D", [x, places], ["float32"], pool_options(same, stride, window))[0], want)


@pytest.mark.parametrize("same,stride,window", [w for w in WINDOWS if w[1] == w[2] or not w[0]])
def test_unpooling_undoes_pooling(same, stride, window):
    """TFLite's: int32 places in the image."""
    rng = np.random.default_rng(3)
    x = rng.permutation(2 * 6 * 8 * 3).reshape(2, 6, 8, 3).astype(np.float32)
    y, _, far = argmax(x, same, stride, window)
    oh, ow = ((n - 1) * s + k if not same else n * s for n, s, k in zip(y.shape[1:3], stride, window))
    want = np.zeros((2, oh * ow * 3), np.float32)
    if far.max() >= want.shape[1]:
        pytest.skip("the windows do not cover the image")
    for i in range(2):
        want[i][far[i].ravel()] = y[i].ravel()
    got = run("MaxUnpooling2D", [y, far], ["float32"], pool_options(same, stride, window))[0]
    np.testing.assert_array_equal(got, want.reshape(2, oh, ow, 3))


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("stride,window", [((1, 1), (3, 3)), ((2, 2), (2, 2)), ((2, 2), (3, 3)), ((2, 1), (4, 3)), ((3, 3), (2, 2)), ((2, 2), (4, 4))])
@pytest.mark.parametrize("channels", [(1, 1), (3, 2), (17, 9)])
def test_transpose_conv_with_bias(same, stride, window, channels):
    rng = np.random.default_rng(4)
    x = rng.standard_normal((2, 4, 5, channels[0])).astype(np.float32)
    w = rng.standard_normal((channels[1], *window, channels[0])).astype(np.float32)
    bias = rng.standard_normal(channels[1]).astype(np.float32)
    taken = [max(k - (n - 1) % s - 1, 0) if same else 0 for n, s, k in zip((4, 5), stride, window)]
    h, v = ((n - 1) * s + k - t for n, s, k, t in zip((4, 5), stride, window, taken))
    want = np.broadcast_to(bias.astype(np.float64), (2, h, v, channels[1])).copy()
    for i, j, k, m in np.ndindex(4, 5, *window):
        a, b = i * stride[0] - taken[0] // 2 + k, j * stride[1] - taken[1] // 2 + m
        if 0 <= a < h and 0 <= b < v:
            want[:, a, b] += x[:, i, j].astype(np.float64) @ w[:, k, m].T
    got = run("Convolution2DTransposeBias", [x, w, bias], ["float32"], pool_options(same, stride, window))[0]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_transpose_conv_with_weights_that_change():
    rng = np.random.default_rng(5)
    x, w, bias = (rng.standard_normal(s).astype(np.float32) for s in ((1, 3, 3, 2), (2, 2, 2, 2), (2,)))
    g = modelgen.ModelGen()
    xs = [g.tensor(f"x{i}", "float32", v.shape) for i, v in enumerate((x, w, bias))]
    y = g.tensor("y", "float32", ())
    g.op("CUSTOM", xs, [y], custom="Convolution2DTransposeBias", custom_options=pool_options(True, (2, 2), (2, 2)))
    g.inputs(xs)
    g.outputs([y])
    m = unflow.open(g.build())
    for factor in (1, 2):
        got = np.asarray(m.run(x0=x, x1=w * factor, x2=bias)["y"])
        np.testing.assert_allclose(got, run("Convolution2DTransposeBias", [x, (w * factor).astype(np.float32), bias], ["float32"],
                                            pool_options(True, (2, 2), (2, 2)))[0], rtol=1e-6)


def test_dense_image_warp():
    rng = np.random.default_rng(6)
    x, flow = rng.standard_normal((2, 5, 6, 3)).astype(np.float32), (rng.standard_normal((2, 5, 6, 2)) * 3).astype(np.float32)
    flow[0, 0, :4, 0] = [np.nan, np.inf, -np.inf, 1e30]
    want = np.zeros_like(x)
    for b, j, k in np.ndindex(2, 5, 6):
        place = [np.float32(j) - flow[b, j, k, 0], np.float32(k) - flow[b, j, k, 1]]
        at = [int(min(max(0, np.floor(p) if p == p else 0), n - 2)) for p, n in zip(place, (5, 6))]
        part = [np.float32(min(max(0.0, p - a) if p == p else 0.0, 1.0)) for p, a in zip(place, at)]
        v, u = at
        upper = part[1] * (x[b, v, u + 1] - x[b, v, u]) + x[b, v, u]
        lower = part[1] * (x[b, v + 1, u + 1] - x[b, v + 1, u]) + x[b, v + 1, u]
        want[b, j, k] = part[0] * (lower - upper) + upper
    np.testing.assert_allclose(run("DenseImageWarp", [x, flow], ["float32"])[0], want, rtol=1e-6, atol=1e-6)


def test_resampler():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((2, 5, 6, 3)).astype(np.float32)
    places = rng.uniform(-2, 7, (2, 5, 6, 2)).astype(np.float32)
    places[0, 0, :5] = [[0, 0], [5, 4], [-1, 0], [np.nan, 1], [5.5, 4.5]]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    want = np.zeros_like(x)
    for b, j, k in np.ndindex(2, 5, 6):
        u, v = places[b, j, k]
        if u > -1 and v > -1 and u < 6 and v < 5:
            left, top = int(np.floor(u)), int(np.floor(v))
            du, dv = u - left, v - top
            q = padded[b, top + 1:top + 3, left + 1:left + 3]
            want[b, j, k] = (1 - dv) * ((1 - du) * q[0, 0] + du * q[0, 1]) + dv * ((1 - du) * q[1, 0] + du * q[1, 1])
    np.testing.assert_allclose(run("Resampler", [x, places], ["float32"])[0], want, rtol=1e-5, atol=1e-6)


def matrix_of(angle, scale, shift):
    m = np.eye(4, dtype=np.float32)
    m[:2, :2] = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    m[:2, 3] = shift
    return m[None]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("angle,scale,shift", [(0, 1, (0, 0)), (0.3, 0.7, (1.5, -0.5)), (-1.2, 1.5, (2, 3)), (0, 1, (np.nan, 0)), (0, 1e20, (0, 0))])
def test_transform_tensor_bilinear(version, angle, scale, shift):
    rng = np.random.default_rng(8)
    x, m = rng.standard_normal((1, 6, 5, 3)).astype(np.float32), matrix_of(angle, scale, shift)
    options = {"output_size": [4, 7], "mode": "bilinear"} if version == 1 else {"output_height": 4, "output_width": 7}
    a = m[0].astype(np.float64)
    if version == 2:
        a[:2, 3] = (a[:2, 3] + a[:2, 0] * 0.5 + a[:2, 1] * 0.5 - 0.5).astype(np.float32)
    want, padded = np.zeros((1, 4, 7, 3)), np.pad(x[0], ((0, 1), (0, 1), (0, 0))).astype(np.float64)
    near = np.zeros((4, 7), bool)  # on the edge, where a rounding decides
    for j, k in np.ndindex(4, 7):
        u, v = a[0, 0] * k + a[0, 1] * j + a[0, 3], a[1, 0] * k + a[1, 1] * j + a[1, 3]
        near[j, k] = min(abs(u), abs(u - 4), abs(v), abs(v - 5)) < 1e-4 and (angle != 0)
        if 0 <= u <= 4 and 0 <= v <= 5:
            left, top = int(np.floor(u)), int(np.floor(v))
            q = padded[top:top + 2, left:left + 2]
            want[0, j, k] = (1 - (v - top)) * ((1 - (u - left)) * q[0, 0] + (u - left) * q[0, 1]) + (v - top) * (
                (1 - (u - left)) * q[1, 0] + (u - left) * q[1, 1])
    got = run("TransformTensorBilinear", [x, m], ["float32"], modelgen.flex(options), version)[0]
    assert got.shape == want.shape
    np.testing.assert_allclose(np.where(near[None, :, :, None], 0, got), np.where(near[None, :, :, None], 0, want), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("version,shape,options", [(2, (1, 7, 3), None), (2, (1, 4, 2), None), (1, (1, 1, 1, 9), {"dimensions": 3, "scale": 2.0}),
                                                   (1, (1, 1, 1, 8), {"dimensions": 2, "scale": 0.5}), (1, (1, 2, 1, 6), {})])
def test_transform_landmarks(version, shape, options):
    rng = np.random.default_rng(9)
    x, m = rng.standard_normal(shape).astype(np.float32), matrix_of(0.4, 1.3, (0.25, -2))
    n, scale = (shape[-1] if version == 2 else (options or {}).get("dimensions", 3)), (options or {}).get("scale", 1.0)
    points = x.reshape(-1, n).astype(np.float64)
    want = points.copy()
    want[:, :2] = points[:, :2] @ m[0, :2, :2].T.astype(np.float64) + m[0, :2, 3] * scale
    got = run("TransformLandmarks", [x, m], ["float32"], b"" if options is None else modelgen.flex(options), version)[0]
    np.testing.assert_allclose(got, want.reshape(shape), rtol=1e-5, atol=1e-5)


def turned(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_landmarks_to_matrix_v2():
    rng = np.random.default_rng(10)
    for subset in ([0, 1, 2, 3], [4, 2, 7], [5]):
        x = (rng.standard_normal((1, 8, 3)) * 40 + 100).astype(np.float32)
        options = {"left_rotation_idx": 1, "right_rotation_idx": 6, "target_rotation_radians": 0.25, "output_height": 48, "output_width": 64,
                   "scale_x": 1.5, "scale_y": 2.0, "subset_idxs": subset}
        p = x[0].astype(np.float64)[:, :2]
        angle = 0.25 - np.arctan2(*(p[6] - p[1])[::-1])
        box = p[subset] @ turned(angle).T
        low, high = box.min(0), box.max(0)
        m = np.eye(4)
        m[:2, :2] = turned(-angle) @ np.diag((high - low) * [1.5, 2.0] / [64, 48])
        m[:2, 3] = turned(-angle) @ ((low + high) / 2) + m[:2, :2] @ [-32, -24]
        got = run("Landmarks2TransformMatrix", [x], ["float32"], modelgen.flex(options), 2)[0]
        np.testing.assert_allclose(got, m[None], rtol=1e-4, atol=1e-3)


def test_landmarks_to_matrix_v1():
    rng = np.random.default_rng(11)
    x = (rng.standard_normal((1, 1, 1, 24)) * 40 + 100).astype(np.float32)
    options = {"left_rotation_idx": 1, "right_rotation_idx": 6, "dimensions": 3, "landmarks_range": 192, "bbox_size_multiplier": 1.25,
               "input_hw": [256, 192], "output_hw": [48, 64], "subset": [0, 1, 2, 3, 5]}
    p = x.reshape(8, 3).astype(np.float64)[:, :2]
    slope = p[6] - p[1]
    angle = -np.arctan(slope[1] / slope[0])
    box = p[options["subset"]] @ turned(angle).T
    low, high = box.min(0), box.max(0)

    def affine(a, b):
        return np.block([[np.asarray(a, float), np.asarray(b, float).reshape(2, 1)], [np.zeros((1, 2)), np.ones((1, 1))]])

    relative = affine(np.diag([2 / 63, 2 / 47]), [-1, -1])
    scale = affine(np.diag((high - low) * 1.25 / 192), [0, 0])
    turn = affine(turned(-angle), turned(-angle) @ ((low + high) / 2) / 192 * 2 - 1)
    absolute = affine(np.diag([191 / 2, 255 / 2]), [191 / 2, 255 / 2])
    t = absolute @ turn @ scale @ relative
    want = np.array([[t[0, 0], t[0, 1], 0, t[0, 2]], [t[1, 0], t[1, 1], 0, t[1, 2]], [0, 0, 1, 0], [0, 0, 0, 1]])
    got = run("Landmarks2TransformMatrix", [x], ["float32"], modelgen.flex(options), 1)[0]
    np.testing.assert_allclose(got, want[None], rtol=1e-4, atol=1e-3)


# ---- TensorFlow Text's ops ----

TEXTS = [b"a bc  d", b"", b" \t lead", "caf\u00e9\u00a0au\u3000lait\u2009x".encode(), b"trail \n", b"ab\xff cd", "x\ufffdy z".encode(), b"one"]


def tokens(text):
    """Runs without white space, up to what is no UTF-8."""
    return [t.encode() for t in text.decode("utf-8", "replace").split("\ufffd")[0].split()]


@pytest.mark.parametrize("shape", [(8,), (2, 4), (2, 2, 2), (4, 0, 2), ()])
def test_whitespace_tokenizer(shape):
    x = np.array(TEXTS, object)[:int(np.prod(shape))].reshape(shape)
    rows = [tokens(t) for t in x.ravel()]
    most = max(map(len, rows), default=0)
    padded = run("tftext:WhitespaceTokenizer", [x], ["string"], b"")[0]
    assert padded.shape == (*shape, most)
    assert padded.reshape(-1).tolist() == [t for row in rows for t in row + [b""] * (most - len(row))]
    if not shape:
        return
    values, *splits = run("tftext:WhitespaceTokenizer", [x], ["string"] + ["int64"] * len(shape), b"")
    assert values.tolist() == [t for row in rows for t in row]
    assert splits[-1].tolist() == np.cumsum([0] + [len(row) for row in rows]).tolist()
    for d, split in enumerate(splits[:-1]):
        assert split.tolist() == [i * shape[d + 1] for i in range(int(np.prod(shape[:d + 1])) + 1)]


@pytest.mark.parametrize("width", [1, 2, 3, 6])
@pytest.mark.parametrize("separator", ["", " ", "--"])
def test_ngrams(width, separator):
    options = modelgen.flex({"width": width, "axis": -1, "reduction_type": "STRING_JOIN", "string_separator": separator})
    x = np.array([f"t{i}".encode() for i in range(10)], object)

    def joined(row):
        return [separator.encode().join(row[i:i + width]) for i in range(len(row) - width + 1)]

    got = run("tftext:Ngrams", [x.reshape(2, 5)], ["string"], options)[0]
    want = [joined(list(row)) for row in x.reshape(2, 5)]
    assert got.shape == (2, max(5 - width + 1, 0)) and got.tolist() == want
    outer, inner = np.array([0, 1, 4], np.int64), np.array([0, 3, 3, 9, 10], np.int64)
    values, first, second = run("tftext:Ngrams", [x, outer, inner], ["string", "int64", "int64"], options)
    rows = [joined(list(x[a:b])) for a, b in zip(inner, inner[1:])]
    assert values.tolist() == [t for row in rows for t in row] and first.tolist() == outer.tolist()
    assert second.tolist() == np.cumsum([0] + [len(row) for row in rows]).tolist()
