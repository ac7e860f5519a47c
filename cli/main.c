/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c: `unflow`, the command line: chooses the command.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli.h"

static const struct command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *what;
} commands[] = {
  {"ls", cmd_ls, "list arrays: of checkpoints, graphs, archives; a model's tensors"},
  {"info", cmd_info, "say what a file is; of a model also its signatures and ops"},
  {"show", cmd_show, "print one array, variable or table, or a part of it"},
  {"extract", cmd_extract, "write arrays to a .npz, a .safetensors or a folder of .npy files"},
  {"verify", cmd_verify, "check every checksum and say which tensor is damaged"},
  {"diff", cmd_diff, "compare two files of any format tensor by tensor"},
  {"run", cmd_run, "run a model on arrays from .npy or .npz files, or on random ones"},
  {"ops", cmd_ops, "list the ops that can run"},
};

static void help(FILE *out) {
  fputs("usage: unflow COMMAND [OPTION...] SOURCE\n"
        "\n"
        "Reads TensorFlow checkpoints, SavedModels, GraphDefs, TensorFlow Lite models, .npz and\n"
        ".safetensors files and hands out every array in them; runs TensorFlow Lite models, with\n"
        "variables behind resource handles, state, tables, intermediates.\n"
        "\n", out);
  for (size_t i = 0; i < COUNT(commands); i++)
    fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].what);
  fputs("\n"
        "'unflow COMMAND --help' explains a command with examples. --json makes all of them\n"
        "print JSON. Exit codes: 0 good, 1 failed, 2 wrong usage.\n"
        "\n"
        "examples:\n"
        "  unflow ls ckpt/model.ckpt-1000\n"
        "  unflow extract ckpt/ -o weights.npz --no-slots\n"
        "  unflow diff model.ckpt-1000 weights.npz\n"
        "  unflow show model.tflite 'dense/kernel'\n"
        "  unflow run model.tflite --input x=x.npy -o y.npz\n"
        "\n"
        "  --help, --version\n"
        "environment: UNFLOW_ISA=scalar|avx2|avx512 caps the instruction set, NO_COLOR=1\n"
        "turns colours off.\n", out);
}

static int run_command(int argc, char **argv) {
  const char *word = argc > 1 ? argv[1] : NULL;
  if (!word) {
    help(stderr);
    return EXIT_USAGE;
  }
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
    help(stdout);
    return EXIT_OK;
  }
  if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
    printf("unflow %s\n", uf_version());
    return EXIT_OK;
  }
  for (size_t i = 0; i < COUNT(commands); i++)
    if (strcmp(word, commands[i].name) == 0) {
      opterr = 0; /* usage_getopt speaks */
      return commands[i].run(argc - 1, argv + 1);
    }
  fail("there is no command '%s'; try 'unflow --help'", word);
  return EXIT_USAGE;
}

int main(int argc, char **argv) {
  /* A reader that goes away (| head) ends us without a word, also when our
   * parent ignores the signal. */
  signal(SIGPIPE, SIG_DFL);
  int code = run_command(argc, argv);
  if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_OK)
    return fail("expected to write to standard output, found: %s", strerror(errno));
  return code;
}
