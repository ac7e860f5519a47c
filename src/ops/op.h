/* SPDX-License-Identifier: Apache-2.0
 *
 * op.h: front door of src/ops/, what an op is and what it sees.
 *
 * An op is one row in ops.def and one ufi_op_def named ufi_op_<NAME>. For each
 * node of a graph, in order:
 *
 *   attrs_tflite / attrs_tf   once, at open: the file's options become the op's
 *                             own struct. Values are checked here or in infer.
 *   infer                     once per allocate (and again at run time when a
 *                             shape depends on data): checks arity, dtypes,
 *                             shapes and quantization IN WORDS and gives every
 *                             output its shape by ufi_out_shape. It may read
 *                             the data of an input only if ufi_known says so;
 *                             when it needs data that is not known yet it
 *                             returns UF_OK without setting the shape, and will
 *                             be called again while running, with all known.
 *   prepare                   after infer, shapes of inputs and outputs known:
 *                             chooses kernels, computes multipliers into
 *                             ctx->state, packs small constant weights (ufi_packed; large
 *                             ones in eval: ufi_packed_weight),
 *                             asks for scratch (ufi_want_scratch).
 *   eval                      inputs and outputs have memory; do the work. It
 *                             checks only what depends on data (indices,
 *                             divisors). An output whose shape infer could not
 *                             know gets it here by ufi_out_shape, which also
 *                             gives it memory.
 *
 * With a TensorFlow name, outputs have the dtypes that the op's signature and attributes say
 * (tf_signature.h) before infer is called, and inputs those of their producers; infer may rely on
 * both, and an op that TFLite names, too, sets its own by ufi_out_dtype. Resources and
 * references of TensorFlow 1 (VariableV2) both are handles: values of dtype RESOURCE.
 *
 * An op never knows which file format its node came from, never allocates
 * outputs by itself, never keeps pointers to tensor memory between calls (they
 * may move), and never prints. Error messages say `expected A, found B`; who
 * (file, op, node) is put in front by the caller.
 */
#ifndef UFI_OP_H
#define UFI_OP_H

#include "base/base.h"
#include "base/threads.h"
#include "format/flatbuffer.h"
#include "kernels/kernels.h"

/* One value of one graph in one session. */
typedef struct ufi_tensor {
  uf_dtype dtype;
  int32_t rank;
  int64_t dims[UF_MAX_RANK];
  int64_t count;         /* elements */
  size_t size;           /* bytes of count elements */
  void *data;            /* NULL while there is no memory */
  uf_buf *buf;           /* keeps data alive; NULL: in the frame's arena */
  const uf_quant *quant; /* NULL: not quantized */
  const char *name;
  bool shape_known;      /* false until the producer's eval when it depends on data */
  bool is_const;         /* value is fixed as long as the allocation lasts */
  bool is_lasting;       /* is_const, and made of file constants alone, not of shapes: the same
                            after every resize and in every session; what ufi_packed is for */
  bool is_state;         /* is_variable: the op that takes it as input may write data */
  bool in_arena;         /* (executor) memory is shared with other tensors over time */
  bool is_given;         /* (executor) a handle that the caller gave for this run: infer may look at what
                            it names, and the next run may give another */
  bool is_missing;       /* (executor) needs an op that is not supported */
  bool is_dead;          /* in a branch that this run did not take: has no value */
  /* (executor) Not NULL, while data is: the elements are those of that tensor, whose dimension seen_dims[d] is d here; or,
   * seen_padded, with so many zeros (zero points) in front along dimension d, and behind up to the size. Only an op that
   * says it `sees` gets such an input. */
  const struct ufi_tensor *seen;
  bool seen_padded;
  int8_t seen_dims[UF_MAX_RANK];
} ufi_tensor;

/* Told, from any thread, of rows [row, row + rows) of output 0 (runs of its last dimension) that are
 * computed and will be neither read nor written any more. */
typedef struct ufi_done {
  void (*fn)(void *context, int64_t row, int64_t rows);
  void *context;
} ufi_done;

