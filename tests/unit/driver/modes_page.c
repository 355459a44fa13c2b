/* modes_page FILE [--update]: whether what stands between the two marks of docs/modes.md is what the driver's table
 * says; with --update the file is written so that it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/driver/driver.h"

enum { PAGE_MOST = 1 << 20 };

static const char mark_start[] = "<!-- The tables of the driver: modes_page docs/modes.md --update -->\n";
static const char mark_end[] = "<!-- End of the tables -->\n";

static bool file_read(const char *path, struct buffer *text)
{
	char block[4096];
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return false;
	for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;)
		buffer_add(text, block, got);
	bool good = ferror(file) == 0 && !text->full;
	return fclose(file) == 0 && good;
}

static bool file_write(const char *path, const struct buffer *text)
{
	FILE *file = fopen(path, "wb");
	if (file == NULL)
		return false;
	bool good = fwrite(buffer_text(text), 1, text->length, file) == text->length;
	return fclose(file) == 0 && good;
}

/* The page with the tables as they are to be; false when it has no marks. */
static bool page_make(const struct buffer *old, struct buffer *page)
{
	const char *start = strstr(buffer_text(old), mark_start), *end = start != NULL ? strstr(start, mark_end) : NULL;
	if (end == NULL)
		return false;
	start += strlen(mark_start);
	buffer_add(page, buffer_text(old), (size_t)(start - buffer_text(old)));
	buffer_add_char(page, '\n');
	driver_document(page);
	buffer_add_char(page, '\n');
	buffer_add_text(page, end);
	return !page->full;
}

int main(int count, char **words)
{
	bool update = count == 3 && strcmp(words[2], "--update") == 0;
	struct buffer old, page;
	int code = EXIT_FAILURE;
	buffer_init(&old, PAGE_MOST);
	buffer_init(&page, PAGE_MOST);
	if (count != 2 && !update)
		fprintf(stderr, "modes_page FILE [--update]\n");
	else if (!file_read(words[1], &old))
		fprintf(stderr, "%s: cannot be read\n", words[1]);
	else if (!page_make(&old, &page))
		fprintf(stderr, "%s: has no line %s", words[1], mark_start);
	else if (strcmp(buffer_text(&old), buffer_text(&page)) == 0)
		code = EXIT_SUCCESS;
	else if (!update)
		fprintf(stderr, "%s: its tables are not those of the driver: modes_page FILE --update\n", words[1]);
	else if (file_write(words[1], &page))
		code = EXIT_SUCCESS;
	buffer_done(&old);
	buffer_done(&page);
	return code;
}
