# SPDX-License-Identifier: Apache-2.0
"""Sources behind URLs: a memory filesystem, file://, and an HTTP server that says what was read."""

import http.server
import pickle
import re
import socket
import sys
import threading

import numpy as np
import pytest

import unflow
from unflow import errors, train

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")

BIG = np.arange(300_000, dtype=np.float32).reshape(500, 600)
ARRAYS = {
    "big": BIG, "small": np.arange(5, dtype=np.int16), "words": [b"a", b"", b"c\0d"],
    "scalar": np.float64(2.5), **{f"many/{i:03}": np.full(7, i, np.int32) for i in range(50)},
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, with_body):
        server = self.server
        path, _, query = self.path.partition("?")
        file = server.root / path.lstrip("/")
        status, body = 200, b""
        if server.token and query != f"token={server.token}":
            status = 403
        elif not file.is_file():
            status = 404
        else:
            body = file.read_bytes()
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
            if wanted and server.ranges:
                status = 206
                start, end = int(wanted[1]), int(wanted[2])
                size, body = len(body), body[start:end + 1]
        with server.lock:
            server.seen.append((self.command, path.lstrip("/"), status, len(body)))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{size}")
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("served")
    train.write_checkpoint(path / "model.ckpt-3", ARRAYS, shards=2, update_state=True)
    np.savez(path / "arrays.npz", big=BIG, small=ARRAYS["small"])
    return path


@pytest.fixture
def server(folder):
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    http_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http_server.root, http_server.seen, http_server.lock = folder, [], threading.Lock()
    http_server.ranges, http_server.token = True, None
    http_server.url = f"http://127.0.0.1:{http_server.server_address[1]}"
    thread = threading.Thread(target=http_server.serve_forever, daemon=True)
    thread.start()
    yield http_server
    http_server.shutdown()
    http_server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def memory(folder):
    fs = fsspec.filesystem("memory")
    for file in folder.iterdir():
        fs.pipe_file(f"/served/{file.name}", file.read_bytes())
    yield "memory://served"
    fs.rm("/served", recursive=True)


def check(source):
    assert set(source) == set(ARRAYS)
    for key, array in ARRAYS.items():
        expected = np.array(array, dtype=object) if isinstance(array, list) else array
        assert np.array_equal(source[key].numpy(), expected), key
    assert source.verify() == {}


# ---- memory, file ----------------------------------------------------------------------


@pytest.mark.parametrize("what", ["/model.ckpt-3", "/model.ckpt-3.index", "", "/", "/checkpoint",
                                  "/model.ckpt-3.data-00001-of-00002"])
def test_memory_takes_every_form_of_path(memory, what):
    with unflow.open(memory + what) as ck:
        check(ck)
        assert ck.path == memory + what


def test_file_urls(folder):
    check(unflow.open(f"file://{folder}/model.ckpt-3"))


def test_a_filesystem_that_is_given(memory):
    fs = fsspec.filesystem("memory")
    ck = unflow.open("/served/model.ckpt-3", fs=fs)
    check(ck)
    again = pickle.loads(pickle.dumps(ck["big"]))
    assert np.array_equal(again[3:5], BIG[3:5])


def test_parts_read_their_bytes_only(memory, monkeypatch):
    fs = fsspec.filesystem("memory")
    ck = unflow.open(memory + "/model.ckpt-3", fs=fs)
    ck["big"]._entry
    asked, cat_file = [], type(fs).cat_file

    def spy(self, path, start=None, end=None, **more):
        asked.append((path, end - start))
        return cat_file(self, path, start=start, end=end, **more)

    monkeypatch.setattr(type(fs), "cat_file", spy)
    assert np.array_equal(ck["big"][100:110], BIG[100:110])
    assert [n for path, n in asked if ".data-" in path] == [10 * 600 * 4]


