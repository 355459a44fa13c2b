#include "logparse/reader/reader.h"

#include <string.h>

#include "core/base/error.h"

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

int reader_guess(struct input *input, struct diag *diag, const struct reader_type **ret_type)
{
	const uint8_t *head;
	size_t length;
	int error = input_peek(input, READER_HEAD, &head, &length), best = 0;
	struct buffer whys;
	if (error < 0)
		return error;
	if (length == 0) {
		diag_error(diag, &(struct place){.file = input_name(input)}, "the file is empty");
		return ERROR_INPUT;
	}
	buffer_init(&whys, 4096);
	for (size_t i = 0; readers[i] != NULL; i++) {
		const char *why = "not recognised";
		int sure = readers[i]->guess(head, length, input_name(input), &why);
		if (sure > best) {
			best = sure;
			*ret_type = readers[i];
		}
		buffer_printf(&whys, "%s%s: %s", i > 0 ? "; " : "", readers[i]->name, why);
	}
	if (best == 0)
		diag_error(diag, &(struct place){.file = input_name(input)}, "not a log (%s); -i FORMAT reads it as one", buffer_text(&whys));
	buffer_done(&whys);
	return best > 0 ? 0 : ERROR_INPUT;
}

void reader_damage(struct reader *reader, uint64_t offset, uint64_t number, bool lost, const char *text)
{
	const struct damage damage = {reader->file, offset, number, lost, text};
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
