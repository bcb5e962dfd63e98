#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "census.h"
#include "report.h"
#include "squash.h"

// Below a place:  APPLICATION/DIGEST         the payload; complete when it holds the file COMPLETE, which is written last and says how much
//                                            else there is
//                 APPLICATION/DIGEST.lock    locked shared by those who use it, exclusively by the one who removes it
//                 APPLICATION/DIGEST.part    while it is being unpacked
//                 APPLICATION/UNPACKING      locked by the one who unpacks or removes; nobody holds it while the program runs
static const char COMPLETE[] = ".complete", UNPACKING[] = "unpacking.lock";

// Descriptors that the payload inherits start here, out of the way of what shells and programs number themselves.
enum { INHERITED = 100 };

// What is unpacked: the engine, which images share, or what was added to it.
struct wanted {
    const struct image *image;
    enum part part;
    struct payload payload;
};

// A place that might do, and why it does not.
struct place {
    char *path;
    bool chosen; // by the user: may be a symbolic link
    char *problem;
};

static bool usable(const struct stat *status) {
    return (status->st_uid == geteuid() || status->st_uid == 0) && !(status->st_mode & (S_IWGRP | S_IWOTH));
}

static char *why_unusable(const struct stat *status) {
    if (status->st_mode & (S_IWGRP | S_IWOTH)) return text("others may write to it (chmod go-w)");
    return text("it belongs to another user (%u)", (unsigned)status->st_uid);
}

// Makes the folders of path that are missing, for this user only. Nothing is made in another user's folder: root with an ordinary user's
// HOME would leave folders there that this user cannot write to.
static bool make_folders(char *path, char **problem) {
    struct stat status;
    for (char *end = path;;) {
        end = strchr(end + 1, '/');
        if (end) *end = '\0';
        if (stat(path, &status)) {
            char *slash = strrchr(path, '/');
            char *parent = slash == path ? text("/") : text("%.*s", (int)(slash - path), path);
            bool foreign = !stat(parent, &status) && status.st_uid != geteuid() && status.st_uid != 0;
            free(parent);
            if (foreign) *problem = why_unusable(&status);
            else if (mkdir(path, 0700) && errno != EEXIST) *problem = text("%s", strerror(errno));
        }
        if (end) *end = '/';
        if (!end || *problem) return !*problem;
    }
}

static int open_folder(int at, const char *name, bool follow, char **problem) {
    struct stat status;
    int folder = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    if (folder < 0 || fstat(folder, &status)) {
        *problem = text("%s", strerror(errno));
    } else if (!usable(&status)) {
        *problem = why_unusable(&status);
        close(folder);
    } else {
        return folder;
    }
    return -1;
}

// Whether an earlier start left something in the place.
static bool has_payload(const struct wanted *wanted, const struct place *place) {
    struct stat status;
    char *path = text("%s/%s/%s", place->path, wanted->payload.application, wanted->payload.digest);
    bool there = !stat(path, &status);
    free(path);
    return there;
}

// The folder of the application in a place, made if need be; -1, and the place's problem, when it cannot be used.
static int open_place(const struct wanted *wanted, struct place *place) {
    const char *application = wanted->payload.application;
    // The bundled loader takes a list of folders with these between them, and has no way to quote one.
    if (strpbrk(place->path, ":;")) place->problem = text("a program cannot be started from a folder with : or ; in its name");
    if (place->problem || !make_folders(place->path, &place->problem)) return -1;
    int base = open_folder(AT_FDCWD, place->path, place->chosen, &place->problem);
    if (base < 0) return -1;
    struct statvfs system;
    int folder = -1;
    if (!fstatvfs(base, &system) && (system.f_flag & ST_NOEXEC)) {
        place->problem = text("programs may not be started there (mounted noexec)");
    } else if (mkdirat(base, application, 0700) && errno != EEXIST) {
        place->problem = text("%s", strerror(errno));
    } else {
        folder = open_folder(base, application, false, &place->problem);
    }
    close(base);
    return folder;
}

static char *census_line(const struct census *found) {
    return text("%llu entries, %llu bytes\n", (unsigned long long)found->entries, (unsigned long long)found->bytes);
}

