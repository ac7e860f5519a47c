# SPDX-License-Identifier: Apache-2.0
"""erfc_fit.py: prints the coefficients of math_erfc in src/kernels/simd/math_tmpl.h.

    python tools/erfc_fit.py

With t = 1 / (1 + z / 2), erfc(z) exp(z^2) / t is smooth over 0 <= z <= 14: a polynomial of degree 8 comes within 5e-8 of
it. Lawson's iteration: least squares of the relative error, with weights that grow where it is large.
"""

import math

import numpy as np

DEGREE, LAST, POINTS, STEPS = 8, 14.0, 4000, 60

first = 1 / (1 + LAST / 2)
t = (first + 1) / 2 + (1 - first) / 2 * np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS)
z = 2 * (1 / t - 1)
exact = np.array([math.erfc(v) * math.exp(v * v) for v in z]) / t
powers = np.vander(t, DEGREE + 1, increasing=True) / exact[:, None]

weights, least = np.ones_like(t), np.inf
for _ in range(STEPS):
    root = np.sqrt(weights)
    c, *_ = np.linalg.lstsq(powers * root[:, None], root, rcond=None)
    error = np.abs(powers @ c - 1)
    if error.max() < least:
        least, best = error.max(), c
    weights *= error / error.mean()
    weights /= weights.sum()

for i, value in enumerate(best):
    print(f"t^{i}: {value:.9e}f")
print(f"relative error {least:.1e}")
