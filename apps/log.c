/* cordon log: events out of logs, selected, as text. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apps/checkpoint.h"
#include "apps/command.h"
#include "apps/confine.h"
#include "apps/log.h"
#include "apps/logs.h"
#include "apps/options.h"
#include "apps/selection.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/record/w3c.h"
#include "logparse/meaning.h"
#include "logparse/source.h"
#include "logparse/tally.h"
#include "logparse/writer/writer.h"

VALUES_DEFINE(format_at, "W3C", "CSV", "TSV", "JSON", "XML", "NAT")
VALUES_DEFINE(layout_at, "eventlog", "drops", "isa")
VALUES_DEFINE(count_at, "source", "destination", "port", "filter")

static const struct option log_options[] = {
	LOGS_OPTIONS,
	{.name = "format", .letter = 'o', .argument = "FORMAT", .value_at = format_at, .help = "of the output: W3C (the default), CSV, TSV, JSON (one object a line, every field), XML, NAT (a table for the terminal)"},
	{.name = "output", .letter = 'O', .argument = "FILE", .kind = VALUE_FILE, .help = "write it there instead of standard output"},
	{.name = "layout", .argument = "LAYOUT", .value_at = layout_at, .help = "columns: drops (of packets), eventlog (Log Parser's fifteen), isa (ISA Server's twelve)"},
	SELECTION_OPTIONS,
	{.name = "count", .argument = "BY", .value_at = count_at, .help = "how many packets by source, destination, port or filter; a record that stands for several counts as so many"},
	{.name = "sort", .help = "merge several logs by time"},
	{.name = "ecs", .help = "with -o JSON: packets in the names of the Elastic Common Schema"},
	{.name = "ascii", .help = "with -o W3C: characters beyond ASCII as U+XXXX"},
	{.name = "escape", .help = "with -o W3C: control characters as \\uXXXX instead of blanks"},
	{.name = "logparser-compat", .help = "with -o W3C: as Log Parser writes it, without quotes (cannot be parsed where values have blanks)"},
	{.name = "checkpoint", .argument = "FILE", .kind = VALUE_FILE, .help = "go on where the last run with this file ended"},
	{.name = "threads", .argument = "N", .help = "read chunks of .evtx in so many threads; the order is kept"},
	{.name = NULL},
};

static const char *const log_examples[] = {
	"cordon log pfirewall.log --drops --count source",
	"who was blocked, and how often",
	"cordon log drops.log pfirewall.log --zone +01:00 --drops --sort -o JSON --ecs",
	"every drop of two logs, in order, for a SIEM",
	NULL,
};

enum count_by { COUNT_NOT, COUNT_SOURCE, COUNT_DESTINATION, COUNT_PORT, COUNT_FILTER };

/* What the command was asked for. */
struct logging {
	struct invocation *invocation;
	struct logs logs;
	const struct writer_type *writer;
	struct writer_options options;
	enum layout layout;
	bool guessed;             /* the layout: by the first event */
	bool whole;               /* JSON, XML: every field instead of a layout */
	bool ecs;
	bool live;                /* for cordon tail */
	struct selection selection;
	enum count_by count;
	uint64_t threads;
	struct checkpoint *checkpoint;
	/* While it runs */
	struct damages *damages;
	struct source *source;
	struct writer head;       /* begun once */
	bool begun;
	struct tally *tally;
	struct progress progress;
};

/* What each thread has of its own. */
struct worker {
	struct logging *logging;
	struct writer writer;
	struct meaning_space meaning;
	struct layout_space *layout;
	struct tally *tally;
	struct buffer scratch;
	uint64_t taken;
	char apart[64];           /* from the next one, by a line of the cache */
};

/* --- Options --- */

