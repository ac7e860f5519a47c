# SPDX-License-Identifier: Apache-2.0
"""A built wheel: what it holds, its size, and that it works where it is unpacked.

    pip wheel . -w dist && UNFLOW_WHEEL=$(ls dist/*.whl) pytest tests/python/test_wheel.py
"""

import os
import subprocess
import sys
import zipfile

import pytest

WHEEL = os.environ.get("UNFLOW_WHEEL")
pytestmark = pytest.mark.skipif(not WHEEL, reason="UNFLOW_WHEEL does not name a wheel")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder into which the wheel was unpacked, as pip does it."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(WHEEL) as archive:
        archive.extractall(folder)
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            if mode & 0o111:
                (folder / entry.filename).chmod(0o755)
    return folder


def run(site, *arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(site)}, cwd=site)


def test_size(site):
    total = sum(f.stat().st_size for f in site.rglob("*") if f.is_file())
    assert total <= 5_000_000, f"{total} bytes installed"  # with libjpeg, libpng, zlib, and kernels for three instruction sets


def test_content(site):
    assert "-abi3-" in os.path.basename(WHEEL)
    package = site / "unflow"
    for name in ("_core.abi3.so", "libunflow.so", "py.typed", "__init__.pyi", "compat/v1.py"):
        assert (package / name).exists(), name
    assert list(site.glob("*.dist-info/licenses/**/THIRD_PARTY.txt"))


def test_every_library_comes_along(site):
    """Nothing is needed beyond libc and its like."""
    for name in ("_core.abi3.so", "libunflow.so", "bin/unflow"):
        needed = subprocess.run(["ldd", str(site / "unflow" / name)], capture_output=True,
                                text=True).stdout
        assert "not found" not in needed
        for line in needed.splitlines():
            library = line.split()[0].rpartition("/")[2]
            assert library.startswith(("linux-vdso", "ld-linux", "libc.", "libm.", "libpthread.",
                                       "libdl.")) or str(site) in line, line


def test_import_and_command(site):
    result = run(site, "-c", "import unflow; print(unflow.isa(), unflow.__file__)")
    assert result.returncode == 0 and str(site) in result.stdout, result.stderr
    result = run(site, "-m", "unflow._cli", "--version")
    assert result.returncode == 0 and "unflow" in result.stdout, result.stderr
