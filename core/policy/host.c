#include "core/policy/host.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/base/utf8.h"

enum { FACTS_MOST = 4096 }; /* addresses or servers of one kind */

void host_init(struct host *host)
{
	*host = (struct host){0};
}

void host_done(struct host *host)
{
	free(host->addresses);
	for (size_t i = 0; i < ARRAY_LENGTH(host->servers); i++)
		free(host->servers[i].items);
	host_init(host);
}

void host_add_address(struct host *host, const struct ip_prefix *prefix)
{
	if (host_is_me(host, &prefix->ip))
		return;
	if (host->address_count == host->address_capacity) {
		host->address_capacity = host->address_capacity > 0 ? host->address_capacity * 2 : 8;
		host->addresses = memory_resize_array(host->addresses, host->address_capacity, sizeof(*host->addresses));
	}
	host->addresses[host->address_count++] = *prefix;
}

void host_add_server(struct host *host, enum address_kind kind, const struct ip *ip)
{
	struct ip_list *list = &host->servers[kind];
	for (size_t i = 0; i < list->count; i++)
		if (ip_equal(&list->items[i], ip))
			return;
	if (list->count == list->capacity) {
		list->capacity = list->capacity > 0 ? list->capacity * 2 : 4;
		list->items = memory_resize_array(list->items, list->capacity, sizeof(*list->items));
	}
	list->items[list->count++] = *ip;
}

bool host_is_me(const struct host *host, const struct ip *ip)
{
	for (size_t i = 0; i < host->address_count; i++)
		if (ip_equal(&host->addresses[i].ip, ip))
			return true;
	return false;
}

bool host_is_broadcast(const struct host *host, const struct ip *ip)
{
	static const uint8_t all[4] = {255, 255, 255, 255};
	if (ip->family != FAMILY_IPV4)
		return false;
	if (memcmp(ip->bytes, all, sizeof(all)) == 0)
		return true;
	for (size_t i = 0; i < host->address_count; i++) {
		const struct ip_prefix *prefix = &host->addresses[i];
		if (prefix->ip.family != FAMILY_IPV4 || prefix->bits > 30)
			continue;
		struct ip last = prefix->ip;
		for (unsigned bit = prefix->bits; bit < 32; bit++)
			last.bytes[bit / 8] = (uint8_t)(last.bytes[bit / 8] | 0x80u >> bit % 8);
		if (ip_equal(&last, ip))
			return true;
	}
	return false;
}

const struct ip *host_first(const struct host *host, enum family family)
{
	for (size_t i = 0; i < host->address_count; i++)
		if (host->addresses[i].ip.family == family)
			return &host->addresses[i].ip;
	return NULL;
}

bool ip_is_multicast(const struct ip *ip)
{
	return ip->family == FAMILY_IPV4 ? (ip->bytes[0] & 0xf0) == 0xe0 : ip->bytes[0] == 0xff;
}

bool ip_is_loopback(const struct ip *ip)
{
	static const uint8_t one[16] = {[15] = 1};
	return ip->family == FAMILY_IPV4 ? ip->bytes[0] == 127 : memcmp(ip->bytes, one, sizeof(one)) == 0;
}

static const struct {
	const char *key;
	enum address_kind kind; /* ADDRESS_ME: the host's own addresses */
} fact_keys[] = {
	{"addresses", ADDRESS_ME}, {"dns", ADDRESS_DNS},         {"wins", ADDRESS_WINS},
	{"dhcp", ADDRESS_DHCP},    {"gateway", ADDRESS_GATEWAY},
};

/* Takes one string of a list; NULL when good, else what would be right. */
static const char *fact_take(struct host *host, enum address_kind kind, const cJSON *item)
{
	struct ip_prefix prefix;
	if (!cJSON_IsString(item) || item->valuestring == NULL)
		return "an address in quotes is expected";
	const char *text = item->valuestring;
	if (kind == ADDRESS_ME) {
		if (!ip_prefix_parse(text, strlen(text), &prefix))
			return "an address with the length of its network is expected, such as \"192.0.2.10/24\"";
		if (ip_is_multicast(&prefix.ip))
			return "a multicast address is nobody's own";
		host_add_address(host, &prefix);
		return NULL;
	}
	if (!ip_parse(text, strlen(text), &prefix.ip))
		return "an address is expected, such as \"192.0.2.53\" or \"2001:db8::53\"";
	host_add_server(host, kind, &prefix.ip);
	return NULL;
}

static int fact_list(struct host *host, const cJSON *list, const struct place *place, struct diag *diag)
{
	static const char *const keys[] = {"addresses", "dns", "wins", "dhcp", "gateway", NULL};
	size_t key = 0;
	while (key < ARRAY_LENGTH(fact_keys) && strcmp(list->string, fact_keys[key].key) != 0)
		key++;
	if (key == ARRAY_LENGTH(fact_keys)) {
		const char *nearest = word_nearest(list->string, strlen(list->string), keys);
		diag_error(diag, place, "$: unknown key %s%s%s: addresses, dns, wins, dhcp and gateway are known",
			   QUOTE(list->string), nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "");
		return ERROR_INPUT;
	}
	for (const cJSON *other = list->next; other != NULL; other = other->next) {
		if (strcmp(other->string, list->string) == 0) {
			diag_error(diag, place, "$.%s: is there twice", list->string);
			return ERROR_INPUT;
		}
	}
	if (!cJSON_IsArray(list)) {
		diag_error(diag, place, "$.%s: a list is expected, such as [\"192.0.2.53\"]", list->string);
		return ERROR_INPUT;
	}
	size_t count = 0;
	for (const cJSON *item = list->child; item != NULL; item = item->next, count++) {
		const char *wrong = count < FACTS_MOST ? fact_take(host, fact_keys[key].kind, item) : "too many";
		if (wrong != NULL) {
			const char *text = cJSON_IsString(item) ? item->valuestring : NULL;
			diag_error(diag, place, "$.%s[%zu]: %s%s%s", list->string, count,
				   text != NULL ? QUOTE(text) : "", text != NULL ? ": " : "", wrong);
			return ERROR_INPUT;
		}
	}
	return 0;
}

int host_parse(const char *text, size_t length, const char *file, struct diag *diag, struct host *ret_host)
{
	struct place place = {.file = file};
	size_t bad;
	if (!utf8_check(text, length, &bad) || memchr(text, '\0', length) != NULL) {
		diag_error(diag, &place, "host facts: not UTF-8 text");
		return ERROR_INPUT;
	}
	const char *end = NULL;
	cJSON *json = cJSON_ParseWithLengthOpts(text, length, &end, false);
	while (json != NULL && end < text + length && (ascii_blank(*end) || *end == '\n' || *end == '\r'))
		end++;
	int error = ERROR_INPUT;
	struct host host;
	host_init(&host);
	if (json == NULL || end != text + length) {
		place.line = 1;
		for (const char *at = text; end != NULL && at < end && at < text + length; at++)
			place.line += *at == '\n';
		diag_error(diag, &place, "host facts: %s", json == NULL ? "not JSON from here on" : "text after the end of the JSON object");
		goto out;
	}
	if (!cJSON_IsObject(json)) {
		diag_error(diag, &place, "$: an object is expected: {\"addresses\": [\"192.0.2.10/24\"], \"dns\": […]}");
		goto out;
	}
	error = 0;
	for (const cJSON *list = json->child; list != NULL && error == 0; list = list->next)
		error = fact_list(&host, list, &place, diag);
out:
	cJSON_Delete(json);
	if (error < 0)
		host_done(&host);
	else
		*ret_host = host;
	return error;
}
