/* export --to netsh, cmd and reg. */
#include <criterion/criterion.h>
#include <string.h>

#include "bootcfg/target/netsh.h"
#include "bootcfg/target/regfile.h"
#include "core/base/attr.h"

TestSuite(export);

static void filter_put(struct state *state, struct filterlist *list, const char *src, const char *name, bool replies)
{
	struct filter filter = {.dst = {.kind = ADDRESS_ME}, .protocol = 6, .dstport = 80, .mirrored = true, .replies = replies,
				.description = ""};
	cr_assert(address_parse(src, strlen(src), &filter.src));
	filter.src.name = name;
	filterlist_add(state, list, &filter);
}

static void config_put(struct state *state, enum property_id id, const char *value)
{
	cr_assert_eq(config_set(&state->config, id, value, strlen(value), NULL, NULL), 0);
}

/* A local policy with something of everything that a Windows may lack, and a persistent one. */
static struct state *sample(void)
{
	struct state *state = state_new();
	for (int id = LOCATION_PERSISTENT; id <= LOCATION_LOCAL; id++) {
		struct location *location = &state->locations[id];
		bool local = id == LOCATION_LOCAL;
		struct policy *policy = location_add_policy(state, location, local ? "web 100%" : "always");
		struct filterlist *list = location_add_filterlist(state, location, "in");
		struct filteraction *action = location_add_filteraction(state, location, "ok");
		action->action = ACTION_PERMIT;
		filter_put(state, list, "192.0.2.0/24", NULL, false);
		if (local) {
			struct filterlist *six = location_add_filterlist(state, location, "six");
			filter_put(state, list, "198.51.100.7", "www.example.net", false);
			filter_put(state, list, "198.51.100.8", NULL, true);
			filter_put(state, six, "2001:db8::1", NULL, false);
			policy_add_rule(state, policy, "r6", six, action);
		}
		policy_add_rule(state, policy, "r", list, action);
		location_assign(location, policy);
	}
	config_put(state, PROPERTY_BOOTMODE, "block");
	config_put(state, PROPERTY_BOOTEXEMPTIONS, "tcp:0:3389:inbound");
	config_put(state, PROPERTY_IPSECDIAGNOSTICS, "7");
	config_put(state, PROPERTY_IPSECLOGINTERVAL, "60");
	config_put(state, PROPERTY_IPSECEXEMPT, "3");
	config_put(state, PROPERTY_IKEEXEMPT, "no");
	return state;
}

typedef int (*write_function)(const struct state *, const struct target_options *, struct diag *, struct buffer *);

