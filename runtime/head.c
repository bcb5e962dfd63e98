// The head of an AppImage: answers --appimage-..., or starts the payload in the place of this process.

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "environment.h"
#include "image.h"
#include "mount.h"
#include "report.h"
#include "squash.h"

static const char HELP[] =
    "Options of the AppImage itself; every other word is for the program inside.\n"
    "\n"
    "  --appimage-help               this text\n"
    "  --appimage-version            the version of the part that mounts and starts\n"
    "  --appimage-offset             where the squashfs starts in this file, in bytes\n"
    "  --appimage-extract [PATTERN]  unpack into ./squashfs-root what PATTERN matches, or everything\n"
    "  --appimage-mount              mount, print the folder, and wait for Ctrl-C\n"
    "  --appimage-extract-and-run    run from a folder in the cache, without FUSE\n"
    "  --appimage-updateinformation  where updates are announced, if this file says so\n"
    "  --appimage-signature          the signature inside this file, if there is one\n"
    "  --appimage-portable-home      make a folder beside this file that is its HOME from now on\n"
    "  --appimage-portable-config    the same for XDG_CONFIG_HOME\n"
    "\n"
    "Environment:\n"
    "  APPIMAGE_EXTRACT_AND_RUN=1    as --appimage-extract-and-run\n"
    "  TEA_APPIMAGE_CACHE=FOLDER     the folder to unpack into; else $XDG_CACHE_HOME or ~/.cache, else $TMPDIR or /tmp\n"
    "  TEA_APPIMAGE_MOUNT=WAY        direct, fusermount, namespace, any or none\n"
    "  TARGET_APPIMAGE=FILE          do all this with another AppImage\n";

// HOME and XDG_CONFIG_HOME beside the image, where the user has made such folders.
static void use_portable_folder(const struct image *image, const char *ending, const char *variable) {
    struct stat status;
    char *folder = text("%s.%s", image->path, ending);
    if (!stat(folder, &status) && S_ISDIR(status.st_mode)) setenv(variable, folder, 1);
    free(folder);
}

static int make_portable_folder(const struct image *image, const char *ending) {
    char *folder = text("%s.%s", image->path, ending);
    if (mkdir(folder, 0700)) fail(errno == EEXIST ? EXIT_USAGE : EXIT_MACHINE, NULL, "cannot make %s: %s", folder, strerror(errno));
    puts(folder);
    return 0;
}

static void hand_over_image(const struct image *image, const char *appdir, const char *agent, const char *argv0) {
    char *files = text("%s", ""), *folder = getcwd(NULL, 0);
    for (size_t i = 0; i < image->table.count; i++) {
        const struct in_place *file = &image->table.files[i];
        files = text("%s%llu %llu %s\n", files, (unsigned long long)file->offset, (unsigned long long)file->length, file->path);
    }
    hand_over("APPDIR", appdir);
    hand_over("APPIMAGE", image->path);
    hand_over("ARGV0", argv0);
    hand_over("OWD", folder);
    hand_over("TEA_IMAGE", image->path);
    hand_over("TEA_AGENT", agent);
    hand_over("TEA_IMAGE_FILES", *files ? files : NULL);
    // Meant for this process: an AppImage that the payload starts is one of its own.
    unsetenv("TARGET_APPIMAGE");
}

// Returns only when the program cannot be started there.
static void start(const struct image *image, const char *appdir, const char *agent, char **words) {
    char *program = text("%s/AppRun", appdir);
    hand_over_image(image, appdir, agent, words[0]);
    execv(program, words);
    free(program);
}

static _Noreturn void run(struct image *image, char **words, bool unpack_first) {
    image_check(image);
    use_portable_folder(image, "home", "HOME");
    use_portable_folder(image, "config", "XDG_CONFIG_HOME");
    char *folder = unpack_first ? NULL : mount_payload(image, words[0]);
    if (folder) start(image, folder, NULL, words);
    folder = cache_folder(image);
    start(image, folder, cache_agent(image), words);
    const char *hint = errno == ENOEXEC ? "take the file for this machine's processor" : NULL;
    fail(EXIT_MACHINE, hint, "cannot start %s/AppRun: %s", folder, strerror(errno));
}

