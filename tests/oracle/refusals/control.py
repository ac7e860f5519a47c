# SPDX-License-Identifier: Apache-2.0
"""control.py: what the ops that call other graphs must refuse."""

import numpy as np

from case import Refusal
from changed import case_file

X = np.array([1, -2, 3], np.float32)


class Models:
    """Small models with one thing wrong."""

    def __init__(self, make):
        self.make = make

    def conditional(self, cond=("bool", ()), branches=(1, 2), outs=1, then_outs=1, then_ins=1):
        g = self.make.Graphs()
        c, x = g.ports([cond, self.make.VECTOR])
        g.outputs(g.iff(c, [x], [self.make.VECTOR] * outs, *branches))
        g.branch([self.make.VECTOR] * then_ins,
                 lambda *ins: [g.add(ins[0], ins[0], shape=(3,)) for _ in range(then_outs)])
        g.branch([self.make.VECTOR], lambda x: [g.add(x, x, shape=(3,)) for _ in range(outs)])
        return g.build()

    def loop(self, cond=1, body=2, n_out=2, cond_outs=1, cond_shape=(), cond_dtype="bool", dynamic=False, omit=False,
             body_dtype=False):
        g = self.make.Graphs()
        state = [self.make.COUNT, self.make.VECTOR]
        ins = g.ports(state)
        g.outputs(g.loop([ins[0], -1] if omit else ins, state[:n_out], cond, body))

        def condition(i, x):
            less = g.less(i, 3)
            if cond_dtype != "bool":
                return [i] * cond_outs
            if dynamic:
                n = g.node("FILL", [g.node("RESHAPE", [i, g.const(np.array([1], np.int32))], "int32", (1,)), less],
                           "bool", (3,))
                return [n]
            if cond_shape:
                less = g.node("FILL", [g.const(np.array(cond_shape, np.int32)), less], "bool", cond_shape)
            return [less] * cond_outs
        g.branch(state, condition)
        count = (lambda i: g.less(i, 3)) if body_dtype else (lambda i: g.add(i, g.const(np.int32(1)), "int32"))
        g.branch(state, lambda i, x: [count(i), g.add(x, x, shape=(3,))])
        return g.build()

    def case(self, index=("int32", ()), branches=(1, 2)):
        g = self.make.Graphs()
        i, x = g.ports([index, self.make.VECTOR])
        g.outputs(self.make.case_node(g, i, [x], [self.make.VECTOR], list(branches)))
        for _ in range(2):
            g.branch([self.make.VECTOR], lambda x: [g.add(x, x, shape=(3,))])
        return g.build()

    def call_once(self, ins=0, outs=0):
        g = self.make.Graphs()
        x, = g.ports([self.make.VECTOR])
        g.op("CALL_ONCE", [], [], "CallOnceOptions", {"initSubgraphIndex": 1})
        g.outputs([g.add(x, x, shape=(3,))])
        g.branch([self.make.VECTOR] * ins, lambda *ins: [g.const(X)] * outs)
        return g.build()


def refusals(rng):
    m = Models(case_file("control"))
    true, one, flags = np.array(True), np.array(1, np.int32), np.array([True, False])

    def bad(name, op, message, model, feeds, when="allocate", lenient=""):
        return Refusal(name, op, model, feeds, message, when, lenient)

    yield bad("if_condition_shape", "IF",
              "expected a condition of one bool, found 'in_0' bool (2,)",
              m.conditional(("bool", (2,))), [flags, X])
    yield bad("if_condition_dtype", "IF",
              "expected input 0 of dtype bool, found 'in_0' int32 ()",
              m.conditional(("int32", ())), [one, X])
    yield bad("if_no_graph", "IF", "expected a subgraph in [0, 3), found -1",
              m.conditional(branches=(1, -1)), [true, X])
    yield bad("if_far_graph", "IF",
              "expected a subgraph index from 0 to 2 to call, found 9",
              m.conditional(branches=(1, 9)), [true, X])
    yield bad("if_itself", "IF",
              "expected calls that end, found one of subgraph #0 'main', which calls "
              "this one again", m.conditional(branches=(1, 0)), [true, X])
    yield bad("if_outputs", "IF", "expected a subgraph with 1 outputs, found 2",
              m.conditional(then_outs=2), [true, X])
    yield bad("if_inputs", "IF",
              "expected 2 values for the inputs of graph 'graph_1', "
              "found 1", m.conditional(then_ins=2), [true, X])
    yield bad("while_outputs", "WHILE",
              "expected as many outputs as inputs, found 2 inputs and 1 outputs",
              m.loop(n_out=1), [one, X])
    yield bad("while_one_graph", "WHILE",
              "expected two subgraphs, a condition and a body, found #2 as both",
              m.loop(cond=2), [one, X])
    yield bad("while_two_conditions", "WHILE",
              "expected a condition graph with one output, found 2",
              m.loop(cond_outs=2), [one, X])
    yield bad("while_condition_shape", "WHILE",
              "expected a condition of one bool, found 'fill_5' bool (2,)",
              m.loop(cond_shape=(2,)), [one, X])
    yield bad("while_condition_rank", "WHILE",
              "expected a condition of one bool, found 'fill_5' bool (1, 1)",
              m.loop(cond_shape=(1, 1)), [one, X])
    yield bad("while_condition_dtype", "WHILE",
              "expected a condition of one bool, found 'in_0' int32 ()",
              m.loop(cond_dtype="int32"), [one, X])
    yield bad("while_body_dtype", "WHILE", "expected equal dtypes, found 'in_0' int32 () and 'less_3' bool ()",
              m.loop(body_dtype=True), [one, X])
    yield bad("while_condition_later", "WHILE",
              "expected a condition of one bool, found 'fill_6' bool (2,)",
              m.loop(dynamic=True), [np.array(2, np.int32), X], when="invoke")
    yield bad("while_omitted", "WHILE", "expected input 1, found it omitted",
              m.loop(omit=True), [one, X])
    yield bad("case_index_shape", "STABLEHLO_CASE",
              "expected one branch index, found 'in_0' int32 (2,)",
              m.case(("int32", (2,))), [np.zeros(2, np.int32), X])
    yield bad("case_index_dtype", "STABLEHLO_CASE",
              "expected input 0 of dtype int32, found 'in_0' int64 ()",
              m.case(("int64", ())), [np.array(0, np.int64), X])
    yield bad("case_no_branches", "STABLEHLO_CASE",
              "expected 1 to 32767 branches, found 0", m.case(branches=()),
              [one, X])
    yield bad("case_no_graph", "STABLEHLO_CASE",
              "expected a subgraph in [0, 3), found -4",
              m.case(branches=(1, -4)), [one, X])
    yield bad("once_inputs", "CALL_ONCE",
              "expected an initialiser graph without inputs and outputs, found 1 "
              "and 0", m.call_once(ins=1), [X])
    yield bad("once_outputs", "CALL_ONCE",
              "expected an initialiser graph without inputs and outputs, found 0 "
              "and 1", m.call_once(outs=1), [X])
