#include "bootcfg/contain/ruletable.h"

#include <stdlib.h>
#include <string.h>

#include "bootcfg/netsh/value.h"
#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/base/utf8.h"

enum column {
	COLUMN_ACTION, COLUMN_SRCADDR, COLUMN_SRCMASK, COLUMN_SRCPORT, COLUMN_DSTADDR, COLUMN_DSTMASK, COLUMN_DSTPORT,
	COLUMN_PROTOCOL, COLUMN_MIRRORED, COLUMN_DESCRIPTION, COLUMN_COUNT,
};
static const struct {
	const char *name;
	bool required;
} columns[COLUMN_COUNT] = {
	[COLUMN_ACTION] = {"Action", true},     [COLUMN_SRCADDR] = {"SrcAddr", true},   [COLUMN_SRCMASK] = {"SrcMask", false},
	[COLUMN_SRCPORT] = {"SrcPort", false},  [COLUMN_DSTADDR] = {"DstAddr", true},   [COLUMN_DSTMASK] = {"DstMask", false},
	[COLUMN_DSTPORT] = {"DstPort", false},  [COLUMN_PROTOCOL] = {"Protocol", false}, [COLUMN_MIRRORED] = {"Mirrored", false},
	[COLUMN_DESCRIPTION] = {"Description", false},
};
static const char column_names[] =
	"Action, SrcAddr, SrcMask, SrcPort, DstAddr, DstMask, DstPort, Protocol, Mirrored, Description";

/* One value of a record, without its quotes and the blanks around it. */
struct field {
	const char *text;
	size_t length;
	size_t start, end; /* of what is written, as offsets */
	uint32_t line, column;
};

/* A filter that is good, until all are. */
struct entry {
	enum action action;
	struct filter filter;
};

struct reader {
	const char *text, *file;
	size_t length, at, line_start;
	uint32_t line;
	struct arena *arena;       /* of the state */
	struct diag *diag;
	size_t errors;
	struct field fields[COLUMN_COUNT];
	size_t field_count;        /* of this record; may be larger than what is kept */
	uint32_t record_line;
	enum column order[COLUMN_COUNT]; /* what each field is */
	size_t column_count;
	struct buffer unquoted;
	ruletable_resolve resolve;
	void *context;
	struct entry *entries;
	size_t entry_count, entry_capacity;
	const char *filter_file;
};

static struct place field_place(const struct reader *reader, const struct field *field)
{
	const char *start = reader->text + field->start - (field->column - 1);
	const char *stop = memchr(start, '\n', reader->length - (size_t)(start - reader->text));
	struct place place = {.file = reader->file, .line = field->line, .column = field->column, .source = start};
	place.source_length = (size_t)((stop != NULL ? stop : reader->text + reader->length) - start);
	place.length = (uint32_t)(field->end > field->start ? field->end - field->start : 1);
	return place;
}

static int field_wrong(struct reader *reader, const struct field *field, const char *name, const char *why)
{
	struct place place = field_place(reader, field);
	diag_error(reader->diag, &place, "%s is %s: %s", name, QUOTE_N(field->text, field->length), why);
	reader->errors++;
	return ERROR_INPUT;
}

/* Something about the form of the file, at an offset of the line that is being read. */
static int form_wrong(struct reader *reader, size_t offset, const char *why)
{
	struct field field = {.start = offset, .end = offset + 1, .line = reader->line,
			      .column = (uint32_t)(offset - reader->line_start) + 1};
	struct place place = field_place(reader, &field);
	diag_error(reader->diag, &place, "%s", why);
	reader->errors++;
	return ERROR_INPUT;
}

/* --- RFC 4180 --- */

static char char_at(const struct reader *reader, size_t at)
{
	return at < reader->length ? reader->text[at] : '\n';
}

