# SPDX-License-Identifier: Apache-2.0
"""IF, WHILE, STABLEHLO_CASE and STABLEHLO_COMPOSITE, nested in each other, with strings, without outputs, with shapes that
turn out while running, and around ops that keep a state.
"""

import itertools

import numpy as np
from case import Case, Close
from modelgen import ModelGen

DIFFERS = {
    "STABLEHLO_CASE": "LiteRT asks of all subgraphs but the first, branches or not, that they have the inputs and outputs "
        "of the node, all outputs of one dtype. unflow asks it of the branches, output by output.",
    "IF": "Of a branch that gives one tensor as two outputs LiteRT leaves the first without a value. unflow does not.",
    "WHILE": "Of a body that gives two loop variables back in each other's places LiteRT loses one. unflow does not.",
}


class Graphs(ModelGen):
    """With ops that name their outputs."""

    def value(self, dtype="float32", shape=(), name="t"):
        return self.tensor(f"{name}_{len(self.graph.tensors)}", dtype, shape)

    def const(self, value, dtype=None):
        value = np.asarray(value)
        return self.constant(f"k_{len(self.graph.tensors)}", dtype or value.dtype.name, value)

    def node(self, op, ins, dtype="float32", shape=(), options=None, values=None):
        out = self.value(dtype, shape, op.lower())
        self.op(op, ins, [out], options, values)
        return out

    def add(self, a, b, dtype="float32", shape=()):
        return self.node("ADD", [a, b], dtype, shape, "AddOptions")

    def less(self, a, n):
        return self.node("LESS", [a, self.const(np.int32(n))], "bool", (), "LessOptions")

    def ports(self, kinds):
        """Inputs of the current graph: [(dtype, shape)]."""
        ins = [self.value(dtype, shape, "in") for dtype, shape in kinds]
        self.inputs(ins)
        return ins

    def branch(self, kinds, make):
        """A graph whose outputs are make(*inputs); its index."""
        index = self.new_graph()
        outs = make(*self.ports(kinds))
        self.outputs(outs)
        return index

    def iff(self, cond, ins, outs, then, other):
        results = [self.value(*kind, "if") for kind in outs]
        self.op("IF", [cond, *ins], results, "IfOptions", {"thenSubgraphIndex": then, "elseSubgraphIndex": other})
        return results

    def loop(self, ins, kinds, cond, body):
        results = [self.value(*kind, "while") for kind in kinds]
        self.op("WHILE", ins, results, "WhileOptions", {"condSubgraphIndex": cond, "bodySubgraphIndex": body})
        return results


VECTOR = ("float32", (3,))
FLAG = ("bool", ())
COUNT = ("int32", ())


def case_node(g, index, ins, outs, branches):
    results = [g.value(*kind, "case") for kind in outs]
    g.op("STABLEHLO_CASE", [index, *ins], results, "StablehloCaseOptions", {"branchSubgraphIndices": branches})
    return results


def case_model(n, shapes=None, index_shape=()):
    """Branch k: x + k, of its own shape if there are shapes."""
    g = Graphs()
    index, x = g.ports([("int32", index_shape), VECTOR])
    g.outputs(case_node(g, index, [x], [VECTOR], list(range(1, n + 1))))
    for k in range(n):
        def make(x, k=k):
            y = g.add(x, g.const(np.float32(k)), shape=(3,))
            if shapes:
                y = g.node("TILE", [y, g.const(np.array([shapes[k]], np.int32))], "float32", (3 * shapes[k],))
            return [y]
        g.branch([VECTOR], make)
    return g.build()


def cases_of_case():
    x = np.array([1, -2, 3], np.float32)
    for n, index in itertools.product((1, 2, 4), (0, 1, 3, 4, -1, 2 ** 31 - 1, -(2 ** 31))):
        yield Case(f"case_{n}_{index}", "STABLEHLO_CASE", case_model(n), [np.array(index, np.int32), x], steps=2)
    for index in range(3):
        yield Case(f"case_shapes_{index}", "STABLEHLO_CASE", case_model(3, (1, 2, 3)), [np.array(index, np.int32), x], steps=2)
    for shape in ((1,), (1, 1)):
        yield Case(f"case_index_{len(shape)}", "STABLEHLO_CASE", case_model(3, index_shape=shape),
                   [np.full(shape, 1, np.int32), x])
    yield Case("case_resized", "STABLEHLO_CASE", case_model(2), [np.array(1, np.int32), x[:2]], steps=2)


