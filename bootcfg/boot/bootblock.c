/* The block set that the program has built in, as messages made by hand: what is loaded when the boot file is
 * missing, damaged or refused.  Only expressions that every nf_tables has. */
#include <linux/netfilter.h>
#include <stddef.h>

#include "bootcfg/boot/attribute.h"
#include "bootcfg/boot/bootload.h"
#include "core/base/attr.h"

/* Must be those of nftables_plan.h: the tests parse them with its functions. */
#define TABLE "cordon"
#define TOTAL "boot_dropped"
#define COMMENT                                                                                                            \
	"generation 0, boot, block, digest "                                                                               \
	"0000000000000000000000000000000000000000000000000000000000000000"

enum { LOOPBACK_TYPE = 772, REGISTER = NFT_REG32_00, MOST = 4 };

/* One look at a packet: some bytes of it, compared. */
struct look {
	enum { LOOK_END, LOOK_META, LOOK_NETWORK, LOOK_TRANSPORT } what;
	uint32_t at;               /* NFT_META_…, or an offset in the header */
	uint32_t length;
	uint8_t from[2], to[2];    /* network order (device types: the host's); equal: exactly this */
};

/* A rule that lets pass: in which chains, and what must hold.  All of the looks, in order. */
struct pass {
	const char *chain, *comment;
	struct look looks[MOST];
};

#define FAMILY(number) {LOOK_META, NFT_META_NFPROTO, 1, {number}, {number}}
#define PROTOCOL(number) {LOOK_META, NFT_META_L4PROTO, 1, {number}, {number}}
#define PORTS(at, number) {LOOK_TRANSPORT, at, 2, {(number) >> 8, (number)&0xff}, {(number) >> 8, (number)&0xff}}
#define DEVICE(key) {LOOK_META, key, 2, {0}, {0}}
#define ND_TYPES {LOOK_TRANSPORT, 0, 1, {133}, {136}}
#define HOP_LIMIT {LOOK_NETWORK, 7, 1, {255}, {255}}
#define DHCP(chain, family, from, to) \
	{chain, "permit | - | dhcp | -", {FAMILY(family), PROTOCOL(IPPROTO_UDP), PORTS(0, from), PORTS(2, to)}}
#define ND(chain) {chain, "permit | - | nd | -", {FAMILY(NFPROTO_IPV6), PROTOCOL(IPPROTO_ICMPV6), HOP_LIMIT, ND_TYPES}}

static const struct pass passes[] = {
	{"g0_input", "permit | - | loopback | -", {DEVICE(NFT_META_IIFTYPE)}},
	ND("g0_input"),
	DHCP("g0_input", NFPROTO_IPV4, 67, 68),
	DHCP("g0_input", NFPROTO_IPV6, 547, 546),
	{"g0_output", "permit | - | loopback | -", {DEVICE(NFT_META_OIFTYPE)}},
	ND("g0_output"),
	DHCP("g0_output", NFPROTO_IPV4, 68, 67),
	DHCP("g0_output", NFPROTO_IPV6, 546, 547),
};

static const struct {
	const char *base, *entry;
	uint32_t hook;
} bases[] = {
	{"input", "g0_input", NF_INET_LOCAL_IN},
	{"forward", "g0_forward", NF_INET_FORWARD},
	{"output", "g0_output", NF_INET_LOCAL_OUT},
};

static void comment_put(struct buffer *buffer, const char *text)
{
	uint8_t data[2 + 255] = {0};
	size_t length = strlen(text) + 1;
	data[1] = (uint8_t)length;
	memcpy(data + 2, text, length);
	attribute_put(buffer, NFTA_RULE_USERDATA, data, length + 2);
}

/* A named expression: its data is filled in between. */
static void expression_begin(struct buffer *buffer, const char *name, size_t ret_begins[2])
{
	ret_begins[0] = nest_begin(buffer, NFTA_LIST_ELEM);
	attribute_put_text(buffer, NFTA_EXPR_NAME, name);
	ret_begins[1] = nest_begin(buffer, NFTA_EXPR_DATA);
}

static void expression_end(struct buffer *buffer, const size_t begins[2])
{
	nest_end(buffer, begins[1]);
	nest_end(buffer, begins[0]);
}

static void compare_put(struct buffer *buffer, uint32_t operation, const uint8_t *value, size_t length)
{
	size_t begins[2];
	expression_begin(buffer, "cmp", begins);
	attribute_put_number(buffer, NFTA_CMP_SREG, REGISTER);
	attribute_put_number(buffer, NFTA_CMP_OP, operation);
	size_t nest = nest_begin(buffer, NFTA_CMP_DATA);
	attribute_put(buffer, NFTA_DATA_VALUE, value, length);
	nest_end(buffer, nest);
	expression_end(buffer, begins);
}

