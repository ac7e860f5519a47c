# SPDX-License-Identifier: Apache-2.0
"""tf.signal functions that are more than one op."""

from __future__ import annotations

import numpy as np

from . import _ops
from ._convert import cast
from ._functions import complex as _complex
from ._functions import concat, real, tensor

_apply = _ops.apply


def _rfft(op, n, inverse):
    def function(input_tensor, fft_length=None, name=None):
        x = tensor(input_tensor)
        if inverse:
            x = x if x.dtype.is_complex else cast(x, "complex64")
            out = {"Treal": x.dtype.real_dtype}
        else:
            x = x if x.dtype.is_floating else cast(x, "float32")
            out = {"Tcomplex": {"float64": "complex128"}.get(x.dtype.name, "complex64")}
        dims = x.shape.as_list()[-n:]
        if fft_length is None:
            lengths = [*dims[:-1], max(0, 2 * (dims[-1] - 1)) if inverse else dims[-1]]
        else:
            lengths = [int(v) for v in np.atleast_1d(tensor(fft_length).numpy())]
            wanted = [*lengths[:-1], lengths[-1] // 2 + 1 if inverse else lengths[-1]]
            pads = [[0, 0]] * (x.shape.rank - n) + [[0, max(0, w - d)] for w, d in zip(wanted, dims)]
            if any(p[1] for p in pads):
                x = _apply("Pad", [x, np.array(pads, np.int32)])
        return _apply(op, [x, np.array(lengths, np.int32)], out, name)

    return function


rfft, irfft = _rfft("RFFT", 1, False), _rfft("IRFFT", 1, True)
rfft2d, irfft2d = _rfft("RFFT2D", 2, False), _rfft("IRFFT2D", 2, True)


def _window(length, periodic, dtype, a, b):
    n = int(length)
    even = 1 - n % 2
    size = n + int(bool(periodic)) * even - 1
    if n == 1:
        return tensor(np.ones(1), dtype)
    at = np.arange(n, dtype=np.float64)
    return tensor((a - b * np.cos(2 * np.pi * at / size)), dtype)


def hann_window(window_length, periodic=True, dtype="float32", name=None):
    return _window(window_length, periodic, dtype, 0.5, 0.5)


def hamming_window(window_length, periodic=True, dtype="float32", name=None):
    return _window(window_length, periodic, dtype, 0.54, 0.46)


def frame(signal, frame_length, frame_step, pad_end=False, pad_value=0, axis=-1, name=None):
    """Overlapping pieces."""
    x = tensor(signal)
    axis = axis % x.shape.rank
    n, length, step = x.shape[axis], int(frame_length), int(frame_step)
    if pad_end:
        count = -(-n // step)
        extra = max(0, length + step * (count - 1) - n)
        pads = [[0, 0]] * x.shape.rank
        pads[axis] = [0, extra]
        x = _apply("PadV2", [x, np.array(pads, np.int32), tensor(pad_value, x.dtype)])
    else:
        count = max(0, 1 + (n - length) // step)
    at = np.arange(count)[:, None] * step + np.arange(length)[None]
    return _apply("GatherV2", [x, at.astype(np.int32), axis], None, name)


def stft(signals, frame_length, frame_step, fft_length=None, window_fn=hann_window, pad_end=False, name=None):
    n = fft_length
    if n is None:
        n = 1 << (int(frame_length) - 1).bit_length()
    x = tensor(signals)
    pieces = frame(x, frame_length, frame_step, pad_end)
    if window_fn is not None:
        pieces = pieces * window_fn(frame_length, dtype=x.dtype)
    return rfft(pieces, [n])


def overlap_and_add(signal, frame_step, name=None):
    """The sum of pieces, each frame_step behind the one before."""
    x = tensor(signal)
    step = int(frame_step)
    dims = x.shape.as_list()
    frames, length = dims[-2:]
    size = step * (frames - 1) + length
    at = (np.arange(frames)[:, None] * step + np.arange(length)[None]).reshape(-1)
    flat = _apply("Reshape", [x, [-1, frames * length]])
    turned = _apply("Transpose", [flat, [1, 0]])
    total = _apply("UnsortedSegmentSum", [turned, at.astype(np.int32), size])
    return _apply("Reshape", [_apply("Transpose", [total, [1, 0]]), np.array([*dims[:-2], size], np.int32)], None, name)


def inverse_stft(stfts, frame_length, frame_step, fft_length=None, window_fn=hann_window, name=None):
    n = fft_length or 1 << (int(frame_length) - 1).bit_length()
    pieces = irfft(stfts, [n])[..., :int(frame_length)]
    if n < frame_length:
        pads = [[0, 0]] * (pieces.shape.rank - 1) + [[0, int(frame_length) - n]]
        pieces = _apply("Pad", [pieces, np.array(pads, np.int32)])
    if window_fn is not None:
        pieces = pieces * window_fn(frame_length, dtype=pieces.dtype)
    return overlap_and_add(pieces, frame_step)


def dct(input, type=2, n=None, axis=-1, norm=None, name=None):
    """The cosine transform of types 1 to 3 along the last axis (through an FFT of double length)."""
    if axis != -1:
        raise NotImplementedError(f"axis must be -1. Got: {axis}")  # as TensorFlow
    x = tensor(input)
    size = x.shape[-1]
    if n is not None:
        x = x[..., :n] if n <= size else _apply("Pad", [x, np.array([[0, 0]] * (x.shape.rank - 1) + [[0, n - size]])])
        size = n
    if type == 1:
        return real(rfft(concat([x, _apply("ReverseV2", [x[..., 1:-1], [x.shape.rank - 1]])], -1)))
    if type == 3:
        if norm == "ortho":
            x = x * tensor(np.concatenate([[np.sqrt(size)], np.full(size - 1, np.sqrt(0.5 * size))]), x.dtype)
        else:
            x = x * tensor(float(size), x.dtype)
        turn = np.exp(0.5j * np.pi * np.arange(size) / size) * 2
        turned = _complex(x, x * 0.0) * tensor(turn, "complex128" if x.dtype.name == "float64" else "complex64")
        return irfft(turned, [2 * size])[..., :size]
    if type != 2:
        raise NotImplementedError(f"unflow has cosine transforms of types 1, 2 and 3, not {type}")
    turn = 2 * np.exp(-0.5j * np.pi * np.arange(size) / size)
    spectrum = rfft(x, [2 * size])[..., :size]
    out = real(spectrum * tensor(turn, spectrum.dtype))
    if norm == "ortho":
        scale = np.concatenate([[0.5 / np.sqrt(size)], np.full(size - 1, 0.5 * np.sqrt(2 / size))])
        out = out * tensor(scale, out.dtype)
    return out


def idct(input, type=2, n=None, axis=-1, norm=None, name=None):
    return dct(input, {1: 1, 2: 3, 3: 2}[type], n, axis, norm, name)


def linear_to_mel_weight_matrix(num_mel_bins=20, num_spectrogram_bins=129, sample_rate=8000,
                                lower_edge_hertz=125.0, upper_edge_hertz=3800.0, dtype="float32", name=None):
    """Weights of spectrogram bins in mel bins: triangles even on the mel scale (HTK's)."""
    mel = lambda hz: 1127.0 * np.log1p(np.asarray(hz, np.float64) / 700.0)  # noqa: E731
    linear = mel(np.linspace(0.0, sample_rate / 2.0, num_spectrogram_bins)[1:])[:, None]
    edges = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
    low, center, high = edges[:-2][None], edges[1:-1][None], edges[2:][None]
    weights = np.maximum(0, np.minimum((linear - low) / (center - low), (high - linear) / (high - center)))
    return tensor(np.pad(weights, [[1, 0], [0, 0]]), dtype)


def mfccs_from_log_mel_spectrograms(log_mel_spectrograms, name=None):
    x = tensor(log_mel_spectrograms)
    return dct(x) * tensor(1 / np.sqrt(x.shape[-1] * 2.0), x.dtype)


def _shifted(sign):
    def function(x, axes=None, name=None):
        x = tensor(x)
        axes = list(range(x.shape.rank)) if axes is None else [int(a) for a in np.atleast_1d(axes)]
        by = [sign * (x.shape[a] // 2) for a in axes]
        return _apply("Roll", [x, np.array(by, np.int32), np.array(axes, np.int32)], None, name)

    return function


fftshift, ifftshift = _shifted(1), _shifted(-1)
