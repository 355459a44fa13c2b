/* cordon audit: all that can be checked of a machine, as a job that is run again and again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apps/auditstate.h"
#include "apps/checkpoint.h"
#include "apps/command.h"
#include "apps/confine.h"
#include "apps/epochs.h"
#include "apps/file.h"
#include "apps/kernel.h"
#include "apps/logs.h"
#include "core/analysis/lint.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static const struct option audit_options[] = {
	{.name = "since-last", .help = "tell only what is new since the last run with this option"},
	{.name = NULL},
};

static const char *const audit_examples[] = {
	"cordon audit audit.json --since-last",
	"what a timer runs every night: exit code 1 when there is something to look at",
	"cordon audit audit.json --json",
	"everything, as lines of JSON for a SIEM",
	NULL,
};

struct auditing {
	struct invocation *invocation;
	struct invocation inner;      /* with the job's store and variables */
	struct arena *arena;
	const char *folder;           /* of the job: its paths start there */
	struct job *job;
	bool since_last;
	struct host host;
	struct epochs *epochs;        /* NULL: nothing is judged */
	struct findings findings;
	struct marks marks;
	struct auditstate *state;
	struct meaning_space meaning;
	struct summary summary;
	struct reader_counts counts;  /* of all sources */
	bool kept_back;               /* not every damage was said */
	size_t unreadable;            /* sources */
	struct target targets[JOB_OUTPUTS];
	size_t target_count;
	int result;                   /* a file in memory: what the process that reads has seen */
};

/* --- The job --- */

static const char *path_of(const struct auditing *auditing, const char *path)
{
	return path[0] == '/' || auditing->folder[0] == '\0' ? path : arena_printf(auditing->arena, "%s%s", auditing->folder, path);
}

static int job_open(struct auditing *auditing)
{
	struct invocation *invocation = auditing->invocation;
	const char *file = invocation->words[0], *slash = strrchr(file, '/');
	struct buffer bytes;
	auditing->folder = slash != NULL ? arena_text_n(auditing->arena, file, (size_t)(slash - file) + 1) : "";
	int error = file_read(file, 0, invocation->diag, &bytes);
	if (error == 0) {
		/* Messages quote it, and values point into it. */
		const char *text = arena_text_n(auditing->arena, buffer_text(&bytes), bytes.length);
		error = job_read(auditing->arena, file, text, bytes.length, invocation->diag, &auditing->job);
	}
	buffer_done(&bytes);
	return error;
}

/* The job's store, variables and sources as if they had been given on the command line. */
static void inner_make(struct auditing *auditing)
{
	static const struct option set_option = {.name = "set", .argument = "NAME=VALUE", .repeats = true};
	struct job *job = auditing->job;
	struct invocation *inner = &auditing->inner;
	*inner = *auditing->invocation;
	if (job->store != NULL)
		inner->store = path_of(auditing, job->store);
	inner->given = arena_alloc(auditing->arena, (job->variable_count + 1) * sizeof(*inner->given));
	inner->given_count = job->variable_count;
	for (size_t i = 0; i < job->variable_count; i++)
		inner->given[i] = (struct given){&set_option, arena_printf(auditing->arena, "%s=%s", job->variables[i].name, job->variables[i].value)};
	inner->words = arena_alloc(auditing->arena, job->source_count * sizeof(*inner->words));
	inner->word_count = job->source_count;
	for (size_t i = 0; i < job->source_count; i++)
		inner->words[i] = path_of(auditing, job->sources[i].path);
}

/* A path beside the job, or else a name that the store or the shipped profiles have. */
static const char *policy_of(const struct auditing *auditing)
{
	const char *policy = auditing->job->policy;
	const char *path = policy != NULL ? path_of(auditing, policy) : NULL;
	return path != NULL && access(path, F_OK) == 0 ? path : policy;
}

