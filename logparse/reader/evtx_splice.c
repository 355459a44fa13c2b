/* Records rendered: what their templates were compiled to, with their values put in. */
#include <string.h>

#include "logparse/reader/evtx_chunk.h"
#include "logparse/text.h"

struct run {
	struct evtx_chunk *chunk;
	struct buffer *out;
	enum evtx_form form;
	size_t limit;             /* of out: past it values are left out, and what is open is closed */
	size_t begun;             /* where the object whose attributes are being written begins */
	bool wrong, over;
};

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
	if (!frame_nested(chunk, value, depth, &frame, &run->wrong) || !run_document(run, &frame, depth + 1)) {
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
	struct evtx_value whole = *frame_value(run->chunk, frame, op->value), item;
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
		const struct evtx_value value = run->over ? (struct evtx_value){.type = EVTX_NULL} : *frame_value(run->chunk, frame, op.value);
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
	return record->why != NULL ? record->why : EVTX_MUCH;
}

/* Text of System by itself, escaped; the scratch of the chunk holds it. */
static const char *bare_text(const struct evtx_record *record, enum evtx_system part, enum evtx_form form)
{
	struct buffer *plain = &record->chunk->name, *text = &record->chunk->scratch;
	buffer_clear(plain);
	buffer_clear(text);
	(void)evtx_record_text(record, part, plain);
	if (form == FORM_XML)
		buffer_add_xml(text, buffer_text(plain), plain->length);
	else
		buffer_add_json(text, buffer_text(plain), plain->length);
	return buffer_text(text);
}

static bool bare_json(const struct evtx_record *record, struct buffer *buffer)
{
	struct run run = {.chunk = record->chunk, .out = buffer, .form = FORM_JSON};
	uint64_t number = record->number, time = record->time, id;
	(void)evtx_record_number(record, SYSTEM_RECORD, &number);
	(void)evtx_record_number(record, SYSTEM_TIME, &time);
	buffer_add_text(buffer, "{\"Event\":{\"System\":{");
	if (evtx_record_number(record, SYSTEM_EVENTID, &id)) {
		buffer_printf(buffer, "\"Provider\":{\"#attributes\":{\"Name\":\"%s\"}},", bare_text(record, SYSTEM_PROVIDER, FORM_JSON));
		buffer_printf(buffer, "\"EventID\":%llu,\"Channel\":\"%s\",", (unsigned long long)id, bare_text(record, SYSTEM_CHANNEL, FORM_JSON));
	}
	buffer_printf(buffer, "\"EventRecordID\":%llu,\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"", (unsigned long long)number);
	evtx_time(time, buffer);
	buffer_printf(buffer, "\"}}},\"#unreadable\":\"%s\",", bare_why(record));
	values_put(&run, &record->frame);
	buffer_add_text(buffer, "}}");
	return false;
}

static bool bare_xml(const struct evtx_record *record, struct buffer *buffer)
{
	struct run run = {.chunk = record->chunk, .out = buffer, .form = FORM_XML};
	uint64_t number = record->number, time = record->time, id;
	(void)evtx_record_number(record, SYSTEM_RECORD, &number);
	(void)evtx_record_number(record, SYSTEM_TIME, &time);
	buffer_add_text(buffer, "<Event><System>");
	if (evtx_record_number(record, SYSTEM_EVENTID, &id)) {
		buffer_printf(buffer, "<Provider Name=\"%s\"/>", bare_text(record, SYSTEM_PROVIDER, FORM_XML));
		buffer_printf(buffer, "<EventID>%llu</EventID><Channel>%s</Channel>", (unsigned long long)id, bare_text(record, SYSTEM_CHANNEL, FORM_XML));
	}
	buffer_printf(buffer, "<EventRecordID>%llu</EventRecordID><TimeCreated SystemTime=\"", (unsigned long long)number);
	evtx_time(time, buffer);
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

void parts_text(struct evtx_chunk *chunk, const struct frame *frame, const struct part *parts, struct buffer *buffer)
{
	struct run run = {.chunk = chunk, .out = buffer, .form = FORM_PLAIN, .limit = SIZE_MAX};
	for (const struct part *part = parts; part != NULL && steps_pay(chunk, 1); part = part->next) {
		const uint8_t unit[2] = {(uint8_t)part->value, (uint8_t)(part->value >> 8)};
		size_t before = buffer->length;
		if (part->kind == PART_TEXT)
			evtx_text(chunk->bytes + part->offset, part->units, FORM_PLAIN, buffer);
		else if (part->kind == PART_CHARACTER)
			evtx_text(unit, 1, FORM_PLAIN, buffer);
		else if (part->kind == PART_VALUE)
			inside_put(&run, frame_value(run.chunk, frame, part->value), 0);
		steps_pay(chunk, (buffer->length - before) / 64);
	}
}
