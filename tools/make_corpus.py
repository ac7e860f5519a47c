#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seed models of the TFLite fuzzer into fuzz/corpus/tflite.

Each is small and uses one corner of the schema. They are committed, so this is
run only when the set changes; it needs flatbuffers and the schema module of
ai-edge-litert, both of which the oracle's environment has.

    tools/make_corpus.py [folder]
"""
import io
import struct
import sys
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s

FLOAT32, FLOAT16, INT32, UINT8, INT64, STRING, BOOL, INT8, RESOURCE, INT4 = 0, 1, 2, 3, 4, 5, 6, 9, 13, 17


class Model:
    """One model under construction; graph() begins another subgraph."""

    def __init__(self):
        self.model = s.ModelT()
        self.model.version = 3
        self.model.description = "seed"
        self.model.operatorCodes, self.model.subgraphs = [], []
        self.model.buffers = [s.BufferT()]
        self.model.metadata, self.model.signatureDefs = [], []
        self.tail = b""
        self.graph("main")

    def graph(self, name):
        self.now = s.SubGraphT()
        self.now.name = name
        self.now.tensors, self.now.operators = [], []
        self.now.inputs, self.now.outputs = [], []
        self.model.subgraphs.append(self.now)

    def buffer(self, data):
        buffer = s.BufferT()
        buffer.data = np.frombuffer(data, np.uint8)
        self.model.buffers.append(buffer)
        return len(self.model.buffers) - 1

    def tensor(self, name, kind, shape, data=None, **fields):
        t = s.TensorT()
        t.name, t.type, t.shape, t.hasRank = name, kind, list(shape), True
        t.buffer = self.buffer(data) if data is not None else 0
        for key, value in fields.items():
            setattr(t, key, value)
        self.now.tensors.append(t)
        return len(self.now.tensors) - 1

    def op(self, code, inputs, outputs, kind=0, options=None, custom=None, data=None, second=False):
        c = s.OperatorCodeT()
        c.builtinCode, c.deprecatedBuiltinCode, c.version = code, min(code, 127), 1
        c.customCode = custom
        self.model.operatorCodes.append(c)
        o = s.OperatorT()
        o.opcodeIndex = len(self.model.operatorCodes) - 1
        o.inputs, o.outputs = inputs, outputs
        if second:
            o.builtinOptions2Type, o.builtinOptions2 = kind, options
        else:
            o.builtinOptionsType, o.builtinOptions = kind, options
        if data is not None:
            o.customOptions = np.frombuffer(data, np.uint8)
        self.now.operators.append(o)
        return o

    def signature(self, key, inputs, outputs, graph=0):
        d = s.SignatureDefT()
        d.signatureKey, d.subgraphIndex = key, graph
        d.inputs, d.outputs = [], []
        for side, names in ((d.inputs, inputs), (d.outputs, outputs)):
            for name, index in names.items():
                m = s.TensorMapT()
                m.name, m.tensorIndex = name, index
                side.append(m)
        self.model.signatureDefs.append(d)

    def build(self):
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def quant(scales, zeros, axis=0):
    q = s.QuantizationParametersT()
    q.scale, q.zeroPoint, q.quantizedDimension = scales, zeros, axis
    q.min, q.max = None, None
    return q


def f32(*values):
    return np.array(values, np.float32).tobytes()


def add():
    m = Model()
    x = m.tensor("x", FLOAT32, [1, 4])
    w = m.tensor("w", FLOAT32, [4], f32(1, 2, 3, 4))
    y = m.tensor("y", FLOAT32, [1, 4], shapeSignature=[-1, 4])
    m.op(0, [x, w], [y], s.BuiltinOptions.AddOptions, s.AddOptionsT())
    m.now.inputs, m.now.outputs = [x], [y]
    m.signature("serve", {"in": x}, {"out": y})
    note = s.MetadataT()
    note.name, note.buffer = "min_runtime_version", m.buffer(b"1.5.0\0\0\0")
    m.model.metadata.append(note)
    return m.build()


def conv_per_channel():
    m = Model()
    x = m.tensor("x", INT8, [1, 4, 4, 2], quantization=quant([0.5], [-3]))
    w = m.tensor("w", INT8, [3, 1, 1, 2], bytes(range(6)), quantization=quant([0.1, 0.2, 0.3], [0, 0, 0]))
    b = m.tensor("b", INT32, [3], struct.pack("<3i", 1, -2, 3), quantization=quant([0.05, 0.1, 0.15], [0, 0, 0]))
    y = m.tensor("y", INT8, [1, 4, 4, 3], quantization=quant([0.25], [7]))
    options = s.Conv2DOptionsT()
    options.strideW = options.strideH = 1
    m.op(3, [x, w, b], [y], s.BuiltinOptions.Conv2DOptions, options)
    m.now.inputs, m.now.outputs = [x], [y]
    return m.build()


def packed_strings(*texts):
    offset, offsets = 4 * (len(texts) + 2), []
    for text in texts:
        offsets.append(offset)
        offset += len(text)
    return struct.pack(f"<{len(texts) + 2}i", len(texts), *offsets, offset) + b"".join(texts)


def strings():
    m = Model()
    words = m.tensor("words", STRING, [3], packed_strings(b"a", b"", b"\xff\x00hello"))
    at = m.tensor("at", INT32, [2])
    out = m.tensor("out", STRING, [2])
    m.op(36, [words, at], [out], s.BuiltinOptions.GatherOptions, s.GatherOptionsT())
    m.now.inputs, m.now.outputs = [at], [out]
    return m.build()


def dense_dim(size):
    d = s.DimensionMetadataT()
    d.format, d.denseSize = 0, size
    return d


def csr_dim(segments, indices, kinds=("Int32Vector", "Uint8Vector")):
    d = s.DimensionMetadataT()
    d.format = 1
    for side, kind, values in (("Segments", kinds[0], segments), ("Indices", kinds[1], indices)):
        vector = getattr(s, kind + "T")()
        vector.values = values
        setattr(d, f"array{side}Type", getattr(s.SparseIndexVector, kind))
        setattr(d, f"array{side}", vector)
    return d


def sparse(block):
    m = Model()
    p = s.SparsityParametersT()
    if block:  # (4, 4) in 2x2 blocks, of which (0, 1) and (1, 0) are stored
        p.traversalOrder, p.blockMap = [0, 1, 2, 3], [0, 1]
        p.dimMetadata = [dense_dim(2), csr_dim([0, 1, 2], [1, 0], ("Uint16Vector", "Uint16Vector")),
                         dense_dim(2), dense_dim(2)]
        values, shape = f32(*range(1, 9)), [4, 4]
    else:
        p.traversalOrder, p.blockMap = [1, 0], None
        p.dimMetadata = [dense_dim(3), csr_dim([0, 2, 2, 3], [0, 1, 1])]
        values, shape = f32(5, 6, 7), [2, 3]
    w = m.tensor("w", FLOAT32, shape, values, sparsity=p)
    d = m.tensor("dense", FLOAT32, shape)
    m.op(124, [w], [d], s.BuiltinOptions.DensifyOptions, s.DensifyOptionsT())
    m.now.outputs = [d]
    return m.build()


def variables():
    m = Model()
    handle = m.tensor("var", RESOURCE, [])
    value = m.tensor("value", FLOAT32, [2])
    once = s.CallOnceOptionsT()
    once.initSubgraphIndex = 1
    m.op(129, [], [], s.BuiltinOptions.CallOnceOptions, once)

    def var_handle(output):
        options = s.VarHandleOptionsT()
        options.container, options.sharedName = "", "v"
        m.op(142, [], [output], s.BuiltinOptions.VarHandleOptions, options)

    var_handle(handle)
    m.op(143, [handle], [value], s.BuiltinOptions.ReadVariableOptions, s.ReadVariableOptionsT())
    m.now.outputs = [value]
    m.signature("read", {}, {"value": value})
    m.graph("init")
    handle = m.tensor("var", RESOURCE, [])
    first = m.tensor("first", FLOAT32, [2], f32(1, 2))
    var_handle(handle)
    m.op(144, [handle, first], [], s.BuiltinOptions.AssignVariableOptions, s.AssignVariableOptionsT())
    return m.build()


def loop():
    m = Model()
    i = m.tensor("i", INT32, [])
    out = m.tensor("out", INT32, [])
    options = s.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    m.op(119, [i], [out], s.BuiltinOptions.WhileOptions, options)
    m.now.inputs, m.now.outputs = [i], [out]
    m.graph("cond")
    i = m.tensor("i", INT32, [])
    ten = m.tensor("ten", INT32, [], struct.pack("<i", 10))
    go = m.tensor("go", BOOL, [])
    m.op(58, [i, ten], [go], s.BuiltinOptions.LessOptions, s.LessOptionsT())
    m.now.inputs, m.now.outputs = [i], [go]
    m.graph("body")
    i = m.tensor("i", INT32, [])
    one = m.tensor("one", INT32, [], struct.pack("<i", 1))
    more = m.tensor("more", INT32, [])
    m.op(0, [i, one], [more], s.BuiltinOptions.AddOptions, s.AddOptionsT())
    m.now.inputs, m.now.outputs = [i], [more]
    return m.build()


def endless_calls():
    m = Model()
    for g in range(3):
        if g:
            m.graph(f"g{g}")
        c, x = m.tensor("c", BOOL, []), m.tensor("x", FLOAT32, [2])
        y = m.tensor("y", FLOAT32, [2])
        options = s.IfOptionsT()
        options.thenSubgraphIndex, options.elseSubgraphIndex = (g + 1) % 3, 2
        m.op(118, [c, x], [y], s.BuiltinOptions.IfOptions, options)
        m.now.inputs, m.now.outputs = [c, x], [y]
    return m.build()


def tables():
    m = Model()
    handle = m.tensor("table", RESOURCE, [1])
    options = s.HashtableOptionsT()
    options.tableId, options.keyDtype, options.valueDtype = 7, STRING, INT64
    m.op(136, [], [handle], s.BuiltinOptions.HashtableOptions, options)
    keys = m.tensor("keys", STRING, [2], packed_strings(b"one", b"two"))
    values = m.tensor("values", INT64, [2], struct.pack("<2q", 1, 2))
    m.op(138, [handle, keys, values], [])
    size = m.tensor("size", INT64, [1])
    m.op(139, [handle], [size])
    m.now.outputs = [size]
    return m.build()


def custom():
    m = Model()
    x, y, z = (m.tensor(n, FLOAT32, [2]) for n in "xyz")
    m.op(32, [x, -1], [y, z], custom="FancyOp", data=b"k\x00\x01\x01\x01\x07\x02\x24\x01")
    m.now.inputs, m.now.outputs = [x], [y, z]
    return m.build()


def state():
    m = Model()
    x = m.tensor("x", FLOAT32, [1, 2])
    kept = m.tensor("kept", FLOAT32, [1, 2], isVariable=True)
    w = m.tensor("w", FLOAT16, [2, 2], np.ones(4, np.float16).tobytes())
    inner = m.tensor("inner", INT8, [1, 2], quantization=quant([0.01], [5]))
    y = m.tensor("y", FLOAT32, [1, 2])
    o = m.op(27, [x, w, w, -1, kept], [y], s.BuiltinOptions.SVDFOptions, s.SVDFOptionsT())
    o.intermediates, o.mutatingVariableInputs = [inner], [False, False, False, False, True]
    m.now.inputs, m.now.outputs = [x], [y]
    return m.build()


def blockwise():
    m = Model()
    x = m.tensor("x", FLOAT32, [1, 8])
    q = s.QuantizationParametersT()
    q.detailsType = s.QuantizationDetails.BlockwiseQuantization
    q.details = s.BlockwiseQuantizationT()
    q.details.scales, q.details.zeroPoints, q.details.blockSize = 2, -1, 4
    w = m.tensor("w", INT4, [2, 8], bytes(range(8)), quantization=q)
    m.tensor("scales", FLOAT16, [2, 2], np.array([1, 2, 3, 4], np.float16).tobytes())
    y = m.tensor("y", FLOAT32, [1, 2])
    m.op(9, [x, w, -1], [y], s.BuiltinOptions.FullyConnectedOptions, s.FullyConnectedOptionsT())
    m.now.inputs, m.now.outputs = [x], [y]
    return m.build()


def composite():
    m = Model()
    x, y = m.tensor("x", FLOAT32, [2]), m.tensor("y", FLOAT32, [2])
    options = s.StableHLOCompositeOptionsT()
    options.name, options.decompositionSubgraphIndex, options.version = "odml.test", 1, 1
    options.compositeAttributes = np.frombuffer(b"\x00\x00\x01", np.uint8)
    m.op(206, [x], [y], s.BuiltinOptions2.StableHLOCompositeOptions, options, second=True)
    m.now.inputs, m.now.outputs = [x], [y]
    m.graph("decomposition")
    x, y = m.tensor("x", FLOAT32, [2]), m.tensor("y", FLOAT32, [2])
    m.op(101, [x], [y], s.BuiltinOptions.AbsOptions, s.AbsOptionsT())
    m.now.inputs, m.now.outputs = [x], [y]
    return m.build()


def bodies():
    """StableHLO's ops that call a graph for each element: x * x summed up, windows of it, scattered; sorted by size."""
    m = Model()
    two = s.BuiltinOptions2
    x, zero, at = m.tensor("x", FLOAT32, [4]), m.tensor("zero", FLOAT32, [], f32(0)), m.tensor("at", INT32, [2, 1], np.array([1, 9], np.int32).tobytes())
    total, seen, sorted_x, y, short = (m.tensor(n, FLOAT32, shape) for n, shape in
                                       (("total", []), ("seen", [5]), ("sorted", [4]), ("y", [4]), ("short", [2])))
    options = s.StablehloReduceOptionsT()
    options.dimensions, options.bodySubgraphIndex = [0], 1
    m.op(174, [x, zero], [total], two.StablehloReduceOptions, options, second=True)
    options = s.StablehloReduceWindowOptionsT()
    options.windowDimensions, options.padding, options.bodySubgraphIndex = [2], [1, 1], 1
    m.op(198, [x, zero], [seen], two.StablehloReduceWindowOptions, options, second=True)
    options = s.StablehloSortOptionsT()
    options.dimension, options.comparatorSubgraphIndex = 0, 2
    m.op(199, [x], [sorted_x], two.StablehloSortOptions, options, second=True)
    options = s.StablehloSliceOptionsT()
    options.startIndices, options.limitIndices, options.strides = [1], [4], [2]
    m.op(172, [x], [short], two.StablehloSliceOptions, options, second=True)
    options = s.StablehloScatterOptionsT()
    options.insertedWindowDims, options.scatterDimsToOperandDims, options.indexVectorDim = [0], [0], 1
    options.updateWindowDims, options.updateComputationSubgraphIndex = [], 1
    m.op(190, [sorted_x, at, short], [y], two.StablehloScatterOptions, options, second=True)
    m.now.inputs, m.now.outputs = [x], [total, seen, y]
    m.graph("squares")
    a, b, c, d = (m.tensor(n, FLOAT32, []) for n in "abcd")
    m.op(165, [b, b], [c])
    m.op(163, [a, c], [d])
    m.now.inputs, m.now.outputs = [a, b], [d]
    m.graph("smaller")
    a, b, c, d, less = (m.tensor(n, BOOL if n == "less" else FLOAT32, []) for n in ("a", "b", "c", "d", "less"))
    m.op(175, [a], [c])
    m.op(175, [b], [d])
    options = s.StablehloCompareOptionsT()
    options.comparisonDirection = 5
    m.op(191, [c, d], [less], two.StablehloCompareOptions, options, second=True)
    m.now.inputs, m.now.outputs = [a, b], [less]
    return m.build()


