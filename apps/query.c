/* cordon query: Log Parser's SQL over logs. */
#include "logparse/query/query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "apps/checkpoint.h"
#include "apps/command.h"
#include "apps/confine.h"
#include "apps/file.h"
#include "apps/logs.h"
#include "apps/switches.h"
#include "bootcfg/daemon/droplog.h"
#include "bootcfg/daemon/settings.h"
#include "core/base/arena.h"
#include "core/base/encoding.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static const struct option query_options[] = {
	{.name = "input-format", .letter = 'i', .argument = "FORMAT", .repeats = true, .help = "of the logs: evt, evtx, eventxml, pfirewall, w3c, nflog, pcap; EVT is any event log; found out from the content when left out. -i:EVT is understood too"},
	{.name = "format", .letter = 'o', .argument = "FORMAT", .repeats = true, .help = "of the output: W3C, CSV, TSV, JSON, XML, NAT (a table for the terminal; the default there), otherwise what the file's name says; -o:W3C is understood too"},
	{.name = "output", .letter = 'O', .argument = "FILE", .kind = VALUE_FILE, .help = "write it there instead of standard output, as INTO does"},
	{.name = "logs", .argument = "DIR", .kind = VALUE_FILE, .help = "folder with the logs of a machine: FROM System is System.evt, SysEvent.Evt or System.evtx there"},
	{.name = "zone", .argument = "ZONE", .help = "of logs that are in local time and do not say whose: UTC, +01:00, -0500"},
	{.name = "strict", .help = "stop at the first damage"},
	{.name = "live-only", .help = "leave out records that were recovered: of an earlier life of the file, or carved"},
	{.name = "explain", .help = "show the SQL that would be run, and which conditions the readers look at; read nothing"},
	{.name = "timeout", .argument = "SECONDS", .help = "stop after so long"},
	{.name = "checkpoint", .argument = "FILE", .kind = VALUE_FILE, .help = "go on where the last run with this file ended"},
	{.name = "no-header", .help = "with -o W3C, CSV, TSV: no header lines; -headers:OFF is understood too"},
	{.name = "ascii", .help = "with -o W3C: characters beyond ASCII as U+XXXX"},
	{.name = "escape", .help = "with -o W3C: control characters as \\uXXXX instead of blanks"},
	{.name = "logparser-compat", .help = "with -o W3C: as Log Parser writes it, without quotes (cannot be parsed where values have blanks)"},
	{.name = NULL},
};

static const char *const query_examples[] = {
	"cordon query \"SELECT * FROM drops.log TO ipsec.log WHERE x-action='DROP'\" -o:W3C",
	"drops as W3C text, in the order of words that the article prints",
	"cordon query \"SELECT TOP 10 src-ip, COUNT(*) AS drops FROM pfirewall.log GROUP BY src-ip ORDER BY drops DESC\" -o:NAT",
	"who was blocked most often",
	NULL,
};

enum { EXIT_STOPPED = 130, FLUSH_AT = 1 << 18, PATIENCE = 2 };

/* What the command was asked for. */
struct asking {
	struct invocation *invocation;
	struct arena *arena;
	struct logs logs;
	struct query *query;
	struct writer writer;
	struct query_options options;
	struct checkpoint *checkpoint;
	struct progress progress;
	uint64_t timeout;         /* seconds; 0: none */
	bool began;               /* the output has its head */
	bool explain;
	bool headless;            /* without header lines */
};

/* --- Log Parser's switches --- */

static void given_remove(struct invocation *invocation, size_t index)
{
	memmove(&invocation->given[index], &invocation->given[index + 1], (invocation->given_count - index - 1) * sizeof(*invocation->given));
	invocation->given_count--;
}

static const struct option *option_row(const char *name)
{
	const struct option *row = query_options;
	while (strcmp(row->name, name) != 0)
		row++;
	return row;
}

/* -i:EVT -i:W3C: as we name it.  1: nothing is left of it, for the content says what it is; ERROR_INPUT: there is no such format. */
static int input_switch(struct invocation *invocation, struct given *given)
{
	const char *value = given->value + (*given->value == ':'), *ours, *instead;
	struct buffer names;
	if (switch_format(value, &ours, &instead) && instead == NULL) {
		given->value = ours;
		return ours == NULL;
	}
	if (instead != NULL) {
		diag_error(invocation->diag, NULL, "Log Parser's -i:%s is not there: %s", value, instead);
		return ERROR_INPUT;
	}
	buffer_init(&names, 4096);
	for (size_t i = 0; readers[i] != NULL; i++)
		buffer_printf(&names, "%s%s", i > 0 ? ", " : "", readers[i]->name);
	diag_error(invocation->diag, NULL, "-i:%s: there is no such format; it is one of %s, or Log Parser's EVT, W3C, IISW3C, HTTPERR, XML", QUOTE(value),
		   buffer_text(&names));
	buffer_done(&names);
	return ERROR_INPUT;
}