typedef struct ufi_ctx {
  const void *attrs;     /* the op's own struct, NULL when attrs_size is 0 */
  int32_t n_in, n_out, n_aux;
  ufi_tensor **in;       /* NULL entries: omitted optional inputs */
  ufi_tensor **out;
  ufi_tensor **aux;      /* TFLite's intermediates (only their dtype and quant) */
  void *state;           /* ufi_ctx_state */
  void *scratch;         /* in eval: at least what prepare wanted; 64-byte aligned */
  ufi_pool *pool;
  uf_error *error;
  const ufi_done *done;  /* NULL, or in eval: to be told of every row once, or of none at all */
  bool running;          /* called while running: every input has its data */
  bool is_dead;          /* (executor) not run: in a branch that this run did not take */
  void *kept;            /* the op's own, until the frame goes (ufi_op_def.forget frees it) */
  /* the rest belongs to the executor */
  size_t scratch_size;
  bool is_dynamic;
  const struct ufi_node *node;
  struct ufi_frame *frame;
} ufi_ctx;

/* What an op can read its attributes from when the file is a .tflite. Absent
 * fields read as the schema's default. */
typedef struct ufi_tflite_attrs {
  ufi_fb_table options;    /* of the builtin (builtin_options or builtin_options_2) */
  uint8_t options_type;    /* union tag, 0: none */
  const uint8_t *custom;   /* custom_options, for custom ops: a FlexBuffer mostly */
  size_t custom_size;
  int32_t version;
  int32_t n_in, n_out;
  int32_t graph, node;     /* which node it is, for what it keeps under a name */
  ufi_arena *arena;        /* of the model: for arrays that attrs point to */
} ufi_tflite_attrs;

/* Attributes of a TensorFlow node, by name. Those that the file leaves out are there with the
 * default that the op's signature gives them (ops/tf_signature.h). Texts, lists and tensors live
 * as long as the model: an op's own struct may point to them. */
typedef struct ufi_tf_attrs {
  const char *op;          /* the TensorFlow name: rows with several tell them apart by it */
  const uf_attr *attrs;
  int32_t n;
  const char *name;        /* of the node */
  int32_t n_in, n_out;
  ufi_arena *arena;
  /* the index of the graph that a function became, -1: none of that name */
  int32_t (*graph_of)(const struct ufi_tf_attrs *from, const char *function);
  const void *functions;   /* what graph_of looks it up in */
} ufi_tf_attrs;
const uf_attr *ufi_tf_attr(const ufi_tf_attrs *attrs, const char *name); /* NULL: absent */
/* The values of attributes; what is absent or of another kind reads as zero, "", UF_INVALID. */
bool ufi_tf_bool(const ufi_tf_attrs *attrs, const char *name);
int64_t ufi_tf_int(const ufi_tf_attrs *attrs, const char *name);
double ufi_tf_float(const ufi_tf_attrs *attrs, const char *name);
uf_dtype ufi_tf_dtype(const ufi_tf_attrs *attrs, const char *name);
const char *ufi_tf_text(const ufi_tf_attrs *attrs, const char *name);
/* A list of ints (bools, dtypes): its elements and how many; NULL and 0 when absent. */
const int64_t *ufi_tf_ints(const ufi_tf_attrs *attrs, const char *name, int32_t *n_out);
/* Copies a list of at most max ints; INVALID_ARGUMENT when it has more. */
uf_status ufi_tf_copy_ints(const ufi_tf_attrs *attrs, const char *name, int32_t max, int64_t *out,
                           int32_t *n_out, uf_error *error) UF_MUST_USE;
/* Index in a list of words (NULL ends it) of a text attribute; INVALID_ARGUMENT naming all. */
uf_status ufi_tf_choice(const ufi_tf_attrs *attrs, const char *name, const char *const *words,
                        int32_t *index_out, uf_error *error) UF_MUST_USE;

struct ufi_bmm_geometry;
struct ufi_strips;

/* Elements [begin, begin + n) of an elementwise op's output, at `out`. An input with as many elements
 * is given from element `begin` on; of others, which are repeated, all is there. */
typedef void (*ufi_part_fn)(const ufi_ctx *ctx, const void *const in[2], void *out, size_t begin, size_t n);

