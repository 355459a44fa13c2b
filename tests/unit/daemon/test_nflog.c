/* Datagrams of nfnetlink_log: what is in them, and that nothing outside of them is read. */
#include <criterion/criterion.h>

#include <linux/netfilter.h>

#include "bootcfg/daemon/drop.h"
#include "bootcfg/daemon/nflog.h"
#include "core/base/error.h"
#include "tests/unit/daemon/nflog_make.h"

static const struct made_packet made = {
	.prefix = "cordon:block:00000000deadbeef:lock down", .sequence = 7, .hook = NF_INET_LOCAL_IN, .indev = 3, .src = 0xcb007109,
	.dst = 0xc000020a, .protocol = 6, .srcport = 5000, .dstport = 22, .seconds = 1785542398, .uid = 1000,
};

Test(nflog, packet_is_read_whole)
{
	struct buffer datagram;
	struct nflog_packet packet;
	buffer_init(&datagram, 1 << 16);
	nflog_make(&made, &datagram);
	nflog_make(&(struct made_packet){.sequence = 8, .hook = NF_INET_LOCAL_OUT, .outdev = 2, .protocol = 17}, &datagram);
	nflog_make_end(&datagram);
	struct nflog_reader reader = {(uint8_t *)datagram.data, (uint8_t *)datagram.data + datagram.length};
	cr_assert_eq(nflog_next(&reader, &packet), 1);
	cr_expect_eq(cursor_left(&packet.prefix), strlen(made.prefix));
	cr_expect(memcmp(packet.prefix.at, made.prefix, strlen(made.prefix)) == 0);
	cr_expect(packet.has_sequence && packet.has_uid && packet.has_time);
	cr_expect_eq(packet.sequence, 7);
	cr_expect_eq(packet.uid, 1000);
	cr_expect_eq(packet.seconds, 1785542398);
	cr_expect_eq(packet.microseconds, 250000);
	cr_expect_eq(packet.indev, 3);
	cr_expect_eq(packet.outdev, 0);
	cr_expect_eq(packet.hook, NF_INET_LOCAL_IN);
	cr_expect_eq(packet.payload_length, MADE_PACKET);
	cr_assert_eq(nflog_next(&reader, &packet), 1);
	cr_expect_eq(packet.sequence, 8);
	cr_expect_eq(cursor_left(&packet.prefix), 0);
	cr_expect_not(packet.has_uid);
	cr_expect_not(packet.has_time);
	cr_expect_eq(packet.outdev, 2);
	cr_expect_eq(nflog_next(&reader, &packet), 0);
	cr_expect_eq(nflog_next(&reader, &packet), 0);
	buffer_done(&datagram);
}

Test(nflog, every_truncation_ends_cleanly)
{
	struct buffer datagram;
	buffer_init(&datagram, 1 << 16);
	nflog_make(&made, &datagram);
	for (size_t cut = 0; cut < datagram.length; cut++) {
		uint8_t *exact = malloc(cut + (cut == 0));
		struct nflog_reader reader = {exact, exact + cut};
		struct nflog_packet packet;
		memcpy(exact, datagram.data, cut);
		cr_expect_eq(nflog_next(&reader, &packet), cut == 0 ? 0 : ERROR_DAMAGED, "%zu", cut);
		free(exact);
	}
	buffer_done(&datagram);
}

/* Each byte changed in turn, to each of some values: no read outside, and an end. */
Test(nflog, every_changed_byte_is_harmless)
{
	static const uint8_t values[] = {0, 1, 3, 4, 0x7f, 0x80, 0xff};
	struct buffer datagram;
	buffer_init(&datagram, 1 << 16);
	nflog_make(&made, &datagram);
	for (size_t at = 0; at < datagram.length; at++) {
		for (size_t i = 0; i < sizeof(values); i++) {
			uint8_t *exact = malloc(datagram.length);
			memcpy(exact, datagram.data, datagram.length);
			exact[at] = values[i];
			struct nflog_reader reader = {exact, exact + datagram.length};
			struct nflog_packet packet;
			struct drop drop;
			unsigned count = 0;
			while (nflog_next(&reader, &packet) == 1 && count < 100) {
				(void)drop_read(&packet, &drop);
				count++;
			}
			cr_expect(count <= 1, "byte %zu", at);
			free(exact);
		}
	}
	buffer_done(&datagram);
}

static bool read_prefix(const char *prefix, uint8_t hook, struct drop *ret_drop)
{
	const struct nflog_packet packet = {.prefix = cursor_text(prefix), .hook = hook, .indev = 2, .outdev = 3};
	return drop_read(&packet, ret_drop);
}

Test(drop, prefix_says_what_and_why)
{
	struct drop drop;
	cr_assert(read_prefix("cordon:block:0123456789abcdef:a rule: with colons", NF_INET_LOCAL_IN, &drop));
	cr_expect_eq(drop.kind, DROP_BLOCK);
	cr_expect_eq(drop.hash, UINT64_C(0x0123456789abcdef));
	cr_expect_eq(cursor_left(&drop.rule), strlen("a rule: with colons"));
	cr_expect_eq(drop.record.eventid, 4290);
	cr_expect_eq(drop.interface, 2);
	cr_assert(read_prefix("cordon:observe:0123456789abcdef:", NF_INET_LOCAL_OUT, &drop));
	cr_expect_eq(drop.kind, DROP_OBSERVE);
	cr_expect(memcmp(drop.record.action.at, "ALLOW", 5) == 0);
	cr_expect_eq(drop.record.eventid, 4291);
	cr_expect_eq(drop.interface, 3);
	cr_assert(read_prefix("cordon:boot:0123456789abcdef:boot", NF_INET_FORWARD, &drop));
	cr_expect_eq(drop.kind, DROP_BOOT);
	cr_expect_eq(drop.direction, DIRECTION_FORWARD);
	cr_expect_eq(drop.interface, 2);
	cr_expect_eq(drop.record.eventid, 4290);
}

Test(drop, foreign_prefixes_are_no_drops_of_ours)
{
	static const char *const bad[] = {
		"", "cordon", "cordon:", "cordon:block", "cordon:block:", "cordon:block:0123456789abcde:x", "cordon:block:0123456789ABCDEF:x",
		"cordon:block:0123456789abcdef", "cordon:permit:0123456789abcdef:x", "CORDON:block:0123456789abcdef:x",
		"cordon:block:0123456789abcdefx:", " cordon:block:0123456789abcdef:x", "nft: drop",
	};
	struct drop drop;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_expect_not(read_prefix(bad[i], NF_INET_LOCAL_IN, &drop), "%s", bad[i]);
	/* A hook that there is not is no reason to lose a drop. */
	cr_expect(read_prefix("cordon:block:0123456789abcdef:x", 255, &drop));
}
