/* What `cordon status` shows of the service. */
#include <string.h>

#include "bootcfg/daemon/enforcer_internal.h"
#include "core/base/json.h"

static void member(struct buffer *json, const char *name, const char *text)
{
	buffer_printf(json, "\"%s\":", name);
	if (text != NULL)
		json_text_print(text, json);
	else
		buffer_add_text(json, "null");
}

static void ip_add(struct buffer *json, const struct ip *ip, const char *separator)
{
	char text[IP_TEXT];
	ip_print(ip, text);
	buffer_printf(json, "%s\"%s\"", separator, text);
}

static void following_print(const struct enforcer *enforcer, struct buffer *json)
{
	static const char *const kinds[] = {[ADDRESS_DNS] = "dns", [ADDRESS_WINS] = "wins", [ADDRESS_DHCP] = "dhcp",
					    [ADDRESS_GATEWAY] = "gateway"};
	const struct host *host = &enforcer->facts;
	buffer_add_text(json, "\"following\":{\"addresses\":[");
	for (size_t i = 0; i < host->address_count; i++) {
		char text[IP_TEXT];
		ip_print(&host->addresses[i].ip, text);
		buffer_printf(json, "%s\"%s/%u\"", i > 0 ? "," : "", text, host->addresses[i].bits);
	}
	buffer_add_text(json, "],\"servers\":{");
	for (unsigned kind = ADDRESS_DNS; kind <= ADDRESS_GATEWAY; kind++) {
		buffer_printf(json, "%s\"%s\":[", kind > ADDRESS_DNS ? "," : "", kinds[kind]);
		for (size_t i = 0; i < host->servers[kind].count; i++)
			ip_add(json, &host->servers[kind].items[i], i > 0 ? "," : "");
		buffer_add_char(json, ']');
	}
	buffer_add_text(json, "},\"names\":");
	dnsnames_print(enforcer->names, json);
	buffer_add_char(json, '}');
}

static void pending_print(const struct enforcer *enforcer, struct buffer *json)
{
	if (!enforcer->pending_present)
		buffer_add_text(json, "\"pending\":null");
	else
		buffer_printf(json, "\"pending\":{\"kind\":\"%s\",\"seconds\":%lld}",
			      enforcer->pending.kind == PENDING_CONFIRM ? "confirm" : "for",
			      (long long)((pending_rest(enforcer) + 999) / 1000));
}

static void tampering_print(const struct enforcer *enforcer, struct buffer *json)
{
	buffer_printf(json, "\"repairs\":%llu,", (unsigned long long)enforcer->repairs);
	if (enforcer->repairs == 0) {
		buffer_add_text(json, "\"offender\":null");
	} else {
		bool known = enforcer->offender_pid != 0;
		buffer_printf(json, "\"offender\":{\"pid\":%u,", enforcer->offender_pid);
		member(json, "name", known ? enforcer->offender : NULL);
		buffer_printf(json, ",\"seconds\":%lld}", (long long)((loop_now(enforcer->loop) - enforcer->offended) / 1000));
	}
	buffer_add_text(json, ",\"others\":[");
	for (size_t i = 0; i < enforcer->other_count; i++) {
		buffer_add_text(json, i > 0 ? "," : "");
		json_text_print(enforcer->others[i], json);
	}
	buffer_add_char(json, ']');
}

static void retry_print(const struct enforcer *enforcer, struct buffer *json)
{
	const int64_t *due = enforcer->due;
	int64_t next = enforcer->settled ? 0 : due[DUE_STORE];
	if (enforcer->lagging)
		next = due[DUE_FOLLOW];
	if (next == 0)
		buffer_add_text(json, "\"retry\":null,");
	else
		buffer_printf(json, "\"retry\":%lld,", (long long)((next - loop_now(enforcer->loop) + 999) / 1000));
	member(json, "error", enforcer->error[0] != '\0' ? enforcer->error : NULL);
}

void enforcer_status(const struct enforcer *enforcer, struct buffer *ret_json)
{
	const struct driver_row *row = driver_next(enforcer->from, enforcer->event);
	buffer_add_char(ret_json, '{');
	member(ret_json, "state", driver_state_name(enforcer->state));
	buffer_add_char(ret_json, ',');
	member(ret_json, "event", driver_event_name(enforcer->event));
	buffer_add_char(ret_json, ',');
	member(ret_json, "why", row->why);
	buffer_printf(ret_json, ",\"since\":%lld,", (long long)enforcer->since);
	member(ret_json, "digest", enforcer->wanted.kernel_digest[0] != '\0' ? enforcer->wanted.kernel_digest : NULL);
	buffer_printf(ret_json, ",\"observe\":%s,", enforcer->observe ? "true" : "false");
	pending_print(enforcer, ret_json);
	buffer_add_char(ret_json, ',');
	following_print(enforcer, ret_json);
	buffer_add_char(ret_json, ',');
	tampering_print(enforcer, ret_json);
	buffer_add_char(ret_json, ',');
	retry_print(enforcer, ret_json);
	buffer_add_char(ret_json, '}');
}
