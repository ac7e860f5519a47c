# SPDX-License-Identifier: Apache-2.0
"""peers.py: one measurement of one peer on one model, in this process: what compare.py starts again and again.

    peers.py PEER MODEL.tflite THREADS SECONDS
    peers.py PEER MODEL.tflite sessions SECONDS      runs a second of one session of one thread, and of two at a time

Prints JSON: seconds of open (with allocation or compilation), of the first invoke, of the fastest of many within SECONDS,
of one get_tensor of the first output and one set_tensor of the first input; bytes of the process's largest resident set
right after import and after all invokes. Inputs are seeded random numbers.
"""

import json
import sys
import threading
import time

import numpy as np

clock = time.perf_counter


class Interpreter:
    """The face that unflow and LiteRT have in common."""

    def __init__(self, package):
        self.package = package

    def load(self):
        module = __import__(f"{self.package}.lite" if self.package == "unflow" else f"{self.package}.interpreter",
                            fromlist=["Interpreter"])
        self.make = module.Interpreter

    def open(self, path, threads):
        self.it = self.make(model_path=path, num_threads=threads)
        self.it.allocate_tensors()
        self.inputs = self.it.get_input_details()
        self.output = self.it.get_output_details()[0]["index"]
        self.run = self.it.invoke

    def shapes(self):
        return [(d["shape"], d["dtype"]) for d in self.inputs]

    def set(self, i, value):
        self.it.set_tensor(self.inputs[i]["index"], value)

    def get(self):
        return self.it.get_tensor(self.output)

    def sessions(self, path, n):
        """A callable each, which runs that session."""
        if self.package == "unflow":
            import unflow

            model = unflow.open(path, num_threads=1)
            feeds = {name: random_of(np.random.default_rng(1), t.shape, t.dtype) for name, t in model.inputs.items()}
            models = [model, *(model.fork() for _ in range(n - 1))]  # they share the packed weights
            return [lambda m=m: m.run(**feeds) for m in models]
        calls = []
        for _ in range(n):
            self.open(path, 1)
            for i, (shape, dtype) in enumerate(self.shapes()):
                self.set(i, random_of(np.random.default_rng(1), shape, dtype))
            calls.append(self.run)
        return calls


class OpenVino:
    """Compiled for `threads` processors and one stream, that is for the time of one call. float32 unless `precision` says
    otherwise: by default it computes float32 models in bfloat16 where the processor can."""

    def __init__(self, precision):
        self.precision = precision

    def load(self):
        import openvino

        self.ov = openvino

    def open(self, path, threads):
        options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        if self.precision:
            options["INFERENCE_PRECISION_HINT"] = self.precision
        core = self.ov.Core()
        core.set_property("CPU", options)
        self.compiled = core.compile_model(path, "CPU")
        self.request = self.compiled.create_infer_request()
        self.run = self.request.infer

    def shapes(self):
        return [(tuple(port.shape), port.element_type.to_dtype()) for port in self.compiled.inputs]

    def set(self, i, value):
        self.request.get_input_tensor(i).data[...] = value

    def get(self):
        return self.request.get_output_tensor(0).data.copy()

    def sessions(self, path, n):
        core = self.ov.Core()
        core.set_property("CPU", {"INFERENCE_NUM_THREADS": n, "NUM_STREAMS": n, "INFERENCE_PRECISION_HINT": self.precision})
        self.compiled = core.compile_model(path, "CPU")
        calls = []
        for _ in range(n):
            self.request = self.compiled.create_infer_request()
            for i, (shape, dtype) in enumerate(self.shapes()):
                self.set(i, random_of(np.random.default_rng(1), shape, dtype))
            calls.append(self.request.infer)
        return calls


PEERS = {"unflow": Interpreter("unflow"), "litert": Interpreter("ai_edge_litert"), "openvino": OpenVino("f32"),
         "openvino_bf16": OpenVino(None)}


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def random_of(rng, shape, dtype):
    if np.issubdtype(dtype, np.integer):
        return rng.integers(-100, 100, shape).astype(dtype)
    return rng.uniform(-1, 1, shape).astype(dtype)


def fastest(call, seconds, least=3, together=1):
    """Seconds of one call: the least over repetitions of `together` calls."""
    times, start = [], clock()
    while len(times) < least or clock() - start < seconds:
        begin = clock()
        for _ in range(together):
            call()
        times.append((clock() - begin) / together)
    return min(times)


def measure(peer, path, threads, seconds):
    peer.load()
    out = {"import_bytes": peak_bytes()}
    start = clock()
    peer.open(path, threads)
    out["open"] = clock() - start
    rng = np.random.default_rng(1)
    values = [random_of(rng, shape, dtype) for shape, dtype in peer.shapes()]
    for i, value in enumerate(values):
        peer.set(i, value)
    start = clock()
    peer.run()
    out["first"] = clock() - start
    out["invoke"] = fastest(peer.run, seconds)
    out["peak_bytes"] = peak_bytes()
    out["get"] = fastest(peer.get, 0.02, together=100)
    out["set"] = fastest(lambda: peer.set(0, values[0]), 0.02, together=20)
    return out


def rate(calls, seconds):
    """Runs a second of all of them, each in a thread of its own."""
    counts = [0] * len(calls)
    end = clock() + seconds

    def work(i):
        while clock() < end:
            calls[i]()
            counts[i] += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(calls))]
    start = clock()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sum(counts) / (clock() - start)


def measure_sessions(peer, path, seconds):
    peer.load()
    out = {}
    for n in (1, 2):
        calls = peer.sessions(path, n)
        for call in calls:
            call()
        out[f"rate_{n}"] = rate(calls, seconds)
    out["peak_bytes"] = peak_bytes()
    return out


if __name__ == "__main__":
    name, path, threads, seconds = sys.argv[1:]
    if threads == "sessions":
        result = measure_sessions(PEERS[name], path, float(seconds))
    else:
        result = measure(PEERS[name], path, int(threads), float(seconds))
    print(json.dumps(result))
