#include "logparse/reader/evtx_template.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

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

struct evtx_chunk *evtx_chunk_new(void)
{
	struct evtx_chunk *chunk = memory_alloc(sizeof(*chunk));
	*chunk = (struct evtx_chunk){.arena = NULL};
	chunk->templates = memory_alloc(TEMPLATES_MOST * sizeof(*chunk->templates));
	chunk->record = memory_alloc(sizeof(*chunk->record));
	buffer_init(&chunk->text, EVTX_POOL);
	buffer_init(&chunk->scratch, EVTX_OUTPUT);
	buffer_init(&chunk->name, EVTX_OUTPUT);
	return chunk;
}

void evtx_chunk_free(struct evtx_chunk *chunk)
{
	if (chunk == NULL)
		return;
	arena_free(chunk->arena);
	buffer_done(&chunk->text);
	buffer_done(&chunk->scratch);
	buffer_done(&chunk->name);
	free(chunk->ops);
	free(chunk->fields);
	free(chunk->templates);
	free(chunk->values);
	free(chunk->record);
	free(chunk);
}

static uint32_t table_slot(uint32_t key)
{
	return (key * 2654435761u) >> 20;
}

void evtx_chunk_set(struct evtx_chunk *chunk, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < chunk->template_count; i++) {
		uint32_t slot = table_slot(chunk->templates[i].key);
		while (chunk->table[slot] != 0) {
			chunk->table[slot] = 0;
			slot = (slot + 1) % TABLE;
		}
	}
	arena_free(chunk->arena);
	chunk->arena = NULL;
	chunk->bytes = bytes;
	chunk->length = length < EVTX_CHUNK ? length : EVTX_CHUNK;
	chunk->template_count = 0;
	chunk->work = 0;
	chunk->steps = EVTX_STEPS;
	chunk->output = EVTX_CHUNK_OUTPUT;
	chunk->op_count = 0;
	chunk->barrier = 0;
	chunk->field_count = 0;
	chunk->value_count = 0;
	buffer_clear(&chunk->text);
}

static void *chunk_alloc(struct evtx_chunk *chunk, size_t size)
{
	if (chunk->work++ >= EVTX_WORK)
		return NULL;
	if (chunk->arena == NULL)
		chunk->arena = arena_new();
	return arena_alloc(chunk->arena, size);
}

/* --- Reading --- */

struct parser {
	struct evtx_chunk *chunk;
	size_t at, end;
	bool dependencies;        /* elements have dependency ids */
	bool top;                 /* the record's own document, not one in a value */
	bool vague;               /* a name was not to be had */
	const char *why;
};

static const char MUCH[] = "more elements than a chunk can hold";

static bool fail(struct parser *parser, const char *why)
{
	if (parser->why == NULL)
		parser->why = why;
	return false;
}

static bool left(const struct parser *parser, size_t need)
{
	return parser->end - parser->at >= need;
}

static uint8_t token(const struct parser *parser)
{
	return parser->at < parser->end ? parser->chunk->bytes[parser->at] : 0;
}

/* Reading that costs more than a node is paid for as so many nodes: false when the chunk has had its share. */
static bool work_pay(struct evtx_chunk *chunk, size_t cost)
{
	chunk->work += cost;
	return chunk->work < EVTX_WORK;
}

static uint16_t name_hash(const uint8_t *bytes, size_t units)
{
	uint32_t hash = 0;
	for (size_t i = 0; i < units; i++)
		hash = hash * 65599 + le16(bytes + 2 * i);
	return (uint16_t)hash;
}

/* Next of its bucket, hash, length. */
enum { NAME_HEAD = 8 };

/* How long a name is: as it says, when the NUL that ends it is there; otherwise up to the next NUL, within what a name may
 * have: the length was damaged, and all records that use the name need not go with it. */
static bool name_measure(const struct evtx_chunk *chunk, size_t start, uint32_t *ret_units)
{
	enum { NAME_MOST = 256 };
	size_t room = (chunk->length - start) / 2;
	uint32_t units = le16(chunk->bytes + start - 2);
	if (units < room && le16(chunk->bytes + start + 2 * (size_t)units) == 0) {
		*ret_units = units;
		return true;
	}
	for (units = 0; units < NAME_MOST && units < room; units++)
		if (le16(chunk->bytes + start + 2 * (size_t)units) == 0) {
			*ret_units = units;
			return true;
		}
	return false;
}

/* A name: its offset, and the name itself behind that when it is here for the first time.  One that stands elsewhere and
 * cannot be had is empty. */
static bool name_read(struct parser *parser, uint32_t *ret_name, uint32_t *ret_units)
{
	const struct evtx_chunk *chunk = parser->chunk;
	if (!left(parser, 4))
		return fail(parser, "ends within a name");
	size_t offset = le32(chunk->bytes + parser->at);
	parser->at += 4;
	bool here = offset == parser->at, there = offset <= chunk->length && chunk->length - offset >= NAME_HEAD;
	*ret_name = *ret_units = 0;
	there = there && name_measure(chunk, offset + NAME_HEAD, ret_units);
	if (there)
		*ret_name = (uint32_t)offset + NAME_HEAD;
	if (!there && here)
		return fail(parser, "a name runs past the end of the chunk");
	parser->vague |= !there;
	if (here) {
		size_t length = NAME_HEAD + 2 * (size_t)*ret_units + 2;
		if (!left(parser, length))
			return fail(parser, "a name runs past the end of its record");
		parser->at += length;
	}
	return true;
}

static struct part *part_add(struct parser *parser, struct part ***tail, enum part_kind kind)
{
	struct part *part = chunk_alloc(parser->chunk, sizeof(*part));
	if (part == NULL) {
		fail(parser, MUCH);
		return NULL;
	}
	part->kind = (uint8_t)kind;
	**tail = part;
	*tail = &part->next;
	return part;
}

static bool text_read(struct parser *parser, struct part ***tail)
{
	/* 05: type byte, length; 07: length */
	size_t head = (token(parser) & 0x3f) == 0x05 ? 2 : 1;
	if (!left(parser, head + 2))
		return fail(parser, "ends within text");
	uint32_t units = le16(parser->chunk->bytes + parser->at + head);
	parser->at += head + 2;
	if ((parser->end - parser->at) / 2 < units)
		return fail(parser, "text runs past the end of its record");
	struct part *part = part_add(parser, tail, PART_TEXT);
	if (part == NULL)
		return false;
	part->offset = (uint32_t)parser->at;
	part->units = units;
	parser->at += 2 * (size_t)units;
	return true;
}

static bool character_read(struct parser *parser, struct part ***tail)
{
	if (!left(parser, 3))
		return fail(parser, "ends within a character reference");
	struct part *part = part_add(parser, tail, PART_CHARACTER);
	if (part == NULL)
		return false;
	part->value = le16(parser->chunk->bytes + parser->at + 1);
	parser->at += 3;
	return true;
}

static bool entity_read(struct parser *parser, struct part ***tail)
{
	static const struct { const char *name; char character; } entities[] = {
		{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''},
	};
	uint32_t name, units;
	parser->at++;
	if (!name_read(parser, &name, &units))
		return false;
	struct part *part = part_add(parser, tail, PART_CHARACTER);
	if (part == NULL)
		return false;
	part->value = 0xfffd;
	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		size_t length = strlen(entities[i].name), j = 0;
		while (j < length && j < units && le16(parser->chunk->bytes + name + 2 * j) == (uint8_t)entities[i].name[j])
			j++;
		if (j == length && units == length)
			part->value = (uint8_t)entities[i].character;
	}
	return true;
}

