/* The schema of the store, step by step: step N makes version N (user_version) of version N-1, and is never
 * changed once a release has it.  A new store is made of all steps.
 *
 * Every kind of object has two tables: what is in force, and under the same columns with _past what was
 * (from change `born` until change `died`).  So the cost of opening and reading does not grow with history.
 * `id` stays with an object through all its changes and is never given out twice, whatever the kind; the order of the
 * ids is the order of the objects.  `sum` is row_sum over id and cells.  A change has the `total` of the sums
 * of all rows in force after it: a row lost, changed or out of its time is found when it is read. */
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/store_internal.h"

#define TABLE(name, columns)                                                                             \
	"CREATE TABLE " name "(id INTEGER PRIMARY KEY,born INTEGER NOT NULL,sum INTEGER NOT NULL," columns ")STRICT;" \
	"CREATE TABLE " name "_past(id INTEGER NOT NULL,born INTEGER NOT NULL,sum INTEGER NOT NULL," columns      \
	",died INTEGER NOT NULL,PRIMARY KEY(id,born))STRICT,WITHOUT ROWID;"

#define PLACE "location TEXT NOT NULL,boot TEXT,"
#define OBJECT "name TEXT NOT NULL,description TEXT NOT NULL,guid TEXT NOT NULL,modified INTEGER NOT NULL,"
#define FILTER                                                                                           \
	"srcaddr TEXT NOT NULL,srcname TEXT,dstaddr TEXT NOT NULL,dstname TEXT,protocol INTEGER NOT NULL,"        \
	"srcport INTEGER NOT NULL,dstport INTEGER NOT NULL,mirrored INTEGER NOT NULL,replies INTEGER NOT NULL,"  \
	"description TEXT NOT NULL,file TEXT,line INTEGER NOT NULL"

static const char *const step_1[] = {
	TABLE("policy", PLACE OBJECT
	      "assigned INTEGER NOT NULL,mmpfs INTEGER NOT NULL,qmpermm INTEGER NOT NULL,mmlifetime INTEGER NOT NULL,"
	      "pollinginterval INTEGER NOT NULL,mmsecmethods TEXT NOT NULL,default_activate INTEGER NOT NULL,"
	      "default_qmpfs INTEGER NOT NULL,default_qmsecmethods TEXT NOT NULL,default_auths TEXT NOT NULL"),
	TABLE("rule", "policy INTEGER NOT NULL,filterlist INTEGER NOT NULL,filteraction INTEGER NOT NULL," OBJECT
	      "tunnel TEXT,conntype TEXT NOT NULL,activate INTEGER NOT NULL,auths TEXT NOT NULL"),
	TABLE("filterlist", PLACE OBJECT "filters INTEGER NOT NULL"),
	TABLE("filteraction", PLACE OBJECT
	      "action TEXT NOT NULL,qmpfs INTEGER NOT NULL,inpass INTEGER NOT NULL,soft INTEGER NOT NULL,"
	      "qmsecmethods TEXT NOT NULL"),
	TABLE("filter", "filterlist INTEGER NOT NULL," FILTER),
	TABLE("mmpolicy", PLACE OBJECT
	      "qmpermm INTEGER NOT NULL,mmlifetime INTEGER NOT NULL,softsaexpirationtime INTEGER NOT NULL,"
	      "mmsecmethods TEXT NOT NULL"),
	TABLE("qmpolicy", PLACE OBJECT "soft INTEGER NOT NULL,pfsgroup TEXT NOT NULL,qmsecmethods TEXT NOT NULL"),
	TABLE("dynrule", PLACE FILTER
	      ",actioninbound TEXT NOT NULL,actionoutbound TEXT NOT NULL,mmpolicy TEXT NOT NULL,qmpolicy TEXT,"
	      "tunnel TEXT,conntype TEXT NOT NULL,auths TEXT NOT NULL"),
	TABLE("config", "name TEXT NOT NULL,value TEXT NOT NULL"),
	"CREATE TABLE change(number INTEGER PRIMARY KEY,time INTEGER NOT NULL,uid INTEGER NOT NULL,user TEXT NOT NULL,"
	"command TEXT NOT NULL,digest TEXT NOT NULL,changes TEXT NOT NULL,boot TEXT NOT NULL,last INTEGER NOT NULL,"
	"total INTEGER NOT NULL,sum INTEGER NOT NULL)STRICT;",
	NULL,
};

/* The policy as it was at a time is looked up by that time. */
static const char *const step_2[] = {"CREATE INDEX change_time ON change(time);", NULL};

