/* cordon status: what is in force, whether that is what the store says, and what it has dropped. */
#include <string.h>

#include "apps/command.h"
#include "apps/daemon.h"
#include "apps/force.h"
#include "apps/kernel.h"
#include "apps/emit.h"
#include "apps/moment.h"
#include "apps/changes.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

static const struct option status_options[] = {
	{.name = "check", .help = "compare kernel and store, say in what they differ, and exit 1 when they do"},
	{.name = NULL},
};

static const char *const status_examples[] = {
	"cordon status",
	"says what is in force and how many packets each rule has met",
	"cordon status --check",
	"exits 1 when the kernel does not hold what the store says",
	NULL,
};

#define BYPASS "a process that writes raw frames (AF_PACKET) bypasses the output hook, and with it these rules"

/* Everything that the report is made of. */
struct report {
	struct invocation *invocation;
	struct visit visit;
	struct force force;
	struct daemon daemon;
	char digest[DIGEST_TEXT];   /* of the store now */
	bool same;                  /* what is in force is what the store says */
	struct buffer differences;  /* with --check: one a line */
};

static void assigned_print(const struct report *report)
{
	struct buffer *output = report->invocation->output;
	bool json = report->invocation->json;
	if (json) {
		emit_name(output, "assigned");
		buffer_add_char(output, '{');
	}
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct location *location = &report->visit.state->locations[i];
		const struct policy *policy = location_assigned(location);
		if (json)
			emit_member(output, location_name(location->id), policy != NULL ? policy->object.name : NULL);
		else if (policy != NULL)
			buffer_printf(output, "assigned: %s policy %s\n", location_name(location->id), QUOTE(policy->object.name));
		if (!json && location->dynrule_count > 0)
			buffer_printf(output, "assigned: %zu dynamic rules\n", location->dynrule_count);
	}
	if (json)
		buffer_add_char(output, '}');
	else if (!state_assigned(report->visit.state))
		buffer_add_text(output, "assigned: nothing\n");
}

static void force_print(const struct report *report)
{
	struct buffer *output = report->invocation->output;
	const struct nftables_status *status = &report->force.status;
	if (!status->present) {
		buffer_add_text(output, status->altered ? "in force: not what was applied: somebody has changed Cordon's table; "
							  "cordon apply mends it\n"
							: "in force: nothing; every packet is permitted\n");
		return;
	}
	buffer_printf(output, "in force: yes\nmode: %s%s\ngeneration: %llu\nstate: %.12s", mode_name(status->mode),
		      status->observe ? ", observing: nothing is dropped" : "", (unsigned long long)status->generation,
		      status->digest);
	if (report->force.number > 0) {
		char time[MOMENT_TEXT];
		moment_print(report->force.time, time);
		buffer_printf(output, ", change %lld of %s", (long long)report->force.number, time);
	}
	buffer_add_char(output, '\n');
}

/* Settings that the store has and the kernel does not; boot settings count from the next boot in any case. */
static void pending_print(const struct report *report)
{
	struct buffer *output = report->invocation->output;
	const struct force *force = &report->force;
	if (report->same) {
		buffer_add_text(output, "store: the same\n");
	} else if (!force->status.present) {
		buffer_add_text(output, "store: not in force as it is; cordon apply puts it into force\n");
	} else if (force->state == NULL) {
		buffer_add_text(output, "store: differs from what is in force, and its history does not know that; "
					"cordon apply makes them the same\n");
	} else {
		struct changes *changes = changes_new(force->state, report->visit.state);
		buffer_printf(output, "store: differs from what is in force, until the next cordon apply: %zu filters added, %zu "
			      "removed, %zu changed\n", changes->added, changes->removed, changes->changed);
		for (size_t i = 0; i < changes->property_count; i++)
			buffer_printf(output, "not in force yet: %s %s (in force: %s)\n", changes->properties[i].name,
				      changes->properties[i].after, changes->properties[i].before);
		changes_free(changes);
	}
	const struct config *config = &report->visit.state->config;
	if (config->set[PROPERTY_BOOTMODE] || config->set[PROPERTY_BOOTEXEMPTIONS])
		buffer_add_text(output, "bootmode and bootexemptions count from the next boot\n");
}

static int width_of(size_t length, int least)
{
	enum { WIDTH_MOST = 40 };
	return length > WIDTH_MOST ? WIDTH_MOST : (int)length > least ? (int)length : least;
}

static void hits_print(const struct report *report)
{
	const struct nftables_status *status = &report->force.status;
	struct buffer *output = report->invocation->output;
	int widths[4] = {6, 4, 11, 6};
	for (size_t i = 0; i < status->hit_count; i++) {
		const struct nftables_hits *hits = &status->hits[i];
		widths[0] = width_of(strlen(hits->policy), widths[0]);
		widths[1] = width_of(strlen(hits->rule), widths[1]);
		widths[2] = width_of(strlen(hits->list), widths[2]);
		widths[3] = width_of(strlen(hits->action), widths[3]);
	}
	if (status->hit_count > 0)
		buffer_printf(output, "\n%-*s  %-*s  %-*s  %-*s  %12s  %12s\n", widths[0], "POLICY", widths[1], "RULE", widths[2],
			      "FILTER LIST", widths[3], "ACTION", "PACKETS", "BYTES");
	for (size_t i = 0; i < status->hit_count; i++) {
		const struct nftables_hits *hits = &status->hits[i];
		buffer_printf(output, "%-*s  %-*s  %-*s  %-*s  %12llu  %12llu\n", widths[0], hits->policy, widths[1], hits->rule,
			      widths[2], hits->list, widths[3], hits->action, (unsigned long long)hits->packets,
			      (unsigned long long)hits->bytes);
	}
}

