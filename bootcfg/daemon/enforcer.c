/* What is due when, and the driver.  What is done then: enforcer_policy.c, enforcer_pending.c. */
#include "bootcfg/daemon/enforcer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootcfg/daemon/enforcer_internal.h"
#include "bootcfg/host.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum { TEXT_MOST = 4096 };

static const char program[] = "cordond";

/* --- The machine --- */

static int world_host(const char *root, struct diag *diag, struct host *ret_host, void *context)
{
	(void)context;
	return host_read(root, diag, ret_host);
}

static int world_apply(const struct ruleset *ruleset, const struct nftables_options *options, struct diag *diag, void *context)
{
	(void)context;
	return nftables_apply(ruleset, options, diag);
}

static int world_clean(const struct nftables_options *options, struct diag *diag, void *context)
{
	(void)context;
	return nftables_clean(options, diag);
}

static int world_lift(struct diag *diag, void *context)
{
	(void)context;
	return nftables_lift(diag);
}

static int world_status(struct diag *diag, struct nftables_status *ret_status, void *context)
{
	(void)context;
	return nftables_status_read(diag, ret_status);
}

static struct enforcer_world world_whole(const struct enforcer_world *given)
{
	struct enforcer_world world = given != NULL ? *given : (struct enforcer_world){.blind = false};
	world.host = world.host != NULL ? world.host : world_host;
	world.apply = world.apply != NULL ? world.apply : world_apply;
	world.clean = world.clean != NULL ? world.clean : world_clean;
	world.lift = world.lift != NULL ? world.lift : world_lift;
	world.status = world.status != NULL ? world.status : world_status;
	return world;
}

/* --- Pauses --- */

void pause_reset(struct pause *pause)
{
	pause->now = 0;
}

int64_t pause_next(struct pause *pause)
{
	pause->now = pause->now == 0 ? pause->first : pause->now * 2 < pause->most ? pause->now * 2 : pause->most;
	return pause->now;
}

/* --- What is due --- */

static void work_set(struct enforcer *enforcer)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < DUE_KINDS; i++)
		if (enforcer->due[i] != 0 && enforcer->due[i] < first)
			first = enforcer->due[i];
	if (first != INT64_MAX && enforcer->work != NULL)
		watch_again(enforcer->work, first - loop_now(enforcer->loop));
}

void enforcer_at(struct enforcer *enforcer, enum due due, int64_t after)
{
	int64_t at = loop_now(enforcer->loop) + after;
	enforcer->due[due] = at > 0 ? at : 1; /* 0 is "not due" */
	work_set(enforcer);
}

void enforcer_soon(struct enforcer *enforcer, enum due due, int64_t after)
{
	if (enforcer->due[due] == 0 || enforcer->due[due] > loop_now(enforcer->loop) + after)
		enforcer_at(enforcer, due, after);
}

/* --- Telling --- */

static const char *digest_in_force(const struct enforcer *enforcer)
{
	return enforcer_lifted(enforcer) ? "" : enforcer->wanted.kernel_digest;
}

static void event_tell(struct enforcer *enforcer, uint16_t eventid, const char *text)
{
	struct enforcer_event event = {eventid, enforcer->state, digest_in_force(enforcer), text};
	if (enforcer->options.event != NULL)
		enforcer->options.event(&event, enforcer->options.context);
}

void enforcer_say(struct enforcer *enforcer, const char *format, ...)
{
	char text[TEXT_MOST];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	event_tell(enforcer, 0, text);
}

const char *enforcer_error(struct enforcer *enforcer, const struct diag *diag, int error)
{
	const char *text = error_text(error);
	for (size_t i = diag->count; i-- > 0;)
		if (diag->messages[i].severity == SEVERITY_ERROR)
			text = diag->messages[i].text;
	snprintf(enforcer->error, sizeof(enforcer->error), "%s", text);
	return enforcer->error;
}

/* --- The driver --- */

bool enforcer_lifted(const struct enforcer *enforcer)
{
	return enforcer->state == DRIVER_PERMIT && enforcer->event != DRIVER_NOTHING_ASSIGNED;
}

static void driver_save(struct enforcer *enforcer)
{
	if (enforcer->options.driver_file == NULL)
		return;
	struct driver_record record = {
		.state = enforcer->state,
		.event = enforcer->event,
		.from = enforcer->from,
		.time = enforcer->since,
	};
	snprintf(record.digest, sizeof(record.digest), "%s", digest_in_force(enforcer));
	memcpy(record.by, program, sizeof(program));
	struct diag diag;
	diag_init(&diag);
	if (driver_write(enforcer->options.driver_file, &record, &diag) < 0)
		enforcer_say(enforcer, "the driver's state could not be kept: %s",
			     diag.count > 0 ? diag.messages[0].text : "no reason is known");
	diag_done(&diag);
}

