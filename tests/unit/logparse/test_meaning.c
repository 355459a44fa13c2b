/* What each event of Windows says of packets: every provider and id that the readers' contract names. */
#include "logparse/meaning.h"
#include "tests/unit/logparse/evt_make.h"
#include "tests/unit/logparse/evtx_make.h"
#include "tests/unit/logparse/log_expect.h"

enum { UNIX = 1063360000 /* 2003-09-12 09:46:40 */ };
static const uint64_t time_first = UINT64_C(131000000000000000); /* 2016-02-15 08:53:20 */

/* --- .evt --- */

/* One record of .evt, read. */
static void evt_read(const char *source, uint32_t id, const char *const *strings, size_t count, const uint8_t *data, size_t size, struct log_reading *reading)
{
	struct evt_make *make = malloc(sizeof(*make));
	cr_assert_not_null(make);
	evt_make_init(make, 4096, 7);
	evt_make_add(make, &(struct evt_make_record){.time = UNIX, .written = UNIX, .id = id, .type = 4, .source = source, .computer = "WEB01",
						     .strings = strings, .string_count = count, .data = data, .data_size = size});
	evt_make_end(make, false);
	log_bytes(make->bytes, make->size, NULL, NULL, reading);
	cr_expect_eq(reading->count, 1);
	evt_make_done(make);
	free(make);
}

/* The drop that an event is, without what is the same in all: from x-action on; "" when it means nothing. */
static void evt_is(const char *source, uint32_t id, const char *const *strings, size_t count, const char *wanted)
{
	struct log_reading reading;
	char whole[512];
	evt_read(source, id, strings, count, NULL, 0, &reading);
	(void)snprintf(whole, sizeof(whole), "2003-09-12 09:46:40 %s %u %s", source, id & 0xffff, wanted);
	struct cursor drop = log_line(&reading.drops, 0);
	size_t length = *wanted != '\0' ? strlen(whole) : 0;
	cr_expect(cursor_left(&drop) == length && memcmp(drop.at, whole, length) == 0, "%s %u is\n%.*s\nnot\n%s", source, id & 0xffff, (int)cursor_left(&drop),
		  drop.at, whole);
	log_reading_done(&reading);
}

#define TAIL(log) " - - - - - - 7 WEB01 " log " - - - - - -"
#define OTHER(log, mode) "- - - - - - - - - - - - - - - - - - 7 WEB01 " log " - - - " mode " - -"
static const char *const counted[] = {"", "12", "203.0.113.5"};
static const char *const sa[] = {"203.0.113.5", "3735928559", "12"};

Test(meaning, ipsec_4281_to_4297)
{
	static const char *const modes[] = {"block", "permit", "secure", "permit", "boot", "boot"};
	static const char *const packet[] = {"\\Device\\IPSEC", "203.0.113.5", "192.0.2.80", "6", "1025", "445"};
	static const char *const ping[] = {"", "203.0.113.5", "192.0.2.80", "1", "0", "0"};
	for (uint32_t id = 4281; id <= 4297; id++) {
		uint32_t full = (id < 4290 || id == 4292 ? 0xc0000000 : 0x40000000) | id;
		if (id >= 4283 && id <= 4288)
			evt_is("IPSec", full, counted, 3, "DROP in - 203.0.113.5 - - - - - - - 12" TAIL("System"));
		else if (id == 4290 || id == 4291)
			evt_is("IPSec", full, packet, 6,
			       id == 4290 ? "DROP in TCP 203.0.113.5 1025 192.0.2.80 445 - - - - -" TAIL("System")
					  : "DROP out TCP 203.0.113.5 1025 192.0.2.80 445 - - - - -" TAIL("System"));
		else if (id < 4290)
			evt_is("IPSec", full, counted, 1, OTHER("System", "-"));
		else {
			char wanted[128];
			(void)snprintf(wanted, sizeof(wanted), OTHER("System", "%s"), modes[id - 4292]);
			evt_is("IPSec", full, counted, 1, wanted);
		}
	}
	/* Zeros where there are no ports; values that are none; fewer of them. */
	evt_is("ipsec", 4290, ping, 6, "DROP in ICMP 203.0.113.5 - 192.0.2.80 - - - - - -" TAIL("System"));
	evt_is("IPSec", 4290, (const char *const[]){"", "nobody", "192.0.2.80", "300", "70000", "445"}, 6, "DROP in - - - 192.0.2.80 445 - - - - -" TAIL("System"));
	evt_is("IPSec", 4290, packet, 3, "DROP in - 203.0.113.5 - 192.0.2.80 - - - - - -" TAIL("System"));
	evt_is("IPSec", 4283, counted, 1, "DROP in - - - - - - - - - -" TAIL("System"));
	/* The number alone says nothing: netevent.dll of Windows 8 has it for something else. */
	evt_is("Tcpip", 4290, packet, 6, "");
	evt_is("IPSec", 4280, packet, 6, "");
	evt_is("IPSec", 4298, packet, 6, "");
}