// Whether the payload is there as it was unpacked: cleaners of temporary folders remove files one by one.
static bool is_complete(int folder, const char *digest) {
    struct census found = {0};
    char said[64] = "";
    int payload = openat(folder, digest, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int marker = payload < 0 ? -1 : openat(payload, COMPLETE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool complete = marker >= 0 && read(marker, said, sizeof said - 1) > 0 && take_census(payload, COMPLETE, &found);
    char *expected = census_line(&found);
    if (marker >= 0) close(marker);
    if (payload >= 0) close(payload);
    complete = complete && !strcmp(said, expected);
    free(expected);
    return complete;
}

// Opens and locks a lock file. One that was removed while it was waited for is none: then it starts anew.
// Returns -1, and errno, when there is no lock to be had.
static int lock(int folder, const char *name, int how) {
    for (;;) {
        struct stat mine, there;
        int file = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file < 0 && how == LOCK_SH) file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (file < 0) return -1;
        int result = flock(file, how);
        if (!result && !fstat(file, &mine) && !fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) && mine.st_ino == there.st_ino) return file;
        int error = errno;
        close(file);
        errno = error;
        if (result && error != EINTR) return -1;
    }
}

// Removes what is there of a payload, unless somebody uses it.
static void remove_unused(int folder, const char *digest) {
    char *marker = text("%s/%s", digest, COMPLETE), *part = text("%s.part", digest), *name = text("%s.lock", digest);
    int held = lock(folder, name, LOCK_EX | LOCK_NB);
    // The marker first: a removal that is cut short leaves no folder that looks complete.
    if (held >= 0) unlinkat(folder, marker, 0);
    if (held >= 0 && remove_tree(folder, digest) && remove_tree(folder, part)) unlinkat(folder, name, 0);
    if (held >= 0) close(held);
    free(marker);
    free(part);
    free(name);
}

// Removes the application's other payloads.
static void collect_garbage(int folder, const char *own) {
    DIR *entries = fdopendir(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!entries) return;
    for (const struct dirent *entry; (entry = readdir(entries));) {
        char digest[DIGEST_DIGITS + 1];
        if (strspn(entry->d_name, "0123456789abcdef") != DIGEST_DIGITS) continue;
        memcpy(digest, entry->d_name, DIGEST_DIGITS);
        digest[DIGEST_DIGITS] = '\0';
        if (strcmp(digest, own)) remove_unused(folder, digest);
    }
    closedir(entries);
}

static char *why_unfit(int folder, uint64_t needed) {
    struct statvfs system;
    if (fstatvfs(folder, &system)) return text("%s", strerror(errno));
    uint64_t there = (uint64_t)system.f_bavail * system.f_frsize;
    if (there >= needed) return NULL;
    unsigned long long rounded = (needed + 999999) / 1000000, left = there / 1000000;
    return text("full: %llu MB are needed, %llu MB are free", rounded, left);
}

