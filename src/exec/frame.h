/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.h: one graph in one session: a tensor per value, a context per node,
 * and the memory they lie in.
 */
#ifndef UFI_FRAME_H
#define UFI_FRAME_H

#include "graph/graph.h"

typedef enum ufi_node_mode {
  UFI_NODE_STATIC,  /* shapes known: prepared, memory planned */
  UFI_NODE_DYNAMIC, /* inferred and prepared each time it runs */
  UFI_NODE_FOLDED,  /* its outputs are constants of this allocation */
  UFI_NODE_MISSING, /* not supported, or needs something that is not */
} ufi_node_mode;

/* Packed from a weight that is no constant (ufi_packed_for). */
typedef struct ufi_repacked {
  uf_buf *of;               /* the weight's, retained: so nobody writes it */
  const void *data;
  void *memory;
  size_t size;
} ufi_repacked;

typedef struct ufi_inferred ufi_inferred;
typedef struct ufi_frame ufi_frame;

/* Nodes that run together, piece by piece: elementwise ones and those that take rows, behind one that tells of rows,
 * perhaps (chain.c). */
enum { UFI_CHAIN_MAX = 16 };
typedef enum ufi_link_kind {
  UFI_LINK_ELEMENTS, /* an element of the output for each element of the chain */
  UFI_LINK_ROWS,     /* a row, or a value, for each row */
  UFI_LINK_VALUES,   /* elementwise over values of rows */
  UFI_LINK_NORM,     /* rows: the end of a normalization (norm.c) */
} ufi_link_kind;
/* y = x * g + (beta +- m * g), g = r * gamma; or of what is centered, y = x * r * gamma + beta. Values, -1: none. */
typedef struct ufi_norm {
  int32_t x, r, m, gamma, beta;
  bool is_centered, subtracts;
} ufi_norm;
typedef struct ufi_link {
  int32_t node;
  ufi_link_kind kind;
  ufi_part_fn part;         /* NULL: of the head, and where nothing is left to do */
  const uint8_t *table;     /* NULL, or of 256: what the value `of` becomes here */
  int32_t of;
  ufi_norm norm;
} ufi_link;
typedef struct ufi_chain {
  int32_t first, last;      /* nodes; between them there may be folded ones */
  int32_t n;
  bool has_head;
  int64_t count, row;       /* elements, and of a row of them: the last dimension */
  bool by_rows;             /* some link is not of elements: pieces are of whole rows */
  const ufi_tensor *like;   /* of count elements, whose shape those of the links have that are not of elements */
  size_t piece;             /* elements */
  bool in_line;             /* runs as part of a line, or its nodes run in turn */
  ufi_link links[UFI_CHAIN_MAX];
  uint8_t *tables;          /* NULL: none */
} ufi_chain;

/* Where values are that have no memory: in one of a piece's slots, or where the head of the chain made its output. */
enum { UFI_SLOTS = 3, UFI_SLOT_MADE = UFI_SLOTS };
/* Where a tensor of a link is: of element (or row) i at base + i * step, or in a slot. */
typedef struct ufi_operand {
  char *base;
  size_t step;
  int32_t slot; /* -1: none */
} ufi_operand;
/* One run of a chain. */
typedef struct ufi_chain_pass {
  const ufi_frame *f;
  const ufi_chain *c;
  ufi_operand in[UFI_CHAIN_MAX][2], out[UFI_CHAIN_MAX], of[UFI_CHAIN_MAX];
  int64_t told; /* rows that the head told of */
} ufi_chain_pass;

/* Two products and what is made of rows between them: run at the second one (attend.c). */
enum { UFI_ATTEND_MAX = 6 };
typedef struct ufi_attend {
  int32_t scores, values;   /* the nodes of the products */
  int32_t n;
  struct {
    int32_t node, from;     /* the input that is made here */
    ufi_part_fn part;
    bool by_rows;
  } links[UFI_ATTEND_MAX];
} ufi_attend;

/* Convolutions that run at the last of them (lines.c). */
enum { UFI_LINE_MAX = 3 }; /* as UFI_STRIPS_MAX */
typedef struct ufi_line {
  int32_t n, nodes[UFI_LINE_MAX];
  size_t scratch[UFI_LINE_MAX]; /* that prepare wanted */
} ufi_line;

