// What is written into the head after it was linked, found by the names of its sections: docs/appimage-runtime.md.
#include "table.h"

// The three that the AppImage format names; their sizes are those that its tools write.
#define SLOT(section_name) __attribute__((used, section(section_name)))

SLOT(".tea_table") const char table_slot[TABLE_SIZE] = {0};
SLOT(".upd_info") const char update_information_slot[1024] = {0};
SLOT(".sha256_sig") const char signature_slot[1024] = {0};
SLOT(".sig_key") const char signing_key_slot[8192] = {0};