/* Whether a line ends here; how many bytes that takes. */
static size_t line_end(const struct reader *reader, size_t at)
{
	if (at >= reader->length || reader->text[at] == '\n')
		return 1;
	return reader->text[at] == '\r' && (at + 1 == reader->length || reader->text[at + 1] == '\n') ? 2 : 0;
}

/* From behind the opening quote to behind the closing one. */
static int quoted_take(struct reader *reader, struct field *field)
{
	size_t opened = reader->at - 1;
	buffer_clear(&reader->unquoted);
	for (;; reader->at++) {
		char c = char_at(reader, reader->at);
		if (line_end(reader, reader->at) > 0)
			return form_wrong(reader, opened, "this quote is not closed on its line: a field is one line");
		if (c == '"' && char_at(reader, reader->at + 1) != '"')
			break;
		reader->at += c == '"';
		buffer_add_char(&reader->unquoted, c);
	}
	field->end = ++reader->at;
	field->text = arena_text_n(reader->arena, buffer_text(&reader->unquoted), reader->unquoted.length);
	field->length = reader->unquoted.length;
	while (ascii_blank(char_at(reader, reader->at)))
		reader->at++;
	if (char_at(reader, reader->at) != ',' && line_end(reader, reader->at) == 0)
		return form_wrong(reader, reader->at, "a comma is expected behind the closing quote (a quote inside is written twice)");
	return 0;
}

static int plain_take(struct reader *reader, struct field *field)
{
	size_t start = reader->at;
	while (char_at(reader, reader->at) != ',' && line_end(reader, reader->at) == 0) {
		if (reader->text[reader->at] == '"')
			return form_wrong(reader, reader->at, "a quote inside a field: put all of the field into quotes, and write "
					  "this one twice");
		reader->at++;
	}
	field->end = reader->at;
	while (field->end > start && ascii_blank(reader->text[field->end - 1]))
		field->end--;
	field->text = reader->text + start;
	field->length = field->end - start;
	return 0;
}

static void line_skip(struct reader *reader)
{
	while (line_end(reader, reader->at) == 0)
		reader->at++;
	reader->at += line_end(reader, reader->at);
	if (reader->at > reader->length)
		reader->at = reader->length;
	reader->line++;
	reader->line_start = reader->at;
}

/* The fields of one line; leaves the reader at the start of the next, whatever is wrong with it. */
static int record_read(struct reader *reader)
{
	int error = 0;
	reader->field_count = 0;
	reader->record_line = reader->line;
	for (bool more = true; more && error == 0;) {
		struct field field = {.line = reader->line};
		while (ascii_blank(char_at(reader, reader->at)))
			reader->at++;
		field.start = reader->at;
		field.column = (uint32_t)(reader->at - reader->line_start) + 1;
		if (char_at(reader, reader->at) == '"') {
			reader->at++;
			error = quoted_take(reader, &field);
		} else {
			error = plain_take(reader, &field);
		}
		if (reader->field_count < COLUMN_COUNT)
			reader->fields[reader->field_count] = field;
		else if (error == 0 && reader->field_count == COLUMN_COUNT)
			error = form_wrong(reader, field.start, "one field too many: there are ten columns");
		reader->field_count++;
		more = char_at(reader, reader->at) == ',' && reader->at < reader->length;
		reader->at += more;
	}
	line_skip(reader);
	return error;
}

/* --- the header --- */

static int column_find(struct reader *reader, const struct field *field, enum column *ret_column)
{
	const char *names[COLUMN_COUNT + 1] = {NULL};
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		names[i] = columns[i].name;
		if (!ascii_equal_n(field->text, field->length, columns[i].name))
			continue;
		*ret_column = (enum column)i;
		return 0;
	}
	const char *nearest = word_nearest(field->text, field->length, names);
	struct place place = field_place(reader, field);
	reader->errors++;
	if (memchr(field->text, ';', field->length) != NULL || memchr(field->text, '\t', field->length) != NULL)
		diag_error(reader->diag, &place, "the columns are separated by commas, not by semicolons or tabs");
	else if (nearest != NULL)
		diag_error(reader->diag, &place, "%s is no column; did you mean %s?", QUOTE_N(field->text, field->length), nearest);
	else
		diag_error(reader->diag, &place, "%s is no column: the first line names them: %s", QUOTE_N(field->text, field->length),
			   column_names);
	return ERROR_INPUT;
}

