// libtea-inside.so, loaded into the bundled programs before all other libraries.
#ifndef TEA_INSIDE_H
#define TEA_INSIDE_H

// The function that this library's own one of the same name stands before.
#define NEXT(function) ((__typeof__(&(function)))next_function(#function))

void *next_function(const char *name);

#define EXPORTED __attribute__((visibility("default")))

#endif
