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
  {"ls", cmd_ls, "list a model's tensors and variables"},
  {"info", cmd_info, "say what a model is: graphs, signatures, ops, what does not run"},
  {"show", cmd_show, "print one tensor, variable or table"},
  {"run", cmd_run, "run a model on arrays from .npy or .npz files, or on random ones"},
  {"extract", cmd_extract, "write tensors to a .npz or a folder of .npy files"},
  {"ops", cmd_ops, "list the ops that can run"},
};

static void help(FILE *out) {
  fputs("usage: unflow COMMAND [OPTION...] MODEL.tflite\n"
        "\n"
        "Reads TensorFlow Lite models, runs them, and hands out every tensor: constants,\n"
        "variables behind resource handles, state, tables, intermediates.\n"
        "\n", out);
  for (size_t i = 0; i < COUNT(commands); i++)
    fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].what);
  fputs("\n"
        "'unflow COMMAND --help' explains a command with examples. --json makes all of them\n"
        "print JSON. Exit codes: 0 good, 1 failed, 2 wrong usage.\n"
        "\n"
        "examples:\n"
        "  unflow ls model.tflite\n"
        "  unflow show model.tflite 'dense/kernel'\n"
        "  unflow run model.tflite --input x=x.npy -o y.npz\n"
        "  unflow extract model.tflite -o weights.npz\n"
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