static int switches_read(struct invocation *invocation)
{
	for (size_t i = 0; i < invocation->given_count; i++) {
		struct given *given = &invocation->given[i];
		int done = strcmp(given->option->name, "input-format") == 0 ? input_switch(invocation, given) : 0;
		if (done < 0)
			return done;
		if (strcmp(given->option->name, "format") == 0)
			given->value += *given->value == ':';
		if (done > 0)
			given_remove(invocation, i--);
	}
	return 0;
}

/* --- The text --- */

/* "…"o:W3C, as the article prints it: the shell makes one word of it.  Takes it off the end; NULL: there is none. */
static const char *glued_take(struct buffer *text, const char *letter)
{
	for (size_t i = 0; writers[i] != NULL; i++) {
		size_t length = strlen(writers[i]->name) + 2;
		if (text->length <= length)
			continue;
		const char *at = text->data + text->length - length;
		if (*at != *letter || at[1] != ':' || !ascii_equal(at + 2, writers[i]->name))
			continue;
		text->length -= length;
		text->length -= text->length > 0 && text->data[text->length - 1] == '-';
		text->data[text->length] = '\0';
		return writers[i]->name;
	}
	return NULL;
}

/* A query in a file, in any encoding that editors of Windows write. */
static int text_load(const char *path, struct diag *diag, struct buffer *text)
{
	struct buffer bytes, converted;
	struct decoded decoded;
	int error = file_read(path, 0, diag, &bytes);
	buffer_init(&converted, 2 * QUERY_TEXT);
	buffer_init(text, 2 * QUERY_TEXT);
	if (error == 0)
		error = encoding_decode(buffer_text(&bytes), bytes.length, path, diag, &converted, &decoded);
	if (error == 0)
		buffer_add(text, decoded.text, decoded.length);
	buffer_done(&bytes);
	buffer_done(&converted);
	return error;
}

static int text_read(struct asking *asking, struct buffer *text, const char **ret_file)
{
	struct invocation *invocation = asking->invocation;
	*ret_file = "query";
	if (invocation->word_count == 1 && ascii_prefix("file:", 5, invocation->words[0])) {
		*ret_file = invocation->words[0] + 5;
		return text_load(*ret_file, invocation->diag, text);
	}
	buffer_init(text, 2 * QUERY_TEXT);
	for (size_t i = 0; i < invocation->word_count; i++) {
		buffer_add_text(text, i > 0 ? " " : "");
		buffer_add_text(text, invocation->words[i]);
	}
	const char *glued = glued_take(text, "o");
	if (glued == NULL)
		return 0;
	diag_warning(invocation->diag, "glued", NULL, "\"o:%s\" is taken for -o:%s: a blank and a dash are missing before it", glued, glued);
	if (invocation_option(invocation, "format") == NULL)
		invocation->given[invocation->given_count++] = (struct given){option_row("format"), glued};
	return 0;
}

/* --- Output --- */

static const struct writer_type *writer_of_file(const char *path)
{
	static const struct { const char *suffix; const struct writer_type *type; } suffixes[] = {
		{".csv", &csv_writer}, {".tsv", &tsv_writer}, {".json", &json_writer}, {".jsonl", &json_writer}, {".ndjson", &json_writer},
		{".xml", &xml_writer}, {".txt", &nat_writer},
	};
	const char *dot = strrchr(path, '.');
	for (size_t i = 0; dot != NULL && i < ARRAY_LENGTH(suffixes); i++)
		if (ascii_equal(dot, suffixes[i].suffix))
			return suffixes[i].type;
	return &w3c_writer;
}

/* The file to write to; NULL: standard output. */
static const char *output_path(const struct asking *asking)
{
	const char *into = query_into(asking->query);
	if (into == NULL)
		into = invocation_option(asking->invocation, "output");
	return into == NULL || ascii_equal(into, "STDOUT") || strcmp(into, "-") == 0 ? NULL : into;
}

