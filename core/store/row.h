/* One row of the store between its object and SQLite: cells, and the sum that tells when one has changed
 * behind our back.  The kinds of rows are a table; all SQL is made from it. */
#ifndef CORDON_STORE_ROW_H
#define CORDON_STORE_ROW_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/policy/policy.h"

/* Objects have the numbers of enum object_kind; the settings are one more. */
enum { ROW_CONFIG = OBJECT_KINDS, ROW_KINDS };

struct kind {
	const char *table;
	const char *columns; /* with commas, in the order of the cells */
	unsigned count;
	bool dynamic;        /* has a column `boot`: NULL but for rows of the dynamic location */
	int name;            /* index of the cell that names it in messages, -1 for none */
};
extern const struct kind kinds[ROW_KINDS];

enum { ROW_MOST = 21 };
struct cell {
	const char *text; /* NULL: a number, or nothing */
	size_t length;
	int64_t number;
	bool null;
};

struct row {
	int64_t id;
	struct cell cells[ROW_MOST];
	unsigned count;
};

void row_init(struct row *row, int64_t id);
void row_add_number(struct row *row, int64_t number);
void row_add_text(struct row *row, const char *text); /* NULL becomes a NULL; borrowed */

/* 64 bits over the id and all cells.  Against damage, not against an enemy. */
uint64_t row_sum(const struct row *row);

/* Binds id, born, sum and the cells to the parameters of an INSERT. */
void row_bind(const struct row *row, int64_t born, sqlite3_stmt *statement);

/* Reads id, sum and the cells of a SELECT (columns id, born, sum, …).  False when the sum is wrong or a text
 * has a NUL in it.  The texts are borrowed from the statement until its next step. */
bool row_read(struct row *row, unsigned count, sqlite3_stmt *statement, uint64_t *ret_sum);

/* Cells in their order, as objects take them; `bad` latches when a cell has the wrong type or range. */
struct row_cursor {
	const struct row *row;
	unsigned at;
	bool bad;
};
const struct cell *cell_next(struct row_cursor *cursor);
int64_t cell_number(struct row_cursor *cursor, int64_t least, int64_t most);
bool cell_bool(struct row_cursor *cursor);
const struct cell *cell_text(struct row_cursor *cursor); /* never NULL; an empty text when bad */
bool cell_is_null(struct row_cursor *cursor);            /* and skips it when it is */

#endif