/* ${date} is the day, so that the files of earlier days stay. */
static const char *output_path(const struct auditing *auditing, const char *file)
{
	static const char variable[] = "${date}";
	char day[RECORD_VALUE];
	const struct record record = {.time = auditing->findings.now, .has = RECORD_HAS(COLUMN_DATE)};
	day[record_value(&record, COLUMN_DATE, day)] = '\0';
	const char *path = path_of(auditing, file), *at = strstr(path, variable);
	return at == NULL ? path : arena_printf(auditing->arena, "%.*s%s%s", (int)(at - path), path, day, at + sizeof(variable) - 1);
}

static const char *state_path(const struct auditing *auditing)
{
	return auditing->job->state != NULL ? path_of(auditing, auditing->job->state) : AUDITSTATE_DEFAULT;
}

/* An output must not take the place of what the audit reads, nor of another output. */
static int output_check(const struct auditing *auditing, size_t index)
{
	const struct job *job = auditing->job;
	const struct invocation *inner = &auditing->inner;
	const char *path = output_path(auditing, job->outputs[index].file), *policy = policy_of(auditing);
	const struct { const char *path, *what; } others[] = {
		{auditing->invocation->words[0], "the job"}, {state_path(auditing), "the state"}, {policy, "the policy"},
		{job->host != NULL ? path_of(auditing, job->host) : NULL, "what the host's facts are in"},
	};
	int error = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(others) && error == 0; i++)
		if (others[i].path != NULL)
			error = target_apart(inner, path, others[i].path, others[i].what);
	for (size_t i = 0; i < index && error == 0; i++)
		error = target_apart(inner, path, output_path(auditing, job->outputs[i].file), "another output");
	return error;
}

static int targets_open(struct auditing *auditing)
{
	const struct job *job = auditing->job;
	int error = 0;
	for (size_t i = 0; i < job->output_count && error == 0; i++)
		error = output_check(auditing, i);
	for (size_t i = 0; i < job->output_count && error == 0; i++) {
		error = target_open(&auditing->inner, output_path(auditing, job->outputs[i].file), &auditing->targets[i]);
		auditing->target_count += error == 0;
		/* What is told once must not be gone with the next run. */
		if (error == 0 && auditing->since_last)
			error = target_append(&auditing->targets[i]);
	}
	return error;
}

static int targets_close(struct auditing *auditing, bool good)
{
	int error = 0;
	for (size_t i = 0; i < auditing->target_count; i++) {
		int closed = target_close(&auditing->targets[i], good && error == 0);
		error = error == 0 ? closed : error;
	}
	return error;
}

/* --- What needs rights: kernel and store --- */

static void kernel_say(struct auditing *auditing, const char *lines)
{
	size_t told = 0, more = 0;
	while (*lines != '\0') {
		size_t length = strcspn(lines, "\n");
		if (told++ < FINDINGS_EACH)
			findings_lasting(&auditing->findings, "kernel", arena_text_n(auditing->arena, lines, length));
		else
			more++;
		lines += length + (lines[length] == '\n');
	}
	if (more > 0)
		findings_lasting(&auditing->findings, "kernel", arena_printf(auditing->arena, "and %zu more (cordon drift lists them)", more));
}

static int kernel_look(struct auditing *auditing)
{
	enum { DIFFERENCES_MOST = 64u << 20 };
	/* What is to be noted of the store policies_look says again, when it reads it. */
	bool again = (auditing->job->judge || auditing->job->lint) && policy_of(auditing) == NULL;
	struct diag said, *diag = auditing->inner.diag;
	diag_init(&said);
	auditing->inner.diag = &said;
	struct buffer differences;
	struct visit visit;
	struct force force = {.state = NULL};
	bool same = true;
	buffer_init(&differences, DIFFERENCES_MOST);
	int error = visit_read(&auditing->inner, 0, &visit);
	if (error == 0) {
		error = force_read(&visit, &force);
		if (error == 0)
			error = kernel_check(&visit, &force, &differences, &same);
		force_done(&force);
	}
	if (error == 0 && !same)
		kernel_say(auditing, buffer_text(&differences));
	visit_done(&visit);
	buffer_done(&differences);
	auditing->inner.diag = diag;
	if (error < 0 || !again)
		diag_move(diag, &said);
	diag_done(&said);
	return error;
}