static bool value_read(struct parser *parser, struct part ***tail)
{
	if (!left(parser, 4))
		return fail(parser, "ends within a substitution");
	struct part *part = part_add(parser, tail, PART_VALUE);
	if (part == NULL)
		return false;
	const uint8_t *bytes = parser->chunk->bytes + parser->at;
	part->optional = bytes[0] == 0x0e;
	part->value = le16(bytes + 1);
	part->type = bytes[3];
	parser->at += 4;
	return true;
}

/* Instructions are for other programs than readers of logs: they carry no data of the event. */
static bool instruction_skip(struct parser *parser)
{
	uint32_t name, units;
	if (token(parser) == 0x0a) {
		parser->at++;
		return name_read(parser, &name, &units);
	}
	if (!left(parser, 3))
		return fail(parser, "ends within an instruction");
	size_t length = 3 + 2 * (size_t)le16(parser->chunk->bytes + parser->at + 1);
	if (!left(parser, length))
		return fail(parser, "an instruction runs past the end of its record");
	parser->at += length;
	return true;
}

/* Text, characters, values: 1 taken, 0 something else, -1 wrong. */
static int content_read(struct parser *parser, struct part ***tail)
{
	switch (token(parser)) {
	case 0x05: case 0x45: case 0x07: case 0x47: return text_read(parser, tail) ? 1 : -1;
	case 0x08: case 0x48: return character_read(parser, tail) ? 1 : -1;
	case 0x09: case 0x49: return entity_read(parser, tail) ? 1 : -1;
	case 0x0d: case 0x0e: return value_read(parser, tail) ? 1 : -1;
	default: return 0;
	}
}

static bool attributes_read(struct parser *parser, struct node *node)
{
	struct attribute **tail = &node->attributes;
	if (!left(parser, 4))
		return fail(parser, "ends within a list of attributes");
	parser->at += 4;
	while (token(parser) == 0x06 || token(parser) == 0x46) {
		struct attribute *attribute = chunk_alloc(parser->chunk, sizeof(*attribute));
		if (attribute == NULL)
			return fail(parser, MUCH);
		parser->at++;
		if (!name_read(parser, &attribute->name, &attribute->name_units))
			return false;
		*tail = attribute;
		tail = &attribute->next;
		struct part **parts = &attribute->parts;
		int taken;
		while ((taken = content_read(parser, &parts)) > 0)
			;
		if (taken < 0)
			return false;
	}
	return true;
}

static bool element_read(struct parser *parser, unsigned depth, struct node **ret_node);

static bool children_read(struct parser *parser, struct node *node, unsigned depth)
{
	struct part **tail = &node->parts;
	for (;;) {
		int taken = content_read(parser, &tail);
		if (taken < 0)
			return false;
		if (taken > 0)
			continue;
		switch (token(parser)) {
		case 0x04:
			parser->at++;
			return true;
		case 0x01: case 0x41: {
			struct part *part = part_add(parser, &tail, PART_ELEMENT);
			if (part == NULL || !element_read(parser, depth + 1, &part->node))
				return false;
			break;
		}
		case 0x0a: case 0x0b:
			if (!instruction_skip(parser))
				return false;
			break;
		default:
			return fail(parser, "an unknown token within an element");
		}
	}
}

static bool element_read(struct parser *parser, unsigned depth, struct node **ret_node)
{
	struct node *node = chunk_alloc(parser->chunk, sizeof(*node));
	bool attributes = token(parser) == 0x41;
	size_t head = parser->dependencies ? 7 : 5;
	if (node == NULL)
		return fail(parser, MUCH);
	if (depth >= EVTX_DEPTH)
		return fail(parser, "elements nested deeper than 64");
	if (!left(parser, head))
		return fail(parser, "ends within an element");
	node->dependency = parser->dependencies ? le16(parser->chunk->bytes + parser->at + 1) : NONE;
	parser->at += head;
	*ret_node = node;
	if (!name_read(parser, &node->name, &node->name_units) || (attributes && !attributes_read(parser, node)))
		return false;
	switch (token(parser)) {
	case 0x03:
		parser->at++;
		return true;
	case 0x02:
		parser->at++;
		return children_read(parser, node, depth);
	default:
		return fail(parser, "an unknown token in the start of an element");
	}
}

/* --- Compiling --- */

struct compiler {
	struct evtx_chunk *chunk;
	enum evtx_form form;
};

static uint32_t op_add(struct evtx_chunk *chunk, enum op_code code, uint16_t value)
{
	if (chunk->op_count == chunk->op_capacity) {
		chunk->op_capacity = chunk->op_capacity > 0 ? chunk->op_capacity * 2 : 1024;
		chunk->ops = memory_resize(chunk->ops, chunk->op_capacity * sizeof(*chunk->ops));
	}
	chunk->ops[chunk->op_count] = (struct op){.code = (uint8_t)code, .value = value};
	return chunk->op_count++;
}

/* Jumps lead here: text that follows may not be joined to what is before. */
static void op_land(struct evtx_chunk *chunk, uint32_t jump)
{
	chunk->ops[jump].a = chunk->op_count;
	chunk->barrier = chunk->op_count;
}

/* Everything that the pool got since `from` becomes text, joined to the text before it. */
static void text_end(struct evtx_chunk *chunk, size_t from)
{
	uint32_t length = (uint32_t)(chunk->text.length - from);
	struct op *last = chunk->op_count > chunk->barrier ? &chunk->ops[chunk->op_count - 1] : NULL;
	if (length == 0)
		return;
	if (last != NULL && last->code == OP_TEXT && last->a + last->b == from) {
		last->b += length;
		return;
	}
	uint32_t op = op_add(chunk, OP_TEXT, 0);
	chunk->ops[op].a = (uint32_t)from;
	chunk->ops[op].b = length;
}

static void text_add(struct evtx_chunk *chunk, const char *text, size_t length)
{
	size_t from = chunk->text.length;
	buffer_add(&chunk->text, text, length);
	text_end(chunk, from);
}
#define TEXT(chunk, literal) text_add((chunk), (literal), sizeof(literal) - 1)

static void units_add(struct compiler *compiler, uint32_t offset, uint32_t units)
{
	size_t from = compiler->chunk->text.length;
	evtx_text(compiler->chunk->bytes + offset, units, compiler->form, &compiler->chunk->text);
	text_end(compiler->chunk, from);
}

static void character_add(struct compiler *compiler, uint16_t character)
{
	const uint8_t unit[2] = {(uint8_t)character, (uint8_t)(character >> 8)};
	size_t from = compiler->chunk->text.length;
	evtx_text(unit, 1, compiler->form, &compiler->chunk->text);
	text_end(compiler->chunk, from);
}

static void inside_add(struct compiler *compiler, const struct part *parts)
{
	for (const struct part *part = parts; part != NULL; part = part->next) {
		if (part->kind == PART_TEXT)
			units_add(compiler, part->offset, part->units);
		else if (part->kind == PART_CHARACTER)
			character_add(compiler, part->value);
		else if (part->kind == PART_VALUE)
			op_add(compiler->chunk, OP_INSIDE, part->value);
	}
}

static bool units_equal(const struct evtx_chunk *chunk, uint32_t a, uint32_t a_units, uint32_t b, uint32_t b_units)
{
	return a_units == b_units && (a == b || memcmp(chunk->bytes + a, chunk->bytes + b, 2 * (size_t)a_units) == 0);
}

static bool name_is(const struct evtx_chunk *chunk, uint32_t name, uint32_t units, const char *text)
{
	for (uint32_t i = 0; i < units; i++)
		if (text[i] == '\0' || le16(chunk->bytes + name + 2 * i) != (uint8_t)text[i])
			return false;
	return text[units] == '\0';
}