/* Why nothing is in force must not be forgotten: a lift counts until the next apply or boot. */
static bool is_reason_to_permit(enum driver_event event)
{
	return event == DRIVER_LIFT || event == DRIVER_NOTHING_ASSIGNED || event == DRIVER_ROLLBACK_PERMIT;
}

void enforcer_step(struct enforcer *enforcer, enum driver_event event, const char *text)
{
	const struct driver_row *row = driver_next(enforcer->state, event);
	char line[TEXT_MOST];
	snprintf(line, sizeof(line), "%s: %s%s%s%s", driver_state_name(row->to), row->why, text != NULL ? " (" : "",
		 text != NULL ? text : "", text != NULL ? ")" : "");
	if (row->to != DRIVER_PERMIT || row->from != DRIVER_PERMIT || is_reason_to_permit(event)) {
		enforcer->from = enforcer->state;
		enforcer->event = event;
		enforcer->since = loop_time(enforcer->loop) / 1000000;
		enforcer->state = row->to;
		driver_save(enforcer);
	}
	event_tell(enforcer, row->record, line);
}

/* Which start-up rules stand, when nobody has said so: what the kernel's rules are marked with. */
static enum driver_state kernel_state(struct enforcer *enforcer)
{
	struct nftables_status status = {.present = false};
	enum driver_state state = DRIVER_STARTUP_PERMIT;
	if (enforcer->world.status(NULL, &status, enforcer->world.context) == 0) {
		if (status.present && status.mode == MODE_BOOT)
			state = driver_startup(status.bootmode);
		else if (status.present && status.mode == MODE_BLOCK)
			state = DRIVER_BLOCK;
		else if (status.present && status.mode == MODE_SECURE)
			state = DRIVER_SECURE;
		nftables_status_done(&status);
	}
	return state;
}

static bool driver_load(const struct enforcer *enforcer, struct driver_record *ret_record)
{
	return enforcer->options.driver_file != NULL && driver_read(enforcer->options.driver_file, ret_record) == 0;
}

/* Whether another program has moved the driver. */
static bool driver_moved(const struct enforcer *enforcer, struct driver_record *ret_record)
{
	return driver_load(enforcer, ret_record) && strcmp(ret_record->by, program) != 0 &&
	       (ret_record->state != enforcer->state || ret_record->event != enforcer->event ||
		ret_record->time != enforcer->since);
}

static void record_take(struct enforcer *enforcer, const struct driver_record *record)
{
	if (enforcer->state == DRIVER_PERMIT && record->state == DRIVER_PERMIT && !is_reason_to_permit(record->event))
		return;
	enforcer->state = record->state;
	enforcer->event = record->event;
	enforcer->from = record->from;
	enforcer->since = record->time;
}

/* --- By hand --- */

/* cordon has changed the kernel or the driver's file. */
static void hand_accept(struct enforcer *enforcer)
{
	struct driver_record record;
	struct nftables_status status = {.present = false};
	bool was_lifted = enforcer_lifted(enforcer);
	if (driver_moved(enforcer, &record)) {
		record_take(enforcer, &record);
		enforcer->hold = 0;
	}
	if (enforcer->world.status(NULL, &status, enforcer->world.context) == 0) {
		if (status.present)
			enforcer->observe = status.observe;
		enforcer->startup_rules = status.present && status.mode == MODE_BOOT;
		nftables_status_done(&status);
	}
	enforcer->store_look = true;
	enforcer_soon(enforcer, DUE_STORE, 0);
	if (enforcer_lifted(enforcer) && !was_lifted)
		enforcer_say(enforcer, "lifted by hand: nothing is applied until the next apply or boot");
}

/* --- Facts --- */

static void host_due(struct enforcer *enforcer)
{
	struct host host;
	struct diag diag;
	diag_init(&diag);
	int error = enforcer->world.host(enforcer->options.root, &diag, &host, enforcer->world.context);
	if (error < 0) {
		if (enforcer->host_pause.now == 0)
			enforcer_say(enforcer, "the facts of the host cannot be read, the last ones are kept: %s",
				     enforcer_error(enforcer, &diag, error));
		enforcer_soon(enforcer, DUE_HOST, pause_next(&enforcer->host_pause));
		diag_done(&diag);
		return;
	}
	diag_done(&diag);
	pause_reset(&enforcer->host_pause);
	enforcer->facts_known = true;
	if (host_same(&host, &enforcer->facts)) {
		host_done(&host);
		return;
	}
	host_done(&enforcer->facts);
	enforcer->facts = host;
	dnsnames_servers(enforcer->names);
	policy_follow(enforcer);
}

