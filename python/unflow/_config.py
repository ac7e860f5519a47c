# SPDX-License-Identifier: Apache-2.0
"""tf.config: how many threads ops use, and that there are processors only."""

from __future__ import annotations

from . import _core

_threads = {"intra": 0, "inter": 0}


def set_intra_op_parallelism_threads(num_threads):
    """How many threads one op may use, 0 for as many as there are processors. Before the first op.
    The environment variable UNFLOW_THREADS says it for scripts that do not."""
    if not isinstance(num_threads, int) or num_threads < 0:
        raise ValueError(f"expected a number of threads >= 0, found {num_threads!r}")
    if not _core.set_threads(num_threads):
        raise RuntimeError("Intra op parallelism cannot be modified after initialization.")
    _threads["intra"] = num_threads


def get_intra_op_parallelism_threads():
    """What was set; 0: as many as there are processors."""
    return _threads["intra"]


def set_inter_op_parallelism_threads(num_threads):
    """How many ops may run at once. Ops run in order here, one after the other: values do not
    depend on it."""
    if not isinstance(num_threads, int) or num_threads < 0:
        raise ValueError(f"expected a number of threads >= 0, found {num_threads!r}")
    _threads["inter"] = num_threads


def get_inter_op_parallelism_threads():
    """What was set."""
    return _threads["inter"]