/* <Data Name="x"> with nothing else: x names the value. */
static const struct part *data_name(const struct evtx_chunk *chunk, const struct node *node)
{
	const struct attribute *attribute = node->attributes;
	if (attribute == NULL || attribute->next != NULL || attribute->parts == NULL || attribute->parts->next != NULL ||
	    attribute->parts->kind != PART_TEXT || attribute->parts->units == 0 ||
	    !name_is(chunk, node->name, node->name_units, "Data") ||
	    !name_is(chunk, attribute->name, attribute->name_units, "Name"))
		return NULL;
	return attribute->parts;
}

struct key {
	uint32_t name, units;
};

static struct key node_key(const struct evtx_chunk *chunk, const struct node *node)
{
	const struct part *name = data_name(chunk, node);
	return name != NULL ? (struct key){name->offset, name->units} : (struct key){node->name, node->name_units};
}

static bool has_elements(const struct node *node)
{
	for (const struct part *part = node->parts; part != NULL; part = part->next)
		if (part->kind == PART_ELEMENT || (part->kind == PART_VALUE && part->type == EVTX_BINXML))
			return true;
	return false;
}

/* The element is there only if these values are: jumps that the caller lands. */
enum { CONDITIONS = 8 };
static size_t conditions_add(struct compiler *compiler, const struct node *node, bool root, uint32_t jumps[CONDITIONS])
{
	struct evtx_chunk *chunk = compiler->chunk;
	size_t count = 0;
	if (root)
		return 0;
	if (node->dependency != NONE) {
		uint32_t jump = op_add(chunk, OP_IF, node->dependency);
		jumps[count++] = jump;
	}
	for (const struct part *part = node->parts; part != NULL && count < CONDITIONS; part = part->next)
		if (part->kind == PART_VALUE && part->optional && part->value != node->dependency)
			jumps[count++] = op_add(chunk, OP_IF, part->value);
	return count;
}

static void conditions_land(struct compiler *compiler, const uint32_t *jumps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		op_land(compiler->chunk, jumps[i]);
}

static void close_add(struct compiler *compiler, char bracket)
{
	uint32_t op = op_add(compiler->chunk, OP_CLOSE, 0);
	compiler->chunk->ops[op].b = (uint8_t)bracket;
}

static void key_add(struct compiler *compiler, struct key key)
{
	TEXT(compiler->chunk, "\"");
	units_add(compiler, key.name, key.units);
	TEXT(compiler->chunk, "\":");
}

/* Text and values without elements, as a JSON value. */
static void scalar_add(struct compiler *compiler, const struct part *parts, bool items)
{
	if (parts == NULL) {
		TEXT(compiler->chunk, "null");
	} else if (parts->next == NULL && parts->kind == PART_VALUE) {
		op_add(compiler->chunk, items ? OP_ITEMS : OP_JSON, parts->value);
	} else {
		TEXT(compiler->chunk, "\"");
		inside_add(compiler, parts);
		TEXT(compiler->chunk, "\"");
	}
}

/* Returns the jump to where it is said what the element is without attributes. */
static uint32_t json_attributes(struct compiler *compiler, const struct node *node)
{
	static const char head[] = "{\"#attributes\":{";
	struct evtx_chunk *chunk = compiler->chunk;
	op_add(chunk, OP_BEGIN, 0);
	TEXT(chunk, head);
	for (const struct attribute *attribute = node->attributes; attribute != NULL; attribute = attribute->next) {
		const struct part *parts = attribute->parts;
		bool single = parts != NULL && parts->next == NULL && parts->kind == PART_VALUE;
		uint32_t jump = single ? op_add(chunk, OP_IF_FILLED, parts->value) : 0;
		key_add(compiler, (struct key){attribute->name, attribute->name_units});
		if (parts == NULL)
			TEXT(chunk, "\"\"");
		else
			scalar_add(compiler, parts, false);
		TEXT(chunk, ",");
		if (single)
			op_land(chunk, jump);
	}
	uint32_t none = op_add(chunk, OP_NONE, 0);
	chunk->ops[none].b = sizeof(head) - 1;
	close_add(compiler, '}');
	TEXT(chunk, ",");
	return none;
}

static void json_value(struct compiler *compiler, struct node *node, bool items);

static bool text_is_blank(const struct evtx_chunk *chunk, const struct part *part)
{
	for (uint32_t i = 0; part->kind == PART_TEXT && i < part->units; i++) {
		uint16_t unit = le16(chunk->bytes + part->offset + 2 * i);
		if (unit != ' ' && unit != '\t' && unit != '\r' && unit != '\n')
			return false;
	}
	return part->kind == PART_TEXT;
}

static void json_member(struct compiler *compiler, struct node *node, bool keyed, bool root)
{
	uint32_t jumps[CONDITIONS];
	size_t count = conditions_add(compiler, node, root, jumps);
	if (keyed)
		key_add(compiler, node_key(compiler->chunk, node));
	json_value(compiler, node, !keyed);
	TEXT(compiler->chunk, ",");
	conditions_land(compiler, jumps, count);
}

/* Finds the children of a node that have the same key: by a table of their hashes, for a record may have thousands. */
static void same_find(struct evtx_chunk *chunk, struct node *node)
{
	size_t count = 0, slots = 8;
	for (const struct part *part = node->parts; part != NULL; part = part->next)
		count += part->kind == PART_ELEMENT;
	while (slots < 2 * count)
		slots *= 2;
	node->keyed = true;
	if (count < 2 || !work_pay(chunk, slots / 4))
		return;
	struct node **table = chunk_alloc(chunk, slots * sizeof(*table));
	if (table == NULL)
		return;
	memset(table, 0, slots * sizeof(*table));
	for (struct part *part = node->parts; part != NULL; part = part->next) {
		if (part->kind != PART_ELEMENT)
			continue;
		struct key key = node_key(chunk, part->node);
		if (!work_pay(chunk, key.units / 16))
			return;
		size_t slot = name_hash(chunk->bytes + key.name, key.units) & (slots - 1);
		while (table[slot] != NULL) {
			/* In the table is the last of those that are the same. */
			struct key that = node_key(chunk, table[slot]);
			if (!work_pay(chunk, 1 + (that.units == key.units ? key.units / 16 : 0)))
				return;
			if (units_equal(chunk, key.name, key.units, that.name, that.units))
				break;
			slot = (slot + 1) & (slots - 1);
		}
		if (table[slot] != NULL) {
			table[slot]->same = part->node;
			part->node->again = true;
		}
		table[slot] = part->node;
	}
}

/* Elements of one name are an array, at the place of the first. */
static void json_elements(struct compiler *compiler, struct node *node)
{
	if (!node->keyed)
		same_find(compiler->chunk, node);
	for (const struct part *part = node->parts; part != NULL; part = part->next) {
		if (part->kind != PART_ELEMENT || part->node->again)
			continue;
		if (part->node->same == NULL) {
			json_member(compiler, part->node, true, false);
			continue;
		}
		key_add(compiler, node_key(compiler->chunk, part->node));
		TEXT(compiler->chunk, "[");
		for (struct node *other = part->node; other != NULL; other = other->same)
			json_member(compiler, other, false, false);
		close_add(compiler, ']');
		TEXT(compiler->chunk, ",");
	}
}

