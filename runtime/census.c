#include "census.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool count_entry(int folder, const char *name, struct census *found) {
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW)) return false;
    found->entries++;
    if (S_ISREG(status.st_mode)) found->bytes += (uint64_t)status.st_size;
    if (!S_ISDIR(status.st_mode)) return true;
    int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0) return false;
    bool fine = take_census(inner, "", found);
    close(inner);
    return fine;
}

bool take_census(int folder, const char *except, struct census *found) {
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = own < 0 ? NULL : fdopendir(own);
    bool fine = true;
    if (!entries) {
        if (own >= 0) close(own);
        return false;
    }
    for (const struct dirent *entry; fine && (entry = readdir(entries));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || !strcmp(entry->d_name, except)) continue;
        fine = count_entry(dirfd(entries), entry->d_name, found);
    }
    closedir(entries);
    return fine;
}
