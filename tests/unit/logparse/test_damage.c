/* Damage by machine: every byte of small good logs changed in turn, every truncation, fields of length at their extremes.
 * No crash, no hang, nothing that is not well formed, and no record lost that the damage did not touch. */
#include <criterion/criterion.h>
#include <string.h>

#include "logparse/reader/evtx_value.h"
#include "tests/unit/logparse/evtx_make.h"
#include "tests/unit/logparse/log_read.h"
#include "tests/unit/logparse/log_samples.h"

static void sample_make(const struct log_sample *sample, struct buffer *buffer)
{
	buffer_init(buffer, LOG_SAMPLE_MOST);
	sample->make(0, buffer);
	/* Of .evtx what is used of the one chunk: its zeros take time and tell nothing. */
	if (strcmp(sample->format, "evtx") == 0 && buffer->length == 4096 + EVTX_MAKE_CHUNK)
		buffer->length = 4096 + le32((const uint8_t *)buffer->data + 4096 + 48);
}

static bool is_small(const struct log_sample *sample)
{
	return strcmp(sample->name, "evtx-dirty") != 0;
}

static const uint8_t changes[] = {0x00, 0xff, 0x80};

/* Each byte in turn; step: not each, where a file is long. */
static void bytes_change(const struct log_sample *sample)
{
	struct buffer buffer;
	sample_make(sample, &buffer);
	const struct reader_type *type = reader_named(sample->format);
	for (size_t at = 0; at < buffer.length; at++) {
		/* The file's header of .evtx is not looked at beyond its first bytes. */
		if (strcmp(sample->format, "evtx") == 0 && at == 16)
			at = 4096;
		char kept = buffer.data[at];
		for (size_t i = 0; i <= sizeof(changes); i++) {
			struct log_reading reading;
			buffer.data[at] = (char)(i < sizeof(changes) ? changes[i] : (uint8_t)kept ^ 1u << at % 8);
			if (buffer.data[at] == kept)
				continue;
			log_read(buffer.data, buffer.length, type, NULL, i == sizeof(changes) ? LOG_ALL : LOG_JSON, &reading);
			cr_expect_null(reading.wrong, "%s: byte %zu as %02x: %s", sample->name, at, (unsigned char)buffer.data[at], reading.wrong);
			log_reading_done(&reading);
		}
		buffer.data[at] = kept;
	}
	buffer_done(&buffer);
}

static void ends_cut(const struct log_sample *sample)
{
	struct buffer buffer;
	sample_make(sample, &buffer);
	const struct reader_type *type = reader_named(sample->format);
	size_t before = 0;
	for (size_t length = 0; length <= buffer.length; length++) {
		struct log_reading reading;
		if (strcmp(sample->format, "evtx") == 0 && length == 64)
			length = 4096;
		log_read(buffer.data, length, type, NULL, LOG_JSON, &reading);
		cr_expect_null(reading.wrong, "%s: %zu bytes: %s", sample->name, length, reading.wrong);
		/* What is there is not lost because less follows; a record cut off may be had in part before it is there whole. */
		if (strcmp(sample->format, "evt") != 0)
			cr_expect_geq(reading.count + 1, before, "%s: %zu bytes: %zu records, %zu before", sample->name, length, reading.count, before);
		before = reading.count > before ? reading.count : before;
		log_reading_done(&reading);
	}
	cr_expect_geq(before, sample->least, "%s", sample->name);
	buffer_done(&buffer);
}

#define EACH(suite_name, format_name, work)                                                                             \
	Test(damage, suite_name, .timeout = 120)                                                                        \
	{                                                                                                               \
		for (const struct log_sample *sample = log_samples; sample->name != NULL; sample++)                     \
			if (strcmp(sample->format, format_name) == 0 && is_small(sample))                               \
				work(sample);                                                                           \
	}
EACH(evt_bytes, "evt", bytes_change)
EACH(evt_ends, "evt", ends_cut)
EACH(evtx_bytes, "evtx", bytes_change)
EACH(evtx_ends, "evtx", ends_cut)
EACH(w3c_bytes, "w3c", bytes_change)
EACH(w3c_ends, "w3c", ends_cut)
EACH(pfirewall_bytes, "pfirewall", bytes_change)
EACH(pfirewall_ends, "pfirewall", ends_cut)
EACH(nflog_bytes, "nflog", bytes_change)
EACH(nflog_ends, "nflog", ends_cut)
EACH(eventxml_bytes, "eventxml", bytes_change)
EACH(eventxml_ends, "eventxml", ends_cut)
EACH(pcap_bytes, "pcap", bytes_change)
EACH(pcap_ends, "pcap", ends_cut)

/* --- What is not touched is not lost --- */

