#include "apps/daemon.h"

#include <stdlib.h>
#include <string.h>

#include "apps/emit.h"
#include "apps/moment.h"
#include "bootcfg/daemon/control.h"
#include "bootcfg/daemon/settings.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum { ANSWER_MOST = 1u << 20 };

const char *daemon_socket(struct arena *arena)
{
	struct settings settings;
	/* One that cannot be read, or is wrong, the service would refuse too: it cannot be running with it. */
	if (settings_load(NULL, arena, NULL, &settings) != 0)
		settings_init(&settings);
	return settings.control;
}

static void answer_read(struct daemon *daemon)
{
	struct json *root;
	struct diag said;
	diag_init(&said);
	int error = control_ask(daemon_socket(daemon->arena), MESSAGE_STATUS, &said, &daemon->answer);
	const struct json_document document = {daemon->arena, "cordond", buffer_text(&daemon->answer), daemon->answer.length};
	if (error == 0 && (json_read(&document, &said, &root) != 0 || root->type != JSON_OBJECT))
		error = ERROR_DAMAGED;
	daemon->running = error != ERROR_NOT_FOUND;
	if (error == 0)
		daemon->root = root;
	else if (daemon->running)
		daemon->refusal = memory_text(said.count > 0 ? said.messages[0].text : "its answer is no JSON");
	diag_done(&said);
}

void daemon_read(struct invocation *invocation, struct store *store, struct daemon *ret_daemon)
{
	*ret_daemon = (struct daemon){.arena = arena_new()};
	buffer_init(&ret_daemon->answer, ANSWER_MOST);
	int error = driver_read(DRIVER_FILE, &ret_daemon->record);
	ret_daemon->has_record = error == 0;
	if (error == ERROR_DAMAGED)
		diag_warning(invocation->diag, "driver", NULL, DRIVER_FILE " is none of ours: the state of the driver is not known");
	if (store != NULL)
		(void)store_pending(store, invocation->diag, &ret_daemon->has_pending, &ret_daemon->pending);
	answer_read(ret_daemon);
}

void daemon_done(struct daemon *daemon)
{
	if (daemon->arena != NULL)
		arena_free(daemon->arena);
	buffer_done(&daemon->answer);
	free(daemon->refusal);
}

/* --- Lines --- */

/* A value of the answer by the keys that lead to it; NULL when it is not there, or of another type. */
static const struct json *value_find(const struct json *value, const char *const keys[], unsigned type)
{
	for (; value != NULL && *keys != NULL; keys++) {
		const struct json *child = value->type == JSON_OBJECT ? value->child : NULL;
		while (child != NULL && strcmp(child->key, *keys) != 0)
			child = child->next;
		value = child;
	}
	return value != NULL && value->type == type ? value : NULL;
}
#define VALUE(root, type, ...) value_find((root), (const char *const[]){__VA_ARGS__, NULL}, (type))

static int64_t number_of(const struct json *value)
{
	return value != NULL ? value->number : 0;
}

static void driver_print(const struct daemon *daemon, struct buffer *output)
{
	const struct driver_record *record = &daemon->record;
	char time[MOMENT_TEXT];
	if (!daemon->has_record) {
		buffer_add_text(output, "driver: nothing has happened since the machine was started\n");
		return;
	}
	moment_print(record->time, time);
	buffer_printf(output, "driver: %s since %s; %s, from %s: %s (%s)\n", driver_state_name(record->state), time,
		      driver_event_name(record->event), driver_state_name(record->from),
		      driver_next(record->from, record->event)->why, record->by);
}

static void trouble_print(const struct json *root, struct buffer *output)
{
	const struct json *error = VALUE(root, JSON_STRING, "enforcer", "error");
	const struct json *retry = VALUE(root, JSON_NUMBER, "enforcer", "retry");
	const struct json *name = VALUE(root, JSON_STRING, "enforcer", "offender", "name");
	int64_t repairs = number_of(VALUE(root, JSON_NUMBER, "enforcer", "repairs"));
	if (error != NULL)
		buffer_printf(output, "cordond: %s", QUOTE(error->text));
	if (error != NULL && retry != NULL)
		buffer_printf(output, "; tried again in %lld s", (long long)retry->number);
	if (error != NULL)
		buffer_add_char(output, '\n');
	if (repairs > 0)
		buffer_printf(output, "cordond: has put back what others changed %lld times; the last was %s, process %lld\n",
			      (long long)repairs, name != NULL ? QUOTE(name->text) : "unknown",
			      (long long)number_of(VALUE(root, JSON_NUMBER, "enforcer", "offender", "pid")));
}

