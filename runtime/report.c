#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *code_of(int exit_code) {
    switch (exit_code) {
    case EXIT_USAGE: return "USAGE";
    case EXIT_DAMAGED: return "IMAGE_DAMAGED";
    default: return "MACHINE_UNABLE";
    }
}

void fail(int exit_code, const char *hint, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "error [%s]: ", code_of(exit_code));
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (hint) fprintf(stderr, "    hint: %s\n", hint);
    exit(exit_code);
}

char *text(const char *format, ...) {
    va_list arguments;
    char *made = NULL;
    va_start(arguments, format);
    if (vasprintf(&made, format, arguments) < 0) {
        fputs("error [MACHINE_UNABLE]: no memory\n", stderr);
        exit(EXIT_MACHINE);
    }
    va_end(arguments);
    return made;
}
