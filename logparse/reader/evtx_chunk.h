/* What the files of binary XML share: a definition as a tree (evtx_definition.c), what it is compiled to (evtx_compile.c),
 * the templates of a chunk (evtx_template.c), documents with their values (evtx_record.c) and their rendering
 * (evtx_splice.c).  For nobody else: evtx_template.h is what readers use. */
#ifndef CORDON_LOGPARSE_READER_EVTX_CHUNK_H
#define CORDON_LOGPARSE_READER_EVTX_CHUNK_H

#include "logparse/reader/evtx_template.h"

/* --- What a definition says, as a tree --- */

enum part_kind { PART_TEXT, PART_CHARACTER, PART_VALUE, PART_ELEMENT };

struct node;
struct part {
	uint8_t kind, type;       /* type: the one that a value is declared to have */
	bool optional;
	uint16_t value;           /* index of the value, or the character */
	uint32_t offset, units;   /* of text in the chunk */
	struct node *node;
	struct part *next;
};

struct attribute {
	uint32_t name, name_units;
	struct part *parts;
	struct attribute *next;
};

struct node {
	uint32_t name, name_units; /* offset in the chunk and UTF-16 units */
	struct attribute *attributes;
	struct part *parts;
	struct node *same;         /* the next sibling with the same key in JSON */
	bool again;                /* it is such a one itself */
	bool keyed;                /* siblings of its children have been looked for */
	uint16_t dependency;       /* value that decides whether it is there; NONE */
};
enum { NONE = 0xffff };

/* --- What it is compiled to --- */

enum op_code {
	OP_TEXT,     /* a, b: offset and length in the pool */
	OP_IF,       /* when the value is null go to a */
	OP_IF_FILLED,/* when it is null or empty go to a */
	OP_JSON,     /* the value as a JSON value */
	OP_ITEMS,    /* the same; of an array each item, with commas */
	OP_INSIDE,   /* the value as text within a string or element */
	OP_SPLICE,   /* binary XML: its members; others: a member "#text" */
	OP_CLOSE,    /* b: the bracket; takes the last comma away */
	OP_EACH,     /* the operations up to a once for each item of the value */
	OP_BEGIN,    /* here an object with attributes begins */
	OP_NONE,     /* when nothing came since its first text (b bytes): take that back and go to a */
	OP_GOTO,     /* a */
};

struct op {
	uint8_t code;
	uint16_t value;
	uint32_t a, b;
};

struct field {
	uint32_t name, name_units;
	const struct part *name_parts; /* of <Data Name="…">, then the name is this */
	const struct part *parts;
};

struct template {
	uint32_t key;             /* offset, whether its elements have dependency ids, and whether it is a record's own */
	struct node *root;
	const char *why;          /* not NULL: it cannot be read */
	bool vague;               /* a name in it was not to be had */
	bool named;               /* whether names have their hashes has been looked at */
	bool misnamed;            /* one has not */
	bool indexed;
	uint32_t json, json_end, xml, xml_end; /* ops; compiled when they are first wanted */
	uint32_t fields, field_count;
	const struct part *system[SYSTEM_COUNT];
};

enum { TABLE = 4096, TEMPLATES_MOST = 3072 };

struct evtx_chunk {
	const uint8_t *bytes;
	size_t length;
	struct arena *arena;
	size_t work;
	size_t steps, output;     /* that are left to render its records with */
	struct buffer text;       /* the pool */
	struct op *ops;
	uint32_t op_count, op_capacity, barrier;
	struct field *fields;
	size_t field_count, field_capacity;
	struct template *templates;
	size_t template_count;
	uint16_t table[TABLE];    /* index + 1 */
	struct evtx_value *values;
	size_t value_count, value_capacity;
	struct buffer scratch, name;
	struct evtx_record *record;
};

/* A document with its values. */
struct frame {
	struct template *template;
	size_t first, count;      /* of the chunk's values */
	bool foreign;             /* the template's identifier is not the one that the record names */
};

