# SPDX-License-Identifier: Apache-2.0
"""gelu_table.py: writes src/kernels/simd/gelu_table.h, polynomials of the normal distribution's tail.

    python tools/gelu_table.py > src/kernels/simd/gelu_table.h

Piece k is around k / 4; its polynomial meets erfc(a / sqrt(2)) / 2 where a Chebyshev polynomial is 0.
"""

import math

PIECES, DEGREE, REACH = 32, 6, 0.125

HEADER = f"""\
/* SPDX-License-Identifier: Apache-2.0
 *
 * gelu_table.h: erfc(a / sqrt(2)) / 2 for a in [k / 4 - 1 / 8, k / 4 + 1 / 8], k < {PIECES}, as polynomials in
 * a - k / 4: gelu_tail[i][k] is the coefficient of power i. Relative errors are below 1e-7 up to 5, 2e-6 up to 8.
 * Made by tools/gelu_table.py.
 */
static const float gelu_tail[{DEGREE + 1}][{PIECES}] = {{"""


def polynomial(k):
    """Newton's divided differences, multiplied out."""
    n = DEGREE + 1
    at = [REACH * math.cos(math.pi * (i + 0.5) / n) for i in range(n)]
    d = [0.5 * math.erfc((k / 4 + u) / math.sqrt(2)) for u in at]
    for j in range(1, n):
        for i in range(n - 1, j - 1, -1):
            d[i] = (d[i] - d[i - 1]) / (at[i] - at[i - j])
    c = [d[-1]]
    for i in range(n - 2, -1, -1):
        c = [a - at[i] * b for a, b in zip([0.0] + c, c + [0.0])]
        c[0] += d[i]
    return c


print(HEADER)
table = [polynomial(k) for k in range(PIECES)]
for i in range(DEGREE + 1):
    rows = [f"{table[k][i]:.8e}f" for k in range(PIECES)]
    print("  {" + ",\n   ".join(", ".join(rows[j:j + 7]) for j in range(0, PIECES, 7)) + "},")
print("};")
