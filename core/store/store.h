/* The store: one SQLite file (WAL, synchronous=FULL) with the locations local, persistent and dynamic, the
 * settings, and the history of all of them.  Nothing is overwritten: a row has the number of the change that
 * made it and of the change that ended it, so the policy as it was at any time can be had back.
 *
 * A change is: store_begin(write), change the state in memory, store_commit.  One commit is one SQLite
 * transaction and one line of history.  Rows of the dynamic location carry the boot's id
 * (/proc/sys/kernel/random/boot_id) and count for that boot only. */
#ifndef CORDON_STORE_STORE_H
#define CORDON_STORE_STORE_H

#include "core/base/diag.h"
#include "core/policy/policy.h"

#define STORE_DEFAULT "/var/lib/cordon/store.db"

enum store_access {
	STORE_READ,   /* a file that is not there reads as an empty store; read-only media are fine */
	STORE_WRITE,  /* made when it is not there (its folder too when it is the default one) */
};

struct store;

/* Opens and checks it: ERROR_DAMAGED when it is not one of ours or damaged, ERROR_SYSTEM when it cannot be
 * opened, each with a message.  Old schemas are migrated (STORE_WRITE) or read as they are. */
int store_open(const char *path, enum store_access access, struct diag *diag, struct store **ret_store);
void store_close(struct store *store); /* NULL is fine; an open change is rolled back */

/* Begins: with STORE_WRITE takes the write lock now (waits up to 5 s for another writer, then ERROR_BUSY).
 * The state is all locations and settings; the caller frees it with state_free. */
int store_begin(struct store *store, struct diag *diag, struct state **ret_state);

/* The same for reading, as it was at a time (Unix seconds); 0 is now. */
int store_read(struct store *store, int64_t at, struct diag *diag, struct state **ret_state);
/* As it was after a change, by the number that its line of history has: changes of one second are told apart.
 * ERROR_NOT_FOUND when there is none of that number. */
int store_read_change(struct store *store, int64_t number, struct diag *diag, struct state **ret_state);

/* Writes what `changed` and `gone` say, with a line of history naming the command, and ends the change.
 * When nothing has changed nothing is written.  On error the store is as before and the change has ended.
 * Rows and `changed` of the state are brought up to date. */
int store_commit(struct store *store, struct state *state, const char *command, struct diag *diag);
void store_rollback(struct store *store);

struct history {
	int64_t number, time;     /* of the change; Unix seconds */
	uint32_t uid;
	const char *user;         /* name, or the uid in text */
	const char *command;
	const char *digest;       /* hex SHA-256 of the assigned policies after it: state_digest */
	const char *changes;      /* "policy +web, rule +a +b, filter +12 -3", bounded */
};
/* All lines, oldest first, in the arena. */
int store_history(struct store *store, struct arena *arena, struct diag *diag, struct history **ret_lines, size_t *ret_count);

/* Hex SHA-256 over what is assigned (policies, their lists and actions, dynamic rules, settings), the same
 * for the same meaning whatever the row numbers and guids are. */
enum { DIGEST_TEXT = 65 };
void state_digest(const struct state *state, char text[DIGEST_TEXT]);

#endif