static void others_due(struct enforcer *enforcer)
{
	struct nftables_status status = {.present = false};
	if (enforcer->world.status(NULL, &status, enforcer->world.context) < 0)
		return;
	size_t count = status.other_count < OTHERS_MOST ? status.other_count : OTHERS_MOST;
	for (size_t i = 0; i < count; i++) {
		bool known = false;
		for (size_t j = 0; j < enforcer->other_count && !known; j++)
			known = strcmp(status.others[i], enforcer->others[j]) == 0;
		if (!known)
			enforcer_say(enforcer, "another program's rules see packets before ours, and may accept or drop them: %s",
				     QUOTE(status.others[i]));
	}
	for (size_t i = 0; i < enforcer->other_count; i++)
		free(enforcer->others[i]);
	enforcer->others = memory_resize_array(enforcer->others, count + 1, sizeof(*enforcer->others));
	for (size_t i = 0; i < count; i++)
		enforcer->others[i] = memory_text(status.others[i]);
	enforcer->other_count = count;
	nftables_status_done(&status);
}

/* "": not known. */
static void offender_set(struct enforcer *enforcer, uint32_t pid, const char *name)
{
	enforcer->offender_pid = pid;
	snprintf(enforcer->offender, sizeof(enforcer->offender), "%s", name);
	enforcer->offended = loop_now(enforcer->loop);
}

static void belt_due(struct enforcer *enforcer)
{
	struct nftables_status status = {.present = false};
	struct driver_record record;
	enforcer_soon(enforcer, DUE_BELT, BELT_MS);
	if (driver_moved(enforcer, &record))
		enforcer_soon(enforcer, DUE_ACCEPT, 0);
	enforcer_soon(enforcer, DUE_HOST, 0);
	enforcer_soon(enforcer, DUE_OTHERS, 0);
	enforcer->store_look |= enforcer->pending_present;
	if (signature_differs(enforcer) || enforcer->pending_present)
		enforcer_soon(enforcer, DUE_STORE, 0);
	bool guarded = enforcer->wanted.ruleset != NULL && enforcer->wanted.mode != MODE_PERMIT && !enforcer_lifted(enforcer);
	if (!guarded || enforcer->lagging || enforcer->hold > loop_now(enforcer->loop) ||
	    enforcer->world.status(NULL, &status, enforcer->world.context) < 0)
		return;
	if (!status.present || strcmp(status.digest, enforcer->wanted.kernel_digest) != 0) {
		offender_set(enforcer, 0, "");
		enforcer_soon(enforcer, DUE_REPAIR, 0);
	}
	nftables_status_done(&status);
}

static void work_due(void *context)
{
	static void (*const works[DUE_KINDS])(struct enforcer *enforcer) = {
		[DUE_ACCEPT] = hand_accept, [DUE_REPAIR] = policy_repair, [DUE_STORE] = policy_store, [DUE_HOST] = host_due,
		[DUE_FOLLOW] = policy_follow, [DUE_CLEAN] = policy_clean, [DUE_OTHERS] = others_due, [DUE_BELT] = belt_due,
	};
	struct enforcer *enforcer = context;
	int64_t now = loop_now(enforcer->loop);
	for (size_t i = 0; i < DUE_KINDS; i++) {
		if (enforcer->due[i] == 0 || enforcer->due[i] > now)
			continue;
		enforcer->due[i] = 0;
		works[i](enforcer);
	}
	work_set(enforcer);
}

/* --- What the watches tell --- */

void enforcer_notice(struct enforcer *enforcer, enum enforcer_notice notice)
{
	static const struct {
		enum due due;
		int64_t after;
	} rows[] = {
		[ENFORCER_STORE] = {DUE_STORE, STORE_DEBOUNCE_MS},
		[ENFORCER_HOST] = {DUE_HOST, HOST_DEBOUNCE_MS},
		[ENFORCER_DRIVER_FILE] = {DUE_ACCEPT, 0},
	};
	struct driver_record record;
	/* The driver's file is written by us as well. */
	if (!enforcer->started || (notice == ENFORCER_DRIVER_FILE && !driver_moved(enforcer, &record)))
		return;
	enforcer_soon(enforcer, rows[notice].due, rows[notice].after);
}

