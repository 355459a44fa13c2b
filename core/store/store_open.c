/* From a path to a connection: what kind of file it is, how it is made, and what is done on a medium where
 * SQLite cannot make the files that it keeps beside a store (-wal and -shm). */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/store_internal.h"

enum { WAL_INDEX = 32768 }; /* bytes of the smallest -shm that SQLite uses */

static int system_fail(const struct store *store, struct diag *diag, const char *what, int number)
{
	struct place place = {.file = store->path};
	diag_error(diag, &place, "the store %s: %s", what, strerror(number));
	return ERROR_SYSTEM;
}

/* The folder that a path is in; caller frees. */
static char *path_folder(const char *path)
{
	char *copy = memory_text(path);
	char *folder = memory_text(dirname(copy));
	free(copy);
	return folder;
}

static bool write_all(int fd, const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return fsync(fd) == 0;
}

static void folder_sync(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

/* A whole new file appears under its name at once, or not at all; one that is there already stays.  The file
 * has no name while it is written where the file system can do that, else one of its own. */
static int file_make(const char *folder, const char *path, const unsigned char *bytes, size_t length)
{
	char *name = NULL, link_from[64];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
		name = memory_alloc(strlen(path) + sizeof(".XXXXXX"));
		snprintf(name, strlen(path) + sizeof(".XXXXXX"), "%s.XXXXXX", path);
		fd = mkostemp(name, O_CLOEXEC);
	}
	int number = fd < 0 ? errno : 0;
	if (fd >= 0 && !write_all(fd, bytes, length))
		number = errno;
	if (fd >= 0 && number == 0) {
		snprintf(link_from, sizeof(link_from), "/proc/self/fd/%d", fd);
		if (linkat(AT_FDCWD, name != NULL ? name : link_from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) != 0 &&
		    errno != EEXIST)
			number = errno;
	}
	if (name != NULL && fd >= 0)
		unlink(name);
	if (fd >= 0)
		close(fd);
	free(name);
	folder_sync(folder);
	return number;
}

static int store_make(const struct store *store, struct diag *diag)
{
	char *folder = path_folder(store->path);
	unsigned char *bytes = NULL;
	size_t length = 0;
	if (strcmp(store->path, STORE_DEFAULT) == 0)
		mkdir(folder, 0700); /* when that fails, making the file says why */
	int error = schema_image(store, diag, &bytes, &length);
	int number = error == 0 ? file_make(folder, store->path, bytes, length) : 0;
	if (number != 0)
		error = system_fail(store, diag, "cannot be made", number);
	free(bytes);
	free(folder);
	return error;
}

/* Regular and not empty; ENOENT and friends come back as they are in *ret_number. */
static int store_look(const struct store *store, struct diag *diag, int *ret_number)
{
	struct stat facts;
	struct place place = {.file = store->path};
	if (stat(store->path, &facts) != 0) {
		*ret_number = errno;
		return 0;
	}
	*ret_number = 0;
	if (S_ISREG(facts.st_mode) && facts.st_size > 0)
		return 0;
	if (S_ISREG(facts.st_mode))
		diag_error(diag, &place, "the file is empty, which no store is, not even a new one: if it holds nothing that you "
			   "need, remove it, and a new store is made");
	else
		diag_error(diag, &place, "this is %s, not a store",
			   S_ISDIR(facts.st_mode) ? "a directory" : "not a regular file");
	return ERROR_DAMAGED;
}

static int connection_configure(const struct store *store, struct diag *diag)
{
	sqlite3_extended_result_codes(store->db, 1);
	sqlite3_busy_timeout(store->db, store_busy_ms);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);
	return store_execute(store, diag, "PRAGMA synchronous=FULL;PRAGMA cell_size_check=ON;PRAGMA cache_size=-4096;"
					  "PRAGMA temp_store=MEMORY;PRAGMA mmap_size=0;");
}

/* Opens and reads a first byte of it, so that all trouble with files shows now.  The error is told only when
 * there is a diag. */
