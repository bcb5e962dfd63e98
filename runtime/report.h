// How a failure looks: the same two lines that the command line of tea writes.
#ifndef TEA_REPORT_H
#define TEA_REPORT_H

// Exit codes of tea that the runtime can end with (docs/errors.md).
enum { EXIT_USAGE = 2, EXIT_DAMAGED = 8, EXIT_MACHINE = 9 };

// Writes "error [CODE]: MESSAGE" and, unless hint is NULL, what to type next; ends the process with exit_code.
_Noreturn void fail(int exit_code, const char *hint, const char *format, ...) __attribute__((format(printf, 3, 4)));

// A text of its own, as printf would print it; ends the process when there is no memory.
char *text(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

#endif
