/* What tests of readers say again and again.  To be included by a test itself: cr_expect wants to know its place. */
#ifndef CORDON_TESTS_UNIT_LOGPARSE_LOG_EXPECT_H
#define CORDON_TESTS_UNIT_LOGPARSE_LOG_EXPECT_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/logparse/log_read.h"
#include "tests/unit/logparse/log_samples.h"

/* A log given as text, format guessed; and what must hold of every log. */
#define LOG_TEXT(text, options, reading) log_bytes((text), strlen(text), NULL, (options), (reading))

static inline void log_bytes(const void *bytes, size_t length, const char *format, const struct reader_options *options, struct log_reading *reading)
{
	log_read(bytes, length, format != NULL ? reader_named(format) : NULL, options, LOG_ALL, reading);
	cr_expect_null(reading->wrong, "%s", reading->wrong);
}

/* A file of the folder with real logs; false, and it is said, where there is none. */
#define LOG_FILE(name, format, options, reading) log_file(CORDON_DATA, (name), (format), (options), (reading))
static inline bool log_file(const char *folder, const char *name, const char *format, const struct reader_options *options, struct log_reading *reading)
{
	char path[1024];
	struct buffer buffer;
	size_t got;
	char block[65536];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		printf("SKIPPED: no %s\n", path);
		return false;
	}
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	while ((got = fread(block, 1, sizeof(block), file)) > 0)
		buffer_add(&buffer, block, got);
	(void)fclose(file);
	log_bytes(buffer_text(&buffer), buffer.length, format, options, reading);
	buffer_done(&buffer);
	return true;
}

#define LINES_ARE(buffer, ...)                                                                                          \
	do {                                                                                                            \
		static const char *const wanted_[] = {__VA_ARGS__};                                                     \
		size_t count_ = sizeof(wanted_) / sizeof(wanted_[0]);                                                   \
		for (size_t i_ = 0; i_ < count_; i_++) {                                                                \
			struct cursor line_ = log_line((buffer), i_);                                                   \
			cr_expect(cursor_left(&line_) == strlen(wanted_[i_]) && memcmp(line_.at, wanted_[i_], cursor_left(&line_)) == 0, \
				  "line %zu is\n%.*s\nnot\n%s", i_, (int)cursor_left(&line_), line_.at, wanted_[i_]);   \
		}                                                                                                       \
		struct cursor more_ = log_line((buffer), count_);                                                       \
		cr_expect(cursor_left(&more_) == 0, "one more line:\n%.*s", (int)cursor_left(&more_), more_.at);        \
	} while (0)

#define HOLDS(buffer, text) cr_expect(strstr(buffer_text(buffer), (text)) != NULL, "no %s in\n%s", (text), buffer_text(buffer))
#define HOLDS_NOT(buffer, text) cr_expect(strstr(buffer_text(buffer), (text)) == NULL, "%s in\n%s", (text), buffer_text(buffer))

/* How often a text is in a buffer. */
static inline size_t log_times(const struct buffer *buffer, const char *text)
{
	size_t count = 0;
	for (const char *at = buffer_text(buffer); (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

#endif
