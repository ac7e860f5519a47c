/* SPDX-License-Identifier: Apache-2.0
 *
 * py_details.c: the dictionaries about tensors and ops that LiteRT's
 * Interpreter gives, key for key and type for type: arrays are int32 and
 * float32, dtypes are NumPy scalar classes, a tensor with one scale has it in
 * `quantization` too, and one that is not quantized has (0.0, 0) there.
 */
#include "_core.h"

/* The class that LiteRT gives as a tensor's 'dtype'; new reference. */
static PyObject *dtype_class(core_state *state, uf_dtype dtype) {
  PyArray_Descr *descr = dtype == UF_STRING ? PyArray_DescrFromType(NPY_STRING)
                                            : core_descr(state, dtype, CORE_LITE);
  if (descr == NULL) return NULL;
  PyObject *class = (PyObject *)descr->typeobj;
  Py_INCREF(class);
  Py_DECREF(descr);
  return class;
}

static PyObject *dims_array(int32_t rank, const int64_t *dims) {
  int32_t narrow[UF_MAX_RANK];
  for (int32_t i = 0; i < rank; i++)
    narrow[i] = dims[i] > INT32_MAX ? INT32_MAX : (int32_t)dims[i];
  return core_int32_array(narrow, rank < 0 ? 0 : rank);
}

/* Blockwise: none at all when every one is zero, as LiteRT has it for a file
 * without a tensor of zero points. */
static PyObject *zero_points(const uf_quant *quant) {
  npy_intp n = quant == NULL ? 0 : (npy_intp)quant->count;
  bool any = quant == NULL || quant->block_size == 0;
  for (npy_intp i = 0; !any && i < n; i++) any = quant->zero_points[i] != 0;
  if (!any) n = 0;
  PyObject *array = PyArray_SimpleNew(1, &n, NPY_INT32);
  int32_t *to = array == NULL ? NULL : PyArray_DATA((PyArrayObject *)array);
  for (npy_intp i = 0; to != NULL && i < n; i++) to[i] = (int32_t)quant->zero_points[i];
  return array;
}

/* float32; blockwise ones are float16 in the file and there too. */
static PyObject *scales(const uf_quant *quant) {
  npy_intp n = quant == NULL ? 0 : (npy_intp)quant->count;
  PyObject *array = PyArray_SimpleNew(1, &n, NPY_FLOAT32);
  if (array != NULL && n > 0)
    memcpy(PyArray_DATA((PyArrayObject *)array), quant->scales, (size_t)n * sizeof(float));
  if (array == NULL || quant == NULL || quant->block_size == 0) return array;
  PyObject *half = PyArray_CastToType((PyArrayObject *)array, PyArray_DescrFromType(NPY_HALF), 0);
  Py_DECREF(array);
  return half;
}

static PyObject *index_array(const uf_index_list *list) {
  npy_intp n = (npy_intp)list->count;
  PyObject *array = PyArray_SimpleNew(1, &n, NPY_INT32);
  int32_t *to = array == NULL ? NULL : PyArray_DATA((PyArrayObject *)array);
  const uint8_t *from = list->data;
  if (to == NULL) return NULL;
  if (list->dtype == UF_INT32 && n > 0) memcpy(to, from, (size_t)n * sizeof(int32_t));
  for (npy_intp i = 0; list->dtype != UF_INT32 && i < n; i++)
    to[i] = list->dtype == UF_UINT8 ? from[i] : from[2 * i] | from[2 * i + 1] << 8;
  return array;
}

static PyObject *level_dict(const uf_sparse_level *level) {
  if (level->is_dense)
    return Py_BuildValue("{s:i,s:i}", "format", 0, "dense_size", (int)level->dense_size);
  return Py_BuildValue("{s:i,s:N,s:N}", "format", 1, "array_segments",
                       index_array(&level->segments), "array_indices",
                       index_array(&level->indices));
}

PyObject *core_sparsity(const uf_sparsity *sparsity) {
  if (sparsity == NULL) return PyDict_New();
  PyObject *levels = PyList_New(sparsity->n_levels);
  for (int32_t i = 0; levels != NULL && i < sparsity->n_levels; i++) {
    PyObject *level = level_dict(&sparsity->levels[i]);
    if (level == NULL || PyList_SetItem(levels, i, level) < 0) Py_CLEAR(levels);
  }
  return Py_BuildValue("{s:N,s:N,s:N}", "traversal_order",
                       core_int32_array(sparsity->traversal_order, sparsity->n_levels),
                       "block_map", core_int32_array(sparsity->block_map, sparsity->n_blocks),
                       "dim_metadata", levels);
}