typedef struct ufi_op_def {
  size_t attrs_size;
  uf_status (*attrs_tflite)(const ufi_tflite_attrs *from, void *attrs, uf_error *error);
  uf_status (*attrs_tf)(const ufi_tf_attrs *from, void *attrs, uf_error *error);
  uf_status (*infer)(ufi_ctx *ctx);
  uf_status (*prepare)(ufi_ctx *ctx);   /* may be NULL */
  uf_status (*eval)(ufi_ctx *ctx);
  /* NULL, or after prepare: what computes a piece of output 0 of a node of at most two inputs, if any
   * does; then eval need not be called. Every element of the output is made of one of each input. */
  ufi_part_fn (*part)(const ufi_ctx *ctx);
  /* The same for an op that takes rows of the last dimension of input 0, each by itself, to rows of the same length or
   * to one value each: begin, n and where it is given from count rows. */
  ufi_part_fn (*rows)(const ufi_ctx *ctx);
  /* NULL, or: whether all that this node does is to put the dimensions of input 0 in another order: dims[d] is d then. */
  bool (*turns)(ufi_ctx *ctx, int8_t dims[UF_MAX_RANK]);
  /* NULL, or: whether all that it does is to put zeros (of quantized elements zero points) around input 0: before[d] in front. */
  bool (*pads)(ufi_ctx *ctx, int8_t before[UF_MAX_RANK]);
  /* NULL, or after prepare: whether eval can take input k, which has `seen`, without memory of its own. */
  bool (*sees)(ufi_ctx *ctx, int32_t k);
  /* NULL, or after prepare: whether output 0 is a product of float32 matrices (ops/conv.h), of which nothing is packed
   * beforehand; which one. */
  bool (*product)(ufi_ctx *ctx, struct ufi_bmm_geometry *g);
  /* NULL, or after prepare: whether lines of output 0, an image, can be made of lines of input 0; how (ops/strips.h). */
  bool (*strips)(ufi_ctx *ctx, struct ufi_strips *s);
  void (*release)(void *state);         /* may be NULL: frees what state points to */
  void (*forget)(const void *attrs, void *kept); /* may be NULL: frees ctx->kept */
  /* NULL, or: what the op keeps in the store becomes what it was before the first run. */
  uf_status (*restart)(ufi_ctx *ctx);
  /* Ops that call graphs (IF, WHILE, CALL_ONCE ...): the at-th graph that attrs name, -1 past the
   * last. NULL: none. The open checks them: indices in range, no graph that calls itself. */
  int32_t (*calls)(const void *attrs, int32_t at);
} ufi_op_def;

enum {
  UFI_PURE = 1,              /* same inputs, same outputs; no effect: may be folded */
  UFI_READS_RESOURCE = 2,
  UFI_WRITES_RESOURCE = 4,
  UFI_STATEFUL = 8,          /* other effects: random numbers, calls of graphs */
  UFI_VIEW = 16,             /* output 0 is input 0's bytes with another shape; eval
                                must copy when out->data != in->data */
  UFI_SHAPE_ONLY = 32,       /* outputs depend on the shapes of the inputs alone */
  UFI_INPLACE = 64,          /* output 0 may lie on input 0's memory, if their sizes
                                are equal (or on input 1's, likewise) */
  UFI_GIVES_MEMORY = 128,    /* eval gives outputs their memory by ufi_host_take or
                                ufi_host_out_share */
  UFI_OMITTABLE = 256,       /* any input may be omitted (-1), the op checks each; of
                                other ops only those from min_in on, so that the
                                first min_in entries of ctx->in are never NULL */
  UFI_USER = 512,            /* an op of the caller's: it may keep inputs, which never lie in the arena, and
                                is not run again to read an intermediate */
  UFI_TELLS = 1024,          /* eval tells ctx->done of rows, in blocks that are still in the cache */
};

typedef struct ufi_op_row {
  const char *name;          /* "CONV_2D" */
  const ufi_op_def *def;
  int32_t tflite_code;       /* BuiltinOperator, -1: none */
  const char *custom_name;   /* TFLite custom op, "" mostly */
  const char *tf_names;      /* TensorFlow op names, separated by spaces */
  int32_t min_in, max_in;    /* max -1: any */
  int32_t min_out, max_out;
  uint32_t flags;
} ufi_op_row;

/* registry.c */
const ufi_op_row *ufi_op_row_at(int32_t i);               /* NULL past the end */
const ufi_op_row *ufi_op_by_tflite(int32_t code);         /* NULL: not supported */
const ufi_op_row *ufi_op_by_custom(const char *name);
const ufi_op_row *ufi_op_by_tf(const char *name);
const ufi_op_row *ufi_op_row_by_name(const char *name);   /* "CONV_2D" */
const char *ufi_tflite_op_name(int32_t code);             /* every builtin; NULL: unknown */
const char *ufi_tflite_op_missing(int32_t code);          /* what to say of a builtin without a row */
uf_dtype ufi_dtype_from_tflite(int32_t code);             /* of a TensorType; UF_INVALID: none */

