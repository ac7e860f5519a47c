# SPDX-License-Identifier: Apache-2.0
"""damaged.py: the harness's models with bytes changed, and its inputs with other values, given to a sanitized library.

    damaged.py                   some variants of some models of every op
    damaged.py --family conv --op CONV_2D --models 5 --variants 200 --seed 7

Whatever a file or an input says, the library may give values or an error in words; it may not crash, read beyond what it
was given, overflow, or run for longer than a minute. Sessions are limited, for a changed number may ask for any amount of
memory or make a loop endless. Run it with the sanitized build (tools/run_tests.py does); without
it, it sees crashes only.
"""

import argparse
import sys
import time
import zlib

import engines
import numpy as np
import run

LIMITS = {"UNFLOW_WORKER_MAX_BYTES": str(256 << 20), "UNFLOW_WORKER_MAX_STEPS": "20000"}
VALUES = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)


def damaged_model(rng, model):
    """One to four bytes changed, or four that stand together made a number that is often wrong."""
    data = bytearray(model)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(8, len(data)))
        data[at] = int(rng.choice(VALUES)) if rng.random() < 0.7 else data[at] ^ (1 << int(rng.integers(8)))
    if rng.random() < 0.2:
        at = int(rng.integers(2, len(data) // 4)) * 4
        number = int(rng.choice([-1, -2**31, 2**31 - 1, 2**30, 0, 1, -5, 7, 1000000]))
        data[at:at + 4] = number.to_bytes(4, "little", signed=True)
    return bytes(data)


def wild_input(rng, array):
    """Numbers an op may not expect: the ends of the dtype's range, NaN, infinities; other lengths of strings."""
    if array.dtype.kind == "f":
        choice = np.array([np.nan, np.inf, -np.inf, 0, -0.0, np.finfo(array.dtype).max, 1e-40, -3], array.dtype)
    elif array.dtype.kind in "iu":
        info = np.iinfo(array.dtype)
        choice = np.array([info.min, info.max, 0, 1, info.max // 2 + 1, info.min // 2], array.dtype)
    elif array.dtype.kind == "O":
        choice = np.array([b"", b"\0", b"x" * 300, b"\xff\xfe"], object)
    else:
        return array
    out = array.copy()
    mask = rng.random(array.shape) < rng.choice([0.1, 1.0])
    out[mask] = rng.choice(choice, int(mask.sum()))
    return out


def variants(rng, case, n):
    """Jobs made of a case: its model damaged, its inputs wild, or both."""
    for i in range(n):
        model = damaged_model(rng, case.model) if i % 4 else case.model
        inputs = [wild_input(rng, np.asarray(a)) for a in case.inputs] if i % 3 == 0 else case.inputs
        yield model, inputs, min(case.steps, 2), case.calls, False


def chosen(cases, models):
    """That many cases of each op, by their names."""
    ops = {}
    for case in cases:
        if len(case.model) < 1 << 16:
            ops.setdefault(case.op, []).append((zlib.crc32(case.name.encode()), case.name, case))
    return [member[2] for members in ops.values() for member in sorted(members, key=lambda m: m[:2])[:models]]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", action="append", help="only this file of cases/ (may be repeated)")
    parser.add_argument("--op", help="only this op")
    parser.add_argument("--models", type=int, default=2, help="models of each op (2)")
    parser.add_argument("--variants", type=int, default=24, help="variants of each model (24)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    start, failed, total, values = time.time(), 0, 0, 0
    for path in run.families():
        if args.family and path.stem not in args.family:
            continue
        cases = [c for c in chosen(run.load_family(path), args.models) if not args.op or c.op == args.op]
        jobs, names = [], []
        for case in cases:
            rng = np.random.default_rng([args.seed, zlib.crc32(f"{path.stem}/{case.name}".encode())])
            for i, job in enumerate(variants(rng, case, args.variants)):
                jobs.append(job)
                names.append(f"{path.stem}/{case.name} ({case.op}) variant {i}")
        for name, result in zip(names, engines.run("unflow", jobs, LIMITS)):
            total += 1
            values += result[0] == "ok"
            if result[0] == "crash":
                failed += 1
                print(f"FAILED {name}: {result[1]}")
    print(f"damaged: {total} variants, {values} of them gave values; {time.time() - start:.0f} s")
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
