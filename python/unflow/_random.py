# SPDX-License-Identifier: Apache-2.0
"""tf.random: TensorFlow's generators and its rules of seeds, so that seeded results are the same."""

from __future__ import annotations

import enum
import random as _python_random

import numpy as np

from . import _core, _mode, _ops
from ._convert import cast
from ._dtypes import as_dtype
from ._functions import tensor

_MAX = 2**31 - 1
_DEFAULT_GRAPH_SEED = 87654321
_apply = _ops.apply
_seed = None
_rng = None


def set_seed(seed):
    """The global seed: what follows is the same in each run."""
    global _seed, _rng
    _seed = seed
    _rng = _python_random.Random(seed)
    _core.forget_ops()


def get_seed(op_seed):
    """(seed, seed2) of a random op."""
    graph = _mode.graph_for()
    if graph is not None:
        return graph._random_seeds(op_seed)
    first, own = _seed, lambda: _rng.randint(0, _MAX)
    if first is not None:
        seeds = first, own() if op_seed is None else op_seed
    elif op_seed is not None:
        seeds = _DEFAULT_GRAPH_SEED, op_seed
    else:
        return 0, 0
    seeds = tuple(int(s) % _MAX for s in seeds)
    return (0, _MAX) if seeds == (0, 0) else seeds


def _seeds(seed):
    first, second = get_seed(seed)
    return {"seed": first, "seed2": second}


def _dims(shape):
    if isinstance(shape, _core.Operand):
        return shape
    dims = [shape] if isinstance(shape, (int, np.integer)) else list(shape)
    return tensor(dims) if any(isinstance(d, _core.Operand) for d in dims) else tensor(
        np.array([int(d) for d in dims], np.int32))


def _is(value, number):
    return isinstance(value, (int, float)) and value == number


def _between(rnd, minval, maxval, dtype):
    if _is(minval, 0):
        return rnd if _is(maxval, 1) else rnd * tensor(maxval, dtype)
    low = tensor(minval, dtype)
    return rnd * (tensor(maxval, dtype) - low) + low


def uniform(shape, minval=0, maxval=None, dtype="float32", seed=None, name=None):
    """Numbers from minval up to, but not, maxval."""
    dtype = as_dtype(dtype)
    if dtype.is_integer:
        if maxval is None:
            raise ValueError(f"Must specify maxval for integer dtype {dtype!r}")
        return _apply("RandomUniformInt", [_dims(shape), tensor(minval, dtype), tensor(maxval, dtype)],
                      _seeds(seed), name)
    rnd = _apply("RandomUniform", [_dims(shape)], {"dtype": dtype, **_seeds(seed)}, name)
    return _between(rnd, minval, 1 if maxval is None else maxval, dtype)


def _gaussian(op):
    def function(shape, mean=0.0, stddev=1.0, dtype="float32", seed=None, name=None):
        dtype = as_dtype(dtype)
        rnd = _apply(op, [_dims(shape)], {"dtype": dtype, **_seeds(seed)}, name)
        return rnd * tensor(stddev, dtype) + tensor(mean, dtype)

    return function


normal, truncated_normal = _gaussian("RandomStandardNormal"), _gaussian("TruncatedNormal")


def gamma(shape, alpha, beta=None, dtype="float32", seed=None, name=None):
    dtype = as_dtype(dtype)
    alpha, beta = tensor(alpha, dtype), tensor(1 if beta is None else beta, dtype)
    rnd = _apply("RandomGamma", [_dims(shape), alpha + _apply("ZerosLike", [beta])], _seeds(seed), name)
    return _apply("Maximum", [tensor(float(np.finfo(dtype.as_numpy_dtype).tiny), dtype), rnd / beta])


def poisson(shape, lam, dtype="float32", seed=None, name=None):
    return _apply("RandomPoissonV2", [_dims(shape), lam], {"dtype": as_dtype(dtype), **_seeds(seed)}, name)


def categorical(logits, num_samples, dtype=None, seed=None, name=None):
    return _apply("Multinomial", [logits, num_samples],
                  {"output_dtype": as_dtype(dtype or "int64"), **_seeds(seed)}, name)


def shuffle(value, seed=None, name=None):
    return _apply("RandomShuffle", [value], _seeds(seed), name)


# ---- without state ----


class Algorithm(enum.Enum):
    PHILOX, THREEFRY, AUTO_SELECT = 1, 2, 3


def _algorithm(alg):
    if isinstance(alg, Algorithm):
        return alg.value
    if isinstance(alg, str):
        names = {"philox": 1, "threefry": 2, "auto_select": 3}
        if alg.lower() not in names:
            raise ValueError(f"Argument `alg` got unsupported string value {alg}. Supported string values are: "
                             f"{', '.join(names)}")
        return names[alg.lower()]
    return int(alg)