/* ---- for infer, prepare and eval (op.c) ------------------------------------ */

/* True when input i's data may be read now. */
static inline bool ufi_known(const ufi_ctx *ctx, int32_t i) {
  return ctx->in[i] && (ctx->running || ctx->in[i]->is_const) &&
         (ctx->in[i]->data || ctx->in[i]->count == 0);
}
/* Input i, or NULL when omitted or beyond n_in. */
static inline ufi_tensor *ufi_in(const ufi_ctx *ctx, int32_t i) {
  return i < ctx->n_in ? ctx->in[i] : NULL;
}
/* Elements are numbers, or bools, of whole bytes: neither strings nor handles. */
static inline bool ufi_has_bytes(uf_dtype dtype) {
  return dtype != UF_STRING && dtype != UF_RESOURCE && dtype != UF_VARIANT && uf_dtype_bits(dtype) >= 8;
}

static inline bool ufi_same_shape(const ufi_tensor *a, const ufi_tensor *b) {
  return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}
/* Gives output i its shape (checked: rank, product, bytes); in eval also memory. */
uf_status ufi_out_shape(ufi_ctx *ctx, int32_t i, int32_t rank, const int64_t *dims) UF_MUST_USE;
/* Output i has this dtype, whatever the file says of it: as in TFLite, the op
 * knows better (files with other claims are about and run). Before
 * ufi_out_shape, which computes bytes from it. */
uf_status ufi_out_dtype(ufi_ctx *ctx, int32_t i, uf_dtype dtype) UF_MUST_USE;
/* Output i has the shape of tensor. */
uf_status ufi_out_like(ufi_ctx *ctx, int32_t i, const ufi_tensor *tensor) UF_MUST_USE;
/* Fails with "expected <what>, found ...". */
uf_status ufi_ctx_fail(ufi_ctx *ctx, uf_status status, const char *format, ...) UF_PRINTF(3, 4);
/* "input 1 'w' (int8, 3x3)" style text for messages. */
const char *ufi_tensor_text(const ufi_tensor *tensor, char out[512]);
/* Checks that input i is there and has one of the dtypes (a UF_INVALID ends the
 * list); WRONG_TYPE naming it otherwise. */
uf_status ufi_want_in(ufi_ctx *ctx, int32_t i, ...) UF_MUST_USE;
uf_status ufi_want_out(ufi_ctx *ctx, int32_t i, ...) UF_MUST_USE;
/* Inputs i and j (or output j) have one dtype. */
uf_status ufi_want_same(ufi_ctx *ctx, const ufi_tensor *a, const ufi_tensor *b) UF_MUST_USE;
uf_status ufi_want_rank(ufi_ctx *ctx, const ufi_tensor *t, int32_t min, int32_t max) UF_MUST_USE;
/* The NumPy/TFLite broadcast of two shapes; INVALID_ARGUMENT with both. */
uf_status ufi_broadcast(ufi_ctx *ctx, const ufi_tensor *a, const ufi_tensor *b, int32_t *rank_out,
                        int64_t dims_out[UF_MAX_RANK]) UF_MUST_USE;
/* Elements of a known int32 or int64 (also int8/16) tensor as int64. max: room in out. */
uf_status ufi_read_ints(ufi_ctx *ctx, const ufi_tensor *t, int64_t *out, int32_t max,
                        int32_t *n_out) UF_MUST_USE;
/* axis in [-rank, rank) made non-negative; INVALID_ARGUMENT otherwise. */
uf_status ufi_axis(ufi_ctx *ctx, int64_t axis, int32_t rank, int32_t *axis_out) UF_MUST_USE;

/* state of this node in this session: zeroed, kept until the next prepare; call
 * it in prepare. Sets and returns ctx->state; NULL (error set) out of memory. */
void *ufi_ctx_state(ufi_ctx *ctx, size_t size);
/* In prepare: eval needs that many bytes of scratch. Calls add up nothing: the largest wins. */
void ufi_want_scratch(ufi_ctx *ctx, size_t bytes);

