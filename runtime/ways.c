#include "ways.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

static const char DEVICE[] = "/dev/fuse";

enum way { DIRECT, HELPER, NAMESPACE, ANY, NONE };

static enum way chosen_way(void) {
    static const char *const names[] = {"direct", "fusermount", "namespace", "any", "none"};
    const char *asked = getenv("TEA_APPIMAGE_MOUNT");
    if (!asked || !*asked) return ANY;
    for (int i = DIRECT; i <= NONE; i++) {
        if (!strcmp(asked, names[i])) return (enum way)i;
    }
    fail(EXIT_USAGE, "it is one of direct, fusermount, namespace, any, none", "TEA_APPIMAGE_MOUNT=%s is no way to mount", asked);
}

bool ways_exist(void) { return chosen_way() != NONE && !access(DEVICE, F_OK); }

static bool mount_directly(struct mounted *mounted) {
    int device = open(DEVICE, O_RDWR | O_CLOEXEC);
    if (device < 0) return false;
    char *options = text("fd=%d,rootmode=40000,user_id=%u,group_id=%u", device, (unsigned)geteuid(), (unsigned)getegid());
    bool fine = !mount("tea.AppImage", mounted->point, "fuse.AppImage", MS_NOSUID | MS_NODEV | MS_RDONLY, options);
    free(options);
    if (fine) mounted->device = device;
    else close(device);
    return fine;
}

static void silence(void) {
    int nothing = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++) dup2(nothing, i);
}

// The helper's name is the user's choice, as for other FUSE programs.
static const char *helper(int number) {
    const char *const names[] = {getenv("FUSERMOUNT_PROG"), "fusermount3", "fusermount", "/bin/fusermount3", "/bin/fusermount"};
    return number < 5 ? (names[number] ? names[number] : "fusermount3") : NULL;
}

static _Noreturn void run_helper(const char *name, const char *point, int channel) {
    char number[16];
    char *at = number + sizeof number - 1;
    *at = '\0';
    do *--at = (char)('0' + channel % 10);
    while (channel /= 10);
    silence();
    setenv("_FUSE_COMMFD", at, 1);
    execlp(name, name, "-o", "ro,nosuid,nodev,subtype=AppImage,fsname=tea.AppImage", "--", point, (char *)NULL);
    _exit(127);
}

// The device that the helper sends; -1 when it sends none.
static int receive_device(int channel) {
    char byte;
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec place = {&byte, 1};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *head = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    int device = -1;
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) memcpy(&device, CMSG_DATA(head), sizeof device);
    return device;
}

static bool mount_by(const char *name, struct mounted *mounted) {
    int channel[2], status = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel)) return false;
    pid_t child = fork();
    if (child == 0) {
        // The end that the helper gets may stay open over exec.
        run_helper(name, mounted->point, dup(channel[0]));
    }
    close(channel[0]);
    mounted->device = child < 0 ? -1 : receive_device(channel[1]);
    close(channel[1]);
    if (child > 0) waitpid(child, &status, 0);
    return mounted->device >= 0;
}

static bool mount_by_helper(struct mounted *mounted) {
    const char *name;
    for (int i = 0; (name = helper(i)); i++) {
        if (mount_by(name, mounted)) return mounted->by_helper = true;
    }
    return false;
}

static bool put(const char *path, const char *line) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    bool fine = write(file, line, strlen(line)) == (ssize_t)strlen(line);
    return !close(file) && fine;
}

// Makes this process its own user in a namespace in which it may mount; user and group stay what they are.
static bool enter_namespace(void) {
    unsigned user = geteuid(), group = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) return false;
    char *users = text("%u %u 1", user, user), *groups = text("%u %u 1", group, group);
    bool fine = put("/proc/self/setgroups", "deny") && put("/proc/self/uid_map", users) && put("/proc/self/gid_map", groups);
    free(users);
    free(groups);
    return fine && !mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
}

static bool mount_in_namespace(struct mounted *mounted) {
    int status = -1;
    // Entering cannot be undone: a child shows whether all of it works here.
    pid_t child = fork();
    if (child == 0) _exit(enter_namespace() && mount_directly(mounted) ? 0 : 1);
    if (child < 0 || waitpid(child, &status, 0) < 0 || status) return false;
    if (!enter_namespace()) fail(EXIT_MACHINE, "TEA_APPIMAGE_MOUNT=none", "this machine lets one process have a user namespace and not the next");
    return mount_directly(mounted);
}

bool ways_mount(struct mounted *mounted, bool visible) {
    enum way way = chosen_way();
    if ((way == ANY || way == DIRECT) && mount_directly(mounted)) return true;
    if ((way == ANY || way == HELPER) && mount_by_helper(mounted)) return true;
    return (way == ANY || way == NAMESPACE) && !visible && mount_in_namespace(mounted);
}

static bool unmount_by(const char *name, const char *point) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execlp(name, name, "-u", "-q", "-z", "--", point, (char *)NULL);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

bool ways_unmount(const struct mounted *mounted) {
    if (!mounted->by_helper) return !umount2(mounted->point, MNT_DETACH | UMOUNT_NOFOLLOW);
    // The helper asks the file system about the folder, so whoever answers must not wait for the helper.
    pid_t server = getpid(), child = fork();
    if (child != 0) return child > 0;
    const char *name;
    silence();
    signal(SIGCHLD, SIG_DFL);
    for (int i = 0; (name = helper(i)); i++) {
        if (unmount_by(name, mounted->point)) _exit(0);
    }
    // Nothing else would end it.
    kill(server, SIGKILL);
    _exit(1);
}