def test_what_is_not_there(memory):
    with pytest.raises(errors.NotFoundError, match="model.ckpt-4"):
        unflow.open(memory + "/model.ckpt-4")
    with pytest.raises(FileNotFoundError):
        unflow.open("memory://nowhere/at/all")
    with pytest.raises(errors.InvalidArgumentError, match="no-such-protocol"):
        unflow.open("no-such-protocol://x/y")
    with pytest.raises(errors.InvalidArgumentError, match="found both"):
        unflow.open(memory + "/model.ckpt-3", fs=fsspec.filesystem("memory"), storage_options={"a": 1})


def test_a_shard_that_is_missing_leaves_the_others(memory):
    fs = fsspec.filesystem("memory")
    for file in fs.ls("/served", detail=False):
        if not file.endswith("00001-of-00002"):
            fs.pipe_file(file.replace("/served/", "/torn/"), fs.cat_file(file))
    ck = unflow.open("memory://torn/model.ckpt-3")
    damaged = ck.verify()
    assert damaged and len(damaged) < len(ck) and "00001-of-00002" in next(iter(damaged.values()))


def test_graphs_and_archives(memory):
    with unflow.open(memory + "/arrays.npz") as z:
        assert np.array_equal(z["big"], BIG) and np.array_equal(z["small"], ARRAYS["small"])


def test_without_fsspec(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ImportError, match=r"pip install 'unflow\[fsspec\]'"):
        unflow.open("memory://served/model.ckpt-3")


# ---- HTTP ---------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["model.ckpt-3", "model.ckpt-3.index", "checkpoint", "",
                                  "model.ckpt-3.data-00000-of-00002"])
def test_http_takes_every_form_of_path(server, what):
    with unflow.open(f"{server.url}/{what}") as ck:
        check(ck)


def test_http_reads_ranges(server, folder):
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    ck = unflow.open(f"{server.url}/model.ckpt-3")
    ck["big"]._entry
    opened = len(server.seen)
    assert opened <= 8, server.seen
    assert np.array_equal(ck["big"][100:110], BIG[100:110])
    added = server.seen[opened:]
    assert len(added) <= 2 and sum(n for command, _, _, n in added if command == "GET") == 24000
    assert np.array_equal(ck["many/007"], ARRAYS["many/007"])
    assert len(server.seen) - opened - len(added) <= 3
    for command, name, status, n in server.seen:
        if command == "GET" and ".data-" in name:
            assert status == 206 and n < sizes[name], (name, n)


def test_http_archive_is_not_sent_whole(server, folder):
    z = unflow.open(f"{server.url}/arrays.npz")
    assert np.array_equal(z["small"], ARRAYS["small"])
    sent = sum(n for command, _, _, n in server.seen if command == "GET")
    assert sent < (folder / "arrays.npz").stat().st_size


def test_http_handles_pickle_without_data(server):
    ck = unflow.open(f"{server.url}/model.ckpt-3")
    data = pickle.dumps(ck["big"].lazy[10:20])
    assert len(data) < 1000
    assert np.array_equal(pickle.loads(data), BIG[10:20])


def test_http_query_stays_behind_every_file(server):
    server.token = "secret"
    check(unflow.open(f"{server.url}/model.ckpt-3?token=secret"))
    with pytest.raises(errors.PermissionDeniedError):
        unflow.open(f"{server.url}/model.ckpt-3")


def test_http_errors(server):
    with pytest.raises(FileNotFoundError, match="model.ckpt-9"):
        unflow.open(f"{server.url}/model.ckpt-9")
    with socket.socket() as nobody:  # a port where nobody listens
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    with pytest.raises(errors.UnavailableError, match="expected to read it"):
        unflow.open(f"http://127.0.0.1:{port}/gone.ckpt")


def test_a_state_file_cannot_name_another_server(server, tmp_path):
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "http://127.0.0.1:9/secret"')
    server.root = tmp_path
    with pytest.raises(errors.PermissionDeniedError, match="found 'http://127.0.0.1:9/secret"):
        unflow.open(f"{server.url}/checkpoint")
    assert {name for _, name, _, _ in server.seen} == {"checkpoint"}


def test_a_server_without_ranges_is_told(server):
    server.ranges = False
    with pytest.raises(RuntimeError, match="does not serve ranges"):
        unflow.open(f"{server.url}/model.ckpt-3")["big"][100:110]


