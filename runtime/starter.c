// AppRun, usr/bin/tea, usr/bin/python and usr/bin/swipl: starts the bundled program through the bundled loader, so that neither the C library
// of the machine nor LD_LIBRARY_PATH plays a part. One static program: the place it stands in tells the payload's root, its name what to start.

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "environment.h"
#include "report.h"

// What is where, relative to the payload's root. TRIPLET, LOADER and PYTHON come from release/build/runtime.py.
#define LIBRARIES "usr/lib/" TRIPLET
#define INSIDE "libtea-inside.so"
#define LOCALES "usr/lib/locale"

#define LEAST_MEMORY ((rlim_t)40 << 20)

struct program {
    const char *name;         // the starter's own
    const char *process;      // what ps shows
    const char *shown;        // argv[0], from which Python takes sys.executable
    const char *file;
    const char *arguments[4]; // before the user's
    const char *home_option;  // "--option=" for the path home, or NULL
    const char *home;
    bool restores;            // the environment: what is handed over to it goes no further
};

#define TEA .process = "tea", .shown = "usr/bin/python", .file = "usr/bin/" PYTHON, .arguments = {"-I", "-m", "the_edge_agent"}, .restores = true
#define INTERPRETER .process = "python", .shown = "usr/bin/python", .file = "usr/bin/" PYTHON, .restores = true
#define SWI "usr/lib/swi-prolog"
#define PROLOG .process = "swipl", .shown = "usr/bin/swipl", .file = SWI "/bin/swipl", .home_option = "--home=", .home = SWI

static const struct program PROGRAMS[] = {
    {.name = "AppRun", TEA}, // also meant by every other name
    {.name = "tea", TEA},
    {.name = "python", INTERPRETER},
    {.name = "python3", INTERPRETER},
    {.name = "swipl", PROLOG},
};

// Where distributions keep the certificates that they trust, all in one file.
static const char *const CERTIFICATES[] = {
    "/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, Red Hat
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Red Hat
    "/etc/ssl/ca-bundle.pem",                            // openSUSE
    "/etc/ssl/cert.pem",                                 // Alpine
};

static char *own_path(const char *argv0) {
    const char *asked = (const char *)getauxval(AT_EXECFN);
    char *path = realpath("/proc/self/exe", NULL);
    if (!path && asked) path = realpath(asked, NULL);
    if (!path) path = realpath(argv0, NULL);
    if (!path) fail(EXIT_MACHINE, "mount /proc, or start it by its whole path", "cannot find the file that %s is", argv0);
    return path;
}

static const char *cut_last(char *path) {
    char *slash = strrchr(path, '/');
    *slash = '\0';
    return slash + 1;
}

static bool ends_with(const char *path, const char *end) {
    size_t length = strlen(path), size = strlen(end);
    return length >= size && !strcmp(path + length - size, end);
}

static const struct program *find_program(const char *name) {
    for (size_t i = 0; i < sizeof PROGRAMS / sizeof *PROGRAMS; i++) {
        if (!strcmp(PROGRAMS[i].name, name)) return &PROGRAMS[i];
    }
    return PROGRAMS;
}

static char *below(const char *root, const char *path) { return text("%s/%s", root, path); }

static bool holds_something(const char *path) {
    struct stat status;
    return !access(path, R_OK) && !stat(path, &status) && status.st_size > 0;
}

static char *find_certificates(const char *root) {
    const char *chosen = getenv("SSL_CERT_FILE");
    if (chosen && *chosen) return text("%s", chosen);
    for (size_t i = 0; i < sizeof CERTIFICATES / sizeof *CERTIFICATES; i++) {
        if (holds_something(CERTIFICATES[i])) return text("%s", CERTIFICATES[i]);
    }
    char *own = below(root, "usr/lib/ssl/certs.pem");
    return holds_something(own) ? own : NULL;
}

// A variable for C libraries alone: libtea-inside.so takes it out of the environment and answers getenv with it.
static void keep_private(const char *name, const char *value) {
    char *variable = text("TEA_PRIVATE_%s", name);
    if (setenv(variable, value, 1)) fail(EXIT_MACHINE, NULL, "no memory for the environment");
    free(variable);
}

