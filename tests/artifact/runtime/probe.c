// The program inside the test images: tells what it was given, or does what its first word says. Static, so it runs anywhere.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

// Each text is followed by a NUL.
static void print_list(char **list) {
    for (; *list; list++) fwrite(*list, 1, strlen(*list) + 1, stdout);
}

static int copy(const char *path) {
    char name[4096], bytes[4096];
    snprintf(name, sizeof name, "%s/%s", getenv("APPDIR"), path);
    FILE *file = fopen(name, "rb");
    if (!file) return 1;
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, file));) fwrite(bytes, 1, size, stdout);
    return ferror(file) ? 1 : 0;
}

int main(int count, char **words) {
    const char *verb = count > 2 ? words[1] : "";
    if (!strcmp(verb, "exit")) return atoi(words[2]);
    if (!strcmp(verb, "kill")) return raise(atoi(words[2]));
    if (!strcmp(verb, "copy")) return copy(words[2]);
    if (!strcmp(verb, "sleep")) {
        puts("ready");
        fflush(stdout);
        sleep((unsigned)atoi(words[2]));
        return 0;
    }
    // A child that outlives this process and what it inherited.
    if (!strcmp(verb, "leave")) {
        if (fork()) return 0;
        sleep((unsigned)atoi(words[2]));
        return copy("AppRun");
    }
    printf("%d%c%d%c", getpid(), 0, count, 0);
    print_list(words);
    print_list(environ);
    return 0;
}