static void look_put(struct buffer *buffer, const struct look *look)
{
	static const uint16_t loopback = LOOPBACK_TYPE;
	bool device = look->what == LOOK_META && look->length == 2;
	size_t begins[2];
	expression_begin(buffer, look->what == LOOK_META ? "meta" : "payload", begins);
	if (look->what == LOOK_META) {
		attribute_put_number(buffer, NFTA_META_KEY, look->at);
		attribute_put_number(buffer, NFTA_META_DREG, REGISTER);
	} else {
		attribute_put_number(buffer, NFTA_PAYLOAD_DREG, REGISTER);
		attribute_put_number(buffer, NFTA_PAYLOAD_BASE,
				     look->what == LOOK_NETWORK ? NFT_PAYLOAD_NETWORK_HEADER : NFT_PAYLOAD_TRANSPORT_HEADER);
		attribute_put_number(buffer, NFTA_PAYLOAD_OFFSET, look->at);
		attribute_put_number(buffer, NFTA_PAYLOAD_LEN, look->length);
	}
	expression_end(buffer, begins);
	if (device) {
		compare_put(buffer, NFT_CMP_EQ, (const uint8_t *)&loopback, sizeof(loopback));
	} else if (memcmp(look->from, look->to, look->length) == 0) {
		compare_put(buffer, NFT_CMP_EQ, look->from, look->length);
	} else {
		compare_put(buffer, NFT_CMP_GTE, look->from, look->length);
		compare_put(buffer, NFT_CMP_LTE, look->to, look->length);
	}
}

/* What a rule decides; chain: of a goto, or NULL. */
static void verdict_put(struct buffer *buffer, uint32_t code, const char *chain)
{
	size_t begins[2];
	expression_begin(buffer, "immediate", begins);
	attribute_put_number(buffer, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = nest_begin(buffer, NFTA_IMMEDIATE_DATA), verdict = nest_begin(buffer, NFTA_DATA_VERDICT);
	attribute_put_number(buffer, NFTA_VERDICT_CODE, code);
	if (chain != NULL)
		attribute_put_text(buffer, NFTA_VERDICT_CHAIN, chain);
	nest_end(buffer, verdict);
	nest_end(buffer, data);
	expression_end(buffer, begins);
}

static void counter_put(struct buffer *buffer)
{
	size_t begins[2];
	expression_begin(buffer, "objref", begins);
	attribute_put_number(buffer, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	attribute_put_text(buffer, NFTA_OBJREF_IMM_NAME, TOTAL);
	expression_end(buffer, begins);
}

/* A rule up to its expressions. */
static void rule_begin(struct buffer *buffer, const char *chain, size_t ret_begins[2])
{
	ret_begins[0] = netmessage_begin_table(buffer, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	attribute_put_text(buffer, NFTA_RULE_TABLE, TABLE);
	attribute_put_text(buffer, NFTA_RULE_CHAIN, chain);
	ret_begins[1] = nest_begin(buffer, NFTA_RULE_EXPRESSIONS);
}

static void rule_end(struct buffer *buffer, const size_t begins[2], const char *comment)
{
	nest_end(buffer, begins[1]);
	comment_put(buffer, comment);
	netmessage_end(buffer, begins[0]);
}

static void chain_put(struct buffer *buffer, const char *name, const uint32_t *hook)
{
	size_t begin = netmessage_begin_table(buffer, NFT_MSG_NEWCHAIN, hook != NULL ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_EXCL);
	attribute_put_text(buffer, NFTA_CHAIN_TABLE, TABLE);
	attribute_put_text(buffer, NFTA_CHAIN_NAME, name);
	if (hook != NULL) {
		size_t nest = nest_begin(buffer, NFTA_CHAIN_HOOK);
		attribute_put_number(buffer, NFTA_HOOK_HOOKNUM, *hook);
		attribute_put_number(buffer, NFTA_HOOK_PRIORITY, 0);
		nest_end(buffer, nest);
		attribute_put_number(buffer, NFTA_CHAIN_POLICY, NF_ACCEPT);
		attribute_put_text(buffer, NFTA_CHAIN_TYPE, "filter");
	}
	netmessage_end(buffer, begin);
}

static void table_put(struct buffer *buffer)
{
	size_t begin = netmessage_begin_table(buffer, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	attribute_put_text(buffer, NFTA_TABLE_NAME, TABLE);
	attribute_put_number(buffer, NFTA_TABLE_FLAGS, 0);
	netmessage_end(buffer, begin);
	begin = netmessage_begin_table(buffer, NFT_MSG_NEWOBJ, NLM_F_CREATE);
	attribute_put_text(buffer, NFTA_OBJ_TABLE, TABLE);
	attribute_put_text(buffer, NFTA_OBJ_NAME, TOTAL);
	attribute_put_number(buffer, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	nest_end(buffer, nest_begin(buffer, NFTA_OBJ_DATA));
	netmessage_end(buffer, begin);
}

void bootblock_messages(struct buffer *messages)
{
	size_t begins[2];
	table_put(messages);
	for (size_t i = 0; i < ARRAY_LENGTH(bases); i++)
		chain_put(messages, bases[i].entry, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(passes); i++) {
		rule_begin(messages, passes[i].chain, begins);
		for (size_t j = 0; j < MOST && passes[i].looks[j].what != LOOK_END; j++)
			look_put(messages, &passes[i].looks[j]);
		verdict_put(messages, NF_ACCEPT, NULL);
		rule_end(messages, begins, passes[i].comment);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bases); i++) {
		rule_begin(messages, bases[i].entry, begins);
		counter_put(messages);
		verdict_put(messages, NF_DROP, NULL);
		rule_end(messages, begins, "block | - | boot | -");
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bases); i++)
		chain_put(messages, bases[i].base, &bases[i].hook);
	for (size_t i = 0; i < ARRAY_LENGTH(bases); i++) {
		rule_begin(messages, bases[i].base, begins);
		verdict_put(messages, (uint32_t)NFT_GOTO, bases[i].entry);
		rule_end(messages, begins, COMMENT);
	}
}