def nested_ifs(depth, dynamic):
    """Graph k: if flags[k]: graph k + 1 of x + k, else x * 1, twice as long when dynamic."""
    g = Graphs()
    kinds = [FLAG] * depth + [VECTOR]

    def level(k, *ins):
        flags, x = ins[:depth], ins[depth]
        y = g.add(x, g.const(np.float32(k)), shape=(3,))
        return g.iff(flags[k], [*flags, y], [VECTOR], 1 + 2 * k, 2 + 2 * k)

    g.outputs(level(0, *g.ports(kinds)))
    for k in range(depth):
        g.branch(kinds, (lambda *ins, k=k: level(k + 1, *ins)) if k + 1 < depth else
                 (lambda *ins: [g.add(ins[depth], ins[depth], shape=(3,))]))

        def other(*ins, k=k):
            x = ins[depth]
            if dynamic:
                return [g.node("TILE", [x, g.const(np.array([k + 2], np.int32))], "float32", (3 * (k + 2),))]
            return [g.add(x, g.const(np.float32(10)), shape=(3,))]
        g.branch(kinds, other)
    return g.build()


def loop_in_if():
    """if c: while i < 4: (while j < i: x += 1), x *= 2 ... else x."""
    g = Graphs()
    c, x = g.ports([FLAG, VECTOR])
    g.outputs(g.iff(c, [x], [VECTOR], 1, 2))
    state = [COUNT, VECTOR]
    g.branch([VECTOR], lambda x: g.loop([g.const(np.int32(0)), x], state, 3, 4)[1:])
    g.branch([VECTOR], lambda x: [g.add(x, x, shape=(3,))])
    g.branch(state, lambda i, x: [g.less(i, 4)])

    def outer(i, x):
        inner = g.loop([g.const(np.int32(0)), i, x], [COUNT, COUNT, VECTOR], 5, 6)
        return [g.add(i, g.const(np.int32(1)), "int32"), g.add(inner[2], x, shape=(3,))]
    g.branch(state, outer)
    g.branch([COUNT, COUNT, VECTOR], lambda j, i, x: [g.node("LESS", [j, i], "bool", (), "LessOptions")])
    g.branch([COUNT, COUNT, VECTOR], lambda j, i, x: [g.add(j, g.const(np.int32(1)), "int32"), i,
                                                      g.add(x, g.const(np.float32(1)), shape=(3,))])
    return g.build()


def if_in_loop(dynamic):
    """while i < 5: x = x + x or [x, x] by i < 2."""
    g = Graphs()
    state = [COUNT, VECTOR]
    ins = g.ports(state)
    g.outputs(g.loop(ins, state, 1, 2))
    g.branch(state, lambda i, x: [g.less(i, 5)])

    def body(i, x):
        y, = g.iff(g.less(i, 2), [x], [VECTOR], 3, 4)
        return [g.add(i, g.const(np.int32(1)), "int32"), y]
    g.branch(state, body)
    g.branch([VECTOR], lambda x: [g.node("CONCATENATION", [x, x], "float32", (6,), "ConcatenationOptions", {"axis": 0})]
             if dynamic else [g.add(x, x, shape=(3,))])
    g.branch([VECTOR], lambda x: [g.add(x, g.const(np.float32(1)), shape=(3,))])
    return g.build()


def strings_in_if(twice):
    g = Graphs()
    words = ("string", (2,))
    c, x = g.ports([FLAG, words])
    g.outputs(g.iff(c, [x], [words], 1, 2))
    g.branch([words], lambda x: [x])
    order = np.array([1, 0, 1, 1] if twice else [1, 0], np.int32)
    g.branch([words], lambda x: [g.node("GATHER", [x, g.const(order)], "string", order.shape, "GatherOptions", {"axis": 0})])
    return g.build()


