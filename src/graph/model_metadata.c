/* SPDX-License-Identifier: Apache-2.0
 *
 * model_metadata.c: what a model's metadata says, as JSON.
 *
 * The entry TFLITE_METADATA is a FlatBuffer of its own (root table ModelMetadata, identifier M001): what
 * the model is for, what each input and output means, how to normalise inputs, which packed file holds
 * the labels. Its schema is that of TensorFlow Lite Support (metadata_schema.fbs, version 1.5); the
 * tables below repeat it, each field at its number, and one walk writes them. Absent fields are left out.
 */
#include <stdio.h>

#include "format/json_write.h"
#include "graph/graph.h"

typedef enum kind { NONE, TEXT, TEXTS, UINT, UINTS, INT, FLOAT, FLOATS, BYTES, ENUM, TABLE, TABLES, UNION } kind;

typedef struct shape shape;

/* One field. A union takes two numbers, its type and its value: NONE stands before it. */
typedef struct field {
  const char *name;
  kind kind;
  const shape *table;           /* TABLE, TABLES */
  const char *const *words;     /* ENUM: names from 0 on; UNION: of its tables from 1 on; NULL ends them */
  const shape *const *members;  /* UNION: from 1 on */
} field;

struct shape {
  int n;
  const field *fields;
};

