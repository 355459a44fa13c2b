/* cordon report: what logs say, as one page. */
#include <stdlib.h>
#include <time.h>

#include "apps/command.h"
#include "apps/confine.h"
#include "apps/epochs.h"
#include "apps/logs.h"
#include "apps/selection.h"
#include "apps/visit.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/audit/page.h"

static const struct option report_options[] = {
	LOGS_OPTIONS,
	SELECTION_OPTIONS,
	{.name = "output", .letter = 'O', .argument = "FILE", .kind = VALUE_FILE, .help = "write the page there instead of standard output"},
	{.name = "policy", .argument = "NAME|PROFILE|SCRIPT", .kind = VALUE_PROFILE, .help = "judge by this policy instead of what the store had in force at the time of each record"},
	{.name = "set", .argument = "NAME=VALUE", .repeats = true, .help = "the value of a variable of the profile or script"},
	{.name = "host", .argument = "FACTS.json", .kind = VALUE_FILE, .help = "with these facts of a host, not this machine's"},
	{.name = NULL},
};

static const char *const report_examples[] = {
	"cordon report drops.log -O report.html",
	"drops by whom, of what, when, and whether they were meant",
	"cordon report pfirewall.log --zone +01:00 --policy block-all --host web01.json -O web01.html",
	"those of another machine",
	NULL,
};

enum { DAMAGES_MOST = 100 };

struct reporting {
	struct invocation *invocation;
	struct logs logs;
	struct selection selection;
	struct host host;
	struct epochs *epochs;    /* NULL: nothing to judge by */
	char *unjudged;           /* then: why */
	struct meaning_space meaning;
	struct summary summary;
	/* What was wrong with the logs */
	struct arena *arena;
	struct page_damage damages[DAMAGES_MOST];
	size_t damage_count;
	uint64_t damages_more;
	struct reader_options inner; /* where damage is said besides */
};

/* Without --policy a store that is not there, or is empty, only means that nothing is judged. */
static int epochs_read(struct reporting *reporting)
{
	struct invocation *invocation = reporting->invocation;
	const char *policy = invocation_option(invocation, "policy");
	struct diag said, *diag = invocation->diag;
	if (policy != NULL)
		return epochs_open(invocation, policy, &reporting->host, &reporting->epochs);
	diag_init(&said);
	invocation->diag = &said;
	int error = visit_store_exists(invocation) ? epochs_open(invocation, NULL, &reporting->host, &reporting->epochs) : ERROR_NOT_FOUND;
	invocation->diag = diag;
	if (error < 0)
		reporting->unjudged = memory_text(said.count > 0 ? said.messages[said.count - 1].text : "there is no store here, and no --policy was given");
	diag_done(&said);
	return 0;
}

static void damage_take(const struct damage *damage, void *context)
{
	struct reporting *reporting = context;
	reporting->inner.damage(damage, reporting->inner.context);
	if (reporting->damage_count == DAMAGES_MOST) {
		reporting->damages_more++;
		return;
	}
	reporting->damages[reporting->damage_count++] = (struct page_damage){
		.file = arena_text(reporting->arena, damage->file), .text = arena_text(reporting->arena, damage->text),
		.offset = damage->offset, .number = damage->number, .lost = damage->lost,
	};
}

static void event_add(struct reporting *reporting, const struct event *event)
{
	struct record record;
	struct judged judged;
	enum meaning meaning = event_meaning(event, &reporting->meaning, &record);
	if (meaning == MEANING_NONE || !selection_holds(&reporting->selection, meaning, &record))
		return;
	bool judges = reporting->epochs != NULL && summary_judges(event, meaning, &record);
	if (judges)
		epochs_judge(reporting->epochs, &record, &judged);
	summary_add(&reporting->summary, meaning, &record, judges ? &judged : NULL);
}

static void page_make(struct reporting *reporting, const struct source *source)
{
	struct invocation *invocation = reporting->invocation;
	const char *policy = invocation_option(invocation, "policy");
	struct page page = {
		.summary = &reporting->summary, .inputs = invocation->words, .input_count = invocation->word_count,
		.made = record_time_of_unix((int64_t)time(NULL), 0), .unjudged = reporting->unjudged,
		.policy = reporting->epochs == NULL ? NULL : policy != NULL ? policy : "what the store had in force at its time",
		.damages = reporting->damages, .damage_count = reporting->damage_count, .damages_more = reporting->damages_more,
	};
	source_counts(source, &page.counts, &page.failed);
	page_print(&page, invocation->output);
}

static int report_work(struct invocation *invocation, void *context)
{
	struct reporting *reporting = context;
	struct source_options options = {.reader = reporting->logs.reader, .type = reporting->logs.type};
	struct damages damages = {.invocation = invocation, .verbose = invocation->verbose};
	struct progress progress;
	struct source *source;
	struct event event;
	damages_begin(&damages, &options.reader);
	reporting->inner = options.reader;
	options.reader.damage = damage_take;
	options.reader.context = reporting;
	int error = source_open(invocation->words, invocation->word_count, &options, invocation->diag, &source);
	if (error < 0)
		return error_exit(error);
	progress_begin(&progress, invocation);
	while ((error = source_next(source, &event)) > 0) {
		event_add(reporting, &event);
		progress_say(&progress, source);
	}
	progress_end(&progress);
	int code = damages_end(&damages, source, error < 0 ? error : 0);
	if (code < EXIT_INPUT)
		page_make(reporting, source);
	source_close(source);
	return code;
}

static int report_run(struct invocation *invocation)
{
	struct reporting *reporting = memory_alloc(sizeof(*reporting));
	struct target target;
	*reporting = (struct reporting){.invocation = invocation, .arena = arena_new()};
	meaning_init(&reporting->meaning);
	summary_init(&reporting->summary);
	host_init(&reporting->host);
	int error = logs_read(invocation, 0, &reporting->logs);
	if (error == 0)
		error = selection_read(invocation, &reporting->selection);
	if (error == 0)
		error = facts_read(invocation, invocation_option(invocation, "host"), &reporting->host);
	if (error == 0)
		error = epochs_read(reporting);
	if (error == 0)
		error = target_open(invocation, invocation_option(invocation, "output"), &target);
	int code = error_exit(error);
	if (error == 0) {
		code = confine_run(invocation, target.descriptor, report_work, reporting);
		if (target_close(&target, code == EXIT_DONE || code == EXIT_FINDING) < 0)
			code = EXIT_SYSTEM;
	}
	epochs_free(reporting->epochs);
	free(reporting->unjudged);
	host_done(&reporting->host);
	summary_done(&reporting->summary);
	meaning_done(&reporting->meaning);
	arena_free(reporting->arena);
	logs_done(&reporting->logs);
	free(reporting);
	return code;
}

const struct command report_command = {
	.name = "report",
	.arguments = "INPUT…",
	.help = "make one HTML page of what logs say of dropped packets",
	.details = "The page shows drops over time, the modes, sources, destinations, ports and filters, what a policy says of each packet (as cordon "
		   "replay finds it), and what could not be read. It is one file that loads nothing: no script, no network; charts have their numbers "
		   "in tables. A record that stands for several packets counts as so many. Times are UTC.\n\n"
		   "Packets are judged by the policy that the store had in force at their time, or by --policy. Exit code 1: records were lost.",
	.options = report_options,
	.examples = report_examples,
	.least = 1,
	.most = WORDS_ANY,
	.words = VALUE_FILE,
	.run = report_run,
};
