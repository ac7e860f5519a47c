# SPDX-License-Identifier: Apache-2.0
"""convert.py: quantized and small floats to float32 and back, beside NumPy's expressions.

    convert.py [--elements N] [--rounds R]

N elements (default: 2^20, which stay in the second or third cache, and 2^25, which do not). unflow.dequantize fills one
array again and again (out=); NumPy computes what people write, `scale * (q.astype(np.float32) - zero_point)`, into an array
of its own each time, and, as "in place", the same by np.subtract and np.multiply into one that is used again. float16 is
NumPy's own astype, bfloat16 and float8 that of ml_dtypes. GB/s counts bytes read and written once; memcpy's is printed
first. Best of R rounds that take turns.
"""

import argparse
import time

import numpy as np
import unflow

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None


def best(calls, rounds):
    """Seconds of each, best of rounds that take turns."""
    times = [float("inf")] * len(calls)
    for _ in range(rounds + 1):
        for i, call in enumerate(calls):
            start = time.perf_counter()
            call()
            times[i] = min(times[i], time.perf_counter() - start)
    return times


def quantized_cases(n, rng):
    """(name, values, scales, zero points, axis)"""
    for dtype in (np.int8, np.uint8, np.int16, np.uint16):
        limits = np.iinfo(dtype)
        values = rng.integers(limits.min, limits.max, n, dtype, endpoint=True)
        yield f"{np.dtype(dtype).name} per tensor", values, np.float32(0.03), 3, 0
    weights = rng.integers(-127, 127, n, np.int8, endpoint=True).reshape(64, -1)
    scales = rng.uniform(0.01, 0.1, 64).astype(np.float32)
    yield "int8 per channel, first axis", weights, scales, 0, 0
    yield "int8 per channel, last axis", np.ascontiguousarray(weights.T), scales, 0, 1


def spread(values, axis, rank):
    return values if np.ndim(values) == 0 else values.reshape([-1 if i == axis else 1 for i in range(rank)])


def line(name, n_bytes, ours, *theirs):
    cells = "".join(f"{t * 1e6:12.1f}{t / ours:8.1f}x" for t in theirs)
    print(f"{name:<32}{ours * 1e6:10.1f}{n_bytes / ours * 1e-9:8.1f}{cells}")


def measure(n, rounds, rng):
    source, target = np.ones(n, np.float32), np.empty(n, np.float32)
    copy, = best([lambda: np.copyto(target, source)], rounds)
    print(f"\n{n} elements; memcpy of as many floats {8 * n / copy * 1e-9:.1f} GB/s")
    print(f"{'dequantize':<32}{'unflow, us':>10}{'GB/s':>8}{'NumPy, us':>12}{'':>9}{'in place, us':>12}")
    for name, values, scales, zero, axis in quantized_cases(n, rng):
        out, other = np.empty(values.shape, np.float32), np.empty(values.shape, np.float32)
        wide, zero_point = spread(scales, axis, values.ndim), np.float32(zero)
        quantization = (scales, zero, axis)
        expected = wide * (values.astype(np.float32) - zero_point)
        assert np.array_equal(unflow.dequantize(values, quantization, out=out), expected)

        def in_place():
            np.subtract(values, zero_point, out=other, dtype=np.float32)
            np.multiply(other, wide, out=other)

        times = best([lambda: unflow.dequantize(values, quantization, out=out),
                      lambda: wide * (values.astype(np.float32) - zero_point), in_place], rounds)
        line(name, values.nbytes + out.nbytes, *times)
    small = [("float16", np.float16)]
    if ml_dtypes:
        small += [("bfloat16", ml_dtypes.bfloat16), ("float8_e4m3fn", ml_dtypes.float8_e4m3fn)]
    print(f"{'to float32':<32}")
    for name, dtype in small:
        values = rng.uniform(-8, 8, n).astype(np.float32).astype(dtype)
        out = np.empty(n, np.float32)
        assert np.array_equal(unflow.dequantize(values, None, out=out), values.astype(np.float32))
        times = best([lambda: unflow.dequantize(values, None, out=out), lambda: values.astype(np.float32),
                      lambda: np.copyto(out, values)], rounds)
        line(name, values.nbytes + out.nbytes, *times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    for n in args.elements or (1 << 20, 1 << 25):
        measure(n, args.rounds, rng)


if __name__ == "__main__":
    main()
