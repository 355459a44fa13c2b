#include "logparse/reader/reader.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/memory.h"

const struct reader_type *const readers[] = {
	&evtx_reader,
	&evt_reader,
	&eventxml_reader,
	&nflog_reader,
	&pcap_reader,
	&pfirewall_reader,
	&w3c_reader,
	NULL,
};

const struct reader_type *reader_named(const char *name)
{
	for (size_t i = 0; readers[i] != NULL; i++)
		if (strcmp(readers[i]->name, name) == 0)
			return readers[i];
	return NULL;
}

/* Of UTF-16 with its mark: as if it were ASCII, for who looks for words.  Its new length. */
static size_t head_narrow(const uint8_t *head, size_t length, uint8_t *narrow)
{
	size_t big = head[0] == 0xfe, count = 0;
	for (size_t i = 2; i + 1 < length; i += 2)
		narrow[count++] = head[i + !big] == 0 && head[i + big] < 128 ? head[i + big] : '?';
	return count;
}

/* How sure the surest is; why the others are not, in whys. */
static int head_guess(const uint8_t *head, size_t length, const char *name, struct buffer *whys, const struct reader_type **ret_type)
{
	int best = 0;
	uint8_t *narrow = NULL;
	buffer_clear(whys);
	if (length >= 2 && (memcmp(head, "\xff\xfe", 2) == 0 || memcmp(head, "\xfe\xff", 2) == 0)) {
		narrow = memory_alloc(length);
		length = head_narrow(head, length, narrow);
		head = narrow;
	}
	for (size_t i = 0; readers[i] != NULL; i++) {
		const char *why = "not recognised";
		int sure = readers[i]->guess(head, length, name, &why);
		if (sure > best) {
			best = sure;
			*ret_type = readers[i];
		}
		buffer_printf(whys, "%s%s: %s", i > 0 ? "; " : "", readers[i]->name, why);
	}
	free(narrow);
	return best;
}

/* Whether more bytes, which a pipe may give much later, would change nothing: a certain format, and no line cut off. */
static bool guess_stands(int best, const uint8_t *head, size_t length)
{
	enum { SURE = 80 };
	return best >= SURE && (head[length - 1] == '\n' || memchr(head, 0, length) != NULL);
}

enum { LOOKS_MOST = 64 };

int reader_guess(struct input *input, struct diag *diag, const struct reader_type **ret_type)
{
	const uint8_t *head;
	size_t length = 0, before;
	int best = 0;
	unsigned looks = 0;
	struct buffer whys;
	buffer_init(&whys, 4096);
	do {
		before = length;
		/* Not at every byte of who writes single ones. */
		int error = (++looks < LOOKS_MOST ? input_peek_more : input_peek)(input, READER_HEAD, &head, &length);
		if (error < 0) {
			buffer_done(&whys);
			return error;
		}
		if (length > before)
			best = head_guess(head, length, input_name(input), &whys, ret_type);
	} while (length > before && length < READER_HEAD && !guess_stands(best, head, length));
	if (length == 0) {
		diag_error(diag, &(struct place){.file = input_name(input)}, "the file is empty");
		buffer_done(&whys);
		return ERROR_INPUT;
	}
	if (best == 0)
		diag_error(diag, &(struct place){.file = input_name(input)}, "not a log (%s); -i FORMAT reads it as one", buffer_text(&whys));
	buffer_done(&whys);
	return best > 0 ? 0 : ERROR_INPUT;
}

void reader_torn(const struct reader *reader)
{
	/* Nobody remembers where it was: there is no next run. */
	if (reader->options.begin == NULL)
		return;
	diag_note(reader->diag, &(struct place){.file = reader->file}, "its last line has no end yet: it is left for the next run");
}

void reader_damage(struct reader *reader, uint64_t offset, uint64_t number, bool lost, const char *text)
{
	const struct damage damage = {reader->file, offset, number, lost, text, reader->type->lines && offset > 0};
	reader->counts.unreadable += lost;
	if (reader->options.damage != NULL)
		reader->options.damage(&damage, reader->options.context);
}

bool event_filter_holds_numbers(const struct event_filter *filter, const struct event *event)
{
	bool id = filter->id_count == 0;
	for (size_t i = 0; i < filter->id_count && !id; i++)
		id = filter->ids[i] == event->id;
	return id && (filter->since == 0 || (event->time != 0 && event->time >= filter->since)) &&
	       (filter->until == 0 || (event->time != 0 && event->time < filter->until)) &&
	       (filter->number_first == 0 || event->number >= filter->number_first) &&
	       (filter->number_last == 0 || event->number <= filter->number_last);
}

bool event_filter_holds(const struct event_filter *filter, const struct event *event)
{
	bool provider = filter->provider_count == 0;
	if (provider && filter->id_count == 0 && (filter->since | filter->until | filter->number_first | filter->number_last) == 0)
		return true;
	for (size_t i = 0; i < filter->provider_count && !provider; i++) {
		const struct cursor *name = &filter->providers[i];
		provider = cursor_left(name) == cursor_left(&event->provider) &&
			   ascii_prefix(name->at, cursor_left(name), event->provider.at);
	}
	return provider && event_filter_holds_numbers(filter, event);
}

void reader_counts_add(struct reader_counts *sum, const struct reader_counts *counts)
{
	sum->read += counts->read;
	sum->recovered += counts->recovered;
	sum->unreadable += counts->unreadable;
	sum->filtered += counts->filtered;
	sum->duplicates += counts->duplicates;
	sum->timeless += counts->timeless;
}

bool reader_wants(struct reader *reader, const struct event *event)
{
	reader->counts.timeless += event->time == 0;
	return event_filter_holds(&reader->options.filter, event);
}