/* Elements, and text between them that is more than blanks. */
static void json_members(struct compiler *compiler, struct node *node)
{
	struct evtx_chunk *chunk = compiler->chunk;
	json_elements(compiler, node);
	bool text = false;
	for (const struct part *part = node->parts; part != NULL; part = part->next) {
		if (part->kind == PART_VALUE)
			op_add(chunk, OP_SPLICE, part->value);
		else if (part->kind != PART_ELEMENT)
			text |= !text_is_blank(chunk, part);
	}
	if (!text)
		return;
	TEXT(chunk, "\"#text\":\"");
	for (const struct part *part = node->parts; part != NULL; part = part->next) {
		if (part->kind == PART_TEXT)
			units_add(compiler, part->offset, part->units);
		else if (part->kind == PART_CHARACTER)
			character_add(compiler, part->value);
	}
	TEXT(chunk, "\",");
}

static void json_value(struct compiler *compiler, struct node *node, bool items)
{
	struct evtx_chunk *chunk = compiler->chunk;
	bool elements = has_elements(node), attributes = node->attributes != NULL && data_name(chunk, node) == NULL;
	if (!elements && !attributes) {
		scalar_add(compiler, node->parts, items);
		return;
	}
	uint32_t none = attributes ? json_attributes(compiler, node) : 0;
	if (elements) {
		if (attributes) {
			uint32_t over = op_add(chunk, OP_GOTO, 0);
			op_land(chunk, none);
			TEXT(chunk, "{");
			op_land(chunk, over);
		} else {
			TEXT(chunk, "{");
		}
		json_members(compiler, node);
		close_add(compiler, '}');
		return;
	}
	if (node->parts != NULL) {
		TEXT(chunk, "\"#text\":");
		scalar_add(compiler, node->parts, false);
	}
	close_add(compiler, '}');
	uint32_t over = op_add(chunk, OP_GOTO, 0);
	op_land(chunk, none);
	scalar_add(compiler, node->parts, items);
	op_land(chunk, over);
}

/* What XML allows in a name; an event log's writer may have put anything there. */
static char name_unit(const struct evtx_chunk *chunk, uint32_t name, uint32_t index)
{
	uint16_t unit = le16(chunk->bytes + name + 2 * (size_t)index);
	bool letter = (unit >= 'a' && unit <= 'z') || (unit >= 'A' && unit <= 'Z') || unit == '_';
	bool other = (unit >= '0' && unit <= '9') || unit == ':' || unit == '-' || unit == '.';
	return letter || (other && index > 0) ? (char)unit : '_';
}

static void xml_name(struct compiler *compiler, uint32_t name, uint32_t units)
{
	struct evtx_chunk *chunk = compiler->chunk;
	size_t from = chunk->text.length;
	for (uint32_t i = 0; i < units; i++)
		buffer_add_char(&chunk->text, name_unit(chunk, name, i));
	if (units == 0)
		buffer_add_char(&chunk->text, '_');
	text_end(chunk, from);
}

static bool xml_names_equal(const struct evtx_chunk *chunk, const struct attribute *a, const struct attribute *b)
{
	if (a->name_units != b->name_units)
		return false;
	for (uint32_t i = 0; i < a->name_units; i++)
		if (name_unit(chunk, a->name, i) != name_unit(chunk, b->name, i))
			return false;
	return true;
}

/* An element has an attribute of a name once only: others of that name are told apart by a number. */
static void xml_attribute_name(struct compiler *compiler, const struct node *node, const struct attribute *attribute)
{
	struct evtx_chunk *chunk = compiler->chunk;
	unsigned before = 0;
	for (const struct attribute *other = node->attributes; other != attribute; other = other->next)
		if (work_pay(chunk, 1 + attribute->name_units / 16))
			before += xml_names_equal(chunk, other, attribute);
		else
			before++;
	xml_name(compiler, attribute->name, attribute->name_units);
	if (before > 0) {
		size_t from = chunk->text.length;
		buffer_printf(&chunk->text, "..%u", before);
		text_end(chunk, from);
	}
}

static void xml_attributes(struct compiler *compiler, const struct node *node)
{
	struct evtx_chunk *chunk = compiler->chunk;
	for (const struct attribute *attribute = node->attributes; attribute != NULL; attribute = attribute->next) {
		const struct part *parts = attribute->parts;
		bool single = parts != NULL && parts->next == NULL && parts->kind == PART_VALUE;
		uint32_t jump = single ? op_add(chunk, OP_IF_FILLED, parts->value) : 0;
		TEXT(chunk, " ");
		xml_attribute_name(compiler, node, attribute);
		TEXT(chunk, "=\"");
		inside_add(compiler, parts);
		TEXT(chunk, "\"");
		if (single)
			op_land(chunk, jump);
	}
}

static void xml_element(struct compiler *compiler, const struct node *node, bool root)
{
	struct evtx_chunk *chunk = compiler->chunk;
	uint32_t jumps[CONDITIONS], each = 0;
	size_t count = conditions_add(compiler, node, root, jumps);
	const struct part *value = node->parts;
	while (value != NULL && (value->kind != PART_VALUE || value->type == EVTX_BINXML))
		value = value->next;
	/* Of a record there is one. */
	if (root)
		value = NULL;
	if (value != NULL)
		each = op_add(chunk, OP_EACH, value->value);
	TEXT(chunk, "<");
	xml_name(compiler, node->name, node->name_units);
	xml_attributes(compiler, node);
	if (node->parts == NULL) {
		TEXT(chunk, "/>");
	} else {
		TEXT(chunk, ">");
		for (const struct part *part = node->parts; part != NULL; part = part->next) {
			struct part alone = *part;
			alone.next = NULL;
			if (part->kind == PART_ELEMENT)
				xml_element(compiler, part->node, false);
			else
				inside_add(compiler, &alone);
		}
		TEXT(chunk, "</");
		xml_name(compiler, node->name, node->name_units);
		TEXT(chunk, ">");
	}
	if (value != NULL)
		op_land(chunk, each);
	conditions_land(compiler, jumps, count);
}

/* --- System, and the values of the data --- */

static const struct {
	const char *element, *attribute; /* the elements in the order of enum evtx_system: parts of one element are neighbours */
} system_parts[SYSTEM_COUNT] = {
	[SYSTEM_PROVIDER] = {"Provider", "Name"}, [SYSTEM_SOURCE] = {"Provider", "EventSourceName"},
	[SYSTEM_EVENTID] = {"EventID", NULL}, [SYSTEM_QUALIFIERS] = {"EventID", "Qualifiers"},
	[SYSTEM_LEVEL] = {"Level", NULL}, [SYSTEM_TASK] = {"Task", NULL}, [SYSTEM_KEYWORDS] = {"Keywords", NULL},
	[SYSTEM_TIME] = {"TimeCreated", "SystemTime"}, [SYSTEM_RECORD] = {"EventRecordID", NULL},
	[SYSTEM_CHANNEL] = {"Channel", NULL}, [SYSTEM_COMPUTER] = {"Computer", NULL}, [SYSTEM_USER] = {"Security", "UserID"},
};

static void system_find(const struct evtx_chunk *chunk, struct template *template, const struct node *system)
{
	for (const struct part *part = system->parts; part != NULL; part = part->next) {
		if (part->kind != PART_ELEMENT)
			continue;
		for (size_t i = 0; i < SYSTEM_COUNT; i++) {
			if (!name_is(chunk, part->node->name, part->node->name_units, system_parts[i].element))
				continue;
			if (system_parts[i].attribute == NULL)
				template->system[i] = part->node->parts;
			for (const struct attribute *a = part->node->attributes; a != NULL && system_parts[i].attribute != NULL; a = a->next)
				if (name_is(chunk, a->name, a->name_units, system_parts[i].attribute))
					template->system[i] = a->parts;
		}
	}
}