def _stateless(seed, alg):
    """[key, counter, algorithm] of a seed."""
    key, counter = _apply("StatelessRandomGetKeyCounter", [tensor(seed)])
    found = _algorithm(alg)
    return [key, counter, 1 if found == 3 else found]


def stateless_uniform(shape, seed, minval=0, maxval=None, dtype="float32", name=None, alg="auto_select"):
    dtype = as_dtype(dtype)
    state = _stateless(seed, alg)
    if dtype.is_integer:
        if (minval is None) != (maxval is None):
            raise ValueError(f"For integer `dtype` argument {dtype}, argument `minval` and `maxval` must be both "
                             f"None or not None. Got `minval` = {minval} and `maxval` = {maxval}.")
        if minval is None:
            return _apply("StatelessRandomUniformFullIntV2", [_dims(shape), *state], {"dtype": dtype}, name)
        return _apply("StatelessRandomUniformIntV2",
                      [_dims(shape), *state, tensor(minval, dtype), tensor(maxval, dtype)], None, name)
    rnd = _apply("StatelessRandomUniformV2", [_dims(shape), *state], {"dtype": dtype}, name)
    low, high = tensor(minval, dtype), tensor(1 if maxval is None else maxval, dtype)
    return rnd * (high - low) + low


def _stateless_gaussian(op):
    def function(shape, seed, mean=0.0, stddev=1.0, dtype="float32", name=None, alg="auto_select"):
        dtype = as_dtype(dtype)
        rnd = _apply(op, [_dims(shape), *_stateless(seed, alg)], {"dtype": dtype}, name)
        return rnd * tensor(stddev, dtype) + tensor(mean, dtype)

    return function


stateless_normal = _stateless_gaussian("StatelessRandomNormalV2")
stateless_truncated_normal = _stateless_gaussian("StatelessTruncatedNormalV2")


def stateless_categorical(logits, num_samples, seed, dtype="int64", name=None):
    return _apply("StatelessMultinomial", [logits, num_samples, seed], {"output_dtype": as_dtype(dtype)}, name)


def stateless_poisson(shape, seed, lam, dtype="int32", name=None):
    return _apply("StatelessRandomPoisson", [_dims(shape), seed, lam], {"dtype": as_dtype(dtype)}, name)


def stateless_binomial(shape, seed, counts, probs, output_dtype="int32", name=None):
    return _apply("StatelessRandomBinomial", [_dims(shape), seed, counts, probs],
                  {"dtype": as_dtype(output_dtype)}, name)


def stateless_gamma(shape, seed, alpha, beta=None, dtype="float32", name=None):
    dtype = as_dtype(dtype)
    alpha, beta = tensor(alpha, dtype), tensor(1 if beta is None else beta, dtype)
    full = _apply("BroadcastTo", [alpha + _apply("ZerosLike", [beta]), _dims(shape)])
    rnd = _apply("StatelessRandomGammaV2", [_dims(shape), seed, full])
    return _apply("Maximum", [tensor(float(np.finfo(dtype.as_numpy_dtype).tiny), dtype), rnd / beta])


def split(seed, num=2, alg="auto_select"):
    """num new seeds of one."""
    seed = tensor(seed)
    return stateless_uniform([num, 2], seed, None, None, seed.dtype, alg=alg)


def fold_in(seed, data, alg="auto_select"):
    """A new seed of a seed and a number."""
    data = tensor(data)
    first = stateless_uniform([1], seed, None, None, data.dtype, alg=alg)
    from ._functions import concat

    return concat([first, _apply("Reshape", [data, [1]])], 0)


stateless_split, stateless_fold_in = split, fold_in

# ---- with state of one's own ----


def create_rng_state(seed, alg):
    """The state of a Generator, int64."""
    size = 3 if _algorithm(alg) == 1 else 2
    if isinstance(seed, (int, np.integer)):
        seed = int(seed)
        parts = [(seed >> 64 * i) & (2**64 - 1) for i in range(size)]
        return tensor(np.array(parts, np.uint64).view(np.int64))
    parts = np.asarray(tensor(seed).numpy()).astype(np.int64).reshape(-1)[:size]
    return tensor(np.concatenate([np.zeros(size - len(parts), np.int64), parts]))