/* Memory made once per model from constants only, and shared by all sessions:
 * packed weights. slot tells several of one node apart (0 to 3). If this slot
 * is not there yet, size zeroed bytes are allocated (64-byte aligned) and
 * fill(ctx, memory, arg) is called once (thread-safe). *out stays valid as
 * long as the model. Fill and size must depend on is_lasting inputs and on attrs
 * alone: shapes of other inputs may differ at the next allocate. With an input
 * that is not lasting, keep a copy in scratch instead. */
typedef uf_status (*ufi_fill_fn)(ufi_ctx *ctx, void *memory, void *arg);
uf_status ufi_packed(ufi_ctx *ctx, int32_t slot, size_t size, ufi_fill_fn fill, void *arg,
                     const void **out) UF_MUST_USE;

/* A form of a weight. Nodes of the same op share those of a lasting weight. tag and size tell them apart, as a resize may
 * ask for another (groups follow from the image's channels): what fill makes may depend on the weight, on tag, on the op
 * and on the dtype of input 0 alone. */
typedef struct ufi_weight_form {
  const ufi_tensor *weight;
  size_t size;
  int64_t tag;
} ufi_weight_form;

/* In eval: a weight as fill, which writes each of size bytes, makes it; good until that eval ends. A lasting one is kept,
 * as by ufi_packed, from the second time on that the node asks: many a model runs once, and pages for what is kept take
 * several times as long to get as weights to pack. Until then, and when the weight may change or the node keeps another
 * form, it is packed into memory that weights take in turn. */
uf_status ufi_packed_weight(ufi_ctx *ctx, int32_t slot, const ufi_weight_form *form, ufi_fill_fn fill, void *arg,
                            const void **out) UF_MUST_USE;
/* Its two parts, for ops that can do with less than all of a weight at a time: *out is NULL if it is not kept (yet); and
 * fill is called with that memory, where it packs and uses what it packed. */
uf_status ufi_packed_kept(ufi_ctx *ctx, int32_t slot, const ufi_weight_form *form, ufi_fill_fn fill, void *arg,
                          const void **out) UF_MUST_USE;
uf_status ufi_packed_once(ufi_ctx *ctx, size_t size, ufi_fill_fn fill, void *arg) UF_MUST_USE;
/* A lasting weight that is kept at once: others are packed while it is used. */
uf_status ufi_packed_now(ufi_ctx *ctx, int32_t slot, const ufi_weight_form *form, ufi_fill_fn fill, void *arg,
                         const void **out) UF_MUST_USE;

/* As ufi_packed, in eval, for a weight that may change between runs (a variable's value): kept in
 * this session for as long as the same memory comes again, which nobody writes while it is kept.
 * A lasting weight is packed once per model. fill's result must depend on weight and attrs alone. */
uf_status ufi_packed_for(ufi_ctx *ctx, int32_t slot, const ufi_tensor *weight, size_t size,
                         ufi_fill_fn fill, void *arg, const void **out) UF_MUST_USE;

/* The public view of a tensor, borrowed (its buf is not retained). */
uf_tensor ufi_view(const ufi_tensor *tensor);

/* An infer that knows nothing before the op runs, an eval that does nothing. */
uf_status ufi_nothing(ufi_ctx *ctx);
/* A part that no node has. */
ufi_part_fn ufi_no_part(const ufi_ctx *ctx);

/* ---- quantization ------------------------------------------------------------ */

static inline bool ufi_is_quantized(const ufi_tensor *t) { return t->quant && t->quant->count > 0; }
/* Scale and zero point of a per-tensor quantized value (1 and 0 when none). */
static inline float ufi_scale(const ufi_tensor *t) {
  return ufi_is_quantized(t) ? t->quant->scales[0] : 1.0f;
}
static inline int32_t ufi_zero(const ufi_tensor *t) {
  return ufi_is_quantized(t) ? (int32_t)t->quant->zero_points[0] : 0;
}

/* ---- fused activations (TFLite's ActivationFunctionType) ----------------------- */

typedef enum ufi_act {
  UFI_ACT_NONE, UFI_ACT_RELU, UFI_ACT_RELU_N1_TO_1, UFI_ACT_RELU6, UFI_ACT_TANH, UFI_ACT_SIGN_BIT,
} ufi_act;
/* Clamp limits of act for floats (-inf, inf for NONE). */
void ufi_act_range_f32(ufi_act act, float *min_out, float *max_out);
/* And for the quantized output t. */
void ufi_act_range_quant(ufi_act act, const ufi_tensor *t, int32_t *min_out, int32_t *max_out);

#endif