static bool mark_complete(int part) {
    struct census found = {0};
    if (!take_census(part, COMPLETE, &found)) return false;
    int marker = openat(part, COMPLETE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (marker < 0) return false;
    char *line = census_line(&found);
    ssize_t length = (ssize_t)strlen(line);
    // Whoever may start the program may also see that all of it is there.
    bool fine = !fchmod(marker, 0644) && write(marker, line, (size_t)length) == length;
    free(line);
    // All of it is on the disk before it gets its name, so that a power cut does not leave a folder with empty files for good.
    return !close(marker) && fine && !syncfs(part);
}

// Unpacks into DIGEST.part and renames it; UNPACKING is locked.
static char *fill(const struct wanted *wanted, int folder, const char *name, struct unpacking *work) {
    const struct image *image = wanted->image;
    const char *digest = wanted->payload.digest;
    if (!remove_tree(folder, name) || mkdirat(folder, name, 0700)) return text("%s", strerror(errno));
    int part = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (part < 0) return text("%s", strerror(errno));
    enum unpacked result = unpack(image, part, work);
    char *problem = NULL;
    if (result == UNPACKED && !mark_complete(part)) problem = text("%s", strerror(errno));
    close(part);
    if (result == UNPACK_FAILED) problem = text("%s: %s", work->path, strerror(work->error));
    if (result == UNPACKED && !problem && (!remove_tree(folder, digest) || renameat(folder, name, folder, digest))) {
        problem = text("%s", strerror(errno));
    }
    if (result != UNPACKED || problem) remove_tree(folder, name);
    if (result == UNPACK_DAMAGED) image_damaged(image, text("%s cannot be read", *work->path ? work->path : "its squashfs"));
    if (result == UNPACK_INTERRUPTED) raise(work->error);
    return problem;
}

// A terminal sees how far it is.
static bool is_watched(void) {
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb");
}

static char *unpack_into(const struct wanted *wanted, int folder) {
    const char *digest = wanted->payload.digest;
    int held = lock(folder, UNPACKING, LOCK_EX);
    if (held < 0) return text("%s", strerror(errno));
    char *problem = NULL;
    if (!is_complete(folder, digest)) {
        struct unpacking work = {.part = wanted->part, .leave_in_place = true};
        uint64_t needed = unpacked_size(wanted->image, wanted->part);
        if (is_watched()) work.total = needed;
        char *part = text("%s.part", digest);
        collect_garbage(folder, digest);
        problem = why_unfit(folder, needed);
        if (!problem) problem = fill(wanted, folder, part, &work);
        free(part);
    }
    close(held);
    return problem;
}

// Holds the payload of a complete folder until the process ends. Without a lock file, as in a folder that somebody else prepared and
// that cannot be written to, there is also nobody who could remove it.
static void hold(int folder, const char *digest) {
    char *name = text("%s.lock", digest);
    int held = lock(folder, name, LOCK_SH);
    free(name);
    if (held < 0) return;
    // Without close-on-exec, unlike the one it is a copy of.
    if (fcntl(held, F_DUPFD, INHERITED) < 0 && dup(held) < 0) fail(EXIT_MACHINE, NULL, "no file descriptor is left");
    close(held);
}

// Whether the place has, or got, the complete payload, which is locked for this process then.
static bool try_place(const struct wanted *wanted, struct place *place, bool may_unpack) {
    const char *digest = wanted->payload.digest;
    if (!may_unpack && !has_payload(wanted, place)) return false;
    int folder = open_place(wanted, place);
    bool complete = false;
    // Between unpacking and locking a start of another version may remove the folder again; that cannot go on for ever.
    for (int attempt = 0; folder >= 0 && !complete && attempt < 8; attempt++) {
        if (!is_complete(folder, digest)) {
            if (!may_unpack || (place->problem = unpack_into(wanted, folder))) break;
        }
        hold(folder, digest);
        complete = is_complete(folder, digest);
    }
    if (folder >= 0) close(folder);
    return complete;
}

static size_t places(struct place found[3]) {
    const char *chosen = getenv("TEA_APPIMAGE_CACHE"), *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME"), *temporary = getenv("TMPDIR");
    unsigned user = geteuid();
    size_t count = 0;
    if (chosen && *chosen) {
        if (*chosen != '/') fail(EXIT_USAGE, "TEA_APPIMAGE_CACHE=/a/whole/path", "TEA_APPIMAGE_CACHE=%s does not start with /", chosen);
        found[0] = (struct place){text("%s", chosen), true, NULL};
        return 1;
    }
    if (cache && *cache == '/') found[count++].path = text("%s/the-edge-agent/appimage", cache);
    else if (home && *home == '/') found[count++].path = text("%s/.cache/the-edge-agent/appimage", home);
    if (temporary && *temporary == '/') found[count++].path = text("%s/the-edge-agent-appimage-%u", temporary, user);
    if (!temporary || strcmp(temporary, "/tmp")) found[count++].path = text("/tmp/the-edge-agent-appimage-%u", user);
    return count;
}

static char *folder_of(const struct wanted *wanted) {
    const char *application = wanted->payload.application, *digest = wanted->payload.digest;
    struct place found[3] = {0};
    size_t count = places(found);
    // What is unpacked already is used, wherever it is; only then the places are tried in their order.
    for (int may_unpack = 0; may_unpack < 2; may_unpack++) {
        for (size_t i = 0; i < count; i++) {
            if (!found[i].problem && try_place(wanted, &found[i], may_unpack)) return text("%s/%s/%s", found[i].path, application, digest);
        }
    }
    char *problems = text("%s", ""), *hint = text("TEA_APPIMAGE_CACHE=/a/folder/that/may/hold/programs '%s'", wanted->image->path);
    for (size_t i = 0; i < count; i++) {
        const char *problem = found[i].problem ? found[i].problem : "other starts keep removing it";
        problems = text("%s\n    %s: %s", problems, found[i].path, problem);
    }
    fail(EXIT_MACHINE, hint, "there is no folder to unpack the program into%s", problems);
}

char *cache_folder(const struct image *image) {
    if (!image->has_table) {
        const char *hint = "start it where there is FUSE, or use --appimage-extract";
        fail(EXIT_MACHINE, hint, "%s does not say what it holds, so it cannot be unpacked to the cache", image->path);
    }
    const struct wanted engine = {image, ENGINE, image->table.engine};
    return folder_of(&engine);
}

char *cache_agent(const struct image *image) {
    const struct wanted agent = {image, AGENT, image->table.agent};
    return agent.payload.digest ? folder_of(&agent) : NULL;
}
