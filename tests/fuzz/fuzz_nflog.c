/* Datagrams of nfnetlink_log through the whole collector: nothing outside of them is read, every drop in them is either
 * written or counted, and what is written are lines that a W3C reader takes apart again. */
#include <string.h>

#include "bootcfg/daemon/collector.h"
#include "bootcfg/daemon/drop.h"
#include "core/base/utf8.h"
#include "core/record/w3c.h"
#include "tests/fuzz/fuzz.h"

static const struct message_settings settings = {.diagnostics = 7, .interval = 60, .mode = "secure"};

static void line_check(const struct drop *drop)
{
	struct buffer line;
	struct record record = drop->record;
	struct name name = {.hash = drop->hash, .rule = drop->rule};
	buffer_init(&line, 1 << 24);
	drop_name_set(&record, &name);
	w3c_line(&record, &line);
	FUZZ_ASSERT(line.length > 0 && !line.full && line.data[line.length - 1] == '\n');
	FUZZ_ASSERT(utf8_check(line.data, line.length, NULL));
	for (size_t i = 0; i + 1 < line.length; i++)
		FUZZ_ASSERT((unsigned char)line.data[i] >= ' ' && line.data[i] != 0x7f);
	buffer_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct nflog_reader reader = {bytes, bytes + length};
	struct nflog_packet packet;
	struct drop drop;
	struct message_counts counts;
	uint64_t drops = 0;
	while (nflog_next(&reader, &packet) == 1) {
		if (!drop_read(&packet, &drop))
			continue;
		drops++;
		line_check(&drop);
	}
	struct loop *loop = loop_new_scripted(0);
	const struct collector_options options = {.nflog = -1, .folder = -1, .sources = 16, .burst = 4, .rate = 1};
	struct collector *collector = collector_new(loop, &options);
	FUZZ_ASSERT(collector_message(collector, MESSAGE_SETTINGS, &settings, cursor_of("", 0)) == 0);
	collector_datagram(collector, bytes, length);
	loop_advance(loop, 60000);
	collector_counts(collector, &counts);
	FUZZ_ASSERT(counts.received == drops && counts.written + counts.counted == drops);
	collector_free(collector);
	loop_free(loop);
	return 0;
}