def without_outputs():
    """if c: v = x."""
    g = Graphs()
    c, x = g.ports([FLAG, VECTOR])

    def handle():
        out = g.value("resource", (), "handle")
        g.op("VAR_HANDLE", [], [out], "VarHandleOptions", {"container": "", "sharedName": "v"})
        return out

    def assign(x):
        g.op("ASSIGN_VARIABLE", [handle(), x], [], "AssignVariableOptions")
        return []
    g.op("CALL_ONCE", [], [], "CallOnceOptions", {"initSubgraphIndex": 3})
    g.op("IF", [c, x], [], "IfOptions", {"thenSubgraphIndex": 1, "elseSubgraphIndex": 2})
    y = g.value(*VECTOR)
    g.op("READ_VARIABLE", [handle()], [y], "ReadVariableOptions")
    g.outputs([y])
    g.branch([VECTOR], assign)
    g.branch([VECTOR], lambda x: [])
    g.branch([], lambda: assign(g.const(np.array([7, 8, 9], np.float32))))
    return g.build()


def without_inputs():
    """A branch that needs no input, and one that gives constants."""
    g = Graphs()
    c, = g.ports([FLAG])
    g.outputs(g.iff(c, [], [VECTOR, VECTOR], 1, 2))

    def sums():
        y = g.add(g.const(np.arange(3, dtype=np.float32)), g.const(np.float32(1)), shape=(3,))
        return [y, g.add(y, y, shape=(3,))]
    g.branch([], sums)
    g.branch([], lambda: [g.const(np.zeros(3, np.float32)), g.const(np.ones(3, np.float32))])
    return g.build()


def other_dtype():
    """The file says float32 of what is int32."""
    g = Graphs()
    c, x = g.ports([FLAG, ("int32", (3,))])
    g.outputs(g.iff(c, [x], [VECTOR], 1, 2))
    g.branch([("int32", (3,))], lambda x: [g.add(x, x, "int32", (3,))])
    g.branch([("int32", (3,))], lambda x: [x])
    return g.build()


def conditions():
    for shape in ((), (1,), (1, 1)):
        g = Graphs()
        c, x = g.ports([("bool", shape), VECTOR])
        g.outputs(g.iff(c, [x], [VECTOR], 1, 2))
        g.branch([VECTOR], lambda x: [g.add(x, x, shape=(3,))])
        g.branch([VECTOR], lambda x: [g.add(x, g.const(np.float32(1)), shape=(3,))])
        for flag in (True, False):
            yield Case(f"condition_{len(shape)}_{flag}", "IF", g.build(), [np.full(shape, flag), np.ones(3, np.float32)])


def recurrent_cell(g, x):
    """A layer with a state tensor, act(x + 0.5 h)."""
    out = g.value("float32", (1, 3))
    h = g.tensor(f"h_{len(g.graph.tensors)}", "float32", (1, 3), variable=True)
    g.op("RNN", [x, g.const(np.eye(3, dtype=np.float32)), g.const(np.eye(3, dtype=np.float32) * 0.5),
                 g.const(np.zeros(3, np.float32)), h], [out], "RNNOptions", {"fusedActivationFunction": 4})
    return out


def states_inside():
    row = ("float32", (1, 3))
    g = Graphs()
    c, x = g.ports([FLAG, row])
    g.outputs([*g.iff(c, [x], [row], 1, 2), recurrent_cell(g, x)])
    g.branch([row], lambda x: [recurrent_cell(g, x)])
    g.branch([row], lambda x: [recurrent_cell(g, recurrent_cell(g, x))])
    x = np.array([[0.1, -0.2, 0.3]], np.float32)
    for flag in (True, False):
        yield Case(f"state_in_if_{flag}", "IF", g.build(), [np.array(flag), x], steps=3, tol=Close(1e-6, 1e-7))
    g = Graphs()
    state = [COUNT, row]
    g.outputs(g.loop(g.ports(state), state, 1, 2))
    g.branch(state, lambda i, x: [g.less(i, 4)])
    g.branch(state, lambda i, x: [g.add(i, g.const(np.int32(1)), "int32"), recurrent_cell(g, x)])
    yield Case("state_in_while", "WHILE", g.build(), [np.array(0, np.int32), x], steps=3, tol=Close(1e-6, 1e-7))
    g = Graphs()
    index, xt = g.ports([COUNT, row])
    g.outputs(case_node(g, index, [xt], [row], [1, 2]))
    g.branch([row], lambda x: [recurrent_cell(g, x)])
    g.branch([row], lambda x: [recurrent_cell(g, recurrent_cell(g, x))])
    yield Case("state_in_case", "STABLEHLO_CASE", g.build(), [np.array(1, np.int32), x], steps=3, tol=Close(1e-6, 1e-7))


