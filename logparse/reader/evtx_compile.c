/* Templates compiled to operations: text runs, and where values go. */
#include <string.h>

#include "core/base/memory.h"
#include "logparse/reader/evtx_chunk.h"

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

bool node_has_elements(const struct node *node)
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
	bool elements = node_has_elements(node), attributes = node->attributes != NULL && data_name(chunk, node) == NULL;
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

/* The operations of a form, made when they are wanted for the first time.  False: there are more than a chunk can hold. */
bool template_compile(struct evtx_chunk *chunk, struct template *template, enum evtx_form form, uint32_t *ret_first, uint32_t *ret_end)
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