static int layout_option(struct logging *logging)
{
	const struct invocation *invocation = logging->invocation;
	const char *layout = invocation_option(invocation, "layout");
	const char *count = invocation_option(invocation, "count");
	static const char *const counts[] = {NULL, "source", "destination", "port", "filter"};
	logging->layout = LAYOUT_DROPS;
	logging->guessed = layout == NULL && !logging->selection.drops && !logging->live;
	if (layout != NULL && !layout_parse(layout, &logging->layout)) {
		diag_error(invocation->diag, NULL, "--layout %s: it is eventlog, drops or isa", QUOTE(layout));
		return ERROR_INPUT;
	}
	for (size_t i = 1; count != NULL && i < ARRAY_LENGTH(counts); i++)
		if (strcmp(count, counts[i]) == 0)
			logging->count = (enum count_by)i;
	if (count != NULL && logging->count == COUNT_NOT) {
		diag_error(invocation->diag, NULL, "--count %s: it is source, destination, port or filter", QUOTE(count));
		return ERROR_INPUT;
	}
	logging->whole = logging->writer->event != NULL && layout == NULL && logging->count == COUNT_NOT && !logging->ecs;
	return 0;
}

static int options_read(struct logging *logging)
{
	struct invocation *invocation = logging->invocation;
	const char *format = invocation_option(invocation, "format");
	logging->threads = 1;
	logging->ecs = invocation_option(invocation, "ecs") != NULL;
	if (format == NULL)
		format = logging->ecs || invocation->json ? "JSON" : "W3C";
	logging->writer = writer_named(format);
	if (logging->writer == NULL) {
		diag_error(invocation->diag, NULL, "-o %s: it is W3C, CSV, TSV, JSON, XML or NAT", QUOTE(format));
		return ERROR_INPUT;
	}
	logging->options = (struct writer_options){
		.logparser_compat = invocation_option(invocation, "logparser-compat") != NULL,
		.ascii = invocation_option(invocation, "ascii") != NULL,
		.escape = invocation_option(invocation, "escape") != NULL,
		.color = (invocation->render & DIAG_COLOR) != 0 && invocation_option(invocation, "output") == NULL && isatty(STDOUT_FILENO),
	};
	int error = selection_read(invocation, &logging->selection);
	if (error == 0)
		error = layout_option(logging);
	if (error == 0 && options_number(invocation, "threads", 1, 64, &logging->threads) < 0)
		error = ERROR_INPUT;
	if (error < 0)
		return error;
	if (logging->ecs && logging->writer != &json_writer) {
		diag_error(invocation->diag, NULL, "--ecs goes with -o JSON");
		return ERROR_INPUT;
	}
	return logs_read(invocation, 0, &logging->logs);
}

/* --- One event --- */

static void count_add(struct worker *worker, const struct record *record)
{
	static const enum record_column columns[] = {[COUNT_SOURCE] = COLUMN_SRC_IP, [COUNT_DESTINATION] = COLUMN_DST_IP, [COUNT_PORT] = COLUMN_DST_PORT};
	enum count_by by = worker->logging->count;
	uint64_t packets = record_has(record, COLUMN_COUNT) ? record->count : 1;
	char value[RECORD_VALUE];
	struct cursor key = {NULL, NULL};
	if (by != COUNT_FILTER) {
		key = cursor_of(value, record_value(record, columns[by], value));
	} else if (record->rule.at != NULL) {
		buffer_clear(&worker->scratch);
		const struct cursor parts[] = {record->policy, record->rule, record->filterlist};
		for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
			if (parts[i].at == NULL)
				continue;
			buffer_add_text(&worker->scratch, worker->scratch.length > 0 ? " / " : "");
			buffer_add(&worker->scratch, parts[i].at, cursor_left(&parts[i]));
		}
		key = cursor_of(buffer_text(&worker->scratch), worker->scratch.length);
	} else {
		key = cursor_of(value, record_value(record, COLUMN_FILTER_ID, value));
	}
	tally_add(worker->tally, cursor_left(&key) > 0 ? key : cursor_text("-"), packets);
}

static void event_write(struct worker *worker, const struct event *event, const struct record *record, struct buffer *output)
{
	struct logging *logging = worker->logging;
	struct cell cells[RECORD_COLUMNS];
	bool plain = !logging->options.logparser_compat && !logging->options.ascii && !logging->options.escape;
	if (logging->ecs) {
		ecs_line(record, output);
	} else if (logging->whole) {
		logging->writer->event(&worker->writer, event, output);
	} else if (logging->layout == LAYOUT_DROPS && logging->writer == &w3c_writer && plain) {
		w3c_line(record, output);
		worker->writer.rows++;
	} else if (layout_cells(logging->layout, event, record, worker->layout, cells)) {
		logging->writer->row(&worker->writer, cells, output);
	}
}

