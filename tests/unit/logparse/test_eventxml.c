#include "tests/unit/logparse/log_expect.h"

#define NAMESPACE "xmlns='http://schemas.microsoft.com/win/2004/08/events/event'"
#define BLOCKED(number)                                                                                                         \
	"<Event " NAMESPACE "><System><Provider Name='Microsoft-Windows-Security-Auditing' Guid='{54849625-5478-4994-a5ba-3e3b0328c30d}'/>" \
	"<EventID>5157</EventID><Version>1</Version><Level>0</Level><Task>12810</Task><Opcode>0</Opcode><Keywords>0x8010000000000000</Keywords>" \
	"<TimeCreated SystemTime='2016-02-15T08:53:20.1234567Z'/><EventRecordID>" number "</EventRecordID><Correlation/>"           \
	"<Execution ProcessID='4' ThreadID='56'/><Channel>Security</Channel><Computer>WEB01</Computer><Security/></System><EventData>" \
	"<Data Name='ProcessID'>4711</Data><Data Name='Application'>\\device\\harddiskvolume1\\a &amp; b.exe</Data><Data Name='Direction'>%%14593</Data>" \
	"<Data Name='SourceAddress'>192.0.2.10</Data><Data Name='SourcePort'>50001</Data><Data Name='DestAddress'>203.0.113.9</Data>" \
	"<Data Name='DestPort'>443</Data><Data Name='Protocol'>6</Data><Data Name='FilterRTID'>67607</Data><Data Name='LayerName'>%%14611</Data>" \
	"<Data Name='LayerRTID'>48</Data></EventData></Event>"
#define BLOCKED_DROP(number)                                                                                                    \
	"2016-02-15 08:53:20 Microsoft-Windows-Security-Auditing 5157 DROP out TCP 192.0.2.10 50001 203.0.113.9 443 - - - - - - 4711 "    \
	"\"\\device\\harddiskvolume1\\a & b.exe\" Connect 67607 - " number " WEB01 Security - - - - - -"

