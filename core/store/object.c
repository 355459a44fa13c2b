#include "core/store/object.h"

#include <string.h>

#include "core/base/cursor.h"

void scratch_init(struct scratch *scratch, const char *boot)
{
	*scratch = (struct scratch){.boot = boot};
	buffer_init(&scratch->auths, 1 << 20);
}

void scratch_done(struct scratch *scratch)
{
	buffer_done(&scratch->auths);
}

const char *texts_keep(struct texts *texts, const struct cell *cell)
{
	if (cell->length == 0)
		return "";
	uint64_t hash = 0;
	for (size_t i = 0; i < cell->length; i++)
		hash = (hash ^ (unsigned char)cell->text[i]) * 0x100000001b3u;
	const char **slot = &texts->slots[(hash ^ hash >> 32) % TEXTS];
	if (*slot == NULL || strncmp(*slot, cell->text, cell->length) != 0 || (*slot)[cell->length] != '\0')
		*slot = arena_text_n(texts->arena, cell->text, cell->length);
	return *slot;
}

/* One line a method, in order of preference: "kerberos", "psk KEY", "rootca YN NAME" (Y or N: certmap,
 * excludecaname).  A line end in a value is written \n, a backslash twice. */
static void authlist_write(const struct authlist *list, struct buffer *buffer)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct auth *auth = &list->items[i];
		if (auth->kind == AUTH_KERBEROS)
			buffer_add_text(buffer, "kerberos");
		else if (auth->kind == AUTH_PSK)
			buffer_add_text(buffer, "psk ");
		else
			buffer_printf(buffer, "rootca %c%c ", auth->certmap ? 'Y' : 'N', auth->excludecaname ? 'Y' : 'N');
		for (const char *at = auth->value; at != NULL && *at != '\0'; at++) {
			if (*at == '\n' || *at == '\\')
				buffer_add_char(buffer, '\\');
			buffer_add_char(buffer, *at == '\n' ? 'n' : *at);
		}
		buffer_add_char(buffer, '\n');
	}
}

/* Takes fixed words from the front of a line. */
static bool take_text(struct cursor *cursor, const char *text)
{
	size_t length = strlen(text);
	if (cursor_left(cursor) < length || memcmp(cursor->at, text, length) != 0)
		return false;
	cursor->at += length;
	return true;
}

static bool take_flag(struct cursor *cursor, bool *ret_flag)
{
	*ret_flag = cursor->at < cursor->end && *cursor->at == 'Y';
	return cursor_take(cursor, 'Y') || cursor_take(cursor, 'N');
}

static const char *auth_value(struct cursor line, struct arena *arena)
{
	char *value = arena_alloc(arena, cursor_left(&line) + 1), *to = value;
	while (line.at < line.end) {
		bool escaped = cursor_take(&line, '\\') && line.at < line.end;
		*to++ = escaped && *line.at == 'n' ? '\n' : *line.at;
		line.at++;
	}
	return value;
}

static bool auth_read(struct auth *auth, struct cursor line, struct arena *arena)
{
	if (take_text(&line, "kerberos")) {
		auth->kind = AUTH_KERBEROS;
		return line.at == line.end;
	}
	auth->kind = AUTH_PSK;
	if (!take_text(&line, "psk ")) {
		auth->kind = AUTH_ROOTCA;
		if (!take_text(&line, "rootca ") || !take_flag(&line, &auth->certmap) ||
		    !take_flag(&line, &auth->excludecaname) || !cursor_take(&line, ' '))
			return false;
	}
	/* A value cannot end in the middle of an escape. */
	size_t backslashes = 0;
	while (backslashes < cursor_left(&line) && line.end[-1 - (long)backslashes] == '\\')
		backslashes++;
	if (backslashes % 2 != 0)
		return false;
	auth->value = auth_value(line, arena);
	return true;
}

static void authlist_read(struct authlist *list, struct texts *texts, struct row_cursor *cursor)
{
	const struct cell *cell = cell_text(cursor);
	struct cursor text = cursor_of(cell->text, cell->length);
	for (size_t i = 0; i < cell->length; i++)
		list->count += cell->text[i] == '\n';
	if (list->count > 0)
		list->items = arena_alloc(texts->arena, list->count * sizeof(*list->items));
	for (size_t i = 0; i < list->count; i++) {
		struct cursor line = text;
		line.end = memchr(text.at, '\n', cursor_left(&text));
		if (!auth_read(&list->items[i], line, texts->arena))
			cursor->bad = true;
		text.at = line.end + 1;
	}
	cursor->bad |= text.at != text.end;
}

static void place_write(enum location_id location, const struct scratch *scratch, struct row *row)
{
	row_add_text(row, location_name(location));
	row_add_text(row, location == LOCATION_DYNAMIC ? scratch->boot : NULL);
}

static void object_write(const struct object *object, struct scratch *scratch, struct row *row)
{
	guid_print(&object->guid, scratch->guid);
	row_add_text(row, object->name);
	row_add_text(row, object->description);
	row_add_text(row, scratch->guid);
	row_add_number(row, object->modified);
}