Test(meaning, security_541_to_867)
{
	for (uint32_t id = 540; id <= 868; id++) {
		bool other = (id >= 541 && id <= 547) || (id >= 613 && id <= 616) || (id >= 848 && id <= 861);
		if (id >= 864 && id <= 867)
			evt_is("Security", id, sa, 3, "DROP in - 203.0.113.5 - - - - - - - 12 0xDEADBEEF - - - - - 7 WEB01 Security - - - - - -");
		else if (other || id == 548 || id == 612 || id == 617 || id == 847 || id == 863 || id == 868 || id == 540)
			evt_is("Security", id, sa, 3, other ? OTHER("Security", "-") : "");
	}
}

/* The filter of 541 to 547: by the order of its lines, whose labels are in the language of the machine. */
#define FILTER(label, source, dest, protocol, source_port, dest_port)                                                          \
	label source "\r\n" label "255.255.255.255\r\n" label dest "\r\n" label "255.255.255.255\r\n" label protocol "\r\n" label source_port \
	"\r\n" label dest_port "\r\n" label "198.51.100.1\r\n" label "198.51.100.2\r\n"
#define FILTERED(what) "- - " what " - - - - - - - - - - - 7 WEB01 Security - - - - - -"

Test(meaning, filters_of_ipsec_events)
{
	static const uint8_t places[] = {2, 0, 0, 1, 1, 1, 1};
	static const struct { const char *filter, *what; } rows[] = {
		{FILTER("Source IP Address ", "192.0.2.10", "203.0.113.5", "6", "0", "445"), "TCP 192.0.2.10 - 203.0.113.5 445"},
		{FILTER("Quell-IP: ", "2001:db8::1", "2001:db8::5", "17", "500", "0"), "UDP 2001:db8::1 500 2001:db8::5 -"},
		{FILTER("\t", "0.0.0.0", "203.0.113.5", "0", "0", "0"), "- - - 203.0.113.5 -"},
		{FILTER("IP :", "nobody", "Any", "300", "70000", "-1"), "- - - - -"},
		{"192.0.2.10\n255.255.255.0", "- 192.0.2.10 - - -"},
		{"192.0.2.10", "- - - - -"}, {"", "- - - - -"}, {"\n\n\n", "- - - - -"},
	};
	for (uint32_t id = 541; id <= 547; id++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			char wanted[256];
			/* Another string of several lines is none. */
			const char *strings[4] = {"Key Exchange Mode", "Peer\r\n10.9.9.9\r\n", "Other\r\n10.9.9.9\r\n", "Parameters\n10.9.9.9"};
			strings[places[id - 541]] = rows[i].filter;
			(void)snprintf(wanted, sizeof(wanted), FILTERED("%s"), rows[i].what);
			evt_is("Security", id, strings, 4, wanted);
		}
}

