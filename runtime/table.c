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

static bool starts_with(const char *rest, const char *word) { return !strncmp(rest, word, strlen(word)); }

static bool read_length(char *line, uint64_t *value) {
    if (!line) return false;
    char *at = line, *end = line + strlen(line);
    // A number has a space behind it; here the place of the newline is free to be one.
    *end = ' ';
    bool fine = number(&at, value) && at == end + 1;
    *end = '\0';
    return fine;
}

// INODES DIGEST ID
static bool read_agent(char *line, struct table *table) {
    if (!line || !number(&line, &table->inodes)) return false;
    char *space = strchr(line, ' ');
    if (!space) return false;
    *space = '\0';
    table->agent = (struct payload){line, space + 1};
    return is_digest(table->agent.digest) && is_application(table->agent.application);
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
    table->engine.digest = after(next_line(&rest), "payload");
    if (!table->engine.digest || !is_digest(table->engine.digest)) return "the payload's digest";
    table->engine.application = after(next_line(&rest), "application");
    if (!table->engine.application || !is_application(table->engine.application)) return "the application's name";
    if (starts_with(rest, "length ") && !read_length(after(next_line(&rest), "length"), &table->length)) return "the length of the image";
    if (starts_with(rest, "agent ") && !read_agent(after(next_line(&rest), "agent"), table)) return "the agent";
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
