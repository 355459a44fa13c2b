#include "core/store/row.h"

#include <string.h>

/* `location` and `boot` come first where there are any, so that what belongs to an earlier boot is known
 * before the rest is looked at. */
const struct kind kinds[ROW_KINDS] = {
	[OBJECT_POLICY] = {"policy",
		"location,boot,name,description,guid,modified,assigned,mmpfs,qmpermm,mmlifetime,pollinginterval,"
		"mmsecmethods,default_activate,default_qmpfs,default_qmsecmethods,default_auths", 16, true, 2},
	[OBJECT_RULE] = {"rule",
		"policy,filterlist,filteraction,name,description,guid,modified,tunnel,conntype,activate,auths", 11, false, 3},
	[OBJECT_FILTERLIST] = {"filterlist", "location,boot,name,description,guid,modified,filters", 7, true, 2},
	[OBJECT_FILTERACTION] = {"filteraction",
		"location,boot,name,description,guid,modified,action,qmpfs,inpass,soft,qmsecmethods", 11, true, 2},
	[OBJECT_FILTER] = {"filter",
		"filterlist,srcaddr,srcname,dstaddr,dstname,protocol,srcport,dstport,mirrored,replies,description,file,line",
		13, false, -1},
	[OBJECT_MMPOLICY] = {"mmpolicy",
		"location,boot,name,description,guid,modified,qmpermm,mmlifetime,softsaexpirationtime,mmsecmethods",
		10, true, 2},
	[OBJECT_QMPOLICY] = {"qmpolicy", "location,boot,name,description,guid,modified,soft,pfsgroup,qmsecmethods",
		9, true, 2},
	[OBJECT_DYNRULE] = {"dynrule",
		"location,boot,srcaddr,srcname,dstaddr,dstname,protocol,srcport,dstport,mirrored,replies,description,file,"
		"line,actioninbound,actionoutbound,mmpolicy,qmpolicy,tunnel,conntype,auths", 21, true, -1},
	[ROW_CONFIG] = {"config", "name,value", 2, false, 0},
};

void row_init(struct row *row, int64_t id)
{
	row->id = id;
	row->count = 0;
}

void row_add_number(struct row *row, int64_t number)
{
	row->cells[row->count++] = (struct cell){.number = number};
}

void row_add_text(struct row *row, const char *text)
{
	if (text == NULL)
		row->cells[row->count++] = (struct cell){.null = true};
	else
		row->cells[row->count++] = (struct cell){.text = text, .length = strlen(text)};
}

static uint64_t sum_mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * 0x9fb21c651e98df25u;
	return sum ^ sum >> 32;
}

/* Eight bytes at a time, put together so that every machine gets the same sum. */
static uint64_t sum_text(uint64_t sum, const char *text, size_t length)
{
	while (length > 0) {
		unsigned char bytes[8] = {0};
		size_t part = length < 8 ? length : 8;
		memcpy(bytes, text, part);
		uint64_t word = 0;
		for (unsigned i = 0; i < 8; i++)
			word |= (uint64_t)bytes[i] << (8 * i);
		sum = sum_mix(sum, word);
		text += part;
		length -= part;
	}
	return sum;
}

uint64_t row_sum(const struct row *row)
{
	uint64_t sum = sum_mix(0x243f6a8885a308d3u, (uint64_t)row->id);
	for (unsigned i = 0; i < row->count; i++) {
		const struct cell *cell = &row->cells[i];
		if (cell->text != NULL)
			sum = sum_text(sum_mix(sum, 2 + (uint64_t)cell->length * 4), cell->text, cell->length);
		else
			sum = sum_mix(sum_mix(sum, cell->null), (uint64_t)cell->number);
	}
	return sum;
}

void row_bind(const struct row *row, int64_t born, sqlite3_stmt *statement)
{
	sqlite3_bind_int64(statement, 1, row->id);
	sqlite3_bind_int64(statement, 2, born);
	sqlite3_bind_int64(statement, 3, (int64_t)row_sum(row));
	for (unsigned i = 0; i < row->count; i++) {
		const struct cell *cell = &row->cells[i];
		int at = (int)i + 4;
		if (cell->text != NULL)
			sqlite3_bind_text64(statement, at, cell->text, cell->length, SQLITE_STATIC, SQLITE_UTF8);
		else if (cell->null)
			sqlite3_bind_null(statement, at);
		else
			sqlite3_bind_int64(statement, at, cell->number);
	}
}

static bool cell_read(struct cell *cell, sqlite3_stmt *statement, int column)
{
	*cell = (struct cell){0};
	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_INTEGER:
		cell->number = sqlite3_column_int64(statement, column);
		return true;
	case SQLITE_TEXT:
		cell->text = (const char *)sqlite3_column_text(statement, column);
		cell->length = (size_t)sqlite3_column_bytes(statement, column);
		return cell->text != NULL && memchr(cell->text, '\0', cell->length) == NULL;
	case SQLITE_NULL:
		cell->null = true;
		return true;
	default:
		return false;
	}
}

bool row_read(struct row *row, unsigned count, sqlite3_stmt *statement, uint64_t *ret_sum)
{
	row_init(row, sqlite3_column_int64(statement, 0));
	for (row->count = 0; row->count < count; row->count++)
		if (!cell_read(&row->cells[row->count], statement, (int)row->count + 3))
			return false;
	uint64_t sum = row_sum(row);
	if ((uint64_t)sqlite3_column_int64(statement, 2) != sum)
		return false;
	*ret_sum = sum;
	return true;
}

const struct cell *cell_next(struct row_cursor *cursor)
{
	static const struct cell none = {.null = true};
	if (cursor->at >= cursor->row->count) {
		cursor->bad = true;
		return &none;
	}
	return &cursor->row->cells[cursor->at++];
}

int64_t cell_number(struct row_cursor *cursor, int64_t least, int64_t most)
{
	const struct cell *cell = cell_next(cursor);
	if (cell->text != NULL || cell->null || cell->number < least || cell->number > most) {
		cursor->bad = true;
		return least;
	}
	return cell->number;
}

bool cell_bool(struct row_cursor *cursor)
{
	return cell_number(cursor, 0, 1) != 0;
}

const struct cell *cell_text(struct row_cursor *cursor)
{
	static const struct cell none = {.text = ""};
	const struct cell *cell = cell_next(cursor);
	if (cell->text != NULL)
		return cell;
	cursor->bad = true;
	return &none;
}

bool cell_is_null(struct row_cursor *cursor)
{
	if (cursor->at >= cursor->row->count || !cursor->row->cells[cursor->at].null)
		return false;
	cursor->at++;
	return true;
}