/* A fragment behind the first has no ports, whatever the strings have for them; unless it is another packet. */
Test(meaning, fragments_have_no_ports)
{
	uint8_t packet[] = {0x45, 0, 5, 0xdc, 0, 1, 0x20, 0xb9, 64, 17, 0, 0, 203, 0, 113, 5, 192, 0, 2, 80, 4, 1, 1, 0xbd};
	static const struct { const char *source, *ports[2]; uint8_t offset[2]; size_t length; const char *drop; } rows[] = {
		{"203.0.113.5", {"0", "0"}, {0x20, 0xb9}, 24, " DROP in UDP 203.0.113.5 - 192.0.2.80 - - - - 1500 "},
		{"203.0.113.5", {"1025", "445"}, {0x00, 0xb9}, 24, " DROP in UDP 203.0.113.5 - 192.0.2.80 - - - - 1500 "},
		{"203.0.113.5", {"1025", "445"}, {0x01, 0x00}, 24, " DROP in UDP 203.0.113.5 - 192.0.2.80 - - - - 1500 "},
		{"203.0.113.5", {"1025", "445"}, {0x20, 0x00}, 24, " DROP in UDP 203.0.113.5 1025 192.0.2.80 445 - - - 1500 "},
		{"203.0.113.6", {"1025", "445"}, {0x20, 0xb9}, 24, " DROP in UDP 203.0.113.6 1025 192.0.2.80 445 - - - 1500 "},
		{"203.0.113.5", {"1025", "445"}, {0x20, 0xb9}, 7, " DROP in UDP 203.0.113.5 1025 192.0.2.80 445 - - - 1500 "},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const strings[] = {"", rows[i].source, "192.0.2.80", "17", rows[i].ports[0], rows[i].ports[1]};
		uint8_t data[256];
		struct log_reading reading;
		memcpy(packet + 6, rows[i].offset, 2);
		size_t size = evt_make_dump(0x400010c2, 0xc0000022, packet, rows[i].length, data);
		evt_read("IPSec", 0x400010c2, strings, 6, data, size, &reading);
		HOLDS(&reading.drops, rows[i].drop);
		log_reading_done(&reading);
	}
}

Test(meaning, the_caught_packet_beside_the_strings)
{
	static const uint8_t packet[] = {0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 203, 0, 113, 5, 192, 0, 2, 80, 4, 1, 1, 0xbd, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 18, 0, 0, 0, 0, 0, 0};
	static const struct {
		const char *source, *dest, *protocol, *source_port, *dest_port;
		bool differs;
	} rows[] = {
		{"203.0.113.5", "192.0.2.80", "6", "1025", "445", false}, {"203.0.113.6", "192.0.2.80", "6", "1025", "445", true},
		{"203.0.113.5", "10.0.0.80", "6", "1025", "445", true},   {"203.0.113.5", "192.0.2.80", "17", "1025", "445", true},
		{"203.0.113.5", "192.0.2.80", "6", "1026", "445", true},  {"203.0.113.5", "192.0.2.80", "6", "1025", "446", true},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const strings[] = {"", rows[i].source, rows[i].dest, rows[i].protocol, rows[i].source_port, rows[i].dest_port};
		uint8_t data[256];
		struct log_reading reading;
		char wanted[256];
		size_t size = evt_make_dump(0x400010c2, 0xc000021b, packet, sizeof(packet), data);
		evt_read("IPSec", 0x400010c2, strings, 6, data, size, &reading);
		/* The strings win, the flags are the packet's. */
		(void)snprintf(wanted, sizeof(wanted), "2003-09-12 09:46:40 IPSec 4290 DROP in %s %s %s %s %s SA - - 40 - - - - - - 0xC000021B 7 WEB01 System - - - - - -\n",
			       rows[i].protocol[0] == '6' ? "TCP" : "UDP", rows[i].source, rows[i].source_port, rows[i].dest, rows[i].dest_port);
		cr_expect_str_eq(buffer_text(&reading.drops), wanted);
		cr_expect_eq(log_times(&reading.damage, "the packet that it caught is not the one that its strings name"), rows[i].differs, "%zu", i);
		cr_expect_eq(reading.counts.unreadable, 0);
		log_reading_done(&reading);
	}
}

