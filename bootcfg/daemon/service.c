#include "bootcfg/daemon/service.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/daemon/collector.h"
#include "bootcfg/daemon/notice.h"
#include "bootcfg/daemon/notify.h"
#include "bootcfg/daemon/sandbox.h"
#include "bootcfg/daemon/service_internal.h"
#include "core/base/error.h"

enum {
	NFLOG_EVERY = 1000,           /* ms: is the log of drops to be had now? */
	ASK_EVERY = 5000,             /* ms: do the children's loops turn? */
	FLUSH_WAIT = 2000,            /* ms that the collector gets to write out what it holds */
	END_WAIT = 2000,              /* ms that the children get to end by themselves */
	COLLECTOR_WAITS = 16 << 20,   /* bytes that may wait for it */
	CONTROL_WAITS = 4 << 20,      /* more than all its clients can ask for at once */
};

/* --- Children --- */

static int collector_message_take(enum message_type type, const void *fixed, struct cursor tail, void *context);

static void word_set(struct service *service, enum service_member member, size_t index, uint64_t number)
{
	struct buffer text;
	buffer_init(&text, WORD_MOST - 1);
	buffer_add_number(&text, number);
	memcpy(service->words[member][index], buffer_text(&text), text.length + 1);
	service->options[member].words[index] = service->words[member][index];
	buffer_done(&text);
}

/* Only one may listen to a group: a collector whose parent was killed still writes out what it holds, and goes. */
static void nflog_try(void *context)
{
	struct service *service = context;
	if (service->places.nflog >= 0 || service->stopping)
		return;
	if (collector_socket(service->settings->nfloggroup, NULL, &service->places.nflog) != 0) {
		watch_again(service->nflog_again, NFLOG_EVERY);
		return;
	}
	service->options[MEMBER_COLLECTOR].first = service->places.nflog;
	notice_say(SEVERITY_NOTE, "drops are recorded from now on");
	child_kill(service->children[MEMBER_COLLECTOR]); /* its successor gets the socket */
}

static void children_start(struct service *service)
{
	const struct settings *settings = service->settings;
	const uint64_t collector[] = {service->users.uid, service->users.gid, settings->logsize, settings->logfiles, settings->journal};
	const uint64_t control[] = {service->users.uid, service->users.gid, service->users.group};
	service->options[MEMBER_COLLECTOR] = (struct child_options){
		.name = "collector", .first = service->places.nflog, .second = service->places.folder,
		.waits_most = COLLECTOR_WAITS, .keeps = true, .message = collector_message_take, .context = service};
	service->options[MEMBER_CONTROL] = (struct child_options){
		.name = "control", .first = service->places.listener, .second = -1,
		.waits_most = CONTROL_WAITS, .message = service_answer, .context = service};
	for (size_t i = 0; i < ARRAY_LENGTH(collector); i++)
		word_set(service, MEMBER_COLLECTOR, i, collector[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(control); i++)
		word_set(service, MEMBER_CONTROL, i, control[i]);
	service->children[MEMBER_COLLECTOR] = child_new(service->loop, &service->options[MEMBER_COLLECTOR]);
	if (service->places.nflog < 0)
		service->nflog_again = loop_timer(service->loop, NFLOG_EVERY, nflog_try, service);
	if (service->places.listener >= 0)
		service->children[MEMBER_CONTROL] = child_new(service->loop, &service->options[MEMBER_CONTROL]);
}

static void children_ask(void *context)
{
	struct service *service = context;
	for (size_t i = 0; i < MEMBERS; i++)
		if (service->children[i] != NULL)
			child_ask(service->children[i]);
	int64_t quarter = service->watchdog / 4;
	watch_again(service->asks, quarter > 0 && quarter < ASK_EVERY ? quarter : ASK_EVERY);
}

/* Our loop turns, or this would not be called; systemd is told so only when those of the children do too. */
static void watchdog_tell(void *context)
{
	struct service *service = context;
	int64_t now = loop_now(service->loop);
	bool good = true;
	for (size_t i = 0; i < MEMBERS; i++)
		if (service->children[i] != NULL)
			good = good && child_seen(service->children[i]) >= now - service->watchdog;
	if (good)
		notify_send("WATCHDOG=1");
	watch_again(service->barks, service->watchdog / 2);
}

/* --- The end: the collector writes out, the children are hung up on, what does not end by itself is ended --- */

static void end_when_alone(struct service *service)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (service->children[i] != NULL && child_pid(service->children[i]) > 0)
			return;
	loop_stop(service->loop);
}

static void stop_late(void *context)
{
	struct service *service = context;
	notice_say(SEVERITY_WARNING, "a child does not end by itself: it is ended");
	loop_stop(service->loop); /* child_free kills */
}

static void children_hang_up(void *context)
{
	struct service *service = context;
	for (size_t i = 0; i < MEMBERS; i++)
		if (service->children[i] != NULL)
			child_stop(service->children[i]);
	watch_free(service->stops);
	service->stops = loop_timer(service->loop, END_WAIT, stop_late, service);
	end_when_alone(service);
}

