/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_extract.c: `unflow extract`, tensors to files: its options, and which of
 * two ways they mean.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "extract.h"

static const char help[] =
  "usage: unflow extract [OPTION...] SOURCE [GLOB...] -o OUT.npz\n"
  "       unflow extract [OPTION...] SOURCE [GLOB...] -o OUT.safetensors\n"
  "       unflow extract [OPTION...] SOURCE [GLOB...] -o FOLDER/\n"
  "\n"
  "Writes the arrays of a checkpoint (its prefix, any file of it, its folder), SavedModel,\n"
  "GraphDef, .tflite, .npz, .npy or .safetensors to a .npz, a .safetensors, or a folder with a\n"
  ".npy each and an index.json that says what they are. The result appears whole or not at all.\n"
  "\n"
  "  -o, --output PATH           what to write; a folder has a / at its end, or is there\n"
  "                              already and empty\n"
  "      --glob GLOB             only names that match (* matches / too); may be repeated,\n"
  "                              and is the same as GLOB behind the source\n"
  "      --exclude GLOB          not these; may be repeated\n"
  "      --dequantize            real values (float32) in place of quantized ones\n"
  "      --compress[=LEVEL]      compress the .npz, level 1 to 12 (default 6)\n"
  "      --json                  print JSON about what was written\n"
  "\n"
  "names and values of a source (a .tflite too, when any of these is given):\n"
  "      --names WHICH           variable (the default: dense/kernel), key (as in the file) or\n"
  "                              path (in the object graph: model/layer-1/kernel)\n"
  "      --rename PATTERN=NEW    extended regular expression; every match becomes NEW, in which\n"
  "                              \\1 to \\9 are its groups; \\= is a = in PATTERN. Rules apply in\n"
  "                              order; two arrays of one name then are an error\n"
  "      --rename-file FILE      such rules, one a line; # begins a comment\n"
  "      --ema                   moving averages in place of their variables\n"
  "      --no-slots              without what optimizers keep\n"
  "      --role LIST             only these: value, constant, slot, optimizer, average, meta\n"
  "      --all                   also what no model has: the object graph, save_counter ...\n"
  "      --dtype DTYPE[@GLOB]    numbers of DTYPE's kind as DTYPE (float32 for float16), or all\n"
  "                              that GLOB names; may be repeated, the first that fits counts\n"
  "      --layout HWIO:OIHW[@GLOB]   other order of axes for arrays of that rank; any letters;\n"
  "                              may be repeated, the first that fits counts\n"
  "      --no-verify             do not check checksums\n"
  "\n"
  "what a .tflite and its runs give:\n"
  "      --kind LIST             constant, state, resource (the default), and after a run also\n"
  "                              input, output, intermediate, or all\n"
  "      --run                   run the model first\n";
static const char help_end[] =
  "\n"
  "Names of a .tflite: a variable has its own, a table gives NAME/keys and NAME/values, all others\n"
  "are the tensors' (#12 for the tensor of index 12 if it has none). What would have a name for\n"
  "the second time gets NAME~2, NAME~3 and so on.\n"
  "Files in a folder are named after the tensors, with control characters, / \\ : * ? \" < > | %\n"
  "and a dot in front as %XX, as in URLs (so 'a/b' is a%2Fb.npy), cut at 200 bytes.\n"
  "Values that NumPy has no dtype for: bfloat16 and float8 are void of their width, as ml_dtypes\n"
  "writes them; strings are bytes of the longest one's width, which drops NULs at their ends.\n"
  "\n"
  "examples:\n"
  "  unflow extract ckpt/model.ckpt-1000 -o weights.npz --no-slots\n"
  "  unflow extract saved_model/ 'encoder/*' -o encoder.safetensors --dtype float16\n"
  "  unflow extract ckpt/ -o torch.safetensors --layout HWIO:OIHW --layout IO:OI@'*dense*' \\\n"
  "      --rename '/=.' --rename '\\.kernel$=.weight'\n"
  "  unflow extract model.tflite '*kernel*' '*bias*' --exclude '*bn*' -o weights/ --dequantize\n"
  "  unflow extract model.tflite --kind all --input x=x.npy -o everything.npz --compress\n"
  "  unflow extract model.tflite --kind resource --signature train -i batch.npz --steps 50 -o w.npz\n";

bool is_folder_path(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 ? S_ISDIR(info.st_mode) : ends_with(path, "/");
}

void extract_report(const extract_request *x, size_t n) {
  printf("wrote %zu array%s to %s\n", n, n == 1 ? "" : "s", x->output);
}

/* ---- options ------------------------------------------------------------------------------ */

enum { NAMES = 2000, RENAME, RENAME_FILE, EMA, NO_SLOTS, ALL, ROLE, DTYPE, LAYOUT, NO_VERIFY };

static int take_compress(extract_request *x, char **argv) {
  int64_t level = 6;
  /* `--compress 9` too: the level is the next word if it is one. */
  if (optarg && !parse_int(optarg, 1, 12, &level))
    return usage("extract", "--compress wants a level from 1 to 12, not '%s'", optarg);
  if (!optarg && argv[optind] && parse_int(argv[optind], 1, 12, &level)) optind++;
  x->level = (int)level;
  return EXIT_OK;
}

