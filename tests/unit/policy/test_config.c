/* The properties: every one with right and wrong values; boot exemptions. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/error.h"
#include "core/policy/config.h"

Test(config, values_are_taken_or_refused_with_what_is_right)
{
	static const struct {
		enum property_id id;
		const char *value, *printed; /* NULL: refused */
	} rows[] = {
		{PROPERTY_IPSECDIAGNOSTICS, "0", "0"}, {PROPERTY_IPSECDIAGNOSTICS, "7", "7"}, {PROPERTY_IPSECDIAGNOSTICS, "8", NULL},
		{PROPERTY_IPSECDIAGNOSTICS, "-1", NULL}, {PROPERTY_IPSECDIAGNOSTICS, "", NULL}, {PROPERTY_IPSECDIAGNOSTICS, "7 ", NULL},
		{PROPERTY_IPSECLOGINTERVAL, "60", "60"}, {PROPERTY_IPSECLOGINTERVAL, "86400", "86400"},
		{PROPERTY_IPSECLOGINTERVAL, "59", NULL}, {PROPERTY_IPSECLOGINTERVAL, "86401", NULL}, {PROPERTY_IPSECLOGINTERVAL, "1h", NULL},
		{PROPERTY_IPSECEXEMPT, "0", "0"}, {PROPERTY_IPSECEXEMPT, "3", "3"}, {PROPERTY_IPSECEXEMPT, "4", NULL},
		{PROPERTY_IKELOGGING, "1", "1"}, {PROPERTY_IKELOGGING, "2", NULL}, {PROPERTY_IKELOGGING, "yes", NULL},
		{PROPERTY_STRONGCRLCHECK, "2", "2"}, {PROPERTY_STRONGCRLCHECK, "3", NULL},
		{PROPERTY_BOOTMODE, "stateful", "stateful"}, {PROPERTY_BOOTMODE, "BLOCK", "block"}, {PROPERTY_BOOTMODE, "permit", "permit"},
		{PROPERTY_BOOTMODE, "secure", NULL}, {PROPERTY_BOOTMODE, "0", NULL}, {PROPERTY_BOOTMODE, "", NULL},
		{PROPERTY_IKEEXEMPT, "yes", "yes"}, {PROPERTY_IKEEXEMPT, "N", "no"}, {PROPERTY_IKEEXEMPT, "1", NULL},
		{PROPERTY_FOLLOWNAMES, "y", "yes"}, {PROPERTY_FOLLOWNAMES, "maybe", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "none", "none"}, {PROPERTY_BOOTEXEMPTIONS, "NONE", "none"}, {PROPERTY_BOOTEXEMPTIONS, "", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "tcp:0:3389:inbound", "TCP:0:3389:inbound"},
		{PROPERTY_BOOTEXEMPTIONS, "icmp:inbound", "ICMP:inbound"},
		{PROPERTY_BOOTEXEMPTIONS, "udp:53:0:outbound  47:INBOUND", "UDP:53:0:outbound 47:inbound"},
		{PROPERTY_BOOTEXEMPTIONS, "tcp:0:1:inbound tcp:0:1:inbound", "TCP:0:1:inbound"},
		{PROPERTY_BOOTEXEMPTIONS, "tcp:0:65536:inbound", NULL}, {PROPERTY_BOOTEXEMPTIONS, "tcp:0:3389", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "tcp:inbound", NULL}, {PROPERTY_BOOTEXEMPTIONS, "any:inbound", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "icmp:0:0:inbound", NULL}, {PROPERTY_BOOTEXEMPTIONS, "icmp", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "icmp:sideways", NULL}, {PROPERTY_BOOTEXEMPTIONS, "tcp:0:1:inbound none", NULL},
		{PROPERTY_BOOTEXEMPTIONS, " ", NULL}, {PROPERTY_BOOTEXEMPTIONS, "\t \t", NULL}, {PROPERTY_BOOTEXEMPTIONS, ":", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "none tcp:0:1:inbound", NULL}, {PROPERTY_BOOTEXEMPTIONS, " none", NULL},
		{PROPERTY_BOOTEXEMPTIONS, " tcp:0:1:inbound\tudp:0:2:outbound ", "TCP:0:1:inbound UDP:0:2:outbound"},
		{PROPERTY_BOOTEXEMPTIONS, "6:0:22:inbound 17:68:67:outbound", "TCP:0:22:inbound UDP:68:67:outbound"},
		{PROPERTY_BOOTEXEMPTIONS, "1:inbound 255:outbound", "ICMP:inbound RAW:outbound"},
		{PROPERTY_BOOTEXEMPTIONS, "6:0:22:inbound TCP:0:22:INBOUND", "TCP:0:22:inbound"},
		{PROPERTY_BOOTEXEMPTIONS, "tcp:65535:65535:outbound", "TCP:65535:65535:outbound"},
		{PROPERTY_BOOTEXEMPTIONS, "tcp:0:1:inbound:", NULL}, {PROPERTY_BOOTEXEMPTIONS, "tcp:0:1:inbound,", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "tcp::1:inbound", NULL}, {PROPERTY_BOOTEXEMPTIONS, "tcp:0::inbound", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "tcp:0:1:", NULL}, {PROPERTY_BOOTEXEMPTIONS, "tcp:0:-1:inbound", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "tcp:0:0x50:inbound", NULL}, {PROPERTY_BOOTEXEMPTIONS, "tcp:0:1-9:inbound", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "256:inbound", NULL}, {PROPERTY_BOOTEXEMPTIONS, "0:inbound", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "47:0:0:inbound", NULL}, {PROPERTY_BOOTEXEMPTIONS, "tcp:0:http:inbound", NULL},
		{PROPERTY_BOOTEXEMPTIONS, "tcp:0:1:in", NULL}, {PROPERTY_BOOTEXEMPTIONS, "tcp:0:1:inbound\n", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config config, before;
		struct diag diag;
		struct buffer text;
		config_init(&config);
		before = config;
		diag_init(&diag);
		buffer_init(&text, 10000);
		int error = config_set(&config, rows[i].id, rows[i].value, strlen(rows[i].value), &diag, NULL);
		cr_expect_eq(error, rows[i].printed != NULL ? 0 : ERROR_INPUT, "%s=%s", properties[rows[i].id].name, rows[i].value);
		cr_expect_eq(diag.errors, rows[i].printed != NULL ? 0 : 1, "%s=%s", properties[rows[i].id].name, rows[i].value);
		if (rows[i].printed != NULL) {
			config_print(&config, rows[i].id, &text);
			cr_expect_str_eq(buffer_text(&text), rows[i].printed, "%s=%s", properties[rows[i].id].name, rows[i].value);
			cr_expect(config.set[rows[i].id] && config.changed);
			struct config again;
			config_init(&again);
			cr_expect_eq(config_set(&again, rows[i].id, text.data, text.length, NULL, NULL), 0);
			cr_expect(config_value_equal(&config, &again, rows[i].id));
		} else {
			cr_expect_eq(memcmp(&config, &before, sizeof(config)), 0, "untouched: %s=%s", properties[rows[i].id].name, rows[i].value);
			if (diag.count > 0)
				cr_expect_gt(strlen(diag.messages[0].text), 20);
		}
		buffer_done(&text);
		diag_done(&diag);
	}
}