/* What ruleset and lint warn of, as load does. */
static int lint_look(struct auditing *auditing)
{
	const struct state *state = epochs_last(auditing->epochs);
	struct invocation inner = auditing->inner;
	struct judge judge;
	struct diag said;
	if (!state_assigned(state)) {
		findings_lasting(&auditing->findings, "lint", "no policy is assigned: nothing is blocked");
		return 0;
	}
	diag_init(&said);
	inner.diag = &said;
	const char *host = auditing->job->host;
	int error = judge_init(&judge, &inner, state, MODE_SECURE, host != NULL ? path_of(auditing, host) : NULL, true);
	if (error == 0)
		lint_check(judge.ruleset, judge.classifier, &said);
	for (size_t i = 0; i < said.count && error == 0; i++)
		if (said.messages[i].severity == SEVERITY_WARNING && said.messages[i].id != NULL)
			findings_lasting(&auditing->findings, "lint", arena_printf(auditing->arena, "%s [%s]", said.messages[i].text, said.messages[i].id));
	judge_done(&judge);
	if (error < 0)
		diag_move(auditing->invocation->diag, &said);
	diag_done(&said);
	return error;
}

static int policies_look(struct auditing *auditing)
{
	const struct job *job = auditing->job;
	if (!job->judge && !job->lint)
		return 0;
	/* What loading warns of is what lint finds: it is not said twice. */
	struct diag said, *diag = auditing->inner.diag;
	diag_init(&said);
	auditing->inner.diag = &said;
	int error = epochs_open(&auditing->inner, policy_of(auditing), &auditing->host, &auditing->epochs);
	auditing->inner.diag = diag;
	if (error < 0)
		diag_move(diag, &said);
	diag_done(&said);
	return error == 0 && job->lint ? lint_look(auditing) : error;
}

/* --- The logs, in a process without rights --- */

/* Which log it is may be seen from its first bytes. */
static void log_begin(struct input *input, void *context)
{
	struct auditing *auditing = context;
	if (!mark_begin(&auditing->marks, input))
		findings_lasting(&auditing->findings, "unreadable",
				 arena_printf(auditing->arena, "the first bytes of the log %s cannot be read: what is new in it the next run will tell", QUOTE(input_name(input))));
}

static void event_look(struct auditing *auditing, const struct event *event)
{
	struct record record;
	struct judged judged;
	if (auditing->since_last && !marks_pass(&auditing->marks, event))
		return;
	enum meaning meaning = event_meaning(event, &auditing->meaning, &record);
	if (meaning == MEANING_NONE)
		return;
	bool judges = auditing->epochs != NULL && auditing->job->judge && summary_judges(event, meaning, &record);
	if (judges)
		epochs_judge(auditing->epochs, &record, &judged);
	summary_add(&auditing->summary, meaning, &record, judges ? &judged : NULL);
}

static void counts_sum(struct auditing *auditing, const struct source *source)
{
	struct reader_counts counts;
	size_t failed;
	source_counts(source, &counts, &failed);
	reader_counts_add(&auditing->counts, &counts);
}

static void unreadable_say(struct auditing *auditing, const char *path, bool whole)
{
	auditing->unreadable += whole;
	findings_lasting(&auditing->findings, "unreadable",
			 arena_printf(auditing->arena, whole ? "the source %s cannot be read" : "a log in the source %s cannot be read", QUOTE(path)));
}

