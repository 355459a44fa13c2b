/* One run of commands: what they change, where messages about them point, and what they print.  Internal to
 * bootcfg/netsh. */
#ifndef CORDON_BOOTCFG_NETSH_SESSION_H
#define CORDON_BOOTCFG_NETSH_SESSION_H

#include "bootcfg/netsh/grammar.h"
#include "bootcfg/netsh/lexer.h"
#include "bootcfg/netsh/netsh.h"

/* A stretch of the script's text. */
struct span {
	uint32_t at, length;
};

/* The value of one tag, checked against the tag's type. */
struct value {
	const char *text;       /* without its quotes; borrowed, until the next command; not ended by NUL */
	size_t length;
	struct span span;
	uint64_t number;        /* NUMBER, PORT, PROTOCOL; YESNO: 1 or 0; WORD: its index; MASK: bits */
	struct address address; /* ADDRESS */
	bool named;             /* ADDRESS: a DNS name, not resolved yet */
	bool dotted;            /* MASK: written as an IPv4 mask */
};

enum { AUTHS_MOST = 32 };

struct call_auth {
	enum tag_id id; /* TAG_KERBEROS, TAG_PSK, TAG_ROOTCA */
	struct value value;
};

/* A command with its values: what a handler gets. */
struct call {
	struct session *session;
	const struct row *row;
	struct span span;  /* of the whole command */
	uint64_t given;    /* bit 1 << tag_id */
	struct value values[TAG_COUNT]; /* valid where given */
	struct call_auth auths[AUTHS_MOST]; /* in the order of the line */
	size_t auth_count;
	struct filter filter; /* what check made of the tags of a filter */
};

struct session {
	struct state *state;
	const struct netsh_options *options;
	struct diag *diag;
	struct buffer *output;
	const char *file;
	const char *filter_file; /* the same in the arena of the state; NULL until a filter is added */
	const char *text;        /* the script, or the words of the command line */
	size_t length;
	size_t line_at;          /* where a line starts, at or before what is being run */
	uint32_t line;           /* and its number */
	bool check_only;         /* the first pass: no state, no output */
	bool words;              /* the command came as words: nothing is quoted */
	bool quiet;              /* output goes to nul */
	int64_t now;
	enum location_id location;
	struct span store_span;  /* of a `set store` that no command has followed yet; length 0: none */
	enum location_id store_before; /* where commands went until then */
	bool batch;              /* a batch file: every netsh is a process of its own */
	struct place place;      /* of the last session_at */
	struct netsh_result result;
	struct lexer lexer;
	struct {
		enum context_id context;
		const struct row *row;
		size_t words;
		uint32_t lengths[4];
		char text[64];
	} last;                  /* the command before, which the next one is most often like */
	struct call call;
	char name[1025];         /* the last name that was looked up */
};

void session_init(struct session *session, struct state *state, const struct netsh_options *options, struct diag *diag,
		  struct buffer *output);
void session_done(struct session *session);

/* The place of a span, for a message: borrowed until the next call. */
const struct place *session_at(struct session *session, struct span span);

/* The number of the line that an offset is on. */
uint32_t session_line(const struct session *session, size_t at);

/* Says that lines before this offset are done with, so that places are found from here. */
void session_advance(struct session *session, size_t at, uint32_t line);

/* Runs the words of session->lexer from `first` on, in *context.  Words that only name a context change *context;
 * with `whole` they are refused.  Returns 0 or an error with a message. */
int session_run(struct session *session, size_t first, enum context_id *context, bool whole);

/* Whether a word is one of netsh's contexts that are not ours: advfirewall, interface, … */
bool session_elsewhere(const struct word *word);

/* After the last command: what only the end shows. */
void session_end(struct session *session);

/* --- for handlers --- */

static inline bool call_given(const struct call *call, enum tag_id id)
{
	return (call->given >> id & 1) != 0;
}
static inline const struct value *call_value(const struct call *call, enum tag_id id)
{
	return call_given(call, id) ? &call->values[id] : NULL;
}
const struct place *call_place(struct call *call, enum tag_id id); /* of the value; of the command when not given */
struct location *call_location(struct call *call);

/* The text of a tag in the arena of the state, or the text `otherwise`. */
const char *call_text(struct call *call, enum tag_id id, const char *otherwise);
bool call_flag(const struct call *call, enum tag_id id, bool otherwise);
uint32_t call_number(const struct call *call, enum tag_id id, uint32_t otherwise);
/* The canonical methods in the arena, or `otherwise`. */
const char *call_methods(struct call *call, enum tag_id id, const char *otherwise);
/* The authentication tags in their order, into the arena. */
struct authlist call_auths(struct call *call);

/* A name, ended by NUL: borrowed until the next call of any function here. */
const char *call_name(struct call *call, enum tag_id id);

/* Looks the object of a tag up; NULL with a message that names the nearest when it is not there. */
struct object *call_find(struct call *call, struct collection *collection, const char *kind, enum tag_id id);
/* By name or guid. */
struct object *call_find_any(struct call *call, struct collection *collection, const char *kind);
/* Whether the name of a tag is free; a message when it is not.  `self` may have it (renaming). */
bool call_free(struct call *call, struct collection *collection, const char *kind, enum tag_id id,
	       const struct object *self, const char *code);
/* What `set` does for every object: newname, description, and the time of the change. */
int call_rename(struct call *call, struct collection *collection, struct object *object, const char *kind, const char *code);
/* The refusal to delete what a rule refers to: ERROR_IN_USE. */
int call_in_use(struct call *call, const char *kind, const struct object *object);
void object_touch(struct call *call, struct object *object);

#endif
