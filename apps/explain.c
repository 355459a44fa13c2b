/* cordon explain: what the policy does with a packet, and why. */
#include "core/analysis/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/command.h"
#include "apps/moment.h"
#include "apps/visit.h"
#include "bootcfg/driver/driver.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"

VALUES_DEFINE(mode_at, "secure", "permit", "block", "boot")

static const struct option explain_options[] = {
	{.name = "mode", .argument = "secure|permit|block|boot", .value_at = mode_at,
	 .help = "as in this mode of the driver (default secure); boot: from power-on until a policy is in force"},
	{.name = "host", .argument = "FACTS.json", .kind = VALUE_FILE, .help = "with these facts of a host, not this machine's"},
	{.name = "file", .argument = "PACKETS|-", .kind = VALUE_FILE,
	 .help = "judge the packets of a file, one a line; empty lines and lines that start with # are skipped"},
	{.name = "at", .argument = "TIME", .help = "the policy as it was then: 2026-11-21T10:00:00Z, \"2026-11-21 10:00\", 2h (ago)"},
	{.name = NULL},
};

static const char *const explain_examples[] = {
	"cordon --store policy.db explain 'tcp 203.0.113.9:51000 > me:80'",
	"says which filter decides, and why the others that match lose",
	"printf 'in icmp:8 10.0.0.1 > me\\n' | cordon --store policy.db explain --file -",
	"one line of tab-separated text for each packet",
	NULL,
};

enum {
	BLOCK = 1u << 18,       /* bytes that are read at once; no line is longer */
	FLUSH_AT = 1u << 18,    /* bytes of output that are gathered */
};

/* The stream of packets of one file. */
struct stream {
	struct invocation *invocation;
	const struct judge *judge;
	const char *name;
	uint32_t line;
};

/* One line: its verdict into the output. */
static int line_judge(struct stream *stream, const char *text, size_t length)
{
	struct invocation *invocation = stream->invocation;
	stream->line++;
	if (length > 0 && text[length - 1] == '\r')
		length--;
	if (stream->line == 1 && length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		length -= 3;
	}
	size_t blanks = 0;
	while (blanks < length && ascii_blank(text[blanks]))
		blanks++;
	if (blanks == length || text[blanks] == '#')
		return 0;
	struct place place = {.file = stream->name, .line = stream->line, .column = 1, .source = text, .source_length = length};
	struct packet packet;
	struct verdict verdict;
	int error = packet_parse(text, length, &stream->judge->host, invocation->diag, &place, &packet);
	if (error < 0)
		return error;
	if (invocation->json) {
		explain_json(stream->judge->ruleset, stream->judge->classifier, &packet, invocation->output);
	} else {
		classifier_judge(stream->judge->classifier, &packet, &verdict);
		explain_line(stream->judge->ruleset, &verdict, &packet, invocation->output);
	}
	buffer_add_char(invocation->output, '\n');
	return 0;
}

/* The whole lines of a block; *ret_used is where the last, unfinished one starts. */
static int lines_judge(struct stream *stream, const char *block, size_t length, size_t *ret_used)
{
	size_t at = 0;
	int error = 0;
	for (const char *end; error == 0 && (end = memchr(block + at, '\n', length - at)) != NULL;) {
		error = line_judge(stream, block + at, (size_t)(end - block) - at);
		at = (size_t)(end - block) + 1;
		if (error == 0 && stream->invocation->output->length >= FLUSH_AT && !invocation_flush(stream->invocation))
			error = ERROR_SYSTEM;
	}
	*ret_used = at;
	return error;
}

static int descriptor_judge(struct stream *stream, int descriptor)
{
	struct place place = {.file = stream->name};
	char *block = memory_alloc(BLOCK);
	size_t kept = 0;
	int error = 0;
	while (error == 0) {
		ssize_t got = read(descriptor, block + kept, BLOCK - kept);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			diag_error(stream->invocation->diag, &place, "cannot be read: %s", strerror(errno));
			error = errno == EISDIR ? ERROR_INPUT : ERROR_SYSTEM;
		}
		if (got <= 0)
			break;
		size_t length = kept + (size_t)got, used;
		error = lines_judge(stream, block, length, &used);
		kept = length - used;
		memmove(block, block + used, kept);
		if (error == 0 && kept == BLOCK) {
			place.line = stream->line + 1;
			diag_error(stream->invocation->diag, &place, "the line is longer than %u bytes: this is no packet", BLOCK);
			error = ERROR_INPUT;
		}
	}
	if (error == 0 && kept > 0)
		error = line_judge(stream, block, kept);
	free(block);
	return error;
}

static int file_judge(struct invocation *invocation, const struct judge *judge, const char *path)
{
	struct stream stream = {.invocation = invocation, .judge = judge, .name = path};
	bool standard = strcmp(path, "-") == 0;
	int descriptor = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (descriptor < 0) {
		int cause = errno;
		diag_error(invocation->diag, &(struct place){.file = path}, "cannot be read: %s", strerror(cause));
		return cause == ENOENT || cause == ENOTDIR ? ERROR_INPUT : ERROR_SYSTEM;
	}
	int error = descriptor_judge(&stream, descriptor);
	if (!standard)
		(void)close(descriptor);
	/* A reader that has gone away has what it wanted. */
	return invocation->closed ? 0 : error;
}