/* What waits for its owner's word: one row at most.  `born` is the change that it belongs to. */
static const char *const step_3[] = {
	"CREATE TABLE pending(id INTEGER PRIMARY KEY CHECK(id=1),born INTEGER NOT NULL,sum INTEGER NOT NULL,"
	"kind INTEGER NOT NULL,before INTEGER NOT NULL,after INTEGER NOT NULL,enforced INTEGER NOT NULL,"
	"observe INTEGER NOT NULL,mode INTEGER NOT NULL,bootmode INTEGER NOT NULL,in_force INTEGER NOT NULL,boot TEXT NOT NULL,"
	"deadline_boottime INTEGER NOT NULL,deadline INTEGER NOT NULL,until_boottime INTEGER NOT NULL,"
	"until INTEGER NOT NULL,uid INTEGER NOT NULL,pid INTEGER NOT NULL,guard_start INTEGER NOT NULL,"
	"session TEXT NOT NULL)STRICT;",
	NULL,
};

static const char *const *const steps[] = {step_1, step_2, step_3};

int schema_version(void)
{
	return (int)ARRAY_LENGTH(steps);
}

/* Runs the steps after `version` and says which version it is now: inside the caller's transaction. */
static int schema_step(const struct store *store, struct diag *diag, int64_t version)
{
	int error = 0;
	for (size_t step = (size_t)version; error == 0 && step < ARRAY_LENGTH(steps); step++) {
		char pragma[64];
		sqlite3_snprintf(sizeof(pragma), pragma, "PRAGMA user_version=%d;", (int)step + 1);
		for (const char *const *sql = steps[step]; error == 0 && *sql != NULL; sql++)
			error = store_execute(store, diag, *sql);
		if (error == 0)
			error = store_execute(store, diag, pragma);
	}
	return error;
}

int schema_image(const struct store *store, struct diag *diag, unsigned char **ret_bytes, size_t *ret_length)
{
	struct store memory = {.path = store->path};
	char application[64];
	sqlite3_snprintf(sizeof(application), application, "PRAGMA application_id=%d;", SCHEMA_APPLICATION);
	int error = sqlite3_open(":memory:", &memory.db) == SQLITE_OK ? 0 : store_fail(&memory, diag, "cannot be made");
	if (error == 0)
		error = store_execute(&memory, diag, application);
	if (error == 0)
		error = schema_step(&memory, diag, 0);
	sqlite3_int64 length = 0;
	unsigned char *bytes = error == 0 ? sqlite3_serialize(memory.db, "main", &length, 0) : NULL;
	if (error == 0 && (bytes == NULL || length < 100))
		error = store_fail(&memory, diag, "cannot be made");
	if (error == 0) {
		bytes[18] = bytes[19] = 2; /* file format, "write version" and "read version": 2 is WAL */
		*ret_bytes = memory_alloc((size_t)length);
		memcpy(*ret_bytes, bytes, (size_t)length);
		*ret_length = (size_t)length;
	}
	sqlite3_free(bytes);
	sqlite3_close(memory.db);
	return error;
}

static int schema_migrate(const struct store *store, struct diag *diag)
{
	int error = store_execute(store, diag, "BEGIN IMMEDIATE");
	if (error < 0)
		return error;
	/* Another process may have done it while we waited. */
	int64_t version = 0;
	error = store_number(store, diag, "PRAGMA user_version", &version);
	if (error == 0)
		error = schema_step(store, diag, version);
	if (error == 0)
		error = store_execute(store, diag, "COMMIT");
	if (error < 0)
		store_execute(store, NULL, "ROLLBACK");
	return error;
}

int schema_check(const struct store *store, struct diag *diag)
{
	struct place place = {.file = store->path};
	int64_t application = 0, version = 0, foreign = 0;
	int error = store_number(store, diag, "PRAGMA application_id", &application);
	if (error == 0)
		error = store_number(store, diag, "PRAGMA user_version", &version);
	if (error < 0)
		return error;
	if (application != SCHEMA_APPLICATION || version < 1) {
		diag_error(diag, &place, "this is an SQLite file of another program, not a store of Cordon (application id "
			   "0x%08x)", (unsigned)application);
		return ERROR_DAMAGED;
	}
	if (version > schema_version()) {
		diag_error(diag, &place, "this store has version %lld, and this Cordon knows versions up to %d: use the "
			   "newer Cordon that wrote it", (long long)version, schema_version());
		return ERROR_DAMAGED;
	}
	/* Triggers and views would be somebody else's program. */
	error = store_number(store, diag, "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table','index')", &foreign);
	if (error == 0 && foreign != 0)
		error = store_damaged(store, diag, "it has triggers or views, which no store has");
	if (error == 0 && version < schema_version() && store->access == STORE_WRITE)
		error = schema_migrate(store, diag);
	return error;
}