static int output_check(const struct asking *asking)
{
	const char *path = output_path(asking);
	if (query_into(asking->query) != NULL && invocation_option(asking->invocation, "output") != NULL) {
		diag_error(asking->invocation->diag, NULL, "-O and the query's own INTO or TO: one of them");
		return ERROR_INPUT;
	}
	if (path != NULL && strchr(path, '*') != NULL) {
		diag_error(asking->invocation->diag, &(struct place){.file = path}, "a file for each value of a column (Log Parser's * in INTO) cannot be made: "
			   "ask once for each");
		return ERROR_INPUT;
	}
	return 0;
}

static int writer_choose(struct asking *asking)
{
	struct invocation *invocation = asking->invocation;
	const char *format = invocation_option(invocation, "format"), *path = output_path(asking);
	if (format == NULL && invocation->json)
		format = "JSON";
	asking->writer.type = format != NULL ? writer_named(format) : path != NULL ? writer_of_file(path) : isatty(STDOUT_FILENO) ? &nat_writer : &w3c_writer;
	if (asking->writer.type == NULL) {
		diag_error(invocation->diag, NULL, "-o %s: it is W3C, CSV, TSV, JSON, XML or NAT", QUOTE(format));
		return ERROR_INPUT;
	}
	asking->headless = invocation_option(invocation, "no-header") != NULL;
	if (asking->headless && (asking->writer.type == &nat_writer || asking->writer.type == &xml_writer)) {
		diag_error(invocation->diag, NULL, "-o %s is never without its head: -o CSV, TSV or W3C can be", asking->writer.type->name);
		return ERROR_INPUT;
	}
	asking->writer.options = (struct writer_options){
		.date = asking->options.now,
		.logparser_compat = invocation_option(invocation, "logparser-compat") != NULL,
		.ascii = invocation_option(invocation, "ascii") != NULL,
		.escape = invocation_option(invocation, "escape") != NULL,
		.color = (invocation->render & DIAG_COLOR) != 0 && path == NULL && isatty(STDOUT_FILENO),
	};
	return 0;
}

static int output_open(struct asking *asking, struct invocation *shadow, struct target *ret_target)
{
	size_t count;
	const char *path = output_path(asking);
	const char *const *paths = query_paths(asking->query, &count);
	/* target_open looks whether the output is one of the words, or in one. */
	*shadow = *asking->invocation;
	shadow->words = arena_alloc(asking->arena, (count + 1) * sizeof(*shadow->words));
	shadow->word_count = count;
	for (size_t i = 0; i < count; i++)
		shadow->words[i] = paths[i];
	return target_open(shadow, path, ret_target);
}

/* --- Options --- */

/* drops.log and its forerunners, the oldest first. */
static void host_places(struct asking *asking, struct query_places *places)
{
	struct settings settings;
	const char **files = arena_alloc(asking->arena, DROPLOG_FILES_MOST * sizeof(*files));
	size_t count = 0;
	if (settings_load(NULL, asking->arena, NULL, &settings) != 0)
		settings_init(&settings);
	for (size_t i = DROPLOG_FILES_MOST; i-- > 0;) {
		const char *path = i > 0 ? arena_printf(asking->arena, "%s/%s.%zu", settings.logfolder, DROPLOG_FILE, i)
					 : arena_printf(asking->arena, "%s/%s", settings.logfolder, DROPLOG_FILE);
		if (access(path, F_OK) == 0)
			files[count++] = path;
	}
	places->host = files;
	places->host_count = count;
}

static int timeout_read(struct asking *asking)
{
	enum { TIMEOUT_MOST = 1000000 };
	struct timespec now;
	const char *text = invocation_option(asking->invocation, "timeout");
	if (text == NULL)
		return 0;
	if (!number_parse(text, strlen(text), TIMEOUT_MOST, &asking->timeout) || asking->timeout == 0) {
		diag_error(asking->invocation->diag, NULL, "--timeout %s: seconds are needed, 1 to 1,000,000", QUOTE(text));
		return ERROR_INPUT;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	asking->options.deadline = ((int64_t)now.tv_sec + (int64_t)asking->timeout) * 1000 + now.tv_nsec / 1000000;
	return 0;
}

static int options_read(struct asking *asking)
{
	struct invocation *invocation = asking->invocation;
	struct query_places places = {.logs = invocation_option(invocation, "logs")};
	asking->explain = invocation_option(invocation, "explain") != NULL;
	asking->options.now = record_time_of_unix((int64_t)time(NULL), 0);
	int error = logs_read(invocation, 0, &asking->logs);
	if (error == 0)
		error = timeout_read(asking);
	if (error == 0)
		error = output_check(asking);
	if (error == 0)
		error = writer_choose(asking);
	if (error < 0)
		return error;
	asking->options.reader = asking->logs.reader;
	asking->options.type = asking->logs.type;
	host_places(asking, &places);
	return query_find(asking->query, &places, invocation->diag);
}

/* --- In the process without rights --- */

/* The signal that came, or 0; in memory that both processes share, for it may come to the one that only waits. */
static volatile sig_atomic_t *stopped;

/* The first time it ends by itself, with what it has; when it does not, soon after, it ends at once. */
static void child_stop(int number)
{
	const struct itimerval soon = {.it_value = {.tv_sec = PATIENCE}};
	if (*stopped != 0 || number == SIGALRM)
		_exit(EXIT_STOPPED);
	*stopped = number;
	(void)setitimer(ITIMER_REAL, &soon, NULL);
}

/* The second time at once: the other process ends with this one. */
static void parent_stop(int number)
{
	if (*stopped == number)
		(void)signal(number, SIG_DFL);
	*stopped = number;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static void signals_take(void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler}, before;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_LENGTH(signals); i++)
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &action, NULL);
}

