# SPDX-License-Identifier: Apache-2.0
"""The harness under pytest, one test a family: `pytest tests/oracle/test_cases.py -k shape`. run.py says more."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import run  # noqa: E402


@pytest.mark.parametrize("family", [path.stem for path in run.families()])
def test_family(family):
    assert run.main(["--family", family, "--quiet"]) == 0