Test(config, defaults_are_those_of_windows_and_every_row_is_filled)
{
	static const char *const defaults[PROPERTY_COUNT] = {
		[PROPERTY_IPSECDIAGNOSTICS] = "0", [PROPERTY_IPSECLOGINTERVAL] = "3600", [PROPERTY_IPSECEXEMPT] = "3",
		[PROPERTY_IKELOGGING] = "0", [PROPERTY_STRONGCRLCHECK] = "1", [PROPERTY_BOOTMODE] = "permit",
		[PROPERTY_BOOTEXEMPTIONS] = "none", [PROPERTY_IKEEXEMPT] = "yes", [PROPERTY_FOLLOWNAMES] = "no",
	};
	struct config config;
	config_init(&config);
	cr_expect(!config.changed);
	for (unsigned id = 0; id < PROPERTY_COUNT; id++) {
		struct buffer text;
		buffer_init(&text, 1000);
		config_print(&config, (enum property_id)id, &text);
		cr_expect_str_eq(buffer_text(&text), defaults[id], "%s", properties[id].name);
		cr_expect(!config.set[id]);
		cr_expect(properties[id].name != NULL && properties[id].shown != NULL && properties[id].values != NULL &&
			  properties[id].help != NULL);
		cr_expect_eq(property_find(properties[id].name, strlen(properties[id].name)), &properties[id]);
		cr_expect_eq(property_index(&properties[id]), id);
		/* What is printed can be set. */
		cr_expect_eq(config_set(&config, (enum property_id)id, text.data, text.length, NULL, NULL), 0, "%s", properties[id].name);
		buffer_done(&text);
	}
}

