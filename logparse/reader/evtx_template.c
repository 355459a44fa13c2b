#include "logparse/reader/evtx_template.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "logparse/reader/evtx_chunk.h"

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

void *chunk_alloc(struct evtx_chunk *chunk, size_t size)
{
	if (chunk->work++ >= EVTX_WORK)
		return NULL;
	if (chunk->arena == NULL)
		chunk->arena = arena_new();
	return arena_alloc(chunk->arena, size);
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
		if (node_has_elements(child)) {
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
void template_fields(struct evtx_chunk *chunk, struct template *template)
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

/* --- Templates --- */

/* What has been read of the element at an offset; NULL: nothing yet. */
uint32_t template_key(size_t offset, bool dependencies, bool top)
{
	return (uint32_t)offset << 2 | (uint32_t)dependencies << 1 | top;
}

struct template *template_known(struct evtx_chunk *chunk, uint32_t key)
{
	for (uint32_t slot = table_slot(key); chunk->table[slot] != 0; slot = (slot + 1) % TABLE)
		if (chunk->templates[chunk->table[slot] - 1].key == key)
			return &chunk->templates[chunk->table[slot] - 1];
	return NULL;
}

/* The element at an offset; the same one again the next time. */
struct template *template_get(struct evtx_chunk *chunk, size_t offset, size_t end, bool dependencies, bool top)
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
