/* SPDX-License-Identifier: Apache-2.0
 *
 * tflite_sparse.c: a sparse constant becomes dense when the model is opened.
 *
 * The format is TACO's. A tensor of rank n with k block dimensions is seen as
 * one of rank n + k: dimension block_map[b] is cut into blocks, whose inside is
 * dimension n + b. The n + k dimensions are walked in traversal_order as the
 * levels of a tree; each level is dense (every index, dense_size of them) or
 * compressed (CSR): entry p of the level above has the indices
 * array_indices[array_segments[p]] to array_indices[array_segments[p + 1] - 1].
 * The leaves, in that order, are the stored values.
 *
 * Each level adds index * stride to the place in the dense array, so that a
 * walk of the levels with a running sum finds every leaf's place. Segments must
 * follow one another without gaps, which bounds the walk by the dense size.
 *
 * What the file says stays as it is beside the dense bytes (ufi_sparse), for
 * whoever asks for it: lists and values are not copied.
 */
#include "graph/tflite.h"

#define MAX_LEVELS (2 * UF_MAX_RANK)

enum { DIM_DENSE, DIM_CSR };

typedef struct tree_level {
  bool is_dense;
  int64_t size;       /* of the dimension */
  int64_t stride;     /* in elements of the dense array */
  uf_index_list segments, indices;
  int64_t at, end;    /* entries of the current parent: dense indices, or places in `indices` */
  int64_t next;       /* where the next parent's segment must begin */
  int64_t place;      /* sum of index * stride up to this level */
} tree_level;

typedef struct walk {
  ufi_tflite *r;
  const ufi_value *value;
  int32_t n, k;                /* rank, block dimensions */
  int64_t block[UF_MAX_RANK];  /* by dimension: block size, 1 when not blocked */
  tree_level levels[MAX_LEVELS];
  int32_t n_levels;
} walk;

static uf_status damaged(const walk *w, const char *what) {
  return ufi_fail(w->r->error, UF_DATA_LOSS, "expected valid sparsity parameters, found %s; the "
                  "file is damaged", what);
}

/* ---- the parameters ------------------------------------------------------------- */

static int64_t index_at(const uf_index_list *list, int64_t i) {
  const uint8_t *p = list->data;
  if (list->dtype == UF_UINT8) return p[i];
  return list->dtype == UF_UINT16 ? ufi_load16(p + 2 * i) : (int32_t)ufi_load32(p + 4 * i);
}

/* The union SparseIndexVector: its type in `field`, its table after it. */
static uf_status read_list(const walk *w, const ufi_fb_table *table, int field,
                           uf_index_list *out) {
  /* none, Int32Vector, Uint16Vector, Uint8Vector */
  static const uf_dtype dtypes[] = {UF_INVALID, UF_INT32, UF_UINT16, UF_UINT8};
  uint8_t type = ufi_fb_u8(table, field, 0);
  ufi_fb_table vector = ufi_fb_sub(table, field + 1);
  UFI_TRY(ufi_tflite_ok(w->r));
  if (type == 0 || type >= UFI_COUNT(dtypes) || !vector.fb) {
    return damaged(w, "a compressed dimension without indices");
  }
  ufi_fb_vector list = ufi_fb_vec(&vector, 0, (size_t)uf_dtype_bits(dtypes[type]) / 8);
  *out = (uf_index_list){dtypes[type], list.count, list.data};
  return ufi_tflite_ok(w->r);
}

static uf_status read_level(const walk *w, tree_level *level, const ufi_fb_table *table) {
  int8_t format = ufi_fb_i8(table, DIM_FORMAT, DIM_DENSE);
  level->size = ufi_fb_i32(table, DIM_DENSE_SIZE, 0);
  UFI_TRY(ufi_tflite_ok(w->r));
  level->is_dense = format == DIM_DENSE;
  if (level->is_dense) return UF_OK;
  if (format != DIM_CSR) return damaged(w, "a dimension that is neither dense nor compressed");
  UFI_TRY(read_list(w, table, DIM_SEGMENTS_TYPE, &level->segments));
  return read_list(w, table, DIM_INDICES_TYPE, &level->indices);
}

/* order: a permutation of the n dimensions, then one of the k block dimensions. */
static uf_status check_order(const walk *w, const ufi_fb_vector *order, const ufi_fb_vector *map) {
  bool seen[MAX_LEVELS] = {false}, blocked[UF_MAX_RANK] = {false};
  for (int32_t l = 0; l < w->n_levels; l++) {
    int32_t d = ufi_fb_vec_i32(order, (uint32_t)l);
    bool fits = l < w->n ? d >= 0 && d < w->n : d >= w->n && d < w->n_levels;
    if (!fits || seen[d]) return damaged(w, "a traversal order that is no permutation");
    seen[d] = true;
  }
  for (int32_t b = 0; b < w->k; b++) {
    int32_t d = ufi_fb_vec_i32(map, (uint32_t)b);
    if (d < 0 || d >= w->n || blocked[d]) {
      return damaged(w, "a block map with dimensions that the tensor does not have");
    }
    blocked[d] = true;
  }
  return UF_OK;
}

