// Unpacks the payload's squashfs into a folder.
#ifndef TEA_SQUASH_H
#define TEA_SQUASH_H

#include <stdbool.h>
#include <stdint.h>

#include "image.h"

enum unpacked { UNPACKED, UNPACK_DAMAGED, UNPACK_FAILED, UNPACK_INTERRUPTED };

// Everything, or what the engine brought, or what was added to it.
enum part { WHOLE, ENGINE, AGENT };

struct unpacking {
    enum part part;
    const char *pattern; // only what it matches, as fnmatch does, and what lies below; NULL: everything
    bool leave_in_place; // files of the table are left out
    bool list;           // each path goes to standard output
    char path[4096];     // what was worked on last, relative to the payload's root
    int error;           // errno of UNPACK_FAILED
    uint64_t entries;    // files, links and folders written
    uint64_t total;      // bytes that it takes, when a terminal is to see how far it is; else 0
};

// Writes the payload below the folder target, which exists; files that are there already are replaced. Modes and times are the image's,
// owners are not kept, special files are skipped. SIGINT, SIGTERM and SIGHUP end it early.
enum unpacked unpack(const struct image *image, int target, struct unpacking *work);

// Ends the process with a message when the squashfs cannot be opened.
void check_squash(const struct image *image);

// How many bytes of disk unpacking the part but the in-place files takes, about. Ends the process when the squashfs is damaged.
uint64_t unpacked_size(const struct image *image, enum part part);

// Removes name below the folder, with everything in it; false, and errno, when something is left. Nothing there is fine.
bool remove_tree(int folder, const char *name);

#endif