static void source_look(struct auditing *auditing, size_t index)
{
	struct invocation *inner = &auditing->inner;
	const struct job_source *from = &auditing->job->sources[index];
	struct source_options options = {.type = from->type, .reader = {.zone_known = from->zone_known, .zone = from->zone}};
	struct damages damages = {.invocation = inner, .verbose = inner->verbose};
	struct source *source;
	struct event event;
	damages_begin(&damages, &options.reader);
	if (auditing->since_last) {
		options.reader.growing = true;
		options.reader.begin = log_begin;
		options.reader.begin_context = auditing;
	}
	int got = source_open(&inner->words[index], 1, &options, inner->diag, &source);
	if (got < 0) {
		unreadable_say(auditing, inner->words[index], true);
		return;
	}
	while ((got = source_next(source, &event)) > 0)
		event_look(auditing, &event);
	struct reader_counts counts;
	size_t failed;
	source_counts(source, &counts, &failed);
	counts_sum(auditing, source);
	if (failed > 0 || got < 0)
		unreadable_say(auditing, inner->words[index], counts.read + counts.filtered == 0);
	auditing->kept_back |= damages.kept_back > 0;
	pthread_mutex_destroy(&damages.lock);
	source_close(source);
}

static int outputs_write(struct auditing *auditing)
{
	struct invocation *invocation = auditing->invocation;
	const struct findings *findings = &auditing->findings;
	const struct buffer *forms[] = {[JOB_TEXT] = &findings->text, [JOB_JSON] = &findings->json};
	for (size_t i = 0; i < auditing->target_count; i++) {
		const struct buffer *form = forms[auditing->job->outputs[i].format];
		int error = descriptor_write(auditing->targets[i].descriptor, buffer_text(form), form->length);
		if (error == 0)
			continue;
		diag_error(invocation->diag, &(struct place){.file = auditing->job->outputs[i].file}, "cannot be written: %s", strerror(error));
		return ERROR_SYSTEM;
	}
	if (!invocation->quiet) {
		const struct buffer *form = forms[invocation->json ? JOB_JSON : JOB_TEXT];
		buffer_add(invocation->output, buffer_text(form), form->length);
	}
	return 0;
}

static int result_write(struct auditing *auditing)
{
	struct buffer text;
	buffer_init(&text, 64 << 20);
	auditstate_result(&auditing->marks, &auditing->findings, &text);
	int error = text.full ? ENOSPC : descriptor_write(auditing->result, buffer_text(&text), text.length);
	buffer_done(&text);
	if (error != 0)
		diag_error(auditing->invocation->diag, NULL, "what was seen cannot be kept: %s", strerror(error));
	return error != 0 ? ERROR_SYSTEM : 0;
}

static int audit_work(struct invocation *invocation, void *context)
{
	struct auditing *auditing = context;
	(void)invocation;
	for (size_t i = 0; i < auditing->job->source_count; i++)
		source_look(auditing, i);
	damages_sum(&auditing->inner, &auditing->counts, auditing->kept_back);
	if (auditing->unreadable == auditing->job->source_count) {
		diag_error(auditing->invocation->diag, NULL, "none of the sources of job %s could be read", auditing->job->name);
		return EXIT_INPUT;
	}
	findings_judge(&auditing->findings, &auditing->summary, &auditing->counts);
	findings_end(&auditing->findings, &auditing->summary, &auditing->counts);
	int error = outputs_write(auditing);
	if (error == 0 && auditing->since_last && auditing->target_count == 0 && !output_taken(&auditing->inner)) {
		diag_error(auditing->invocation->diag, NULL, "not all of the findings were taken, and the job has no other output: the next run tells them again");
		return EXIT_SYSTEM;
	}
	if (error == 0 && auditing->since_last)
		error = result_write(auditing);
	return error < 0 ? EXIT_SYSTEM : auditing->findings.count > 0 ? EXIT_FINDING : EXIT_DONE;
}

/* --- The command --- */

static int state_keep(struct auditing *auditing, uint64_t found)
{
	struct diag *diag = auditing->invocation->diag;
	off_t length = lseek(auditing->result, 0, SEEK_END);
	void *text = length > 0 ? mmap(NULL, (size_t)length, PROT_READ, MAP_SHARED, auditing->result, 0) : MAP_FAILED;
	if (text == MAP_FAILED) {
		diag_error(diag, NULL, "what was seen cannot be read: %s", length > 0 ? strerror(errno) : "it is empty");
		return ERROR_SYSTEM;
	}
	int error = auditstate_keep(auditing->state, text, (size_t)length, found, diag);
	(void)munmap(text, (size_t)length);
	return error;
}

