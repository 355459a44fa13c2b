/* drops.log and its rotated files read back, independently of what writes them: lines, columns by #Fields. */
#ifndef CORDON_TESTS_UNIT_DAEMON_DROPS_READ_H
#define CORDON_TESTS_UNIT_DAEMON_DROPS_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DROPS_COLUMNS = 40 };

struct drop_line {
	char *fields[DROPS_COLUMNS]; /* unquoted; NULL: a dash that is not quoted */
	size_t count;
};

struct drops {
	struct drop_line *lines;     /* in order, the oldest file first */
	size_t count, capacity;
	char *names[DROPS_COLUMNS];  /* of the last #Fields */
	size_t name_count;
	size_t headers;              /* how many #Fields there were */
	size_t remarks;
	size_t files;
	size_t bytes;
	char trouble[256];           /* "" when every line is whole and has as many values as #Fields has names */
};

void drops_read(const char *folder, struct drops *ret_drops);
void drops_done(struct drops *drops);

/* The value of a column; "-" when it is absent, "?" when there is no such column. */
const char *drops_value(const struct drops *drops, size_t line, const char *column);
/* The sum of x-count (1 where it is absent) of the lines whose column has this value; column NULL: of all lines that have
 * an x-action. */
uint64_t drops_sum(const struct drops *drops, const char *column, const char *value);

#endif