Test(config, names_may_be_shortened_while_they_are_clear)
{
	static const struct {
		const char *name;
		int id;
	} rows[] = {
		{"ipsecd", PROPERTY_IPSECDIAGNOSTICS}, {"IPSECL", PROPERTY_IPSECLOGINTERVAL}, {"strong", PROPERTY_STRONGCRLCHECK},
		{"bootm", PROPERTY_BOOTMODE}, {"ikee", PROPERTY_IKEEXEMPT}, {"ike", -1}, {"boot", -1}, {"ipsec", -1}, {"", -1}, {"nothing", -1},
		{"bootmodes", -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct property *property = property_find(rows[i].name, strlen(rows[i].name));
		cr_expect_eq(property, rows[i].id < 0 ? NULL : &properties[rows[i].id], "%s", rows[i].name);
	}
}

Test(config, boot_exemptions_have_a_limit)
{
	struct buffer text;
	struct config config;
	struct diag diag;
	buffer_init(&text, 100000);
	config_init(&config);
	diag_init(&diag);
	for (unsigned i = 0; i < BOOTEXEMPTIONS_MOST; i++)
		buffer_printf(&text, "%sTCP:0:%u:inbound", i > 0 ? " " : "", i + 1);
	cr_expect_eq(config_set(&config, PROPERTY_BOOTEXEMPTIONS, text.data, text.length, &diag, NULL), 0);
	cr_expect_eq(config.bootexemption_count, BOOTEXEMPTIONS_MOST);
	struct buffer printed;
	buffer_init(&printed, 100000);
	config_print(&config, PROPERTY_BOOTEXEMPTIONS, &printed);
	cr_expect_str_eq(buffer_text(&printed), buffer_text(&text));
	buffer_add_text(&text, " TCP:0:9999:inbound");
	cr_expect_eq(config_set(&config, PROPERTY_BOOTEXEMPTIONS, text.data, text.length, &diag, NULL), ERROR_INPUT);
	cr_expect_eq(config.bootexemption_count, BOOTEXEMPTIONS_MOST);
	cr_expect(diag.count == 1 && strstr(diag.messages[0].text, "64") != NULL);
	buffer_done(&printed);
	buffer_done(&text);
	diag_done(&diag);
}

Test(config, equal_values_are_told_from_others)
{
	struct config a, b;
	config_init(&a);
	config_init(&b);
	for (unsigned id = 0; id < PROPERTY_COUNT; id++)
		cr_expect(config_value_equal(&a, &b, (enum property_id)id));
	cr_assert_eq(config_set(&a, PROPERTY_BOOTEXEMPTIONS, "icmp:inbound", 12, NULL, NULL), 0);
	cr_expect(!config_value_equal(&a, &b, PROPERTY_BOOTEXEMPTIONS));
	cr_assert_eq(config_set(&b, PROPERTY_BOOTEXEMPTIONS, "icmp:outbound", 13, NULL, NULL), 0);
	cr_expect(!config_value_equal(&a, &b, PROPERTY_BOOTEXEMPTIONS));
	cr_assert_eq(config_set(&b, PROPERTY_IPSECEXEMPT, "1", 1, NULL, NULL), 0);
	cr_expect(!config_value_equal(&a, &b, PROPERTY_IPSECEXEMPT));
	cr_expect_str_eq(bootmode_name(BOOTMODE_STATEFUL), "stateful");
}
