// The AppImage as a file: its ELF head, its sections, where the payload starts.
#ifndef TEA_IMAGE_H
#define TEA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table.h"

struct image {
    char *path;       // absolute, symbolic links resolved
    int descriptor;   // open for reading, closed by exec
    uint64_t size;    // of the file, in bytes
    uint64_t payload; // offset of the squashfs
    bool has_table;   // false: some other project's AppImage, or a head without payload
    struct table table;
};

// Opens the AppImage that runs, or the one that TARGET_APPIMAGE names; ends the process with a message where that is impossible.
void image_open(struct image *image, const char *argv0);

// Checks, without reading the data, that the payload is there as a whole, and reads the table; ends the process otherwise.
void image_check(struct image *image);

// The content of the section called name, with a NUL behind it; NULL when there is none. The caller frees it.
char *image_section(const struct image *image, const char *name, size_t *size);

#define HINT_DAMAGED "get the file again; the sums that were published with it tell whether it is whole"

// Says that the image is damaged, and what to do about it.
_Noreturn void image_damaged(const struct image *image, const char *what);

#endif