static int connection_open(struct store *store, const char *name, int flags, struct diag *diag)
{
	int64_t version = 0;
	int code = sqlite3_open_v2(name, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	int error = code == SQLITE_OK ? connection_configure(store, diag) : store_fail(store, diag, "cannot be opened");
	if (error == 0)
		error = store_number(store, diag, "PRAGMA schema_version", &version);
	return error;
}

static void connection_close(struct store *store)
{
	sqlite3_close(store->db);
	store->db = NULL;
}

static bool file_exists(const char *path, const char *suffix, off_t *ret_size)
{
	struct stat facts;
	char *name = memory_alloc(strlen(path) + strlen(suffix) + 1);
	snprintf(name, strlen(path) + strlen(suffix) + 1, "%s%s", path, suffix);
	bool there = stat(name, &facts) == 0;
	*ret_size = there ? facts.st_size : 0;
	free(name);
	return there;
}

/* `immutable` can be said in a URI only. */
static int immutable_open(struct store *store, struct diag *diag)
{
	struct buffer uri;
	buffer_init(&uri, 65536);
	buffer_add_text(&uri, "file:");
	for (const char *at = store->path; *at != '\0'; at++) {
		if (strchr("?#%", *at) != NULL)
			buffer_printf(&uri, "%%%02X", (unsigned)(unsigned char)*at);
		else
			buffer_add_char(&uri, *at);
	}
	buffer_add_text(&uri, "?immutable=1");
	store->immutable = true;
	int error = connection_open(store, buffer_text(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, diag);
	buffer_done(&uri);
	return error;
}

static bool file_copy(const char *from, const char *from_suffix, const char *to)
{
	char *name = memory_alloc(strlen(from) + strlen(from_suffix) + 1);
	snprintf(name, strlen(from) + strlen(from_suffix) + 1, "%s%s", from, from_suffix);
	unsigned char *bytes = memory_alloc(65536);
	int in = open(name, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good = in >= 0 && out >= 0;
	for (ssize_t length = 1; good && length > 0;) {
		length = read(in, bytes, 65536);
		good = length >= 0 && (length == 0 || write_all(out, bytes, (size_t)length));
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	free(bytes);
	free(name);
	return good;
}

/* A store that was not closed before its medium became read-only (an image of a machine that crashed): what
 * is in its -wal counts.  SQLite reads it from a private copy. */
static int copy_open(struct store *store, struct diag *diag)
{
	const char *temporary = getenv("TMPDIR");
	struct buffer name;
	buffer_init(&name, 65536);
	buffer_printf(&name, "%s/cordon-XXXXXX", temporary != NULL && *temporary != '\0' ? temporary : "/tmp");
	store->copy = memory_text(buffer_text(&name));
	buffer_clear(&name);
	if (mkdtemp(store->copy) == NULL) {
		free(store->copy);
		store->copy = NULL;
		buffer_done(&name);
		return system_fail(store, diag, "has changes that only a copy can show, and none can be made", errno);
	}
	buffer_printf(&name, "%s/store.db-wal", store->copy);
	bool good = file_copy(store->path, "-wal", buffer_text(&name));
	buffer_clear(&name);
	buffer_printf(&name, "%s/store.db", store->copy);
	good = good && file_copy(store->path, "", buffer_text(&name));
	int error = good ? connection_open(store, buffer_text(&name), SQLITE_OPEN_READWRITE, diag)
			 : system_fail(store, diag, "has changes that only a copy can show, and it cannot be copied", errno);
	buffer_done(&name);
	return error;
}

static void copy_remove(struct store *store)
{
	static const char *const suffixes[] = {"/store.db", "/store.db-wal", "/store.db-shm", ""};
	if (store->copy == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		size_t size = strlen(store->copy) + strlen(suffixes[i]) + 1;
		char *name = memory_alloc(size);
		snprintf(name, size, "%s%s", store->copy, suffixes[i]);
		if (suffixes[i][0] != '\0')
			unlink(name);
		else
			rmdir(name);
		free(name);
	}
	free(store->copy);
	store->copy = NULL;
}

/* For reading.  Where we may write, SQLite may too: it then takes in what a crash left in the -wal and tidies
 * up behind itself, which it cannot otherwise. */
static int read_open(struct store *store, struct diag *diag)
{
	char *folder = path_folder(store->path);
	bool writable = faccessat(AT_FDCWD, store->path, W_OK, AT_EACCESS) == 0 &&
			faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0;
	free(folder);
	if (writable && connection_open(store, store->path, SQLITE_OPEN_READWRITE, NULL) == 0)
		return store_execute(store, diag, "PRAGMA query_only=ON");
	connection_close(store);
	int error = connection_open(store, store->path, SQLITE_OPEN_READONLY, NULL);
	off_t wal = 0, shm = 0;
	file_exists(store->path, "-wal", &wal);
	/* A smaller -shm is one that a full disk has cut: nobody can be writing by it. */
	bool shared = file_exists(store->path, "-shm", &shm) && shm >= WAL_INDEX;
	if (error == ERROR_SYSTEM && !shared && faccessat(AT_FDCWD, store->path, R_OK, AT_EACCESS) == 0) {
		connection_close(store);
		return wal == 0 ? immutable_open(store, diag) : copy_open(store, diag);
	}
	if (error < 0) { /* the same again, to say it */
		connection_close(store);
		error = connection_open(store, store->path, SQLITE_OPEN_READONLY, diag);
	}
	return error;
}

/* Asked before SQLite is, which would say less, or open it for reading. */
static int write_open(struct store *store, struct diag *diag)
{
	char *folder = path_folder(store->path);
	int file = faccessat(AT_FDCWD, store->path, R_OK | W_OK, AT_EACCESS) == 0 ? 0 : errno;
	int beside = faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
	free(folder);
	if (file != 0)
		return system_fail(store, diag, "cannot be written", file);
	if (beside != 0)
		return system_fail(store, diag, "cannot be written, since its folder cannot", beside);
	int error = connection_open(store, store->path, SQLITE_OPEN_READWRITE, diag);
	if (error == 0 && sqlite3_db_readonly(store->db, "main") == 1)
		error = system_fail(store, diag, "cannot be written", EROFS);
	return error;
}

/* What quick_check said: its first finding.  A page that the system would not read is no damage. */
static int check_fail(const struct store *store, struct diag *diag, const char *said)
{
	struct place place = {.file = store->path};
	struct cursor code;
	uint64_t number = SQLITE_CORRUPT;
	const char *line = said, *coded = strstr(said, "error code=");
	if (strncmp(line, "***", 3) == 0 && strchr(line, '\n') != NULL)
		line = strchr(line, '\n') + 1;
	if (coded != NULL) {
		code = cursor_text(coded + strlen("error code="));
		(void)cursor_number(&code, INT32_MAX, &number);
	}
	int length = (int)strcspn(line, "\n");
	if ((number & 0xff) == SQLITE_CORRUPT)
		return store_damaged(store, diag, "%.*s", length, line);
	diag_error(diag, &place, "the store cannot be read: %s (%.*s)", sqlite3_errstr((int)number), length, line);
	return ERROR_SYSTEM;
}

/* Runs one check and looks at its first line. */
static int check_run(const struct store *store, struct diag *diag, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int error = store_prepare(store, diag, sql, &statement);
	if (error < 0)
		return error;
	int code = sqlite3_step(statement);
	const char *said = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (said == NULL)
		error = store_fail(store, diag, "cannot be checked");
	else if (strcmp(said, "ok") != 0)
		error = check_fail(store, diag, said);
	sqlite3_finalize(statement);
	return error;
}

/* The trees of all tables; of a file that its history has made large only those of the tables in force.  What is read
 * through their rows is checked by sums. */
static int store_quick_check(const struct store *store, struct diag *diag)
{
	enum { WHOLE_MOST = 64 << 20 };
	struct stat facts;
	if (stat(store->path, &facts) == 0 && facts.st_size <= WHOLE_MOST)
		return check_run(store, diag, "PRAGMA quick_check(1)");
	static const char *const others[] = {"change", "sqlite_schema"};
	int error = 0;
	for (size_t i = 0; error == 0 && i < ROW_KINDS + ARRAY_LENGTH(others); i++) {
		char sql[80];
		sqlite3_snprintf(sizeof(sql), sql, "PRAGMA quick_check('%q')",
				 i < ROW_KINDS ? kinds[i].table : others[i - ROW_KINDS]);
		error = check_run(store, diag, sql);
	}
	return error;
}

static int store_connect(struct store *store, struct diag *diag)
{
	int number = 0;
	int error = store_look(store, diag, &number);
	if (error < 0)
		return error;
	if (number == ENOENT && store->access == STORE_READ)
		return 0; /* reads as empty */
	if (number == ENOENT)
		error = store_make(store, diag);
	else if (number != 0)
		error = system_fail(store, diag, "cannot be opened", number);
	if (error == 0)
		error = store->access == STORE_READ ? read_open(store, diag) : write_open(store, diag);
	if (error == 0)
		error = schema_check(store, diag);
	if (error == 0)
		error = store_quick_check(store, diag);
	return error;
}

int store_open(const char *path, enum store_access access, struct diag *diag, struct store **ret_store)
{
	struct store *store = memory_alloc(sizeof(*store));
	store->path = memory_text(path);
	store->access = access;
	int error = store_connect(store, diag);
	if (error < 0)
		store_close(store);
	else
		*ret_store = store;
	return error;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	store_rollback(store);
	connection_close(store);
	copy_remove(store);
	free(store->stale);
	free(store->path);
	free(store);
}
