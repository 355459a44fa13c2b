/* What the files of the store share among themselves, and the hooks of its tests. */
#ifndef CORDON_STORE_STORE_INTERNAL_H
#define CORDON_STORE_STORE_INTERNAL_H

#include <sqlite3.h>

#include "core/store/row.h"
#include "core/store/store.h"

/* A row of the dynamic location that an earlier boot left: the next change ends it. */
struct stale {
	int kind;
	int64_t id;
};

struct store {
	char *path;
	enum store_access access;
	sqlite3 *db;         /* NULL: the file is not there, which reads as an empty store */
	bool immutable;      /* on a medium where SQLite can lock nothing */
	char *copy;          /* folder of a private copy, to be removed; or NULL */
	bool changing;       /* between store_begin and its end */
	/* Of the newest change, as the change under way found it: */
	int64_t number;      /* 0: none yet */
	int64_t last;        /* the highest row id given out */
	uint64_t total;      /* sum of the sums of all rows in force */
	struct stale *stale;
	size_t stale_count, stale_capacity;
};

/* Says what SQLite has to say about the last call, and returns the error that it amounts to. */
int store_fail(const struct store *store, struct diag *diag, const char *doing);
/* The file is damaged: says how. */
int store_damaged(const struct store *store, struct diag *diag, const char *format, ...) ATTR_PRINTF(3, 4);
int store_prepare(const struct store *store, struct diag *diag, const char *sql, sqlite3_stmt **ret_statement);
int store_execute(const struct store *store, struct diag *diag, const char *sql);
/* The first number of the first row; *ret_number is untouched when there is no row. */
int store_number(const struct store *store, struct diag *diag, const char *sql, int64_t *ret_number);

/* schema.c.  A new store as the bytes of its file. */
enum { SCHEMA_APPLICATION = 0x436f7264 }; /* "Cord" */
int schema_image(const struct store *store, struct diag *diag, unsigned char **ret_bytes, size_t *ret_length);
/* Whether it is a store of ours and of a version that we know; with STORE_WRITE brings it up to date. */
int schema_check(const struct store *store, struct diag *diag);
/* How many steps this program knows: the version of a store that it makes. */
int schema_version(void);

/* store_load.c: all of one instant, inside a read transaction. */
enum instant_kind { INSTANT_NOW, INSTANT_TIME, INSTANT_CHANGE };
struct instant {
	enum instant_kind kind;
	int64_t value; /* Unix seconds, or the number of the change */
};
int store_load(struct store *store, struct instant at, struct diag *diag, struct state *state);
/* The line of history that a statement (SELECT HISTORY_COLUMNS) is at; false when its sum is wrong. */
#define HISTORY_COLUMNS "number,time,uid,user,command,digest,changes,boot,last,total,sum"
struct change {
	struct history history; /* texts borrowed from the statement */
	const char *boot;
	int64_t last;
	uint64_t total;
};
bool change_read(sqlite3_stmt *statement, struct change *ret_change);
uint64_t change_sum(const struct change *change);

/* store_save.c: writes what has changed; *ret_wrote false when nothing has.  Gives rows of the state their
 * ids: after a failure store_forget takes them back, after the commit store_clean clears what was changed. */
int store_save(struct store *store, struct state *state, const char *command, struct diag *diag, bool *ret_wrote);
/* The rows as they were after change `number`, which must be there (0: none), as a new change. */
int store_save_revert(struct store *store, int64_t number, const char *command, struct diag *diag);
/* A line of history and nothing else; `said` is its changes. */
int store_save_line(struct store *store, const struct state *state, const char *command, const char *said, struct diag *diag);
void store_forget(const struct store *store, struct state *state);
void store_clean(struct state *state);

/* pending.c: the row of a change that store_save has written (wrote), or of one that has changed nothing. */
struct pending;
int pending_insert(struct store *store, struct pending *pending, bool wrote, struct diag *diag);

/* store.c: ends the open change, with a commit when there was no error. */
int store_finish(struct store *store, int error, struct diag *diag);

/* boot.c: the id of this boot, and when it began (Unix seconds).  In developer builds the environment
 * variable CORDON_BOOT_ID takes its place. */
enum { BOOT_TEXT = 64 };
void boot_id(char text[BOOT_TEXT]);
int64_t boot_time(void);

/* How long to wait for another writer, in milliseconds; tests shorten it. */
enum { STORE_BUSY_MS = 5000 };
extern int store_busy_ms;

#endif
