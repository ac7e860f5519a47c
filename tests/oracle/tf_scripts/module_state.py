# SPDX-License-Identifier: Apache-2.0
"""Modules with lists, dicts and sub-modules; their variables and checkpoints."""

import tensorflow as tf


class Cell(tf.Module):
    def __init__(self, units, name=None):
        super().__init__(name=name)
        self.units = units
        self.built = False
        self.state = tf.Variable(tf.zeros([1, units]), trainable=False, name="state")

    @tf.Module.with_name_scope
    def __call__(self, x):
        if not self.built:
            self.kernel = tf.Variable(tf.fill([x.shape[-1], self.units], 0.1), name="kernel")
            self.built = True
        self.state.assign(tf.tanh(x @ self.kernel + self.state))
        return self.state.read_value()


class Stack(tf.Module):
    def __init__(self):
        super().__init__()
        self.cells = {"low": Cell(2, name="low"), "high": Cell(1, name="high")}
        self.extras = [tf.Variable(1.0, name="one"), tf.Variable(2.0, name="two")]

    def __call__(self, x):
        return self.cells["high"](self.cells["low"](x)) * tf.add_n(self.extras)


stack = Stack()
for _ in range(3):
    print(stack(tf.constant([[1.0, 2.0, 3.0]])).numpy().round(5))
print([v.name for v in stack.variables])
print([v.name for v in stack.trainable_variables], stack.name)
print([m.name for m in stack.submodules])
path = tf.train.Checkpoint(stack=stack).write("saved")
print([name for name, _ in tf.train.list_variables(path)])
copy = Stack()
copy(tf.zeros([1, 3]))
tf.train.Checkpoint(stack=copy).read(path).assert_existing_objects_matched()
print(all(bool(tf.reduce_all(a == b)) for a, b in zip(stack.variables, copy.variables)))