class Generator:
    """Random numbers from a state that one can see, set and save."""

    def __init__(self, copy_from=None, state=None, alg=None):
        from ._variable import Variable

        if copy_from is not None:
            state, alg = copy_from.state.value(), copy_from.algorithm
        self._alg = 1 if alg is None or _algorithm(alg) == 3 else _algorithm(alg)
        self._state_var = Variable(tensor(state, "int64"), name="StateVar", dtype="int64", trainable=False)

    @classmethod
    def from_seed(cls, seed, alg=None):
        found = 1 if alg is None or _algorithm(alg) == 3 else _algorithm(alg)
        return cls(state=create_rng_state(seed, found), alg=found)

    @classmethod
    def from_state(cls, state, alg):
        return cls(state=tensor(state, "int64"), alg=alg)

    @classmethod
    def from_key_counter(cls, key, counter, alg):
        counter = np.asarray(tensor(counter).numpy()).astype(np.int64)
        key = np.asarray(tensor(key).numpy()).astype(np.int64).reshape(-1)
        return cls(state=tensor(np.concatenate([counter, key])), alg=alg)

    @classmethod
    def from_non_deterministic_state(cls, alg=None):
        import os

        return cls.from_state(np.frombuffer(os.urandom(24), np.int64).copy(), alg or 1)

    state = property(lambda self: self._state_var)
    algorithm = property(lambda self: self._alg)
    key = property(lambda self: self._state_var.value()[2] if self._alg == 1 else self._state_var.value()[1])

    def reset(self, state):
        self._state_var.assign(tensor(state, "int64"))

    def reset_from_seed(self, seed):
        self._state_var.assign(create_rng_state(seed, self._alg))

    def reset_from_key_counter(self, key, counter):
        other = Generator.from_key_counter(key, counter, self._alg)
        self._state_var.assign(other.state.value())

    def skip(self, delta):
        """Goes on by delta samples; the state before."""
        return _apply("RngReadAndSkip", [self._state_var.handle, tensor(self._alg, "int32"),
                                         cast(tensor(delta), "uint64")])

    def _next(self, shape):
        dims = _dims(shape)
        state = self.skip(_apply("Prod", [cast(dims, "int64"), tensor([0])]))
        size = 2 if self._alg == 1 else 1
        return [dims, cast_bits(state[size:size + 1]),
                cast_bits(state[:size]), self._alg]

    def normal(self, shape, mean=0.0, stddev=1.0, dtype="float32", name=None):
        dtype = as_dtype(dtype)
        rnd = _apply("StatelessRandomNormalV2", self._next(shape), {"dtype": dtype}, name)
        return rnd * tensor(stddev, dtype) + tensor(mean, dtype)

    def truncated_normal(self, shape, mean=0.0, stddev=1.0, dtype="float32", name=None):
        dtype = as_dtype(dtype)
        rnd = _apply("StatelessTruncatedNormalV2", self._next(shape), {"dtype": dtype}, name)
        return rnd * tensor(stddev, dtype) + tensor(mean, dtype)

    def uniform(self, shape, minval=0, maxval=None, dtype="float32", name=None):
        dtype = as_dtype(dtype)
        if dtype.is_integer:
            if (minval is None) != (maxval is None):
                raise ValueError(f"For integer dtype {dtype}, minval and maxval must be both `None` or both "
                                 f"non-`None`; got minval={minval} and maxval={maxval}")
            if minval is None:
                return self.uniform_full_int(shape, dtype)
            return _apply("StatelessRandomUniformIntV2",
                          [*self._next(shape), tensor(minval, dtype), tensor(maxval, dtype)], None, name)
        rnd = _apply("StatelessRandomUniformV2", self._next(shape), {"dtype": dtype}, name)
        low, high = tensor(minval, dtype), tensor(1 if maxval is None else maxval, dtype)
        return rnd * (high - low) + low

    def uniform_full_int(self, shape, dtype="uint64", name=None):
        return _apply("StatelessRandomUniformFullIntV2", self._next(shape), {"dtype": as_dtype(dtype)}, name)

    def binomial(self, shape, counts, probs, dtype="int32", name=None):
        return _apply("StatefulRandomBinomial", [self._state_var.handle, tensor(self._alg, "int64"), _dims(shape),
                                                 counts, probs], {"dtype": as_dtype(dtype)}, name)

    def make_seeds(self, count=1):
        if self._alg == 1:
            keys = self.uniform_full_int([count], "int64")
            from ._functions import stack, zeros_like

            return stack([keys, zeros_like(keys)])
        raise ValueError(f"Unsupported algorithm: {self._alg}")

    def split(self, count=1):
        keys = self.uniform_full_int([count], "int64").numpy()
        return [Generator(state=np.array([0, 0, k], np.int64), alg=self._alg) for k in keys]


def cast_bits(value):
    """int64 as uint64, the same bits."""
    return _apply("Bitcast", [value], {"type": "uint64"})


_global = None


def get_global_generator():
    """The generator of the program."""
    global _global
    if _global is None:
        _global = Generator.from_non_deterministic_state()
    return _global


def set_global_generator(generator):
    global _global
    _global = generator
