# SPDX-License-Identifier: Apache-2.0
"""modelgen.py: writes small .tflite files directly through the schema's object API.

A case says exactly which op, types, shapes and quantization it wants, so no converter stands between the case and the
file: what is asked for is what is tested. The schema classes are those that TensorFlow (or LiteRT) installs; they are
loaded by path, because importing the tensorflow package would cost seconds and half a gigabyte.

    g = ModelGen()
    x = g.tensor("x", "int8", (1, 8, 8, 3), scale=0.1, zero=-3)
    w = g.tensor("w", "int8", (4, 3, 3, 3), data=array, scale=[...4...], zero=[0] * 4, axis=0)
    y = g.tensor("y", "int8", (1, 8, 8, 4), scale=0.2, zero=1)
    g.op("CONV_2D", [x, w], [y], "Conv2DOptions", {"padding": 0, "strideW": 1, "strideH": 1})
    g.inputs([x]); g.outputs([y])
    data = g.build()

Constants are written 16-byte aligned, as converters do (`ModelGen(align=1)` does not, to test readers).
"""

import importlib.util
import os
import sys

import flatbuffers
import numpy as np


def _load_schema():
    """The generated schema module, without importing the package it lies in."""
    places = (("tensorflow", "lite/python"), ("ai_edge_litert", ""))
    for package, folder in places:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        path = os.path.join(spec.submodule_search_locations[0], folder, "schema_py_generated.py")
        if os.path.exists(path):
            name = "unflow_oracle_schema"
            if name not in sys.modules:
                module_spec = importlib.util.spec_from_file_location(name, path)
                module = importlib.util.module_from_spec(module_spec)
                sys.modules[name] = module
                module_spec.loader.exec_module(module)
            return sys.modules[name]
    raise ImportError("no schema_py_generated.py found: install tensorflow-cpu or ai-edge-litert")


schema = _load_schema()

# Name -> (TensorType, NumPy dtype of the data that tensor() is given).
DTYPES = {
    "float32": (0, np.float32), "float16": (1, np.float16), "int32": (2, np.int32), "uint8": (3, np.uint8),
    "int64": (4, np.int64), "string": (5, object), "bool": (6, np.bool_), "int16": (7, np.int16),
    "complex64": (8, np.complex64), "int8": (9, np.int8), "float64": (10, np.float64),
    "complex128": (11, np.complex128), "uint64": (12, np.uint64), "resource": (13, np.int32),
    "variant": (14, np.int32), "uint32": (15, np.uint32), "uint16": (16, np.uint16), "int4": (17, np.int8),
    "bfloat16": (18, np.uint16), "int2": (19, np.int8), "uint4": (20, np.uint8),
    "float8_e4m3fn": (21, np.uint8), "float8_e5m2": (22, np.uint8),  # codes; LiteRT's schema has them, TensorFlow's not
}


def type_code(dtype):
    """TensorType of a dtype name, for options such as CastOptions.outDataType."""
    return DTYPES[dtype][0]


def _packed(values, bits):
    """Sub-byte integers, low bits first, rows not padded."""
    per = 8 // bits
    flat = values.reshape(-1).astype(np.uint8) & ((1 << bits) - 1)
    flat = np.concatenate([flat, np.zeros(-len(flat) % per, np.uint8)]).reshape(-1, per)
    shifts = np.arange(per, dtype=np.uint8) * bits
    return np.bitwise_or.reduce(flat << shifts, axis=1).astype(np.uint8).tobytes()


def pack_strings(values):
    """A string tensor's buffer: count, count+1 offsets from its start, characters."""
    items = [v if isinstance(v, bytes) else str(v).encode() for v in np.asarray(values, object).reshape(-1)]
    offsets = 4 * (len(items) + 2) + np.concatenate([[0], np.cumsum([len(i) for i in items])])
    head = np.concatenate([[len(items)], offsets]).astype(np.int32)
    return head.tobytes() + b"".join(items)


def encode(dtype, data):
    """The bytes of a constant of that dtype. Raw bytes pass unchanged."""
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    if dtype == "string":
        return pack_strings(data)
    array = np.asarray(data)
    if dtype == "bfloat16" and array.dtype.kind == "f" and array.dtype.itemsize == 4:
        bits = array.view(np.uint32).astype(np.uint64)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16).tobytes()  # nearest, ties to even
    if dtype == "bfloat16" and array.dtype.itemsize == 2:
        return array.tobytes()
    array = array.astype(DTYPES[dtype][1])
    if dtype in ("int4", "uint4"):
        return _packed(array, 4)
    if dtype == "int2":
        return _packed(array, 2)
    return array.tobytes()


