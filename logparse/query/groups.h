/* Rows of a GROUP BY or DISTINCT, each combination of values once with its number: a log has many lines and few of those.
 * SQLite would sort all lines. */
#ifndef CORDON_LOGPARSE_QUERY_GROUPS_H
#define CORDON_LOGPARSE_QUERY_GROUPS_H

#include "logparse/writer/writer.h"

enum { GROUPS_COLUMNS = 16 };

/* By what the rows are sorted: columns (of the table), in order. */
struct group_order {
	size_t column;
	bool descending, no_case;
};

struct groups;
/* Of these columns; memory: bytes, at most. */
struct groups *groups_new(const size_t *columns, size_t count, size_t memory);
void groups_free(struct groups *groups); /* NULL is fine */

/* One more row: its cells, in the order of the columns (CELL_NULL, CELL_INTEGER, CELL_TEXT), then the row.  ERROR_LIMIT: no
 * more memory. */
int groups_put(struct groups *groups, const struct cell *cell);
int groups_add(struct groups *groups);

/* All rows are in: sorts them as SQLite would, and stands before the first.  once: each combination once. */
void groups_sort(struct groups *groups, const struct group_order *order, size_t count, bool once);
/* The next row; false at the end. */
bool groups_next(struct groups *groups);
/* A cell of this row, by the column's number in the table; its text lives as long as the groups. */
struct cell groups_cell(const struct groups *groups, size_t column);

#endif
