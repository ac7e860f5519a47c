# SPDX-License-Identifier: Apache-2.0
"""What the Python tests share.

The package is the installed one, or that of build/python. Models that the tests
make come from tests/oracle/modelgen.py, which needs TensorFlow's or LiteRT's
schema; data of others is read from ../shared beside the repository. Tests that
lack either are skipped, and the closing line says how many.
"""

import importlib.util
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
if importlib.util.find_spec("unflow") is None:
    sys.path.insert(0, str(ROOT / "build" / "python"))
sys.path.insert(0, str(ROOT / "tests" / "oracle"))
sys.path.insert(0, str(ROOT / "tests" / "python"))


def _skips(terminal):
    reasons = {}
    for report in terminal.stats.get("skipped", ()):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason] = reasons.get(reason, 0) + 1
    return reasons


def pytest_terminal_summary(terminalreporter):
    for reason, count in sorted(_skips(terminalreporter).items()):
        terminalreporter.write_line(f"{count} skipped: {reason}")


@pytest.fixture(scope="session")
def shared():
    """The folder of shared data, or a skip."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not there")
    return SHARED


@pytest.fixture(scope="session")
def models():
    """Functions that make the bytes of small models (tiny_models.py)."""
    try:
        import tiny_models
    except ImportError as error:
        pytest.skip(f"models cannot be made: {error}")
    return tiny_models


@pytest.fixture
def run_python(tmp_path):
    """Runs Python with these arguments in an empty folder; (exit status, stdout, stderr)."""
    import os

    import unflow

    package = str(pathlib.Path(unflow.__file__).parents[1])

    def run(*arguments, cwd=tmp_path):
        environment = {**os.environ, "PYTHONPATH": package, "PYTHONDONTWRITEBYTECODE": "1"}
        result = subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, text=True,
                                env=environment, capture_output=True, timeout=120)
        return result.returncode, result.stdout, result.stderr

    return run
