/* The variables of a batch file: %NAME%, %1, and what `set` made of them. */
#ifndef CORDON_BOOTCFG_NETSH_VARIABLE_H
#define CORDON_BOOTCFG_NETSH_VARIABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "bootcfg/netsh/netsh.h"
#include "bootcfg/netsh/traced.h"

enum { VARIABLES_MOST = 256, VARIABLE_MOST = 32767, SETLOCAL_MOST = 32 };

struct variable {
	char *name, *value; /* value NULL: set, but to something that is not known here; ended by NUL */
	size_t length;
	const char *why;    /* then: how (static text) */
	bool given;         /* by --set */
};

struct variables {
	struct variable *items;
	size_t count;
	struct {
		struct variable *items;
		size_t count;
		bool delayed;
	} saved[SETLOCAL_MOST];
	size_t depth;
	bool delayed; /* setlocal enabledelayedexpansion: !NAME! counts */
};

/* False when one of the options is no good variable (*ret_wrong is its name). */
bool variables_init(struct variables *variables, const struct netsh_options *options, const char **ret_wrong);
void variables_done(struct variables *variables);

const struct variable *variable_find(const struct variables *variables, const char *name, size_t length);

/* Sets, or with an empty value removes; value NULL: not known, because of `why`.  False past the limits. */
bool variable_set(struct variables *variables, const char *name, size_t name_length, const char *value, size_t length,
		  const char *why);

/* setlocal and endlocal; false past the limits. */
bool variables_push(struct variables *variables, bool delayed);
void variables_pop(struct variables *variables);

/* Appends a line of the script, which starts at `origin` there, with its %NAME% replaced as cmd.exe does it: %%
 * is %, a lone % goes.  What is not defined or not understood becomes a mark with its text, such as %NAME%. */
void variables_expand(const struct variables *variables, const char *line, size_t length, uint32_t origin,
		      struct traced *traced);

#endif