void object_read(struct object *object, struct texts *texts, struct row_cursor *cursor)
{
	object->description = texts_keep(texts, cell_text(cursor));
	const struct cell *guid = cell_text(cursor);
	cursor->bad |= !guid_parse(guid->text, guid->length, &object->guid);
	object->modified = cell_number(cursor, INT64_MIN, INT64_MAX);
	object->changed = false;
}

void policy_write(const struct policy *policy, enum location_id location, struct scratch *scratch, struct row *row)
{
	place_write(location, scratch, row);
	object_write(&policy->object, scratch, row);
	row_add_number(row, policy->assigned);
	row_add_number(row, policy->mmpfs);
	row_add_number(row, policy->qmpermm);
	row_add_number(row, policy->mmlifetime);
	row_add_number(row, policy->pollinginterval);
	row_add_text(row, policy->mmsecmethods);
	row_add_number(row, policy->defaultrule.activate);
	row_add_number(row, policy->defaultrule.qmpfs);
	row_add_text(row, policy->defaultrule.qmsecmethods);
	buffer_clear(&scratch->auths);
	authlist_write(&policy->defaultrule.auths, &scratch->auths);
	row_add_text(row, buffer_text(&scratch->auths));
}

void policy_read(struct policy *policy, struct texts *texts, struct row_cursor *cursor)
{
	object_read(&policy->object, texts, cursor);
	policy->assigned = cell_bool(cursor);
	policy->mmpfs = cell_bool(cursor);
	policy->qmpermm = (uint32_t)cell_number(cursor, 0, UINT32_MAX);
	policy->mmlifetime = (uint32_t)cell_number(cursor, 0, UINT32_MAX);
	policy->pollinginterval = (uint32_t)cell_number(cursor, 0, UINT32_MAX);
	policy->mmsecmethods = texts_keep(texts, cell_text(cursor));
	policy->defaultrule.activate = cell_bool(cursor);
	policy->defaultrule.qmpfs = cell_bool(cursor);
	policy->defaultrule.qmsecmethods = texts_keep(texts, cell_text(cursor));
	authlist_read(&policy->defaultrule.auths, texts, cursor);
}

void rule_write(const struct rule *rule, struct scratch *scratch, struct row *row)
{
	row_add_number(row, rule->policy->object.row);
	row_add_number(row, rule->filterlist != NULL ? rule->filterlist->object.row : 0);
	row_add_number(row, rule->filteraction != NULL ? rule->filteraction->object.row : 0);
	object_write(&rule->object, scratch, row);
	row_add_text(row, rule->tunnel);
	row_add_text(row, conntype_name(rule->conntype));
	row_add_number(row, rule->activate);
	buffer_clear(&scratch->auths);
	authlist_write(&rule->auths, &scratch->auths);
	row_add_text(row, buffer_text(&scratch->auths));
}

static const char *text_or_null(struct texts *texts, struct row_cursor *cursor)
{
	return cell_is_null(cursor) ? NULL : texts_keep(texts, cell_text(cursor));
}

static void conntype_read(enum conntype *conntype, struct row_cursor *cursor)
{
	const struct cell *cell = cell_text(cursor);
	cursor->bad |= !conntype_parse(cell->text, cell->length, conntype);
}

void rule_read(struct rule *rule, struct texts *texts, struct row_cursor *cursor)
{
	object_read(&rule->object, texts, cursor);
	rule->tunnel = text_or_null(texts, cursor);
	conntype_read(&rule->conntype, cursor);
	rule->activate = cell_bool(cursor);
	authlist_read(&rule->auths, texts, cursor);
}

void filterlist_write(const struct filterlist *list, enum location_id location, struct scratch *scratch, struct row *row)
{
	place_write(location, scratch, row);
	object_write(&list->object, scratch, row);
	row_add_number(row, (int64_t)list->count);
}

void filteraction_write(const struct filteraction *action, enum location_id location, struct scratch *scratch, struct row *row)
{
	place_write(location, scratch, row);
	object_write(&action->object, scratch, row);
	row_add_text(row, action_name(action->action));
	row_add_number(row, action->qmpfs);
	row_add_number(row, action->inpass);
	row_add_number(row, action->soft);
	row_add_text(row, action->qmsecmethods);
}

static void action_read(enum action *action, struct row_cursor *cursor)
{
	const struct cell *cell = cell_text(cursor);
	cursor->bad |= !action_parse(cell->text, cell->length, action);
}

void filteraction_read(struct filteraction *action, struct texts *texts, struct row_cursor *cursor)
{
	object_read(&action->object, texts, cursor);
	action_read(&action->action, cursor);
	action->qmpfs = cell_bool(cursor);
	action->inpass = cell_bool(cursor);
	action->soft = cell_bool(cursor);
	action->qmsecmethods = texts_keep(texts, cell_text(cursor));
}