/* A line that must be there whole (or, with a leading '!', must not). */
static const struct {
	write_function write;
	enum windows windows;
	const char *line;
} lines[] = {
	{netsh_write, WINDOWS_2003, "set store location=persistent"},
	{netsh_write, WINDOWS_2003, "set config property=bootmode value=block"},
	{netsh_write, WINDOWS_2003, "set config property=bootexemptions value=TCP:0:3389:inbound"},
	{netsh_write, WINDOWS_2003, "# set config property=ikeexempt value=no"},
	{netsh_write, WINDOWS_2003, "add filter filterlist=\"in\" srcaddr=192.0.2.0 srcmask=255.255.255.0 dstaddr=me protocol=TCP srcport=0 dstport=80 mirrored=yes"},
	{netsh_write, WINDOWS_2003, "add filter filterlist=\"in\" srcaddr=198.51.100.8 dstaddr=me protocol=TCP srcport=0 dstport=80 mirrored=yes"},
	{netsh_write, WINDOWS_2003, "# add filter filterlist=\"six\" srcaddr=2001:db8::1 dstaddr=me protocol=TCP srcport=0 dstport=80 mirrored=yes"},
	{netsh_write, WINDOWS_2003, "# add rule name=\"r6\" policy=\"web 100%\" filterlist=\"six\" filteraction=\"ok\" conntype=all activate=yes"},
	{netsh_write, WINDOWS_2003, "add rule name=\"r\" policy=\"web 100%\" filterlist=\"in\" filteraction=\"ok\" conntype=all activate=yes"},
	{netsh_write, WINDOWS_2003, "set policy name=\"always\" assign=yes"},
	{netsh_write, WINDOWS_2003, "set policy name=\"web 100%\" assign=yes"},
	{netsh_write, WINDOWS_2008, "!set store location=persistent"},
	{netsh_write, WINDOWS_2008, "# set config property=bootmode value=block"},
	{netsh_write, WINDOWS_2008, "# set config property=ipsecdiagnostics value=7"},
	{netsh_write, WINDOWS_2008, "set config property=ipsecexempt value=3"},
	{netsh_write, WINDOWS_2008, "# set policy name=\"always\" assign=yes"},
	{netsh_write, WINDOWS_2008, "add filter filterlist=\"six\" srcaddr=2001:db8::1 dstaddr=me protocol=TCP srcport=0 dstport=80 mirrored=yes"},
	{netsh_write, WINDOWS_2016, "delete all"},
	{cmd_write, WINDOWS_2003, "@echo off\r"},
	{cmd_write, WINDOWS_2003, "!chcp 65001 >nul\r"},
	{cmd_write, WINDOWS_2003, "netsh ipsec dynamic set config property=ipsecdiagnostics value=7 || set /a ERRORS+=1\r"},
	{cmd_write, WINDOWS_2003, ">>\"%CORDON_SCRIPT%\" echo add policy name=\"always\" mmpfs=no qmpermm=0 mmlifetime=480 activatedefaultrule=yes pollinginterval=180 assign=no\r"},
	{cmd_write, WINDOWS_2003, "netsh ipsec static set policy name=\"web 100%%\" assign=yes || set /a ERRORS+=1\r"},
	{cmd_write, WINDOWS_2003, "exit /b %ERRORS%\r"},
	{cmd_write, WINDOWS_2003, "!sc config PolicyAgent start= auto >nul\r"},
	{cmd_write, WINDOWS_2008, "sc config PolicyAgent start= auto >nul\r"},
	{cmd_write, WINDOWS_2008, "rem netsh ipsec static set policy name=\"always\" assign=yes\r"},
	{cmd_write, WINDOWS_2008, "rem netsh ipsec dynamic set config property=bootmode value=block\r"},
	{cmd_write, WINDOWS_2008, "netsh ipsec dynamic set config property=ipsecexempt value=3 || set /a ERRORS+=1\r"},
	{cmd_write, WINDOWS_2016, "auditpol /set /subcategory:{0CCE9225-69AE-11D9-BED3-505054503030} /success:enable /failure:enable >nul\r"},
	{cmd_write, WINDOWS_2016, "auditpol /set /subcategory:{0CCE9219-69AE-11D9-BED3-505054503030} /success:enable /failure:enable >nul\r"},
	{cmd_write, WINDOWS_2016, "sc config PolicyAgent start= auto >nul\r"},
};

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);
	for (const char *at = text; at != NULL; at = strchr(at, '\n'), at = at != NULL ? at + 1 : NULL)
		if (strncmp(at, line, length) == 0 && at[length] == '\n')
			return true;
	return false;
}

Test(export, lines_are_there_or_are_comments)
{
	struct state *state = sample();
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		const struct target_options options = {.windows = lines[i].windows};
		struct buffer out;
		buffer_init(&out, 1 << 20);
		cr_assert_eq(lines[i].write(state, &options, NULL, &out), 0);
		bool not = lines[i].line[0] == '!';
		cr_expect_eq(has_line(buffer_text(&out), lines[i].line + not), !not, "row %zu: %s\n%s", i, lines[i].line, buffer_text(&out));
		buffer_done(&out);
	}
	state_free(state);
}