struct ufi_frame {
  uf_session *session;
  const ufi_graph *graph;
  int32_t index;
  ufi_tensor *tensors;      /* by value */
  ufi_ctx *ctxs;            /* by node */
  ufi_tensor **slots;       /* in, out and aux pointers of all nodes */
  uint8_t *mode;            /* ufi_node_mode by node */
  bool *plain;              /* by node: planned, and its outputs have memory, so that running it is eval and no more */
  const char **why;         /* by node: why it is missing, NULL: as the model says */
  bool *captured;           /* by value */
  bool *own;                /* by value: memory of its own */
  size_t *planned;          /* by value: bytes it has in the arena */
  int32_t *view_of;         /* by value: shares the memory of that value while running, -1 */
  ufi_chain *chains;
  int32_t n_chains;
  int32_t *chain_of;        /* by node, -1: none */
  ufi_attend *attends;
  int32_t n_attends;
  ufi_line *lines;
  int32_t n_lines;
  int8_t *slot;             /* by value: has no memory, but that slot while its chain runs; -1 */
  int32_t *seen_by;         /* by node: the one that does without what it makes (seen.c, attend.c, lines.c); -1: none */
  int32_t *refresh;         /* values to detach before a run: own, computed */
  int32_t n_refresh;
  uf_buf *arena;
  size_t arena_size, arena_bound;
  bool allocated;
  bool reshaped;            /* a shape turned out otherwise in this run */
  bool stale;               /* likewise in the last run: allocate anew */
  bool was_allocated;       /* once */
  bool resized;             /* an input got another shape after that: see uf_session_allocate_anew */
  bool running;
  uint64_t run_id;          /* of the session's run that it last took part in; 0: none
                               since allocate */
  ufi_tensor **outputs;     /* of the graph */
  int32_t pc;               /* nodes done in this run */
  ufi_repacked *repacked;   /* by node and slot; NULL until needed */
  ufi_inferred *inferred;   /* what calls of it were planned for; NULL until needed */
};

ufi_frame *ufi_frame_create(uf_session *s, int32_t graph);
void ufi_frame_destroy(ufi_frame *f);
/* Gives an input its shape; the frame is then not allocated if it changed. */
uf_status ufi_frame_resize(ufi_frame *f, int32_t value, int32_t rank, const int64_t *dims, uf_error *error);
/* To be called before the frame's plan is used: what the last run found to be planned for shapes that were not to
 * come is planned anew. */
void ufi_frame_renew(ufi_frame *f);
/* Infers, prepares, folds and plans, if needed. */
uf_status ufi_frame_allocate(ufi_frame *f, uf_error *error);
/* State tensors have their first values again, and ops what they keep in the store (ufi_op_def's restart). */
uf_status ufi_frame_restart(ufi_frame *f, uf_error *error);
/* Memory for inputs and state, without the rest of allocate. */
uf_status ufi_frame_own_memory(ufi_frame *f, int32_t value, uf_error *error);

/* chain.c */
/* Finds chains and values that need no memory. last: the last node that reads a value, which may become a later one. */
uf_status ufi_chains_find(ufi_frame *f, int32_t *last, uf_error *error) UF_MUST_USE;
void ufi_chains_drop(ufi_frame *f);
/* The chain to run now, which begins at that node; NULL: the node alone. */
const ufi_chain *ufi_chain_at(const ufi_frame *f, int32_t node, int32_t end, const bool *wanted);
uf_status ufi_chain_run(ufi_frame *f, const ufi_chain *chain, uf_error *error);
/* Whether its head's output may become its last value where it lies, made of nothing but that and constants, and nothing
 * else of it has memory. */
bool ufi_chain_is_local(const ufi_frame *f, const ufi_chain *c, const int32_t *last);
/* What comes before, and the links but for the head, over elements [begin, begin + n), which it made at `made`. */
void ufi_chain_begin(const ufi_frame *f, const ufi_chain *c, ufi_chain_pass *pass);
void ufi_chain_links(const ufi_chain_pass *pass, size_t begin, size_t n, void *made);
/* Whether t is as the chain's tensors, or (last: 1) a value for each of their rows. */
bool ufi_chain_has_shape(const ufi_chain *c, const ufi_tensor *t, int64_t last);
/* The link that makes a value; -1: none. */
int32_t ufi_chain_maker(const ufi_frame *f, const ufi_chain *c, int32_t value);
/* All elements of what a link makes, which only the chain reads. */
bool ufi_chain_passes(const ufi_frame *f, const ufi_chain *c, int32_t link, const int32_t *last);

/* attend.c: finds the products that are run as one, and has what they are of live until they run: after the first has
 * been called and everything else that lasts is known, the second. */