static void event_pass(struct worker *worker, const struct event *event, struct buffer *output)
{
	struct logging *logging = worker->logging;
	struct record record;
	enum meaning meaning = MEANING_NONE;
	bool packets = logging->layout != LAYOUT_EVENTLOG || logging->ecs || logging->count != COUNT_NOT;
	if (logging->checkpoint != NULL && !checkpoint_pass(logging->checkpoint, event))
		return;
	if (packets || selection_asks(&logging->selection)) {
		meaning = event_meaning(event, &worker->meaning, &record);
		if (!selection_holds(&logging->selection, meaning, &record) || (packets && !logging->whole && meaning == MEANING_NONE))
			return;
	}
	worker->taken++;
	if (logging->count != COUNT_NOT) {
		if (meaning == MEANING_DROP || meaning == MEANING_PERMIT)
			count_add(worker, &record);
		return;
	}
	event_write(worker, event, meaning != MEANING_NONE ? &record : NULL, output);
}

static void worker_init(struct worker *worker, struct logging *logging)
{
	*worker = (struct worker){.logging = logging, .writer = logging->head, .layout = layout_space_new(), .tally = tally_new()};
	meaning_init(&worker->meaning);
	buffer_init(&worker->scratch, 65536);
}

static void worker_done(struct worker *worker)
{
	layout_space_free(worker->layout);
	meaning_done(&worker->meaning);
	tally_free(worker->tally);
	buffer_done(&worker->scratch);
}

/* --- All of them --- */

static const char *const count_names[][2] = {
	[COUNT_SOURCE] = {"src-ip", "x-count"}, [COUNT_DESTINATION] = {"dst-ip", "x-count"}, [COUNT_PORT] = {"dst-port", "x-count"},
	[COUNT_FILTER] = {"filter", "x-count"},
};

/* A log of something else, such as IIS's: what it has is in no column of packets. */
static void layout_doubt(const struct logging *logging, const struct event *event)
{
	struct cursor value;
	if (event == NULL || logging->whole || logging->layout != LAYOUT_DROPS || event->kind->column == NULL ||
	    event->kind->column(event, "x-action", &value) || event->kind->column(event, "action", &value))
		return;
	diag_note(logging->invocation->diag, &(struct place){.file = event->file},
		  "most of its columns are none of this layout: -o JSON, or cordon query, gives all");
}

/* With the first event (NULL: there was none): then the date of a W3C log that is copied is known, and whether it is of
 * packets. */
static void output_begin(struct logging *logging, const struct event *event, struct buffer *output)
{
	static const struct columns none = {NULL, 0};
	const struct columns counted = {count_names[logging->count], 2};
	if (logging->begun)
		return;
	logging->begun = true;
	uint64_t date = source_date(logging->source);
	/* Only the header of a W3C log has a date: then it was of packets, though there are none. */
	if (logging->guessed)
		logging->layout = event != NULL ? layout_of(event) : date != 0 ? LAYOUT_DROPS : LAYOUT_EVENTLOG;
	if (logging->guessed)
		layout_doubt(logging, event);
	logging->options.date = date != 0 ? date : record_time_of_unix((int64_t)time(NULL), 0);
	logging->head = (struct writer){.type = logging->writer, .options = logging->options};
	if (!logging->ecs)
		logging->writer->begin(&logging->head, logging->count != COUNT_NOT ? &counted : logging->whole ? &none : layout_columns(logging->layout),
				       output);
}

static void counts_write(struct logging *logging, struct worker *worker, struct buffer *output)
{
	size_t count;
	const struct tallied *rows = tally_sorted(worker->tally, &count);
	if (count > 0 && rows[0].count == TALLY_MOST)
		diag_warning(logging->invocation->diag, "count", NULL, "a sum is larger than can be counted: %llu stands for at least so many",
			     (unsigned long long)TALLY_MOST);
	for (size_t i = 0; i < count; i++) {
		const struct cell cells[2] = {{.kind = CELL_TEXT, .text = rows[i].key}, {.kind = CELL_UNSIGNED, .integer = (int64_t)rows[i].count}};
		logging->writer->row(&worker->writer, cells, output);
	}
}

enum { FLUSH_AT = 1 << 18 };

