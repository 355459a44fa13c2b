/* What the boot rules have counted, out of the kernel: the sets of every generation of start-up rules that is still
 * there (the initial RAM disk's and the system's), and the counter of all. */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>

#include "bootcfg/boot/attribute.h"
#include "bootcfg/boot/bootfile.h"
#include "bootcfg/target/nftables_channel.h"
#include "bootcfg/target/nftables_plan.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum { SETS_MOST = 64, READS_MOST = 10, PORT_LENGTH = 4 };

struct drop_set {
	char *name;
	unsigned family;
};

struct reading {
	struct drop_set sets[SETS_MOST];
	size_t set_count;
	unsigned family;             /* of the set that is being read */
	struct bootdrop *drops;
	size_t count, capacity;
	uint64_t packets, bytes;     /* of the counter of all */
};

static uint64_t number_of(const struct attribute *attribute)
{
	uint64_t number = 0;
	for (size_t i = 0; attribute->length == sizeof(number) && i < sizeof(number); i++)
		number = number << 8 | (unsigned char)attribute->bytes[i];
	return number;
}

/* The attributes of a message of the kernel's; false when it is not about our table. */
static bool message_ours(const struct nlmsghdr *header, uint16_t table_attribute, struct attributes *ret_attributes)
{
	const char *bytes = (const char *)header;
	struct attributes run = {bytes, bytes + header->nlmsg_len};
	struct netmessage message;
	struct attribute name;
	if (!netmessage_take(&run, &message) || header->nlmsg_len < MESSAGE_HEAD || message.netfilter.nfgen_family != NFPROTO_INET ||
	    !attribute_find(message.attributes, table_attribute, &name) || !attribute_is(&name, PLAN_TABLE))
		return false;
	*ret_attributes = message.attributes;
	return true;
}

static bool counter_read(struct attributes attributes, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct attribute packets, bytes;
	if (!attribute_find(attributes, NFTA_COUNTER_PACKETS, &packets) || !attribute_find(attributes, NFTA_COUNTER_BYTES, &bytes))
		return false;
	*ret_packets = number_of(&packets);
	*ret_bytes = number_of(&bytes);
	return true;
}

static int set_take(const struct nlmsghdr *header, void *context)
{
	struct reading *reading = context;
	struct attributes attributes;
	struct attribute name;
	if (!message_ours(header, NFTA_SET_TABLE, &attributes) || !attribute_find(attributes, NFTA_SET_NAME, &name) ||
	    name.length == 0 || name.bytes[name.length - 1] != '\0')
		return 0;
	unsigned family = plan_boot_drops_family(name.bytes);
	if (family != FAMILY_NONE && reading->set_count < SETS_MOST)
		reading->sets[reading->set_count++] = (struct drop_set){memory_text(name.bytes), family};
	return 0;
}

static int total_take(const struct nlmsghdr *header, void *context)
{
	struct reading *reading = context;
	struct attributes attributes;
	struct attribute name, data;
	if (message_ours(header, NFTA_OBJ_TABLE, &attributes) && attribute_find(attributes, NFTA_OBJ_NAME, &name) &&
	    attribute_is(&name, PLAN_BOOT_TOTAL) && attribute_find(attributes, NFTA_OBJ_DATA, &data))
		(void)counter_read(attributes_of(&data), &reading->packets, &reading->bytes);
	return 0;
}

/* An element's counter: an expression of its own, or the first of several. */
static bool element_counter(struct attributes element, struct bootdrop *drop)
{
	struct attribute expression, list, name, data;
	bool found = attribute_find(element, NFTA_SET_ELEM_EXPR, &expression);
	if (!found && attribute_find(element, NFTA_SET_ELEM_EXPRESSIONS, &list)) {
		struct attributes rest = attributes_of(&list);
		found = attribute_take(&rest, &expression);
	}
	return found && attribute_find(attributes_of(&expression), NFTA_EXPR_NAME, &name) && attribute_is(&name, "counter") &&
	       attribute_find(attributes_of(&expression), NFTA_EXPR_DATA, &data) &&
	       counter_read(attributes_of(&data), &drop->packets, &drop->bytes);
}

