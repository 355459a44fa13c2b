#include <string.h>

#include "bootcfg/daemon/notice.h"
#include "bootcfg/daemon/notify.h"
#include "bootcfg/daemon/service_internal.h"

enum { TEXT_MOST = 4096, NAME_MOST = 1024 };

/* What fits, whole characters only. */
static size_t text_cut(const char *text, size_t most)
{
	size_t length = strnlen(text, most + 1);
	if (length <= most)
		return length;
	for (length = most; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80; length--)
		;
	return length;
}

static void copy_text(char *to, size_t size, const char *from)
{
	memcpy(to, from, strnlen(from, size - 1)); /* the rest is zero already */
}

static struct outbox *collector_outbox(struct service *service)
{
	struct child *collector = service->children[MEMBER_COLLECTOR];
	return collector != NULL ? child_outbox(collector) : NULL;
}

static void event_notify(const struct enforcer_event *event)
{
	struct buffer text;
	buffer_init(&text, TEXT_MOST);
	buffer_printf(&text, "STATUS=%s", event->text);
	char *newline = text.data != NULL ? memchr(text.data, '\n', text.length) : NULL;
	if (newline != NULL)
		*newline = '\0';
	notify_send(buffer_text(&text));
	buffer_done(&text);
}

void service_event(const struct enforcer_event *event, void *context)
{
	struct service *service = context;
	struct message_event message;
	memset(&message, 0, sizeof message);
	message.eventid = event->eventid;
	message.text = (uint16_t)text_cut(event->text, TEXT_MOST);
	copy_text(message.mode, sizeof message.mode, mode_name(driver_mode(event->state)));
	copy_text(message.digest, sizeof message.digest, event->digest);
	service->state = event->state;
	event_notify(event);
	/* With the journal, the collector's entry has it, and fields. */
	if (!service->settings->journal || !notify_wanted())
		notice_say(SEVERITY_NOTE, "%s", event->text);
	struct outbox *outbox = collector_outbox(service);
	if (outbox != NULL)
		(void)outbox_add(outbox, MESSAGE_EVENT, &message, event->text, message.text);
}

void service_bootdrop(const struct bootdrop *drop, void *context)
{
	struct outbox *outbox = collector_outbox(context);
	if (outbox != NULL)
		(void)outbox_add(outbox, MESSAGE_BOOTDROP, drop, NULL, 0);
}

static void settings_add(struct outbox *outbox, const struct ruleset *ruleset, const struct config *config, bool observe)
{
	struct message_settings message;
	memset(&message, 0, sizeof message);
	message.diagnostics = config->number[PROPERTY_IPSECDIAGNOSTICS];
	message.interval = config->number[PROPERTY_IPSECLOGINTERVAL];
	message.observe = observe;
	copy_text(message.mode, sizeof message.mode, observe ? "observe" : mode_name(ruleset->mode));
	(void)outbox_table_add(outbox, MESSAGE_SETTINGS, &message, NULL, 0);
}

static void names_add(struct outbox *outbox, const struct ruleset *ruleset, uint32_t index)
{
	const struct origin *origin = &ruleset->origins[index];
	const char *policy = origin_policy(origin), *list = origin_list(origin);
	struct message_names message;
	struct buffer texts, rule;
	memset(&message, 0, sizeof message);
	buffer_init(&texts, (size_t)3 * NAME_MOST);
	buffer_init(&rule, 65536);
	origin_rule(origin, &rule);
	nftables_counter_hash(ruleset, index, message.hash);
	message.action = (uint8_t)origin->action;
	message.policy = (uint16_t)text_cut(policy, NAME_MOST);
	message.rule = (uint16_t)text_cut(buffer_text(&rule), NAME_MOST);
	message.list = (uint16_t)text_cut(list, NAME_MOST);
	buffer_add(&texts, policy, message.policy);
	buffer_add(&texts, buffer_text(&rule), message.rule);
	buffer_add(&texts, list, message.list);
	(void)outbox_table_add(outbox, MESSAGE_NAMES, &message, texts.data, texts.length);
	buffer_done(&rule);
	buffer_done(&texts);
}

void service_in_force(const struct ruleset *ruleset, const struct config *config, bool observe, void *context)
{
	struct outbox *outbox = collector_outbox(context);
	if (outbox == NULL)
		return;
	outbox_table_begin(outbox);
	settings_add(outbox, ruleset, config, observe);
	for (size_t i = 0; i < ruleset->origin_count; i++)
		names_add(outbox, ruleset, (uint32_t)i);
	(void)outbox_table_add(outbox, MESSAGE_NAMES_END, NULL, NULL, 0);
	outbox_table_end(outbox);
}