static int audit_prepare(struct auditing *auditing)
{
	struct invocation *invocation = auditing->invocation;
	int error = 0;
	auditing->since_last = invocation_option(invocation, "since-last") != NULL;
	inner_make(auditing);
	findings_init(&auditing->findings, auditing->job, record_time_of_unix((int64_t)time(NULL), 0));
	auditing->findings.since_last = auditing->since_last;
	if (auditing->since_last)
		error = auditstate_open(state_path(auditing), auditing->job->name, invocation->diag, &auditing->marks, &auditing->findings, &auditing->state);
	const char *host = auditing->job->host;
	if (error == 0)
		error = facts_read(&auditing->inner, host != NULL ? path_of(auditing, host) : NULL, &auditing->host);
	if (error == 0 && auditing->job->kernel)
		error = kernel_look(auditing);
	if (error == 0)
		error = policies_look(auditing);
	if (error == 0 && auditing->since_last && (auditing->result = memfd_create("audit", MFD_CLOEXEC)) < 0) {
		diag_error(invocation->diag, NULL, "no memory to keep what was seen: %s", strerror(errno));
		error = ERROR_SYSTEM;
	}
	return error == 0 ? targets_open(auditing) : error;
}

static void audit_done(struct auditing *auditing)
{
	auditstate_close(auditing->state);
	if (auditing->result >= 0)
		(void)close(auditing->result);
	epochs_free(auditing->epochs);
	if (auditing->job != NULL)
		findings_done(&auditing->findings);
	host_done(&auditing->host);
	marks_done(&auditing->marks);
	summary_done(&auditing->summary);
	meaning_done(&auditing->meaning);
	arena_free(auditing->arena);
	free(auditing);
}

static int audit_run(struct invocation *invocation)
{
	struct auditing *auditing = memory_alloc(sizeof(*auditing));
	*auditing = (struct auditing){.invocation = invocation, .arena = arena_new(), .result = -1};
	host_init(&auditing->host);
	marks_init(&auditing->marks);
	meaning_init(&auditing->meaning);
	summary_init(&auditing->summary);
	int error = job_open(auditing), code = EXIT_INPUT;
	if (error == 0)
		error = audit_prepare(auditing);
	if (error == 0)
		code = confine_run(&auditing->inner, -1, audit_work, auditing);
	bool good = error == 0 && (code == EXIT_DONE || code == EXIT_FINDING), keep = good && auditing->since_last;
	/* Either both are new, the files and what is known, or neither; only a crash or a failure between the last two steps tells a thing twice. */
	good = good && (!keep || state_keep(auditing, code == EXIT_FINDING) == 0);
	good = targets_close(auditing, good) == 0 && good;
	good = good && (!keep || auditstate_commit(auditing->state, invocation->diag) == 0);
	audit_done(auditing);
	/* Whatever the reason, the audit could not be made. */
	return good || code == EXIT_BUG ? code : EXIT_INPUT;
}

const struct command audit_command = {
	.name = "audit",
	.arguments = "JOB.json",
	.help = "check logs, policy and kernel as a job says, and tell what is wrong",
	.details = "JOB.json (profiles/audit.schema.json) names logs, the policy that judges their packets, whether the kernel and the policy itself are "
		   "checked, what is too much, and the files that the findings go to, as text or as JSON lines. They are printed too; -q leaves that out. "
		   "Paths in it start at its folder.\n\n"
		   "With --since-last only records are looked at that came since the last such run, and what lasts (a difference of the kernel, a "
		   "warning) is told once. Files that are rotated, packed or cleared in between are recognized. What was seen is kept in "
		   AUDITSTATE_DEFAULT " or where the job says. The findings are added to the files; without --since-last they replace what is there.\n\n"
		   "Exit code 0: clean; 1: there are findings; 2: the audit could not be made, and nothing was changed.",
	.options = audit_options,
	.examples = audit_examples,
	.least = 1,
	.most = 1,
	.words = VALUE_FILE,
	.run = audit_run,
};
