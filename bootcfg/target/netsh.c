/* Each command goes through one writer (bootcfg/netsh/writer.h); what differs between a script and a batch file
 * is what stands before and after it.  A command that this Windows lacks is written as a comment.  There may be
 * very many filters, so a warning is given once a kind, with how often and where first. */
#include "bootcfg/target/netsh.h"

#include <string.h>

#include "bootcfg/netsh/writer.h"
#include "core/base/attr.h"
#include "core/base/cursor.h"

static const char *const windows_names[] = {
	[WINDOWS_2003] = "2003", [WINDOWS_2008] = "2008", [WINDOWS_2016] = "2016+",
};

const char *windows_name(enum windows windows)
{
	return windows_names[windows];
}

bool windows_parse(const char *text, enum windows *ret_windows)
{
	for (size_t i = 0; i < ARRAY_LENGTH(windows_names); i++) {
		if (ascii_equal(text, windows_names[i])) {
			*ret_windows = (enum windows)i;
			return true;
		}
	}
	return false;
}

/* What cannot be said to a Windows, or is said with less meaning. */
enum loss { LOSS_REPLIES, LOSS_IPV6, LOSS_NAME, LOSS_EMPTY, LOSS_COUNT };

static const struct {
	const char *id, *what, *instead;
} losses[LOSS_COUNT] = {
	[LOSS_REPLIES] = {"replies", "replies=yes, which no Windows has: a plain mirror is written, and it lets in whatever comes from that port",
			  "stateful rules are made with New-NetFirewallRule or `netsh advfirewall`"},
	[LOSS_IPV6] = {"os-ipv6", "IPv6, which the filters of Windows 2003 do not know: it is a comment",
		       "Windows 2008 and later take it"},
	[LOSS_NAME] = {"dns-name", "a DNS name: the address that it had when the filter was added is written",
		       "add the filter by name on that machine when it must follow the name"},
	[LOSS_EMPTY] = {"empty-list", "a filter list in which nothing is left to export: the rule is a comment",
			"see the other warnings for what was left out"},
};

struct export {
	const struct state *state;
	enum windows windows;
	struct diag *diag;
	struct writer writer;
	const char *context;   /* prefix of a command that is no comment */
	const char *suffix;    /* after it */
	const char *comment;   /* "# " or "rem " */
	size_t lost[LOSS_COUNT];
	const char *first[LOSS_COUNT]; /* the list or rule where it was first */
};

static void loss_note(struct export *export, enum loss loss, const char *where)
{
	if (export->lost[loss]++ == 0)
		export->first[loss] = where;
}

static void losses_report(const struct export *export)
{
	if (export->writer.escaped > 0)
		diag_warning(export->diag, "control-character", NULL,
			     "%zu time%s a name or text with a control character, which a script cannot hold: it is written as \\xNN; "
			     "give it a name without", export->writer.escaped, export->writer.escaped == 1 ? "" : "s");
	for (size_t i = 0; i < LOSS_COUNT; i++) {
		if (export->lost[i] == 0)
			continue;
		diag_warning(export->diag, losses[i].id, NULL, "%zu time%s, first in %s: %s; %s", export->lost[i],
			     export->lost[i] == 1 ? "" : "s", QUOTE(export->first[i]), losses[i].what, losses[i].instead);
	}
}

/* Commands from here on are in this context ("ipsec static"), or comments. */
static void context_set(struct export *export, const char *context)
{
	export->context = context;
	export->writer.prefix = context;
	export->writer.suffix = export->suffix;
}

enum { COMMENT_PREFIX = 64 };

/* The next commands are comments, until comment_end. */
static void comment_begin(struct export *export, char prefix[COMMENT_PREFIX])
{
	size_t comment = strlen(export->comment), context = strlen(export->context);
	memcpy(prefix, export->comment, comment);
	memcpy(prefix + comment, export->context, context + 1);
	export->writer.prefix = prefix;
	export->writer.suffix = "";
}

static void comment_end(struct export *export)
{
	context_set(export, export->context);
}

static void remark(struct export *export, const char *text)
{
	buffer_add_text(export->writer.out, export->comment);
	writer_line(&export->writer, text);
}

/* --- settings ----------------------------------------------------------------------------------------------- */

