# SPDX-License-Identifier: Apache-2.0
"""tf.compat: ``v1`` alone, imported when it is asked for."""


def __getattr__(name):
    from importlib import import_module

    if name == "v1":
        return import_module(".v1", __name__)
    if name == "v2":
        import unflow

        return unflow
    raise AttributeError(f"unflow has no compat.{name}")


def __dir__():
    return ["v1", "v2"]
