# SPDX-License-Identifier: Apache-2.0
"""tf_signatures.py: writes src/ops/tf_signatures.def from the op registry of an installed TensorFlow.

    python tools/tf_signatures.py NAMES > src/ops/tf_signatures.def

NAMES is a file with op names, separated by white space. What an op takes and gives (arguments, attributes,
types, defaults) are facts of TensorFlow's registry; src/ops/tf_signature.h says how they are written here.
"""

import pathlib
import sys

HEADER = """\
/* SPDX-License-Identifier: Apache-2.0
 *
 * tf_signatures.def: what TensorFlow's ops take and give, by name, made by
 * tools/tf_signatures.py; tf_signature.h says how to read it.
 *
 * SIGNATURE(op, inputs, outputs, attributes, flags)
 */
"""


def quoted(data):
    """Text without blanks, quotes and backslashes: such bytes as %XX."""
    keep = b"_-./:<>()[]{}|*+^$!?@#&~;"
    return "".join(chr(c) if chr(c).isalnum() and c < 128 or c in keep else f"%{c:02X}" for c in data)


def main():
    from tensorflow.python.framework import dtypes, op_def_registry

    def dtype(number):
        return dtypes.as_dtype(number).base_dtype.name

    def argument(arg):
        base = "$" + arg.type_attr if arg.type_attr else dtype(arg.type) if arg.type else ""
        if arg.type_list_attr:
            base = "@" + arg.type_list_attr
        elif arg.number_attr:
            base = f"{arg.number_attr}*{base}"
        return f"{arg.name}:{base}{'&' if arg.is_ref else ''}"

    def shape(proto):
        return "?" if proto.unknown_rank else "[" + ",".join(str(d.size) for d in proto.dim) + "]"

    def value(kind, v):
        if kind.endswith("[]"):
            kind = kind[:-2]
            items = {"int": v.list.i, "float": v.list.f, "bool": v.list.b, "string": v.list.s,
                     "type": v.list.type, "shape": v.list.shape, "func": v.list.func}[kind]
            return "{" + ";".join(single(kind, i) for i in items) + "}"
        return single(kind, {"int": v.i, "float": v.f, "bool": v.b, "string": v.s, "type": v.type,
                             "shape": v.shape, "func": v.func, "tensor": v.tensor}[kind])

    def single(kind, v):
        if kind == "bool":
            return "true" if v else "false"
        if kind == "string":
            return quoted(v)
        if kind == "type":
            return dtype(v)
        if kind == "shape":
            return shape(v)
        if kind == "float":
            return repr(v) if v in (float("inf"), -float("inf")) else f"{v:.9g}"
        if kind == "func":
            return quoted(v.name.encode())
        if kind == "tensor":
            return ""  # none of the ops below has a tensor that says anything
        return str(v)

    def attribute(attr):
        kind = attr.type
        if kind.startswith("list("):
            kind = kind[5:-1] + "[]"
        text = f"{attr.name}:{kind}"
        return text + "=" + value(kind, attr.default_value) if attr.HasField("default_value") else text

    print(HEADER, end="")
    for name in sorted(pathlib.Path(sys.argv[1]).read_text().split()):
        op = op_def_registry.get(name)
        if op is None:
            raise SystemExit(f"this TensorFlow has no op {name}")
        parts = [" ".join(argument(a) for a in op.input_arg), " ".join(argument(a) for a in op.output_arg),
                 " ".join(attribute(a) for a in op.attr)]
        flags = "UFI_SIG_STATEFUL" if op.is_stateful else "0"
        print(f'SIGNATURE("{name}", ' + ",\n  ".join(f'"{p}"' for p in parts) + f", {flags})")


main()