/* So many repairs a second come at once; more come with a pause, so that two who fight do not use up the machine. */
static int64_t repair_pause(struct enforcer *enforcer)
{
	int64_t now = loop_now(enforcer->loop);
	if (now - enforcer->repair_second >= 1000) {
		enforcer->repair_second = now;
		enforcer->repairs_in_second = 0;
	}
	return ++enforcer->repairs_in_second > REPAIRS_PER_SECOND ? REPAIR_PAUSE_MS : 0;
}

void enforcer_notice_kernel(struct enforcer *enforcer, const struct nftables_change *change)
{
	if (!enforcer->started || change->self)
		return;
	if (change->others || change->overrun)
		enforcer_soon(enforcer, DUE_OTHERS, REPAIR_PAUSE_MS);
	if (!change->ours && !change->overrun)
		return;
	if (!change->overrun && strncmp(change->name, "cordon", strlen("cordon")) == 0) {
		enforcer->hold = loop_now(enforcer->loop) + HOLD_MS;
		enforcer_soon(enforcer, DUE_ACCEPT, ACCEPT_MS);
		return;
	}
	offender_set(enforcer, change->overrun ? 0 : change->pid, change->overrun ? "" : change->name);
	enforcer_soon(enforcer, DUE_REPAIR, repair_pause(enforcer));
}

static void kernel_ready(void *context)
{
	struct enforcer *enforcer = context;
	struct nftables_change change;
	while (nftables_watch_next(enforcer->kernel, &change))
		enforcer_notice_kernel(enforcer, &change);
}

static void host_changed(void *context)
{
	enforcer_notice(context, ENFORCER_HOST);
}

static void names_changed(void *context)
{
	enforcer_soon(context, DUE_FOLLOW, 0);
}

static void file_changed(unsigned number, void *context)
{
	enforcer_notice(context, (enum enforcer_notice)number);
}

/* --- The whole --- */

static int file_watch(struct enforcer *enforcer, const char *path, const char *suffix, enum enforcer_notice notice, struct diag *diag)
{
	struct buffer text;
	buffer_init(&text, TEXT_MOST);
	buffer_printf(&text, "%s%s", path, suffix);
	int error = filewatch_add(enforcer->files, buffer_text(&text), notice);
	if (error < 0)
		diag_error(diag, NULL, "%s cannot be watched: %s", QUOTE(buffer_text(&text)), error_text(error));
	buffer_done(&text);
	return error < 0 ? ERROR_SYSTEM : 0;
}

static int watches_open(struct enforcer *enforcer, struct diag *diag)
{
	struct loop *loop = enforcer->loop;
	int error = filewatch_new(loop, file_changed, enforcer, diag, &enforcer->files);
	if (error == 0)
		error = file_watch(enforcer, enforcer->options.store, "", ENFORCER_STORE, diag);
	if (error == 0)
		error = file_watch(enforcer, enforcer->options.store, "-wal", ENFORCER_STORE, diag);
	if (error == 0 && enforcer->options.driver_file != NULL)
		error = file_watch(enforcer, enforcer->options.driver_file, "", ENFORCER_DRIVER_FILE, diag);
	if (error == 0)
		error = follow_new(loop, enforcer->options.root, host_changed, enforcer, diag, &enforcer->follow);
	if (error == 0)
		error = nftables_watch_open(diag, &enforcer->kernel);
	if (error == 0) {
		enforcer->kernel_watch = loop_readable(loop, nftables_watch_fd(enforcer->kernel), kernel_ready, enforcer);
		error = enforcer->kernel_watch != NULL ? 0 : ERROR_SYSTEM;
	}
	return error;
}

static char *text_copy(const char *text)
{
	return text != NULL ? memory_text(text) : NULL;
}

int enforcer_new(struct loop *loop, const struct enforcer_options *options, struct diag *diag, struct enforcer **ret_enforcer)
{
	struct enforcer *enforcer = memory_alloc(sizeof(*enforcer));
	*enforcer = (struct enforcer){
		.loop = loop,
		.options = *options,
		.world = world_whole(options->world),
		.retry = {.first = RETRY_FIRST_MS, .most = RETRY_MOST_MS},
		.host_pause = {.first = RETRY_FIRST_MS, .most = RETRY_MOST_MS},
		.follow_pause = {.first = FOLLOW_FIRST_MS, .most = FOLLOW_MOST_MS},
		.repairs_told = -REPAIRS_TOLD_MS,
	};
	enforcer->options.store = memory_text(options->store);
	enforcer->options.root = memory_text(options->root != NULL ? options->root : "");
	enforcer->options.driver_file = text_copy(options->driver_file);
	enforcer->options.world = NULL;
	if (options->driver_file != NULL) {
		struct buffer path;
		buffer_init(&path, TEXT_MOST);
		buffer_printf(&path, "%s.settings", options->driver_file);
		enforcer->settings_file = memory_text(buffer_text(&path));
		buffer_done(&path);
	}
	host_init(&enforcer->facts);
	config_init(&enforcer->config);
	enforcer->names = dnsnames_new(loop, enforcer->options.root, enforcer->world.resolve, enforcer->world.context, names_changed,
				    enforcer);
	int error = enforcer->world.blind ? 0 : watches_open(enforcer, diag);
	if (error < 0) {
		enforcer_free(enforcer);
		return error;
	}
	*ret_enforcer = enforcer;
	return 0;
}