/* What does the work of a property on Vista and later; NULL: it still works there. */
static const char *const replacements[PROPERTY_COUNT] = {
	[PROPERTY_IPSECDIAGNOSTICS] = "the audit subcategory Filtering Platform Packet Drop (auditpol, event 5152)",
	[PROPERTY_IPSECLOGINTERVAL] = "the Security log, which is written at once",
	[PROPERTY_IKELOGGING] = "`netsh wfp capture start` and the audit subcategory IPsec Main Mode",
	[PROPERTY_BOOTMODE] = "boot-time filters of the Windows Filtering Platform; Windows Firewall installs its own",
	[PROPERTY_BOOTEXEMPTIONS] = "boot-time filters of the Windows Filtering Platform; Windows Firewall installs its own",
};

static void property_write(struct export *export, enum property_id id)
{
	const struct config *config = &export->state->config;
	char prefix[COMMENT_PREFIX];
	bool own = properties[id].own;
	if (!own && (export->windows == WINDOWS_2003 || replacements[id] == NULL)) {
		writer_property(&export->writer, config, id);
		return;
	}
	if (own)
		diag_warning(export->diag, "own-config", NULL, "%s is Cordon's own and no Windows has it: it is a comment in the export%s",
			     properties[id].name, id == PROPERTY_IKEEXEMPT ? "; Windows exempts IKE at every level" : "");
	else
		diag_warning(export->diag, "os-config", NULL, "%s has no effect on Windows %s: it is a comment in the export; today that is %s",
			     properties[id].name, windows_name(export->windows), replacements[id]);
	comment_begin(export, prefix);
	writer_property(&export->writer, config, id);
	comment_end(export);
}

/* --- objects ------------------------------------------------------------------------------------------------ */

static bool filter_ipv6(const struct filter *filter)
{
	return filter->src.family == FAMILY_IPV6 || filter->dst.family == FAMILY_IPV6 || filter->protocol == PROTOCOL_ICMPV6;
}

/* Whether this Windows takes the filter; what it loses is noted. */
static bool filter_check_windows(struct export *export, const struct filter *filter, const char *where)
{
	if (export->windows == WINDOWS_2003 && filter_ipv6(filter)) {
		loss_note(export, LOSS_IPV6, where);
		return false;
	}
	if (filter->replies)
		loss_note(export, LOSS_REPLIES, where);
	if (filter->src.name != NULL || filter->dst.name != NULL)
		loss_note(export, LOSS_NAME, where);
	return true;
}

static void lists_write(struct export *export, const struct location *location)
{
	char prefix[COMMENT_PREFIX];
	for (size_t i = 0; i < location->filterlists.count; i++)
		writer_filterlist(&export->writer, (const struct filterlist *)location->filterlists.items[i]);
	for (size_t i = 0; i < location->filterlists.count; i++) {
		const struct filterlist *list = (const struct filterlist *)location->filterlists.items[i];
		for (size_t f = 0; f < list->count; f++) {
			bool good = filter_check_windows(export, &list->filters[f], list->object.name);
			if (!good)
				comment_begin(export, prefix);
			writer_filter(&export->writer, list->object.name, &list->filters[f]);
			if (!good)
				comment_end(export);
		}
	}
}

static bool list_empty(const struct export *export, const struct filterlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (export->windows != WINDOWS_2003 || !filter_ipv6(&list->filters[i]))
			return false;
	return true;
}

static void rule_write(struct export *export, const struct rule *rule)
{
	char prefix[COMMENT_PREFIX];
	bool empty = list_empty(export, rule->filterlist);
	if (empty) {
		loss_note(export, LOSS_EMPTY, rule->object.name);
		comment_begin(export, prefix);
	}
	writer_rule(&export->writer, rule);
	if (empty)
		comment_end(export);
}

