# SPDX-License-Identifier: Apache-2.0
"""CheckpointManager keeps the newest ones."""

import os
import tensorflow as tf

value = tf.Variable([1.0, 2.0])
step = tf.Variable(0)
checkpoint = tf.train.Checkpoint(value=value, step=step)
manager = tf.train.CheckpointManager(checkpoint, "kept", max_to_keep=2)
print(manager.latest_checkpoint, manager.checkpoints)
print(manager.restore_or_initialize())
for _ in range(4):
    value.assign(value * 2.0)
    step.assign_add(1)
    print(manager.save())
print(manager.latest_checkpoint, manager.checkpoints)
print(sorted(name for name in os.listdir("kept") if name.endswith(".index")))
value.assign([0.0, 0.0])
checkpoint.restore(manager.checkpoints[0])
print(value.numpy(), step.numpy())
print(manager.restore_or_initialize(), value.numpy(), step.numpy())

again = tf.train.CheckpointManager(checkpoint, "kept", max_to_keep=2, checkpoint_name="ckpt")
print(again.latest_checkpoint, again.directory)
print(manager.save(checkpoint_number=50))
state = tf.train.get_checkpoint_state("kept")
print(state.model_checkpoint_path, list(state.all_model_checkpoint_paths))
numbered = tf.train.CheckpointManager(checkpoint, "numbered", max_to_keep=1, step_counter=step)
print(numbered.save())
