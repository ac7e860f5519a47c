# SPDX-License-Identifier: Apache-2.0
"""tf.compat.v1: graphs and sessions, and all that unflow has at the top."""

import unflow as _top
from unflow._eager import (
    assign,
    disable_eager_execution,
    enable_eager_execution,
    executing_eagerly,
    global_variables,
    global_variables_initializer,
    variables_initializer,
)
from unflow._graph import (
    GraphKeys,
    Session,
    get_default_graph,
    get_default_session,
    reset_default_graph,
)

initialize_all_variables = global_variables_initializer
disable_v2_behavior = disable_eager_execution
enable_v2_behavior = enable_eager_execution


def enable_resource_variables():
    """All variables are resource variables already."""


def resource_variables_enabled():
    return True


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        return getattr(_top, name)
    except AttributeError:
        raise AttributeError(
            f"unflow has no compat.v1.{name}: it is not among the parts of TensorFlow that "
            f"unflow offers"
        ) from None
