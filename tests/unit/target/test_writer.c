/* What a writer puts in quotes is read back by the rules of those who read it on Windows, written here from
 * their description: cmd.exe (percent signs, carets, quotes), then the C runtime's argv. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bootcfg/netsh/writer.h"
#include "core/base/attr.h"

TestSuite(writer);

static const char *const texts[] = {
	"a", "two words", " blanks at both ends ", "\"", "\"\"", "a\"b", "\\", "\\\\", "end\\", "end\\\\", "\\\"", "\\\\\"", "a\\\"b\\\\",
	"%", "%PATH%", "100%", "%%", "^", "^^", "a^b", "&", "a&b", "a & del x", "a|b", "<", ">", "(x)", "!", "a=b", "\"%PATH%\"", "\"^\"&\"",
	"\"&\"", "\" & del x \"", "#", ";", "'", "Größe \xe7\xad\x96\xe7\x95\xa5", "C:\\dir\\", "C:\\\"dir\\\"\\",
};

/* cmd.exe: %% is %, a caret outside quotes makes the next character plain, quotes switch.  *ret_inside tells
 * whether the line ended inside quotes (then what follows would not be a command). */
static void cmd_read(const char *line, char *out, bool *ret_inside)
{
	bool inside = false;
	for (; *line != '\0'; line++) {
		if (*line == '%') {
			cr_assert_eq(line[1], '%', "a lone percent sign in %s", line);
			line++;
			*out++ = '%';
		} else if (*line == '^' && !inside) {
			cr_assert_neq(line[1], '\0', "a caret at the end");
			if (line[1] == '%') {
				*out++ = '%';
				line += 2;
			} else {
				*out++ = *++line;
			}
		} else {
			cr_assert(inside || strchr("&|<>()", *line) == NULL, "cmd.exe would see %s", line);
			inside ^= *line == '"';
			*out++ = *line;
		}
	}
	*out = '\0';
	*ret_inside = inside;
}

/* One argument by the C runtime's rule; returns what is behind it. */
static const char *argument_read(const char *at, char *out)
{
	bool inside = false;
	while (*at != '\0' && (inside || (*at != ' ' && *at != '\t'))) {
		size_t backslashes = strspn(at, "\\");
		at += backslashes;
		if (*at == '"') {
			for (size_t i = 0; i < backslashes / 2; i++)
				*out++ = '\\';
			if (backslashes % 2 == 1)
				*out++ = '"';
			else
				inside = !inside;
			at++;
			continue;
		}
		for (size_t i = 0; i < backslashes; i++)
			*out++ = '\\';
		if (*at != '\0' && (inside || (*at != ' ' && *at != '\t')))
			*out++ = *at++;
	}
	*out = '\0';
	return at;
}

Test(writer, quoted_text_is_read_back_by_argv)
{
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct buffer out;
		struct writer writer;
		char got[256], want[256];
		buffer_init(&out, 4096);
		writer_init(&writer, &out);
		writer_text(&writer, "name", texts[i]);
		writer_word(&writer, "next", "1");
		snprintf(want, sizeof(want), "name=%s", texts[i]);
		const char *rest = argument_read(buffer_text(&out) + 1, got);
		cr_expect_str_eq(got, want, "row %zu: %s", i, buffer_text(&out));
		cr_expect_str_eq(rest, " next=1", "row %zu: %s", i, buffer_text(&out));
		buffer_done(&out);
	}
}

Test(writer, quoted_text_is_read_back_through_cmd)
{
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct buffer out;
		struct writer writer;
		char line[512], got[256], want[256];
		bool inside;
		buffer_init(&out, 4096);
		writer_init(&writer, &out);
		writer.batch = true;
		writer_text(&writer, "name", texts[i]);
		writer_word(&writer, "next", "1");
		cmd_read(buffer_text(&out), line, &inside);
		cr_expect_not(inside, "row %zu ends inside quotes: %s", i, buffer_text(&out));
		snprintf(want, sizeof(want), "name=%s", texts[i]);
		const char *rest = argument_read(line + 1, got);
		cr_expect_str_eq(got, want, "row %zu: %s", i, buffer_text(&out));
		cr_expect_str_eq(rest, " next=1", "row %zu: %s", i, buffer_text(&out));
		buffer_done(&out);
	}
}