/* As the article does it: policies, filter actions, filter lists, filters, rules, and last the assignment. */
static void location_write(struct export *export, const struct location *location)
{
	for (size_t i = 0; i < location->policies.count; i++) {
		writer_policy(&export->writer, (const struct policy *)location->policies.items[i]);
		writer_defaultrule(&export->writer, (const struct policy *)location->policies.items[i]);
	}
	for (size_t i = 0; i < location->filteractions.count; i++)
		writer_filteraction(&export->writer, (const struct filteraction *)location->filteractions.items[i]);
	lists_write(export, location);
	for (size_t i = 0; i < location->policies.count; i++) {
		const struct policy *policy = (const struct policy *)location->policies.items[i];
		for (size_t r = 0; r < policy->rules.count; r++)
			rule_write(export, (const struct rule *)policy->rules.items[r]);
	}
	const struct policy *assigned = location_assigned(location);
	if (assigned != NULL)
		writer_assign(&export->writer, assigned);
}

static bool location_empty(const struct location *location)
{
	return location->policies.count + location->filterlists.count + location->filteractions.count == 0;
}

/* The same, every line a comment; what would be lost in it is not counted. */
static void commented_location_write(const struct export *export, const struct location *location)
{
	char prefix[COMMENT_PREFIX];
	struct export inner = *export;
	comment_begin(&inner, prefix);
	inner.context = prefix;
	inner.suffix = "";
	inner.comment = "";
	location_write(&inner, location);
}

static void dynamic_write(struct export *export)
{
	const struct location *location = &export->state->locations[LOCATION_DYNAMIC];
	char prefix[COMMENT_PREFIX];
	for (size_t i = 0; i < location->mmpolicies.count; i++)
		writer_mmpolicy(&export->writer, (const struct mmpolicy *)location->mmpolicies.items[i]);
	for (size_t i = 0; i < location->qmpolicies.count; i++)
		writer_qmpolicy(&export->writer, (const struct qmpolicy *)location->qmpolicies.items[i]);
	for (size_t i = 0; i < location->dynrule_count; i++) {
		bool good = filter_check_windows(export, &location->dynrules[i]->filter, "the dynamic rules");
		if (!good)
			comment_begin(export, prefix);
		writer_dynrule(&export->writer, location->dynrules[i]);
		if (!good)
			comment_end(export);
	}
}

static bool has_dynamic(const struct export *export)
{
	const struct location *location = &export->state->locations[LOCATION_DYNAMIC];
	return location->mmpolicies.count + location->qmpolicies.count + location->dynrule_count > 0;
}

/* The persistent store where there is none, and policies for this boot only, which Windows does not know. */
static void unsupported_write(struct export *export, enum location_id id)
{
	const struct location *location = &export->state->locations[id];
	if (location_empty(location))
		return;
	if (id == LOCATION_PERSISTENT) {
		diag_warning(export->diag, "os-persistent", NULL,
			     "Windows %s has no persistent store: what is in it is a comment in the export; today that is a rule of "
			     "New-NetFirewallRule or New-NetIPsecRule in the PersistentStore, or put the policy into the local store",
			     windows_name(export->windows));
		remark(export, "The persistent store, which this Windows does not have:");
	} else {
		diag_warning(export->diag, "dynamic-policy", NULL,
			     "the dynamic location holds policies, and Windows has only dynamic rules: they are comments in the export");
		remark(export, "Policies of the dynamic location, which no Windows has:");
	}
	commented_location_write(export, location);
}

/* A clean slate: settings at their default are written as well, for the machine may have others.  The default boot mode
 * is left to Windows, whose own it is (stateful once a policy is assigned). */
static bool property_is_written(const struct export *export, enum property_id id)
{
	bool known = !properties[id].own && (export->windows == WINDOWS_2003 || replacements[id] == NULL);
	return export->state->config.set[id] || (known && id != PROPERTY_BOOTMODE);
}

static void properties_write(struct export *export)
{
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
		if (property_is_written(export, (enum property_id)i))
			property_write(export, (enum property_id)i);
}

/* --- netsh -f ----------------------------------------------------------------------------------------------- */