/* Sizes and strides of the levels, from the shape and the block sizes. */
static uf_status size_levels(walk *w, const ufi_fb_vector *order, const ufi_fb_vector *map) {
  int64_t strides[UF_MAX_RANK];
  int64_t stride = 1;
  for (int32_t d = w->n - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= w->value->dims[d];
    w->block[d] = 1;
  }
  for (int32_t l = w->n; l < w->n_levels; l++) {
    tree_level *level = &w->levels[l];
    int32_t d = ufi_fb_vec_i32(map, (uint32_t)(ufi_fb_vec_i32(order, (uint32_t)l) - w->n));
    if (!level->is_dense || level->size < 1) return damaged(w, "blocks that are not dense");
    if (w->value->dims[d] % level->size != 0) {
      return damaged(w, "blocks that do not divide the dimension");
    }
    w->block[d] = level->size;
    level->stride = strides[d];
  }
  for (int32_t l = 0; l < w->n; l++) {
    tree_level *level = &w->levels[l];
    int32_t d = ufi_fb_vec_i32(order, (uint32_t)l);
    int64_t size = w->value->dims[d] / w->block[d];
    if (level->is_dense && level->size != size) {
      return damaged(w, "a dense dimension of another size than the shape's");
    }
    level->size = size;
    level->stride = strides[d] * w->block[d];
  }
  return UF_OK;
}

static uf_status read_levels(walk *w, const ufi_fb_table *sparsity) {
  ufi_fb_vector order = ufi_fb_vec(sparsity, SPARSITY_ORDER, 4);
  ufi_fb_vector map = ufi_fb_vec(sparsity, SPARSITY_BLOCK_MAP, 4);
  ufi_fb_vector dims = ufi_fb_vec(sparsity, SPARSITY_DIMS, 4);
  UFI_TRY(ufi_tflite_ok(w->r));
  w->n = w->value->rank;
  if (map.count > (uint32_t)w->n) return damaged(w, "more block dimensions than dimensions");
  w->k = (int32_t)map.count;
  w->n_levels = w->n + w->k;
  if (order.count != (uint32_t)w->n_levels || dims.count != order.count) {
    return damaged(w, "lists of another length than the rank");
  }
  for (int32_t l = 0; l < w->n_levels; l++) {
    ufi_fb_table table = ufi_fb_vec_table(&dims, (uint32_t)l);
    UFI_TRY(read_level(w, &w->levels[l], &table));
  }
  UFI_TRY(check_order(w, &order, &map));
  return size_levels(w, &order, &map);
}

/* ---- the walk ------------------------------------------------------------------------ */

/* Sets the entries of level l below the parent'th entry of the level above. */
static uf_status open_level(walk *w, int32_t l, int64_t parent) {
  tree_level *level = &w->levels[l];
  if (level->is_dense) {
    level->at = 0;
    level->end = level->size;
    return UF_OK;
  }
  if (parent + 1 >= level->segments.count) {
    return damaged(w, "too few segments of a compressed dimension");
  }
  level->at = index_at(&level->segments, parent);
  level->end = index_at(&level->segments, parent + 1);
  if (level->at != level->next || level->end < level->at ||
      level->end > level->indices.count) {
    return damaged(w, "segments of a compressed dimension that do not follow one another");
  }
  level->next = level->end;
  return UF_OK;
}

/* Number of the entry that level l stands at, among all entries of its level:
 * the `parent` of the level below. */
static int64_t entry(const walk *w, int32_t l, const int64_t parents[MAX_LEVELS]) {
  const tree_level *level = &w->levels[l];
  return level->is_dense ? parents[l] * level->size + level->at : level->at;
}

/* Goes to the place of the current entry of level l. */
static uf_status step_in(walk *w, int32_t l) {
  tree_level *level = &w->levels[l];
  int64_t index = level->is_dense ? level->at : index_at(&level->indices, level->at);
  if (index < 0 || index >= level->size) return damaged(w, "an index outside of its dimension");
  level->place = (l > 0 ? w->levels[l - 1].place : 0) + index * level->stride;
  return UF_OK;
}

