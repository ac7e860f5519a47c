# SPDX-License-Identifier: Apache-2.0
"""What a model carries besides itself: TFLITE_METADATA decoded, files packed behind it."""

import io
import json
import os
import subprocess
import zipfile

import flatbuffers
import numpy as np
import pytest
import tiny_models
from modelgen import ModelGen

import unflow


class Meta:
    """A FlatBuffer made table by table: meta.table({field number: value}). Values: str, bytes ('b'), ints by width,
    lists of str or tables, tables. Children are made first, as FlatBuffers wants."""

    def __init__(self):
        self.b = flatbuffers.Builder(256)

    def strings(self, values):
        return self.vector([self.b.CreateString(v) for v in values])

    def vector(self, offsets):
        self.b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.b.PrependUOffsetTRelative(offset)
        return self.b.EndVector()

    def floats(self, values):
        return self.b.CreateNumpyVector(np.array(values, np.float32))

    def table(self, fields, scalars=()):
        self.b.StartObject(max([*fields, *(number for number, _, _ in scalars)], default=-1) + 1)
        for number, offset in fields.items():
            self.b.PrependUOffsetTRelativeSlot(number, offset, 0)
        for number, kind, value in scalars:
            getattr(self.b, f"Prepend{kind}Slot")(number, value, 0)
        return self.b.EndObject()

    def text(self, value):
        return self.b.CreateString(value)

    def finish(self, root):
        self.b.Finish(root, b"M001")
        return bytes(self.b.Output())


def metadata():
    """One input with normalisation and a label file, one custom output, a union of each kind."""
    m = Meta()
    label = m.table({0: m.text("labels.txt"), 3: m.text("de")}, [(2, "Int8", 3)])
    size = m.table({}, [(0, "Uint32", 224), (1, "Uint32", 4000000000)])
    image = m.table({1: size}, [(0, "Int8", 1)])
    content = m.table({1: image}, [(0, "Uint8", 2)])
    normal = m.table({0: m.floats([127.5, 0.1]), 1: m.floats([1e-30, float("inf")])})
    unit = m.table({1: normal}, [(0, "Uint8", 1)])
    stranger = m.table({1: m.table({})}, [(0, "Uint8", 77)])  # a union member of a newer schema
    image_in = m.table({0: m.text('im "a" ge\n\x1b é'), 2: m.strings(["batch", "height"]), 3: content,
                        4: m.vector([unit, stranger]), 6: m.vector([label])})
    box = m.table({0: m.b.CreateNumpyVector(np.array([0, 3, 2, 1], np.uint32))}, [(1, "Int8", 1), (2, "Int8", 9)])
    out = m.table({3: m.table({1: box, 2: m.table({}, [(0, "Int32", -5)])}, [(0, "Uint8", 3)])})
    custom = m.table({0: m.text("mine"), 1: m.b.CreateByteVector(b"\x00\xff")})
    graph = m.table({2: m.vector([image_in]), 3: m.vector([out]), 9: m.vector([custom])})
    return m.finish(m.table({0: m.text("tiny"), 3: m.vector([graph]), 7: m.text("1.5.0")}))


EXPECTED = {
    "name": "tiny",
    "subgraph_metadata": [{
        "input_tensor_metadata": [{
            "name": 'im "a" ge\n\x1b é', "dimension_names": ["batch", "height"],
            "content": {"content_properties_type": "ImageProperties", "content_properties": {
                "color_space": "RGB", "default_size": {"width": 224, "height": 4000000000}}},
            "process_units": [{"options_type": "NormalizationOptions",
                               "options": {"mean": [127.5, 0.1], "std": [1e-30, None]}}, {}],
            "associated_files": [{"name": "labels.txt", "type": "TENSOR_VALUE_LABELS", "locale": "de"}]}],
        "output_tensor_metadata": [{"content": {
            "content_properties_type": "BoundingBoxProperties",
            "content_properties": {"index": [0, 3, 2, 1], "type": "BOUNDARIES", "coordinate_type": 9},
            "range": {"min": -5}}}],
        "custom_metadata": [{"name": "mine", "data": [0, 255]}]}],
    "min_parser_version": "1.5.0",
}


def model(meta=None):
    g = ModelGen()
    x = g.tensor("x", "float32", (2,))
    y = g.tensor("y", "float32", (2,))
    g.op("ADD", [x, x], [y], "AddOptions")
    g.inputs([x])
    g.outputs([y])
    if meta is not None:
        g.metadata("TFLITE_METADATA", meta)
    return g.build()


