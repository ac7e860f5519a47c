# SPDX-License-Identifier: Apache-2.0
"""Linear algebra. What is defined up to a sign or a phase is compared by what it must satisfy."""
import numpy as np

from tf_case import Case

TYPES = ["f4", "f8", "c8", "c16"]
LOOSE = {"f4": (1e-3, 1e-3), "f8": (1e-8, 1e-9), "c8": (1e-3, 1e-3), "c16": (1e-8, 1e-9)}


def matrix(rng, dtype, *shape):
    x = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    return x.astype(dtype)


def batch(rng):
    return [[], [], [2], [0], [2, 3]][rng.integers(5)]


def good(rng, dtype, *shape):
    """Well-conditioned."""
    n = shape[-1]
    return (matrix(rng, dtype, *shape) + 2 * n * np.eye(n)).astype(dtype)


def h(x):
    return np.conj(np.swapaxes(x, -1, -2))


def near(dtype, a, b, what):
    tolerance = 2e-4 if np.dtype(dtype).name in ("float32", "complex64") else 1e-11
    wrong = np.abs(a - b).max(initial=0) > tolerance * max(1, np.abs(b).max(initial=0))
    return what if wrong else ""


def squares(rng):
    for dtype in TYPES * 5:
        n = int(rng.integers(0, 7))
        x, loose = good(rng, dtype, *batch(rng), n, n), LOOSE[dtype]
        yield Case("MatrixInverse", [x], {"adjoint": bool(rng.integers(2))}, loose)
        yield Case("MatrixDeterminant", [x], {}, loose)
        yield Case("LogMatrixDeterminant", [x], {}, loose)
        yield Case("Lu", [x], {"output_idx_type": str(rng.choice(["int32", "int64"]))}, loose)
        yield Case("Cholesky", [(x @ h(x)).astype(dtype)], {}, loose)
        yield Case("MatrixSquareRoot", [x], {}, loose)
        yield Case("MatrixExponential", [matrix(rng, dtype, *batch(rng), n, n)], {}, loose)
        if dtype in ("c8", "c16"):
            yield Case("MatrixLogarithm", [x], {}, loose)
            yield Case("MatrixLogarithm", [(x @ x).astype(dtype)], {}, loose)
            yield Case("MatrixLogarithm", [(np.eye(n) + 0.1 * x / max(n, 1)).astype(dtype)], {}, loose)
    zero = np.zeros((2, 2), "f4")
    lower = lambda want, got, inputs: "" if np.isnan(np.tril(got[0])[np.tril_indices(2)]).all() else "not NaN"
    for bad in (zero, -np.eye(2, dtype="f8"), np.array([[1, 2], [2, 1]], "c8")):
        yield Case("Cholesky", [bad], check=lower)
    for op in ("MatrixInverse", "Lu", "MatrixDeterminant", "LogMatrixDeterminant"):
        yield Case(op, [zero])
        yield Case(op, [np.ones((2, 3), "f4")])
        yield Case(op, [np.ones(3, "f4")])


def values_only(want, got, inputs):
    """The other outputs are whatever was in memory."""
    shapes = [a.shape for a in want] == [a.shape for a in got]
    return near(inputs[0].dtype, got[0], want[0], "values") if shapes else f"shapes {[a.shape for a in got]}"