def behind():
    """Buffers and custom options behind the FlatBuffer, as models above 2 GB have."""
    m = Model()
    w = m.tensor("w", FLOAT32, [4])
    m.model.buffers.append(s.BufferT())
    m.now.tensors[w].buffer = 1
    y = m.tensor("y", FLOAT32, [4])
    o = m.op(32, [w], [y], custom="FancyOp")
    m.now.outputs = [y]
    buffer = m.model.buffers[1]
    buffer.offset = buffer.size = o.largeCustomOptionsOffset = o.largeCustomOptionsSize = 1 << 40
    size = (len(m.build()) + 63) // 64 * 64
    buffer.offset, buffer.size = size, 16
    o.largeCustomOptionsOffset, o.largeCustomOptionsSize = size + 16, 4
    return m.build().ljust(size, b"\0") + f32(1, 2, 3, 4) + b"opts"


def described():
    """TFLITE_METADATA with a name and a subgraph of one empty input, and two files packed behind the model."""
    b = flatbuffers.Builder(64)
    name = b.CreateString("seed")

    def table(fields):
        b.StartObject(10)
        for number, offset in fields.items():
            b.PrependUOffsetTRelativeSlot(number, offset, 0)
        return b.EndObject()

    def one(offset):
        b.StartVector(4, 1, 4)
        b.PrependUOffsetTRelative(offset)
        return b.EndVector()

    mean = b.CreateNumpyVector(np.array([1, 2], np.float32))
    options = table({0: mean})
    b.StartObject(2)
    b.PrependUint8Slot(0, 1, 0)
    b.PrependUOffsetTRelativeSlot(1, options, 0)
    units = one(b.EndObject())
    tensors = one(table({0: name, 4: units, 6: one(table({0: name}))}))
    graphs = one(table({2: tensors}))
    b.Finish(table({0: name, 3: graphs}), b"M001")
    m = Model()
    x = m.tensor("x", FLOAT32, [1])
    m.now.inputs = m.now.outputs = [x]
    entry = s.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", len(m.model.buffers)
    buffer = s.BufferT()
    buffer.data = np.frombuffer(bytes(b.Output()), np.uint8)
    m.model.buffers.append(buffer)
    m.model.metadata.append(entry)
    file = io.BytesIO(m.build())
    file.seek(0, 2)
    with zipfile.ZipFile(file, "a") as archive:
        for method, member in ((zipfile.ZIP_STORED, "labels.txt"), (zipfile.ZIP_DEFLATED, "vocab.txt")):
            about = zipfile.ZipInfo(member)
            about.compress_type = method
            archive.writestr(about, b"one\ntwo\n" * 4)
    return file.getvalue()


SEEDS = {
    "add": add, "conv_per_channel": conv_per_channel, "strings": strings,
    "sparse_csr": lambda: sparse(False), "sparse_block": lambda: sparse(True), "variables": variables,
    "loop": loop, "endless_calls": endless_calls, "tables": tables, "custom": custom, "state": state,
    "blockwise": blockwise, "composite": composite, "bodies": bodies, "behind": behind, "described": described,
}


def main():
    default = Path(__file__).resolve().parent.parent / "fuzz" / "corpus" / "tflite"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in SEEDS.items():
        data = make()
        (folder / f"{name}.tflite").write_bytes(data)
        print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
