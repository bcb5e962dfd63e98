// The payload as a folder through FUSE.
#ifndef TEA_MOUNT_H
#define TEA_MOUNT_H

#include "image.h"

// Mounts the payload on a folder of its own and returns that folder, or NULL when this machine does not let it. A process in the background
// answers the file system. It unmounts, removes the folder and ends once this process, or the program that it becomes, and all that inherited
// its open descriptors are gone.
char *mount_payload(const struct image *image, const char *argv0);

// Mounts the payload where other processes see it, prints the folder, and answers until SIGINT, SIGTERM or SIGHUP. Returns false when this
// machine does not let it.
bool mount_and_wait(const struct image *image, const char *argv0);

#endif