/* The words of one packet: a quoted one is whole, otherwise up to the word after `>`. */
static size_t packet_gather(struct invocation *invocation, size_t at, struct buffer *text)
{
	buffer_clear(text);
	bool arrow = false;
	for (size_t first = at; at < invocation->word_count; at++) {
		const char *word = invocation->words[at];
		bool whole = strpbrk(word, " \t") != NULL;
		if (at > first && whole)
			break;
		if (at > first)
			buffer_add_char(text, ' ');
		buffer_add_text(text, word);
		const char *sign = strchr(word, '>');
		bool open = sign != NULL && sign[1] == '\0';
		if (whole || (arrow && !open) || (sign != NULL && !open))
			return at + 1;
		arrow = arrow || open;
	}
	return at;
}

static int packet_explain(struct invocation *invocation, const struct judge *judge, const struct buffer *text)
{
	struct place place = {.column = 1, .source = buffer_text(text), .source_length = text->length};
	struct packet packet;
	int error = packet_parse(buffer_text(text), text->length, &judge->host, invocation->diag, &place, &packet);
	if (error < 0) {
		if (strchr(buffer_text(text), '>') == NULL)
			diag_note(invocation->diag, NULL, "the shell takes an unquoted > for itself: write '%s'",
				  "tcp 203.0.113.9:51000 > me:80");
		return error;
	}
	if (invocation->json)
		explain_json(judge->ruleset, judge->classifier, &packet, invocation->output);
	else
		explain_text(judge->ruleset, judge->classifier, &packet, invocation->output);
	if (invocation->output->length > 0 && invocation->output->data[invocation->output->length - 1] != '\n')
		buffer_add_char(invocation->output, '\n');
	return 0;
}

static int words_explain(struct invocation *invocation, const struct judge *judge)
{
	struct buffer text;
	buffer_init(&text, 1u << 20);
	int error = 0;
	for (size_t at = 0; error == 0 && at < invocation->word_count;) {
		if (at > 0 && !invocation->json)
			buffer_add_char(invocation->output, '\n');
		at = packet_gather(invocation, at, &text);
		error = packet_explain(invocation, judge, &text);
	}
	buffer_done(&text);
	return error;
}

static int arguments_check(struct invocation *invocation, enum mode *ret_mode)
{
	const char *mode = invocation_option(invocation, "mode"), *file = invocation_option(invocation, "file");
	*ret_mode = MODE_SECURE;
	if (mode != NULL && !mode_parse(mode, strlen(mode), ret_mode))
		return ERROR_BUG; /* the table of options has these words only */
	if ((file != NULL) == (invocation->word_count > 0)) {
		diag_error(invocation->diag, NULL, file != NULL
				? "--file and packets: give one or the other"
				: "a packet is missing, such as 'tcp 203.0.113.9:51000 > me:80', or --file PACKETS");
		return ERROR_INPUT;
	}
	return 0;
}

/* The start-up rules, as the next boot loads them: which of the three boot modes counts is said where nothing is set. */
static int judge_boot(struct judge *judge, struct invocation *invocation, const struct state *state)
{
	const char *why;
	enum bootmode bootmode = driver_bootmode(&state->config, state_assigned(state), driver_service_enabled(""), &why);
	*judge = (struct judge){.ruleset = NULL};
	host_init(&judge->host);
	if (!state->config.set[PROPERTY_BOOTMODE])
		diag_note(invocation->diag, NULL, "bootmode %s  (%s)", bootmode_name(bootmode), why);
	int error = facts_read(invocation, invocation_option(invocation, "host"), &judge->host);
	if (error == 0)
		error = ruleset_build_boot(state, &judge->host, bootmode, NULL, &judge->ruleset);
	if (error == 0)
		judge->classifier = classifier_new(judge->ruleset);
	return error;
}

static int explain_run(struct invocation *invocation)
{
	const char *file = invocation_option(invocation, "file");
	struct visit visit = {.invocation = invocation};
	struct judge judge = {.ruleset = NULL};
	enum mode mode;
	int64_t at;
	int error = arguments_check(invocation, &mode);
	if (error == 0)
		error = moment_option(invocation, &at);
	if (error == 0)
		error = visit_read(invocation, at, &visit);
	if (error == 0)
		error = mode == MODE_BOOT ? judge_boot(&judge, invocation, visit.state)
					  : judge_init(&judge, invocation, visit.state, mode, invocation_option(invocation, "host"), false);
	if (error == 0)
		error = file != NULL ? file_judge(invocation, &judge, file) : words_explain(invocation, &judge);
	judge_done(&judge);
	visit_done(&visit);
	return error_exit(error);
}

const struct command explain_command = {
	.name = "explain",
	.arguments = "[PACKET…]",
	.help = "say what the policy does with a packet, and why",
	.details = "A PACKET is [in|out|forward] [reply] [frag] PROTO[:TYPE] SRC[:PORT] > DST[:PORT], quoted as one word or as "
		   "several with the > quoted. me is the host's first address of that family; the direction is derived from which "
		   "side is the host's, and must be given when neither is or both are.\n\n"
		   "With --file, each packet gives one line, in order: VERDICT, POLICY, RULE, FILTERLIST, FILTER-NUMBER, PACKET, "
		   "separated by tabs; - where no filter matched; an exemption has its name in the RULE column. A bad line is an "
		   "error with its place, exit code 2: the lines before it have been printed, those after it are not judged.\n\n"
		   "The policy is what the store says now, whether or not it is in force. --mode boot judges by the start-up rules "
		   "that the next boot loads (bootmode and bootexemptions; an exemption's name is that of the list, such as "
		   "boot:TCP:0:3389:inbound), --mode block by those that hold when a policy cannot be applied.",
	.options = explain_options,
	.examples = explain_examples,
	.most = WORDS_ANY,
	.run = explain_run,
};
