/* What the kernel tells of transactions, from a script; also what it would never tell. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/target/nftables_watch.h"

struct script {
	_Alignas(8) char bytes[65536];
	size_t length;
};

static struct nlmsghdr *message_add(struct script *script, uint16_t type, uint8_t family)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(script->bytes + script->length);
	header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	struct nfgenmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->nfgen_family = family;
	return header;
}

static void object_add(struct script *script, uint16_t type, uint8_t family, const char *table)
{
	struct nlmsghdr *header = message_add(script, type, family);
	mnl_attr_put_strz(header, NFTA_TABLE_NAME, table);
	script->length += header->nlmsg_len;
}

static void end_add(struct script *script, uint32_t number, uint32_t pid, const char *name)
{
	struct nlmsghdr *header = message_add(script, NFT_MSG_NEWGEN, AF_UNSPEC);
	mnl_attr_put_u32(header, NFTA_GEN_ID, htonl(number));
	mnl_attr_put_u32(header, NFTA_GEN_PROC_PID, htonl(pid));
	mnl_attr_put_strz(header, NFTA_GEN_PROC_NAME, name);
	script->length += header->nlmsg_len;
}

Test(nftables_watch, tells_transactions_apart)
{
	struct script script = {.length = 0};
	struct nftables_watch *watch = nftables_watch_new();
	struct nftables_change change;
	object_add(&script, NFT_MSG_DELRULE, NFPROTO_INET, "cordon");
	object_add(&script, NFT_MSG_DELTABLE, NFPROTO_INET, "cordon");
	end_add(&script, 7, 4711, "nft");
	object_add(&script, NFT_MSG_NEWCHAIN, NFPROTO_IPV4, "cordon");
	end_add(&script, 8, 4712, "firewalld");
	object_add(&script, NFT_MSG_NEWSETELEM, NFPROTO_INET, "other");
	end_add(&script, 9, 4713, "a name that is much too long");
	nftables_watch_take(watch, script.bytes, script.length);
	cr_assert(nftables_watch_next(watch, &change));
	cr_expect(change.ours && !change.others && !change.self && !change.overrun);
	cr_expect_eq(change.number, 7);
	cr_expect_eq(change.pid, 4711);
	cr_expect_str_eq(change.name, "nft");
	cr_assert(nftables_watch_next(watch, &change));
	cr_expect(!change.ours && change.others, "a table of ours is of the family inet");
	cr_assert(nftables_watch_next(watch, &change));
	cr_expect(!change.ours && !change.others);
	cr_expect_str_eq(change.name, "a name that is ");
	cr_expect_not(nftables_watch_next(watch, &change));
	nftables_watch_close(watch);
}

Test(nftables_watch, joins_what_comes_in_pieces)
{
	struct script first = {.length = 0}, second = {.length = 0};
	struct nftables_watch *watch = nftables_watch_new();
	struct nftables_change change;
	object_add(&first, NFT_MSG_DELRULE, NFPROTO_INET, "cordon");
	end_add(&second, 3, 1, "x");
	nftables_watch_take(watch, first.bytes, first.length);
	cr_expect_not(nftables_watch_next(watch, &change));
	nftables_watch_take(watch, second.bytes, second.length);
	cr_assert(nftables_watch_next(watch, &change));
	cr_expect(change.ours);
	nftables_watch_close(watch);
}

Test(nftables_watch, more_than_it_holds_is_an_overrun)
{
	struct script script = {.length = 0};
	struct nftables_watch *watch = nftables_watch_new();
	struct nftables_change change = {.pid = 0};
	size_t count = 0;
	bool ours = false;
	for (uint32_t i = 0; i < 500; i++) {
		if (i == 499)
			object_add(&script, NFT_MSG_DELTABLE, NFPROTO_INET, "cordon");
		end_add(&script, i, i, "x");
	}
	nftables_watch_take(watch, script.bytes, script.length);
	for (; nftables_watch_next(watch, &change); count++)
		ours |= change.ours;
	cr_expect(count > 1 && count < 500);
	cr_expect(ours && change.overrun, "that ours was changed is not lost");
	nftables_watch_close(watch);
}

Test(nftables_watch, whatever_comes_is_read_within_its_bounds)
{
	struct script script = {.length = 0};
	struct nftables_watch *watch = nftables_watch_new();
	struct nftables_change change;
	srand(4);
	object_add(&script, NFT_MSG_DELRULE, NFPROTO_INET, "cordon");
	end_add(&script, 7, 4711, "nft");
	for (size_t cut = 0; cut <= script.length; cut++) {
		char *bytes = malloc(cut + 1);
		memcpy(bytes, script.bytes, cut);
		nftables_watch_take(watch, bytes, cut);
		free(bytes);
	}
	for (unsigned round = 0; round < 20000; round++) {
		char *bytes = malloc(script.length);
		memcpy(bytes, script.bytes, script.length);
		for (unsigned i = 0; i < 1 + round % 6; i++)
			bytes[(size_t)rand() % script.length] = (char)rand();
		nftables_watch_take(watch, bytes, script.length);
		free(bytes);
		while (nftables_watch_next(watch, &change))
			cr_assert(memchr(change.name, '\0', sizeof(change.name)) != NULL);
	}
	nftables_watch_close(watch);
}