static void untouched_survive(const char *name, const size_t *starts, const size_t *ends)
{
	const struct log_sample *sample = log_sample_named(name);
	const struct reader_type *type = reader_named(sample->format);
	struct buffer buffer;
	struct log_reading whole;
	sample_make(sample, &buffer);
	log_read(buffer.data, buffer.length, type, NULL, LOG_JSON, &whole);
	for (size_t at = 0; at < buffer.length; at++) {
		char kept = buffer.data[at];
		if (strcmp(sample->format, "evtx") == 0 && at == 16)
			at = 4096, kept = buffer.data[at];
		for (unsigned i = 0; i < 3; i++) {
			static const uint8_t masks[] = {0xff, 0x01, 0x80};
			struct log_reading reading;
			buffer.data[at] = (char)(kept ^ masks[i]);
			log_read(buffer.data, buffer.length, type, NULL, 0, &reading);
			for (size_t j = 0; j < whole.count; j++)
				if (at < starts[j] || at >= ends[j])
					cr_expect(log_has(&reading, whole.events[j].number, 0), "%s: byte %zu changed: record %llu is lost\n%s", name, at,
						  (unsigned long long)whole.events[j].number, buffer_text(&reading.damage));
			log_reading_done(&reading);
		}
		buffer.data[at] = kept;
	}
	log_reading_done(&whole);
	buffer_done(&buffer);
}

/* Where each record begins and ends, by its own length. */
static size_t records_find(const char *name, size_t starts[64], size_t ends[64])
{
	const struct log_sample *sample = log_sample_named(name);
	struct log_reading whole;
	struct buffer buffer;
	sample_make(sample, &buffer);
	log_read(buffer.data, buffer.length, reader_named(sample->format), NULL, 0, &whole);
	bool evtx = strcmp(sample->format, "evtx") == 0;
	for (size_t i = 0; i < whole.count; i++) {
		starts[i] = whole.events[i].offset;
		ends[i] = starts[i] + le32((const uint8_t *)buffer.data + starts[i] + (evtx ? 4 : 0));
	}
	size_t count = whole.count;
	log_reading_done(&whole);
	buffer_done(&buffer);
	return count;
}

Test(damage, evtx_records_elsewhere_survive, .timeout = 120)
{
	size_t starts[64], ends[64];
	cr_assert_eq(records_find("evtx", starts, ends), 8);
	untouched_survive("evtx", starts, ends);
	cr_assert_eq(records_find("evtx-bare", starts, ends), 3);
	untouched_survive("evtx-bare", starts, ends);
}

Test(damage, evt_records_elsewhere_survive, .timeout = 120)
{
	size_t starts[64], ends[64];
	cr_assert_eq(records_find("evt", starts, ends), 6);
	untouched_survive("evt", starts, ends);
	cr_assert_eq(records_find("evt-dirty", starts, ends), 6);
	untouched_survive("evt-dirty", starts, ends);
	/* The record that runs over the end of the file is found only as long as the chain to it is whole. */
	size_t count = records_find("evt-wrapped", starts, ends);
	cr_assert_eq(count, 8);
	for (size_t i = 0; i < count; i++)
		if (ends[i] > 2012)
			starts[i] = 0;
	untouched_survive("evt-wrapped", starts, ends);
}

/* --- Lengths at their extremes --- */

Test(damage, lengths_at_their_extremes, .timeout = 120)
{
	static const uint32_t extremes[] = {0, 1, 3, 4, 27, 28, 55, 56, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
	for (const struct log_sample *sample = log_samples; sample->name != NULL; sample++) {
		bool binary = strcmp(sample->format, "evt") == 0 || strcmp(sample->format, "evtx") == 0 || strcmp(sample->format, "pcap") == 0;
		struct buffer buffer;
		if (!binary || !is_small(sample))
			continue;
		sample_make(sample, &buffer);
		size_t step = strcmp(sample->format, "evtx") == 0 ? 2 : 4, first = step == 2 ? 4096 : 0;
		for (size_t at = first; at + 4 <= buffer.length; at += step)
			for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
				struct log_reading reading;
				uint8_t kept[4];
				memcpy(kept, buffer.data + at, 4);
				for (size_t j = 0; j < 4; j++)
					buffer.data[at + j] = (char)(extremes[i] >> 8 * j);
				log_read(buffer.data, buffer.length, reader_named(sample->format), NULL, i % 8 == 7 ? LOG_ALL : 0, &reading);
				cr_expect_null(reading.wrong, "%s: %u at %zu: %s", sample->name, extremes[i], at, reading.wrong);
				memcpy(buffer.data + at, kept, 4);
				log_reading_done(&reading);
			}
		buffer_done(&buffer);
	}
}