def factors(rng):
    for dtype in TYPES * 4:
        m, n = (int(i) for i in rng.integers(1, 8, 2))
        x = matrix(rng, dtype, *batch(rng), m, n)
        full = {"full_matrices": bool(rng.integers(2))}
        yield Case("Qr", [x], full, LOOSE[dtype])

        def svd(want, got, inputs):
            s, u, v = got
            if [a.shape for a in want] != [a.shape for a in got] or [a.dtype for a in want] != [a.dtype for a in got]:
                return f"shapes {[a.shape for a in got]}"
            p = s.shape[-1]
            x = inputs[0]
            again = (u[..., :p] * s[..., None, :]) @ h(v[..., :p])
            return (near(x.dtype, s, want[0], "values") or near(x.dtype, again, x, "product") or
                    near(x.dtype, h(u) @ u, np.eye(u.shape[-1]), "u") or near(x.dtype, h(v) @ v, np.eye(v.shape[-1]), "v"))
        yield Case("Svd", [x], full, check=svd)
        yield Case("Svd", [x], {"compute_uv": False}, check=values_only)
        low = (matrix(rng, dtype, 5, 2) @ matrix(rng, dtype, 2, 4)).astype(dtype)
        yield Case("Svd", [low], full, check=svd)
        k = int(rng.integers(0, 8))
        y = matrix(rng, dtype, *batch(rng), k, k)
        y = ((y + h(y)) / 2).astype(dtype)

        def eigh(want, got, inputs):
            e, v = got
            if [a.shape for a in want] != [a.shape for a in got] or [a.dtype for a in want] != [a.dtype for a in got]:
                return f"shapes {[a.shape for a in got]}"
            y = inputs[0]
            return (near(y.dtype, e, want[0], "values") or near(y.dtype, (v * e[..., None, :]) @ h(v), y, "product") or
                    near(y.dtype, h(v) @ v, np.eye(v.shape[-1]), "v"))
        yield Case("SelfAdjointEigV2", [y], {}, check=eigh)
        yield Case("SelfAdjointEigV2", [y], {"compute_v": False}, check=values_only)

        def eig(want, got, inputs):
            e, v = got
            if [a.shape for a in want] != [a.shape for a in got] or [a.dtype for a in want] != [a.dtype for a in got]:
                return f"shapes {[a.shape for a in got]}"
            x = inputs[0].astype(e.dtype)
            order = lambda a: np.sort_complex(np.round(a, 2 if e.dtype == np.complex64 else 6))
            return (near(e.dtype, order(e), order(want[0]), "values") or near(e.dtype, x @ v, v * e[..., None, :], "product") or
                    near(e.dtype, np.linalg.norm(v, axis=-2), np.ones(e.shape), "norms"))
        z = matrix(rng, dtype, *batch(rng), k, k)
        t = "complex64" if dtype in ("f4", "c8") else "complex128"
        yield Case("Eig", [z], {"Tout": t}, check=eig)
        only = lambda want, got, inputs: near(want[0].dtype, np.sort(np.abs(got[0])), np.sort(np.abs(want[0])), "values")
        yield Case("Eig", [z], {"Tout": t, "compute_v": False}, check=only)
    yield Case("Svd", [np.ones(3, "f4")])
    yield Case("Eig", [np.ones((2, 3), "f4")], {"Tout": "complex64"})


def solvers(rng):
    for dtype in TYPES * 4:
        n, k = int(rng.integers(0, 6)), int(rng.integers(0, 4))
        b, loose = batch(rng), LOOSE[dtype]
        x, y = good(rng, dtype, *b, n, n), matrix(rng, dtype, *b, n, k)
        adjoint = {"adjoint": bool(rng.integers(2))}
        yield Case("MatrixSolve", [x, y], adjoint, loose)
        both = {**adjoint, "lower": bool(rng.integers(2))}
        yield Case("MatrixTriangularSolve", [x, y], both, loose)
        yield Case("MatrixTriangularSolve", [good(rng, dtype, 2, 1, n, n), matrix(rng, dtype, 3, n, k)], both, loose)
        if n:
            bands = matrix(rng, dtype, *b, int(rng.integers(1, n + 1)), n)
            bands[..., 0 if both["lower"] else -1, :] += 9
            yield Case("BandedTriangularSolve", [bands, y], both, loose)
        m = int(rng.integers(1, 7))
        a = matrix(rng, dtype, 2, m, n)
        rhs = matrix(rng, dtype, 2, m, k)
        if n:
            yield Case("MatrixSolveLs", [a, rhs, np.float64(0.5)], {"fast": True}, loose)
            yield Case("MatrixSolveLs", [a, rhs, np.float64(0)], {"fast": False}, loose)
            d = matrix(rng, dtype, *b, 3, n)
            yield Case("TridiagonalSolve", [d, y], {}, loose)
            d[..., 1, :] += 9
            yield Case("TridiagonalSolve", [d, y], {"partial_pivoting": False}, loose)
            yield Case("TridiagonalMatMul", [matrix(rng, dtype, *b, 1, n) for _ in range(3)] + [y], {}, loose)
    one, zero = np.ones((2, 1), "f4"), np.zeros((2, 2), "f4")
    yield Case("MatrixSolve", [zero, one])
    yield Case("BandedTriangularSolve", [zero, one])
    for op in ("MatrixSolve", "MatrixTriangularSolve"):
        yield Case(op, [zero, np.ones((3, 1), "f4")])
    yield Case("TridiagonalSolve", [np.zeros((3, 2), "f4"), one])


def cases(rng):
    yield from squares(rng)
    yield from factors(rng)
    yield from solvers(rng)
