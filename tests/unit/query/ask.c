#include "tests/unit/query/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

const uint64_t ask_now = UINT64_C(134081928000000000);

static const char *folder;
static char names[64][512];
static size_t name_count;

static void files_remove(void)
{
	for (size_t i = 0; i < name_count; i++)
		(void)unlink(names[i]);
	if (folder != NULL)
		(void)rmdir(folder);
}

const char *ask_file(const char *name, const char *text)
{
	static char room[400];
	const char *temporary = getenv("TMPDIR");
	if (folder == NULL) {
		(void)snprintf(room, sizeof(room), "%s/cordon-query-XXXXXX", temporary != NULL ? temporary : "/tmp");
		folder = mkdtemp(room);
		cr_assert_not_null(folder);
		(void)atexit(files_remove);
	}
	cr_assert_lt(name_count, 64);
	char *path = names[name_count++];
	(void)snprintf(path, sizeof(names[0]), "%s/%s", folder, name);
	FILE *stream = fopen(path, "w");
	cr_assert_not_null(stream);
	cr_assert_geq(fputs(text, stream), 0);
	cr_assert_eq(fclose(stream), 0);
	return path;
}

struct taking {
	struct writer writer;
	struct buffer *text;
};

static void columns_take(const struct columns *columns, void *context)
{
	struct taking *taking = context;
	taking->writer.type->begin(&taking->writer, columns, taking->text);
}

static bool row_take(const struct cell *cells, void *context)
{
	struct taking *taking = context;
	taking->writer.type->row(&taking->writer, cells, taking->text);
	return true;
}

void ask_at(const char *text, const struct query_places *places, const struct query_options *options, struct answer *ret_answer)
{
	struct query *query = NULL;
	struct query_options usual = {.now = ask_now};
	struct taking taking = {.writer = {.type = &csv_writer}, .text = &ret_answer->text};
	const struct query_sink sink = {columns_take, row_take, &taking};
	*ret_answer = (struct answer){.error = 0};
	buffer_init(&ret_answer->text, 1 << 24);
	buffer_init(&ret_answer->messages, 1 << 20);
	diag_init(&ret_answer->diag);
	if (options == NULL)
		options = &usual;
	ret_answer->error = query_parse(text, strlen(text), "query", &ret_answer->diag, &query);
	if (ret_answer->error == 0)
		ret_answer->error = query_find(query, places, &ret_answer->diag);
	if (ret_answer->error == 0)
		ret_answer->error = query_run(query, options, &sink, &ret_answer->diag, &ret_answer->outcome);
	query_free(query);
	diag_render(&ret_answer->diag, 0, 0, &ret_answer->messages);
	/* RFC 4180 ends lines with CRLF; the tests do not. */
	size_t to = 0;
	for (size_t i = 0; i < ret_answer->text.length; i++)
		if (ret_answer->text.data[i] != '\r')
			ret_answer->text.data[to++] = ret_answer->text.data[i];
	ret_answer->text.length = to;
	if (to > 0)
		ret_answer->text.data[to] = '\0';
}

void ask(const char *text, const struct query_options *options, struct answer *ret_answer)
{
	const struct query_places places = {.logs = NULL};
	ask_at(text, &places, options, ret_answer);
}

void answer_done(struct answer *answer)
{
	buffer_done(&answer->text);
	buffer_done(&answer->messages);
	diag_done(&answer->diag);
}
