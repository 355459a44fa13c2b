/* Netlink to nf_tables: dumps, and batches.  A batch is one transaction: all of it or nothing.  Functions return
 * 0 or a negative errno; the caller knows what it was about and words it (channel_explain). */
#ifndef CORDON_BOOTCFG_TARGET_NFTABLES_CHANNEL_H
#define CORDON_BOOTCFG_TARGET_NFTABLES_CHANNEL_H

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel;

/* Every attribute of a message (after its fixed part of `header` bytes), or of a nest: as mnl's own loops, with
 * clean conversions. */
#define attribute_each(attribute, message, header)                                                                       \
	for ((attribute) = mnl_nlmsg_get_payload_offset((message), (header));                                             \
	     mnl_attr_ok((attribute), attribute_left((attribute), mnl_nlmsg_get_payload_tail(message)));                   \
	     (attribute) = mnl_attr_next(attribute))
#define attribute_each_nested(attribute, nest)                                                                           \
	for ((attribute) = mnl_attr_get_payload(nest);                                                                    \
	     mnl_attr_ok((attribute), attribute_left((attribute), (const char *)mnl_attr_get_payload(nest) +               \
									  mnl_attr_get_payload_len(nest)));               \
	     (attribute) = mnl_attr_next(attribute))
static inline int attribute_left(const struct nlattr *attribute, const void *end)
{
	return (int)((const char *)end - (const char *)attribute);
}

/* Caller closes.  *ret_channel is untouched on failure. */
int channel_open(struct channel **ret_channel);
void channel_close(struct channel *channel); /* NULL is fine */

/* What an errno means here, in words; static text. */
const char *channel_explain(int error);

/* The number of the kernel's ruleset: every transaction of anybody changes it. */
int channel_generation(struct channel *channel, uint32_t *ret_generation);

/* What to dump: NFT_MSG_GET…, and the attributes that narrow it (0: none). */
struct channel_query {
	uint16_t message;
	uint8_t family;
	uint16_t table_attribute, name_attribute;
	const char *table, *name;
};
/* take returns 0, or a negative errno that ends the dump.  -EINTR: the ruleset changed meanwhile, ask again.
 * -ENOENT: the table or set is not there. */
int channel_dump(struct channel *channel, const struct channel_query *query,
		 int (*take)(const struct nlmsghdr *message, void *context), void *context);

/* A message of the next batch, to be filled with attributes and ended by the next of these calls.  It may grow to
 * CHANNEL_MESSAGE bytes. */
enum { CHANNEL_MESSAGE = 32768 };
struct nlmsghdr *channel_add(struct channel *channel, uint16_t message, uint16_t flags, uint8_t family);
bool channel_full(const struct channel *channel);  /* commit before adding more */
bool channel_empty(const struct channel *channel); /* nothing has been added */

size_t channel_room(const struct channel *channel); /* bytes of the largest transaction of libnftables */

/* Where a batch was refused. */
struct refusal {
	size_t message;  /* the how-manieth of the batch, from 0; SIZE_MAX: the batch as a whole */
	uint32_t offset; /* of the offending attribute in the message, or 0 */
	const struct nlmsghdr *header; /* the message as it was sent, until the next channel_add; or NULL */
};
/* Sends it and reads every answer.  generation: the kernel refuses with -ERESTART when its ruleset is another by
 * now; 0: any will do.  ret_refusal may be NULL.  The batch is empty afterwards. */
int channel_commit(struct channel *channel, uint32_t generation, struct refusal *ret_refusal);
void channel_discard(struct channel *channel);

/* Counts one thing sent; -ENOBUFS when the tests want this one to fail (CORDON_FAIL_SEND=k, developer builds). */
int channel_send_fault(void);

#endif