void ufi_attends_find(ufi_frame *f, const int32_t *last);
void ufi_attends_keep(const ufi_frame *f, int32_t *last);
/* What to run at that node in place of it; NULL: the node. */
const ufi_attend *ufi_attend_at(const ufi_frame *f, int32_t node);
uf_status ufi_attend_run(ufi_frame *f, const ufi_attend *attend, uf_error *error);

/* lines.c: finds such convolutions, and has what they are of live until they run; what to run at that node in place of it. */
void ufi_lines_find(ufi_frame *f, int32_t *last);
const ufi_line *ufi_line_at(const ufi_frame *f, int32_t node);
/* Whether a chain stands between two convolutions of which a line might be made, that is worth it. */
bool ufi_line_may_pass(const ufi_frame *f, const ufi_chain *c, const int32_t *last);
/* The value that the line which runs at that node is made of, from other lines than those that are written just then; -1: none. */
int32_t ufi_line_source(const ufi_frame *f, int32_t node);
uf_status ufi_line_run(ufi_frame *f, const ufi_line *line, uf_error *error);

/* seen.c: the input by which node `reader` alone reads the value that `maker` makes; -1: others do, too, or it does twice. */
int32_t ufi_only_input(const ufi_frame *f, int32_t value, int32_t maker, int32_t reader);
/* Whether nodes [first, last] run as planned, and touch nothing but their outputs: the first may as well run at the last. */
bool ufi_is_steady(const ufi_frame *f, int32_t first, int32_t last);
/* Finds transpositions and paddings that need not be, and has what they are of live as long as what reads them. */
void ufi_seen_find(ufi_frame *f, int32_t *last);

/* norm.c: the ends of normalizations in a chain become one link each; those that they are made of do nothing then. */
void ufi_norms_find(ufi_frame *f, ufi_chain *c, int32_t *last);
/* n rows from `begin` on, of what it normalizes and to where. */
void ufi_norm_run(const ufi_frame *f, const ufi_norm *norm, const float *x, float *y, size_t row, size_t begin, size_t n);

/* inferred.c */
/* The outputs (shapes, no data) for inputs of these shapes, if this pass found them out; good until the next keep. */
ufi_tensor *const *ufi_inferred_find(const ufi_frame *f, ufi_tensor *const *in, int32_t n_in);
/* Remembers the outputs that the frame, just allocated for these inputs, has. */
void ufi_inferred_keep(ufi_frame *f, ufi_tensor *const *in, int32_t n_in);
void ufi_inferred_destroy(ufi_inferred *inferred);

/* run.c */
/* Nodes [f->pc, end) of the run in progress; wanted NULL: all of them. */
uf_status ufi_frame_steps(ufi_frame *f, int32_t end, const bool *wanted, uf_error *error);
/* One node, in the run in progress. */
uf_status ufi_frame_node(ufi_frame *f, int32_t node, uf_error *error);
/* A whole run: fresh output memory, all nodes (that are wanted). */
uf_status ufi_frame_run(ufi_frame *f, const bool *wanted, uf_error *error);
/* What comes before the first step of a run. */
uf_status ufi_frame_begin(ufi_frame *f, uf_error *error);
/* UNIMPLEMENTED with the first reason, if something that the outputs (or the
 * wanted nodes) need cannot run. */
uf_status ufi_frame_missing(const ufi_frame *f, const bool *wanted, uf_error *error);
/* Runs infer and prepare of one node and puts names before a message. */
uf_status ufi_node_infer(ufi_frame *f, int32_t node, uf_error *error);
uf_status ufi_node_prepare(ufi_frame *f, int32_t node, uf_error *error);
uf_status ufi_node_eval(ufi_frame *f, int32_t node, uf_error *error);

/* Tensor memory (frame.c). */
void ufi_tensor_drop(ufi_tensor *t);                                 /* releases buf, data NULL */
uf_status ufi_tensor_fresh(ufi_tensor *t, uf_error *error);          /* a new buf of t->size */
void ufi_tensor_share(ufi_tensor *t, const ufi_tensor *from);        /* same memory, retained */
/* t (a string tensor) gets elements and characters of its own, copied from
 * t->count elements, which may be t's. */
uf_status ufi_tensor_pack(ufi_tensor *t, const void *elements, uf_error *error);
/* Likewise references of its own, of a variant tensor to its elements. */
uf_status ufi_tensor_own_variants(ufi_tensor *t, uf_error *error);
/* Moves t to fresh memory if somebody else refers to its own (a view, a
 * snapshot); with its value when keep_value. */
uf_status ufi_tensor_detach(ufi_tensor *t, bool keep_value, uf_error *error);

#endif
