#include "image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <squashfuse/squashfuse.h>

#include "report.h"

// Sections of a head are a few dozen; more means that the file is none.
enum { SECTIONS = 256, SECTION_BYTES = 1 << 20 };

void image_damaged(const struct image *image, const char *what) {
    fail(EXIT_DAMAGED, HINT_DAMAGED, "%s is damaged: %s", image->path, what);
}

// What the kernel was asked to run, where there is no /proc.
static char *executed(const char *argv0) {
    const char *asked = (const char *)getauxval(AT_EXECFN);
    char *found = asked ? realpath(asked, NULL) : NULL;
    if (!found && strchr(argv0, '/')) found = realpath(argv0, NULL);
    if (!found) fail(EXIT_MACHINE, "mount /proc, or start it by its whole path", "cannot find the file that %s is", argv0);
    return found;
}

static char *own_path(const char *argv0) {
    static const char deleted[] = " (deleted)";
    char *path = realpath("/proc/self/exe", NULL);
    if (path) return path;
    char target[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", target, sizeof target - 1);
    if (length <= 0) return executed(argv0);
    target[length] = '\0';
    // The file was removed or replaced after its start: what runs is still to be read through /proc.
    char *end = target + length - (sizeof deleted - 1);
    if (end > target && !strcmp(end, deleted)) *end = '\0';
    return text("%s", target);
}

static bool read_exactly(const struct image *image, void *target, size_t size, uint64_t offset) {
    return pread(image->descriptor, target, size, (off_t)offset) == (ssize_t)size;
}

// Where a section ends in the file; sections without content lie nowhere.
static uint64_t end_of(const Elf64_Shdr *section) {
    uint64_t end;
    if (section->sh_type == SHT_NOBITS || section->sh_type == SHT_NULL) return 0;
    return __builtin_add_overflow(section->sh_offset, section->sh_size, &end) ? UINT64_MAX : end;
}

// Reads the section headers; their number is returned.
static size_t read_sections(const struct image *image, Elf64_Ehdr *head, Elf64_Shdr sections[SECTIONS]) {
    if (!read_exactly(image, head, sizeof *head, 0) || memcmp(head->e_ident, ELFMAG, SELFMAG) || head->e_ident[EI_CLASS] != ELFCLASS64) {
        fail(EXIT_DAMAGED, NULL, "%s is not an AppImage for 64-bit machines", image->path);
    }
    if (head->e_shnum == 0 || head->e_shnum > SECTIONS || head->e_shentsize != sizeof *sections || head->e_shstrndx >= head->e_shnum) {
        image_damaged(image, "its head has no sections");
    }
    if (!read_exactly(image, sections, head->e_shnum * sizeof *sections, head->e_shoff)) image_damaged(image, "it is cut short in its head");
    return head->e_shnum;
}

static uint64_t end_of_head(const struct image *image) {
    Elf64_Ehdr head;
    Elf64_Shdr sections[SECTIONS];
    size_t count = read_sections(image, &head, sections);
    uint64_t end = head.e_shoff + count * sizeof *sections;
    for (size_t i = 0; i < count; i++) {
        if (end_of(&sections[i]) > end) end = end_of(&sections[i]);
    }
    if (end > image->size) image_damaged(image, "it is cut short in its head");
    return end;
}

void image_open(struct image *image, const char *argv0) {
    const char *target = getenv("TARGET_APPIMAGE");
    memset(image, 0, sizeof *image);
    if (target && *target) {
        image->path = realpath(target, NULL);
        const char *hint = "TARGET_APPIMAGE names an AppImage, or is not set";
        if (!image->path) fail(EXIT_USAGE, hint, "TARGET_APPIMAGE=%s: %s", target, strerror(errno));
        image->descriptor = open(image->path, O_RDONLY | O_CLOEXEC);
    } else {
        image->path = own_path(argv0);
        image->descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        if (image->descriptor < 0) image->descriptor = open(image->path, O_RDONLY | O_CLOEXEC);
    }
    if (image->descriptor < 0) {
        char *hint = text("chmod +r '%s'", image->path);
        fail(EXIT_MACHINE, errno == EACCES ? hint : NULL, "cannot read %s: %s", image->path, strerror(errno));
    }
    struct stat status;
    if (fstat(image->descriptor, &status)) fail(EXIT_MACHINE, NULL, "cannot read %s: %s", image->path, strerror(errno));
    image->size = (uint64_t)status.st_size;
    image->payload = end_of_head(image);
}

char *image_section(const struct image *image, const char *name, size_t *size) {
    Elf64_Ehdr head;
    Elf64_Shdr sections[SECTIONS];
    size_t count = read_sections(image, &head, sections), length = strlen(name) + 1;
    for (size_t i = 0; i < count; i++) {
        char found[64];
        uint64_t at = sections[head.e_shstrndx].sh_offset + sections[i].sh_name;
        if (length > sizeof found || !read_exactly(image, found, length, at) || memcmp(found, name, length)) continue;
        if (sections[i].sh_type == SHT_NOBITS || sections[i].sh_size > SECTION_BYTES) continue;
        char *content = calloc(1, sections[i].sh_size + 1);
        if (!content) fail(EXIT_MACHINE, NULL, "no memory");
        if (!read_exactly(image, content, sections[i].sh_size, sections[i].sh_offset)) image_damaged(image, "it is cut short in its head");
        *size = sections[i].sh_size;
        return content;
    }
    return NULL;
}

static void read_table(struct image *image) {
    size_t size;
    char *content = image_section(image, ".tea_table", &size);
    if (!content || *content == '\0') return;
    // The texts of the table point into content, which lives as long as the process.
    const char *wrong = table_parse(content, size, image->size, &image->table);
    if (wrong) image_damaged(image, text("its table is not readable (%s)", wrong));
    image->has_table = true;
}

// libsquashfuse trusts the superblock: a block size of zero would stop it with a division by zero.
static bool sound(const struct squashfs_super_block *block) {
    return block->s_magic == 0x73717368 && block->s_major == 4 && block->s_minor == 0 && block->block_log >= 12 && block->block_log <= 20 &&
           block->block_size == 1U << block->block_log && block->no_ids > 0 && block->inode_table_start < block->bytes_used &&
           block->directory_table_start < block->bytes_used && block->id_table_start < block->bytes_used;
}

void image_check(struct image *image) {
    struct squashfs_super_block block;
    uint64_t end;
    if (image->payload == image->size) fail(EXIT_DAMAGED, "tea bundle makes one", "%s is a head without payload", image->path);
    if (!read_exactly(image, &block, sizeof block, image->payload)) image_damaged(image, "it is cut short");
    if (!sound(&block)) image_damaged(image, "there is no squashfs where its payload should start");
    if (__builtin_add_overflow(image->payload, block.bytes_used, &end) || end > image->size) {
        image_damaged(image, text("it is cut short: %llu of %llu bytes", (unsigned long long)image->size, (unsigned long long)end));
    }
    read_table(image);
    if (image->has_table && image->size < image->table.length) {
        image_damaged(image, text("it is cut short: %llu of %llu bytes", (unsigned long long)image->size, (unsigned long long)image->table.length));
    }
}
