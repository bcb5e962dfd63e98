// The way without FUSE: the payload, less what is read in place, lies unpacked in folders of the user's cache, the engine apart from what was
// added to it, so that images with the same engine share that.
#ifndef TEA_CACHE_H
#define TEA_CACHE_H

#include "image.h"

// The folder that holds the engine, unpacked by this or an earlier start. It stays while this process, or a program that it becomes, lives:
// a descriptor that survives exec holds a shared lock on it. Ends the process with a message when no folder will do.
char *cache_folder(const struct image *image);

// The same for what was added to the engine; NULL when nothing was.
char *cache_agent(const struct image *image);

#endif