static void field_add(struct evtx_chunk *chunk, struct field field)
{
	if (chunk->field_count == chunk->field_capacity) {
		chunk->field_capacity = chunk->field_capacity > 0 ? chunk->field_capacity * 2 : 256;
		chunk->fields = memory_resize(chunk->fields, chunk->field_capacity * sizeof(*chunk->fields));
	}
	chunk->fields[chunk->field_count++] = field;
}

static void fields_find(struct evtx_chunk *chunk, const struct node *node, bool leaf_named)
{
	for (const struct part *part = node->parts; part != NULL; part = part->next) {
		if (part->kind == PART_VALUE) {
			field_add(chunk, (struct field){.name = leaf_named ? node->name : 0, .name_units = leaf_named ? node->name_units : 0,
							.name_parts = NULL, .parts = part});
			continue;
		}
		if (part->kind != PART_ELEMENT)
			continue;
		const struct node *child = part->node;
		for (const struct attribute *a = child->attributes; a != NULL; a = a->next)
			if (!name_is(chunk, a->name, a->name_units, "Name") && !name_is(chunk, a->name, a->name_units, "xmlns"))
				field_add(chunk, (struct field){.name = a->name, .name_units = a->name_units, .parts = a->parts});
		if (has_elements(child)) {
			fields_find(chunk, child, true);
			continue;
		}
		bool data = name_is(chunk, child->name, child->name_units, "Data");
		const struct attribute *name = child->attributes;
		while (name != NULL && !name_is(chunk, name->name, name->name_units, "Name"))
			name = name->next;
		field_add(chunk, (struct field){.name = data ? 0 : child->name, .name_units = data ? 0 : child->name_units,
						.name_parts = name != NULL ? name->parts : NULL, .parts = child->parts});
	}
}

static void template_system(const struct evtx_chunk *chunk, struct template *template)
{
	for (const struct part *part = template->root->parts; part != NULL; part = part->next)
		if (part->kind == PART_ELEMENT && name_is(chunk, part->node->name, part->node->name_units, "System"))
			system_find(chunk, template, part->node);
}

/* The values of the data, when somebody wants them for the first time. */
static void template_fields(struct evtx_chunk *chunk, struct template *template)
{
	const struct node *root = template->root;
	if (template->indexed)
		return;
	template->indexed = true;
	template->fields = (uint32_t)chunk->field_count;
	if (!name_is(chunk, root->name, root->name_units, "Event")) {
		fields_find(chunk, root, true);
	} else {
		for (const struct part *part = root->parts; part != NULL; part = part->next) {
			if (part->kind == PART_VALUE)
				field_add(chunk, (struct field){.parts = part});
			else if (part->kind == PART_ELEMENT && !name_is(chunk, part->node->name, part->node->name_units, "System"))
				fields_find(chunk, part->node, true);
		}
	}
	template->field_count = (uint32_t)(chunk->field_count - template->fields);
}

/* The operations of a form, made when they are wanted for the first time.  False: there are more than a chunk can hold. */
static bool template_compile(struct evtx_chunk *chunk, struct template *template, enum evtx_form form, uint32_t *ret_first, uint32_t *ret_end)
{
	struct compiler compiler = {chunk, form};
	uint32_t *first = form == FORM_XML ? &template->xml : &template->json, *end = form == FORM_XML ? &template->xml_end : &template->json_end;
	bool top = (template->key & 1) != 0;
	if (*end == 0 && !chunk->text.full) {
		*first = chunk->barrier = chunk->op_count;
		if (form == FORM_XML)
			xml_element(&compiler, template->root, top);
		else
			json_member(&compiler, template->root, true, top);
		*end = chunk->barrier = chunk->op_count;
		/* What did not get its text is not to be run. */
		if (chunk->text.full)
			*end = 0;
	}
	*ret_first = *first;
	*ret_end = *end;
	return *end > 0;
}

/* What has been read of the element at an offset; NULL: nothing yet. */
static uint32_t template_key(size_t offset, bool dependencies, bool top)
{
	return (uint32_t)offset << 2 | (uint32_t)dependencies << 1 | top;
}

static struct template *template_known(struct evtx_chunk *chunk, uint32_t key)
{
	for (uint32_t slot = table_slot(key); chunk->table[slot] != 0; slot = (slot + 1) % TABLE)
		if (chunk->templates[chunk->table[slot] - 1].key == key)
			return &chunk->templates[chunk->table[slot] - 1];
	return NULL;
}

/* The element at an offset; the same one again the next time. */
static struct template *template_get(struct evtx_chunk *chunk, size_t offset, size_t end, bool dependencies, bool top)
{
	uint32_t key = template_key(offset, dependencies, top), slot = table_slot(key);
	struct template *template = template_known(chunk, key);
	if (template != NULL || chunk->template_count == TEMPLATES_MOST)
		return template;
	while (chunk->table[slot] != 0)
		slot = (slot + 1) % TABLE;
	template = &chunk->templates[chunk->template_count++];
	*template = (struct template){.key = key};
	chunk->table[slot] = (uint16_t)chunk->template_count;
	struct parser parser = {.chunk = chunk, .at = offset, .end = end, .dependencies = dependencies};
	if (element_read(&parser, 0, &template->root))
		template_system(chunk, template);
	template->why = parser.why;
	template->vague = parser.vague;
	return template;
}

/* --- A document: a template instance with its values, or an element --- */

static void value_push(struct evtx_chunk *chunk, struct evtx_value value)
{
	if (chunk->value_count == chunk->value_capacity) {
		chunk->value_capacity = chunk->value_capacity > 0 ? chunk->value_capacity * 2 : 256;
		chunk->values = memory_resize(chunk->values, chunk->value_capacity * sizeof(*chunk->values));
	}
	chunk->values[chunk->value_count++] = value;
}

/* Descriptors, then the values back to back.  What runs past the end is cut there. */
static bool values_read(struct parser *parser, struct frame *frame, bool *ret_truncated)
{
	struct evtx_chunk *chunk = parser->chunk;
	if (!left(parser, 4))
		return fail(parser, "ends before its values");
	uint32_t count = le32(chunk->bytes + parser->at);
	parser->at += 4;
	if (count > NONE || (parser->end - parser->at) / 4 < count)
		return fail(parser, "more values than the record has room for");
	const uint8_t *descriptor = chunk->bytes + parser->at;
	size_t at = parser->at + 4 * (size_t)count;
	frame->first = chunk->value_count;
	frame->count = count;
	for (uint32_t i = 0; i < count; i++, descriptor += 4) {
		size_t size = le16(descriptor), there = parser->end - at;
		*ret_truncated |= size > there;
		value_push(chunk, (struct evtx_value){chunk->bytes + at, (uint16_t)(size < there ? size : there), descriptor[2]});
		at += size < there ? size : there;
	}
	parser->at = at;
	return true;
}

static bool instance_read(struct parser *parser, struct frame *frame)
{
	enum { HEAD = 10, DEFINITION = 24 };
	struct evtx_chunk *chunk = parser->chunk;
	if (!left(parser, HEAD))
		return fail(parser, "ends within a template instance");
	size_t offset = le32(chunk->bytes + parser->at + 6);
	parser->at += HEAD;
	if (offset > chunk->length || chunk->length - offset < DEFINITION + 4)
		return fail(parser, "its template is outside the chunk");
	size_t size = le32(chunk->bytes + offset + 20), body = offset + DEFINITION;
	if (size > chunk->length - body)
		return fail(parser, "its template runs past the end of the chunk");
	frame->foreign = le32(chunk->bytes + parser->at - HEAD + 2) != le32(chunk->bytes + offset + 4);
	if (offset == parser->at) {
		if (!left(parser, DEFINITION + size))
			return fail(parser, "its template runs past the end of the record");
		parser->at += DEFINITION + size;
	}
	size_t element = body + (chunk->bytes[body] == 0x0f ? 4 : 0);
	if (size < 5 || (chunk->bytes[element] != 0x01 && chunk->bytes[element] != 0x41))
		return fail(parser, "its template is none");
	frame->template = template_get(chunk, element, body + size, true, parser->top);
	if (frame->template == NULL)
		return fail(parser, "more templates than a chunk can hold");
	if (frame->template->why != NULL)
		return fail(parser, frame->template->why);
	return true;
}

