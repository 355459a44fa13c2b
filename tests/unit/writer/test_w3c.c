/* W3C text (logs.md 3.1 to 3.3), and its way back: what the w3c reader makes of it is written as the same bytes. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/base/utf8.h"
#include "core/record/w3c.h"
#include "tests/unit/logparse/log_samples.h"
#include "tests/unit/writer/fixture.h"

#define DATE UINT64_C(127183520000000000) /* 2004-01-12 03:33:20 */

static const char *const names[] = {"a", "two words", "", "q\"q", "t\tn\n"};

Test(w3c, header_and_row)
{
	const struct cell cells[] = {
		cell_text("x"), cell_text("two words"), cell_null, cell_moment(DATE), cell_unsigned(UINT64_MAX),
		cell_text("#"), cell_text("-"), cell_text(""), cell_integer(INT64_MIN), cell_real(0.5),
	};
	struct buffer text;
	rows_write(&w3c_writer, &(struct writer_options){.date = DATE}, names, 5, cells, 2, &text);
	cr_expect_str_eq(buffer_text(&text),
			 "#Software: Cordon " CORDON_VERSION "\n#Version: 1.0\n#Date: 2004-01-12 03:33:20\n#Fields: a two_words _ q_q t_n_\n"
			 "x \"two words\" - \"2004-01-12 03:33:20\" 18446744073709551615\n"
			 "\"#\" \"-\" \"\" -9223372036854775808 0.5\n", "%s", buffer_text(&text));
	buffer_done(&text);
}

Test(w3c, log_parsers_own_form)
{
	const struct cell cells[] = {cell_text("a \"b\""), cell_text(""), cell_null, cell_moment(DATE), cell_bytes("\0x\x1b\n\xc2\x9b\xff", 7)};
	struct buffer text;
	rows_write(&w3c_writer, &(struct writer_options){.date = DATE, .logparser_compat = true}, names, 5, cells, 1, &text);
	cr_expect_str_eq(buffer_text(&text), "#Software: Microsoft Log Parser\r\n#Version: 1.0\r\n#Date: 2004-01-12 03:33:20\r\n#Fields: a two_words _ q_q t_n_\r\n"
					     "a \"b\"  - 2004-01-12 03:33:20  x   \xef\xbf\xbd\r\n", "%s", buffer_text(&text));
	buffer_done(&text);
}

Test(w3c, options_of_text)
{
	static const struct {
		struct writer_options options;
		const char *line;
	} rows[] = {
		{{.ascii = false}, "\"a b\" \xc3\xa4\xf0\x9f\x98\x80\n"},
		{{.ascii = true}, "\"a b\" U+00E4U+1F600\n"},
		{{.escape = true}, "a\\u0009\\u001B\\u0000b \xc3\xa4\xf0\x9f\x98\x80\n"},
		{{.ascii = true, .escape = true}, "a\\u0009\\u001B\\u0000b U+00E4U+1F600\n"},
	};
	const struct cell cells[] = {cell_bytes("a\t\x1b\0b", 5), cell_text("\xc3\xa4\xf0\x9f\x98\x80")};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct buffer text;
		rows_write(&w3c_writer, &rows[i].options, names, 2, cells, 1, &text);
		const char *last = strstr(buffer_text(&text), "two_words\n");
		cr_expect(last != NULL && strcmp(last + 10, rows[i].line) == 0, "row %zu: %s", i, buffer_text(&text));
		buffer_done(&text);
	}
}

/* --- And back --- */

static void same(const struct buffer *first, const struct buffer *second, const char *what)
{
	const char *a = buffer_text(first), *b = buffer_text(second);
	size_t at = 0;
	while (at < first->length && at < second->length && a[at] == b[at])
		at++;
	cr_expect(first->length == second->length && at == first->length, "%s: at %zu of %zu and %zu: ...%.60s", what, at, first->length, second->length,
		  b + (at > 20 ? at - 20 : 0));
}

/* The layout is found by the columns, the date is that of the header. */
static void copy_check(const struct buffer *text, const struct writer_options *options, enum layout layout, const char *what)
{
	struct log_writing copying = {.type = &w3c_writer, .options = *options, .own_layout = true};
	struct buffer copy;
	copying.options.date = 0;
	log_write(buffer_text(text), text->length, &copying, &copy);
	same(text, &copy, what);
	cr_expect(copying.lost == 0 && copying.layout == layout, "%s: lost %zu, layout %d", what, copying.lost, (int)copying.layout);
	buffer_done(&copy);
}

