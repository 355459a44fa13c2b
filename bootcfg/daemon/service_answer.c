#include <unistd.h>

#include "bootcfg/daemon/service_internal.h"
#include "core/base/error.h"

enum { ENFORCER_MOST = 60000 };

static void child_print(const struct child *child, struct buffer *buffer)
{
	buffer_printf(buffer, "{\"pid\": %d, \"restarts\": %llu", (int)child_pid(child), (unsigned long long)child_restarts(child));
}

static void collector_print(const struct service *service, struct buffer *buffer)
{
	struct child *child = service->children[MEMBER_COLLECTOR];
	const struct message_counts *counts = &service->counts;
	buffer_add_text(buffer, ", \"collector\": ");
	child_print(child, buffer);
	buffer_printf(buffer,
		      ", \"received\": %llu, \"written\": %llu, \"counted\": %llu, \"lost\": %llu, \"waiting\": %zu, \"unsent\": %llu}",
		      (unsigned long long)counts->received, (unsigned long long)counts->written, (unsigned long long)counts->counted,
		      (unsigned long long)counts->lost, outbox_waiting(child_outbox(child)),
		      (unsigned long long)outbox_lost(child_outbox(child)));
}

static void status_print(const struct service *service, struct buffer *buffer)
{
	struct buffer enforcer;
	buffer_init(&enforcer, ENFORCER_MOST);
	enforcer_status(service->enforcer, &enforcer);
	buffer_printf(buffer, "{\"pid\": %d, \"version\": \"" CORDON_VERSION "\", \"since\": %lld", (int)getpid(),
		      (long long)service->since);
	collector_print(service, buffer);
	buffer_add_text(buffer, ", \"control\": ");
	child_print(service->children[MEMBER_CONTROL], buffer);
	/* What would not fit into one message is left out whole: half of it would be no JSON. */
	buffer_add_text(buffer, "}, \"enforcer\": ");
	buffer_add_text(buffer, enforcer.full ? "null" : buffer_text(&enforcer));
	buffer_add_char(buffer, '}');
	buffer_done(&enforcer);
}

static void reload_print(const struct service *service, struct buffer *buffer)
{
	enforcer_reload(service->enforcer);
	buffer_printf(buffer, "looked at the store: %s", driver_state_name(service->state));
}

static void diagnostics_print(const struct service *service, struct buffer *buffer)
{
	enforcer_diagnostics(service->enforcer);
	buffer_add_text(buffer, "ipsecdiagnostics and ipsecloginterval are in force as the store has them");
}

static const struct {
	enum message_type type;
	void (*print)(const struct service *service, struct buffer *buffer);
} answers[] = {
	{MESSAGE_STATUS, status_print},
	{MESSAGE_RELOAD, reload_print},
	{MESSAGE_DIAGNOSTICS, diagnostics_print},
};

int service_answer(enum message_type type, const void *fixed, struct cursor tail, void *context)
{
	struct service *service = context;
	for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
		if (answers[i].type != type || cursor_left(&tail) != 0)
			continue;
		const struct message_ask ask = *(const struct message_ask *)fixed;
		struct buffer text;
		buffer_init(&text, MESSAGE_TAIL);
		answers[i].print(service, &text);
		(void)outbox_add(child_outbox(service->children[MEMBER_CONTROL]), type, &ask, buffer_text(&text), text.length);
		buffer_done(&text);
		return 0;
	}
	return ERROR_DAMAGED;
}
