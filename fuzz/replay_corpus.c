/* SPDX-License-Identifier: Apache-2.0
 *
 * replay_corpus.c: runs a fuzz target over files and folders without a fuzzer, each
 * file as it is, cut off at several places, and with single bytes changed, so
 * that the normal tests walk the same paths. Ends with a count.
 *
 *   fuzz_tflite_replay fuzz/corpus/tflite
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define MUTATIONS 400 /* changed bytes tried for each file */

static unsigned long n_files, n_inputs;

static void one(const uint8_t *bytes, size_t size) {
  LLVMFuzzerTestOneInput(bytes, size);
  n_inputs++;
}

/* The same changes on every machine: a small linear congruential generator. */
static uint32_t next(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}

static void mutate(uint8_t *bytes, size_t size) {
  static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
  uint32_t seed = 1;
  for (int i = 0; size > 0 && i < MUTATIONS; i++) {
    size_t at = next(&seed) % size;
    uint8_t old = bytes[at];
    bytes[at] = i % 3 == 0 ? (uint8_t)(old ^ (1u << next(&seed) % 8)) : values[next(&seed) % 5];
    one(bytes, size);
    bytes[at] = old;
  }
  for (size_t part = 1; part < 16; part++) one(bytes, size * part / 16);
}

static int run_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    fprintf(stderr, "%s: cannot be opened\n", path);
    return 1;
  }
  size_t size = 0, room = 1 << 16;
  uint8_t *bytes = malloc(room);
  while (bytes && (size += fread(bytes + size, 1, room - size, file)) == room) {
    room *= 2;
    bytes = realloc(bytes, room);
  }
  fclose(file);
  if (!bytes) return 1;
  one(bytes, size);
  mutate(bytes, size);
  free(bytes);
  n_files++;
  return 0;
}

static int run_folder(const char *path, DIR *folder) {
  int failures = 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    char name[4096];
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    failures += run_file(name);
  }
  closedir(folder);
  return failures;
}

int main(int argc, char **argv) {
  int failures = 0;
  for (int i = 1; i < argc; i++) {
    DIR *folder = opendir(argv[i]);
    failures += folder ? run_folder(argv[i], folder) : run_file(argv[i]);
  }
  printf("%lu files, %lu inputs\n", n_files, n_inputs);
  return failures > 0 || n_files == 0;
}