/* Each sample in each layout, with each form of text. */
Test(w3c, samples_come_back_as_the_same_bytes)
{
	static const struct writer_options forms[] = {{.date = DATE}, {.date = DATE, .ascii = true}, {.date = DATE, .escape = true}};
	for (const struct log_sample *sample = log_samples; sample->name != NULL; sample++) {
		struct buffer bytes;
		buffer_init(&bytes, LOG_SAMPLE_MOST);
		sample->make(0, &bytes);
		for (enum layout layout = LAYOUT_DROPS; layout <= LAYOUT_ISA; layout++)
			for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
				struct log_writing writing = {.type = &w3c_writer, .options = forms[i], .layout = layout};
				struct buffer text;
				char what[80];
				(void)snprintf(what, sizeof(what), "%s, layout %d, form %zu", sample->name, (int)layout, i);
				log_write(buffer_text(&bytes), bytes.length, &writing, &text);
				cr_expect(writing.events >= sample->least, "%s: %zu events", what, writing.events);
				size_t lines = 0;
				for (size_t j = 0; j < text.length; j++)
					lines += text.data[j] == '\n';
				/* A header alone says nothing of its layout. */
				if (lines > 4)
					copy_check(&text, &forms[i], layout, what);
				buffer_done(&text);
			}
		buffer_done(&bytes);
	}
}

static uint32_t seed = 20261121;
static uint32_t random_below(uint32_t most)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % most;
}

static const char *const pieces[] = {"", "-", "\"", "\"\"", " ", "  ", "#", "a", "\\", "\t", "\n", "\r\n", "\x1b", "\x7f", "\xc2\x85", "\xc2\xa0", "\xe2\x80\xa8",
				     "\xc3\xa4", "\xf0\x9f\x98\x80", "\xff", "\xed\xa0\x80", "\xef\xbb\xbf", "+", "=1", "%%14592", "|", "'", ",", "0", "00", "1",
				     "18446744073709551615", "18446744073709551616", "2004-01-12 03:33:20", "2004-02-30 21:33:20", "U+00E4", "\\u0009", "\x1a"};

static struct cell odd_cell(char space[256])
{
	size_t length = 0, count = random_below(4);
	if (random_below(10) == 0)
		return cell_null;
	for (size_t i = 0; i < count; i++) {
		const char *piece = pieces[random_below(ARRAY_LENGTH(pieces))];
		memcpy(space + length, piece, strlen(piece));
		length += strlen(piece);
		if (random_below(20) == 0)
			space[length++] = '\0';
	}
	return cell_bytes(space, length);
}

/* Rows of odd values in the columns of the eventlog and isa layouts, whatever they say they are. */
Test(w3c, odd_values_come_back_as_the_same_bytes)
{
	static char spaces[RECORD_COLUMNS][256];
	for (enum layout layout = LAYOUT_EVENTLOG; layout <= LAYOUT_ISA; layout++) {
		struct writer writer = {.type = &w3c_writer, .options = {.date = DATE}};
		struct buffer text;
		buffer_init(&text, WRITTEN_MOST);
		w3c_writer.begin(&writer, layout_columns(layout), &text);
		for (size_t row = 0; row < 3000; row++) {
			struct cell cells[RECORD_COLUMNS];
			for (size_t i = 0; i < writer.columns.count; i++)
				cells[i] = odd_cell(spaces[i]);
			/* Where a record is made, its numbers must be some. */
			if (layout == LAYOUT_EVENTLOG) {
				cells[1] = random_below(3) == 0 ? cell_null : cell_unsigned(UINT64_MAX - random_below(9));
				cells[4] = random_below(3) == 0 ? cell_null : cell_unsigned(random_below(UINT32_MAX));
			} else {
				for (size_t i = 0; i < 7; i++)
					cells[i] = cell_null;
				cells[2] = cell_text("203.0.113.9");
			}
			w3c_writer.row(&writer, cells, &text);
		}
		copy_check(&text, &writer.options, layout, layout == LAYOUT_ISA ? "isa" : "eventlog");
		cr_expect(utf8_check(buffer_text(&text), text.length, NULL));
		buffer_done(&text);
	}
}

