// The table that the builder writes into the head: which payload this is, and which of its files are read in place.
#ifndef TEA_TABLE_H
#define TEA_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum { TABLE_SIZE = 8192, TABLE_FILES = 16, DIGEST_DIGITS = 64 };

struct in_place {
    uint64_t offset;  // of the first byte, from the start of the AppImage
    uint64_t length;  // in bytes
    const char *path; // relative to the payload's root
};

// What is unpacked into a folder of its own.
struct payload {
    char *digest;      // 64 lower-case hexadecimal digits
    char *application; // 1 to 64 of a-z 0-9 . -
};

struct table {
    uint64_t length; // of the image in bytes, 0 when it does not say
    struct payload engine;
    struct payload agent; // its digest is NULL when nothing was added to the engine
    uint64_t inodes;      // how many the engine has: those of what was added have larger numbers
    size_t count;
    struct in_place files[TABLE_FILES];
};

// Reads content, size bytes, in the form of docs/appimage-runtime.md; the last byte has to be NUL. The table's texts point into
// content, which is changed. image_size is the size of the AppImage in bytes. Returns NULL, or what is wrong.
const char *table_parse(char *content, size_t size, uint64_t image_size, struct table *table);

#endif