/* More input has to be waited for: what is there goes out. */
static void output_idle(void *context)
{
	struct logging *logging = context;
	if (logging->invocation->output->length > 0 || logging->invocation->diag->count > 0)
		(void)invocation_flush(logging->invocation);
}

/* One after the other.  False when nobody reads the output any more. */
static int events_run(struct logging *logging, struct worker *worker)
{
	struct buffer *output = logging->invocation->output;
	struct event event;
	int got;
	while ((got = source_next(logging->source, &event)) > 0) {
		if (!logging->begun) {
			output_begin(logging, &event, output);
			worker->writer = logging->head;
		}
		event_pass(worker, &event, output);
		if (logging->invocation->closed || (output->length >= FLUSH_AT && !invocation_flush(logging->invocation)))
			return 0;
		progress_say(&logging->progress, logging->source);
	}
	return got;
}

/* --- In several threads --- */

struct slot {
	struct buffer text;
	bool full;
};

struct crew {
	struct logging *logging;
	struct reader *reader;
	size_t parts, lot;        /* lot: so many parts go together, since handing over costs as much as a part or two */
	size_t lots, next, written;
	struct slot *slots;
	size_t slot_count;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopped;
	bool none;                /* not one thread could be started */
	struct reader_counts counts;
};

static void *crew_work(void *context)
{
	struct worker *worker = ((struct worker **)context)[0];
	struct crew *crew = ((struct crew **)context)[1];
	struct reader *part = NULL;
	struct event event;
	for (;;) {
		pthread_mutex_lock(&crew->lock);
		while (!crew->stopped && crew->next < crew->lots && crew->next >= crew->written + crew->slot_count)
			pthread_cond_wait(&crew->changed, &crew->lock);
		size_t lot = crew->stopped ? crew->lots : crew->next++;
		pthread_mutex_unlock(&crew->lock);
		if (lot >= crew->lots)
			break;
		struct slot *slot = &crew->slots[lot % crew->slot_count];
		/* In a place of its own while it is made: neighbours would wait for each other's line of the cache. */
		struct buffer text = slot->text;
		for (size_t i = lot * crew->lot; i < crew->parts && i < (lot + 1) * crew->lot; i++) {
			crew->reader->type->part(crew->reader, i, &part);
			while (part->type->next(part, &event) > 0)
				event_pass(worker, &event, &text);
		}
		pthread_mutex_lock(&crew->lock);
		slot->text = text;
		slot->full = true;
		pthread_cond_broadcast(&crew->changed);
		pthread_mutex_unlock(&crew->lock);
	}
	if (part != NULL) {
		pthread_mutex_lock(&crew->lock);
		reader_counts_add(&crew->counts, &part->counts);
		pthread_mutex_unlock(&crew->lock);
		part->type->close(part);
	}
	return NULL;
}

/* What a part has become goes out without a copy.  Threads that say a damage may flush too: never both at once. */
static bool slot_write(struct crew *crew, struct slot *slot)
{
	struct invocation *invocation = crew->logging->invocation;
	pthread_mutex_lock(&crew->logging->damages->lock);
	bool open = !invocation->closed && !invocation->failed;
	/* What stands there already: the header. */
	if (slot->text.length > 0 && invocation->output->length > 0)
		open = invocation_flush(invocation);
	if (slot->text.length > 0 && open) {
		const struct buffer usual = *invocation->output;
		*invocation->output = slot->text;
		open = invocation_flush(invocation);
		slot->text = *invocation->output;
		*invocation->output = usual;
	}
	buffer_clear(&slot->text);
	pthread_mutex_unlock(&crew->logging->damages->lock);
	return open;
}

/* Writes the parts in their order while they are made. */
static void crew_write(struct crew *crew)
{
	for (size_t i = 0; i < crew->lots; i++) {
		struct slot *slot = &crew->slots[i % crew->slot_count];
		pthread_mutex_lock(&crew->lock);
		while (!slot->full)
			pthread_cond_wait(&crew->changed, &crew->lock);
		pthread_mutex_unlock(&crew->lock);
		bool open = slot_write(crew, slot);
		pthread_mutex_lock(&crew->lock);
		slot->full = false;
		crew->written = i + 1;
		crew->stopped = !open;
		pthread_cond_broadcast(&crew->changed);
		pthread_mutex_unlock(&crew->lock);
		if (!open)
			return;
		for (size_t j = i * crew->lot; crew->reader->type->passed != NULL && j < crew->parts && j < (i + 1) * crew->lot; j++)
			crew->reader->type->passed(crew->reader, j + 1);
		progress_say(&crew->logging->progress, crew->logging->source);
	}
}

