/* A definition of binary XML as a tree (MS-EVEN6 2.2.12). */
#include "logparse/reader/evtx_chunk.h"

uint16_t name_hash(const uint8_t *bytes, size_t units)
{
	uint32_t hash = 0;
	for (size_t i = 0; i < units; i++)
		hash = hash * 65599 + le16(bytes + 2 * i);
	return (uint16_t)hash;
}

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
		fail(parser, EVTX_MUCH);
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
bool instruction_skip(struct parser *parser)
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
			return fail(parser, EVTX_MUCH);
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

bool element_read(struct parser *parser, unsigned depth, struct node **ret_node)
{
	struct node *node = chunk_alloc(parser->chunk, sizeof(*node));
	bool attributes = token(parser) == 0x41;
	size_t head = parser->dependencies ? 7 : 5;
	if (node == NULL)
		return fail(parser, EVTX_MUCH);
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
