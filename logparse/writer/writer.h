/* An output format is one file in this folder and one row in writers[]: rows of cells in, text out. */
#ifndef CORDON_LOGPARSE_WRITER_WRITER_H
#define CORDON_LOGPARSE_WRITER_WRITER_H

#include "core/base/buffer.h"
#include "core/base/cursor.h"
#include "logparse/event.h"

enum cell_kind { CELL_NULL, CELL_INTEGER, CELL_UNSIGNED, CELL_REAL, CELL_TEXT, CELL_TIME };
struct cell {
	enum cell_kind kind;
	int64_t integer;       /* CELL_UNSIGNED: the same 64 bits */
	double real;
	uint64_t time;         /* FILETIME */
	struct cursor text;    /* UTF-8 */
};

struct columns {
	const char *const *names;
	size_t count;
};

struct writer_options {
	const char *software;  /* #Software of W3C; NULL: ours */
	uint64_t date;         /* #Date of W3C, FILETIME */
	bool logparser_compat; /* W3C as Log Parser writes it: nothing quoted, CRLF */
	bool ascii;            /* W3C: what is not ASCII as U+XXXX */
	bool escape;           /* W3C: control characters as \uXXXX, not as blanks */
	bool color;            /* NAT on a terminal */
	bool live;             /* rows go out as they come, for NAT: its widths are those of the first */
};

struct writer;
struct writer_type {
	const char *name;      /* of -o, in capitals: W3C, CSV, TSV, JSON, XML, NAT */
	void (*begin)(struct writer *writer, const struct columns *columns, struct buffer *output);
	void (*row)(struct writer *writer, const struct cell *cells, struct buffer *output);
	/* An event with all its fields (JSON, XML); NULL: rows only. */
	void (*event)(struct writer *writer, const struct event *event, struct buffer *output);
	void (*end)(struct writer *writer, struct buffer *output);
};
struct writer {
	const struct writer_type *type;
	struct writer_options options;
	struct columns columns;
	uint64_t rows;
	void *own;             /* of the type; freed by end */
};

extern const struct writer_type w3c_writer, csv_writer, tsv_writer, json_writer, xml_writer, nat_writer;
extern const struct writer_type *const writers[]; /* ends with NULL */
const struct writer_type *writer_named(const char *name); /* any case */

/* A cell as plain text, nothing for NULL; a time as 2004-01-12 09:14:57 (UTC), with another separator by itself. */
void cell_print(const struct cell *cell, struct buffer *buffer);
void cell_time(uint64_t time, char separator, struct buffer *buffer);

/* A record with the names of the Elastic Common Schema, as a line of JSON. */
void ecs_line(const struct record *record, struct buffer *output);

/* The layouts of `cordon log`: which columns, and an event as their cells.  Texts live until the next call. */
enum layout { LAYOUT_DROPS, LAYOUT_EVENTLOG, LAYOUT_ISA };
bool layout_parse(const char *name, enum layout *ret_layout);
const struct columns *layout_columns(enum layout layout);
/* The layout that says most of such an event: a W3C log that was written in one is read in it again. */
enum layout layout_of(const struct event *event);
struct layout_space;
struct layout_space *layout_space_new(void);
void layout_space_free(struct layout_space *space);
/* False when the layout has nothing to say of the event (drops and isa: no packet).  A W3C log that has the layout's columns
 * is copied as it is, record or none. */
bool layout_cells(enum layout layout, const struct event *event, const struct record *record, struct layout_space *space,
		  struct cell *cells);

#endif