static void columns_begin(const struct columns *columns, void *context)
{
	struct asking *asking = context;
	struct buffer *output = asking->invocation->output;
	size_t before = output->length;
	asking->began = true;
	asking->writer.type->begin(&asking->writer, columns, output);
	if (asking->headless)
		output->length = before;
}

static bool row_write(const struct cell *cells, void *context)
{
	struct asking *asking = context;
	asking->writer.type->row(&asking->writer, cells, asking->invocation->output);
	return asking->invocation->output->length < FLUSH_AT || invocation_flush(asking->invocation);
}

static bool event_new(const struct event *event, void *context)
{
	return checkpoint_pass(((struct asking *)context)->checkpoint, event);
}

static void progress_show(const struct source *source, void *context)
{
	progress_say(&((struct asking *)context)->progress, source);
}

/* The line of what was read, and the exit code. */
static int outcome_say(struct asking *asking, const struct damages *damages, const struct query_outcome *outcome, int error)
{
	struct invocation *invocation = asking->invocation;
	const struct reader_counts *counts = &outcome->counts;
	if (outcome->stopped && *stopped != 0)
		return EXIT_STOPPED;
	if (outcome->stopped) {
		diag_error(invocation->diag, NULL, "stopped after %llu s (--timeout): %llu rows were had, and not all", (unsigned long long)asking->timeout,
			   (unsigned long long)outcome->rows);
		return EXIT_SYSTEM;
	}
	if (error < 0)
		return error == ERROR_INPUT && counts->unreadable > 0 ? EXIT_FINDING : error_exit(error);
	if (counts->unreadable > 0 || counts->recovered > 0 || invocation->verbose)
		diag_note(invocation->diag, NULL, "%llu records read, %llu of them recovered; %llu could not be read%s", (unsigned long long)counts->read,
			  (unsigned long long)counts->recovered, (unsigned long long)counts->unreadable, damages->kept_back > 0 ? " (-v lists each)" : "");
	return counts->unreadable > 0 || outcome->failed > 0 ? EXIT_FINDING : EXIT_DONE;
}

static int query_work(struct invocation *invocation, void *context)
{
	struct asking *asking = context;
	struct damages damages = {.invocation = invocation, .verbose = invocation->verbose};
	struct query_outcome outcome = {.rows = 0};
	const struct query_sink sink = {columns_begin, row_write, asking};
	const struct itimerval late = {.it_value = {.tv_sec = (time_t)asking->timeout + PATIENCE}};
	struct sigaction alarm = {.sa_handler = child_stop};
	signals_take(child_stop);
	(void)sigaction(SIGALRM, &alarm, NULL);
	if (asking->timeout > 0)
		(void)setitimer(ITIMER_REAL, &late, NULL);
	asking->options.stop = stopped;
	asking->options.context = asking;
	asking->options.progress = progress_show;
	if (asking->checkpoint != NULL)
		asking->options.pass = event_new;
	damages_begin(&damages, &asking->options.reader);
	checkpoint_begin(asking->checkpoint, &asking->options.reader);
	progress_begin(&asking->progress, invocation);
	if (asking->explain)
		return error_exit(query_explain(asking->query, &asking->options, invocation->diag, invocation->output));
	int error = query_run(asking->query, &asking->options, &sink, invocation->diag, &outcome);
	progress_end(&asking->progress);
	if (asking->began)
		asking->writer.type->end(&asking->writer, invocation->output);
	pthread_mutex_destroy(&damages.lock);
	int code = outcome_say(asking, &damages, &outcome, error);
	if (asking->checkpoint != NULL)
		code = checkpoint_write(asking->checkpoint, invocation, code);
	return code;
}

