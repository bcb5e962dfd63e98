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

#include "report.h"
#include "squash.h"

// Below a place:  APPLICATION/DIGEST         the payload; complete when it holds the file COMPLETE, which is written last
//                 APPLICATION/DIGEST.lock    locked shared by those who use it, exclusively by the one who removes it
//                 APPLICATION/DIGEST.part    while it is being unpacked
//                 APPLICATION/UNPACKING      locked by the one who unpacks or removes; nobody holds it while the program runs
static const char COMPLETE[] = ".complete", UNPACKING[] = "unpacking.lock";

// Descriptors that the payload inherits start here, out of the way of what shells and programs number themselves.
enum { INHERITED = 100 };

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
static bool has_payload(const struct image *image, const struct place *place) {
    struct stat status;
    char *path = text("%s/%s/%s", place->path, image->table.application, image->table.payload);
    bool there = !stat(path, &status);
    free(path);
    return there;
}

// The folder of the application in a place, made if need be; -1, and the place's problem, when it cannot be used.
static int open_place(const struct image *image, struct place *place) {
    const char *application = image->table.application;
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

static bool is_complete(int folder, const char *digest) {
    char *marker = text("%s/%s", digest, COMPLETE);
    bool complete = !faccessat(folder, marker, F_OK, 0);
    free(marker);
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
    int marker = openat(part, COMPLETE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    // All of it is on the disk before it gets its name, so that a power cut does not leave a folder with empty files for good.
    return marker >= 0 && !close(marker) && !syncfs(part);
}

// Unpacks into DIGEST.part and renames it; UNPACKING is locked.
static char *fill(const struct image *image, int folder, const char *name, struct unpacking *work) {
    const char *digest = image->table.payload;
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

static char *unpack_into(const struct image *image, int folder) {
    const char *digest = image->table.payload;
    int held = lock(folder, UNPACKING, LOCK_EX);
    if (held < 0) return text("%s", strerror(errno));
    char *problem = NULL;
    if (!is_complete(folder, digest)) {
        struct unpacking work = {.leave_in_place = true};
        char *part = text("%s.part", digest);
        collect_garbage(folder, digest);
        problem = why_unfit(folder, unpacked_size(image));
        if (!problem) problem = fill(image, folder, part, &work);
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
static bool try_place(const struct image *image, struct place *place, bool may_unpack) {
    if (!may_unpack && !has_payload(image, place)) return false;
    int folder = open_place(image, place);
    bool complete = false;
    // Between unpacking and locking a start of another version may remove the folder again; that cannot go on for ever.
    for (int attempt = 0; folder >= 0 && !complete && attempt < 8; attempt++) {
        if (!is_complete(folder, image->table.payload)) {
            if (!may_unpack || (place->problem = unpack_into(image, folder))) break;
        }
        hold(folder, image->table.payload);
        complete = is_complete(folder, image->table.payload);
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

char *cache_folder(const struct image *image) {
    struct place found[3] = {0};
    if (!image->has_table) {
        const char *hint = "start it where there is FUSE, or use --appimage-extract";
        fail(EXIT_MACHINE, hint, "%s does not say what it holds, so it cannot be unpacked to the cache", image->path);
    }
    size_t count = places(found);
    // What is unpacked already is used, wherever it is; only then the places are tried in their order.
    for (int may_unpack = 0; may_unpack < 2; may_unpack++) {
        for (size_t i = 0; i < count; i++) {
            if (!found[i].problem && try_place(image, &found[i], may_unpack)) {
                return text("%s/%s/%s", found[i].path, image->table.application, image->table.payload);
            }
        }
    }
    char *problems = text("%s", ""), *hint = text("TEA_APPIMAGE_CACHE=/a/folder/that/may/hold/programs '%s'", image->path);
    for (size_t i = 0; i < count; i++) {
        const char *problem = found[i].problem ? found[i].problem : "other starts keep removing it";
        problems = text("%s\n    %s: %s", problems, found[i].path, problem);
    }
    fail(EXIT_MACHINE, hint, "there is no folder to unpack the program into%s", problems);
}
