/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h: front door of cli/, the command line.
 *
 * main.c chooses a command; each cmd_<name>.c is one command with its help. They
 * share
 *
 *   util.c      memory that never fails, text, messages, exit codes
 *   columns.c   aligned tables          json.c    JSON
 *   print.c     arrays as NumPy prints them
 *   describe.c  what a model's tensors are: kinds, shapes, quantization, look-up
 *   running.c   the options that feed and run a model, for run, show and extract
 *   sources.c   what of a source is taken, under which names
 *   pick.c      names by pattern        rename.c  rules, layouts and dtypes by pattern
 *   difference.c  how much two arrays differ
 *   progress.c  a progress bar and what Ctrl-C does
 *
 * The command line sees unflow.h only. Files are hostile, so names are never
 * printed as they are: text_name makes them safe for a terminal.
 */
#ifndef UNFLOW_CLI_H
#define UNFLOW_CLI_H

#include <getopt.h>
#include <stdio.h>

#include "unflow.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* Each is given its own argv, argv[0] the command's name; returns an exit code. */
int cmd_diff(int argc, char **argv);
int cmd_extract(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_ops(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/* ---- util.c ------------------------------------------------------------------- */

/* These end the program with a message when memory is gone. */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t count, size_t size);
char *xstrdup(const char *text);

/* Growing text; zero it first, free(t.data) at the end. Always ends in NUL
 * once something was added. */
typedef struct text {
  char *data;
  size_t size, capacity;
} text;
void text_add(text *t, const char *data, size_t size);
void text_string(text *t, const char *string);
void text_format(text *t, const char *format, ...) UF_PRINTF(2, 3);
/* A name from a file, with what a terminal might obey or not know (control
 * characters, invalid UTF-8) as \xNN. */
void text_name(text *t, const char *name);
void text_shape(text *t, int32_t rank, const int64_t *dims); /* (1, 224, 224, 3); ? for -1 */
/* 1 536 -> "1.5 KiB" */
void text_bytes(text *t, uint64_t bytes);
void text_count(text *t, uint64_t count); /* 1,234,567 */
/* "3 arrays with 1,200 parameters in 4.7 KiB"; word in the singular. */
void text_amount(text *t, uint64_t n, const char *word, uint64_t parameters, uint64_t bytes);
/* One line to stdout, the label filled up to width; empties the value. */
void print_field(int width, const char *label, text *value);
/* Length of the valid UTF-8 character at s; 0: invalid. */
size_t utf8_length(const char *s, size_t size);

/* "unflow: ..." on stderr; returns EXIT_FAILED or EXIT_USAGE. */
int fail(const char *format, ...) UF_PRINTF(1, 2);
int fail_error(const uf_error *error);
void note(const char *format, ...) UF_PRINTF(1, 2);
int usage(const char *command, const char *format, ...) UF_PRINTF(2, 3);
/* What getopt_long returned '?' or ':' for. */
int usage_getopt(char **argv, int option);
bool parse_int(const char *s, int64_t min, int64_t max, int64_t *out);
/* Colours and bars go to terminals only; NO_COLOR is respected. */
bool colors(FILE *file);

/* ---- columns.c ------------------------------------------------------------------- */

typedef struct table table;
/* align: 'l' or 'r' for each header. The last column is never filled up. */
table *table_create(const char *const *headers, const char *align);
/* Fills the next cell, row by row. */
void table_cell(table *t, const char *format, ...) UF_PRINTF(2, 3);
void table_text(table *t, text *cell); /* takes the text, frees it */
void table_print(table *t, FILE *out); /* and frees the table */
void table_free(table *t);

/* ---- json.c --------------------------------------------------------------------- */

/* Written as it comes; key is NULL in arrays and at the top. */
typedef struct json {
  FILE *out;
  int depth;
  bool filled[32], flat[32]; /* flat: on one line */
} json;
void json_object(json *j, const char *key, bool flat);
void json_array(json *j, const char *key, bool flat);
void json_end(json *j, char close); /* '}' or ']'; a newline after the last */
void json_string(json *j, const char *key, const char *value);
void json_bytes(json *j, const char *key, const char *value, size_t size);
void json_int(json *j, const char *key, int64_t value);
void json_uint(json *j, const char *key, uint64_t value);
void json_bool(json *j, const char *key, bool value);
void json_null(json *j, const char *key);
void json_number(json *j, const char *key, const char *text); /* as print.c makes it */
void json_raw(json *j, const char *key, const char *value, size_t size); /* JSON already */
void json_dims(json *j, const char *key, int32_t rank, const int64_t *dims); /* null for rank -1 */

/* ---- print.c ----------------------------------------------------------------------- */

/* As str(numpy_array): at most `threshold` elements, else three at each edge. */
void print_array(const uf_tensor *tensor, int64_t threshold, FILE *out);
/* Nested lists (whole); strings as text. */
void json_tensor(json *j, const char *key, const uf_tensor *tensor);
/* Shortest text that reads back as the same value. out: 64 bytes. */
void number_text(double value, uf_dtype dtype, char *out);
/* Least, greatest and mean element as text; false for what has none. */
bool print_range(const uf_tensor *tensor, text *out);

/* ---- describe.c --------------------------------------------------------------------- */

typedef enum kind {
  KIND_INPUT, KIND_OUTPUT, KIND_CONSTANT, KIND_STATE, KIND_RESOURCE, KIND_INTERMEDIATE,
  KIND_UNUSED, KIND_COUNT
} kind;
const char *kind_name(kind k);
/* "constant,state" (or "all") as bits 1 << kind; false: an unknown word. */
bool kinds_parse(const char *words, unsigned *bits_out);

/* One graph's tensors with what needs the whole graph to say. */
typedef struct graph_view {
  int32_t index;
  uf_graph_info info;
  uf_value_info *values;
  unsigned char *kinds;
  int64_t *bytes; /* -1: not known before it ran */
} graph_view;
bool graph_view_create(const uf_model *model, int32_t graph, graph_view *out, uf_error *error);
void graph_view_free(graph_view *g);

uf_model *open_model(const char *path); /* NULL after a message */
void text_value_shape(text *t, const uf_value_info *v);
void text_quant(text *t, const uf_quant *quant); /* one cell of a table */
void json_quant(json *j, const char *key, const uf_quant *quant, bool whole);
void json_value(json *j, const graph_view *g, int32_t i, bool whole);

/* A tensor by name or by "#index"; only_graph -1: the first graph that has it. */
bool find_value(const uf_model *model, const char *name, int32_t only_graph, int32_t *graph_out,
                int32_t *value_out, uf_error *error);

/* ---- running.c ------------------------------------------------------------------------- */

typedef struct run_options {
  bool run;                /* --run, or the run command */
  char **inputs;           /* FILE or NAME=FILE */
  char **resizes;          /* NAME=DIMS */
  int32_t n_inputs, n_resizes;
  bool random;
  uint64_t seed;
  const char *signature;   /* NULL: none asked for */
  int32_t graph, steps, threads; /* graph -1: the main one */
  bool keep_all;           /* all intermediates will be read */
} run_options;

/* Options shared by run, show and extract. Their codes are from RUN_OPTION on. */
enum { RUN_OPTION = 1000 };
#define RUN_LONG_OPTIONS                                                                  \
  {"input", required_argument, NULL, 'i'}, {"random", required_argument, NULL, 1001},     \
  {"signature", required_argument, NULL, 1002}, {"graph", required_argument, NULL, 1003}, \
  {"steps", required_argument, NULL, 1004}, {"resize", required_argument, NULL, 1005},    \
  {"threads", required_argument, NULL, 1006}, {"run", no_argument, NULL, 1007}
extern const char run_options_help[];
run_options run_options_default(void);
/* Takes option if it is one of these. -1: not ours; else an exit code. */
int run_option(run_options *o, const char *command, int option, const char *value);
void run_options_free(run_options *o);

/* The names and tensors of what a signature or graph takes or gives. */
typedef struct port {
  const char *name, *tensor_name;
  int32_t value;
  char index_name[16]; /* "#12": another name for it, and the only one of a tensor without */
} port;
typedef struct ports {
  int32_t graph, n_in, n_out;
  port *in, *out;
} ports;
bool ports_create(const uf_model *model, const run_options *o, ports *out, uf_error *error);
void ports_free(ports *p);

/* A session, its inputs set, run `steps` times if o->run. False after a message. */
bool run_model(uf_model *model, const run_options *o, const ports *p, uf_session **session_out);

/* float32 in place of t when it is quantized or of a dtype that NumPy lacks. False
 * after a message. */
bool dequantize(uf_tensor *t, const char *name);
bool needs_dequantizing(const uf_tensor *t);

/* A file to write arrays to: .npz, or .npy for one. */
bool ends_with(const char *s, const char *end);
bool is_folder_path(const char *path); /* a folder, or with a / at its end */

/* ---- pick.c ----------------------------------------------------------------------------- */

typedef struct selection {
  const char **include, **exclude;
  int32_t n_include, n_exclude;
  unsigned kinds; /* bits 1 << kind */
} selection;
void selection_include(selection *s, const char *glob);
void selection_exclude(selection *s, const char *glob);
bool selection_has(const selection *s, const char *name);
void selection_free(selection *s);

/* Names that are given once: a clash becomes name~2, name~3 ... */
typedef struct name_set name_set;
name_set *name_set_create(void);
/* The name to use; it lives as long as the set. */
const char *name_set_add(name_set *set, const char *name);
void name_set_free(name_set *set);

/* ---- rename.c ------------------------------------------------------------------------------ */

/* Rules PATTERN=REPLACEMENT, applied to a name one after the other. */
typedef struct rename_rules rename_rules;
/* Add to *rules (NULL at first). EXIT_OK, or an exit code after a message. */
int rename_add(rename_rules **rules, const char *command, const char *rule);
int rename_add_file(rename_rules **rules, const char *command, const char *path);
void rename_apply(const rename_rules *rules, const char *name, text *out); /* out: empty */
void rename_free(rename_rules *rules);

/* --layout HWIO:OIHW[@GLOB] and --dtype float32[@GLOB]: conversions of what fits. */
typedef struct conversions {
  struct layout_rule *layouts;
  struct dtype_rule *dtypes;
  size_t n_layouts, n_dtypes;
  bool dequantize;
} conversions;
int layout_add(conversions *c, const char *command, const char *value);
int dtype_add(conversions *c, const char *command, const char *value);
/* What is to become of entry, which is called name. */
void conversions_apply(const conversions *c, const uf_entry *entry, const char *name,
                       uf_output_item *item);
void conversions_free(conversions *c);

/* ---- sources.c ------------------------------------------------------------------------------- */

/* True for a .tflite: commands then know it as a model. */
bool is_model(const char *path);
uf_source *open_source(const char *path); /* NULL after a message */

/* Which entries are taken, and their names. */
typedef struct naming {
  enum { NAMES_VARIABLE, NAMES_KEY, NAMES_PATH } names;
  bool ema, no_slots, all;
  unsigned roles; /* bits 1 << uf_role; 0: all */
  rename_rules *rules;
} naming;
bool naming_parse(naming *n, const char *word); /* variable, key, path */
bool roles_parse(const char *words, unsigned *bits_out); /* "value,constant" */

typedef struct taken {
  const uf_variable *variable; /* whose roles and paths are meant */
  const uf_entry *entry;       /* whose values: with --ema the average's */
  const char *name;            /* given once */
} taken;
typedef struct taken_list {
  taken *list;
  size_t n;
  size_t n_left_out;           /* for their roles */
  const uf_variable *variables;
  size_t n_variables;
  name_set *names;
  char **renamed;
} taken_list;
/* False after a message. */
bool take(uf_source *source, const selection *s, const naming *n, taken_list *out);
void taken_free(taken_list *t);
void json_entry(json *j, const uf_variable *variables, const taken *t); /* members of an open object */

/* Commands on a source that is no model; they free nothing of the caller's. */
int source_ls(const char *path, const selection *s, const naming *n, bool as_json);
int source_info(const char *path, bool as_json);
int source_show(const char *path, const char *name, bool full, bool dequantized, bool as_json);

/* ---- difference.c ---------------------------------------------------------------------------------- */

typedef struct tolerance { double absolute, relative; } tolerance;
typedef struct difference {
  uint64_t count;          /* of elements that differ */
  int64_t first;           /* the first of them; -1: none */
  bool numbers;            /* with differences: */
  double max_abs, max_rel;
} difference;
/* Of arrays of one dtype and shape. False: of no dtype that can be compared. */
bool compare(const uf_tensor *a, const uf_tensor *b, const tolerance *tolerance, difference *out);

/* ---- progress.c ------------------------------------------------------------------------------ */

/* Counts work on stderr if that is a terminal and it takes a while. */
void progress_start(const char *what, uint64_t total);
void progress_add(uint64_t n);
/* For uf_output_options: false once interrupted. */
bool progress_bytes(void *context, uint64_t done, uint64_t total);
void progress_end(void);
/* From here on SIGINT and SIGTERM only set a flag, so that half-written files
 * can be removed. */
void interrupt_catch(void);
bool interrupted(void);

/* ---- model_extras.c: metadata and packed files of a .tflite -------------------------- */

void print_extras(uf_model *model, const uf_model_info *info);
void json_extras(json *j, uf_model *model, const uf_model_info *info);
/* The bytes of a packed file to stdout; an exit code. */
int show_file(uf_model *model, const char *name);

#endif