static void packets_write(const struct filter *filter, struct scratch *scratch, struct row *row)
{
	address_print(&filter->src, scratch->src);
	address_print(&filter->dst, scratch->dst);
	row_add_text(row, scratch->src);
	row_add_text(row, filter->src.name);
	row_add_text(row, scratch->dst);
	row_add_text(row, filter->dst.name);
	row_add_number(row, filter->protocol);
	row_add_number(row, filter->srcport);
	row_add_number(row, filter->dstport);
	row_add_number(row, filter->mirrored);
	row_add_number(row, filter->replies);
	row_add_text(row, filter->description);
	row_add_text(row, filter->file);
	row_add_number(row, filter->line);
}

void filter_write(const struct filter *filter, int64_t filterlist, struct scratch *scratch, struct row *row)
{
	row_add_number(row, filterlist);
	packets_write(filter, scratch, row);
}

static void address_read(struct address *address, struct texts *texts, struct row_cursor *cursor)
{
	const struct cell *cell = cell_text(cursor);
	cursor->bad |= !address_parse(cell->text, cell->length, address);
	address->name = text_or_null(texts, cursor);
}

void filter_read(struct filter *filter, struct texts *texts, struct row_cursor *cursor)
{
	address_read(&filter->src, texts, cursor);
	address_read(&filter->dst, texts, cursor);
	filter->protocol = (uint8_t)cell_number(cursor, 0, UINT8_MAX);
	filter->srcport = (uint16_t)cell_number(cursor, 0, UINT16_MAX);
	filter->dstport = (uint16_t)cell_number(cursor, 0, UINT16_MAX);
	filter->mirrored = cell_bool(cursor);
	filter->replies = cell_bool(cursor);
	filter->description = texts_keep(texts, cell_text(cursor));
	filter->file = text_or_null(texts, cursor);
	filter->line = (uint32_t)cell_number(cursor, 0, UINT32_MAX);
	if (!cursor->bad)
		cursor->bad = filter_check(filter) != NULL;
}

void mmpolicy_write(const struct mmpolicy *policy, enum location_id location, struct scratch *scratch, struct row *row)
{
	place_write(location, scratch, row);
	object_write(&policy->object, scratch, row);
	row_add_number(row, policy->qmpermm);
	row_add_number(row, policy->mmlifetime);
	row_add_number(row, policy->softsaexpirationtime);
	row_add_text(row, policy->mmsecmethods);
}

void mmpolicy_read(struct mmpolicy *policy, struct texts *texts, struct row_cursor *cursor)
{
	object_read(&policy->object, texts, cursor);
	policy->qmpermm = (uint32_t)cell_number(cursor, 0, UINT32_MAX);
	policy->mmlifetime = (uint32_t)cell_number(cursor, 0, UINT32_MAX);
	policy->softsaexpirationtime = (uint32_t)cell_number(cursor, 0, UINT32_MAX);
	policy->mmsecmethods = texts_keep(texts, cell_text(cursor));
}

void qmpolicy_write(const struct qmpolicy *policy, enum location_id location, struct scratch *scratch, struct row *row)
{
	place_write(location, scratch, row);
	object_write(&policy->object, scratch, row);
	row_add_number(row, policy->soft);
	row_add_text(row, pfsgroup_name(policy->pfsgroup));
	row_add_text(row, policy->qmsecmethods);
}

void qmpolicy_read(struct qmpolicy *policy, struct texts *texts, struct row_cursor *cursor)
{
	object_read(&policy->object, texts, cursor);
	policy->soft = cell_bool(cursor);
	const struct cell *group = cell_text(cursor);
	cursor->bad |= !pfsgroup_parse(group->text, group->length, &policy->pfsgroup);
	policy->qmsecmethods = texts_keep(texts, cell_text(cursor));
}

void dynrule_write(const struct dynrule *rule, enum location_id location, struct scratch *scratch, struct row *row)
{
	place_write(location, scratch, row);
	packets_write(&rule->filter, scratch, row);
	row_add_text(row, action_name(rule->actioninbound));
	row_add_text(row, action_name(rule->actionoutbound));
	row_add_text(row, rule->mmpolicy);
	row_add_text(row, rule->qmpolicy);
	row_add_text(row, rule->tunnel);
	row_add_text(row, conntype_name(rule->conntype));
	buffer_clear(&scratch->auths);
	authlist_write(&rule->auths, &scratch->auths);
	row_add_text(row, buffer_text(&scratch->auths));
}

void dynrule_read(struct dynrule *rule, struct texts *texts, struct row_cursor *cursor)
{
	filter_read(&rule->filter, texts, cursor);
	action_read(&rule->actioninbound, cursor);
	action_read(&rule->actionoutbound, cursor);
	rule->mmpolicy = texts_keep(texts, cell_text(cursor));
	rule->qmpolicy = text_or_null(texts, cursor);
	rule->tunnel = text_or_null(texts, cursor);
	conntype_read(&rule->conntype, cursor);
	authlist_read(&rule->auths, texts, cursor);
	rule->changed = false;
}