int netsh_write(const struct state *state, const struct target_options *options, struct diag *diag, struct buffer *output)
{
	struct export export = {.state = state, .windows = options->windows, .diag = diag, .suffix = "", .comment = "# "};
	bool old = options->windows == WINDOWS_2003;
	writer_init(&export.writer, output);
	export.writer.own = false;
	context_set(&export, "");
	buffer_printf(output, "# Made by cordon export --to netsh --os %s.  Run it as an administrator: netsh -f FILE\n",
		      windows_name(options->windows));
	if (!old)
		remark(&export, "The service PolicyAgent must start automatically (sc config PolicyAgent start= auto): netsh cannot set that.");
	if (options->windows == WINDOWS_2016)
		remark(&export, "Drops are logged when auditpol switches their subcategories on, as --to cmd does: netsh cannot set that.");
	writer_line(&export.writer, "pushd ipsec static");
	if (old)
		writer_line(&export.writer, "set store location=persistent\ndelete all\nset store location=local");
	writer_line(&export.writer, "delete all\npopd");
	writer_line(&export.writer, "pushd ipsec dynamic");
	properties_write(&export);
	writer_line(&export.writer, "popd");
	writer_line(&export.writer, "pushd ipsec static");
	if (!old)
		unsupported_write(&export, LOCATION_PERSISTENT);
	if (old && !location_empty(&state->locations[LOCATION_PERSISTENT])) {
		writer_line(&export.writer, "set store location=persistent");
		location_write(&export, &state->locations[LOCATION_PERSISTENT]);
		if (!location_empty(&state->locations[LOCATION_LOCAL]))
			writer_line(&export.writer, "set store location=local");
	}
	location_write(&export, &state->locations[LOCATION_LOCAL]);
	unsupported_write(&export, LOCATION_DYNAMIC);
	writer_line(&export.writer, "popd");
	if (has_dynamic(&export)) {
		writer_line(&export.writer, "pushd ipsec dynamic");
		dynamic_write(&export);
		writer_line(&export.writer, "popd");
	}
	losses_report(&export);
	return 0;
}

/* --- batch -------------------------------------------------------------------------------------------------- */

#define COUNT_ERRORS " || set /a ERRORS+=1"
/* The same after a program that is not netsh, on a line of its own, so that who reads the file back (`cordon
 * netsh`) need not know whether that program succeeded. */
#define COUNT_ERROR_BEFORE "set /a \"ERRORS+=!!%ERRORLEVEL%\""
#define TO_SCRIPT ">>\"%CORDON_SCRIPT%\" echo "

/* Drops and what belongs to them (windows-ipsec.md section 5); by GUID, since the names are translated. */
static const struct {
	const char *guid, *name, *what;
} subcategories[] = {
	{"{0CCE9225-69AE-11D9-BED3-505054503030}", "Filtering Platform Packet Drop", "/success:enable /failure:enable"},
	{"{0CCE9226-69AE-11D9-BED3-505054503030}", "Filtering Platform Connection", "/failure:enable"},
	{"{0CCE9233-69AE-11D9-BED3-505054503030}", "Filtering Platform Policy Change", "/success:enable /failure:enable"},
	{"{0CCE9213-69AE-11D9-BED3-505054503030}", "IPsec Driver", "/success:enable /failure:enable"},
	{"{0CCE9218-69AE-11D9-BED3-505054503030}", "IPsec Main Mode", "/success:enable /failure:enable"},
	{"{0CCE9219-69AE-11D9-BED3-505054503030}", "IPsec Quick Mode", "/success:enable /failure:enable"},
};

static void audit_write(struct export *export)
{
	remark(export, "Log what is dropped (Security log, event 5152), by GUID because the names are translated.");
	for (size_t i = 0; i < ARRAY_LENGTH(subcategories); i++) {
		remark(export, subcategories[i].name);
		buffer_printf(export->writer.out, "auditpol /set /subcategory:%s %s >nul", subcategories[i].guid,
			      subcategories[i].what);
		writer_line(&export->writer, "");
		writer_line(&export->writer, COUNT_ERROR_BEFORE);
	}
}

/* A netsh process knows its store only while it runs, so what goes into the persistent store is run by one
 * process, from a script that the batch file writes. */