static void text_print(const struct report *report)
{
	const struct nftables_status *status = &report->force.status;
	struct buffer *output = report->invocation->output;
	force_print(report);
	daemon_print(&report->daemon, output);
	assigned_print(report);
	pending_print(report);
	for (size_t i = 0; i < status->other_count; i++)
		buffer_printf(output, "judges before us: %s\n", status->others[i]);
	buffer_add_text(output, "note: " BYPASS "\n");
	hits_print(report);
}

static void differences_json(const struct buffer *differences, struct buffer *output)
{
	struct buffer line;
	buffer_init(&line, 65536);
	const char *separator = "";
	emit_name(output, "differences");
	buffer_add_char(output, '[');
	for (const char *at = buffer_text(differences); *at != '\0';) {
		size_t length = strcspn(at, "\n");
		buffer_clear(&line);
		buffer_add(&line, at, length);
		buffer_add_text(output, separator);
		emit_text(output, buffer_text(&line));
		separator = ", ";
		at += length + (at[length] == '\n');
	}
	buffer_add_char(output, ']');
	buffer_done(&line);
}

static void json_print(const struct report *report, bool check)
{
	const struct nftables_status *status = &report->force.status;
	struct buffer *output = report->invocation->output;
	buffer_add_char(output, '{');
	emit_flag(output, "in_force", status->present);
	emit_member(output, "mode", status->present ? mode_name(status->mode) : NULL);
	emit_flag(output, "observe", status->observe);
	emit_number(output, "generation", status->generation);
	emit_member(output, "digest", status->present ? status->digest : NULL);
	emit_number(output, "change", (uint64_t)report->force.number);
	emit_member(output, "store_digest", report->digest);
	emit_flag(output, "same", report->same);
	daemon_print_json(&report->daemon, output);
	assigned_print(report);
	if (check)
		differences_json(&report->differences, output);
	emit_name(output, "others");
	buffer_add_char(output, '[');
	for (size_t i = 0; i < status->other_count; i++) {
		buffer_add_text(output, i > 0 ? ", " : "");
		emit_text(output, status->others[i]);
	}
	buffer_add_char(output, ']');
	emit_name(output, "hits");
	buffer_add_char(output, '[');
	for (size_t i = 0; i < status->hit_count; i++) {
		buffer_add_text(output, i > 0 ? ",\n {" : "{");
		emit_member(output, "policy", status->hits[i].policy);
		emit_member(output, "rule", status->hits[i].rule);
		emit_member(output, "filterlist", status->hits[i].list);
		emit_member(output, "action", status->hits[i].action);
		emit_number(output, "packets", status->hits[i].packets);
		emit_number(output, "bytes", status->hits[i].bytes);
		buffer_add_char(output, '}');
	}
	buffer_add_char(output, ']');
	emit_member(output, "note", BYPASS);
	buffer_add_text(output, "}\n");
}

static int report_make(struct report *report, bool check)
{
	int error = visit_read(report->invocation, 0, &report->visit);
	daemon_read(report->invocation, error == 0 ? report->visit.store : NULL, &report->daemon);
	if (error == 0)
		error = force_read(&report->visit, &report->force);
	if (error < 0)
		return error;
	const struct nftables_status *status = &report->force.status;
	state_digest(report->visit.state, report->digest);
	report->same = status->present ? strcmp(report->digest, status->digest) == 0 : !state_assigned(report->visit.state);
	return check ? kernel_check(&report->visit, &report->force, &report->differences, &report->same) : 0;
}

static int status_run(struct invocation *invocation)
{
	enum { DIFFERENCES_MOST = 64u << 20 };
	bool check = invocation_option(invocation, "check") != NULL;
	struct report report = {.invocation = invocation};
	buffer_init(&report.differences, DIFFERENCES_MOST);
	int error = report_make(&report, check), code = error_exit(error);
	if (error == 0 && invocation->json)
		json_print(&report, check);
	else if (error == 0 && !check)
		text_print(&report);
	else if (error == 0 && !report.same)
		buffer_printf(invocation->output, "kernel and store differ:\n%s", buffer_text(&report.differences));
	else if (error == 0 && !invocation->quiet)
		buffer_add_text(invocation->output, report.force.status.present ? "kernel and store are the same\n"
									       : "nothing is in force, and nothing is assigned\n");
	if (error == 0 && check && !report.same)
		code = EXIT_FINDING;
	/* Who may ask the service, and not the kernel, is told what the service says. */
	if (error != 0 && !check && !invocation->json && report.daemon.root != NULL)
		daemon_print(&report.daemon, invocation->output);
	buffer_done(&report.differences);
	daemon_done(&report.daemon);
	force_done(&report.force);
	visit_done(&report.visit);
	return code;
}

const struct command status_command = {
	.name = "status",
	.arguments = "",
	.help = "say what is in force, whether the store says the same, and what each rule has met",
	.details = "Prints the mode, the generation, the state in force with the change of the store that it comes from, the state of "
		   "the driver and what led there, whether cordond runs, the time that a pending change has left, what is assigned, "
		   "what is not in force yet, the chains of other tables that judge packets before ours, and the packets and "
		   "bytes that each rule has met. Reading the kernel needs root.\n\n"
		   "A process that writes raw frames (AF_PACKET) bypasses the output hook, and with it these rules.",
	.options = status_options,
	.examples = status_examples,
	.run = status_run,
};
