/* What the handlers share: values into the arena of the state, and objects by their names. */
#include <string.h>

#include "bootcfg/netsh/session.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/policy/methods.h"

enum { HINT_MOST = 500 }; /* objects looked at for "did you mean" */

const struct place *call_place(struct call *call, enum tag_id id)
{
	return session_at(call->session, call_given(call, id) ? call->values[id].span : call->span);
}

struct location *call_location(struct call *call)
{
	return &call->session->state->locations[call->session->location];
}

const char *call_text(struct call *call, enum tag_id id, const char *otherwise)
{
	const struct value *value = call_value(call, id);
	if (value == NULL)
		return otherwise;
	/* Most descriptions are short or not there; the empty one needs no memory. */
	return value->length > 0 ? arena_text_n(call->session->state->arena, value->text, value->length) : "";
}

bool call_flag(const struct call *call, enum tag_id id, bool otherwise)
{
	return call_given(call, id) ? call->values[id].number != 0 : otherwise;
}

uint32_t call_number(const struct call *call, enum tag_id id, uint32_t otherwise)
{
	return call_given(call, id) ? (uint32_t)call->values[id].number : otherwise;
}

const char *call_methods(struct call *call, enum tag_id id, const char *otherwise)
{
	const struct value *value = call_value(call, id);
	if (value == NULL)
		return otherwise;
	const char *why;
	struct buffer canonical;
	buffer_init(&canonical, 1 << 16);
	if (tags[id].type == TYPE_QMMETHODS)
		qmsecmethods_parse(value->text, value->length, &canonical, &why);
	else
		mmsecmethods_parse(value->text, value->length, &canonical, &why);
	const char *text = arena_text(call->session->state->arena, buffer_text(&canonical));
	buffer_done(&canonical);
	return text;
}

/* Cuts a trailing " certmap:yes" or " excludecaname:no" off; true when there was one. */
static bool option_cut(struct cursor *text, struct auth *auth)
{
	static const char certmap[] = "certmap:", excludecaname[] = "excludecaname:";
	while (text->end > text->at && ascii_blank(text->end[-1]))
		text->end--;
	const char *word = text->end;
	while (word > text->at && !ascii_blank(word[-1]))
		word--;
	size_t length = (size_t)(text->end - word);
	bool map = length > strlen(certmap) && ascii_equal_n(word, strlen(certmap), certmap);
	bool exclude = length > strlen(excludecaname) && ascii_equal_n(word, strlen(excludecaname), excludecaname);
	if (!map && !exclude)
		return false;
	const char *value = word + (map ? strlen(certmap) : strlen(excludecaname));
	size_t value_length = (size_t)(text->end - value);
	bool yes = ascii_equal_n(value, value_length, "yes") || ascii_equal_n(value, value_length, "y");
	if (!yes && !ascii_equal_n(value, value_length, "no") && !ascii_equal_n(value, value_length, "n"))
		return false;
	if (map)
		auth->certmap = yes;
	else
		auth->excludecaname = yes;
	text->end = word;
	return true;
}

/* A quote inside the name is written \' (netsh's own help). */
static struct auth rootca_parse(struct arena *arena, const struct value *value)
{
	struct auth auth = {.kind = AUTH_ROOTCA};
	struct cursor text = cursor_of(value->text, value->length);
	while (option_cut(&text, &auth))
		;
	char *name = arena_text_n(arena, text.at, cursor_left(&text)), *out = name;
	for (const char *in = name; *in != '\0'; in++) {
		bool quote = in[0] == '\\' && in[1] == '\'';
		*out++ = quote ? '"' : *in;
		in += quote;
	}
	*out = '\0';
	auth.value = name;
	return auth;
}

struct authlist call_auths(struct call *call)
{
	struct arena *arena = call->session->state->arena;
	struct authlist list = {0};
	if (call->auth_count == 0)
		return list;
	list.items = arena_alloc(arena, call->auth_count * sizeof(*list.items));
	for (size_t i = 0; i < call->auth_count; i++) {
		const struct call_auth *auth = &call->auths[i];
		if (auth->id == TAG_KERBEROS && auth->value.number != 0)
			list.items[list.count++] = (struct auth){.kind = AUTH_KERBEROS};
		else if (auth->id == TAG_PSK)
			list.items[list.count++] = (struct auth){
				.kind = AUTH_PSK, .value = arena_text_n(arena, auth->value.text, auth->value.length)};
		else if (auth->id == TAG_ROOTCA)
			list.items[list.count++] = rootca_parse(arena, &auth->value);
	}
	return list;
}

