#include "bootcfg/target/regfile.h"

#include <string.h>

#include "bootcfg/target/netsh.h"
#include "core/base/attr.h"
#include "core/base/utf8.h"

#define SERVICES "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\"

/* Where a property is kept.  `recalled`: the name is from memory, no source was found for it. */
static const struct {
	enum property_id id;
	const char *key, *value;
	bool recalled;
	bool until_2003; /* has no effect on later systems */
} values[] = {
	{PROPERTY_BOOTMODE, SERVICES "IPSEC", "OperationMode", false, true},
	{PROPERTY_IPSECEXEMPT, SERVICES "IPSEC", "NoDefaultExempt", false, false},
	{PROPERTY_IPSECDIAGNOSTICS, SERVICES "IPSEC", "EnableDiagnostics", true, true},
	{PROPERTY_IPSECLOGINTERVAL, SERVICES "IPSEC", "LogInterval", true, true},
	{PROPERTY_IKELOGGING, SERVICES "PolicyAgent\\Oakley", "EnableLogging", true, true},
	{PROPERTY_STRONGCRLCHECK, SERVICES "PolicyAgent\\Oakley", "StrongCRLCheck", true, false},
};

/* OperationMode: 0 permit, 1 block, 3 stateful. */
static uint32_t operation_mode(uint32_t bootmode)
{
	return bootmode == BOOTMODE_PERMIT ? 0 : bootmode == BOOTMODE_BLOCK ? 1 : 3;
}

static void dword_add(struct buffer *text, const char *name, uint32_t number)
{
	buffer_printf(text, "\"%s\"=dword:%08x\r\n", name, number);
}

/* What has no place of its own in the registry. */
static void left_out_add(const struct state *state, struct diag *diag, struct buffer *text)
{
	static const enum property_id none[] = {PROPERTY_BOOTEXEMPTIONS, PROPERTY_IKEEXEMPT, PROPERTY_FOLLOWNAMES};
	struct buffer value;
	buffer_init(&value, 1 << 14);
	for (size_t i = 0; i < ARRAY_LENGTH(none); i++) {
		if (!state->config.set[none[i]])
			continue;
		const char *why = properties[none[i]].own ? "is Cordon's own" : "has no known place in the registry";
		buffer_clear(&value);
		config_print(&state->config, none[i], &value);
		buffer_printf(text, "; %s %s: %s\r\n", properties[none[i]].name, why, buffer_text(&value));
		diag_warning(diag, "os-config", NULL, "%s %s: it is a comment in the export%s", properties[none[i]].name, why,
			     properties[none[i]].own ? "" : "; on Windows 2003 `netsh ipsec dynamic set config` sets it");
	}
	buffer_done(&value);
}

static void values_add(const struct state *state, const struct target_options *options, struct diag *diag,
		       struct buffer *text)
{
	const char *key = NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		if (!state->config.set[values[i].id])
			continue;
		if (key == NULL || strcmp(key, values[i].key) != 0) {
			key = values[i].key;
			buffer_printf(text, "\r\n[%s]\r\n", key);
		}
		if (values[i].recalled)
			buffer_printf(text, "; %s: recalled, not verified\r\n", values[i].value);
		if (values[i].until_2003 && options->windows != WINDOWS_2003) {
			buffer_printf(text, "; %s: no effect on Windows %s\r\n", values[i].value, windows_name(options->windows));
			diag_warning(diag, "os-config", NULL, "%s has no effect on Windows %s (Vista and later ignore %s)",
				     properties[values[i].id].name, windows_name(options->windows), values[i].value);
		}
		uint32_t number = state->config.number[values[i].id];
		dword_add(text, values[i].value, values[i].id == PROPERTY_BOOTMODE ? operation_mode(number) : number);
	}
}

static size_t policies_count(const struct state *state)
{
	size_t count = 0;
	for (size_t i = 0; i < LOCATION_COUNT; i++)
		count += state->locations[i].policies.count;
	return count;
}

/* UTF-8 as UTF-16LE; a byte that is not UTF-8 becomes U+FFFD. */
static void utf16_add(struct buffer *output, const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		size_t bytes = utf8_length(text + at, length - at);
		const unsigned char *in = (const unsigned char *)text + at;
		uint32_t point = 0xfffd;
		if (bytes == 1)
			point = in[0];
		else if (bytes > 1)
			point = in[0] & (0xffu >> (bytes + 1));
		for (size_t i = 1; i < bytes; i++)
			point = point << 6 | (in[i] & 0x3fu);
		at += bytes == 0 ? 1 : bytes;
		uint32_t units[2] = {point, 0};
		if (point > 0xffff) {
			units[0] = 0xd800 + ((point - 0x10000) >> 10);
			units[1] = 0xdc00 + ((point - 0x10000) & 0x3ff);
		}
		for (size_t i = 0; i < (point > 0xffff ? 2u : 1u); i++) {
			buffer_add_char(output, (char)(units[i] & 0xff));
			buffer_add_char(output, (char)(units[i] >> 8));
		}
	}
}

int regfile_write(const struct state *state, const struct target_options *options, struct diag *diag,
		  struct buffer *output)
{
	struct buffer text;
	buffer_init(&text, 1 << 20);
	buffer_add_text(&text, "Windows Registry Editor Version 5.00\r\n\r\n");
	buffer_printf(&text, "; The settings of a Cordon store, for Windows %s.\r\n", windows_name(options->windows));
	if (policies_count(state) > 0) {
		buffer_add_text(&text, "; Policies are not in this file: export them with --to netsh or --to cmd.\r\n");
		diag_note(diag, NULL, "a registry file holds the settings only: export policies with --to netsh or --to cmd");
	}
	left_out_add(state, diag, &text);
	values_add(state, options, diag, &text);
	buffer_add_text(&text, "\r\n");
	buffer_add(output, "\xff\xfe", 2);
	utf16_add(output, buffer_text(&text), text.length);
	buffer_done(&text);
	return 0;
}
