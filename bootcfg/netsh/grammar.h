/* The grammar of `netsh ipsec` as data: contexts, tags, and one row a command.  Matching, "expected one of",
 * help and completion read these rows.  Source of the rows: windows-ipsec.md 1.2 and 2.2.
 *
 * A command is CONTEXT VERB OBJECT and arguments [tag=]value.  Verbs, objects and tags may be shortened to a
 * prefix that only one of them has; a positional value fills the first tag of the row that has none yet. */
#ifndef CORDON_BOOTCFG_NETSH_GRAMMAR_H
#define CORDON_BOOTCFG_NETSH_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buffer.h"

struct call;

enum context_id { CONTEXT_ROOT, CONTEXT_IPSEC, CONTEXT_STATIC, CONTEXT_DYNAMIC, CONTEXT_COUNT };

enum tag_type {
	TYPE_NAME,     /* text of at least one byte */
	TYPE_TEXT,     /* text, may be empty */
	TYPE_NUMBER,   /* least to most */
	TYPE_YESNO,    /* yes, no, y, n */
	TYPE_WORD,     /* one of `words` */
	TYPE_FLAG,     /* the tag's name alone, without a value */
	TYPE_ADDRESS,
	TYPE_MASK,
	TYPE_PROTOCOL,
	TYPE_PORT,
	TYPE_QMMETHODS,
	TYPE_MMMETHODS,
	TYPE_TUNNEL,   /* an address or a DNS name */
	TYPE_GUID,
};

enum tag_id {
	TAG_NAME, TAG_DESCRIPTION, TAG_NEWNAME, TAG_GUID, TAG_ID, TAG_ALL, TAG_DEFAULT,
	TAG_FILTERLIST, TAG_FILTERACTION, TAG_POLICY, TAG_RULE,
	TAG_SRCADDR, TAG_DSTADDR, TAG_SRCMASK, TAG_DSTMASK, TAG_PROTOCOL, TAG_SRCPORT, TAG_DSTPORT, TAG_MIRRORED,
	TAG_REPLIES, TAG_SRCDNS, TAG_DSTDNS,
	TAG_QMPFS, TAG_INPASS, TAG_SOFT, TAG_ACTION, TAG_QMSECMETHODS,
	TAG_MMPFS, TAG_QMPERMM, TAG_MMLIFETIME, TAG_ACTIVATEDEFAULTRULE, TAG_POLLINGINTERVAL, TAG_ASSIGN,
	TAG_GPONAME, TAG_MMSECMETHODS,
	TAG_TUNNEL, TAG_CONNTYPE, TAG_ACTIVATE, TAG_KERBEROS, TAG_PSK, TAG_ROOTCA,
	TAG_FILE, TAG_MODE, TAG_LOCATION, TAG_DOMAIN, TAG_RELEASE, TAG_PROPERTY, TAG_VALUE,
	TAG_FORMAT, TAG_WIDE, TAG_LEVEL, TAG_RESOLVEDNS, TAG_RULETYPE, TAG_FILTERTYPE, TAG_STATSTYPE,
	TAG_MMPOLICY, TAG_QMPOLICY, TAG_PFSGROUP, TAG_SOFTSAEXPIRATIONTIME, TAG_ACTIONINBOUND, TAG_ACTIONOUTBOUND,
	TAG_TUNNELDSTADDRESS,
	TAG_COUNT,
};

_Static_assert(TAG_COUNT <= 64, "the tags that are given are bits of 64");

struct tag {
	const char *name;
	const char *alias;         /* a short form that is taken although it is a prefix of two tags, or NULL */
	enum tag_type type;
	uint32_t least, most;      /* of TYPE_NUMBER */
	const char *const *words;  /* of TYPE_WORD, ends in NULL; a value's number is its index */
};
extern const struct tag tags[TAG_COUNT];

enum {
	USE_REQUIRED = 1u << 0,
	USE_ONE = 1u << 1,    /* a row's tags with this bit are alternatives: exactly one is given, or with
	                       * USE_OPTIONAL at most one */
	USE_OPTIONAL = 1u << 2,
	USE_OWN = 1u << 3,    /* our own tag: written in full, never positional */
	USE_REPEAT = 1u << 4, /* may be given several times */
};

struct tag_use {
	uint8_t id;    /* enum tag_id */
	uint8_t flags;
};

enum { ROW_TAGS = 20 };

struct row {
	enum context_id context;
	const char *verb, *object;      /* object NULL: the verb is all of it */
	struct tag_use tags[ROW_TAGS];  /* in the order of the syntax line */
	size_t tag_count;
	const char *note;               /* for help, or NULL */
	int (*check)(struct call *call); /* what needs no state; NULL: nothing more than the tags' types */
	int (*run)(struct call *call);   /* after check; changes the state */
};
extern const struct row rows[];
extern const size_t row_count;

/* The words that a context knows beside its commands: the contexts below it, and help, pushd, popd, exit… */
const char *context_name(enum context_id context); /* "ipsec static" */
const char *context_word(enum context_id context); /* "static" */
enum context_id context_parent(enum context_id context);

/* The result of matching a word against names. */
enum match { MATCH_NONE, MATCH_ONE, MATCH_MANY };

/* Exact before prefix.  With MATCH_MANY `candidates` gets the names, separated by ", ". */
enum match context_match(enum context_id parent, const char *word, size_t length, enum context_id *ret_context);
enum match verb_match(enum context_id context, const char *word, size_t length, const char **ret_verb,
		      struct buffer *candidates);
enum match object_match(enum context_id context, const char *verb, const char *word, size_t length,
			const struct row **ret_row, struct buffer *candidates);
enum match tag_match(const struct row *row, const char *word, size_t length, const struct tag_use **ret_use,
		     struct buffer *candidates);

/* The row of a verb that takes no object, or NULL. */
const struct row *row_alone(enum context_id context, const char *verb);

/* What was meant by a misspelt word, or NULL. */
const char *verb_nearest(enum context_id context, const char *word, size_t length);
const char *object_nearest(enum context_id context, const char *verb, const char *word, size_t length);
const char *tag_nearest(const struct row *row, const char *word, size_t length);

/* "add filter, add filterlist, …", the objects of a verb: "filter, filterlist, …", the tags of a row. */
void verbs_print(enum context_id context, struct buffer *buffer);
void objects_print(enum context_id context, const char *verb, struct buffer *buffer);
void tags_print(const struct row *row, struct buffer *buffer);

/* The syntax line of a row, as help prints it, and what is right for a tag: "yes or no". */
void row_print(const struct row *row, struct buffer *buffer);
void tag_print_values(const struct tag *tag, struct buffer *buffer);
/* All commands of a context. */
void context_help(enum context_id context, struct buffer *buffer);

#endif