/* A name from a profile may hold a line end, and what follows must not become a command. */
Test(writer, control_characters_do_not_end_a_command)
{
	static const struct {
		const char *text, *plain, *batch;
	} rows[] = {
		{"a\ndelete all", " name=\"a\\x0adelete all\"", " name=\"a\\x0adelete all\""},
		{"a\r\nformat c:", " name=\"a\\x0d\\x0aformat c:\"", " name=\"a\\x0d\\x0aformat c:\""},
		{"\t\x1b\x7f", " name=\"\\x09\\x1b\\x7f\"", " name=\"\\x09\\x1b\\x7f\""},
		{"\"\n&", " name=\"\\\"\\x0a&\"", " name=^\"\\^\"\\x0a^&^\""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		for (int batch = 0; batch < 2; batch++) {
			struct buffer out;
			struct writer writer;
			buffer_init(&out, 4096);
			writer_init(&writer, &out);
			writer.batch = batch != 0;
			writer_text(&writer, "name", rows[i].text);
			cr_expect_str_eq(buffer_text(&out), batch != 0 ? rows[i].batch : rows[i].plain, "row %zu: %s", i, buffer_text(&out));
			cr_expect_eq(writer.escaped, 1, "row %zu", i);
			buffer_done(&out);
		}
	}
}

static const struct {
	const char *src, *dst; /* as address_parse takes them */
	const char *name;      /* of src */
	uint8_t protocol;
	uint16_t srcport, dstport;
	bool mirrored, replies, own;
	const char *description, *want;
} filters[] = {
	{"any", "me", NULL, 6, 0, 80, true, false, true, "", "srcaddr=any dstaddr=me protocol=TCP srcport=0 dstport=80 mirrored=yes"},
	{"10.0.0.0/8", "me", NULL, 0, 0, 0, false, false, true, "lan",
	 "srcaddr=10.0.0.0 srcmask=255.0.0.0 dstaddr=me protocol=ANY mirrored=no description=\"lan\""},
	{"192.0.2.1", "2001:db8::/32", NULL, 47, 0, 0, true, false, true, "",
	 "srcaddr=192.0.2.1 dstaddr=2001:db8:: dstmask=32 protocol=47 mirrored=yes"},
	{"192.0.2.1-192.0.2.9", "me", NULL, 17, 1, 2, true, true, true, "",
	 "srcaddr=192.0.2.1-192.0.2.9 dstaddr=me protocol=UDP srcport=1 dstport=2 mirrored=yes replies=yes"},
	{"192.0.2.1", "me", "www.example.net", 6, 0, 443, true, true, true, "",
	 "srcaddr=192.0.2.1 srcdns=\"www.example.net\" dstaddr=me protocol=TCP srcport=0 dstport=443 mirrored=yes replies=yes"},
	{"192.0.2.1", "me", "www.example.net", 6, 0, 443, true, true, false, "",
	 "srcaddr=192.0.2.1 dstaddr=me protocol=TCP srcport=0 dstport=443 mirrored=yes"},
	{"dns", "me", NULL, 1, 0, 0, true, false, true, "", "srcaddr=dns dstaddr=me protocol=ICMP mirrored=yes"},
	{"0.0.0.0/0", "me", NULL, 255, 0, 0, true, false, true, "", "srcaddr=0.0.0.0-255.255.255.255 dstaddr=me protocol=RAW mirrored=yes"},
};

Test(writer, filter_is_written_with_its_tags)
{
	for (size_t i = 0; i < ARRAY_LENGTH(filters); i++) {
		struct buffer out;
		struct writer writer;
		struct filter filter = {.protocol = filters[i].protocol, .srcport = filters[i].srcport, .dstport = filters[i].dstport,
					.mirrored = filters[i].mirrored, .replies = filters[i].replies,
					.description = filters[i].description};
		char want[512];
		cr_assert(address_parse(filters[i].src, strlen(filters[i].src), &filter.src));
		cr_assert(address_parse(filters[i].dst, strlen(filters[i].dst), &filter.dst));
		filter.src.name = filters[i].name;
		buffer_init(&out, 4096);
		writer_init(&writer, &out);
		writer.own = filters[i].own;
		writer_filter(&writer, "l", &filter);
		snprintf(want, sizeof(want), "add filter filterlist=\"l\" %s\n", filters[i].want);
		cr_expect_str_eq(buffer_text(&out), want, "row %zu: %s", i, buffer_text(&out));
		buffer_done(&out);
	}
}

Test(writer, rootca_quotes_become_backslash_apostrophe)
{
	struct state *state = state_new();
	struct location *location = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, location, "p");
	struct rule *rule = policy_add_rule(state, policy, "r", location_add_filterlist(state, location, "l"),
					    location_add_filteraction(state, location, "a"));
	struct auth auths[] = {{AUTH_ROOTCA, "C=US,O=\"Example\",CN=CA", true, false}, {AUTH_KERBEROS, NULL, false, false}};
	struct buffer out;
	struct writer writer;
	rule->auths = (struct authlist){auths, 2};
	buffer_init(&out, 4096);
	writer_init(&writer, &out);
	writer_rule(&writer, rule);
	cr_expect_str_eq(buffer_text(&out),
			 "add rule name=\"r\" policy=\"p\" filterlist=\"l\" filteraction=\"a\" conntype=all activate=yes "
			 "rootca=\"C=US,O=\\'Example\\',CN=CA certmap:yes excludecaname:no\" kerberos=yes\n");
	buffer_done(&out);
	state_free(state);
}
