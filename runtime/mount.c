#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <squashfuse/ll.h>
#include <squashfuse/squashfuse.h>

#include "report.h"
#include "squash.h"
#include "ways.h"

// A descriptor that the payload inherits is numbered from the first on, out of the way of what shells number themselves; the server's from the
// second on before they get their places.
enum { INHERITED = 100, ASIDE = 10 };

// What keeps a mount: it is given up when both have ended; -1 is one that has.
struct keeper {
    int leash;   // readable, or hung up, when nobody holds its other end any more
    int process; // a pidfd
};

// The first letters and digits of the file's name, as other AppImages show them; nothing that a path could be misread for.
static void short_name(const char *argv0, char name[7]) {
    const char *at = strrchr(argv0, '/');
    int length = 0;
    for (at = at ? at + 1 : argv0; *at && length < 6; at++) {
        if ((*at | 32) >= 'a' && (*at | 32) <= 'z') name[length++] = *at;
        else if (*at >= '0' && *at <= '9') name[length++] = *at;
    }
    name[length] = '\0';
}

static char *make_mount_point(const char *argv0) {
    const char *folders[] = {getenv("TMPDIR"), "/tmp", getenv("XDG_RUNTIME_DIR")};
    char name[7];
    short_name(argv0, name);
    for (int i = 0; i < 3; i++) {
        // The bundled loader takes a list of folders with these between them, and has no way to quote one.
        if (!folders[i] || *folders[i] != '/' || strpbrk(folders[i], ":;")) continue;
        char *point = text("%s/.mount_%sXXXXXX", folders[i], name);
        if (mkdtemp(point)) return point;
        free(point);
    }
    return NULL;
}

static struct fuse_session *open_session(const struct image *image, int device) {
    static const struct fuse_lowlevel_ops operations = {
        .getattr = sqfs_ll_op_getattr,
        .opendir = sqfs_ll_op_opendir,
        .releasedir = sqfs_ll_op_releasedir,
        .readdir = sqfs_ll_op_readdir,
        .lookup = sqfs_ll_op_lookup,
        .open = sqfs_ll_op_open,
        .create = sqfs_ll_op_create,
        .release = sqfs_ll_op_release,
        .read = sqfs_ll_op_read,
        .readlink = sqfs_ll_op_readlink,
        .listxattr = sqfs_ll_op_listxattr,
        .getxattr = sqfs_ll_op_getxattr,
        .forget = sqfs_ll_op_forget,
        .statfs = stfs_ll_op_statfs,
    };
    char name[] = "tea", path[32];
    char *words[] = {name, NULL};
    struct fuse_args arguments = FUSE_ARGS_INIT(1, words);
    sqfs_ll *squash = calloc(1, sizeof *squash);
    if (!squash || sqfs_init(&squash->fs, image->descriptor, image->payload) || sqfs_ll_init(squash)) return NULL;
    struct fuse_session *session = fuse_session_new(&arguments, &operations, sizeof operations, squash);
    snprintf(path, sizeof path, "/dev/fd/%d", device);
    return session && !fuse_session_mount(session, path) ? session : NULL;
}

// Whose damage is told where, see __wrap_fuse_reply_err.
static struct {
    const char *image;
    int program; // a pidfd of what runs from the file system; -1 when it is this process that tells
    pid_t number;
} teller;