static void service_print(const struct daemon *daemon, struct buffer *output)
{
	const struct json *root = daemon->root;
	char time[MOMENT_TEXT];
	if (!daemon->running) {
		buffer_add_text(output, "cordond: not running; what is in force stays, and nothing follows what changes\n");
	} else if (root == NULL) {
		buffer_printf(output, "cordond: running, without an answer: %s\n", daemon->refusal);
	} else {
		moment_print(number_of(VALUE(root, JSON_NUMBER, "since")), time);
		buffer_printf(output, "cordond: running, process %lld, since %s\n", (long long)number_of(VALUE(root, JSON_NUMBER, "pid")),
			      time);
		buffer_printf(output, "drops: %lld received, %lld written, %lld only counted, %lld lost\n",
			      (long long)number_of(VALUE(root, JSON_NUMBER, "collector", "received")),
			      (long long)number_of(VALUE(root, JSON_NUMBER, "collector", "written")),
			      (long long)number_of(VALUE(root, JSON_NUMBER, "collector", "counted")),
			      (long long)number_of(VALUE(root, JSON_NUMBER, "collector", "lost")));
		trouble_print(root, output);
	}
}

static int64_t pending_milliseconds(const struct pending *pending)
{
	struct pending_clock clock;
	pending_clock_read(&clock);
	return pending_left(pending, &clock);
}

static void pending_line(const struct pending *pending, struct buffer *output)
{
	char left[PENDING_TEXT];
	int64_t milliseconds = pending_milliseconds(pending);
	pending_print_left(milliseconds, left);
	if (milliseconds == 0)
		buffer_add_text(output, "pending: the time is over; what was before returns now\n");
	else if (pending->kind == PENDING_CONFIRM)
		buffer_printf(output, "pending: what was before returns in %s, unless cordon confirm comes before\n", left);
	else
		buffer_printf(output, "pending: the containment ends in %s; what was before returns then\n", left);
}

void daemon_print(const struct daemon *daemon, struct buffer *output)
{
	driver_print(daemon, output);
	service_print(daemon, output);
	if (daemon->has_pending)
		pending_line(&daemon->pending, output);
}

/* --- JSON --- */

static void driver_json(const struct daemon *daemon, struct buffer *output)
{
	const struct driver_record *record = &daemon->record;
	emit_name(output, "driver");
	if (!daemon->has_record) {
		buffer_add_text(output, "null");
		return;
	}
	buffer_add_char(output, '{');
	emit_member(output, "state", driver_state_name(record->state));
	emit_member(output, "event", driver_event_name(record->event));
	emit_member(output, "from", driver_state_name(record->from));
	emit_number(output, "since", (uint64_t)record->time);
	emit_member(output, "by", record->by);
	emit_member(output, "why", driver_next(record->from, record->event)->why);
	buffer_add_char(output, '}');
}

void daemon_print_json(const struct daemon *daemon, struct buffer *output)
{
	driver_json(daemon, output);
	emit_name(output, "cordond");
	if (daemon->root != NULL) {
		buffer_add_text(output, buffer_text(&daemon->answer));
	} else if (daemon->running) {
		buffer_add_char(output, '{');
		emit_member(output, "error", daemon->refusal);
		buffer_add_char(output, '}');
	} else {
		buffer_add_text(output, "null");
	}
	emit_name(output, "pending");
	if (!daemon->has_pending) {
		buffer_add_text(output, "null");
		return;
	}
	buffer_add_char(output, '{');
	emit_member(output, "kind", daemon->pending.kind == PENDING_CONFIRM ? "confirm" : "for");
	emit_number(output, "seconds", (uint64_t)(pending_milliseconds(&daemon->pending) + 999) / 1000);
	buffer_add_char(output, '}');
}

/* --- --- */

bool daemon_tell(struct invocation *invocation, enum message_type type)
{
	struct arena *arena = arena_new();
	struct buffer answer;
	struct diag said;
	diag_init(&said);
	buffer_init(&answer, ANSWER_MOST);
	int error = control_ask(daemon_socket(arena), type, &said, &answer);
	for (size_t i = 0; i < said.count; i++)
		diag_warning(invocation->diag, "service", NULL, "%s", said.messages[i].text);
	buffer_done(&answer);
	diag_done(&said);
	arena_free(arena);
	return error == 0;
}