#define SHAPE(name, ...)                                    \
  static const field name##_fields[] = {__VA_ARGS__};       \
  static const shape name = {UFI_COUNT(name##_fields), name##_fields}
#define WORDS(...) (const char *const[]){__VA_ARGS__, NULL}

SHAPE(associated_file, {"name", TEXT}, {"description", TEXT},
      {"type", ENUM, .words = WORDS("UNKNOWN", "DESCRIPTIONS", "TENSOR_AXIS_LABELS", "TENSOR_VALUE_LABELS",
                                    "TENSOR_AXIS_SCORE_CALIBRATION", "VOCABULARY", "SCANN_INDEX_FILE")},
      {"locale", TEXT}, {"version", TEXT});

static const shape feature = {0, NULL};
SHAPE(image_size, {"width", UINT}, {"height", UINT});
SHAPE(image, {"color_space", ENUM, .words = WORDS("UNKNOWN", "RGB", "GRAYSCALE")},
      {"default_size", TABLE, &image_size});
SHAPE(bounding_box, {"index", UINTS},
      {"type", ENUM, .words = WORDS("UNKNOWN", "BOUNDARIES", "UPPER_LEFT", "CENTER")},
      {"coordinate_type", ENUM, .words = WORDS("RATIO", "PIXEL")});
SHAPE(audio, {"sample_rate", UINT}, {"channels", UINT});
SHAPE(value_range, {"min", INT}, {"max", INT});
SHAPE(content, {NULL, NONE},
      {"content_properties", UNION,
       .words = WORDS("FeatureProperties", "ImageProperties", "BoundingBoxProperties", "AudioProperties"),
       .members = (const shape *const[]){&feature, &image, &bounding_box, &audio}},
      {"range", TABLE, &value_range});

SHAPE(normalization, {"mean", FLOATS}, {"std", FLOATS});
SHAPE(score_calibration, {"score_transformation", ENUM, .words = WORDS("IDENTITY", "LOG", "INVERSE_LOGISTIC")},
      {"default_score", FLOAT});
SHAPE(score_thresholding, {"global_score_threshold", FLOAT});
SHAPE(bert_tokenizer, {"vocab_file", TABLES, &associated_file});
SHAPE(sentencepiece_tokenizer, {"sentencePiece_model", TABLES, &associated_file},
      {"vocab_file", TABLES, &associated_file});
SHAPE(regex_tokenizer, {"delim_regex_pattern", TEXT}, {"vocab_file", TABLES, &associated_file});
SHAPE(process_unit, {NULL, NONE},
      {"options", UNION,
       .words = WORDS("NormalizationOptions", "ScoreCalibrationOptions", "ScoreThresholdingOptions",
                      "BertTokenizerOptions", "SentencePieceTokenizerOptions", "RegexTokenizerOptions"),
       .members = (const shape *const[]){&normalization, &score_calibration, &score_thresholding,
                                         &bert_tokenizer, &sentencepiece_tokenizer, &regex_tokenizer}});

SHAPE(stats, {"max", FLOATS}, {"min", FLOATS});
SHAPE(tensor_group, {"name", TEXT}, {"tensor_names", TEXTS});
SHAPE(tensor, {"name", TEXT}, {"description", TEXT}, {"dimension_names", TEXTS}, {"content", TABLE, &content},
      {"process_units", TABLES, &process_unit}, {"stats", TABLE, &stats},
      {"associated_files", TABLES, &associated_file});
SHAPE(custom, {"name", TEXT}, {"data", BYTES});
SHAPE(subgraph, {"name", TEXT}, {"description", TEXT}, {"input_tensor_metadata", TABLES, &tensor},
      {"output_tensor_metadata", TABLES, &tensor}, {"associated_files", TABLES, &associated_file},
      {"input_process_units", TABLES, &process_unit}, {"output_process_units", TABLES, &process_unit},
      {"input_tensor_groups", TABLES, &tensor_group}, {"output_tensor_groups", TABLES, &tensor_group},
      {"custom_metadata", TABLES, &custom});
SHAPE(model_metadata, {"name", TEXT}, {"description", TEXT}, {"version", TEXT},
      {"subgraph_metadata", TABLES, &subgraph}, {"author", TEXT}, {"license", TEXT},
      {"associated_files", TABLES, &associated_file}, {"min_parser_version", TEXT});

static void write_table(ufi_json_writer *w, const char *key, const ufi_fb_table *t, const shape *s);

static void write_enum(ufi_json_writer *w, const char *key, const char *const *words, int8_t value) {
  for (int8_t i = 0; words[i]; i++)
    if (i == value) {
      ufi_json_put_string(w, key, words[i]);
      return;
    }
  ufi_json_put_int(w, key, value); /* of a newer schema */
}

/* The table of a union, and before it the name of its kind as NAME_type. */
static void write_union(ufi_json_writer *w, const ufi_fb_table *t, int number, const field *f) {
  uint8_t type = ufi_fb_u8(t, number - 1, 0);
  ufi_fb_table member = ufi_fb_sub(t, number);
  char name[32];
  snprintf(name, sizeof name, "%s_type", f->name);
  for (uint8_t i = 0; f->words[i]; i++)
    if (i + 1 == type && member.fb) {
      ufi_json_put_string(w, name, f->words[i]);
      write_table(w, f->name, &member, f->members[i]);
    }
}

static void write_elements(ufi_json_writer *w, const ufi_fb_table *t, int number, const field *f) {
  ufi_fb_vector v = ufi_fb_vec(t, number, f->kind == BYTES ? 1 : 4);
  (f->kind == TABLES ? ufi_json_begin : ufi_json_begin_line)(w, f->name, '[');
  for (uint32_t i = 0; i < v.count && w->failed == UF_OK; i++) {
    if (f->kind == TEXTS) ufi_json_put_string(w, NULL, ufi_fb_vec_string(&v, i));
    else if (f->kind == UINTS) ufi_json_put_int(w, NULL, (uint32_t)ufi_fb_vec_i32(&v, i));
    else if (f->kind == FLOATS) ufi_json_put_float(w, NULL, ufi_fb_vec_f32(&v, i));
    else if (f->kind == BYTES) ufi_json_put_int(w, NULL, v.data[i]);
    else {
      ufi_fb_table element = ufi_fb_vec_table(&v, i);
      if (element.fb) write_table(w, NULL, &element, f->table);
    }
  }
  ufi_json_end(w, ']');
}

static void write_field(ufi_json_writer *w, const ufi_fb_table *t, int number, const field *f) {
  ufi_fb_table sub;
  switch (f->kind) {
    case NONE: break;
    case TEXT: ufi_json_put_string(w, f->name, ufi_fb_string(t, number)); break;
    case UINT: ufi_json_put_int(w, f->name, ufi_fb_u32(t, number, 0)); break;
    case INT: ufi_json_put_int(w, f->name, ufi_fb_i32(t, number, 0)); break;
    case FLOAT: ufi_json_put_float(w, f->name, ufi_fb_f32(t, number, 0)); break;
    case ENUM: write_enum(w, f->name, f->words, ufi_fb_i8(t, number, 0)); break;
    case TABLE:
      sub = ufi_fb_sub(t, number);
      if (sub.fb) write_table(w, f->name, &sub, f->table);
      break;
    case UNION: write_union(w, t, number, f); break;
    default: write_elements(w, t, number, f); break;
  }
}

static void write_table(ufi_json_writer *w, const char *key, const ufi_fb_table *t, const shape *s) {
  ufi_json_begin(w, key, '{');
  for (int i = 0; i < s->n && w->failed == UF_OK; i++)
    if (ufi_fb_has(t, i)) write_field(w, t, i, &s->fields[i]);
  ufi_json_end(w, '}');
}

static const ufi_metadata *find_entry(const uf_model *model, const char *name) {
  for (int32_t i = 0; i < model->n_metadata; i++)
    if (strcmp(model->metadata[i].name, name) == 0) return &model->metadata[i];
  return NULL;
}

uf_status uf_model_metadata_json(const uf_model *model, uf_buf **text_out, uf_error *error) {
  /* Tables that a damaged file shares could describe far more than it holds. */
  enum { PER_BYTE = 64, BASE = 1 << 16 };
  const ufi_metadata *entry = find_entry(model, "TFLITE_METADATA");
  if (!entry)
    return ufi_fail(error, UF_NOT_FOUND, "%s: expected an entry TFLITE_METADATA, found none; the model carries no "
                    "description of itself", model->path);
  if (entry->size < 8 || memcmp((const char *)entry->data + 4, "M001", 4) != 0)
    return ufi_fail(error, UF_DATA_LOSS, "%s: TFLITE_METADATA: expected the identifier M001 at byte 4, found another",
                    model->path);
  size_t most;
  ufi_json_writer w = {.most = ufi_mul_size(entry->size, PER_BYTE, &most) && most < SIZE_MAX - BASE ? most + BASE : SIZE_MAX};
  ufi_fb fb;
  ufi_fb_init(&fb, entry->data, entry->size);
  ufi_fb_table root = ufi_fb_root(&fb);
  write_table(&w, NULL, &root, &model_metadata);
  uf_buf *text = NULL;
  uf_status status = ufi_json_take(&w, &text, error);
  if (status != UF_OK) {
    ufi_error_prefix(error, "%s: TFLITE_METADATA", model->path);
    return status;
  }
  status = ufi_fb_status(&fb, model->path, error);
  if (status == UF_OK) *text_out = text;
  else uf_buf_release(text);
  return status;
}