// The program's own place for errors, or a new way to it where the kernel does not allow that: a way that would not overwrite what it writes.
static int borrow_errors(void) {
    struct stat status;
    int own = (int)syscall(SYS_pidfd_getfd, teller.program, 2, 0);
    if (own >= 0) return own;
    char *name = text("/proc/%d/fd/2", (int)teller.number);
    int other = stat(name, &status) || S_ISREG(status.st_mode) ? -1 : open(name, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    free(name);
    return other;
}

// A program that cannot read its own code gets a signal, and no word why. The server has given up the user's terminal, so it borrows the
// program's for as long as it takes to say it.
static void tell_damage(void) {
    int errors = teller.program < 0 ? dup(2) : borrow_errors();
    if (errors < 0) return;
    dprintf(errors, "error [IMAGE_DAMAGED]: %s is damaged: a file inside cannot be read\n    hint: %s\n", teller.image, HINT_DAMAGED);
    close(errors);
}

int __real_fuse_reply_err(fuse_req_t request, int error);
int __wrap_fuse_reply_err(fuse_req_t request, int error);

// Stands before libfuse's function of that name (release/build/runtime.py).
int __wrap_fuse_reply_err(fuse_req_t request, int error) {
    static bool told;
    if (error == EIO && !told) tell_damage();
    told = told || error == EIO;
    return __real_fuse_reply_err(request, error);
}

// Answers until the file system is gone. It is unmounted once both of keeper have ended, and goes when the last file in it is closed.
static void answer(struct fuse_session *session, const struct keeper *keeper, const struct mounted *mounted) {
    struct pollfd polled[] = {
        {.fd = fuse_session_fd(session), .events = POLLIN},
        {.fd = keeper->leash, .events = POLLIN},
        {.fd = keeper->process, .events = POLLIN},
    };
    struct fuse_buf request = {0};
    bool kept = true;
    while (!fuse_session_exited(session)) {
        if (poll(polled, 3, -1) < 0 && errno != EINTR) break;
        if (polled[0].revents) {
            int size = fuse_session_receive_buf(session, &request);
            if (size == -EINTR || size == -EAGAIN) continue;
            if (size <= 0) break;
            fuse_session_process_buf(session, &request);
        }
        for (int i = 1; i < 3; i++) {
            if (polled[i].revents) polled[i].fd = -1;
        }
        if (kept && polled[1].fd < 0 && polled[2].fd < 0) {
            kept = false;
            if (!ways_unmount(mounted)) break;
        }
    }
    rmdir(mounted->point);
}

// Leaves three descriptors, numbered from 3, and none of those that the user's shell handed to the program: somebody waits for their end.
static void keep_only(int *device, struct keeper *keeper, int *file) {
    int *kept[] = {device, &keeper->leash, &keeper->process, file}, nothing = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++) dup2(nothing, i);
    for (int i = 0; i < 4; i++) {
        if (*kept[i] >= 0) *kept[i] = fcntl(*kept[i], F_DUPFD, ASIDE);
    }
    for (int i = 0; i < 4; i++) {
        if (*kept[i] >= 0) *kept[i] = dup2(*kept[i], 3 + i);
        else close(3 + i);
    }
    // Kernels before 5.9 have no close_range.
    if (syscall(SYS_close_range, 7U, ~0U, 0U)) {
        for (int i = 7; i < 1024; i++) close(i);
    }
}

static _Noreturn void serve(struct image image, const struct mounted *mounted, struct keeper keeper, pid_t program) {
    int device = mounted->device;
    setsid();
    // Nobody has to wait for the grandchild.
    if (fork()) _exit(0);
    prctl(PR_SET_NAME, "tea-mount");
    signal(SIGCHLD, SIG_IGN);
    keep_only(&device, &keeper, &image.descriptor);
    struct fuse_session *session = chdir("/") ? NULL : open_session(&image, device);
    teller.image = image.path;
    teller.program = keeper.process;
    teller.number = program;
    if (!session) {
        ways_unmount(mounted);
        rmdir(mounted->point);
        _exit(EXIT_MACHINE);
    }
    answer(session, &keeper, mounted);
    _exit(0);
}

// Whether the file system answers: asking waits until its process is ready, and fails when that ended.
static bool answers(const char *point) {
    char *program = text("%s/AppRun", point);
    bool fine = !access(program, X_OK);
    free(program);
    return fine;
}

static bool mount_somehow(const struct image *image, const char *argv0, bool visible, struct mounted *mounted) {
    check_squash(image);
    *mounted = (struct mounted){.device = -1};
    if (!ways_exist()) return false;
    mounted->point = make_mount_point(argv0);
    if (!mounted->point) return false;
    if (ways_mount(mounted, visible)) return true;
    rmdir(mounted->point);
    free(mounted->point);
    return false;
}

char *mount_payload(const struct image *image, const char *argv0) {
    struct mounted mounted;
    int ends[2];
    if (!mount_somehow(image, argv0, false, &mounted)) return NULL;
    struct keeper keeper = {.process = (int)syscall(SYS_pidfd_open, getpid(), 0)};
    if (pipe(ends)) fail(EXIT_MACHINE, NULL, "no file descriptor is left");
    keeper.leash = ends[0];
    // What waits in the buffer would be written twice.
    fflush(stdout);
    pid_t program = getpid(), server = fork();
    if (server < 0) fail(EXIT_MACHINE, NULL, "cannot start a process: %s", strerror(errno));
    if (server == 0) {
        close(ends[1]);
        serve(*image, &mounted, keeper, program);
    }
    close(mounted.device);
    close(ends[0]);
    if (keeper.process >= 0) close(keeper.process);
    if (fcntl(ends[1], F_DUPFD, INHERITED) >= 0) close(ends[1]);
    waitpid(server, NULL, 0);
    return answers(mounted.point) ? mounted.point : NULL;
}

bool mount_and_wait(const struct image *image, const char *argv0) {
    struct mounted mounted;
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGHUP);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    struct keeper keeper = {.leash = signalfd(-1, &stops, SFD_CLOEXEC), .process = -1};
    if (keeper.leash < 0 || !mount_somehow(image, argv0, true, &mounted)) return false;
    struct fuse_session *session = open_session(image, mounted.device);
    if (!session) {
        ways_unmount(&mounted);
        return false;
    }
    signal(SIGCHLD, SIG_IGN);
    teller.image = image->path;
    teller.program = -1;
    puts(mounted.point);
    fflush(stdout);
    answer(session, &keeper, &mounted);
    return true;
}
