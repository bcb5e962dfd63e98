// libsquashfuse refers to LZO, which is under the GPL and which no image of ours uses: it is answered that there is none.
#include <stddef.h>

enum { LZO_E_ERROR = -1 };

int lzo1x_decompress_safe(const unsigned char *source, size_t source_size, unsigned char *target, size_t *target_size, void *memory);

int lzo1x_decompress_safe(const unsigned char *source, size_t source_size, unsigned char *target, size_t *target_size, void *memory) {
    (void)source;
    (void)source_size;
    (void)target;
    (void)target_size;
    (void)memory;
    return LZO_E_ERROR;
}