static void crew_run(struct crew *crew, struct worker *workers)
{
	enum { THREADS_MOST = 64, SLOT_MOST = 256 << 20, HELD_MOST = 32, EACH = 8 };
	size_t count = crew->logging->threads;
	pthread_t threads[THREADS_MOST];
	void *contexts[THREADS_MOST][2];
	size_t started = 0;
	/* Room for those that are done before the one that is to be written. */
	crew->slot_count = count + 4;
	/* So many parts are held at most, and each thread gets some of a short log. */
	crew->lot = HELD_MOST / crew->slot_count < crew->parts / (EACH * count) ? HELD_MOST / crew->slot_count : crew->parts / (EACH * count);
	crew->lot += crew->lot == 0;
	crew->lots = (crew->parts + crew->lot - 1) / crew->lot;
	crew->slots = memory_alloc(crew->slot_count * sizeof(*crew->slots));
	for (size_t i = 0; i < crew->slot_count; i++) {
		crew->slots[i] = (struct slot){.full = false};
		buffer_init(&crew->slots[i].text, SLOT_MOST);
	}
	for (; started < count; started++) {
		contexts[started][0] = &workers[started];
		contexts[started][1] = crew;
		if (pthread_create(&threads[started], NULL, crew_work, contexts[started]) != 0)
			break;
	}
	if (started > 0)
		crew_write(crew);
	else
		diag_error(crew->logging->invocation->diag, NULL, "no thread can be started: try --threads 1");
	crew->none = started == 0;
	crew->stopped |= crew->none;
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < crew->slot_count; i++)
		buffer_done(&crew->slots[i].text);
	free(crew->slots);
}

static int threads_run(struct logging *logging, struct worker *workers)
{
	struct reader *reader;
	struct buffer *output = logging->invocation->output;
	while (source_reader(logging->source, &reader) > 0) {
		struct crew crew = {.logging = logging, .reader = reader, .parts = reader->type->parts != NULL ? reader->type->parts(reader) : 1};
		if (crew.parts > 1) {
			/* Logs that have parts are event logs. */
			output_begin(logging, NULL, output);
			for (size_t i = 0; i < logging->threads; i++)
				workers[i].writer = logging->head;
			pthread_mutex_init(&crew.lock, NULL);
			pthread_cond_init(&crew.changed, NULL);
			crew_run(&crew, workers);
			pthread_cond_destroy(&crew.changed);
			pthread_mutex_destroy(&crew.lock);
			reader->counts = crew.counts;
			if (crew.stopped)
				return crew.none ? ERROR_SYSTEM : 0;
			continue;
		}
		struct event event;
		while (reader->type->next(reader, &event) > 0) {
			output_begin(logging, &event, output);
			workers[0].writer = logging->head;
			event_pass(&workers[0], &event, output);
			if (output->length >= FLUSH_AT && !invocation_flush(logging->invocation))
				return 0;
		}
	}
	return 0;
}

/* What comes behind the last event.  Where no log could be read there is no output either. */
static void output_end(struct logging *logging, struct worker *workers, size_t count)
{
	struct buffer *output = logging->invocation->output;
	struct writer *writer = &workers[0].writer;
	struct reader_counts counts;
	size_t failed;
	source_counts(logging->source, &counts, &failed);
	if (failed == 0 || counts.read + counts.filtered > 0)
		output_begin(logging, NULL, output);
	for (size_t i = 1; i < count; i++)
		tally_merge(workers[0].tally, workers[i].tally);
	writer->columns = logging->head.columns;
	writer->type = logging->head.type;
	writer->options = logging->head.options;
	writer->own = logging->head.own;
	if (logging->count != COUNT_NOT && logging->begun)
		counts_write(logging, &workers[0], output);
	if (!logging->ecs && logging->begun)
		writer->type->end(writer, output);
}

