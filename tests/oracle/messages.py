# SPDX-License-Identifier: Apache-2.0
"""messages.py: the messages in src/ops that a .tflite file can bring about, and which of them a refusal has shown.

A message is the format literal of a call of ufi_ctx_fail or ufi_fail. Those count that stand in a file with an op that
TFLite names, or in a file without any op of its own that such a file uses; not those in functions that only TensorFlow
nodes reach (their names say so: attrs_tf and what ends in _tf or begins with tf_).

    messages.py              lists all of them by file
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPS = ROOT / "src" / "ops"

ROW = re.compile(r'^OP\((\w+),\s*(-?\d+),\s*"([^"]*)"', re.M)
CALL = re.compile(r'\bufi(?:_ctx)?_fail\(\s*\w+(?:->\w+)?,\s*[^,"]+,\s*((?:"(?:[^"\\]|\\.)*"\s*|PRI\w+\s*)+)')
FUNCTION = re.compile(r"^[A-Za-z_][\w \*]*?\b(\w+)\([^;{}]*\)\s*\{", re.M)
CONVERSION = re.compile(r"%[-+ #0]*[\d*]*(?:\.[\d*]+)?(?:hh|ll|[hlzjt])?[diouxXcsfgeGp%]")

INSIDE = re.compile(r"^(?:graph '[^']*': |op #\d+ \S+(?: '[^']*')?: )+")

# What only TensorFlow nodes use, though no row of ops.def stands in it; and messages that no file can bring about.
# (user_op.c: of ops of one's own, tests/unit/test_custom_op.c.)
TENSORFLOW_ONLY = {"tf_signature.c", "op_attr.c", "user_op.c", "chars.c", "image_file.c", "image_jpeg.c", "image_png.c",
                   "optimizer.c", "sparse_grad.c", "string_number.c", "variant.c", "variant_math.c"}
EXEMPT = {  # literal: why no refusal can show it
    "expected as many values as keys for %s, found %lld keys and %lld values":
        "nodes are checked before; the caller of uf_session_state_write may bring it about",
    "expected a %s value for %s, found %s":
        "TFLite's variables take any dtype; the caller of uf_session_state_write may bring it about",
    "expected a value of shape %s for %s, found %s":
        "TFLite's variables take any shape; nodes of TensorFlow and the caller of uf_session_state_write may bring it about",
    "expected an output '%s' of at most %zu bytes, found shape %s": "the number of bytes is that of the machine's memory",
    "expected less than 2^30 values, found %lld": "it takes a tensor of 2^30 elements",
    "expected smaller inputs and weights, found more than memory can hold":
        "packed weights overflow from 2^56 elements on: more than an array of a refusal, or an output of a node, can have",
}


def rows():
    """{row name: a .tflite file can name it}."""
    text = (OPS / "ops.def").read_text()
    return {m[1]: int(m[2]) >= 0 or bool(m[3]) for m in ROW.finditer(text)}


def of_tflite(path, text, table):
    """Whether messages of this file count."""
    if path.name.startswith("tf_") or path.name in TENSORFLOW_ONLY:
        return False
    named = [name for name in table if re.search(rf"\bufi_op_{name}\b|\b{name}\b", text)]
    return any(table[name] for name in named) or not named


def literals(text):
    """[(function, literal)] of one C source."""
    starts = [(m.start(), m[1]) for m in FUNCTION.finditer(text)]
    out = []
    for call in CALL.finditer(text):
        inside = [name for at, name in starts if at < call.start()]
        parts = re.findall(r'"((?:[^"\\]|\\.)*)"|(PRI\w+)', call[1])
        words = "".join(text if text else "d" for text, _ in parts)
        out.append((inside[-1] if inside else "", words.replace('\\"', '"').replace("\\\\", "\\")))
    return out


def all_messages():
    """[(file: function, literal)] of every message that counts."""
    table, out = rows(), []
    for path in sorted(OPS.glob("*.c")):
        text = path.read_text()
        if not of_tflite(path, text, table):
            continue
        for function, literal in literals(text):
            if not re.search(r"(^|_)tf(_|$)", function) and literal not in EXEMPT:
                out.append((f"{path.name}: {function}", literal))
    return out


def pattern(literal):
    """A regular expression for the texts that a format makes."""
    out, at = [], 0
    for conversion in CONVERSION.finditer(literal):
        out += [re.escape(literal[at:conversion.start()]), "%" if conversion[0] == "%%" else ".*?"]
        at = conversion.end()
    return re.compile("".join(out) + re.escape(literal[at:]), re.S)


def unseen(texts):
    """The messages that none of the texts is, behind the graphs and nodes that stand in front of it."""
    texts = [INSIDE.sub("", text) for text in texts]
    return [(place, literal) for place, literal in all_messages()
            if not any(pattern(literal).fullmatch(text) for text in texts)]


if __name__ == "__main__":
    for place, literal in all_messages():
        print(f"{place}: {literal}")
    sys.exit(0)