/* wevtutil: events behind each other, without a root; Event Viewer: in <Events>, with what it shows; evtxexport says its name. */
Test(eventxml, what_each_program_writes)
{
	static const struct { const char *who, *text; } texts[] = {
		{"wevtutil", BLOCKED("7") BLOCKED("8")},
		{"wevtutil, a line each", BLOCKED("7") "\r\n" BLOCKED("8") "\r\n"},
		{"wevtutil /e:Events", "<Events>" BLOCKED("7") "\n" BLOCKED("8") "</Events>"},
		{"Event Viewer", "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\r\n<Events>" BLOCKED("7") BLOCKED("8") "</Events>"},
		{"evtxexport", "evtxexport 20200926\n\n" BLOCKED("7") "\n\n" BLOCKED("8") "\n\n"},
		{"two files behind each other", "<?xml version=\"1.0\"?><Events>" BLOCKED("7") "</Events>\n<?xml version=\"1.0\"?>\n<Events>" BLOCKED("8") "</Events>\n"},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (unsigned wide = 0; wide < 3; wide++) {
			struct buffer text;
			struct log_reading reading;
			if (wide > 0 && (strncmp(texts[i].text, "evtx", 4) == 0 || strstr(texts[i].text, "utf-8") != NULL))
				continue;
			buffer_init(&text, LOG_SAMPLE_MOST);
			buffer_add(&text, wide == 1 ? "\xff\xfe" : "\xfe\xff", wide > 0 ? 2 : 0);
			for (const char *at = texts[i].text; wide > 0 && *at != '\0'; at++)
				buffer_add(&text, (const char[]){wide == 1 ? *at : '\0', wide == 1 ? '\0' : *at}, 2);
			if (wide == 0)
				buffer_add_text(&text, texts[i].text);
			log_bytes(text.data, text.length, NULL, NULL, &reading);
			cr_expect_str_eq(reading.type->name, "eventxml", "%s", texts[i].who);
			cr_expect_eq(reading.counts.unreadable, 0, "%s, %u: %s", texts[i].who, wide, buffer_text(&reading.damage));
			LINES_ARE(&reading.drops, BLOCKED_DROP("7"), BLOCKED_DROP("8"));
			log_reading_done(&reading);
			buffer_done(&text);
		}
}

/* Nothing of an event is left out. */
Test(eventxml, every_field_comes_out)
{
	static const char text[] =
		"<Events><Event " NAMESPACE "><System><Provider Name='IPSec' EventSourceName='x'/><EventID Qualifiers='16384'>4290</EventID><Level>4</Level>"
		"<Keywords>0x80000000000000</Keywords><TimeCreated SystemTime='2003-09-12T11:46:40.5+02:00'/><EventRecordID>18446744073709551615</EventRecordID>"
		"<Channel>System</Channel><Computer>WEB&lt;01&gt;</Computer><Security UserID='S-1-5-18'/></System><EventData><Data></Data><Data>192.0.2.7</Data>"
		"<Data>192.0.2.80</Data><Data>6</Data><Data>1055</Data><Data>3389</Data><Binary>0000280005000000 is none</Binary></EventData>"
		"<RenderingInfo Culture='en-US'><Message>dropped &amp; gone\n</Message><Keywords><Keyword>Classic</Keyword></Keywords></RenderingInfo></Event></Events>";
	struct log_reading reading;
	LOG_TEXT(text, NULL, &reading);
	cr_expect_eq(reading.count, 1);
	HOLDS(&reading.json, "\"Provider.EventSourceName\":\"x\",\"Level\":\"4\"");
	HOLDS(&reading.json, "\"EventRecordID\":18446744073709551615,\"EventID\":4290,\"Qualifiers\":16384,\"TimeCreated\":\"2003-09-12T09:46:40.5");
	HOLDS(&reading.json, "\"RenderingInfo\":[{\"Message\":\"dropped & gone\\n\"},{\"Keyword\":\"Classic\"}]");
	HOLDS(&reading.xml, "<System><Provider Name=\"IPSec\" EventSourceName=\"x\"/><EventID Qualifiers=\"16384\">4290</EventID><Level>4</Level>");
	HOLDS(&reading.xml, "<Computer>WEB&lt;01&gt;</Computer><Security UserID=\"S-1-5-18\"/></System><EventData><Data></Data><Data>192.0.2.7</Data>");
	HOLDS(&reading.xml, "<RenderingInfo><Message>dropped &amp; gone\n</Message><Keyword>Classic</Keyword></RenderingInfo></Event>");
	/* What is no hexadecimal stays as it is. */
	HOLDS(&reading.data, "Binary=0000280005000000");
	LINES_ARE(&reading.drops, "2003-09-12 09:46:40 IPSec 4290 DROP in TCP 192.0.2.7 1055 192.0.2.80 3389 - - - - - - - - - - - 18446744073709551615 WEB<01> System - - - - - -");
	log_reading_done(&reading);
}

/* What an event does not say is not said of it; what cannot be read as what it should be stays as it is. */
Test(eventxml, nothing_is_invented)
{
	static const struct { const char *text, *json, *xml; } rows[] = {
		{"<Event/>", "{\"EventData\":[]}", "<System></System></Event>"},
		{"<Event><System><Provider Name='IPSec'/><EventID>4294</EventID></System></Event>",
		 "{\"EventID\":4294,\"Provider\":\"IPSec\",\"EventData\":[]}", "<EventID>4294</EventID></System></Event>"},
		{"<Event><System><EventID Qualifiers='0'>7</EventID><Security UserID=''/></System><EventData/></Event>",
		 "{\"EventID\":7,\"Qualifiers\":0,\"UserID\":\"\",\"EventData\":[]}", "<Security UserID=\"\"/></System><EventData/></Event>"},
		{"<Event><System><EventID>x</EventID><TimeCreated SystemTime='yesterday'/><EventRecordID>-1</EventRecordID></System></Event>",
		 "{\"EventID\":\"x\",\"TimeCreated.SystemTime\":\"yesterday\",\"EventRecordID\":\"-1\",\"EventData\":[]}",
		 "<TimeCreated SystemTime=\"yesterday\"/><EventRecordID>-1</EventRecordID></System></Event>"},
		{"<Event><System><Channel></Channel><Security/></System></Event>", "{\"Channel\":\"\",\"EventData\":[]}", "<Security/></System></Event>"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct log_reading reading;
		LOG_TEXT(rows[i].text, NULL, &reading);
		cr_expect_eq(reading.count, 1, "%s", rows[i].text);
		struct cursor json = log_line(&reading.json, 0);
		cr_expect(cursor_left(&json) == strlen(rows[i].json) && memcmp(json.at, rows[i].json, strlen(rows[i].json)) == 0, "%s\nis %.*s\nnot %s", rows[i].text,
			  (int)cursor_left(&json), json.at, rows[i].json);
		HOLDS(&reading.xml, rows[i].xml);
		HOLDS_NOT(&reading.json, "1601");
		HOLDS_NOT(&reading.xml, "1601");
		log_reading_done(&reading);
	}
}

/* The packet that an old event has caught, out of its XML. */
Test(eventxml, the_caught_packet)
{
	static const char text[] =
		"<Event><System><Provider Name='IPSec'/><EventID Qualifiers='16384'>4290</EventID><EventRecordID>2</EventRecordID></System><EventData><Data></Data>"
		"<Data>192.0.2.7</Data><Data>192.0.2.80</Data><Data>6</Data><Data>1055</Data><Data>3389</Data><Binary>"
		"000028000500300000000000C210004000000000220000C000000000000000000000000000000000"
		"450000281234400080060000C0000207C0000250041F0D3D00000001000000005012FAF000000000</Binary></EventData></Event>";
	struct log_reading reading;
	LOG_TEXT(text, NULL, &reading);
	LINES_ARE(&reading.drops, "- - IPSec 4290 DROP in TCP 192.0.2.7 1055 192.0.2.80 3389 SA - - 40 - - - - - - 0xC0000022 2 - System - - - - - -");
	HOLDS(&reading.json, "\"Binary\":\"000028000500300000000000C2100040");
	HOLDS(&reading.xml, "<Binary>000028000500300000000000C2100040");
	HOLDS_NOT(&reading.eventlog, "3389|");
	log_reading_done(&reading);
}

Test(eventxml, goes_on_behind_damage)
{
	static const struct { const char *bad; size_t lost; } rows[] = {
		{"<Event><System></Sys", 1}, {"<Event><a></b></Event>", 1}, {"<Event a=1></Event>", 1}, {"<Event>&nbsp;</Event>", 1}, {"\x01\x02", 1}, {"<Event>\xff</Event>", 1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned wide = 0; wide < 3; wide++) {
			struct buffer text, whole;
			struct log_reading reading;
			buffer_init(&text, LOG_SAMPLE_MOST);
			buffer_init(&whole, LOG_SAMPLE_MOST);
			/* The next one begins where a block ends, wherever that is. */
			buffer_printf(&text, "<Events>%s%s", BLOCKED("1"), rows[i].bad);
			for (size_t at = 0; at < 65500 / (wide > 0 ? 2 : 1); at++)
				buffer_add_char(&text, at % 7 == 0 ? '<' : 'E');
			buffer_printf(&text, "%s</Events>", BLOCKED("2"));
			buffer_add(&whole, wide == 1 ? "\xff\xfe" : "\xfe\xff", wide > 0 ? 2 : 0);
			for (size_t at = 0; wide > 0 && at < text.length; at++)
				buffer_add(&whole, (const char[]){wide == 1 ? text.data[at] : '\0', wide == 1 ? '\0' : text.data[at]}, 2);
			if (wide == 0)
				buffer_add(&whole, text.data, text.length);
			log_bytes(whole.data, whole.length, "eventxml", NULL, &reading);
			cr_expect(log_has(&reading, 1, 0), "%s, %u", rows[i].bad, wide);
			cr_expect(log_has(&reading, 2, 0), "%s, %u: %s", rows[i].bad, wide, buffer_text(&reading.damage));
			cr_expect_geq(reading.counts.unreadable, rows[i].lost, "%s, %u", rows[i].bad, wide);
			log_reading_done(&reading);
			buffer_done(&text);
			buffer_done(&whole);
		}
}

/* Where the start of an event lies across two blocks that are read. */
Test(eventxml, an_event_across_blocks_after_damage)
{
	for (size_t shift = 0; shift < 16; shift++) {
		struct buffer text;
		struct log_reading reading;
		buffer_init(&text, LOG_SAMPLE_MOST);
		buffer_add_text(&text, "<Event><a></b></Event>");
		while (text.length < 65536 - 16 + shift)
			buffer_add_char(&text, ' ');
		size_t begins = text.length;
		buffer_add_text(&text, BLOCKED("2"));
		log_bytes(text.data, text.length, "eventxml", NULL, &reading);
		cr_assert_eq(reading.count, 1, "%zu: %s", shift, buffer_text(&reading.damage));
		cr_expect_eq(reading.events[0].offset, begins);
		cr_expect_eq(reading.counts.unreadable, 1);
		log_reading_done(&reading);
		buffer_done(&text);
	}
}

/* Entities that grow, and elements without end, are refused. */
Test(eventxml, bombs)
{
	struct log_reading reading;
	struct buffer text;
	LOG_TEXT("<!DOCTYPE x [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><Event><System><Computer>&b;</Computer></System></Event>", NULL, &reading);
	cr_expect_eq(reading.count, 0);
	HOLDS(&reading.damage, "lost a document type");
	log_reading_done(&reading);
	buffer_init(&text, LOG_SAMPLE_MOST);
	buffer_add_text(&text, "<Event>");
	for (size_t i = 0; i < 100000; i++)
		buffer_add_text(&text, "<a>");
	log_bytes(text.data, text.length, NULL, NULL, &reading);
	cr_expect_eq(reading.count, 0);
	HOLDS(&reading.damage, "nested too deep");
	log_reading_done(&reading);
	/* As many as fit into a block. */
	buffer_clear(&text);
	buffer_add_text(&text, "<Events>");
	for (size_t i = 0; i < 20000; i++)
		buffer_add_text(&text, "<Event/>");
	buffer_add_text(&text, "</Events>");
	log_bytes(text.data, text.length, NULL, NULL, &reading);
	cr_expect_eq(reading.count, 20000);
	cr_expect_eq(reading.counts.unreadable, 0);
	log_reading_done(&reading);
	/* More text than is kept of one. */
	buffer_clear(&text);
	buffer_add_text(&text, "<Event><System><EventRecordID>1</EventRecordID></System><EventData><Data>");
	for (size_t i = 0; i < (5 << 20) / 16; i++)
		buffer_add_text(&text, "0123456789abcdef");
	buffer_add_text(&text, "</Data><Data>more</Data></EventData></Event>" BLOCKED("2"));
	log_bytes(text.data, text.length, NULL, NULL, &reading);
	cr_expect_eq(reading.count, 2);
	HOLDS(&reading.damage, "1 more than 4 MiB of text: the rest of it is left out\n");
	log_reading_done(&reading);
	buffer_done(&text);
}

Test(eventxml, times)
{
	static const struct { const char *text, *utc; } rows[] = {
		{"2016-02-15T08:53:20.123456700Z", "2016-02-15 08:53:20"}, {"2016-02-15 08:53:20Z", "2016-02-15 08:53:20"},
		{"2016-02-15T08:53:20-05:30", "2016-02-15 14:23:20"}, {"2016-02-15T08:53:20", "2016-02-15 08:53:20"}, {"yesterday", "- -"},
		{"2016-02-15", "- -"}, {"2016-02-15T25:00:00Z", "- -"}, {"2016-02-15T08:53:20.5+x", "- -"}, {"", "- -"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct log_reading reading;
		(void)snprintf(text, sizeof(text), "<Event><System><Provider Name='IPSec'/><EventID>4294</EventID><TimeCreated SystemTime='%s'/></System></Event>", rows[i].text);
		LOG_TEXT(text, NULL, &reading);
		cr_expect_eq(strncmp(buffer_text(&reading.drops), rows[i].utc, strlen(rows[i].utc)), 0, "%s: %s", rows[i].text, buffer_text(&reading.drops));
		log_reading_done(&reading);
	}
}
