/* The command line: argv becomes an invocation.  Options stand before or after the words, `--name value` or
 * `--name=value`; `--` ends them; global ones may also stand before the command. */
#ifndef CORDON_APPS_OPTIONS_H
#define CORDON_APPS_OPTIONS_H

#include "apps/command.h"
#include "core/store/profile.h"

extern const struct option global_options[]; /* ends with a row whose name is NULL */

/* Fills everything but diag and output, which the caller has set.  ERROR_INPUT with a message when it cannot be
 * understood; what was understood before (--color, -q) counts all the same.  options_done frees in any case. */
int options_parse(struct invocation *invocation, int argc, char **argv);
void options_done(struct invocation *invocation);

/* The values NAME=VALUE of a repeated option, in the arena.  ERROR_INPUT when one is not of that form. */
int options_pairs(struct invocation *invocation, const char *name, struct arena *arena,
		  struct profile_variable **ret_pairs, size_t *ret_count);

/* A number given as an option: 1; 0, and nothing is set, when it was not given; ERROR_INPUT with a message. */
int options_number(const struct invocation *invocation, const char *name, uint64_t least, uint64_t most, uint64_t *ret_number);

/* The names of the commands, as a value_at. */
const char *command_at(size_t index);

/* "; did you mean load?" for messages, or "".  Borrowed from the buffer, which is overwritten. */
enum { NEAREST_NAMES = 128 };
const char *nearest_words(const char *word, const char *(*value_at)(size_t index), struct buffer *buffer);

#endif
