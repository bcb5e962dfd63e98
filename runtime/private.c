// Variables that libraries inside this process see and that nobody else does: they are not in the environment, so no program that a workflow
// starts inherits them. The starter hands them over as TEA_PRIVATE_NAME.

#include <dlfcn.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "inside.h"

static const char PREFIX[] = "TEA_PRIVATE_";
enum { PREFIX_LENGTH = sizeof PREFIX - 1, VARIABLES = 8 };

extern char **environ;

static char *variables[VARIABLES]; // NAME=VALUE

void *next_function(const char *name) { return dlsym(RTLD_NEXT, name); }

static char *private_value(const char *name) {
    size_t length = strlen(name);
    for (int i = 0; i < VARIABLES && variables[i]; i++) {
        if (!strncmp(variables[i], name, length) && variables[i][length] == '=') return variables[i] + length + 1;
    }
    return NULL;
}

EXPORTED char *getenv(const char *name) {
    char *value = NEXT(getenv)(name);
    return value ? value : private_value(name);
}

EXPORTED char *secure_getenv(const char *name) {
    char *value = NEXT(secure_getenv)(name);
    return value ? value : private_value(name);
}

// "The user's locale" is C.UTF-8, from the payload: what the machine has may not be there, may not be UTF-8, and may need character sets whose
// libraries are made for the machine's C library. glibc reads LOCPATH from the environment alone, so it stands there for this one call.
EXPORTED char *setlocale(int category, const char *locale) {
    const char *folder = private_value("LOCPATH");
    if (!locale || *locale || !folder || setenv("LOCPATH", folder, 0)) return NEXT(setlocale)(category, locale);
    char *found = NEXT(setlocale)(category, "C.UTF-8");
    unsetenv("LOCPATH");
    return found ? found : NEXT(setlocale)(category, locale);
}

// Before main: nothing of the program has read the environment yet.
__attribute__((constructor)) static void take_variables(void) {
    char **kept = environ;
    int count = 0;
    for (char **at = environ; at && *at; at++) {
        if (strncmp(*at, PREFIX, PREFIX_LENGTH)) *kept++ = *at;
        else if (count < VARIABLES) variables[count++] = *at + PREFIX_LENGTH;
    }
    if (kept) *kept = NULL;
    const char *process = private_value("PROCESS");
    if (process) prctl(PR_SET_NAME, process);
}