static PyObject *details_of(core_state *state, int32_t index, const uf_value_info *info,
                            const uf_tensor *now) {
  const uf_quant *quant = info->quant != NULL && info->quant->count > 0 ? info->quant : NULL;
  bool whole = quant != NULL && quant->count == 1 && quant->block_size == 0;
  bool has_signature = info->signature_rank > 0;
  return Py_BuildValue(
      "{s:N,s:i,s:N,s:N,s:N,s:(di),s:{s:N,s:N,s:i,s:i},s:N}", "name", core_text(info->name),
      "index", index, "shape", dims_array(now->rank, now->dims), "shape_signature",
      has_signature ? dims_array(info->signature_rank, info->dims_signature)
                    : dims_array(now->rank, now->dims),
      "dtype", dtype_class(state, now->dtype), "quantization",
      whole ? (double)quant->scales[0] : 0.0, whole ? (int)quant->zero_points[0] : 0,
      "quantization_parameters", "scales", scales(quant), "zero_points", zero_points(quant),
      "quantized_dimension", quant == NULL ? 0 : (int)quant->axis, "block_size",
      quant == NULL ? 0 : (int)quant->block_size, "sparsity_parameters",
      core_sparsity(info->sparsity));
}

/* _details(graph, index) */
PyObject *core_session_details(core_session *self, PyObject *args) {
  int32_t graph, index;
  if (!PyArg_ParseTuple(args, "O&O&", core_index, &graph, core_index,
                        &index) || !core_enter(self)) return NULL;
  CORE_ERROR(error);
  uf_value_info info;
  uf_tensor now;
  uf_status status = uf_model_value(core_session_model(self), graph, index, &info, &error);
  if (status == UF_OK &&
      (uf_session_shape(self->session, graph, index, &now, NULL) != UF_OK || now.rank < 0)) {
    now.rank = info.rank < 0 ? 0 : info.rank;
    memcpy(now.dims, info.dims, sizeof(now.dims));
    now.dtype = info.dtype;
  }
  /* An op may know its output's dtype better than the file; a handle stays one. */
  if (status == UF_OK && info.dtype == UF_RESOURCE) now.dtype = info.dtype;
  core_leave(self);
  if (status != UF_OK) return core_raise(self->state, &error, CORE_ANY);
  return details_of(self->state, index, &info, &now);
}

/* The dtype classes of the values that are there. */
static PyObject *dtype_classes(core_session *self, int32_t graph, const int32_t *values,
                               int32_t n) {
  PyObject *list = PyList_New(0);
  for (int32_t i = 0; list != NULL && i < n; i++) {
    uf_value_info info;
    if (values[i] < 0) continue; /* an optional input left out */
    if (uf_model_value(core_session_model(self), graph, values[i], &info, NULL) != UF_OK) continue;
    PyObject *class = dtype_class(self->state, info.dtype);
    if (class == NULL || PyList_Append(list, class) < 0) Py_CLEAR(list);
    Py_XDECREF(class);
  }
  return list;
}

/* _op_details(graph, node) */
PyObject *core_session_op_details(core_session *self, PyObject *args) {
  int32_t graph, node;
  if (!PyArg_ParseTuple(args, "O&O&", core_index, &graph, core_index,
                        &node) || !core_enter(self)) return NULL;
  core_leave(self); /* only the model is asked, which never changes */
  CORE_ERROR(error);
  uf_node_info info;
  if (uf_model_node(core_session_model(self), graph, node, &info, &error) != UF_OK)
    return core_raise(self->state, &error, CORE_ANY);
  return Py_BuildValue("{s:i,s:N,s:N,s:N,s:N,s:N}", "index", node, "op_name", core_text(info.op),
                       "inputs", core_int32_array(info.inputs, info.n_inputs), "outputs",
                       core_int32_array(info.outputs, info.n_outputs), "operand_types",
                       dtype_classes(self, graph, info.inputs, info.n_inputs), "result_types",
                       dtype_classes(self, graph, info.outputs, info.n_outputs));
}
