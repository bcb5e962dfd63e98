// The three ways to get a file system from the kernel: as root, by the setuid helper, in a user namespace.
#ifndef TEA_WAYS_H
#define TEA_WAYS_H

#include <stdbool.h>

struct mounted {
    char *point;     // the folder
    int device;      // of /dev/fuse, to be answered
    bool by_helper;  // fusermount mounted it and has to unmount it
};

// Whether there is a /dev/fuse and the user did not forbid to use it (TEA_APPIMAGE_MOUNT=none).
bool ways_exist(void);

// Mounts on mounted->point by the first way that works, or the one that TEA_APPIMAGE_MOUNT names; sets the rest of mounted. The way through a
// user namespace, which changes this process and which no other one sees, is not gone when visible is wanted.
bool ways_mount(struct mounted *mounted, bool visible);

// Unmounts, as soon as the last file is closed; does not wait for it. False when there is no way to.
bool ways_unmount(const struct mounted *mounted);

#endif