/* Where the template is not to be had, the values are: they follow, unless the definition stood here itself. */
static bool instance_open(struct parser *parser, struct frame *frame, bool *ret_truncated)
{
	bool whole = instance_read(parser, frame);
	if (!whole)
		frame->template = NULL;
	return values_read(parser, frame, ret_truncated) && whole;
}

/* A fragment: header, instructions, then one document. */
static bool frame_open(struct parser *parser, struct frame *frame, bool *ret_truncated)
{
	struct evtx_chunk *chunk = parser->chunk;
	while (token(parser) == 0x0f || token(parser) == 0x0a || token(parser) == 0x0b) {
		if (token(parser) != 0x0f) {
			if (!instruction_skip(parser))
				return false;
		} else if (left(parser, 4)) {
			parser->at += 4;
		} else {
			return fail(parser, "ends within its header");
		}
	}
	*frame = (struct frame){.first = chunk->value_count};
	switch (token(parser)) {
	case 0x0c:
		return instance_open(parser, frame, ret_truncated);
	case 0x01: case 0x41:
		frame->template = template_get(chunk, parser->at, parser->end, false, parser->top);
		if (frame->template == NULL)
			return fail(parser, "more documents than a chunk can hold");
		return frame->template->why == NULL || fail(parser, frame->template->why);
	default:
		return fail(parser, "no element and no template");
	}
}

const struct evtx_record *evtx_record_open(struct evtx_chunk *chunk, size_t offset, size_t end, uint64_t number, uint64_t time,
					   const char **ret_why)
{
	struct evtx_record *record = chunk->record;
	struct parser parser = {.chunk = chunk, .at = offset, .end = end < chunk->length ? end : chunk->length, .top = true};
	chunk->value_count = 0;
	*record = (struct evtx_record){.chunk = chunk, .number = number, .time = time};
	bool whole = offset <= parser.end && frame_open(&parser, &record->frame, &record->truncated);
	record->why = !whole ? parser.why != NULL ? parser.why : "outside the chunk"
		      : record->truncated ? "a value runs past the end of the record"
		      : record->frame.template->vague ? "a name in it cannot be read"
					  : NULL;
	*ret_why = record->why;
	if (!whole)
		record->frame.template = NULL;
	return whole || record->frame.count > 0 ? record : NULL;
}

/* The event id by itself: descriptors up to its value are looked at and nothing else. */
bool evtx_record_peek(struct evtx_chunk *chunk, size_t offset, size_t end, uint64_t *ret_id)
{
	enum { FRAGMENT = 4, HEAD = 10, DEFINITION = 24 };
	const uint8_t *bytes = chunk->bytes + offset;
	size_t at = FRAGMENT + HEAD;
	if (end > chunk->length || offset >= end || end - offset < at + 4 || bytes[0] != 0x0f || bytes[FRAGMENT] != 0x0c)
		return false;
	size_t definition = le32(bytes + FRAGMENT + 6), length = end - offset;
	if (definition == offset + at) /* it stands here: then the record is read in full, and the template with it */
		return false;
	if (definition > chunk->length || chunk->length - definition < DEFINITION + 4)
		return false;
	size_t body = definition + DEFINITION;
	const struct template *template = template_known(chunk, template_key(body + (chunk->bytes[body] == 0x0f ? 4 : 0), true, true));
	const struct part *part = template != NULL && template->why == NULL ? template->system[SYSTEM_EVENTID] : NULL;
	if (part == NULL || part->kind != PART_VALUE || part->next != NULL)
		return false;
	size_t count = le32(bytes + at), value = at + 4 + 4 * count;
	if (part->value >= count || count > NONE || value > length)
		return false;
	const uint8_t *descriptor = bytes + at + 4;
	for (size_t i = 0; i < part->value; i++, descriptor += 4)
		value += le16(descriptor);
	struct evtx_value id = {bytes + value, le16(descriptor), descriptor[2]};
	return value <= length && id.size <= length - value && evtx_value_number(&id, ret_id);
}

/* --- Splicing --- */

struct run {
	struct evtx_chunk *chunk;
	struct buffer *out;
	enum evtx_form form;
	size_t limit;             /* of out: past it values are left out, and what is open is closed */
	size_t begun;             /* where the object whose attributes are being written begins */
	bool wrong, over;
};

/* False when the records of this chunk have cost as much as they may. */
static bool steps_pay(struct evtx_chunk *chunk, size_t cost)
{
	chunk->steps -= cost < chunk->steps ? cost : chunk->steps;
	return chunk->steps > 0;
}

static bool run_document(struct run *run, const struct frame *frame, unsigned depth);

static inline void put(struct buffer *out, const void *bytes, size_t length)
{
	if (out->capacity - out->length > length) {
		memcpy(out->data + out->length, bytes, length);
		out->length += length;
	} else {
		buffer_add(out, bytes, length);
	}
}

static void close_put(struct buffer *out, char bracket)
{
	if (out->length > 0 && out->data[out->length - 1] == ',')
		out->data[out->length - 1] = bracket;
	else
		buffer_add_char(out, bracket);
}

static const struct evtx_value *frame_value(const struct run *run, const struct frame *frame, uint16_t index)
{
	static const struct evtx_value null = {.bytes = (const uint8_t *)"", .type = EVTX_NULL};
	return index < frame->count ? &run->chunk->values[frame->first + index] : &null;
}

static bool value_is_null(const struct evtx_value *value)
{
	return value->type == EVTX_NULL || (value->type == EVTX_BINXML && value->size == 0);
}

static bool name_fits(struct evtx_chunk *chunk, uint32_t name, uint32_t units)
{
	return name >= NAME_HEAD && work_pay(chunk, units / 16) && le16(chunk->bytes + name - NAME_HEAD + 4) == name_hash(chunk->bytes + name, units);
}

static bool names_fit(struct evtx_chunk *chunk, const struct node *node)
{
	if (!name_fits(chunk, node->name, node->name_units))
		return false;
	for (const struct attribute *attribute = node->attributes; attribute != NULL; attribute = attribute->next)
		if (!name_fits(chunk, attribute->name, attribute->name_units))
			return false;
	for (const struct part *part = node->parts; part != NULL; part = part->next)
		if (part->kind == PART_ELEMENT && !names_fit(chunk, part->node))
			return false;
	return true;
}

/* A template that may be another record's, and shows that it is: by its identifier, or by names that are not what their
 * hashes say. */
static bool frame_doubtful(struct evtx_chunk *chunk, const struct frame *frame)
{
	struct template *template = frame->template;
	if (!chunk->record->distrusted)
		return false;
	if (!template->named)
		template->misnamed = !names_fit(chunk, template->root);
	template->named = true;
	return frame->foreign || template->misnamed;
}

/* The document in a value; false: at most its values can be had. */
static bool nested_open(struct evtx_chunk *chunk, const struct evtx_value *value, unsigned depth, struct frame *frame, bool *ret_truncated)
{
	size_t offset = (size_t)(value->bytes - chunk->bytes);
	struct parser parser = {.chunk = chunk, .at = offset, .end = offset + value->size};
	*frame = (struct frame){.count = 0};
	bool whole = depth < EVTX_DEPTH && frame_open(&parser, frame, ret_truncated);
	return steps_pay(chunk, frame->count) && whole && !frame_doubtful(chunk, frame);
}

