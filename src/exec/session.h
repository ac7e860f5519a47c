/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h: front door of src/exec/, one execution of a model.
 *
 * A session has a frame for each graph of its model (made when first needed).
 * A frame has a ufi_tensor for each value and a ufi_ctx for each node.
 *
 *   frame.c     allocate: infer, prepare, fold, plan memory
 *   run.c       run the nodes of a frame
 *   chain.c     elementwise nodes, and such that take rows, that run together
 *   norm.c      how normalizations end, in a chain
 *   seen.c      transpositions and paddings that their reader does without
 *   host.c      what ops may ask (calls of other graphs, packed weights)
 *   inferred.c  shapes of graphs that are called
 *   replay.c    read an intermediate whose memory was reused
 *   state.c     variables, state tensors and tables as values
 *   session.c   the public functions
 *
 * Where a tensor's memory comes from (exactly one of):
 *   const     the file, or folded at allocate; never changes
 *   own       a buf of its own: inputs, state, outputs, captured values. The
 *             session never writes into such a buf while somebody else holds a
 *             reference: it takes a fresh one first.
 *   arena     a part of the frame's arena, shared with other values over time;
 *             readable by replay only
 *   heap      a buf made while running: strings, handles, shapes that depend on
 *             data, views of other bufs
 */
#ifndef UFI_SESSION_H
#define UFI_SESSION_H

#include "base/pages.h"
#include "exec/frame.h"
#include "graph/graph.h"
#include "ops/resource.h"

/* What a run started from: enough to run it again (replay.c). */
typedef struct ufi_snapshot {
  int32_t graph;             /* -1: no run yet */
  ufi_tensor *inputs;        /* of that graph, bufs retained */
  int32_t n_inputs;
  ufi_store *store;
  bool *initialised;         /* CALL_ONCE graphs that had run */
  uf_buf **state;            /* bufs of all state tensors, session order */
  bool *wanted;              /* nodes that ran; NULL: all */
} ufi_snapshot;

/* A state tensor (is_variable) of the model. */
typedef struct ufi_state_ref {
  int32_t graph, value;
} ufi_state_ref;

struct uf_session {
  uf_model *model;
  int32_t n_threads;
  bool keep_all;
  int64_t max_steps, steps;  /* of one run; INT64_MAX: no limit */
  size_t max_bytes;
  ufi_pool *pool;            /* NULL: this thread only */
  ufi_store *store;
  ufi_frame **frames;        /* one per graph, NULL until needed */
  bool *initialised;         /* per graph: ran as an initialiser */
  bool declared;             /* all handle ops of the model are in the store */
  ufi_state_ref *state;      /* all state tensors */
  int32_t n_state;
  uf_buf *scratch;
  ufi_block passing;         /* of a weight that is packed for one eval (pack.c) */
  ufi_arena *words;          /* reasons found at allocate */
  int32_t depth;             /* of calls, bounded */
  bool inferring;            /* inside a ufi_host_infer */
  uint64_t infer_pass;       /* counts the outermost of these: see inferred.c */
  uint64_t run_id;           /* counts runs from 1 */
  ufi_snapshot last;
  uf_session *replay;        /* NULL, or the last run again, keeping everything */
  uf_session *original;      /* of a replay: whose run it repeats; else NULL */
};

/* session.c */
/* The frame of a graph, made if needed; OUT_OF_RANGE for a bad index. */
uf_status ufi_session_frame(uf_session *s, int32_t graph, ufi_frame **out, uf_error *error);
/* Scratch of at least that many bytes. */
uf_status ufi_session_scratch(uf_session *s, size_t size, uf_error *error);
/* Puts "file: graph 'g': " in front of a message. */
void ufi_session_prefix(const uf_session *s, const ufi_graph *graph, uf_error *error);

/* state.c */
/* The session uses that pool, if it has none. */
void ufi_session_share_threads(uf_session *s, ufi_pool *pool);
uf_status ufi_session_declare(uf_session *s, uf_error *error);
/* Runs every CALL_ONCE graph that did not run yet. */
uf_status ufi_session_initialise(uf_session *s, uf_error *error);
/* The resource a RESOURCE value stands for: by its handle op, else by the id it holds. */
uf_status ufi_session_resource(uf_session *s, ufi_frame *f, int32_t value, ufi_resource **out, uf_error *error);

/* replay.c */
/* Remembers what the run of f is about to start from. */
uf_status ufi_snapshot_take(uf_session *s, ufi_frame *f, const bool *wanted, uf_error *error);
/* Gives an input memory of its own when the snapshot shares it. */
uf_status ufi_snapshot_detach(uf_session *s, ufi_tensor *t, uf_error *error);
void ufi_snapshot_drop(uf_session *s);
bool ufi_replay_keeps(const ufi_frame *f, int32_t node, const ufi_frame **from_out);
/* The value's tensor in the last run, computed again; borrowed. */
uf_status ufi_replay_value(uf_session *s, int32_t graph, int32_t value, const ufi_tensor **out, uf_error *error);

#endif
