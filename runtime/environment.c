#include "environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static bool listed(const char *names, const char *name) {
    size_t length = strlen(name);
    for (const char *at = names; (at = strstr(at, name)); at += length) {
        if ((at == names || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) return true;
    }
    return false;
}

static void set(const char *name, const char *value) {
    if (setenv(name, value, 1)) fail(EXIT_MACHINE, NULL, "no memory for the environment");
}

void hand_over(const char *name, const char *value) {
    const char *names = getenv("TEA_RESTORE"), *before = getenv(name);
    if (!value && !before) return;
    if (!names || !listed(names, name)) {
        char *saved = text("TEA_RESTORE_%s", name);
        char *longer = names && *names ? text("%s %s", names, name) : text("%s", name);
        if (before) set(saved, before);
        else unsetenv(saved);
        set("TEA_RESTORE", longer);
        free(saved);
        free(longer);
    }
    if (value) set(name, value);
    else unsetenv(name);
}