/* Values whose template is not to be had, as they are. */
static void values_put(struct run *run, const struct frame *frame)
{
	const struct evtx_chunk *chunk = run->chunk;
	struct buffer *out = run->out;
	buffer_add_text(out, run->form == FORM_XML ? "<Values>" : "\"#values\":[");
	for (size_t i = 0; i < frame->count; i++) {
		struct evtx_value value = chunk->values[frame->first + i], item;
		size_t position = 0;
		if (value.type == EVTX_BINXML)
			value.type = EVTX_BINARY;
		if (run->form != FORM_XML) {
			evtx_value_json(&value, out);
			buffer_add_char(out, ',');
			continue;
		}
		while (evtx_value_item(&value, &position, &item)) {
			buffer_add_text(out, "<Value>");
			evtx_value_text(&item, FORM_XML, out);
			buffer_add_text(out, "</Value>");
		}
	}
	if (run->form == FORM_XML)
		buffer_add_text(out, "</Values>");
	else
		close_put(out, ']');
}

static void nested_put(struct run *run, const struct evtx_value *value, unsigned depth)
{
	struct evtx_chunk *chunk = run->chunk;
	size_t mark = chunk->value_count;
	struct frame frame;
	if (!nested_open(chunk, value, depth, &frame, &run->wrong) || !run_document(run, &frame, depth + 1)) {
		run->wrong = true;
		if (frame.count > 0 && run->out->length < run->limit) {
			values_put(run, &frame);
			if (run->form != FORM_XML)
				buffer_add_char(run->out, ',');
		}
	}
	chunk->value_count = mark;
}

static void json_put_value(struct run *run, const struct evtx_value *value, bool items, unsigned depth)
{
	struct buffer *out = run->out;
	if (value->type == EVTX_BINXML) {
		buffer_add_char(out, '{');
		nested_put(run, value, depth);
		close_put(out, '}');
	} else if (items && (value->type & EVTX_ARRAY) != 0) {
		struct evtx_value item;
		size_t position = 0;
		for (bool first = true; evtx_value_item(value, &position, &item); first = false) {
			if (!first)
				buffer_add_char(out, ',');
			evtx_value_json(&item, out);
		}
	} else if (value->type == EVTX_NULL) {
		put(out, "\"\"", 2);
	} else {
		evtx_value_json(value, out);
	}
}

static void splice_put(struct run *run, const struct evtx_value *value, unsigned depth)
{
	if (value_is_null(value))
		return;
	if (value->type == EVTX_BINXML) {
		nested_put(run, value, depth);
		return;
	}
	put(run->out, "\"#text\":", 8);
	evtx_value_json(value, run->out);
	buffer_add_char(run->out, ',');
}

static void inside_put(struct run *run, const struct evtx_value *value, unsigned depth)
{
	struct evtx_value item;
	size_t position = 0;
	if (value->type == EVTX_BINXML) {
		if (run->form == FORM_XML)
			nested_put(run, value, depth);
		else
			run->wrong = true;
		return;
	}
	for (bool first = true; evtx_value_item(value, &position, &item); first = false) {
		if (!first)
			buffer_add_char(run->out, ' ');
		evtx_value_text(&item, run->form, run->out);
	}
}

static void ops_run(struct run *run, const struct frame *frame, uint32_t at, uint32_t end, unsigned depth);

/* The operations of an element once for each item. */
static void each_run(struct run *run, const struct frame *frame, const struct op *op, uint32_t at, unsigned depth)
{
	struct evtx_value whole = *frame_value(run, frame, op->value), item;
	uint32_t end = op->a;
	size_t position = 0;
	while (!run->over && evtx_value_item(&whole, &position, &item)) {
		run->chunk->values[frame->first + op->value] = item;
		ops_run(run, frame, at, end, depth);
	}
	run->chunk->values[frame->first + op->value] = whole;
}

static void ops_run(struct run *run, const struct frame *frame, uint32_t at, uint32_t end, unsigned depth)
{
	struct evtx_chunk *chunk = run->chunk;
	while (at < end) {
		/* Copied: documents in values may compile more, and move the array. */
		const struct op op = chunk->ops[at++];
		if (op.code == OP_TEXT) {
			put(run->out, chunk->text.data + op.a, op.b);
			continue;
		}
		if (op.code == OP_CLOSE) {
			close_put(run->out, (char)op.b);
			continue;
		}
		if (op.code == OP_BEGIN) {
			run->begun = run->out->length;
			continue;
		}
		if (op.code == OP_NONE && run->out->length > run->begun + op.b)
			continue;
		if (op.code == OP_NONE || op.code == OP_GOTO) {
			run->out->length = op.code == OP_NONE ? run->begun : run->out->length;
			at = op.a;
			continue;
		}
		if (run->out->length >= run->limit || chunk->steps-- <= 1)
			chunk->steps = run->over = run->wrong = true;
		const struct evtx_value value = run->over ? (struct evtx_value){.type = EVTX_NULL} : *frame_value(run, frame, op.value);
		switch (op.code) {
		case OP_IF: at = value_is_null(&value) ? op.a : at; break;
		case OP_IF_FILLED: at = value_is_null(&value) || value.size == 0 ? op.a : at; break;
		case OP_JSON: json_put_value(run, &value, false, depth); break;
		case OP_ITEMS: json_put_value(run, &value, true, depth); break;
		case OP_INSIDE: inside_put(run, &value, depth); break;
		case OP_SPLICE: splice_put(run, &value, depth); break;
		default:
			if ((value.type & EVTX_ARRAY) == 0)
				break;
			each_run(run, frame, &op, at, depth);
			at = op.a;
		}
	}
}

static bool run_document(struct run *run, const struct frame *frame, unsigned depth)
{
	uint32_t first, end;
	if (!template_compile(run->chunk, frame->template, run->form, &first, &end))
		return false;
	run->wrong |= frame->template->vague;
	ops_run(run, frame, first, end, depth);
	return true;
}

/* False, and nothing is written, when its template does not become operations. */
static bool record_run(const struct evtx_record *record, enum evtx_form form, struct buffer *buffer, bool *ret_whole)
{
	struct evtx_chunk *chunk = record->chunk;
	size_t before = buffer->length, most = chunk->output < EVTX_OUTPUT ? chunk->output : EVTX_OUTPUT;
	struct run run = {.chunk = chunk, .out = buffer, .form = form, .limit = before + most, .wrong = record->truncated};
	uint32_t first, end;
	if (!template_compile(chunk, record->frame.template, form, &first, &end))
		return false;
	if (form == FORM_JSON)
		buffer_add_char(buffer, '{');
	ops_run(&run, &record->frame, first, end, 0);
	if (form == FORM_JSON)
		close_put(buffer, '}');
	size_t written = buffer->length - before;
	chunk->output -= written < chunk->output ? written : chunk->output;
	*ret_whole = !run.wrong;
	return true;
}

/* A record without its template: what its head says, and its values with their types. */
static const char *bare_why(const struct evtx_record *record)
{
	return record->why != NULL ? record->why : MUCH;
}

static bool bare_json(const struct evtx_record *record, struct buffer *buffer)
{
	struct run run = {.chunk = record->chunk, .out = buffer, .form = FORM_JSON};
	buffer_printf(buffer, "{\"Event\":{\"System\":{\"EventRecordID\":%llu,\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"",
		      (unsigned long long)record->number);
	evtx_time(record->time, buffer);
	buffer_printf(buffer, "\"}}},\"#unreadable\":\"%s\",", bare_why(record));
	values_put(&run, &record->frame);
	buffer_add_text(buffer, "}}");
	return false;
}