static void service_stop(struct service *service)
{
	if (service->stopping)
		return;
	service->stopping = true;
	notify_send("STOPPING=1\nSTATUS=the kernel's rules stand");
	enforcer_stop(service->enforcer);
	service->stops = loop_timer(service->loop, FLUSH_WAIT, children_hang_up, service);
	if (child_pid(service->children[MEMBER_COLLECTOR]) <= 0 ||
	    !outbox_add(child_outbox(service->children[MEMBER_COLLECTOR]), MESSAGE_FLUSH, NULL, NULL, 0))
		watch_again(service->stops, 0);
}

static int collector_message_take(enum message_type type, const void *fixed, struct cursor tail, void *context)
{
	struct service *service = context;
	(void)tail;
	if (type == MESSAGE_COUNTS)
		memcpy(&service->counts, fixed, sizeof service->counts);
	else if (type == MESSAGE_FLUSH && service->stopping)
		watch_again(service->stops, 0);
	else if (type != MESSAGE_FLUSH)
		return ERROR_DAMAGED;
	return 0;
}

/* --- Signals --- */

static void signal_take(struct service *service, uint32_t number)
{
	switch (number) {
	case SIGCHLD:
		for (size_t i = 0; i < MEMBERS; i++)
			if (service->children[i] != NULL)
				child_reap(service->children[i]);
		if (service->stopping)
			end_when_alone(service);
		break;
	case SIGHUP:
		if (!service->stopping)
			enforcer_reload(service->enforcer);
		break;
	default:
		service_stop(service);
	}
}

static void signals_readable(void *context)
{
	struct service *service = context;
	struct signalfd_siginfo info;
	if (read(service->signals, &info, sizeof info) == (ssize_t)sizeof info)
		signal_take(service, info.ssi_signo);
}

static bool signals_open(struct service *service)
{
	sigset_t taken;
	(void)sigemptyset(&taken);
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
		(void)sigaddset(&taken, numbers[i]);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* ignored, children would leave no trace */
	if (sigprocmask(SIG_BLOCK, &taken, NULL) != 0)
		return false;
	service->signals = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
	service->signals_readable =
		service->signals < 0 ? NULL : loop_readable(service->loop, service->signals, signals_readable, service);
	return service->signals_readable != NULL;
}

/* --- --- */

/* What the rules log goes to the group that we listen to. */
static int kernel_apply(const struct ruleset *ruleset, const struct nftables_options *options, struct diag *diag, void *context)
{
	const struct service *service = context;
	struct nftables_options ours = *options;
	ours.nflog_group = service->settings->nfloggroup;
	return nftables_apply(ruleset, &ours, diag);
}

static int service_open(struct service *service, struct diag *diag)
{
	service->loop = loop_new();
	if (service->loop == NULL || !signals_open(service)) {
		diag_error(diag, NULL, "no event loop: %s", strerror(errno));
		return ERROR_SYSTEM;
	}
	service->world = (struct enforcer_world){.apply = kernel_apply, .context = service};
	const struct enforcer_options options = {
		.store = service->settings->store,
		.root = "",
		.driver_file = DRIVER_FILE,
		.event = service_event,
		.in_force = service_in_force,
		.bootdrop = service_bootdrop,
		.context = service,
		.world = &service->world,
	};
	return enforcer_new(service->loop, &options, diag, &service->enforcer);
}

static void service_close(struct service *service)
{
	enforcer_free(service->enforcer);
	for (size_t i = 0; i < MEMBERS; i++)
		child_free(service->children[i]);
	loop_free(service->loop);
	if (service->signals >= 0)
		(void)close(service->signals);
	service_places_close(service->settings, &service->places);
}

static void watchdog_start(struct service *service)
{
	service->watchdog = notify_watchdog();
	service->asks = loop_timer(service->loop, 0, children_ask, service);
	if (service->watchdog > 0)
		service->barks = loop_timer(service->loop, service->watchdog / 2, watchdog_tell, service);
}

int service_run(const struct settings *settings, void (*ready)(void *context), void *context, struct diag *diag)
{
	struct service service = {.settings = settings, .places = {-1, -1, -1, -1}, .signals = -1, .since = (int64_t)time(NULL)};
	int error = service_users_find(settings, diag, &service.users);
	if (error == 0)
		error = service_places_open(settings, &service.users, diag, &service.places);
	if (error == 0)
		error = service_open(&service, diag);
	if (error == 0)
		error = sandbox_parent(diag);
	notice_diag(diag);
	if (error == 0) {
		children_start(&service);
		enforcer_start(service.enforcer);
		if (ready != NULL)
			ready(context);
		notify_send("READY=1");
		watchdog_start(&service);
		error = loop_run(service.loop);
	}
	service_close(&service);
	return error;
}