/* A name as the collections take it: ended by NUL.  It lives as long as the next one. */
static const char *name_of(struct call *call, const struct value *value)
{
	struct session *session = call->session;
	size_t length = value->length < sizeof(session->name) ? value->length : sizeof(session->name) - 1;
	memcpy(session->name, value->text, length);
	session->name[length] = '\0';
	return session->name;
}

static const char *nearest_name(const struct collection *collection, const char *name)
{
	const char *nearest = NULL;
	unsigned best = 3;
	size_t length = strlen(name);
	for (size_t i = 0; i < collection->count && i < HINT_MOST; i++) {
		unsigned distance = word_distance(name, length, collection->items[i]->name);
		if (distance < best && distance * 2 < length) {
			best = distance;
			nearest = collection->items[i]->name;
		}
	}
	return nearest;
}

struct object *call_find(struct call *call, struct collection *collection, const char *kind, enum tag_id id)
{
	const char *name = name_of(call, &call->values[id]);
	struct object *object = collection_find(collection, name);
	if (object != NULL)
		return object;
	struct diag *diag = call->session->diag;
	const char *nearest = diag == NULL || diag->count >= DIAG_MOST ? NULL : nearest_name(collection, name);
	if (nearest != NULL)
		diag_error(diag, call_place(call, id), "there is no %s %s in the %s store: did you mean %s?", kind, QUOTE(name),
			   location_name(call->session->location), QUOTE(nearest));
	else
		diag_error(diag, call_place(call, id), "there is no %s %s in the %s store", kind, QUOTE(name),
			   location_name(call->session->location));
	return NULL;
}

struct object *call_find_any(struct call *call, struct collection *collection, const char *kind)
{
	struct guid guid;
	const struct value *value = call_value(call, TAG_GUID);
	if (value == NULL)
		return call_find(call, collection, kind, TAG_NAME);
	if (guid_parse(value->text, value->length, &guid)) {
		struct object *object = collection_find_guid(collection, &guid);
		if (object != NULL)
			return object;
	}
	diag_error(call->session->diag, call_place(call, TAG_GUID), "there is no %s with the guid %s in the %s store", kind,
		   QUOTE_N(value->text, value->length), location_name(call->session->location));
	return NULL;
}

bool call_free(struct call *call, struct collection *collection, const char *kind, enum tag_id id, const struct object *self,
	       const char *code)
{
	const char *name = name_of(call, &call->values[id]);
	const struct object *object = collection_find(collection, name);
	if (object == NULL || object == self)
		return true;
	diag_error(call->session->diag, call_place(call, id), "%s%sthe %s %s exists already in the %s store", code,
		   code[0] != '\0' ? " : " : "", kind, QUOTE(name), location_name(call->session->location));
	return false;
}

void object_touch(struct call *call, struct object *object)
{
	object->changed = true;
	object->modified = call->session->now;
}

int call_rename(struct call *call, struct collection *collection, struct object *object, const char *kind, const char *code)
{
	if (call_given(call, TAG_NEWNAME)) {
		if (!call_free(call, collection, kind, TAG_NEWNAME, object, code))
			return ERROR_EXISTS;
		collection_rename(call->session->state, collection, object, name_of(call, &call->values[TAG_NEWNAME]));
	}
	object->description = call_text(call, TAG_DESCRIPTION, object->description);
	object_touch(call, object);
	return 0;
}

const char *call_name(struct call *call, enum tag_id id)
{
	return name_of(call, &call->values[id]);
}

int call_in_use(struct call *call, const char *kind, const struct object *object)
{
	diag_error(call->session->diag, session_at(call->session, call->span),
		   "the %s %s is in use by a rule: delete the rule, or the policy that it is in, first", kind, QUOTE(object->name));
	return ERROR_IN_USE;
}