static int header_read(struct reader *reader)
{
	bool there[COLUMN_COUNT] = {false};
	int error = record_read(reader);
	if (error < 0)
		return error;
	for (size_t i = 0; i < reader->field_count; i++) {
		if (column_find(reader, &reader->fields[i], &reader->order[i]) < 0) {
			error = ERROR_INPUT;
			continue;
		}
		if (there[reader->order[i]])
			error = field_wrong(reader, &reader->fields[i], "this column", "it comes twice");
		there[reader->order[i]] = true;
	}
	reader->column_count = reader->field_count;
	for (unsigned i = 0; i < COLUMN_COUNT && error == 0; i++) {
		if (!columns[i].required || there[i])
			continue;
		struct place place = {.file = reader->file, .line = 1, .column = 1};
		diag_error(reader->diag, &place, "the column %s is missing: the first line names them: %s", columns[i].name, column_names);
		error = ERROR_INPUT;
	}
	return error;
}

/* --- one row --- */

/* The fields of a row by what they are; one that has no column is empty. */
struct cells {
	struct field fields[COLUMN_COUNT];
	bool given[COLUMN_COUNT];
};

/* What an address stands for: itself, or those of a name. */
struct ends {
	struct address one;
	struct ip_list list;
	const char *name; /* NULL: one counts */
};

static int text_check(struct reader *reader, const struct field *field, const char *name, size_t most)
{
	if (field->length > most)
		return field_wrong(reader, field, name, "it is longer than 4096 bytes");
	if (!utf8_check(field->text, field->length, NULL))
		return field_wrong(reader, field, name, "it is not UTF-8");
	for (size_t i = 0; i < field->length; i++)
		if ((unsigned char)field->text[i] < 0x20 || field->text[i] == 0x7f)
			return field_wrong(reader, field, name, "it holds a control character");
	return 0;
}

static int mask_apply(struct reader *reader, const struct cells *cells, enum column column, struct ends *ends)
{
	const struct field *field = &cells->fields[column];
	const char *name = columns[column].name;
	struct address *address = &ends->one;
	unsigned most = family_bits(address->family), bits;
	uint64_t number;
	if (field->length == 0)
		return 0;
	if (ends->name != NULL || address->kind != ADDRESS_SUBNET || address->bits != most)
		return field_wrong(reader, field, name, "a mask goes with one single address: leave it empty");
	if (number_parse(field->text, field->length, most, &number) && number > 0)
		bits = (unsigned)number;
	else if (address->family != FAMILY_IPV4 || !mask_parse(field->text, field->length, &bits) || bits == 0)
		return field_wrong(reader, field, name, address->family == FAMILY_IPV4 ? "write 1 to 32, or a mask such as 255.255.255.0"
										       : "write 1 to 128");
	struct ip ip = {.family = address->family};
	memcpy(ip.bytes, address->first, sizeof(ip.bytes));
	*address = address_subnet(&ip, bits);
	return 0;
}

static int address_read(struct reader *reader, const struct cells *cells, enum column column, enum column mask, struct ends *ends)
{
	const struct field *field = &cells->fields[column];
	const char *name = columns[column].name;
	if (field->length == 0)
		return field_wrong(reader, field, name, "write me, any, an address or a DNS name");
	if (!address_parse(field->text, field->length, &ends->one)) {
		if (!dnsname_check(field->text, field->length))
			return field_wrong(reader, field, name, "it is none of me, any, dns, wins, dhcp, gateway, 192.0.2.1, "
					   "192.0.2.0/24, 192.0.2.1-192.0.2.9, an IPv6 address, or a DNS name");
		struct place place = field_place(reader, field);
		ends->name = arena_text_n(reader->arena, field->text, field->length);
		int error = reader->resolve(reader->context, ends->name, &ends->list, reader->diag, &place);
		if (error < 0) {
			reader->errors++;
			return error;
		}
	}
	return mask_apply(reader, cells, mask, ends);
}

