/* One command of `cordon`: a row of the table in commands.c and a file of its own.  Parser, --help, man page
 * and completion read these rows. */
#ifndef CORDON_APPS_COMMAND_H
#define CORDON_APPS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buffer.h"
#include "core/base/diag.h"
#include "core/policy/policy.h"

struct option {
	const char *name;     /* long, without the dashes */
	char letter;          /* short form, or 0 */
	const char *argument; /* what follows, in capitals; NULL for a flag */
	const char *help;
	bool repeats;         /* may be given several times */
};

struct invocation;

struct command {
	const char *name;
	const char *arguments;        /* after the options: "[PACKET…]" */
	const char *help;             /* one line */
	const char *details;          /* paragraphs of the man page */
	const struct option *options; /* ends with a row whose name is NULL; may be NULL */
	const char *const *examples;  /* command line, what it does, …; ends with NULL */
	bool raw;                     /* words after the options are taken as they are, dashes too (netsh) */
	int (*run)(struct invocation *invocation); /* returns an exit code */
};

/* What the user asked for. */
struct invocation {
	const struct command *command;
	const char *store;            /* path of the store */
	enum location_id location;
	bool has_location;            /* --location was given */
	bool json, quiet, verbose, color;
	const char *const *words;     /* positional arguments */
	size_t word_count;
	const struct given *given;    /* options, in order */
	size_t given_count;
	struct diag *diag;            /* rendered to stderr by main when run returns, or by invocation_flush */
	struct buffer *output;        /* written to stdout by main when run returns, or by invocation_flush */
};

struct given {
	const struct option *option;
	const char *value; /* NULL for a flag */
};

/* The value of an option (the last one given), NULL when it was not; "" for a flag that was. */
const char *invocation_option(const struct invocation *invocation, const char *name);
/* Writes out what is in diag and output now. */
void invocation_flush(struct invocation *invocation);

extern const struct command *const commands[]; /* ends with NULL */

#endif
