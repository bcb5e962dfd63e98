// Lets a C library that takes nothing but a path, llama.cpp for one, read a file in place: $APPDIR/PATH of a file in TEA_IMAGE_FILES is the
// image, positioned at that file. llama.cpp keeps offsets from the start of the stream it was given, so that is all it takes.

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inside.h"

enum { FILES = 16 };

struct in_place {
    char *path; // absolute
    int64_t offset, length;
};

static struct in_place files[FILES];
static const char *image;
static const struct in_place *_Atomic wanted; // where a stream was set to last

static char *join(const char *folder, const char *name, size_t length) {
    size_t before = strlen(folder);
    char *path = malloc(before + length + 2);
    if (!path) return NULL;
    memcpy(path, folder, before);
    path[before] = '/';
    memcpy(path + before + 1, name, length);
    path[before + 1 + length] = '\0';
    return path;
}

// Reads one "OFFSET LENGTH PATH" line; false when it is none.
static bool read_line(const char *line, size_t length, const char *folder, struct in_place *file) {
    char *at;
    errno = 0;
    file->offset = strtoll(line, &at, 10);
    if (*at != ' ') return false;
    file->length = strtoll(at + 1, &at, 10);
    if (*at != ' ' || errno || at + 1 >= line + length) return false;
    file->path = join(folder, at + 1, (size_t)(line + length - at - 1));
    return file->path != NULL;
}

__attribute__((constructor)) static void read_files(void) {
    const char *lines = getenv("TEA_IMAGE_FILES"), *folder = getenv("APPDIR"), *path = getenv("TEA_IMAGE");
    if (!lines || !folder || !path) return;
    // The variables are gone from the environment once Python runs.
    image = strdup(path);
    for (int count = 0; image && count < FILES && *lines; count++) {
        size_t length = strcspn(lines, "\n");
        if (!read_line(lines, length, folder, &files[count])) return;
        lines += length + (lines[length] == '\n');
    }
}

static const struct in_place *find(const char *path) {
    for (int i = 0; i < FILES && files[i].path; i++) {
        if (!strcmp(files[i].path, path)) return &files[i];
    }
    return NULL;
}

static bool only_reads(const char *mode) { return *mode == 'r' && !strchr(mode, '+'); }

static FILE *open_at(const struct in_place *file, FILE *(*opener)(const char *, const char *), const char *mode) {
    FILE *stream = opener(image, mode);
    if (stream && fseeko(stream, file->offset, SEEK_SET)) {
        fclose(stream);
        return NULL;
    }
    return stream;
}

EXPORTED FILE *fopen(const char *restrict path, const char *restrict mode) {
    const struct in_place *file = find(path);
    return file && only_reads(mode) ? open_at(file, NEXT(fopen), mode) : NEXT(fopen)(path, mode);
}

EXPORTED FILE *fopen64(const char *restrict path, const char *restrict mode) {
    const struct in_place *file = find(path);
    return file && only_reads(mode) ? open_at(file, NEXT(fopen64), mode) : NEXT(fopen64)(path, mode);
}

EXPORTED int stat(const char *restrict path, struct stat *restrict status) {
    const struct in_place *file = find(path);
    int result = NEXT(stat)(file ? image : path, status);
    if (file && !result) status->st_size = file->length;
    return result;
}

EXPORTED int stat64(const char *restrict path, struct stat64 *restrict status) {
    const struct in_place *file = find(path);
    int result = NEXT(stat64)(file ? image : path, status);
    if (file && !result) status->st_size = file->length;
    return result;
}

EXPORTED int access(const char *path, int mode) { return NEXT(access)(find(path) ? image : path, mode); }

EXPORTED int fseeko(FILE *stream, off_t offset, int whence) {
    for (int i = 0; whence == SEEK_SET && i < FILES && files[i].path; i++) {
        if (files[i].offset == offset) wanted = &files[i];
    }
    return NEXT(fseeko)(stream, offset, whence);
}

static bool is_image(int fd, size_t length) {
    struct stat one, other;
    return image && fd >= 0 && !fstat(fd, &one) && (size_t)one.st_size == length && !NEXT(stat)(image, &other) &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// llama.cpp maps all of the file that its model is in, and has the kernel read all of it at once. In an image that would be every model, so
// only the one that is wanted is. By the system call: an allocator may ask for memory here before anything else works.
EXPORTED void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    bool part = flags & MAP_POPULATE && offset == 0 && is_image(fd, length);
    void *mapped = (void *)syscall(SYS_mmap, address, length, protection, part ? flags & ~MAP_POPULATE : flags, fd, offset);
    const struct in_place *file = wanted;
    if (part && file && mapped != MAP_FAILED) {
        int before = errno;
        size_t skipped = (size_t)file->offset % (size_t)sysconf(_SC_PAGESIZE);
        // Before Linux 5.14 there is no such advice: the model is read where it is used.
        madvise((char *)mapped + file->offset - skipped, (size_t)file->length + skipped, MADV_POPULATE_READ);
        errno = before;
    }
    return mapped;
}

EXPORTED void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    return mmap(address, length, protection, flags, fd, offset);
}