static void persistent_write(struct export *export)
{
	const struct location *location = &export->state->locations[LOCATION_PERSISTENT];
	struct writer *writer = &export->writer;
	remark(export, "The persistent store: set store counts for one netsh process, so its commands are one script.");
	writer_line(writer, "set \"CORDON_SCRIPT=%TEMP%\\cordon-persistent.txt\"");
	writer_line(writer, ">\"%CORDON_SCRIPT%\" echo pushd ipsec static");
	writer_line(writer, TO_SCRIPT "set store location=persistent");
	writer_line(writer, TO_SCRIPT "delete all");
	const char *suffix = export->suffix;
	export->suffix = "";
	context_set(export, TO_SCRIPT);
	location_write(export, location);
	writer_line(writer, TO_SCRIPT "popd");
	export->suffix = suffix;
	writer_line(writer, "cmd /c netsh -f \"%CORDON_SCRIPT%\"");
	writer_line(writer, COUNT_ERROR_BEFORE);
	writer_line(writer, "del \"%CORDON_SCRIPT%\"");
	if (!location_empty(location))
		diag_warning(export->diag, "cmd-persistent", NULL,
			     "the persistent store is filled by a script inside the batch file, which `cordon netsh` does not read "
			     "back: --to netsh writes one that it does");
}

static void batch_head(struct export *export)
{
	struct writer *writer = &export->writer;
	writer_line(writer, "@echo off");
	buffer_printf(writer->out, "rem Made by cordon export --to cmd --os %s.  Run it as an administrator.",
		      windows_name(export->windows));
	writer_line(writer, "");
	remark(export, "The exit code is the number of commands that failed.");
	writer_line(writer, "setlocal DisableDelayedExpansion");
	if (export->windows != WINDOWS_2003) /* whose cmd.exe stops reading a batch file there */
		writer_line(writer, "chcp 65001 >nul");
	writer_line(writer, "set ERRORS=0");
	if (export->windows != WINDOWS_2003) {
		writer_line(writer, "sc config PolicyAgent start= auto >nul");
		writer_line(writer, COUNT_ERROR_BEFORE);
		writer_line(writer, "sc start PolicyAgent >nul 2>&1");
	}
	if (export->windows == WINDOWS_2016)
		audit_write(export);
	remark(export, "A clean slate; an empty store is no error.");
	writer_line(writer, "netsh ipsec static delete all >nul 2>&1");
}

/* What cmd.exe cannot read: very long lines, and on Windows 2003 text that is not ASCII. */
static void batch_check(const struct export *export, size_t start)
{
	enum { CMD_LINE_MOST = 8191 };
	const char *at = buffer_text(export->writer.out) + start, *end = buffer_text(export->writer.out) + export->writer.out->length;
	size_t line = 1, longest = 0;
	bool ascii = true;
	for (const char *begin = at; at < end; at++) {
		ascii = ascii && (unsigned char)*at < 0x80;
		if (*at != '\n')
			continue;
		if (longest == 0 && at - begin > CMD_LINE_MOST)
			longest = line;
		line++;
		begin = at + 1;
	}
	if (longest > 0)
		diag_warning(export->diag, "cmd-long", NULL, "line %zu of the batch file is longer than the 8191 characters that "
			     "cmd.exe takes: --to netsh has no such limit", longest);
	if (!ascii && export->windows == WINDOWS_2003)
		diag_warning(export->diag, "cmd-encoding", NULL, "there are names that are not ASCII, in UTF-8, and cmd.exe of "
			     "Windows 2003 reads batch files in its own code page: use --to netsh, or convert the file");
}

int cmd_write(const struct state *state, const struct target_options *options, struct diag *diag, struct buffer *output)
{
	struct export export = {
		.state = state, .windows = options->windows, .diag = diag, .suffix = COUNT_ERRORS, .comment = "rem ",
	};
	bool old = options->windows == WINDOWS_2003;
	size_t start = output->length;
	writer_init(&export.writer, output);
	export.writer.own = false;
	export.writer.batch = true;
	export.writer.newline = "\r\n";
	batch_head(&export);
	context_set(&export, "netsh ipsec dynamic ");
	properties_write(&export);
	if (old)
		persistent_write(&export);
	context_set(&export, "netsh ipsec static ");
	if (!old)
		unsupported_write(&export, LOCATION_PERSISTENT);
	location_write(&export, &state->locations[LOCATION_LOCAL]);
	unsupported_write(&export, LOCATION_DYNAMIC);
	context_set(&export, "netsh ipsec dynamic ");
	dynamic_write(&export);
	writer_line(&export.writer, "echo %ERRORS% commands failed.");
	writer_line(&export.writer, "exit /b %ERRORS%");
	losses_report(&export);
	batch_check(&export, start);
	return 0;
}
