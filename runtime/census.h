// Whether a folder still holds what was unpacked into it.
#ifndef TEA_CENSUS_H
#define TEA_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

struct census {
    uint64_t entries; // files, links and folders
    uint64_t bytes;   // in files
};

// Counts everything below the folder but what is called except at its top. False, and errno, when something cannot be looked at.
bool take_census(int folder, const char *except, struct census *found);

#endif