/* Element `from` of what is stored to element `to` of what is dense. */
static void put(int bits, uint8_t *dense, size_t to, const uint8_t *data, size_t from) {
  if (bits >= 8) {
    size_t element = (size_t)bits / 8;
    memcpy(dense + to * element, data + from * element, element);
    return;
  }
  size_t in = from * (size_t)bits, out = to * (size_t)bits;
  unsigned value = (unsigned)data[in / 8] >> in % 8 & ((1u << bits) - 1);
  dense[out / 8] = (uint8_t)(dense[out / 8] | value << out % 8);
}

/* Every value to its place; *used_out: how many. */
static uf_status scatter(walk *w, const uint8_t *data, size_t stored, int bits, uint8_t *dense,
                         size_t *used_out) {
  int64_t parents[MAX_LEVELS] = {0};
  size_t used = 0;
  int32_t last = w->n_levels - 1, l = 0;
  UFI_TRY(open_level(w, 0, 0));
  while (l >= 0) {
    tree_level *level = &w->levels[l];
    if (level->at == level->end) { /* this parent is done: on with the level above */
      if (--l >= 0) w->levels[l].at++;
      continue;
    }
    UFI_TRY(step_in(w, l));
    if (l < last) {
      parents[l + 1] = entry(w, l, parents);
      l++;
      UFI_TRY(open_level(w, l, parents[l]));
      continue;
    }
    if (used == stored) return damaged(w, "fewer values than the indices speak of");
    put(bits, dense, (size_t)level->place, data, used++);
    level->at++;
  }
  *used_out = used;
  return UF_OK;
}

/* What the file says, for uf_model_value and uf_model_sparse_values. */
static uf_status keep(const walk *w, const ufi_fb_table *sparsity, const uint8_t *data,
                      ufi_sparse **out) {
  ufi_sparse *kept = ufi_tflite_array(w->r, 1, sizeof *kept);
  uf_sparse_level *levels =
      kept ? ufi_tflite_array(w->r, (size_t)w->n_levels, sizeof *levels) : NULL;
  if (!levels) return UF_RESOURCE_EXHAUSTED;
  uf_sparsity *p = &kept->parameters;
  UFI_TRY(ufi_tflite_ints(w->r, sparsity, SPARSITY_ORDER, &p->traversal_order, &p->n_levels));
  UFI_TRY(ufi_tflite_ints(w->r, sparsity, SPARSITY_BLOCK_MAP, &p->block_map, &p->n_blocks));
  for (int32_t l = 0; l < w->n_levels; l++) {
    const tree_level *from = &w->levels[l];
    levels[l] = (uf_sparse_level){.is_dense = from->is_dense};
    if (from->is_dense) levels[l].dense_size = (int32_t)from->size;
    else levels[l].segments = from->segments, levels[l].indices = from->indices;
  }
  p->levels = levels;
  kept->values = data;
  *out = kept;
  return UF_OK;
}

uf_status ufi_tflite_densify(ufi_tflite *r, ufi_graph *graph, int32_t i,
                             const ufi_fb_table *sparsity, const uint8_t *data, size_t size) {
  ufi_value *value = &graph->values[i];
  int bits = uf_dtype_bits(value->dtype);
  if (value->dtype == UF_STRING || value->rank < 1) {
    value->kind = UF_VALUE_ACTIVATION; /* no bytes that anybody could read */
    return ufi_tflite_block(r, graph, i, ufi_tflite_text(r,
        "expected sparse tensors of numbers and of rank 1 or more, found '%.64s' of %s and rank %d",
        value->name, uf_dtype_name(value->dtype), (int)value->rank));
  }
  walk w = {.r = r, .value = value};
  UFI_TRY(read_levels(&w, sparsity));
  ufi_sparse *kept;
  UFI_TRY(keep(&w, sparsity, data, &kept));
  int64_t count = 0;
  size_t bytes = 0, stored = size / (size_t)bits * 8 + size % (size_t)bits * 8 / (size_t)bits;
  (void)ufi_shape_count(value->rank, value->dims, &count); /* checked with the shape */
  (void)ufi_dtype_bytes(value->dtype, count, &bytes);
  UFI_TRY(ufi_tflite_own(r, bytes));
  uf_buf *buf = uf_buf_create(bytes);
  if (!buf) return ufi_no_memory(r->error, bytes);
  memset(uf_buf_data(buf), 0, bytes);
  value->buf = buf; /* the model's from here on, errors included */
  value->data = uf_buf_data(buf);
  value->size = bytes;
  size_t used = 0;
  if (count > 0) UFI_TRY(scatter(&w, data, stored, bits, uf_buf_data(buf), &used));
  /* The last byte of packed integers may hold one that is not there. */
  kept->n_values = (int64_t)(bits < 8 ? used : stored);
  value->sparse = kept;
  return UF_OK;
}