/* Records of odd texts and extreme numbers in the drops layout: by w3c_line, and by the writer. */
Test(w3c, odd_records_come_back_as_the_same_bytes)
{
	static char spaces[RECORD_COLUMNS][256];
	struct buffer text;
	buffer_init(&text, WRITTEN_MOST);
	w3c_header(DATE, &text);
	for (size_t row = 0; row < 3000; row++) {
		struct record record = {
			.has = ((uint64_t)random_below(1 << 24) << 8 | random_below(256)) | (random_below(3) == 0 ? UINT64_MAX : 0), .time = DATE + (uint64_t)random_below(1 << 24) * 10000000,
			.eventid = UINT32_MAX - random_below(2), .protocol = (uint8_t)random_below(256), .src = {FAMILY_IPV4, {203, 0, 113, 9}},
			.dst = {FAMILY_IPV6, {0x20, 1, 0xd, 0xb8, [15] = (uint8_t)random_below(256)}}, .srcport = (uint16_t)random_below(65536), .dstport = 65535,
			.tcpflags = (uint8_t)random_below(256), .icmptype = 255, .icmpcode = 0, .size = UINT32_MAX, .count = UINT64_MAX - random_below(9),
			.spi = random_below(UINT32_MAX), .pid = UINT64_MAX, .filter_id = UINT64_MAX - 1, .recordnumber = UINT64_C(9007199254740993),
			.status = UINT32_MAX, .recovered = random_below(2) == 0,
		};
		struct cursor *const fields[] = {&record.source, &record.action, &record.direction, &record.application, &record.layer, &record.computername,
						 &record.log, &record.policy, &record.rule, &record.filterlist, &record.mode, &record.interface};
		for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
			*fields[i] = odd_cell(spaces[i]).text;
		w3c_line(&record, &text);
	}
	copy_check(&text, &(struct writer_options){.date = DATE}, LAYOUT_DROPS, "drops");
	buffer_done(&text);
}

static const char second_fields[] =
	"#Software: somebody else\r\n#Version: 1.0\r\n#Date: 2004-01-12 03:33:20\r\n#Fields: date time x-action src-ip x-rule\r\n"
	"2004-01-12 03:33:21 DROP 203.0.113.9 \"a b\"\r\n"
	"#Date: 2004-02-11 00:00:00\r\n#Fields: x-rule date dst-port time src-ip\r\n"
	"- 2004-02-11 3389 00:00:01 203.0.113.8\r\n";
static const char second_copy[] =
	"2004-01-12 03:33:21 - - DROP - - 203.0.113.9 - - - - - - - - - - - - - - - - - - \"a b\" - - - -\n"
	"2004-02-11 00:00:01 - - - - - 203.0.113.8 - - 3389 - - - - - - - - - - - - - - - - - - - -\n";

/* Two headers become one, the first one's date is that of the whole, and from then on nothing changes. */
Test(w3c, second_fields_line_is_followed)
{
	struct log_writing writing = {.type = &w3c_writer, .own_layout = true};
	struct buffer text, expected;
	log_write(second_fields, sizeof(second_fields) - 1, &writing, &text);
	buffer_init(&expected, 65536);
	w3c_header(DATE, &expected);
	buffer_add_text(&expected, second_copy);
	same(&expected, &text, "two headers");
	copy_check(&text, &(struct writer_options){.date = DATE}, LAYOUT_DROPS, "once more");
	buffer_done(&text);
	buffer_done(&expected);
}

/* One own log behind another, as a log that was gone on with after a restart. */
Test(w3c, two_logs_in_one_file)
{
	for (enum layout layout = LAYOUT_DROPS; layout <= LAYOUT_ISA; layout++) {
		struct log_writing writing = {.type = &w3c_writer, .options = {.date = DATE}, .layout = layout}, copying = {.type = &w3c_writer, .own_layout = true};
		struct buffer bytes, text, twice, copy, expected;
		buffer_init(&bytes, LOG_SAMPLE_MOST);
		log_sample_named("evt")->make(0, &bytes);
		log_write(buffer_text(&bytes), bytes.length, &writing, &text);
		const char *rows = strstr(strstr(buffer_text(&text), "#Fields:"), "\n") + 1;
		buffer_init(&twice, WRITTEN_MOST);
		buffer_init(&expected, WRITTEN_MOST);
		for (int i = 0; i < 2; i++) {
			buffer_add(&twice, text.data, text.length);
			buffer_add_text(&expected, i == 0 ? buffer_text(&text) : rows);
		}
		log_write(buffer_text(&twice), twice.length, &copying, &copy);
		same(&expected, &copy, "twice");
		struct buffer *const all[] = {&bytes, &text, &twice, &copy, &expected};
		for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
			buffer_done(all[i]);
	}
}
