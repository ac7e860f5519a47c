# SPDX-License-Identifier: Apache-2.0
"""Fourier transforms of all lengths."""
import numpy as np

from tf_case import Case

LENGTHS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 30, 60, 61, 64, 67, 97, 100, 127, 134, 251]


def complex_of(rng, dtype, *shape):
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)


def loose(dtype):
    return (1e-4, 1e-4) if dtype in ("c8", "f4") else (1e-11, 1e-11)


def cases(rng):
    for n in LENGTHS:
        for dtype in ("c8", "c16"):
            x = complex_of(rng, dtype, int(rng.integers(1, 4)), n)
            yield Case("FFT", [x], {}, loose(dtype))
            yield Case("IFFT", [x], {}, loose(dtype))
        for dtype in ("f4", "f8"):
            wide = "complex64" if dtype == "f4" else "complex128"
            more = int(rng.integers(0, 3))
            x = rng.normal(size=(2, n + more)).astype(dtype)
            yield Case("RFFT", [x, np.array([n], "i4")], {"Tcomplex": wide}, loose(dtype))
            y = complex_of(rng, "c8" if dtype == "f4" else "c16", 2, n // 2 + 1 + more)
            yield Case("IRFFT", [y, np.array([n], "i4")], {"Treal": "float32" if dtype == "f4" else "float64"}, loose(dtype))
    for rank in (2, 3):
        for i in range(12):
            dims = [int(d) for d in rng.choice([1, 2, 3, 5, 6, 8, 11], rank)]
            dtype = ["c8", "c16"][i % 2]
            x = complex_of(rng, dtype, *[2] * (i % 3 == 0), *dims)
            yield Case(f"FFT{rank}D", [x], {}, loose(dtype))
            yield Case(f"IFFT{rank}D", [x], {}, loose(dtype))
            real, wide = ["float32", "float64"][i % 2], ["complex64", "complex128"][i % 2]
            z = rng.normal(size=[2, *(d + int(rng.integers(2)) for d in dims)]).astype(real)
            yield Case(f"RFFT{rank}D", [z, np.array(dims, "i4")], {"Tcomplex": wide}, loose(dtype))
            y = complex_of(rng, dtype, 2, *dims[:-1], dims[-1] // 2 + 1)
            yield Case(f"IRFFT{rank}D", [y, np.array(dims, "i4")], {"Treal": real}, loose(dtype))
    for i in range(12):
        dims = [int(d) for d in rng.integers(1, 6, 3)]
        axes = np.array([[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]][i % 6], "i4")
        x = complex_of(rng, "c8", *dims)
        lengths = np.array([dims[a] for a in axes], "i4")
        yield Case("FFTND", [x, lengths, axes], {}, (1e-4, 1e-4))
        yield Case("IFFTND", [x, lengths, axes], {}, (1e-4, 1e-4))
        yield Case("RFFTND", [x.real.astype("f4"), lengths, axes], {"Tcomplex": "complex64"}, (1e-4, 1e-4))
        half = x[tuple(slice(0, d // 2 + 1) if k == axes[-1] else slice(None) for k, d in enumerate(dims))]
        yield Case("IRFFTND", [half, lengths, axes], {"Treal": "float32"}, (1e-4, 1e-4))
    yield Case("FFT", [np.zeros((0, 4), "c8")])
    yield Case("FFT", [np.zeros((2, 0), "c8")])
    yield Case("FFT", [np.complex64(1)])
    yield Case("FFT2D", [np.zeros(3, "c8")])
    yield Case("RFFT", [np.zeros((2, 3), "f4"), np.array([4], "i4")])
    yield Case("RFFT", [np.zeros((2, 3), "f4"), np.array([-1], "i4")])
    yield Case("RFFT", [np.zeros((2, 3), "f4"), np.array([2, 2], "i4")])
    yield Case("IRFFT", [np.zeros((2, 3), "c8"), np.array([6], "i4")])
