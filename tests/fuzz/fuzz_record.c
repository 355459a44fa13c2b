/* Captured bytes as a record, and any text as a value of a W3C line: what is printed reads back as the same, and no text
 * gets out of its column. */
#include <string.h>

#include "core/base/utf8.h"
#include "core/record/w3c.h"
#include "tests/fuzz/fuzz.h"

static void values_check(const struct record *record)
{
	struct record back = {0};
	for (enum record_column column = 0; column < RECORD_COLUMNS; column++) {
		char text[RECORD_VALUE], again[RECORD_VALUE];
		size_t length = record_columns[column].kind == RECORD_TEXT ? 0 : record_value(record, column, text);
		if (length == 0)
			continue;
		FUZZ_ASSERT(length < RECORD_VALUE);
		FUZZ_ASSERT(record_set(&back, column, cursor_of(text, length)));
		FUZZ_ASSERT(record_value(&back, column, again) == length && memcmp(text, again, length) == 0);
	}
	FUZZ_ASSERT(back.has == record->has);
}

/* One value, and only one, from the first to the last byte. */
static void text_check(const struct buffer *value, bool ascii)
{
	size_t at = 0;
	FUZZ_ASSERT(value->length > 0 && !value->full && utf8_check(value->data, value->length, NULL));
	bool quoted = value->data[0] == '"';
	for (at = quoted; at < value->length; at++) {
		unsigned char byte = (unsigned char)value->data[at];
		FUZZ_ASSERT(byte >= ' ' && byte != 0x7f && (!ascii || byte < 0x80));
		if (!quoted)
			FUZZ_ASSERT(byte != ' ' && byte != '"');
		else if (byte == '"' && at + 1 < value->length)
			FUZZ_ASSERT(value->data[++at] == '"');
		else if (byte == '"')
			return;
	}
	FUZZ_ASSERT(!quoted);
	FUZZ_ASSERT(value->data[0] != '#');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct record record = {0};
	struct buffer value;
	buffer_init(&value, 1 << 24);
	if (!record_packet(&record, bytes, length))
		FUZZ_ASSERT(record.has == 0);
	values_check(&record);
	for (unsigned flags = 0; flags <= (W3C_ESCAPE | W3C_ASCII); flags++) {
		buffer_clear(&value);
		w3c_text(cursor_of((const char *)bytes, length), flags, &value);
		text_check(&value, (flags & W3C_ASCII) != 0);
	}
	for (enum record_column column = 0; column < RECORD_COLUMNS; column++) {
		struct record set = {0};
		if (record_set(&set, column, cursor_of((const char *)bytes, length)) && column != COLUMN_TIME)
			values_check(&set);
	}
	buffer_done(&value);
	return 0;
}