static int extract(struct image *image, const char *pattern) {
    struct unpacking work = {.pattern = pattern, .list = true};
    image_check(image);
    if (mkdir("squashfs-root", 0777) && errno != EEXIST) fail(EXIT_MACHINE, NULL, "cannot make squashfs-root: %s", strerror(errno));
    int target = open("squashfs-root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (target < 0) fail(EXIT_MACHINE, NULL, "cannot open squashfs-root: %s", strerror(errno));
    switch (unpack(image, target, &work)) {
    case UNPACKED: break;
    case UNPACK_FAILED: fail(EXIT_MACHINE, NULL, "cannot write squashfs-root/%s: %s", work.path, strerror(work.error));
    case UNPACK_INTERRUPTED: return 128 + work.error;
    case UNPACK_DAMAGED: image_damaged(image, text("%s cannot be read", *work.path ? work.path : "its squashfs"));
    }
    if (pattern && work.entries == 0) {
        rmdir("squashfs-root");
        const char *hint = "--appimage-extract 'usr/*' for example; the pattern is for the whole path";
        fail(EXIT_USAGE, hint, "nothing in %s matches %s", image->path, pattern);
    }
    if (fflush(stdout)) fail(EXIT_MACHINE, NULL, "cannot write the list: %s", strerror(errno));
    return 0;
}

static int mount_only(struct image *image, const char *argv0) {
    image_check(image);
    if (!mount_and_wait(image, argv0)) fail(EXIT_MACHINE, "use --appimage-extract", "this machine does not let %s mount itself", image->path);
    return 0;
}

static int print_section(const struct image *image, const char *name) {
    size_t size;
    char *content = image_section(image, name, &size);
    if (content && *content) puts(content);
    free(content);
    return 0;
}

static int print_offset(const struct image *image) {
    printf("%llu\n", (unsigned long long)image->payload);
    return 0;
}

static int print(const char *line) {
    fputs(line, stdout);
    return 0;
}

// Carries out --appimage-NAME and returns the exit status.
static int answer(struct image *image, const char *name, char **words) {
    if (!strcmp(name, "help")) return print(HELP);
    if (!strcmp(name, "version")) return print("tea AppImage runtime " VERSION "\n");
    if (!strcmp(name, "offset")) return print_offset(image);
    if (!strcmp(name, "extract")) return extract(image, words[2]);
    if (!strcmp(name, "mount")) return mount_only(image, words[0]);
    if (!strcmp(name, "updateinformation") || !strcmp(name, "updateinfo")) return print_section(image, ".upd_info");
    if (!strcmp(name, "signature")) return print_section(image, ".sha256_sig");
    if (!strcmp(name, "portable-home")) return make_portable_folder(image, "home");
    if (!strcmp(name, "portable-config")) return make_portable_folder(image, "config");
    if (!strcmp(name, "extract-and-run")) {
        words[1] = words[0];
        run(image, words + 1, true);
    }
    fail(EXIT_USAGE, "--appimage-help lists them", "there is no option --appimage-%s", name);
}

static bool wants_unpacking(void) {
    const char *asked = getenv("APPIMAGE_EXTRACT_AND_RUN");
    return asked && *asked && strcmp(asked, "0");
}

int main(int count, char **words) {
    static const char prefix[] = "--appimage-";
    struct image image;
    if (count < 1) fail(EXIT_USAGE, NULL, "started without a name");
    image_open(&image, words[0]);
    if (count > 1 && !strncmp(words[1], prefix, sizeof prefix - 1)) return answer(&image, words[1] + sizeof prefix - 1, words);
    run(&image, words, wants_unpacking());
}