/* Data that is no error packet, is cut off anywhere, or holds no packet. */
Test(meaning, caught_packets_that_are_none)
{
	static const char *const strings[] = {"", "203.0.113.5", "192.0.2.80", "1", "0", "0"};
	static const uint8_t packet[] = {0x46, 0, 0, 32, 0, 1, 0x40, 0, 64, 1, 0, 0, 203, 0, 113, 5, 192, 0, 2, 80, 0x94, 4, 0, 0, 8, 0, 0, 0};
	uint8_t data[256];
	size_t size = evt_make_dump(0x400010c2, 0xc0000022, packet, sizeof(packet), data);
	for (size_t length = 0; length <= size; length++) {
		struct log_reading reading;
		evt_read("IPSec", 0x400010c2, strings, 6, data, length, &reading);
		HOLDS(&reading.drops, length < 40 ? " DROP in ICMP 203.0.113.5 - 192.0.2.80 - - - - - - - - - - - - 7 " : " 0xC0000022 7 WEB01");
		HOLDS(&reading.drops, length == size || length == size - 1 || length == size - 2 ? " - - 8 0 32 " : length == size - 3 ? " - - 8 - 32 "
			: length >= 44 ? " - - - - 32 " : " - - - - - ");
		cr_expect_eq(reading.damage.length, 0, "%zu: %s", length, buffer_text(&reading.damage));
		log_reading_done(&reading);
	}
	/* The code in it is another event's. */
	struct log_reading reading;
	data[0x0c] = 0xc3;
	evt_read("IPSec", 0x400010c2, strings, 6, data, size, &reading);
	HOLDS(&reading.drops, " DROP in ICMP 203.0.113.5 - 192.0.2.80 - - - - - - - - - - - - 7 ");
	log_reading_done(&reading);
	/* Less of a packet than the error packet says, and bytes behind it that are none of it. */
	data[0x0c] = 0xc2;
	data[2] = 24;
	evt_read("IPSec", 0x400010c2, strings, 6, data, size, &reading);
	HOLDS(&reading.drops, " - - - - 32 ");
	log_reading_done(&reading);
}

/* --- .evtx --- */

#define AUDITING "Microsoft-Windows-Security-Auditing"

static void evtx_read(const char *provider, uint16_t id, const char *const *names, const char *const *values, size_t count, struct log_reading *reading)
{
	struct evtx_make *make = malloc(sizeof(*make));
	cr_assert_not_null(make);
	evtx_make_init(make);
	evtx_make_chunk(make);
	evtx_make_event(make, 7, time_first, &(struct evtx_make_event){.provider = provider, .channel = "Security", .computer = "WEB01", .id = id,
								       .names = names, .values = values, .count = count});
	evtx_make_end(make, 0);
	log_bytes(make->file.data, make->file.length, NULL, NULL, reading);
	cr_expect_eq(reading->count, 1);
	evtx_make_done(make);
	free(make);
}

static void evtx_is(const char *provider, uint16_t id, const char *const *names, const char *const *values, size_t count, const char *wanted)
{
	struct log_reading reading;
	char whole[512];
	evtx_read(provider, id, names, values, count, &reading);
	(void)snprintf(whole, sizeof(whole), "2016-02-15 08:53:20 %s %u %s", strchr(provider, ' ') != NULL ? "" : provider, id, wanted);
	struct cursor drop = log_line(&reading.drops, 0);
	size_t length = *wanted != '\0' ? strlen(whole) : 0;
	if (strchr(provider, ' ') != NULL)
		cr_expect_eq(cursor_left(&drop) > 0, *wanted != '\0', "%s %u", provider, id);
	else
		cr_expect(cursor_left(&drop) == length && memcmp(drop.at, whole, length) == 0, "%u is\n%.*s\nnot\n%s", id, (int)cursor_left(&drop), drop.at, whole);
	log_reading_done(&reading);
}

