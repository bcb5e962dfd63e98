// Variables for the payload that the payload can take back, so that no program started by a workflow sees them.
#ifndef TEA_ENVIRONMENT_H
#define TEA_ENVIRONMENT_H

// Sets name to value (NULL: removes it) and remembers in TEA_RESTORE, and in TEA_RESTORE_name where there was
// a value, what the user had. What is remembered first stays: several programs may hand over one after the other.
void hand_over(const char *name, const char *value);

#endif