def composites():
    """A composite of a composite, with shapes known and not."""
    row = ("float32", (1, 3))
    g = Graphs()

    def composite(x, graph):
        out = g.value(*row, "composite")
        g.op("STABLEHLO_COMPOSITE", [x], [out], "StableHLOCompositeOptions",
             {"name": "my.layer", "decompositionSubgraphIndex": graph, "version": 1})
        return out
    x, = g.ports([row])
    g.outputs([composite(x, 1)])
    g.branch([row], lambda x: [g.add(composite(x, 2), x, shape=(1, 3))])
    g.branch([row], lambda x: [g.add(x, g.const(np.float32(1)), shape=(1, 3))])
    yield Case("composite_nested", "STABLEHLO_COMPOSITE", g.build(), [np.array([[1, 2, -3]], np.float32)], steps=2)
    g = Graphs()
    x, n = g.ports([VECTOR, ("int32", (1,))])
    out = g.value("float32", (6,), "composite")
    g.op("STABLEHLO_COMPOSITE", [x, n], [out], "StableHLOCompositeOptions",
         {"name": "my.tile", "decompositionSubgraphIndex": 1, "version": 1})
    g.outputs([out])
    g.branch([VECTOR, ("int32", (1,))], lambda x, n: [g.node("TILE", [x, n], "float32", (6,))])
    for n in (0, 1, 3):
        yield Case(f"composite_dynamic_{n}", "STABLEHLO_COMPOSITE", g.build(),
                   [np.array([1, 2, 3], np.float32), np.array([n], np.int32)], steps=2)


def string_loop():
    """while i < 3: i += 1; words = the first word three times."""
    g = Graphs()
    state = [COUNT, ("string", (1,))]
    g.outputs(g.loop(g.ports(state), state, 1, 2))
    g.branch(state, lambda i, s: [g.less(i, 3)])
    g.branch(state, lambda i, s: [g.add(i, g.const(np.int32(1)), "int32"),
                                  g.node("GATHER", [s, g.const(np.array([0, 0, 0], np.int32))], "string", (3,),
                                         "GatherOptions", {"axis": 0})])
    return g.build()


def cases(rng):
    x = np.array([1, -2, 3], np.float32)
    yield from cases_of_case()
    for depth, dynamic in itertools.product((2, 4), (False, True)):
        model = nested_ifs(depth, dynamic)
        for taken in range(depth + 1):
            flags = [np.array(k < taken) for k in range(depth)]
            yield Case(f"nested_{depth}_{dynamic}_{taken}", "IF", model, [*flags, x], steps=2)
    for flag in (True, False):
        yield Case(f"loop_in_if_{flag}", "WHILE", loop_in_if(), [np.array(flag), x], steps=2)
        for twice in (True, False):
            yield Case(f"strings_{flag}_{twice}", "IF", strings_in_if(twice),
                       [np.array(flag), np.array([b"one", b"three"], object)], steps=2)
        yield Case(f"no_outputs_{flag}", "IF", without_outputs(), [np.array(flag), x], steps=2)
        yield Case(f"no_inputs_{flag}", "IF", without_inputs(), [np.array(flag)], steps=2)
        yield Case(f"other_dtype_{flag}", "IF", other_dtype(), [np.array(flag), x.astype(np.int32)], steps=2)
    for dynamic, start in itertools.product((True, False), (0, 1, 3, 5)):
        yield Case(f"if_in_loop_{dynamic}_{start}", "WHILE", if_in_loop(dynamic), [np.array(start, np.int32), x], steps=2)
    for start in (0, 2, 3):
        yield Case(f"string_loop_{start}", "WHILE", string_loop(), [np.array(start, np.int32), np.array([b"ab"], object)],
                   steps=2)
    yield from conditions()
    yield from states_inside()
    yield from composites()