static bool bare_xml(const struct evtx_record *record, struct buffer *buffer)
{
	struct run run = {.chunk = record->chunk, .out = buffer, .form = FORM_XML};
	buffer_printf(buffer, "<Event><System><EventRecordID>%llu</EventRecordID><TimeCreated SystemTime=\"",
		      (unsigned long long)record->number);
	evtx_time(record->time, buffer);
	buffer_printf(buffer, "\"/></System><Unreadable>%s</Unreadable>", bare_why(record));
	values_put(&run, &record->frame);
	buffer_add_text(buffer, "</Event>");
	return false;
}

bool evtx_record_json(const struct evtx_record *record, struct buffer *buffer)
{
	bool whole;
	return record->frame.template != NULL && record_run(record, FORM_JSON, buffer, &whole) ? whole : bare_json(record, buffer);
}

bool evtx_record_xml(const struct evtx_record *record, struct buffer *buffer)
{
	bool whole;
	return record->frame.template != NULL && record_run(record, FORM_XML, buffer, &whole) ? whole : bare_xml(record, buffer);
}

/* --- Values one by one --- */

static void parts_text(const struct evtx_record *record, const struct frame *frame, const struct part *parts, struct buffer *buffer)
{
	struct run run = {.chunk = record->chunk, .out = buffer, .form = FORM_PLAIN, .limit = SIZE_MAX};
	for (const struct part *part = parts; part != NULL && steps_pay(record->chunk, 1); part = part->next) {
		const uint8_t unit[2] = {(uint8_t)part->value, (uint8_t)(part->value >> 8)};
		size_t before = buffer->length;
		if (part->kind == PART_TEXT)
			evtx_text(record->chunk->bytes + part->offset, part->units, FORM_PLAIN, buffer);
		else if (part->kind == PART_CHARACTER)
			evtx_text(unit, 1, FORM_PLAIN, buffer);
		else if (part->kind == PART_VALUE)
			inside_put(&run, frame_value(&run, frame, part->value), 0);
		steps_pay(record->chunk, (buffer->length - before) / 64);
	}
}

void evtx_record_distrust(const struct evtx_record *record)
{
	struct evtx_record *mine = record->chunk->record;
	uint64_t own;
	mine->distrusted = true;
	if (mine->frame.template == NULL)
		return;
	if (!frame_doubtful(mine->chunk, &mine->frame) && evtx_record_number(mine, SYSTEM_RECORD, &own) && own == mine->number)
		return;
	mine->frame.template = NULL;
	mine->why = "what its template was has been written over";
}

bool evtx_record_bare(const struct evtx_record *record)
{
	return record->frame.template == NULL;
}

bool evtx_record_number(const struct evtx_record *record, enum evtx_system part, uint64_t *ret_number)
{
	const struct part *parts = record->frame.template != NULL ? record->frame.template->system[part] : NULL;
	struct run run = {.chunk = record->chunk};
	struct buffer *scratch = &record->chunk->scratch;
	if (parts == NULL)
		return false;
	if (parts->kind == PART_VALUE && parts->next == NULL &&
	    evtx_value_number(frame_value(&run, &record->frame, parts->value), ret_number))
		return true;
	buffer_clear(scratch);
	parts_text(record, &record->frame, parts, scratch);
	if (scratch->length > 2 && scratch->length <= 18 && scratch->data[0] == '0' && scratch->data[1] == 'x') {
		char *end;
		*ret_number = strtoull(scratch->data, &end, 16);
		return *end == '\0';
	}
	return number_parse(buffer_text(scratch), scratch->length, UINT64_MAX, ret_number);
}

bool evtx_record_text(const struct evtx_record *record, enum evtx_system part, struct buffer *buffer)
{
	const struct part *parts = record->frame.template != NULL ? record->frame.template->system[part] : NULL;
	size_t before = buffer->length;
	if (parts != NULL)
		parts_text(record, &record->frame, parts, buffer);
	return buffer->length > before;
}

struct telling {
	const struct evtx_record *record;
	event_take take;
	void *context;
};

static void frame_tell(const struct telling *telling, const struct frame *frame, unsigned depth);

static void value_tell(const struct telling *telling, const struct evtx_value *value)
{
	struct evtx_chunk *chunk = telling->record->chunk;
	struct evtx_value item;
	size_t position = 0;
	while (steps_pay(chunk, 1) && evtx_value_item(value, &position, &item)) {
		buffer_clear(&chunk->scratch);
		evtx_value_text(&item, FORM_PLAIN, &chunk->scratch);
		telling->take(telling->context, cursor_text(""), cursor_of(buffer_text(&chunk->scratch), chunk->scratch.length));
	}
}

static void nested_tell(const struct telling *telling, const struct evtx_value *value, unsigned depth)
{
	struct evtx_chunk *chunk = telling->record->chunk;
	size_t mark = chunk->value_count;
	struct frame frame;
	bool truncated = false;
	if (nested_open(chunk, value, depth, &frame, &truncated))
		frame_tell(telling, &frame, depth + 1);
	else
		for (size_t i = 0; i < frame.count; i++) {
			const struct evtx_value bare = chunk->values[frame.first + i];
			value_tell(telling, &bare);
		}
	chunk->value_count = mark;
}

static bool field_there(const struct run *run, const struct frame *frame, const struct part *parts)
{
	for (const struct part *part = parts; part != NULL; part = part->next)
		if (part->kind == PART_VALUE && part->optional && value_is_null(frame_value(run, frame, part->value)))
			return false;
	return true;
}

static void frame_tell(const struct telling *telling, const struct frame *frame, unsigned depth)
{
	struct evtx_chunk *chunk = telling->record->chunk;
	struct template *template = frame->template;
	struct run run = {.chunk = chunk};
	template_fields(chunk, template);
	for (uint32_t i = 0; i < template->field_count && steps_pay(chunk, 1); i++) {
		const struct field field = chunk->fields[template->fields + i];
		if (!field_there(&run, frame, field.parts))
			continue;
		const struct part *only = field.parts != NULL && field.parts->kind == PART_VALUE ? field.parts : NULL;
		struct evtx_value value = only != NULL ? *frame_value(&run, frame, only->value) : (struct evtx_value){.type = EVTX_NULL};
		if (value.type == EVTX_BINXML) {
			nested_tell(telling, &value, depth);
			continue;
		}
		struct evtx_value item;
		size_t position = 0;
		bool array = (value.type & EVTX_ARRAY) != 0;
		do {
			buffer_clear(&chunk->scratch);
			buffer_clear(&chunk->name);
			if (field.name_parts != NULL)
				parts_text(telling->record, frame, field.name_parts, &chunk->name);
			else
				evtx_text(chunk->bytes + field.name, field.name_units, FORM_PLAIN, &chunk->name);
			if (array && !evtx_value_item(&value, &position, &item))
				break;
			if (array && !steps_pay(chunk, 1))
				break;
			if (array)
				evtx_value_text(&item, FORM_PLAIN, &chunk->scratch);
			else
				parts_text(telling->record, frame, field.parts, &chunk->scratch);
			telling->take(telling->context, cursor_of(buffer_text(&chunk->name), chunk->name.length),
				      cursor_of(buffer_text(&chunk->scratch), chunk->scratch.length));
		} while (array);
	}
}

void evtx_record_data(const struct evtx_record *record, event_take take, void *context)
{
	struct telling telling = {record, take, context};
	if (record->frame.template != NULL)
		frame_tell(&telling, &record->frame, 0);
}