/* -1: none of these. */
static int take_source_option(extract_request *x, int c) {
  switch (c) {
    case NAMES:
      x->of_source = "--names";
      if (naming_parse(&x->naming, optarg)) return EXIT_OK;
      return usage("extract", "--names wants variable, key or path, not '%s'", optarg);
    case RENAME: x->of_source = "--rename"; return rename_add(&x->naming.rules, "extract", optarg);
    case RENAME_FILE:
      x->of_source = "--rename-file";
      return rename_add_file(&x->naming.rules, "extract", optarg);
    case EMA: x->of_source = "--ema"; x->naming.ema = true; return EXIT_OK;
    case NO_SLOTS: x->of_source = "--no-slots"; x->naming.no_slots = true; return EXIT_OK;
    case ALL: x->of_source = "--all"; x->naming.all = true; return EXIT_OK;
    case ROLE:
      x->of_source = "--role";
      if (roles_parse(optarg, &x->naming.roles)) return EXIT_OK;
      return usage("extract", "--role does not know '%s'", optarg);
    case DTYPE: x->of_source = "--dtype"; return dtype_add(&x->conversions, "extract", optarg);
    case LAYOUT: x->of_source = "--layout"; return layout_add(&x->conversions, "extract", optarg);
    case NO_VERIFY: x->no_verify = true; return EXIT_OK;
    default: return -1;
  }
}

static int take_option(extract_request *x, int c, char **argv) {
  switch (c) {
    case 'o': x->output = optarg; return EXIT_OK;
    case 'g': selection_include(&x->s, optarg); return EXIT_OK;
    case 'x': selection_exclude(&x->s, optarg); return EXIT_OK;
    case 'd': x->conversions.dequantize = true; return EXIT_OK;
    case 'j': x->json = true; return EXIT_OK;
    case 'c': return take_compress(x, argv);
    case 'k':
      x->of_model = "--kind";
      if (kinds_parse(optarg, &x->s.kinds)) return EXIT_OK;
      return usage("extract", "--kind does not know '%s'", optarg);
    default: break;
  }
  int code = take_source_option(x, c);
  if (code >= 0) return code;
  code = run_option(&x->run, "extract", c, optarg);
  if (x->run.run || x->run.signature || x->run.graph >= 0) x->of_model = "an option for runs";
  return code < 0 ? usage_getopt(argv, c) : code;
}

static int check_output(const extract_request *x) {
  const char *path = x->output;
  if (!path) return usage("extract", "where to? give -o OUT.npz, OUT.safetensors or FOLDER/");
  bool npz = ends_with(path, ".npz");
  if (ends_with(path, ".h5") || ends_with(path, ".hdf5") || ends_with(path, ".keras"))
    return usage("extract", "'%s' is written by the Python package: pip install 'unflow[h5]'", path);
  if (!npz && !ends_with(path, ".safetensors") && !is_folder_path(path))
    return usage("extract", "-o wants OUT.npz, OUT.safetensors, or FOLDER/ with a / at its end, not '%s'",
                 path);
  if (!npz && x->level) return usage("extract", "--compress is for a .npz");
  return EXIT_OK;
}

static int check(extract_request *x, int argc, char **argv) {
  const unsigned of_run = 1u << KIND_INPUT | 1u << KIND_OUTPUT | 1u << KIND_INTERMEDIATE;
  const unsigned usual = 1u << KIND_CONSTANT | 1u << KIND_STATE | 1u << KIND_RESOURCE;
  if (optind == argc) return usage("extract", "which source?");
  x->path = argv[optind++];
  for (; optind < argc; optind++) selection_include(&x->s, argv[optind]);
  int code = check_output(x);
  if (code != EXIT_OK) return code;
  if (x->of_model && x->of_source)
    return usage("extract", "%s is for what a run gives, %s for what a file holds: one of them", x->of_model,
                 x->of_source);
  if ((x->s.kinds & of_run) && !x->run.run)
    return usage("extract", "inputs, outputs and intermediates have values in a run only: "
                 "give --input, --random or --run");
  if (!x->s.kinds) x->s.kinds = usual;
  return EXIT_OK;
}

/* A .tflite whose names and values are to be changed is a source as any other; else it
 * also has variables and tables, which its initialisers make. */
static int extract_any(extract_request *x) {
  bool model = is_model(x->path);
  if (model && !x->of_source) return extract_model(x);
  if (!model && x->of_model)
    return usage("extract", "%s is for a .tflite, and '%s' is none", x->of_model, x->path);
  return extract_source(x);
}

static void request_free(extract_request *x) {
  selection_free(&x->s);
  run_options_free(&x->run);
  rename_free(x->naming.rules);
  conversions_free(&x->conversions);
}

int cmd_extract(int argc, char **argv) {
  static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},   {"glob", required_argument, NULL, 'g'},
    {"exclude", required_argument, NULL, 'x'},  {"kind", required_argument, NULL, 'k'},
    {"dequantize", no_argument, NULL, 'd'},     {"compress", optional_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},           {"help", no_argument, NULL, 'h'},
    {"names", required_argument, NULL, NAMES},  {"rename", required_argument, NULL, RENAME},
    {"rename-file", required_argument, NULL, RENAME_FILE}, {"ema", no_argument, NULL, EMA},
    {"no-slots", no_argument, NULL, NO_SLOTS},  {"all", no_argument, NULL, ALL},
    {"role", required_argument, NULL, ROLE},    {"dtype", required_argument, NULL, DTYPE},  {"layout", required_argument, NULL, LAYOUT},
    {"no-verify", no_argument, NULL, NO_VERIFY}, RUN_LONG_OPTIONS, {0}};
  extract_request x = {.run = run_options_default()};
  int code = EXIT_OK;
  for (int c; code == EXIT_OK && (c = getopt_long(argc, argv, ":hjo:i:", options, NULL)) != -1;) {
    if (c == 'h') {
      fputs(help, stdout);
      fputs(run_options_help, stdout);
      fputs(help_end, stdout);
      request_free(&x);
      return EXIT_OK;
    }
    code = take_option(&x, c, argv);
  }
  if (code == EXIT_OK) code = check(&x, argc, argv);
  if (code == EXIT_OK) code = extract_any(&x);
  request_free(&x);
  return code;
}
