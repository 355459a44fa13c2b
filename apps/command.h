/* One command of `cordon`: a row of the table in commands.c and a file of its own.  Parser, --help, man page
 * and completion read these rows. */
#ifndef CORDON_APPS_COMMAND_H
#define CORDON_APPS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buffer.h"
#include "core/base/diag.h"
#include "core/policy/policy.h"

/* What a value is, for completion. */
enum value_kind { VALUE_TEXT, VALUE_FILE, VALUE_PROFILE, VALUE_COMMAND };

struct option {
	const char *name;     /* long, without the dashes */
	char letter;          /* short form, or 0 */
	const char *argument; /* what follows, in capitals; NULL for a flag */
	const char *help;
	bool repeats;         /* may be given several times */
	bool required;
	enum value_kind kind;
	const char *(*value_at)(size_t index); /* the values that are right, NULL after the last; NULL: any */
};

struct invocation;

struct command {
	const char *name;
	const char *arguments;        /* after the options: "[PACKET…]" */
	const char *help;             /* one line */
	const char *details;          /* paragraphs of the man page, separated by empty lines */
	const struct option *options; /* ends with a row whose name is NULL; may be NULL */
	const char *const *examples;  /* command line, what it does, …; ends with NULL */
	bool raw;                     /* from the first word on only known long options are options (netsh) */
	size_t least, most;           /* how many words there may be; most 0: none, WORDS_ANY */
	enum value_kind words;        /* what they are, for completion */
	const char *(*word_at)(size_t index); /* what the first word can be; NULL: anything */
	int (*run)(struct invocation *invocation); /* returns an exit code */
	/* Looks first at an argument with one dash, which may be a switch as another program writes it; NULL: nothing does.  1: taken, 0: it is
	 * none, negative with a message. */
	int (*foreign)(struct invocation *invocation, const char *argument);
};
#define WORDS_ANY ((size_t)-1)

/* A value_at or word_at over a static list of texts that ends with NULL. */
#define VALUES_DEFINE(function, ...)                                                                                   \
	static const char *function(size_t index)                                                                      \
	{                                                                                                              \
		static const char *const values[] = {__VA_ARGS__};                                                     \
		return index < sizeof(values) / sizeof(values[0]) ? values[index] : NULL;                              \
	}

/* What the user asked for. */
struct invocation {
	const struct command *command;
	const char *store;            /* path of the store */
	enum location_id location;
	bool has_location;            /* --location was given */
	bool json, quiet, verbose;
	bool help, version;           /* --help, --version: nothing else counts */
	unsigned render;              /* DIAG_… for stderr */
	const char **words;           /* positional arguments */
	size_t word_count;
	struct given *given;          /* options of the command, in order */
	size_t given_count;
	struct diag *diag;            /* rendered to stderr by main when run returns, or by invocation_flush */
	struct buffer *output;        /* written to stdout by main when run returns, or by invocation_flush */
	bool closed;                  /* nobody reads stdout any more */
	bool failed;                  /* stdout could not be written, or the output was too large */
	bool changed;                 /* store or kernel have been changed: exit code 3 would say that they were not */
};

struct given {
	const struct option *option;
	const char *value; /* "" for a flag */
};

/* The value of an option (the last one given), NULL when it was not; "" for a flag that was. */
const char *invocation_option(const struct invocation *invocation, const char *name);
/* Writes out what is in diag and output now, and empties both.  False when stdout takes no more: then the
 * command may stop early. */
bool invocation_flush(struct invocation *invocation);

extern const struct command *const commands[]; /* ends with NULL */
const struct command *command_find(const char *name);

/* The rows, each in the file of its name. */
extern const struct command boot_command, netsh_command, load_command, save_command, show_command, dump_command, config_command,
	export_command, explain_command, lint_command, apply_command, confirm_command, rollback_command, lift_command,
	status_command, log_command, tail_command, replay_command, drift_command, audit_command, report_command, help_command, query_command;

#endif