static bool within(uint16_t id, const uint16_t (*ranges)[2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (id >= ranges[i][0] && id <= ranges[i][1])
			return true;
	return false;
}

#define SECURITY_TAIL " 7 WEB01 Security - - - - - -"

/* Each id of the contract means something, and only they do. */
Test(meaning, auditing_ids)
{
	static const uint16_t known[][2] = {{4650, 4655}, {4709, 4712}, {4944, 4958}, {4960, 4963}, {4965, 4965}, {4976, 4984}, {5024, 5037}, {5049, 5049},
					    {5146, 5159}, {5440, 5485}};
	static const uint16_t permits[][2] = {{5154, 5154}, {5156, 5156}, {5158, 5158}};
	static const uint16_t drops[][2] = {{4960, 4965}, {5146, 5147}, {5149, 5153}, {5155, 5155}, {5157, 5157}, {5159, 5159}};
	static const uint16_t looked[][2] = {{4649, 4656}, {4708, 4713}, {4943, 4985}, {5023, 5038}, {5048, 5050}, {5145, 5160}, {5439, 5486}};
	static const char *const names[] = {"Nothing"}, *const values[] = {"x"};
	for (size_t range = 0; range < sizeof(looked) / sizeof(looked[0]); range++)
		for (uint16_t id = looked[range][0]; id <= looked[range][1]; id++) {
			const char *wanted = !within(id, known, 10)	? ""
					     : within(id, drops, 6)	? "DROP - - - - - - - - - - - - - - - - -" SECURITY_TAIL
					     : within(id, permits, 3) ? "ALLOW - - - - - - - - - - - - - - - - -" SECURITY_TAIL
									: "- - - - - - - - - - - - - - - - - -" SECURITY_TAIL;
			evtx_is(AUDITING, id, names, values, 1, wanted);
		}
	evtx_is("Somebody", 5157, names, values, 1, "");
	evtx_is("Microsoft-Windows-WFP", 1001, names, values, 1, "DROP - - - - - - - - - - - - - - - - -" SECURITY_TAIL);
	evtx_is("Microsoft-Windows-WFP", 1003, names, values, 1, "DROP - - - - - - - - - - - - - - - - -" SECURITY_TAIL);
	evtx_is("Microsoft-Windows-WFP", 1002, names, values, 1, "");
	for (uint16_t id = 2002; id <= 2034; id++)
		evtx_is("Microsoft-Windows-Windows Firewall With Advanced Security", id, names, values, 1, id >= 2003 && id <= 2033 ? "something" : "");
}

/* 5152 and its kin by names, in whatever order and version. */
Test(meaning, filtering_platform)
{
	static const char *const oldest[] = {"ProcessId", "Application", "Direction", "SourceAddress", "SourcePort", "DestAddress", "DestPort", "Protocol", "FilterRTID", "LayerName", "LayerRTID"};
	static const char *const in[] = {"4", "System", "%%14592", "203.0.113.9", "51000", "192.0.2.10", "3389", "6", "67607", "%%14597", "13"};
	static const char *const newer[] = {"ProcessID", "Application", "Direction", "SourceAddress", "SourcePort", "DestAddress", "DestPort", "Protocol", "InterfaceIndex", "FilterOrigin", "FilterRTID", "LayerName", "LayerRTID"};
	static const char *const out[] = {"1234", "-", "%%14593", "2001:db8::10", "50001", "2001:db8::9", "443", "17", "3", "Unknown", "18446744073709551615", "%%14611", "48"};
	static const char *const echo_in[] = {"0", "-", "%%14592", "203.0.113.9", "0", "192.0.2.10", "8", "1", "67607", "%%14610", "44"};
	static const char *const echo_out[] = {"0", "-", "%%14593", "192.0.2.10", "128", "203.0.113.9", "0", "58", "67607", "%%14613", "44"};
	static const char *const odd[] = {"x", "", "%%99999", "nobody", "http", "", "70000", "300", "-", "%%", "-"};
	static const char *const binds[] = {"ProcessId", "Application", "SourceAddress", "SourcePort", "Protocol", "FilterRTID", "LayerName", "LayerRTID"};
	static const char *const bind[] = {"4", "a \"b\"", "::", "445", "6", "0", "%%14608", "36"};
	evtx_is(AUDITING, 5152, oldest, in, 11, "DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 - - - - - - 4 System Transport 67607 -" SECURITY_TAIL);
	evtx_is(AUDITING, 5153, oldest, in, 11, "DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 - - - - - - 4 System Transport 67607 -" SECURITY_TAIL);
	evtx_is(AUDITING, 5157, newer, out, 13, "DROP out UDP 2001:db8::10 50001 2001:db8::9 443 - - - - - - 1234 - Connect 18446744073709551615 -" SECURITY_TAIL);
	evtx_is(AUDITING, 5156, newer, out, 13, "ALLOW out UDP 2001:db8::10 50001 2001:db8::9 443 - - - - - - 1234 - Connect 18446744073709551615 -" SECURITY_TAIL);
	/* ICMP's type is in the local port; a layer that has no name stays as it is. */
	evtx_is(AUDITING, 5152, oldest, echo_in, 11, "DROP in ICMP 203.0.113.9 - 192.0.2.10 - - 8 0 - - - 0 - Receive/Accept 67607 -" SECURITY_TAIL);
	evtx_is(AUDITING, 5152, oldest, echo_out, 11, "DROP out ICMPv6 192.0.2.10 - 203.0.113.9 - - 128 0 - - - 0 - %%14613 67607 -" SECURITY_TAIL);
	evtx_is(AUDITING, 5152, oldest, odd, 11, "DROP %%99999 - - - - - - - - - - - - \"\" %% - -" SECURITY_TAIL);
	/* There is no destination of a bind. */
	evtx_is(AUDITING, 5158, binds, bind, 8, "ALLOW - TCP :: 445 - - - - - - - - 4 \"a \"\"b\"\"\" \"Resource Assignment\" 0 -" SECURITY_TAIL);
	evtx_is(AUDITING, 5155, binds, bind, 8, "DROP - TCP :: 445 - - - - - - - - 4 \"a \"\"b\"\"\" \"Resource Assignment\" 0 -" SECURITY_TAIL);
	/* Without names: by their places, as far as these are the same in all versions. */
	evtx_is(AUDITING, 5157, NULL, out, 13, "DROP out UDP 2001:db8::10 50001 2001:db8::9 443 - - - - - - 1234 - - - -" SECURITY_TAIL);
	evtx_is(AUDITING, 5159, NULL, bind, 8, "DROP - TCP :: 445 - - - - - - - - 4 \"a \"\"b\"\"\" \"Resource Assignment\" 0 -" SECURITY_TAIL);
}

Test(meaning, ipsec_of_vista)
{
	static const char *const names[] = {"RemoteAddress", "SPI"}, *const values[] = {"203.0.113.5", "3735928559"};
	static const char *const modes[] = {"LocalAddress", "RemoteAddress", "KeyModName"}, *const mode[] = {"192.0.2.10", "203.0.113.5", "IKE"};
	static const char *const frames[] = {"Direction", "SourceAddress", "DestAddress", "EtherType", "FilterRTID", "LayerName"};
	static const char *const frame[] = {"%%14592", "02-00-00-00-00-01", "02-00-00-00-00-02", "0x0806", "5", "%%14602"};
	static const char *const attack[] = {"Type", "PacketsDiscarded"}, *const discarded[] = {"1", "18446744073709551615"};
	static const char *const filters[] = {"ProcessId", "FilterName", "FilterType", "LayerName"}, *const filter[] = {"8", "Boot block", "%%16386", "ALE Connect v4 Layer"};
	for (uint16_t id = 4960; id <= 4965; id++)
		evtx_is(AUDITING, id, names, values, 2, id != 4964 ? "DROP in - 203.0.113.5 - - - - - - - - 0xDEADBEEF - - - - -" SECURITY_TAIL : "");
	evtx_is(AUDITING, 4963, NULL, values, 2, "DROP in - 203.0.113.5 - - - - - - - - 0xDEADBEEF - - - - -" SECURITY_TAIL);
	evtx_is(AUDITING, 4976, modes, mode, 3, "- - - 203.0.113.5 - - - - - - - - - - - - - -" SECURITY_TAIL);
	/* Addresses of cards are none of IP. */
	evtx_is(AUDITING, 5150, frames, frame, 6, "DROP in - - - - - - - - - - - - - \"MAC 802.3\" 5 -" SECURITY_TAIL);
	evtx_is(AUDITING, 5149, attack, discarded, 2, "DROP - - - - - - - - - - 18446744073709551615 - - - - - -" SECURITY_TAIL);
	evtx_is(AUDITING, 5447, filters, filter, 4, "- - - - - - - - - - - - - 8 - \"ALE Connect v4 Layer\" - - 7 WEB01 Security - \"Boot block\" - - - -");
}

/* Every %% value that is published. */
Test(meaning, parameters)
{
	static const struct { uint32_t number; const char *text; } rows[] = {
		{14592, "Inbound"}, {14593, "Outbound"}, {14594, "Forward"}, {14595, "Bidirectional"}, {14596, "IP Packet"}, {14597, "Transport"}, {14598, "Forward"},
		{14599, "Stream"}, {14600, "Datagram Data"}, {14601, "ICMP Error"}, {14602, "MAC 802.3"}, {14603, "MAC Native"}, {14604, "vSwitch"},
		{14608, "Resource Assignment"}, {14609, "Listen"}, {14610, "Receive/Accept"}, {14611, "Connect"}, {14612, "Flow Established"},
		{14614, "Resource Release"}, {14615, "Endpoint Closure"}, {14616, "Connect Redirect"}, {14617, "Bind Redirect"}, {14624, "Stream Packet"},
		{14640, "ICMP Echo-Request"}, {14641, "vSwitch Ingress"}, {14642, "vSwitch Egress"}, {14643, "Unknown"}, {14644, "Public"}, {14645, "Private"},
		{14646, "Domain"}, {16384, "Add"}, {16385, "Delete"}, {16386, "Boot-time"}, {16387, "Persistent"}, {16388, "Not persistent"}, {16389, "Block"},
		{16390, "Permit"}, {16391, "Callout"},
	};
	size_t known = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(parameter_text(rows[i].number), rows[i].text);
	for (uint32_t number = 0; number < 70000; number++)
		known += parameter_text(number) != NULL;
	cr_expect_eq(known, sizeof(rows) / sizeof(rows[0]));
	cr_expect_null(parameter_text(UINT32_MAX));
}

/* Log Parser's columns of the same events. */
Test(meaning, strings_message_and_type)
{
	struct log_reading reading;
	static const struct { uint32_t type; const char *name; } types[] = {{0, "Success event"}, {1, "Error event"}, {2, "Warning event"}, {4, "Information event"},
									     {8, "Success Audit event"}, {16, "Failure Audit event"}, {3, "Unknown event"}};
	evt_read("IPSec", 0xc00010bb, counted, 3, (const uint8_t *)"\xde\xad", 2, &reading);
	HOLDS(&reading.eventlog, " 7 \"2003-09-12 09:46:40\" \"2003-09-12 09:46:40\" 4283 4 \"Information event\" 0 None IPSec |12|203.0.113.5 WEB01 - \"packets with a bad SPI\" DEAD\n");
	log_reading_done(&reading);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		cr_expect_str_eq(event_type_name(types[i].type), types[i].name);
}

/* Real ones: counts of logs.md 4.2. */
Test(meaning, real_logs)
{
	static const struct { const char *name, *drop; size_t count; } files[] = {
		{"evtx/omerbenamram__Security_short_selected.evtx", " 5152 DROP in TCP ", 1}, {"evtx/omerbenamram__Security_short_selected.evtx", " 5152 DROP in ICMP ", 1},
		{"evtx/omerbenamram__Security_short_selected.evtx", " 5157 DROP ", 1}, {"evtx/Velocidex__RDPAuth_Security.evtx", " 5157 DROP ", 8},
		{"evtx/sbousseaden__DE_RDP_Tunnel_5156.evtx", " 5156 ALLOW ", 63}, {"evtx/sbousseaden__DE_RDP_Tunnel_5156.evtx", " 5158 ALLOW ", 9},
		{"evtx/mdecrevoisier__ID4688-5447-4950-Firewall_disabled_command_.evtx", " 5447 - ", 984},
		{"evtx/mdecrevoisier__ID4688-5447-4950-Firewall_disabled_command_.evtx", " 4950 - ", 6},
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct log_reading reading;
		if (!LOG_FILE(files[i].name, NULL, NULL, &reading))
			continue;
		cr_expect_eq(log_times(&reading.drops, files[i].drop), files[i].count, "%s:%s%zu", files[i].name, files[i].drop, log_times(&reading.drops, files[i].drop));
		log_reading_done(&reading);
	}
	struct log_reading reading;
	if (!LOG_FILE("evtx/omerbenamram__Security_short_selected.evtx", NULL, NULL, &reading))
		return;
	HOLDS(&reading.drops, " 3389 - - - - - - ");
	HOLDS(&reading.drops, " - - 8 0 - - - ");
	log_reading_done(&reading);
}
