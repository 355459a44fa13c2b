/* netsh commands as text: what dump and export are made of.  A writer puts tag=value after tag=value; how a
 * value is quoted and what stands before and after a command depends on its form.
 *
 * Quoting is the C runtime's argv rule, which netsh.exe gets its words by: inside double quotes a run of
 * backslashes directly before a quote is halved, an odd one makes that quote part of the value.  In a batch
 * file `%` is doubled, and a value with a quote of its own has every character that cmd.exe looks at behind
 * a caret, quotes too, so that cmd.exe and netsh.exe agree on where it ends.  A control character would end
 * the command and begin another one, so it is never written. */
#ifndef CORDON_BOOTCFG_NETSH_WRITER_H
#define CORDON_BOOTCFG_NETSH_WRITER_H

#include "core/policy/policy.h"

struct writer {
	struct buffer *out;
	const char *prefix;  /* before each command, such as "netsh ipsec static " */
	const char *suffix;  /* after it, without the line end */
	const char *newline;
	bool batch;          /* for cmd.exe */
	bool own;            /* our own tags as well: replies, srcdns, dstdns */
	size_t escaped;      /* counts texts with control characters, which no form can say: they become \xNN */
};

/* The commands of `netsh -f`, LF, own tags: the form of dump. */
void writer_init(struct writer *writer, struct buffer *out);

/* One command, piece by piece: begin, tags, end. */
void writer_begin(struct writer *writer, const char *command);
void writer_word(struct writer *writer, const char *tag, const char *word);    /* as it is */
void writer_text(struct writer *writer, const char *tag, const char *text);    /* in quotes */
void writer_number(struct writer *writer, const char *tag, uint64_t number);
void writer_yesno(struct writer *writer, const char *tag, bool yes);
void writer_end(struct writer *writer);

/* A whole line that is no command: a comment, a context. */
void writer_line(struct writer *writer, const char *line);

/* The commands that make an object; empty texts and values that `add` gives by itself are left out. */
void writer_filter(struct writer *writer, const char *list, const struct filter *filter);
void writer_filterlist(struct writer *writer, const struct filterlist *list); /* without its filters */
void writer_filteraction(struct writer *writer, const struct filteraction *action);
void writer_policy(struct writer *writer, const struct policy *policy);       /* unassigned, without its rules */
void writer_defaultrule(struct writer *writer, const struct policy *policy);  /* nothing when it is as `add policy` makes it */
void writer_rule(struct writer *writer, const struct rule *rule);
void writer_assign(struct writer *writer, const struct policy *policy);
void writer_mmpolicy(struct writer *writer, const struct mmpolicy *policy);
void writer_qmpolicy(struct writer *writer, const struct qmpolicy *policy);
void writer_dynrule(struct writer *writer, const struct dynrule *rule);
void writer_property(struct writer *writer, const struct config *config, enum property_id id);

#endif