static int port_read(struct reader *reader, const struct cells *cells, enum column column, uint16_t *ret_port)
{
	const struct field *field = &cells->fields[column];
	uint64_t number = 0;
	if (field->length > 0 && !number_parse(field->text, field->length, UINT16_MAX, &number))
		return field_wrong(reader, field, columns[column].name, "a port is a number from 0 (any) to 65535");
	*ret_port = (uint16_t)number;
	return 0;
}

static int words_read(struct reader *reader, const struct cells *cells, struct entry *entry)
{
	const struct field *action = &cells->fields[COLUMN_ACTION], *protocol = &cells->fields[COLUMN_PROTOCOL];
	const struct field *mirrored = &cells->fields[COLUMN_MIRRORED];
	struct filter *filter = &entry->filter;
	if (ascii_equal_n(action->text, action->length, "permit"))
		entry->action = ACTION_PERMIT;
	else if (ascii_equal_n(action->text, action->length, "block"))
		entry->action = ACTION_BLOCK;
	else
		return field_wrong(reader, action, "Action", "write Permit or Block");
	if (protocol->length > 0 && !protocol_parse(protocol->text, protocol->length, &filter->protocol))
		return field_wrong(reader, protocol, "Protocol", "write any, icmp, tcp, udp, raw or a number from 0 to 255");
	filter->mirrored = mirrored->length == 0 || ascii_equal_n(mirrored->text, mirrored->length, "yes");
	if (!filter->mirrored && !ascii_equal_n(mirrored->text, mirrored->length, "no"))
		return field_wrong(reader, mirrored, "Mirrored", "write yes or no");
	filter->replies = filter->mirrored && entry->action == ACTION_PERMIT;
	return 0;
}

static struct address ends_at(const struct ends *ends, size_t index)
{
	if (ends->name == NULL)
		return ends->one;
	struct address address = address_subnet(&ends->list.items[index], family_bits(ends->list.items[index].family));
	address.name = ends->name;
	return address;
}

/* The filters of every pair of addresses that can meet. */
static int pairs_add(struct reader *reader, const struct cells *cells, const struct entry *entry, const struct ends *src, const struct ends *dst)
{
	size_t srcs = src->name != NULL ? src->list.count : 1, dsts = dst->name != NULL ? dst->list.count : 1, added = 0;
	const struct field *at = &cells->fields[COLUMN_DSTADDR];
	for (size_t i = 0; i < srcs * dsts; i++) {
		struct entry one = *entry;
		one.filter.src = ends_at(src, i / dsts);
		one.filter.dst = ends_at(dst, i % dsts);
		if ((src->name != NULL || dst->name != NULL) && one.filter.src.family != FAMILY_NONE &&
		    one.filter.dst.family != FAMILY_NONE && one.filter.src.family != one.filter.dst.family)
			continue;
		const char *wrong = filter_check(&one.filter);
		if (wrong != NULL)
			return field_wrong(reader, at, "DstAddr", wrong);
		if (reader->entry_count == reader->entry_capacity) {
			reader->entry_capacity = reader->entry_capacity > 0 ? 2 * reader->entry_capacity : 64;
			reader->entries = memory_resize_array(reader->entries, reader->entry_capacity, sizeof(*reader->entries));
		}
		reader->entries[reader->entry_count++] = one;
		added++;
	}
	return added > 0 ? 0 : field_wrong(reader, at, "DstAddr", "the name has no address of the other side's family");
}

