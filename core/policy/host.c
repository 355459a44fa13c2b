#include "core/policy/host.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/memory.h"

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

struct reading {
	struct json_document document;
	struct diag *diag;
	struct host host;
};

static int fact_refuse(struct reading *reading, const struct json *item, const char *wrong)
{
	bool text = item->type == JSON_STRING;
	json_error(&reading->document, item, reading->diag, "%s%s%s", text ? QUOTE(item->text) : "", text ? ": " : "", wrong);
	return ERROR_INPUT;
}

/* Takes one string of a list. */
static int fact_take(struct reading *reading, enum address_kind kind, const struct json *item)
{
	struct ip_prefix prefix;
	if (item->type != JSON_STRING)
		return fact_refuse(reading, item, "an address in quotes is expected");
	size_t length = strlen(item->text);
	if (kind != ADDRESS_ME) {
		if (!ip_parse(item->text, length, &prefix.ip))
			return fact_refuse(reading, item,
					   "an address is expected, such as \"192.0.2.53\" or \"2001:db8::53\"");
		host_add_server(&reading->host, kind, &prefix.ip);
		return 0;
	}
	if (!ip_prefix_parse(item->text, length, &prefix))
		return fact_refuse(reading, item,
				   "an address with the length of its network is expected, such as \"192.0.2.10/24\"");
	if (ip_is_multicast(&prefix.ip))
		return fact_refuse(reading, item, "a multicast address is nobody's own");
	host_add_address(&reading->host, &prefix);
	return 0;
}

static int fact_list(struct reading *reading, const struct json *list)
{
	static const char *const keys[] = {"addresses", "dns", "wins", "dhcp", "gateway", NULL};
	size_t key = 0, count = 0;
	while (key < ARRAY_LENGTH(fact_keys) && strcmp(list->key, fact_keys[key].key) != 0)
		key++;
	if (key == ARRAY_LENGTH(fact_keys)) {
		const char *nearest = word_nearest(list->key, strlen(list->key), keys);
		json_key_error(&reading->document, list, reading->diag,
			       "unknown key%s%s: addresses, dns, wins, dhcp and gateway are known",
			       nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "");
		return ERROR_INPUT;
	}
	if (list->type != JSON_ARRAY)
		return fact_refuse(reading, list, "a list is expected, such as [\"192.0.2.53\"]");
	int error = 0;
	for (const struct json *item = list->child; item != NULL && error == 0; item = item->next)
		error = count++ < FACTS_MOST ? fact_take(reading, fact_keys[key].kind, item)
					     : fact_refuse(reading, item, "that is one more than are kept");
	return error;
}

int host_parse(const char *text, size_t length, const char *file, struct diag *diag, struct host *ret_host)
{
	struct reading reading = {.document = {arena_new(), file, text, length}, .diag = diag};
	struct json *root;
	int error = json_read(&reading.document, diag, &root);
	if (error == 0 && root->type != JSON_OBJECT)
		error = fact_refuse(&reading, root,
				    "an object is expected: {\"addresses\": [\"192.0.2.10/24\"], \"dns\": […]}");
	for (const struct json *list = error == 0 ? root->child : NULL; list != NULL && error == 0; list = list->next)
		error = fact_list(&reading, list);
	if (error < 0)
		host_done(&reading.host);
	else
		*ret_host = reading.host;
	arena_free(reading.document.arena);
	return error;
}
