/* SPDX-License-Identifier: Apache-2.0
 *
 * tflite_sniff.c: says what a file is that is no TFLite model, since "invalid
 * model" has cost people hours. Looks at the first bytes only.
 */
#include "graph/tflite.h"

static bool starts(const uint8_t *bytes, size_t size, const char *magic, size_t magic_size) {
  return size >= magic_size && memcmp(bytes, magic, magic_size) == 0;
}
#define STARTS(magic) starts(bytes, size, magic, sizeof(magic) - 1)

/* A SavedModel begins with field 1 (schema version, a varint of 1) and field 2
 * (the MetaGraph); a GraphDef with field 1 (a node), whose first field is its
 * name. */
static const char *protobuf_kind(const uint8_t *bytes, size_t size) {
  if (STARTS("\x08\x01\x12")) {
    return "a TensorFlow SavedModel (saved_model.pb); convert it with tf.lite.TFLiteConverter";
  }
  if (size > 4 && bytes[0] == 0x0a && (bytes[2] == 0x0a || bytes[3] == 0x0a)) {
    return "a protobuf message, perhaps a frozen TensorFlow graph; convert it with "
           "tf.lite.TFLiteConverter";
  }
  if (size > 2 && bytes[0] == 0x08 && bytes[2] == 0x12) {
    return "a protobuf message, perhaps an ONNX model; convert it to TFLite first";
  }
  return NULL;
}

static bool is_text(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < UFI_MIN(size, (size_t)256); i++) {
    if (bytes[i] >= 0x7f || (bytes[i] < 0x20 && !strchr("\t\n\r\f", bytes[i]))) return false;
  }
  return true;
}

static const char *kind(const uint8_t *bytes, size_t size) {
  if (size == 0) return "an empty file; copy or download it again";
  if (STARTS("PK\x03\x04")) {
    return "a zip archive (a .keras model, a .task bundle or an .npz file); unpack it, or convert "
           "the Keras model with tf.lite.TFLiteConverter";
  }
  if (STARTS("\x89HDF\r\n\x1a\n")) {
    return "an HDF5 file (a Keras .h5 model); convert it with tf.lite.TFLiteConverter";
  }
  if (STARTS("version https://git-lfs")) {
    return "a Git LFS pointer, not the file it stands for; fetch it with `git lfs pull`";
  }
  if (STARTS("\x1f\x8b")) return "a gzip file; decompress it first";
  if (STARTS("BZh")) return "a bzip2 file; decompress it first";
  if (STARTS("\xfd" "7zXZ")) return "an xz file; decompress it first";
  if (STARTS("\x28\xb5\x2f\xfd")) return "a zstd file; decompress it first";
  if (STARTS("\x93NUMPY")) return "a NumPy array (.npy), not a model";
  if (STARTS("\x7f" "ELF")) return "a program or shared library, not a model";
  if (STARTS("GGUF")) return "a GGUF model, which this library does not read";
  if (STARTS("\x80\x02") || STARTS("\x80\x03") || STARTS("\x80\x04") || STARTS("\x80\x05")) {
    return "a Python pickle, not a model of TFLite";
  }
  if (size >= 8 && memcmp(bytes + 4, "TFL", 3) == 0) {
    return "a TFLite model of another format version; convert it again with a current converter";
  }
  bool all_text = is_text(bytes, size);
  if (all_text && (STARTS("<!DOCTYPE") || STARTS("<!doctype") || STARTS("<html") ||
                   STARTS("<HTML") || STARTS("<?xml"))) {
    return "a web page (HTML), perhaps the page of a download that failed; download the file "
           "itself";
  }
  if (all_text && bytes[0] == '{') return "JSON text, not a model";
  if (all_text) return "plain text, not a model";
  return protobuf_kind(bytes, size);
}

uf_status ufi_tflite_sniff(const uint8_t *bytes, size_t size, uf_error *error) {
  static const char expected[] = "expected a TFLite model (identifier TFL3 at byte 4)";
  const char *found = kind(bytes, size);
  if (found) return ufi_fail(error, UF_INVALID_ARGUMENT, "%s, found %s", expected, found);
  if (size < 8) {
    return ufi_fail(error, UF_INVALID_ARGUMENT, "%s, found a file of %zu bytes; copy or download "
                    "it again", expected, size);
  }
  return ufi_fail(error, UF_INVALID_ARGUMENT,
                  "%s, found bytes %02x %02x %02x %02x there; check that this is the right file",
                  expected, bytes[4], bytes[5], bytes[6], bytes[7]);
}