static int row_parse(struct reader *reader, const struct cells *cells, struct entry *entry, struct ends *src, struct ends *dst)
{
	struct filter *filter = &entry->filter;
	const struct field *description = &cells->fields[COLUMN_DESCRIPTION], *port = NULL;
	int error = words_read(reader, cells, entry);
	if (error == 0)
		error = port_read(reader, cells, COLUMN_SRCPORT, &filter->srcport);
	if (error == 0)
		error = port_read(reader, cells, COLUMN_DSTPORT, &filter->dstport);
	if (error == 0 && filter->protocol != PROTOCOL_TCP && filter->protocol != PROTOCOL_UDP)
		port = filter->dstport != 0 ? &cells->fields[COLUMN_DSTPORT] : filter->srcport != 0 ? &cells->fields[COLUMN_SRCPORT] : NULL;
	if (port != NULL)
		return field_wrong(reader, port, "a port", "it needs the Protocol TCP or UDP");
	if (error == 0)
		error = text_check(reader, description, "Description", POLICY_TEXT_MOST);
	if (error == 0)
		error = address_read(reader, cells, COLUMN_SRCADDR, COLUMN_SRCMASK, src);
	if (error == 0)
		error = address_read(reader, cells, COLUMN_DSTADDR, COLUMN_DSTMASK, dst);
	if (error < 0)
		return error;
	filter->description = arena_text_n(reader->arena, description->text != NULL ? description->text : "", description->length);
	return pairs_add(reader, cells, entry, src, dst);
}

static int row_read(struct reader *reader)
{
	struct cells cells = {.given = {false}};
	struct ends src = {.name = NULL}, dst = {.name = NULL};
	const struct field *last = &reader->fields[reader->field_count - 1];
	if (reader->field_count != reader->column_count) {
		struct place place = field_place(reader, last);
		diag_error(reader->diag, &place, "%zu fields, and the first line names %zu columns", reader->field_count,
			   reader->column_count);
		reader->errors++;
		return ERROR_INPUT;
	}
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		cells.fields[i] = (struct field){.text = "", .start = reader->fields[0].start, .end = reader->fields[0].start,
					       .line = reader->record_line, .column = reader->fields[0].column};
	for (size_t i = 0; i < reader->column_count; i++)
		cells.fields[reader->order[i]] = reader->fields[i];
	struct entry entry = {.filter = {.file = reader->filter_file, .line = reader->record_line}};
	int error = row_parse(reader, &cells, &entry, &src, &dst);
	free(src.list.items);
	free(dst.list.items);
	return error;
}

/* A line of nothing but commas and blanks, as spreadsheets leave them behind. */
static bool record_empty(const struct reader *reader)
{
	for (size_t i = 0; i < reader->field_count && i < COLUMN_COUNT; i++)
		if (reader->fields[i].length > 0)
			return false;
	return true;
}

static int rows_read(struct reader *reader)
{
	int error = header_read(reader);
	size_t count = 0;
	if (error < 0)
		return error;
	while (reader->at < reader->length && reader->errors < RULETABLE_ERRORS) {
		if (record_read(reader) < 0) {
			error = ERROR_INPUT;
			continue;
		}
		if (record_empty(reader))
			continue;
		if (count++ == RULETABLE_ROWS) {
			struct place place = {.file = reader->file, .line = reader->record_line, .column = 1};
			diag_error(reader->diag, &place, "more than %d rows", RULETABLE_ROWS);
			return ERROR_INPUT;
		}
		if (row_read(reader) < 0)
			error = ERROR_INPUT;
	}
	if (error == 0 && count == 0) {
		struct place place = {.file = reader->file, .line = reader->line, .column = 1};
		diag_error(reader->diag, &place, "the table has no row");
		error = ERROR_INPUT;
	}
	return error;
}

/* --- into the policy --- */

static struct location *policy_location(struct state *state, const struct policy *policy)
{
	for (size_t i = 0; i < LOCATION_COUNT; i++)
		for (size_t j = 0; j < state->locations[i].policies.count; j++)
			if ((const struct policy *)state->locations[i].policies.items[j] == policy)
				return &state->locations[i];
	return NULL;
}

