/* SPDX-License-Identifier: Apache-2.0
 *
 * graphdef_remote.c: the bytes of a graph's file that is read by ranges, without its large
 * constants.
 *
 * Memory as large as the file is taken, but only what is read of it is ever touched, so that
 * offsets in memory are those in the file and the readers need not know. Blocks are
 * fetched in order; a message of more than SKIP bytes is entered, and when it turns
 * out to be the tensor_content of a constant, its bytes stay away. The way to one is
 *
 *   ... 1 node (3 node_def) / 5 attr / 2 value / 8 tensor / 4 tensor_content
 *
 * which begins below the file, a meta graph, a function and so on: any field up to 3 is entered
 * on the way. What is none of them is fetched whole.
 */
#include "source/graphdef.h"

enum { BLOCK = 128 << 10, SKIP = 64 << 10, DEPTH_MAX = 8, HEAD = 2 * UFI_VARINT_MAX };

typedef struct remote {
  ufi_file *file;
  uint8_t *data;
  uint64_t size;
  uint8_t *fetched; /* a byte for each block */
} remote;

/* Where on the way to a constant a message is: a graph, or what it lies in, or a node; then
 * an attribute's pair, its value, its tensor. */
typedef enum step { STEP_GRAPH, STEP_PAIR, STEP_VALUE, STEP_TENSOR } step;

/* Fetches the blocks of [begin, end) that are not there, neighbours at once. */
static uf_status need(remote *r, uint64_t begin, uint64_t end, uf_error *error) {
  end = UFI_MIN(end, r->size);
  for (uint64_t b = begin / BLOCK; b * BLOCK < end; b++) {
    uint64_t last = b;
    while (last * BLOCK < end && !r->fetched[last]) last++;
    if (last == b) continue;
    uint64_t from = b * BLOCK, to = UFI_MIN(last * BLOCK, r->size);
    UFI_TRY(ufi_file_read(r->file, from, to - from, r->data + from, error));
    memset(r->fetched + b, 1, (size_t)(last - b));
    b = last;
  }
  return UF_OK;
}

/* True when a large field of a message at that step is to be entered. */
static bool enters(step here, uint64_t field, step *inner_out) {
  switch (here) {
    case STEP_GRAPH:
      *inner_out = field == 5 ? STEP_PAIR : STEP_GRAPH; /* a node is told by its field 5 */
      return field <= 3 || field == 5;
    case STEP_PAIR: *inner_out = STEP_VALUE; return field == 2;
    case STEP_VALUE: *inner_out = STEP_TENSOR; return field == 8;
    default: return false;
  }
}

/* A field's key, and the size of its bytes; a number is passed over, with size 0. False: neither
 * is there. *at_io moves to behind them. */
static bool take_head(const remote *r, uint64_t *at_io, uint64_t end, uint64_t *field_out,
                      uint64_t *size_out) {
  ufi_bytes rest = {r->data + *at_io, (size_t)(UFI_MIN(*at_io + HEAD, end) - *at_io)};
  uint64_t key, number;
  if (!ufi_varint_take(&rest, &key) || ((key & 7) != 0 && (key & 7) != 2) ||
      !ufi_varint_take(&rest, &number))
    return false;
  uint64_t at = (uint64_t)(rest.data - r->data);
  if ((key & 7) == 2 && number > end - at) return false;
  *at_io = at;
  *field_out = key >> 3;
  *size_out = (key & 7) == 2 ? number : 0;
  return true;
}

static uf_status walk(remote *r, uint64_t at, uint64_t end, step here, int depth, uf_error *error) {
  while (at < end) {
    uint64_t field, size;
    step inner;
    UFI_TRY(need(r, at, UFI_MIN(at + HEAD, end), error));
    if (!take_head(r, &at, end, &field, &size))
      return need(r, at, end, error); /* damaged, or no message: whoever reads it will tell */
    bool away = size > SKIP && here == STEP_TENSOR && field == 4;
    bool enter = size > SKIP && depth < DEPTH_MAX && enters(here, field, &inner);
    if (enter) UFI_TRY(walk(r, at, at + size, inner, depth + 1, error));
    else if (!away) UFI_TRY(need(r, at, at + size, error));
    at += size;
  }
  return UF_OK;
}

uf_status ufi_graph_fetch(ufi_file *file, uf_buf **bytes_out, uf_error *error) {
  remote r = {.file = file, .size = ufi_file_size(file)};
  if (r.size > PTRDIFF_MAX) return ufi_no_memory(error, SIZE_MAX);
  r.data = ufi_calloc((size_t)r.size + 1, 1); /* zeros that are not there before they are used */
  r.fetched = ufi_calloc((size_t)(r.size / BLOCK) + 1, 1);
  uf_buf *bytes = r.data ? uf_buf_wrap(r.data, (size_t)r.size, ufi_free, r.data) : NULL;
  if (!bytes) ufi_free(r.data);
  uf_status status = bytes && r.fetched ? UF_OK : ufi_no_memory(error, (size_t)r.size);
  if (status == UF_OK) status = walk(&r, 0, r.size, STEP_GRAPH, 0, error);
  ufi_free(r.fetched);
  if (status == UF_OK) *bytes_out = bytes;
  else uf_buf_release(bytes);
  return status;
}

bool ufi_graph_is_away(const ufi_tensor_proto *t) { return t->content.size > SKIP; }