/* In the process without rights. */
static int log_work(struct invocation *invocation, void *context)
{
	struct logging *logging = context;
	struct source_options options = {
		.reader = logging->logs.reader, .type = logging->logs.type, .idle = output_idle, .idle_context = logging,
		.sort = invocation_option(invocation, "sort") != NULL,
	};
	struct damages damages = {.invocation = invocation, .verbose = invocation->verbose};
	damages_begin(&damages, &options.reader);
	checkpoint_begin(logging->checkpoint, &options.reader);
	options.reader.growing |= logging->live;
	logging->damages = &damages;
	int error = source_open(invocation->words, invocation->word_count, &options, invocation->diag, &logging->source);
	if (error < 0)
		return error_exit(error);
	/* Tables and counts of one thread only: their rows hang together; --strict: nothing from behind the damage. */
	bool together = options.sort || options.reader.strict || logging->checkpoint != NULL || logging->writer == &nat_writer;
	bool threads = logging->threads > 1 && !together;
	size_t count = threads ? logging->threads : 1;
	logging->threads = count;
	struct worker *workers = memory_alloc(count * sizeof(*workers));
	for (size_t i = 0; i < count; i++)
		worker_init(&workers[i], logging);
	progress_begin(&logging->progress, invocation);
	error = threads ? threads_run(logging, workers) : events_run(logging, &workers[0]);
	progress_end(&logging->progress);
	output_end(logging, workers, count);
	int code = damages_end(&damages, logging->source, error);
	if (logging->checkpoint != NULL)
		code = checkpoint_write(logging->checkpoint, invocation, code);
	for (size_t i = 0; i < count; i++)
		worker_done(&workers[i]);
	free(workers);
	source_close(logging->source);
	return code;
}

int log_follow(struct invocation *invocation)
{
	const char *input = "-";
	struct logging logging = {.invocation = invocation, .live = true};
	int error = options_read(&logging);
	/* The words are the caller's to free. */
	struct invocation inner = *invocation;
	inner.words = &input;
	inner.word_count = 1;
	logging.invocation = &inner;
	logging.logs.type = &w3c_reader;
	logging.options.live = true;
	int code = error == 0 ? confine_run(&inner, -1, log_work, &logging) : error_exit(error);
	logs_done(&logging.logs);
	return code;
}

static int log_run(struct invocation *invocation)
{
	struct logging logging = {.invocation = invocation};
	struct target target;
	int error = options_read(&logging);
	const char *output = invocation_option(invocation, "output"), *checkpoint = invocation_option(invocation, "checkpoint");
	if (error == 0)
		error = target_open(invocation, output, &target);
	if (error == 0 && checkpoint != NULL) {
		error = checkpoint_open(checkpoint, invocation->diag, &logging.checkpoint);
		if (error < 0)
			target_close(&target, false);
	}
	int code = error_exit(error);
	if (error == 0) {
		code = confine_run(invocation, target.descriptor, log_work, &logging);
		bool good = code == EXIT_DONE || code == EXIT_FINDING;
		error = target_close(&target, good);
		if (error == 0 && good && logging.checkpoint != NULL)
			error = checkpoint_keep(logging.checkpoint, invocation->diag);
		if (error < 0)
			code = EXIT_SYSTEM;
	}
	checkpoint_free(logging.checkpoint);
	logs_done(&logging.logs);
	return code;
}

const struct command log_command = {
	.name = "log",
	.arguments = "INPUT…",
	.help = "read event logs, firewall logs and captures, and print their events",
	.details = "INPUT is a file, a folder with all that is in it, or - for standard input; gzip, xz and zstd are unpacked. The format is "
		   "found out from the content: .evt, .evtx, event XML, pfirewall.log, W3C, lines of the Linux kernel, ulogd's JSON, pcap.\n\n"
		   "Damaged logs are read as far as they can be: at the end one line on stderr says how many records were read, recovered, and could not "
		   "be had (-v lists each with its offset). Exit code 1 says that something was lost, 0 that all is there.\n\n"
		   "Logs come from machines that may be hostile: they are read by a process without the right to write files or reach the network.",
	.options = log_options,
	.examples = log_examples,
	.least = 1,
	.most = WORDS_ANY,
	.words = VALUE_FILE,
	.run = log_run,
};