static const struct {
	write_function write;
	enum windows windows;
	const char *id, *says; /* says NULL: there is no such warning */
} warnings[] = {
	{netsh_write, WINDOWS_2003, "replies", "1 time, first in \"in\""},
	{netsh_write, WINDOWS_2003, "dns-name", "1 time, first in \"in\""},
	{netsh_write, WINDOWS_2003, "os-ipv6", "1 time, first in \"six\""},
	{netsh_write, WINDOWS_2003, "empty-list", "1 time, first in \"r6\""},
	{netsh_write, WINDOWS_2003, "own-config", "ikeexempt"},
	{netsh_write, WINDOWS_2003, "os-config", NULL},
	{netsh_write, WINDOWS_2003, "os-persistent", NULL},
	{netsh_write, WINDOWS_2008, "os-config", "auditpol"},
	{netsh_write, WINDOWS_2008, "os-persistent", "New-NetFirewallRule"},
	{netsh_write, WINDOWS_2008, "os-ipv6", NULL},
	{netsh_write, WINDOWS_2008, "empty-list", NULL},
	{netsh_write, WINDOWS_2016, "replies", "New-NetFirewallRule"},
	{cmd_write, WINDOWS_2003, "cmd-persistent", "--to netsh"},
	{cmd_write, WINDOWS_2016, "cmd-persistent", NULL},
	{cmd_write, WINDOWS_2003, "cmd-long", NULL},
	{regfile_write, WINDOWS_2003, "os-config", "bootexemptions"},
	{regfile_write, WINDOWS_2016, "os-config", "bootmode"},
};

Test(export, warnings_name_what_is_lost_and_what_replaces_it)
{
	struct state *state = sample();
	for (size_t i = 0; i < ARRAY_LENGTH(warnings); i++) {
		const struct target_options options = {.windows = warnings[i].windows};
		struct buffer out;
		struct diag diag;
		bool found = false, says = false;
		buffer_init(&out, 1 << 20);
		diag_init(&diag);
		cr_assert_eq(warnings[i].write(state, &options, &diag, &out), 0);
		for (size_t m = 0; m < diag.count; m++) {
			if (diag.messages[m].id == NULL || strcmp(diag.messages[m].id, warnings[i].id) != 0)
				continue;
			found = true;
			says |= warnings[i].says != NULL && strstr(diag.messages[m].text, warnings[i].says) != NULL;
		}
		cr_expect_eq(found, warnings[i].says != NULL, "row %zu: %s", i, warnings[i].id);
		cr_expect_eq(says, warnings[i].says != NULL, "row %zu: %s does not say %s", i, warnings[i].id, warnings[i].says);
		diag_done(&diag);
		buffer_done(&out);
	}
	state_free(state);
}

Test(export, commands_stand_in_the_order_of_the_article)
{
	static const char *const order[] = {"delete all", "set config", "add policy", "add filteraction", "add filterlist", "add filter ", "add rule", "set policy"};
	static const write_function writers[] = {netsh_write, cmd_write};
	struct state *state = sample();
	location_delete_all(state, &state->locations[LOCATION_PERSISTENT]);
	for (size_t w = 0; w < ARRAY_LENGTH(writers); w++) {
		const struct target_options options = {.windows = WINDOWS_2016};
		struct buffer out;
		buffer_init(&out, 1 << 20);
		cr_assert_eq(writers[w](state, &options, NULL, &out), 0);
		for (size_t i = 0; i + 1 < ARRAY_LENGTH(order); i++) {
			const char *last = NULL, *next = strstr(buffer_text(&out), order[i + 1]);
			for (const char *at = buffer_text(&out); (at = strstr(at, order[i])) != NULL; at++)
				last = at;
			cr_expect(last != NULL && next != NULL && last < next, "writer %zu: %s after %s\n%s", w, order[i], order[i + 1], buffer_text(&out));
		}
		buffer_done(&out);
	}
	state_free(state);
}

Test(export, batch_line_too_long_for_cmd_is_said)
{
	struct state *state = state_new();
	static char name[9001];
	memset(name, 'x', sizeof(name) - 1);
	location_add_filterlist(state, &state->locations[LOCATION_LOCAL], name);
	const struct target_options options = {.windows = WINDOWS_2016};
	struct buffer out;
	struct diag diag;
	buffer_init(&out, 1 << 20);
	diag_init(&diag);
	cr_assert_eq(cmd_write(state, &options, &diag, &out), 0);
	cr_assert_eq(diag.warnings, 1);
	cr_expect_str_eq(diag.messages[0].id, "cmd-long");
	diag_done(&diag);
	buffer_done(&out);
	state_free(state);
}

