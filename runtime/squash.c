#include "squash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <squashfuse/squashfuse.h>

#include "report.h"

enum { CHUNK = 1 << 20, RAW_CHUNK = 64 << 20, DEPTH = 64, BLOCK = 4096 };

// A folder of the image on the way to what is unpacked; it is made when the first thing in it is.
struct level {
    struct level *parent;
    const char *name;
    mode_t mode;
    time_t changed;
    int descriptor; // -1 before it is made
    int depth;
};

struct walk {
    sqfs squash;
    const struct image *image;
    struct unpacking *work; // NULL: only the size is wanted
    enum part part;
    uint64_t bytes;
    char *buffer;
    struct timespec told; // when the terminal was told last
    bool shown;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number) { interrupted = number; }

static const int CRASHES[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
enum { CRASH_KINDS = sizeof CRASHES / sizeof *CRASHES };
static char *crash_message;

static void tell_crash(int number) {
    (void)number;
    if (write(STDERR_FILENO, crash_message, strlen(crash_message)) < 0) _exit(EXIT_DAMAGED);
    _exit(EXIT_DAMAGED);
}

// libsquashfuse does not check everything that it reads: until unguard, a crash is taken for what it is, a damaged image.
static void guard(const struct image *image, struct sigaction before[CRASH_KINDS]) {
    struct sigaction tell = {.sa_handler = tell_crash, .sa_flags = (int)SA_RESETHAND};
    crash_message = text("error [IMAGE_DAMAGED]: %s is damaged: its squashfs cannot be read\n    hint: get the file again\n", image->path);
    for (int i = 0; i < CRASH_KINDS; i++) sigaction(CRASHES[i], &tell, &before[i]);
}

static void unguard(const struct sigaction before[CRASH_KINDS]) {
    for (int i = 0; i < CRASH_KINDS; i++) sigaction(CRASHES[i], &before[i], NULL);
    free(crash_message);
}

static enum unpacked failed(struct walk *walk) {
    walk->work->error = errno;
    return UNPACK_FAILED;
}

static const struct in_place *in_place(const struct image *image, const char *path) {
    for (size_t i = 0; i < image->table.count; i++) {
        if (!strcmp(image->table.files[i].path, path)) return &image->table.files[i];
    }
    return NULL;
}

static bool open_level(struct level *level) {
    if (level->descriptor >= 0) return true;
    if (!open_level(level->parent)) return false;
    // The owner can always write and enter, or nobody could fill or remove the folder.
    if (mkdirat(level->parent->descriptor, level->name, level->mode | 0700) && errno != EEXIST) return false;
    level->descriptor = openat(level->parent->descriptor, level->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return level->descriptor >= 0;
}

static bool close_level(const struct level *level) {
    if (level->descriptor < 0) return true;
    const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = level->changed}};
    bool fine = !fchmod(level->descriptor, (level->mode & 0777) | 0700) && !futimens(level->descriptor, times);
    return !close(level->descriptor) && fine;
}