static void keep_path_private(const char *name, char *path) {
    if (!access(path, R_OK) && !getenv(name)) keep_private(name, path);
    free(path);
}

static void prepare_private(const char *root, const char *process, const char *certificates) {
    char *locale = below(root, LOCALES "/C.utf8");
    keep_private("PROCESS", process);
    if (!access(locale, R_OK)) keep_path_private("LOCPATH", below(root, LOCALES));
    free(locale);
    if (certificates && !getenv("SSL_CERT_FILE") && !getenv("SSL_CERT_DIR")) keep_private("SSL_CERT_FILE", certificates);
    keep_path_private("OPENSSL_CONF", below(root, "usr/lib/ssl/openssl.cnf"));
    keep_path_private("OPENSSL_MODULES", below(root, LIBRARIES "/ossl-modules"));
}

// Whether the program is only asked about itself. SWI-Prolog listens to that when it is all that stands there.
static bool asks_about_itself(int count, char **words) {
    static const char *const questions[] = {"--version", "-v", "--help", "-h", "--arch", "--abi-version"};
    for (size_t i = 0; count == 2 && i < sizeof questions / sizeof *questions; i++) {
        if (!strcmp(words[1], questions[i])) return true;
    }
    return false;
}

static char **command(const char *root, const struct program *program, bool inside, int count, char **words) {
    char **made = calloc((size_t)count + 16, sizeof *made);
    int at = 0;
    if (!made) fail(EXIT_MACHINE, NULL, "no memory");
    made[at++] = below(root, LIBRARIES "/" LOADER);
    made[at++] = text("--inhibit-cache");
    made[at++] = text("--library-path");
    made[at++] = below(root, LIBRARIES);
    if (inside) {
        // By its name alone: the loader takes a list, and has no way to quote a space.
        made[at++] = text("--preload");
        made[at++] = text(INSIDE);
    }
    made[at++] = text("--argv0");
    made[at++] = below(root, program->shown);
    made[at++] = below(root, program->file);
    if (program->home && !asks_about_itself(count, words)) made[at++] = text("%s%s/%s", program->home_option, root, program->home);
    for (int i = 0; i < 4 && program->arguments[i]; i++) made[at++] = text("%s", program->arguments[i]);
    for (int i = 1; i < count; i++) made[at++] = words[i];
    return made;
}

// Python would end with a trace of its own.
static void check_memory(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= LEAST_MEMORY) return;
    unsigned long long allowed = limit.rlim_cur >> 20, needed = LEAST_MEMORY >> 20;
    fail(EXIT_MACHINE, "raise the limit: ulimit -v", "the program needs at least %llu MiB of address space, %llu MiB are allowed", needed, allowed);
}

int main(int count, char **words) {
    if (count < 1) fail(EXIT_USAGE, NULL, "started without a name");
    check_memory();
    char *root = own_path(words[0]);
    const struct program *program = find_program(cut_last(root));
    if (ends_with(root, "/usr/bin")) root[strlen(root) - strlen("/usr/bin")] = '\0';
    if (strpbrk(root, ":;")) {
        fail(EXIT_USAGE, "move or rename the folder", "a program cannot be started from a folder with : or ; in its name: %s", root);
    }
    char *certificates = find_certificates(root), *preloaded = below(root, LIBRARIES "/" INSIDE);
    bool inside = !access(preloaded, R_OK);
    if (program->restores) {
        hand_over("APPDIR", *root ? root : "/");
        hand_over("TEA_STARTED_AS", program->name);
        hand_over("TEA_CERTIFICATES", certificates);
    }
    if (inside) prepare_private(root, program->process, certificates);
    char **made = command(root, program, inside, count, words);
    execv(made[0], made);
    fail(EXIT_MACHINE, "get the AppImage again, or take the one for this machine's processor", "cannot start %s: %s", made[0], strerror(errno));
}
