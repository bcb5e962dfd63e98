// The way without FUSE: the payload, less what is read in place, lies unpacked in a folder of the user's cache.
#ifndef TEA_CACHE_H
#define TEA_CACHE_H

#include "image.h"

// The folder that holds the payload, unpacked by this or an earlier start. It stays while this process, or a program that it becomes, lives:
// a descriptor that survives exec holds a shared lock on it. Ends the process with a message when no folder will do.
char *cache_folder(const struct image *image);

#endif
