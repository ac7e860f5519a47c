# SPDX-License-Identifier: Apache-2.0
"""complex.py: parts and sizes of complex numbers. Parts must be equal, sizes within a few units in the last place."""

import numpy as np

from case import Close
from onenode import Node, const, numbers
from operands import SHAPES, TAILS, name_of

ODD = np.array([0, -0.0, 1, -2, np.inf, -np.inf, np.nan, 1e-40, 3e38, 3], np.float64)


def cases(rng):
    for t, part, tol in (("complex64", "float32", Close(3e-7, 1e-38)), ("complex128", "float64", Close(1e-15, 1e-300))):
        with np.errstate(over="ignore", invalid="ignore"):
            specials = (ODD[:, None] + 1j * ODD[None, :]).astype(t)
        for op in ("REAL", "IMAG", "COMPLEX_ABS"):
            node = Node(op)
            exact = tol if op == "COMPLEX_ABS" else None
            for shape in SHAPES:
                yield node.case(f"{t}_{name_of((shape,))}", [numbers(rng, t, shape)], [part], tol=exact)
            for n in TAILS[:5]:
                yield node.case(f"{t}_tail_{n}", [numbers(rng, t, (n,)) * np.array(1e3).astype(t)], [part], tol=exact)
            yield node.case(f"{t}_specials", [specials], [part], tol=exact)
            yield node.case(f"{t}_const", [const(numbers(rng, t, (4, 5)))], [part], tol=exact)