/* Source, protocol, port; each padded to four bytes. */
static bool element_key(struct attributes element, unsigned family, struct bootdrop *drop)
{
	struct attribute key, value;
	size_t size = family_bits(family) / 8;
	if (!attribute_find(element, NFTA_SET_ELEM_KEY, &key) || !attribute_find(attributes_of(&key), NFTA_DATA_VALUE, &value) ||
	    value.length != size + 2 * PORT_LENGTH)
		return false;
	const unsigned char *bytes = (const unsigned char *)value.bytes;
	drop->family = (uint8_t)family;
	drop->src.family = (uint8_t)family;
	memcpy(drop->src.bytes, bytes, size);
	drop->protocol = bytes[size];
	drop->dstport = (uint16_t)(bytes[size + PORT_LENGTH] << 8 | bytes[size + PORT_LENGTH + 1]);
	return true;
}

static int elements_take(const struct nlmsghdr *header, void *context)
{
	struct reading *reading = context;
	struct attributes attributes;
	struct attribute list, item;
	if (!message_ours(header, NFTA_SET_ELEM_LIST_TABLE, &attributes) ||
	    !attribute_find(attributes, NFTA_SET_ELEM_LIST_ELEMENTS, &list))
		return 0;
	for (struct attributes rest = attributes_of(&list); attribute_take(&rest, &item);) {
		struct bootdrop drop = {.packets = 0};
		if (!element_key(attributes_of(&item), reading->family, &drop) || !element_counter(attributes_of(&item), &drop) ||
		    drop.packets == 0)
			continue;
		if (reading->count == reading->capacity) {
			reading->capacity = 2 * reading->capacity + 64;
			reading->drops = memory_resize_array(reading->drops, reading->capacity, sizeof(*reading->drops));
		}
		reading->drops[reading->count++] = drop;
	}
	return 0;
}

/* The total is read last: what falls in between counts as not counted singly, and never the other way round. */
static int drops_read(struct channel *channel, struct reading *reading)
{
	const struct channel_query sets = {NFT_MSG_GETSET, NFPROTO_INET, NFTA_SET_TABLE, 0, PLAN_TABLE, NULL};
	const struct channel_query total = {NFT_MSG_GETOBJ, NFPROTO_INET, NFTA_OBJ_TABLE, 0, PLAN_TABLE, NULL};
	int error = channel_dump(channel, &sets, set_take, reading);
	for (size_t i = 0; i < reading->set_count && error == 0; i++) {
		const struct channel_query elements = {NFT_MSG_GETSETELEM, NFPROTO_INET, NFTA_SET_ELEM_LIST_TABLE,
						       NFTA_SET_ELEM_LIST_SET, PLAN_TABLE, reading->sets[i].name};
		reading->family = reading->sets[i].family;
		error = channel_dump(channel, &elements, elements_take, reading);
	}
	return error == 0 ? channel_dump(channel, &total, total_take, reading) : error;
}

static void reading_done(struct reading *reading)
{
	for (size_t i = 0; i < reading->set_count; i++)
		free(reading->sets[i].name);
	free(reading->drops);
	*reading = (struct reading){.set_count = 0};
}

static int drops_tell(const struct reading *reading, int (*take)(const struct bootdrop *drop, void *context), void *context)
{
	struct bootdrop rest = {.packets = reading->packets, .bytes = reading->bytes};
	int error = 0;
	for (size_t i = 0; i < reading->count && error == 0; i++) {
		const struct bootdrop *drop = &reading->drops[i];
		rest.packets -= drop->packets < rest.packets ? drop->packets : rest.packets;
		rest.bytes -= drop->bytes < rest.bytes ? drop->bytes : rest.bytes;
		error = take(drop, context);
	}
	return error == 0 && rest.packets > 0 ? take(&rest, context) : error;
}

int bootdrop_read(struct diag *diag, int (*take)(const struct bootdrop *drop, void *context), void *context)
{
	struct channel *channel = NULL;
	struct reading reading = {.set_count = 0};
	int error = channel_open(&channel);
	for (int i = 0; i < READS_MOST && error == 0; i++) {
		error = drops_read(channel, &reading);
		if (error != -EINTR && error != -ENOENT)
			break;
		/* It changed meanwhile; or there is no table, which is nothing to tell. */
		reading_done(&reading);
		error = error == -ENOENT || i + 1 < READS_MOST ? 0 : error;
	}
	channel_close(channel);
	if (error < 0) {
		diag_error(diag, NULL, "what was dropped while the machine started cannot be read: %s", channel_explain(error));
		error = ERROR_SYSTEM;
	} else {
		error = drops_tell(&reading, take, context);
	}
	reading_done(&reading);
	return error;
}