void enforcer_free(struct enforcer *enforcer)
{
	if (enforcer == NULL)
		return;
	watch_free(enforcer->work);
	watch_free(enforcer->kernel_watch);
	nftables_watch_close(enforcer->kernel);
	follow_free(enforcer->follow);
	filewatch_free(enforcer->files);
	dnsnames_take_back(enforcer->names);
	wanted_done(enforcer, &enforcer->wanted);
	dnsnames_free(enforcer->names);
	host_done(&enforcer->facts);
	for (size_t i = 0; i < enforcer->other_count; i++)
		free(enforcer->others[i]);
	free(enforcer->others);
	free(enforcer->settings_file);
	free((char *)(uintptr_t)enforcer->options.store);
	free((char *)(uintptr_t)enforcer->options.root);
	free((char *)(uintptr_t)enforcer->options.driver_file);
	free(enforcer);
}

/* Where the driver is: what was said last, or what the kernel shows. */
static void driver_begin(struct enforcer *enforcer)
{
	struct driver_record record;
	struct nftables_status status = {.present = false};
	if (driver_load(enforcer, &record)) {
		record_take(enforcer, &record);
		if (strcmp(record.by, program) == 0 && record.event != DRIVER_SERVICE_STOP && record.state != DRIVER_PERMIT)
			enforcer_step(enforcer, DRIVER_CRASH, NULL);
	} else {
		enforcer->state = kernel_state(enforcer);
	}
	if (enforcer->world.status(NULL, &status, enforcer->world.context) == 0) {
		enforcer->observe = status.present && status.observe;
		enforcer->startup_rules = status.present && status.mode == MODE_BOOT;
		/* One that was killed right after the hand-over has not told of what they had counted. */
		enforcer->bootdrops = !enforcer->startup_rules;
		/* Rules that are gone since (or a record of rules that never were) do not stand. */
		if (!status.present && (enforcer->state == DRIVER_SECURE || enforcer->state == DRIVER_BLOCK))
			enforcer->state = DRIVER_STARTUP_PERMIT;
		nftables_status_done(&status);
	}
	enforcer_step(enforcer, DRIVER_SERVICE_START, NULL);
}

void enforcer_start(struct enforcer *enforcer)
{
	enforcer->started = true;
	enforcer->work = loop_timer(enforcer->loop, BELT_MS, work_due, enforcer);
	settings_read(enforcer);
	driver_begin(enforcer);
	host_due(enforcer);
	enforcer->store_look = true;
	policy_store(enforcer);
	enforcer_soon(enforcer, DUE_OTHERS, 0);
	enforcer_soon(enforcer, DUE_BELT, BELT_MS);
	if (!enforcer->world.blind)
		kernel_ready(enforcer);
}

void enforcer_stop(struct enforcer *enforcer)
{
	if (enforcer->started)
		enforcer_step(enforcer, DRIVER_SERVICE_STOP, NULL);
	enforcer->started = false;
	watch_free(enforcer->work);
	enforcer->work = NULL;
}

void enforcer_reload(struct enforcer *enforcer)
{
	enforcer->store_look = true;
	enforcer->hold = 0;
	enforcer_soon(enforcer, DUE_HOST, 0);
	enforcer_soon(enforcer, DUE_STORE, 0);
}

/* The settings as the store has them now: what was read last may be from before the change that this is about. */
static void config_look(struct enforcer *enforcer)
{
	struct store *store = NULL;
	struct state *state = NULL;
	if (store_open(enforcer->options.store, STORE_READ, NULL, &store) == 0 && store_read(store, 0, NULL, &state) == 0)
		enforcer->config = state->config;
	state_free(state);
	store_close(store);
}

void enforcer_diagnostics(struct enforcer *enforcer)
{
	config_look(enforcer);
	enforcer->boot_config = enforcer->config;
	enforcer->boot_config_known = true;
	settings_write(enforcer);
	policy_told(enforcer);
}
