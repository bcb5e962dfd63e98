#include "table.h"

#include <stdbool.h>
#include <string.h>

// Cuts the next line off *rest and returns it without its newline; NULL where no whole line is left.
static char *next_line(char **rest) {
    char *line = *rest, *end = strchr(line, '\n');
    if (!end) return NULL;
    *end = '\0';
    *rest = end + 1;
    return line;
}

// What follows "word " in line; NULL when line starts otherwise.
static char *after(char *line, const char *word) {
    size_t length = strlen(word);
    return line && !strncmp(line, word, length) && line[length] == ' ' ? line + length + 1 : NULL;
}

static bool is_digest(const char *word) {
    return strspn(word, "0123456789abcdef") == DIGEST_DIGITS && word[DIGEST_DIGITS] == '\0';
}

static bool is_application(const char *word) {
    size_t length = strlen(word);
    return length >= 1 && length <= 64 && *word != '.' && *word != '-' && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789.-") == length;
}

// A decimal number without sign or leading zero, followed by one space; *rest stands behind that space afterwards.
static bool number(char **rest, uint64_t *value) {
    char *at = *rest;
    *value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(*value, 10U, value) || __builtin_add_overflow(*value, (uint64_t)(*at - '0'), value)) return false;
    }
    if (at == *rest || *at != ' ' || (**rest == '0' && at != *rest + 1)) return false;
    *rest = at + 1;
    return true;
}

static bool is_inner_path(const char *path) {
    for (const char *at = path;; at += strcspn(at, "/") + 1) {
        size_t length = strcspn(at, "/");
        if (length == 0 || (length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.')) return false;
        if (at[length] == '\0') return true;
    }
}

static const char *read_file(char *line, uint64_t image_size, struct in_place *file) {
    uint64_t end;
    if (!number(&line, &file->offset) || !number(&line, &file->length) || file->length == 0) return "offset and length of a file";
    if (__builtin_add_overflow(file->offset, file->length, &end) || end > image_size) return "a file that ends behind the end of the image";
    if (!is_inner_path(line)) return "the path of a file";
    file->path = line;
    return NULL;
}

const char *table_parse(char *content, size_t size, uint64_t image_size, struct table *table) {
    char *rest = content;
    memset(table, 0, sizeof *table);
    if (size == 0 || content[size - 1] != '\0') return "its end";
    if (!(rest = after(rest, "tea-table"))) return "its first line";
    char *version = next_line(&rest);
    if (!version || strcmp(version, "1")) return "its version";
    table->payload = after(next_line(&rest), "payload");
    if (!table->payload || !is_digest(table->payload)) return "the payload's digest";
    table->application = after(next_line(&rest), "application");
    if (!table->application || !is_application(table->application)) return "the application's name";
    while (*rest) {
        char *line = after(next_line(&rest), "file");
        if (!line) return "an unknown line";
        if (table->count == TABLE_FILES) return "more files than it can hold";
        const char *wrong = read_file(line, image_size, &table->files[table->count]);
        if (wrong) return wrong;
        table->count++;
    }
    for (char *padding = rest; padding < content + size; padding++) {
        if (*padding) return "something behind its last line";
    }
    return NULL;
}