FILES = {"labels.txt": b"cat\ndog\n" * 100, "sub/é.bin": bytes(range(256)), "empty": b""}


def archive(into=b"", method=zipfile.ZIP_DEFLATED):
    """FILES as an archive; `into` bytes: appended to them with offsets that count them."""
    file = io.BytesIO(into)
    file.seek(0, os.SEEK_END)
    with zipfile.ZipFile(file, "a" if into else "w", method) as z:
        for name, data in FILES.items():
            z.writestr(name, data)
    return file.getvalue()


def test_decoded():
    assert unflow.open(model(metadata())).metadata.model == EXPECTED


def test_none():
    m = unflow.open(tiny_models.add())
    assert m.metadata.model == {} and dict(m.metadata) == {} and dict(m.files) == {}
    with pytest.raises(KeyError, match="expected one of the packed files"):
        m.files["labels.txt"]


def test_not_metadata():
    for bad in (b"", b"short", b"\0" * 64):
        with pytest.raises(unflow.errors.DataLossError, match="identifier M001"):
            unflow.open(model(bad)).metadata.model


def test_damage_is_an_error_or_other_words():
    """Each byte changed, each length cut: a dict or a DataLossError, never anything else."""
    good = metadata()
    outcomes = set()
    for at in range(len(good)):
        for value in (0, 0x7F, 0xFF):
            outcomes.add(_outcome(good[:at] + bytes([value]) + good[at + 1:]))
        outcomes.add(_outcome(good[:at]))
    assert outcomes == {"dict", "DataLossError"}


def _outcome(meta):
    try:
        return type(unflow.open(model(meta)).metadata.model).__name__
    except unflow.errors.DataLossError as error:
        return type(error).__name__


def test_shared_tables_do_not_explode():
    """A file whose vectors all name one table describes more than memory holds."""
    m = Meta()
    file = m.table({0: m.text("x" * 100)})
    unit = m.vector([file] * 2000)
    tensor = m.table({6: unit})
    graph = m.table({2: m.vector([tensor] * 2000)})
    root = m.table({3: m.vector([graph] * 2000)})
    with pytest.raises(unflow.errors.ResourceExhaustedError, match="TFLITE_METADATA"):
        unflow.open(model(m.finish(root))).metadata.model


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("how", ["appended", "concatenated"])
def test_files(tmp_path, method, how):
    data = model(metadata())
    data = archive(data, method) if how == "appended" else data + archive(method=method)
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    for source in (path, data, str(path)):
        m = unflow.open(source)
        assert dict(m.files) == FILES and list(m.files) == list(FILES)
        assert m.files.match("*.txt") == {"labels.txt": FILES["labels.txt"]}
        assert np.array_equal(m.run(np.float32([1, 2]))["y"], [2, 4])
    with pytest.raises(KeyError, match="'labels.txt', 'sub/é.bin', 'empty'"):
        m.files["other"]


def test_damaged_file_is_told():
    data = bytearray(archive(model(), zipfile.ZIP_STORED))
    at = bytes(data).index(FILES["labels.txt"])
    data[at] ^= 1
    m = unflow.open(bytes(data))
    assert m.files["sub/é.bin"] == FILES["sub/é.bin"]
    with pytest.raises(unflow.errors.DataLossError):
        m.files["labels.txt"]


def command(*arguments):
    program = os.environ.get("UNFLOW_BIN")
    if not program:
        import unflow._core

        program = str(__import__("pathlib").Path(unflow._core.__file__).parent / "bin" / "unflow")
    return subprocess.run([program, *map(str, arguments)], capture_output=True)


def test_command_line(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(archive(model(metadata())))
    text = command("info", path).stdout.decode()
    assert '"name": "tiny"' in text and "sub/é.bin: 256 bytes" in text and "\x1b" not in text
    about = json.loads(command("info", "--json", path).stdout)
    assert about["model_metadata"]["name"] == "tiny" and about["metadata"] == [
        {"name": "TFLITE_METADATA", "bytes": len(metadata())}]
    assert about["files"] == [{"name": name, "bytes": len(data)} for name, data in FILES.items()]
    assert command("show", path, "--file", "labels.txt").stdout == FILES["labels.txt"]
    missing = command("show", path, "--file", "nothing")
    assert missing.returncode == 1 and b"expected a packed file 'nothing'" in missing.stderr
    both = command("show", path, "--file", "labels.txt", "--json")
    assert both.returncode == 2 and b"--file" in both.stderr
    path.write_bytes(tiny_models.add())
    assert json.loads(command("info", "--json", path).stdout)["files"] == []
