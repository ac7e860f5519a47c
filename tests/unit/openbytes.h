/* SPDX-License-Identifier: Apache-2.0
 *
 * openbytes.h: opens hand-made bytes as a model named "t", and compares the
 * exact message when it must fail. For cmocka tests; included after it.
 */
#ifndef TESTS_OPENBYTES_H
#define TESTS_OPENBYTES_H

#include "base/base.h"
#include "tinymodel.h"

/* A buf with a copy, so that a read behind the end is seen by the sanitizers. */
static inline uf_buf *copy_of(const void *bytes, size_t size) {
  uf_buf *buf = uf_buf_create(size);
  assert_non_null(buf);
  if (size > 0) memcpy(uf_buf_data(buf), bytes, size);
  return buf;
}

static inline uf_status open_bytes(const void *bytes, size_t size, uf_model **model_out, uf_error *error) {
  uf_open_options options = {.struct_size = sizeof options, .name = "t"};
  uf_buf *buf = copy_of(bytes, size);
  uf_status status = uf_model_open_buf(buf, &options, model_out, error);
  uf_buf_release(buf);
  return status;
}

static inline uf_model *must_open(const tiny *t) {
  uf_model *model = NULL;
  uf_error error = {0};
  if (open_bytes(t->w.data, t->w.n, &model, &error) != UF_OK) fail_msg("%s", error.message);
  return model;
}

static inline void expect_bytes(const void *bytes, size_t size, uf_status status, const char *message) {
  uf_model *model = NULL;
  uf_error error = {0};
  uf_status found = open_bytes(bytes, size, &model, &error);
  if (found == UF_OK) uf_model_release(model);
  assert_string_equal(error.message, message);
  assert_int_equal(found, status);
}

static inline void expect(const tiny *t, uf_status status, const char *message) {
  expect_bytes(t->w.data, t->w.n, status, message);
}

/* Every allocation of an open fails once; none of it leaks (the sanitizers watch). */
static inline void sweep(const tiny *t) {
  for (int64_t n = 1;; n++) {
    assert_true(n < 10000);
    uf_buf *buf = copy_of(t->w.data, t->w.n);
    uf_model *model = NULL;
    uf_error error = {0};
    ufi_fail_allocation(n);
    uf_status status = uf_model_open_buf(buf, NULL, &model, &error);
    ufi_fail_allocation(0);
    uf_buf_release(buf);
    if (status == UF_OK) {
      uf_model_release(model);
      if (n > 1) return;
    }
    assert_int_equal(status, UF_RESOURCE_EXHAUSTED);
  }
}

#endif
