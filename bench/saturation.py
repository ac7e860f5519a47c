# SPDX-License-Identifier: Apache-2.0
"""saturation.py: whether products of int8 come out right on this processor.

    saturation.py [PEER ...]   asks these of unflow, litert and openvino, else all

A convolution of one pixel: 64 inputs that are the largest, by 64 weights that are the largest. Processors without VNNI
multiply unsigned by signed bytes with an instruction that sums two products in 16 bits, where they do not fit: whoever
uses it without care finds half of the sum.
"""

import pathlib
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "oracle"))
import modelgen  # noqa: E402
import peers  # noqa: E402

CHANNELS, EXACT = 64, 100


def model():
    """Real numbers: inputs of 1, weights of 1, their sum CHANNELS; the output's scale makes that EXACT."""
    m = modelgen.ModelGen()
    x = m.tensor("x", "int8", (1, 1, 1, CHANNELS), scale=1 / 255, zero=-128)
    w = m.constant("w", "int8", np.full((1, 1, 1, CHANNELS), 127, np.int8), scale=1 / 127, zero=0)
    b = m.constant("b", "int32", np.zeros(1, np.int32), scale=1 / 255 / 127, zero=0)
    y = m.tensor("y", "int8", (1, 1, 1, 1), scale=CHANNELS / EXACT, zero=0)
    m.op("CONV_2D", [x, w, b], [y], "Conv2DOptions", {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1})
    m.inputs([x])
    m.outputs([y])
    return m.build()


def answer(name):
    """The peer's output, which should be EXACT."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "saturation.tflite"
        path.write_bytes(model())
        peer = peers.PEERS[name]
        peer.load()
        peer.open(str(path), 1)
        peer.set(0, np.full((1, 1, 1, CHANNELS), 127, np.int8))
        peer.run()
        return int(np.asarray(peer.get()).ravel()[0])


if __name__ == "__main__":
    answers = {name: answer(name) for name in sys.argv[1:] or ("unflow", "litert", "openvino")}
    print(f"exact {EXACT}" + "".join(f"  {name} {found}" for name, found in answers.items()))