def flex(value):
    """value (a dict mostly) as a FlexBuffer, the form of most custom options."""
    from flatbuffers import flexbuffers
    return bytes(flexbuffers.Dumps(value))


class _Buffer(schema.BufferT):
    """A buffer whose bytes start at a multiple of `align` in the file."""

    def __init__(self, data=b"", align=16):
        super().__init__()
        self.bytes, self.align = data, align

    def Pack(self, builder):
        if not self.bytes:
            schema.BufferStart(builder)
            if self.offset:  # somewhere behind the FlatBuffer
                schema.BufferAddOffset(builder, self.offset)
                schema.BufferAddSize(builder, self.size)
            return schema.BufferEnd(builder)
        builder.StartVector(1, len(self.bytes), self.align)
        builder.head -= len(self.bytes)
        builder.Bytes[builder.head:builder.head + len(self.bytes)] = self.bytes
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def _sparsity(spec):
    """spec: {"order": [...], "block_map": [...], "dims": [("dense", size) | ("csr", segments, indices)]}.

    The lists of a csr dimension are int32 unless their NumPy dtype is uint8 or uint16.
    """
    out = schema.SparsityParametersT()
    out.traversalOrder, out.blockMap = list(spec["order"]), list(spec.get("block_map", []))
    out.dimMetadata = []
    for dim in spec["dims"]:
        meta = schema.DimensionMetadataT()
        if dim[0] == "dense":
            meta.format, meta.denseSize = 0, dim[1]
        else:
            meta.format = 1
            for field, values in (("Segments", dim[1]), ("Indices", dim[2])):
                narrow = getattr(values, "dtype", None) in (np.uint8, np.uint16)
                kind = values.dtype.name.capitalize() + "Vector" if narrow else "Int32Vector"
                vector = getattr(schema, kind + "T")()
                vector.values = np.asarray(values) if narrow else np.asarray(values, np.int32)
                setattr(meta, "array" + field, vector)
                setattr(meta, "array" + field + "Type", getattr(schema.SparseIndexVector, kind))
        out.dimMetadata.append(meta)
    return out