static bool write_all(int target, const char *bytes, size_t size) {
    while (size) {
        ssize_t written = write(target, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

// A file that is read in place lies in one piece: the kernel copies it, and shares the blocks where the file system can.
static bool copy_raw(const struct walk *walk, const struct in_place *file, int target) {
    off_t at = (off_t)file->offset;
    for (uint64_t left = file->length; left && !interrupted;) {
        ssize_t copied = copy_file_range(walk->image->descriptor, &at, target, NULL, left < RAW_CHUNK ? left : RAW_CHUNK, 0);
        if (copied <= 0) return false;
        left -= (uint64_t)copied;
    }
    return !interrupted;
}

static int64_t milliseconds(const struct timespec *from, const struct timespec *to) {
    return (int64_t)(to->tv_sec - from->tv_sec) * 1000 + (to->tv_nsec - from->tv_nsec) / 1000000;
}

// On a terminal, ten times a second, and not before somebody would wonder.
static void tell_progress(struct walk *walk) {
    struct timespec now;
    if (!walk->work->total || clock_gettime(CLOCK_MONOTONIC, &now)) return;
    if (milliseconds(&walk->told, &now) < (walk->shown ? 100 : 300)) return;
    unsigned share = (unsigned)(walk->bytes * 100 / walk->work->total);
    fprintf(stderr, "\r\x1b[2Kunpacking for the first start: %u %% of %llu MB", share, (unsigned long long)(walk->work->total / 1000000));
    walk->told = now;
    walk->shown = true;
}

static enum unpacked copy_content(struct walk *walk, sqfs_inode *inode, int target) {
    uint64_t size = inode->xtra.reg.file_size;
    const struct in_place *raw = in_place(walk->image, walk->work->path);
    if (raw && raw->length == size && copy_raw(walk, raw, target)) return UNPACKED;
    if (raw && lseek(target, 0, SEEK_SET)) return failed(walk);
    for (uint64_t at = 0; at < size;) {
        sqfs_off_t got = CHUNK;
        if (interrupted) return UNPACK_INTERRUPTED;
        tell_progress(walk);
        if (sqfs_read_range(&walk->squash, inode, (sqfs_off_t)at, &got, walk->buffer) || got <= 0) return UNPACK_DAMAGED;
        if (!write_all(target, walk->buffer, (size_t)got)) return failed(walk);
        at += (uint64_t)got;
    }
    return UNPACKED;
}

static enum unpacked unpack_file(struct walk *walk, const struct level *level, const char *name, sqfs_inode *inode) {
    const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = inode->base.mtime}};
    if (unlinkat(level->descriptor, name, 0) && errno != ENOENT) return failed(walk);
    int target = openat(level->descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (target < 0) return failed(walk);
    enum unpacked result = copy_content(walk, inode, target);
    if (result == UNPACKED && (fchmod(target, inode->base.mode & 0777) || futimens(target, times))) result = failed(walk);
    if (close(target) && result == UNPACKED) result = failed(walk);
    return result;
}

static enum unpacked unpack_link(struct walk *walk, const struct level *level, const char *name, sqfs_inode *inode) {
    char target[4097];
    size_t size = sizeof target;
    if (inode->xtra.symlink_size >= sizeof target || sqfs_readlink(&walk->squash, inode, target, &size)) return UNPACK_DAMAGED;
    if (unlinkat(level->descriptor, name, 0) && errno != ENOENT) return failed(walk);
    return symlinkat(target, level->descriptor, name) ? failed(walk) : UNPACKED;
}

static enum unpacked walk_folder(struct walk *walk, struct level *level, sqfs_inode *inode, char *path, size_t length);

static enum unpacked walk_below(struct walk *walk, struct level *parent, const char *name, sqfs_inode *inode, char *path, size_t length,
                                bool wanted) {
    struct level level = {parent, name, inode->base.mode & 0777, inode->base.mtime, -1, parent->depth + 1};
    if (level.depth > DEPTH) return UNPACK_DAMAGED;
    if (wanted && walk->work && !open_level(&level)) return failed(walk);
    if (wanted && walk->work) walk->work->entries++;
    enum unpacked result = walk_folder(walk, &level, inode, path, length);
    if (walk->work && !close_level(&level) && result == UNPACKED) result = failed(walk);
    return result;
}

static enum unpacked unpack_entry(struct walk *walk, struct level *level, const char *name, sqfs_inode *inode) {
    struct unpacking *work = walk->work;
    if (!S_ISREG(inode->base.mode) && !S_ISLNK(inode->base.mode)) return UNPACKED;
    if (!open_level(level)) return failed(walk);
    work->entries++;
    if (work->list) puts(work->path);
    return S_ISREG(inode->base.mode) ? unpack_file(walk, level, name, inode) : unpack_link(walk, level, name, inode);
}

// Whether the entry is of the part that is wanted. A folder of the engine holds what was added to it too.
static bool in_part(const struct walk *walk, const sqfs_inode *inode) {
    if (walk->part == WHOLE || !walk->image->table.agent.digest) return walk->part != AGENT;
    return (inode->base.inode_number > walk->image->table.inodes) == (walk->part == AGENT);
}

static enum unpacked walk_entry(struct walk *walk, struct level *level, sqfs_dir_entry *entry, char *path, size_t length) {
    const char *name = sqfs_dentry_name(entry);
    size_t room = sizeof walk->work->path - length, size = strlen(name);
    sqfs_inode inode;
    if (size == 0 || size + 2 > room || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..")) return UNPACK_DAMAGED;
    if (length) path[length++] = '/';
    memcpy(path + length, name, size + 1);
    if (sqfs_inode_get(&walk->squash, &inode, sqfs_dentry_inode(entry))) return UNPACK_DAMAGED;
    bool wanted = in_part(walk, &inode);
    if (walk->work && walk->work->pattern) wanted = wanted && !fnmatch(walk->work->pattern, path, FNM_FILE_NAME | FNM_LEADING_DIR);
    if (S_ISDIR(inode.base.mode)) return walk_below(walk, level, name, &inode, path, length + size, wanted);
    bool left = (!walk->work || walk->work->leave_in_place) && in_place(walk->image, path);
    if (!wanted || left) return UNPACKED;
    if (S_ISREG(inode.base.mode)) walk->bytes += (inode.xtra.reg.file_size + BLOCK - 1) / BLOCK * BLOCK;
    return walk->work ? unpack_entry(walk, level, name, &inode) : UNPACKED;
}

static enum unpacked walk_folder(struct walk *walk, struct level *level, sqfs_inode *inode, char *path, size_t length) {
    sqfs_dir folder;
    sqfs_name name;
    sqfs_dir_entry entry;
    sqfs_err error = SQFS_OK;
    walk->bytes += BLOCK;
    if (sqfs_dir_open(&walk->squash, inode, &folder, 0)) return UNPACK_DAMAGED;
    sqfs_dentry_init(&entry, name);
    while (sqfs_dir_next(&walk->squash, &folder, &entry, &error)) {
        if (interrupted) return UNPACK_INTERRUPTED;
        enum unpacked result = walk_entry(walk, level, &entry, path, length);
        if (result != UNPACKED) return result;
        path[length] = '\0';
    }
    return error ? UNPACK_DAMAGED : UNPACKED;
}

// Opens the squashfs and its root folder.
static bool open_squash(sqfs *squash, const struct image *image, sqfs_inode *root) {
    if (sqfs_init(squash, image->descriptor, image->payload)) return false;
    if (!sqfs_inode_get(squash, root, sqfs_inode_root(squash)) && S_ISDIR(root->base.mode)) return true;
    sqfs_destroy(squash);
    return false;
}

static enum unpacked walk_image(struct walk *walk, int target, char *path) {
    struct level root = {.mode = 0755, .descriptor = target};
    struct sigaction before[CRASH_KINDS];
    sqfs_inode inode;
    enum unpacked result = UNPACK_DAMAGED;
    path[0] = '\0';
    guard(walk->image, before);
    if (open_squash(&walk->squash, walk->image, &inode)) {
        result = walk_folder(walk, &root, &inode, path, 0);
        sqfs_destroy(&walk->squash);
    }
    unguard(before);
    return result;
}

void check_squash(const struct image *image) {
    struct sigaction before[CRASH_KINDS];
    sqfs squash;
    sqfs_inode root;
    guard(image, before);
    if (!open_squash(&squash, image, &root)) image_damaged(image, "its squashfs cannot be read");
    sqfs_destroy(&squash);
    unguard(before);
}

enum unpacked unpack(const struct image *image, int target, struct unpacking *work) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before[3], stop = {.sa_handler = interrupt};
    struct walk walk = {.image = image, .work = work, .part = work->part, .buffer = malloc(CHUNK)};
    clock_gettime(CLOCK_MONOTONIC, &walk.told);
    if (!walk.buffer) fail(EXIT_MACHINE, NULL, "no memory to unpack %s", image->path);
    for (int i = 0; i < 3; i++) {
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN) sigaction(signals[i], &stop, NULL);
    }
    enum unpacked result = walk_image(&walk, target, work->path);
    for (int i = 0; i < 3; i++) sigaction(signals[i], &before[i], NULL);
    if (walk.shown) fputs("\r\x1b[2K", stderr);
    free(walk.buffer);
    if (result == UNPACK_INTERRUPTED) work->error = interrupted;
    return result;
}

uint64_t unpacked_size(const struct image *image, enum part part) {
    struct walk walk = {.image = image, .part = part};
    char path[sizeof walk.work->path];
    if (walk_image(&walk, -1, path) != UNPACKED) image_damaged(image, "its squashfs cannot be read");
    return walk.bytes;
}

static bool remove_content(int folder) {
    DIR *entries = fdopendir(folder);
    if (!entries) {
        close(folder);
        return false;
    }
    bool fine = true;
    for (const struct dirent *entry; (entry = readdir(entries));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (!remove_tree(dirfd(entries), entry->d_name)) fine = false;
    }
    int error = errno;
    closedir(entries);
    errno = error;
    return fine;
}

bool remove_tree(int folder, const char *name) {
    if (!unlinkat(folder, name, 0) || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) return false;
    int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0) return false;
    return remove_content(inner) && !unlinkat(folder, name, AT_REMOVEDIR);
}
