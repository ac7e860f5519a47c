/* SPDX-License-Identifier: Apache-2.0
 *
 * read_variable.c: run a model once and print every variable it keeps.
 *
 *   cc read_variable.c $(pkg-config --cflags --libs unflow) -o read_variable
 *   ./read_variable model.tflite
 */
#include <stdio.h>
#include <unflow.h>

static int fail(const uf_error *error) {
  fprintf(stderr, "%s\n", error->message);
  return 1;
}

int main(int argc, char **argv) {
  uf_error error = {0};
  uf_model *model;
  uf_session *session;
  int32_t n;
  if (argc != 2) return fprintf(stderr, "usage: read_variable MODEL.tflite\n"), 2;
  if (uf_model_open(argv[1], NULL, &model, &error) != UF_OK) return fail(&error);
  if (uf_session_create(model, NULL, &session, &error) != UF_OK) return fail(&error);
  uf_model_release(model); /* the session keeps it */
  if (uf_session_run(session, 0, &error) != UF_OK) return fail(&error);
  if (uf_session_state_count(session, &n, &error) != UF_OK) return fail(&error);
  for (int32_t i = 0; i < n; i++) {
    uf_state_info info;
    uf_tensor value;
    if (uf_session_state(session, i, &info, &error) != UF_OK) return fail(&error);
    if (uf_session_state_read(session, i, &value, &error) != UF_OK) {
      printf("%s: %s\n", info.name, error.message);
      continue;
    }
    printf("%s: %s, %zu bytes\n", info.name, uf_dtype_name(value.dtype), value.size);
    uf_tensor_release(&value);
  }
  uf_session_release(session);
  return 0;
}