/* --- The command --- */

/* As a signal would have ended it, had there been nothing to clean up. */
static int stopped_say(struct asking *asking)
{
	struct invocation *invocation = asking->invocation;
	if (*stopped == 0) {
		diag_error(invocation->diag, NULL, "stopped after %llu s (--timeout)", (unsigned long long)asking->timeout);
		return EXIT_SYSTEM;
	}
	diag_error(invocation->diag, NULL, "stopped: %s", output_path(asking) != NULL ? "nothing was written" : "the rows are not all");
	(void)invocation_flush(invocation);
	(void)signal(*stopped, SIG_DFL);
	(void)raise(*stopped);
	return EXIT_STOPPED;
}

static int output_write(struct asking *asking)
{
	struct invocation *invocation = asking->invocation, shadow;
	const char *checkpoint = invocation_option(invocation, "checkpoint");
	struct target target = {.descriptor = -1};
	stopped = mmap(NULL, sizeof(*stopped), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stopped == MAP_FAILED) {
		diag_error(invocation->diag, NULL, "no memory: %s", strerror(errno));
		return EXIT_SYSTEM;
	}
	signals_take(parent_stop);
	int error = asking->explain ? 0 : output_open(asking, &shadow, &target);
	if (error == 0 && checkpoint != NULL && !asking->explain) {
		error = checkpoint_open(checkpoint, invocation->diag, &asking->checkpoint);
		if (error < 0)
			target_close(&target, false);
	}
	if (error < 0)
		return error_exit(error);
	int code = confine_run(invocation, target.descriptor, query_work, asking);
	bool good = (code == EXIT_DONE || code == EXIT_FINDING) && *stopped == 0;
	error = target_close(&target, good);
	if (error == 0 && good && asking->checkpoint != NULL)
		error = checkpoint_keep(asking->checkpoint, invocation->diag);
	checkpoint_free(asking->checkpoint);
	if (code == EXIT_STOPPED || *stopped != 0)
		return stopped_say(asking);
	return error < 0 ? EXIT_SYSTEM : code;
}

static int query_command_run(struct invocation *invocation)
{
	struct asking asking = {.invocation = invocation, .arena = arena_new()};
	struct buffer text;
	const char *file;
	buffer_init(&text, 0);
	int error = switches_read(invocation);
	if (error == 0)
		error = text_read(&asking, &text, &file);
	if (error == 0 && text.full) {
		diag_error(invocation->diag, NULL, "the query is longer than 64 KiB");
		error = ERROR_INPUT;
	}
	if (error == 0)
		error = query_parse(buffer_text(&text), text.length, file, invocation->diag, &asking.query);
	if (error == 0)
		error = options_read(&asking);
	int code = error == 0 ? output_write(&asking) : error_exit(error);
	query_free(asking.query);
	logs_done(&asking.logs);
	buffer_done(&text);
	arena_free(asking.arena);
	return code;
}

const struct command query_command = {
	.name = "query",
	.arguments = "QUERY|file:FILE",
	.help = "ask logs in Log Parser's SQL: SELECT … FROM System.evt WHERE …",
	.details = "SELECT [DISTINCT] [TOP n] columns [INTO FILE] FROM LOG[, LOG…] [TO FILE] [WHERE …] [GROUP BY …] [HAVING …] [ORDER BY …]. A LOG is a file, a "
		   "folder, a pattern, - for standard input; System and Security are the logs of the machine whose logs are in --logs DIR, or else this "
		   "host's own records as the IPsec driver of Windows would have logged them.\n\n"
		   "Event logs have Log Parser's columns: EventLog RecordNumber TimeGenerated TimeWritten EventID EventType EventTypeName EventCategory "
		   "EventCategoryName SourceName Strings ComputerName SID Message Data; text logs have those of their #Fields. Every log has the columns "
		   "of packets too: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port and so on. "
		   "DATA('SourceAddress') is a value of an event's data by its name. Times are UTC.\n\n"
		   "A query can only read. INTO and TO write beside the file and rename. Exit code 1 says that records were lost, 2 that the query "
		   "or a log is wrong, 3 that it was stopped by --timeout.",
	.options = query_options,
	.examples = query_examples,
	.least = 1,
	.most = WORDS_ANY,
	.run = query_command_run,
	.foreign = switch_take,
};