/* An action of the policy itself, one of the usual name, or a new one. */
static struct filteraction *action_find(struct state *state, struct location *location, const struct policy *policy, enum action action)
{
	for (size_t i = 0; i < policy->rules.count; i++) {
		const struct rule *rule = (const struct rule *)policy->rules.items[i];
		if (rule->filteraction->action == action)
			return rule->filteraction;
	}
	const char *names[] = {action_name(action), arena_printf(state->arena, "%s %s", policy->object.name, action_name(action))};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct filteraction *found = (struct filteraction *)collection_find(&location->filteractions, names[i]);
		if (found != NULL && found->action != action)
			continue;
		if (found == NULL) {
			found = location_add_filteraction(state, location, names[i]);
			found->action = action;
		}
		return found;
	}
	return NULL;
}

int ruletable_list(struct state *state, struct policy *policy, enum action action, struct diag *diag, struct filterlist **ret_list)
{
	struct location *location = policy_location(state, policy);
	const char *name = arena_printf(state->arena, "%s %s", policy->object.name, action_name(action));
	if (location == NULL)
		return ERROR_BUG;
	struct filteraction *wanted = action_find(state, location, policy, action);
	const struct rule *rule = (const struct rule *)collection_find(&policy->rules, name);
	if (wanted == NULL || (rule != NULL && rule->filteraction->action != action)) {
		diag_error(diag, NULL, "the rule and the filter action %s are needed for what is added, and there are others of that "
			   "name already: rename those", QUOTE(name));
		return ERROR_IN_USE;
	}
	if (rule != NULL) {
		*ret_list = rule->filterlist;
		return 0;
	}
	struct filterlist *list = (struct filterlist *)collection_find(&location->filterlists, name);
	if (list != NULL && list->users > 0) {
		diag_error(diag, NULL, "the filter list %s is needed for what is added, and another policy uses one of that name: "
			   "rename that", QUOTE(name));
		return ERROR_IN_USE;
	}
	if (list == NULL)
		list = location_add_filterlist(state, location, name);
	while (list->count > 0)
		filterlist_delete(state, list, list->count - 1);
	(void)policy_add_rule(state, policy, name, list, wanted);
	policy->object.changed = true;
	*ret_list = list;
	return 0;
}

static int entries_add(const struct reader *reader, struct state *state, struct policy *policy)
{
	struct filterlist *lists[ACTION_PERMIT + 1] = {NULL};
	for (size_t i = 0; i < reader->entry_count; i++) {
		const struct entry *entry = &reader->entries[i];
		if (lists[entry->action] == NULL) {
			int error = ruletable_list(state, policy, entry->action, reader->diag, &lists[entry->action]);
			if (error < 0)
				return error;
		}
		filterlist_add(state, lists[entry->action], &entry->filter);
		lists[entry->action]->object.changed = true;
	}
	return 0;
}

int ruletable_read(const char *text, size_t length, const char *file, struct state *state, struct policy *policy,
		   ruletable_resolve resolve, void *context, struct diag *diag)
{
	struct reader reader = {
		.text = text, .length = length, .file = file, .line = 1, .arena = state->arena, .diag = diag, .resolve = resolve,
		.context = context, .filter_file = arena_text(state->arena, file),
	};
	struct place place = {.file = file, .line = 1, .column = 1};
	if (length > RULETABLE_BYTES || length == 0) {
		diag_error(diag, &place, length == 0 ? "the file is empty: the first line names the columns" : "it is larger than 16 MiB");
		return ERROR_INPUT;
	}
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		reader.at = reader.line_start = 3;
	buffer_init(&reader.unquoted, RULETABLE_BYTES);
	int error = rows_read(&reader);
	if (error == 0)
		error = entries_add(&reader, state, policy);
	buffer_done(&reader.unquoted);
	free(reader.entries);
	return error;
}