struct evtx_record {
	struct evtx_chunk *chunk;
	struct frame frame;       /* template NULL: only its values could be read */
	bool truncated;           /* a value runs past the end of the record */
	bool distrusted;          /* its templates may be those of other records */
	uint64_t number, time;
	const char *why;
};

/* For the tree of a definition; NULL when the chunk has had its share. */
void *chunk_alloc(struct evtx_chunk *chunk, size_t size);
/* The template of the element at an offset: one that is known (NULL: not yet), or read now (NULL: too many). */
uint32_t template_key(size_t offset, bool dependencies, bool top);
struct template *template_known(struct evtx_chunk *chunk, uint32_t key);
struct template *template_get(struct evtx_chunk *chunk, size_t offset, size_t end, bool dependencies, bool top);
/* Finds the values of its data, when somebody wants them for the first time. */
void template_fields(struct evtx_chunk *chunk, struct template *template);
/* Its operations of a form, made when they are wanted for the first time.  False: there are more than a chunk can hold. */
bool template_compile(struct evtx_chunk *chunk, struct template *template, enum evtx_form form, uint32_t *ret_first, uint32_t *ret_end);
/* The document in a value; false: at most its values can be had. */
bool frame_nested(struct evtx_chunk *chunk, const struct evtx_value *value, unsigned depth, struct frame *frame, bool *ret_truncated);
/* Text and values, as plain text. */
void parts_text(struct evtx_chunk *chunk, const struct frame *frame, const struct part *parts, struct buffer *buffer);

/* The hash that a name has in the file. */
uint16_t name_hash(const uint8_t *bytes, size_t units);

/* --- Reading --- */

struct parser {
	struct evtx_chunk *chunk;
	size_t at, end;
	bool dependencies;        /* elements have dependency ids */
	bool top;                 /* the record's own document, not one in a value */
	bool vague;               /* a name was not to be had */
	const char *why;
};

#define EVTX_MUCH "more elements than a chunk can hold"

/* Next of its bucket, hash, length. */
enum { NAME_HEAD = 8 };

/* An element and all that is in it. */
bool element_read(struct parser *parser, unsigned depth, struct node **ret_node);
bool instruction_skip(struct parser *parser);
/* Whether it has elements in it, itself or by a value. */
bool node_has_elements(const struct node *node);

static inline bool fail(struct parser *parser, const char *why)
{
	if (parser->why == NULL)
		parser->why = why;
	return false;
}

static inline bool left(const struct parser *parser, size_t need)
{
	return parser->end - parser->at >= need;
}

static inline uint8_t token(const struct parser *parser)
{
	return parser->at < parser->end ? parser->chunk->bytes[parser->at] : 0;
}

/* Reading that costs more than a node is paid for as so many nodes: false when the chunk has had its share. */
static inline bool work_pay(struct evtx_chunk *chunk, size_t cost)
{
	chunk->work += cost;
	return chunk->work < EVTX_WORK;
}

/* False when the records of this chunk have cost as much as they may. */
static inline bool steps_pay(struct evtx_chunk *chunk, size_t cost)
{
	chunk->steps -= cost < chunk->steps ? cost : chunk->steps;
	return chunk->steps > 0;
}

static inline bool name_is(const struct evtx_chunk *chunk, uint32_t name, uint32_t units, const char *text)
{
	for (uint32_t i = 0; i < units; i++)
		if (text[i] == '\0' || le16(chunk->bytes + name + 2 * i) != (uint8_t)text[i])
			return false;
	return text[units] == '\0';
}

static inline const struct evtx_value *frame_value(const struct evtx_chunk *chunk, const struct frame *frame, uint16_t index)
{
	static const struct evtx_value null = {.bytes = (const uint8_t *)"", .type = EVTX_NULL};
	return index < frame->count ? &chunk->values[frame->first + index] : &null;
}

static inline bool value_is_null(const struct evtx_value *value)
{
	return value->type == EVTX_NULL || (value->type == EVTX_BINXML && value->size == 0);
}

#endif
