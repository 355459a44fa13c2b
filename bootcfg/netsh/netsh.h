/* `netsh ipsec`: its grammar, run against a state.  Commands change the state in memory only; the caller
 * commits or throws it away. */
#ifndef CORDON_BOOTCFG_NETSH_NETSH_H
#define CORDON_BOOTCFG_NETSH_NETSH_H

#include "core/base/diag.h"
#include "core/policy/host.h"
#include "core/policy/policy.h"

struct netsh_variable {
	const char *name, *value; /* %NAME%; %1 has the name "1" */
};

struct netsh_options {
	enum location_id location;          /* until a `set store` */
	bool keep_going;                    /* report a bad line and go on, as netsh does */
	bool json;                          /* `show` prints JSON */
	const struct netsh_variable *variables;
	size_t variable_count;
	/* Resolves a DNS name in a filter; NULL: names are refused.  Returns 0, or negative with a message. */
	int (*resolve)(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place);
	void *resolve_context;
	unsigned width;                     /* of the terminal, for `wide=no`; 0: do not cut */
	const char *store_name;             /* shown by `show store` */
};

struct netsh_result {
	size_t commands, failed; /* netsh commands met; of these, refused */
	size_t foreign;          /* lines of other programs, not run */
};

/* Runs a whole script (bytes as read from the file, any of the known encodings).  Without keep_going nothing
 * has happened to the state unless 0 is returned (the script is checked on a first pass, and a failure of a
 * command later on makes the caller throw the state away).  With keep_going returns 0 and counts failures in the
 * result.  `file` is for messages.  What `show` and `dump` print goes to `output`. */
int netsh_run_script(struct state *state, const char *bytes, size_t length, const char *file,
		     const struct netsh_options *options, struct diag *diag, struct buffer *output,
		     struct netsh_result *ret_result);

/* Runs one command given as words (argv), such as {"ipsec", "static", "add", "policy", "name=x"}; the words
 * `netsh` and `ipsec` at the front may be left out. */
int netsh_run_words(struct state *state, const char *const *words, size_t count, const struct netsh_options *options,
		    struct diag *diag, struct buffer *output);

/* `show`, for the cordon command: what is all, policy, rule, filterlist, filteraction, store or config;
 * name may be NULL.  ERROR_NOT_FOUND with a message when a named object is not there. */
int netsh_show(struct state *state, enum location_id location, const char *what, const char *name,
	       const struct netsh_options *options, struct diag *diag, struct buffer *output);

/* The whole store as a netsh script that recreates it (cordon dump); a fixed point. */
void netsh_dump(struct state *state, struct buffer *output);

#endif
