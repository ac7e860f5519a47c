#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_cross.py: the NEON kernels, compiled for 64-bit ARM and run in an emulator under the tests of kernels.

    test_cross.py [--folder build-cross] [NAME ...]      NAME: gemm for tests/unit/test_gemm.c

Needs aarch64-linux-gnu-gcc and qemu-aarch64 (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user). Only the
folders base and kernels are compiled; they need no library. The last line sums up: `N passed, N failed, N skipped`.
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
COMPILER, EMULATOR, SYSROOT = "aarch64-linux-gnu-gcc", "qemu-aarch64", "/usr/aarch64-linux-gnu"
TESTS = ("convert", "depthwise", "elementwise", "fixedpoint", "gemm", "matvec", "qdepthwise", "qgemm", "qwinograd",
         "transposed", "winograd")
FLAGS = ["-std=gnu11", "-O2", "-D_GNU_SOURCE", "-DUF_BUILDING", "-Wall", "-Wno-unused-parameter", "-fno-math-errno",
         "-fno-trapping-math", "-ffunction-sections", "-fdata-sections", "-I" + str(ROOT / "src"), "-I" + str(ROOT / "include")]
OTHERS = {"threads.c"}  # needs pthreadpool; no kernel needs it


def sources():
    base = [p for p in sorted((ROOT / "src" / "base").glob("*.c")) if p.name not in OTHERS]
    kernels = [p for p in sorted((ROOT / "src" / "kernels").glob("*.c")) if not re.search(r"_(avx2|avx512)\.c$", p.name)]
    return base + kernels


def newest_header():
    return max(p.stat().st_mtime for folder in ("src", "include", "tests") for p in (ROOT / folder).rglob("*.h"))


def compile_one(source, folder, headers):
    """The object file; compiled anew when the source or any header is newer."""
    out = folder / f"{source.parent.name}_{source.stem}.o"
    if out.exists() and out.stat().st_mtime > max(source.stat().st_mtime, headers):
        return out
    options = ["-ffp-contract=fast" if "_neon" in source.stem else "-ffp-contract=off"]
    options += ["-march=armv8.2-a+dotprod"] if source.stem.endswith("_neon_dot") else []
    subprocess.run([COMPILER, *FLAGS, *options, "-c", source, "-o", out], check=True)
    return out


def run_test(name, archive, folder):
    """(passed, failed, skipped)"""
    program, source = folder / f"test_{name}", ROOT / "tests" / "unit" / f"test_{name}.c"
    command = [COMPILER, *FLAGS, "-ffp-contract=off", "-I" + str(ROOT / "tests" / "cross"), source, archive, "-Wl,--gc-sections",
               "-lm", "-lpthread", "-o", program]
    subprocess.run(command, check=True)
    result = subprocess.run([EMULATOR, "-L", SYSROOT, "-cpu", "max", program], capture_output=True, text=True, timeout=900)
    found = re.search(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", result.stdout)
    if not found or result.returncode:
        print(f"{name}: {(result.stdout + result.stderr).strip()[-500:] or 'ended with status %d' % result.returncode}")
        return 0, 1, 0
    passed, failed, skipped = (int(n or 0) for n in found.groups())
    print(f"{name}: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=TESTS)
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build-cross")
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    headers = newest_header()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(lambda s: compile_one(s, args.folder, headers), sources()))
        archive = args.folder / "libkernels.a"
        archive.unlink(missing_ok=True)
        subprocess.run(["aarch64-linux-gnu-ar", "rcs", archive, *objects], check=True)
        counts = list(pool.map(lambda n: run_test(n, archive, args.folder), args.names))
    passed, failed, skipped = (sum(c[i] for c in counts) for i in range(3))
    print(f"cross: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