class ModelGen:
    """One model, built call by call. Tensors and ops go to the current graph."""

    def __init__(self, description="", align=16):
        self.align = align
        self.model = schema.ModelT()
        self.model.version, self.model.description = 3, description
        self.model.operatorCodes, self.model.subgraphs = [], []
        self.model.buffers = [_Buffer()]  # buffer 0 is the empty one, by convention
        self.model.signatureDefs, self.model.metadata = [], []
        self._codes = {}
        self.graph = None
        self.new_graph("main")

    def new_graph(self, name=None):
        """Starts another graph; returns its index."""
        graph = schema.SubGraphT()
        graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], []
        index = len(self.model.subgraphs)
        graph.name = name or f"graph_{index}"
        self.model.subgraphs.append(graph)
        self.graph = graph
        return index

    def use_graph(self, index):
        """Makes an earlier graph the current one again."""
        self.graph = self.model.subgraphs[index]

    def buffer(self, data):
        """Adds a buffer of these bytes; returns its index."""
        self.model.buffers.append(_Buffer(bytes(data), self.align))
        return len(self.model.buffers) - 1

    def tensor(self, name, dtype, shape, data=None, scale=None, zero=None, axis=0, variable=False,
               shape_signature=None, block=None, sparsity=None, buffer=None, has_rank=True):
        """Adds a tensor; returns its index in the current graph.

        data: array, bytes, list of strings; None: no constant. scale: a number or one per channel along axis; zero
        alike. block=(scales tensor, zero points tensor or -1, size): blockwise. shape None: unknown rank.
        """
        tensor = schema.TensorT()
        tensor.name, tensor.type = name, DTYPES[dtype][0]
        tensor.shape = None if shape is None else np.asarray(shape, np.int32)
        tensor.hasRank = has_rank and shape is not None
        tensor.isVariable = variable
        if shape_signature is not None:
            tensor.shapeSignature = np.asarray(shape_signature, np.int32)
        if buffer is not None:
            tensor.buffer = buffer
        elif data is not None:
            tensor.buffer = self.buffer(encode(dtype, data))
        if scale is not None or block is not None:
            tensor.quantization = self._quantization(scale, zero, axis, block)
        if sparsity is not None:
            tensor.sparsity = _sparsity(sparsity)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    @staticmethod
    def _quantization(scale, zero, axis, block):
        out = schema.QuantizationParametersT()
        out.quantizedDimension = axis
        if block is not None:
            details = schema.BlockwiseQuantizationT()
            details.scales, details.zeroPoints, details.blockSize = block
            out.detailsType, out.details = schema.QuantizationDetails.BlockwiseQuantization, details
            return out
        out.scale = np.atleast_1d(np.asarray(scale, np.float32))
        zeros = np.atleast_1d(np.asarray(0 if zero is None else zero, np.int64))
        out.zeroPoint = np.broadcast_to(zeros, out.scale.shape).copy()
        return out

    def constant(self, name, dtype, data, **kwargs):
        """tensor() with the shape of data."""
        return self.tensor(name, dtype, np.shape(data), data=data, **kwargs)

    def _code(self, name, custom, version):
        key = (name, custom, version)
        if key not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = getattr(schema.BuiltinOperator, name)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.customCode, code.version = custom, version
            self._codes[key] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(code)
        return self._codes[key]

    def op(self, name, inputs, outputs, options=None, values=None, version=1, intermediates=None, custom=None,
           custom_options=None):
        """Adds a node. options: name of the options table, values: its fields as the object API names them.

        Custom ops: op("CUSTOM", ..., custom="Name", custom_options=flex({...})).
        """
        node = schema.OperatorT()
        if custom is not None:
            name = "CUSTOM"
            if isinstance(custom, tuple):
                custom, custom_options = custom
        node.opcodeIndex = self._code(name, custom, version)
        node.inputs, node.outputs = np.asarray(inputs, np.int32), np.asarray(outputs, np.int32)
        if intermediates:
            node.intermediates = np.asarray(intermediates, np.int32)
        if custom_options is not None:
            node.customOptions = np.frombuffer(bytes(custom_options), np.uint8)
        if options is not None:
            table = getattr(schema, options + "T")()
            for key, value in (values or {}).items():
                if not hasattr(table, key):
                    raise AttributeError(f"{options} has no field {key}; it has {sorted(vars(table))}")
                setattr(table, key, value)
            second = hasattr(schema.BuiltinOptions2, options)
            union = schema.BuiltinOptions2 if second else schema.BuiltinOptions
            tag = "2" if second else ""
            setattr(node, f"builtinOptions{tag}Type", getattr(union, options))
            setattr(node, f"builtinOptions{tag}", table)
        self.graph.operators.append(node)
        return len(self.graph.operators) - 1

    def inputs(self, tensors):
        self.graph.inputs = np.asarray(tensors, np.int32)

    def outputs(self, tensors):
        self.graph.outputs = np.asarray(tensors, np.int32)

    def signature(self, key, inputs, outputs):
        """Names the current graph's inputs and outputs: {name: tensor}."""
        out = schema.SignatureDefT()
        out.signatureKey, out.subgraphIndex = key, self.model.subgraphs.index(self.graph)
        for field, tensors in (("inputs", inputs), ("outputs", outputs)):
            maps = []
            for name, index in tensors.items():
                entry = schema.TensorMapT()
                entry.name, entry.tensorIndex = name, index
                maps.append(entry)
            setattr(out, field, maps)
        self.model.signatureDefs.append(out)

    def metadata(self, name, data):
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, self.buffer(data)
        self.model.metadata.append(entry)

    def build(self):
        """The file's bytes."""
        builder = flatbuffers.Builder(4096)
        self._reserve(builder)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _reserve(self, builder):
        # The builder doubles its memory as it grows; with large constants one allocation is faster.
        total = sum(len(b.bytes) + 64 for b in self.model.buffers)
        grow = getattr(builder, "GrowByteBuffer", None) or builder.growByteBuffer
        while len(builder.Bytes) < total:
            grow()
            builder.head = len(builder.Bytes)


def edited(data, change):
    """A model's bytes after change(model), model being the schema's object (ModelT)."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    change(model)
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