Test(export, line_end_in_a_name_is_no_command_and_is_said)
{
	static const write_function writers[] = {netsh_write, cmd_write};
	for (size_t w = 0; w < ARRAY_LENGTH(writers); w++) {
		struct state *state = state_new();
		location_add_filterlist(state, &state->locations[LOCATION_LOCAL], "x\r\ndel y");
		const struct target_options options = {.windows = WINDOWS_2016};
		struct buffer out;
		struct diag diag;
		buffer_init(&out, 1 << 20);
		diag_init(&diag);
		cr_assert_eq(writers[w](state, &options, &diag, &out), 0);
		cr_expect_null(strstr(buffer_text(&out), "\ndel y"), "%s", buffer_text(&out));
		cr_assert_eq(diag.warnings, 1);
		cr_expect_str_eq(diag.messages[0].id, "control-character");
		diag_done(&diag);
		buffer_done(&out);
		state_free(state);
	}
}

Test(export, every_line_of_a_batch_file_ends_in_crlf)
{
	struct state *state = sample();
	for (int windows = WINDOWS_2003; windows <= WINDOWS_2016; windows++) {
		const struct target_options options = {.windows = (enum windows)windows};
		struct buffer out;
		buffer_init(&out, 1 << 20);
		cr_assert_eq(cmd_write(state, &options, NULL, &out), 0);
		for (size_t i = 0; i < out.length; i++)
			cr_assert(out.data[i] != '\n' || (i > 0 && out.data[i - 1] == '\r'), "byte %zu", i);
		cr_expect_eq(out.data[out.length - 1], '\n');
		buffer_done(&out);
	}
	state_free(state);
}

/* UTF-16LE to text: the file is ASCII but for its mark. */
static void reg_text(const struct buffer *out, char *text)
{
	cr_assert_eq(out->length % 2, 0);
	cr_assert_eq((unsigned char)out->data[0], 0xff);
	cr_assert_eq((unsigned char)out->data[1], 0xfe);
	for (size_t i = 2; i < out->length; i += 2) {
		cr_assert_eq(out->data[i + 1], 0);
		*text++ = out->data[i];
	}
	*text = '\0';
}

static const struct {
	const char *bootmode, *want;
} modes[] = {
	{"permit", "\"OperationMode\"=dword:00000000\r"}, {"block", "\"OperationMode\"=dword:00000001\r"}, {"stateful", "\"OperationMode\"=dword:00000003\r"},
};

Test(export, registry_file_is_what_regedit_writes)
{
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
		struct state *state = sample();
		const struct target_options options = {.windows = WINDOWS_2003};
		struct buffer out;
		static char text[1 << 16];
		buffer_init(&out, 1 << 16);
		config_put(state, PROPERTY_BOOTMODE, modes[i].bootmode);
		cr_assert_eq(regfile_write(state, &options, NULL, &out), 0);
		reg_text(&out, text);
		cr_expect_eq(strncmp(text, "Windows Registry Editor Version 5.00\r\n\r\n", 40), 0);
		cr_expect(has_line(text, modes[i].want), "%s", text);
		cr_expect(has_line(text, "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\IPSEC]\r"), "%s", text);
		cr_expect(has_line(text, "\"NoDefaultExempt\"=dword:00000003\r"), "%s", text);
		cr_expect(has_line(text, "; LogInterval: recalled, not verified\r"), "%s", text);
		cr_expect(has_line(text, "\"LogInterval\"=dword:0000003c\r"), "%s", text);
		cr_expect_not(has_line(text, "\"StrongCRLCheck\"=dword:00000001\r"), "not set, so not written");
		buffer_done(&out);
		state_free(state);
	}
}

Test(export, windows_names_are_parsed_back)
{
	enum windows windows;
	for (int i = WINDOWS_2003; i <= WINDOWS_2016; i++) {
		cr_assert(windows_parse(windows_name((enum windows)i), &windows));
		cr_expect_eq((int)windows, i);
	}
	cr_expect_not(windows_parse("2012", &windows));
}
