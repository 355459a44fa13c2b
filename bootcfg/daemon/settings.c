#include "bootcfg/daemon/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bootcfg/daemon/control.h"
#include "bootcfg/daemon/droplog.h"
#include "bootcfg/target/nftables.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/store/store.h"

enum { SETTINGS_MOST = 65536, NAME_MOST = 32, PATH_LONGEST = 1024 };

enum setting_kind { SETTING_PATH, SETTING_NAME, SETTING_NUMBER, SETTING_FLAG };

/* One key: what its value is, and where it goes. */
struct setting {
	const char *key;
	enum setting_kind kind;
	size_t offset;         /* in struct settings */
	size_t size;           /* of a number there */
	int64_t least, most;   /* of a number; most: bytes of a path */
};

#define AT(field) offsetof(struct settings, field), sizeof(((struct settings *)0)->field)
static const struct setting table[] = {
	{"store", SETTING_PATH, AT(store), 0, PATH_LONGEST},
	{"logfolder", SETTING_PATH, AT(logfolder), 0, PATH_LONGEST},
	{"logsize", SETTING_NUMBER, AT(logsize), 4096, INT64_C(16) << 30},
	{"logfiles", SETTING_NUMBER, AT(logfiles), 1, 1000},
	{"control", SETTING_PATH, AT(control), 0, sizeof(((struct sockaddr_un *)0)->sun_path) - 1},
	{"user", SETTING_NAME, AT(user), 0, 0},
	{"group", SETTING_NAME, AT(group), 0, 0},
	{"nfloggroup", SETTING_NUMBER, AT(nfloggroup), 1, UINT16_MAX},
	{"journal", SETTING_FLAG, AT(journal), 0, 0},
};

static const unsigned kind_types[] = {
	[SETTING_PATH] = JSON_STRING,
	[SETTING_NAME] = JSON_STRING,
	[SETTING_NUMBER] = JSON_NUMBER,
	[SETTING_FLAG] = JSON_BOOL,
};

void settings_init(struct settings *settings)
{
	*settings = (struct settings){
		.file = "",
		.store = STORE_DEFAULT,
		.logfolder = DROPLOG_FOLDER,
		.logsize = UINT64_C(64) << 20,
		.logfiles = 8,
		.control = CONTROL_SOCKET,
		.user = "",
		.group = "",
		.nfloggroup = NFTABLES_GROUP,
		.journal = true,
	};
}

/* Where and how a value is read. */
struct reading {
	const struct json_document *document;
	struct arena *arena;
	struct diag *diag;
	struct settings *settings;
};

static void text_set(struct reading *reading, const struct setting *setting, const char *text)
{
	const char *copy = arena_text(reading->arena, text);
	memcpy((char *)reading->settings + setting->offset, &copy, sizeof copy);
}

static int path_read(struct reading *reading, const struct setting *setting, const struct json *value)
{
	size_t length = strlen(value->text);
	if (value->text[0] != '/' || length < 2 || value->text[length - 1] == '/') {
		json_error(reading->document, value, reading->diag, "%s is no absolute path of a file or folder: write it from / on",
			   QUOTE(value->text));
		return ERROR_INPUT;
	}
	if (length > (size_t)setting->most) {
		json_error(reading->document, value, reading->diag, "the path has %zu bytes: at most %lld fit", length,
			   (long long)setting->most);
		return ERROR_INPUT;
	}
	text_set(reading, setting, value->text);
	return 0;
}

/* As useradd takes them: that they exist on this machine, whoever uses them finds out. */
static int name_read(struct reading *reading, const struct setting *setting, const struct json *value)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t length = strlen(value->text);
	if (length == 0 || length > NAME_MOST || strspn(value->text, good) != length || value->text[0] == '-') {
		json_error(reading->document, value, reading->diag, "%s is no name of a %s: 1 to %d letters, digits, _, - or .",
			   QUOTE(value->text), setting->key, NAME_MOST);
		return ERROR_INPUT;
	}
	text_set(reading, setting, value->text);
	return 0;
}

static int number_read(struct reading *reading, const struct setting *setting, const struct json *value)
{
	if (!value->whole || value->number < setting->least || value->number > setting->most) {
		json_error(reading->document, value, reading->diag, "it is a whole number from %lld to %lld", (long long)setting->least,
			   (long long)setting->most);
		return ERROR_INPUT;
	}
	char *at = (char *)reading->settings + setting->offset;
	uint64_t number = (uint64_t)value->number;
	uint32_t number32 = (uint32_t)number;
	uint16_t number16 = (uint16_t)number;
	if (setting->size == sizeof number)
		memcpy(at, &number, sizeof number);
	else if (setting->size == sizeof number32)
		memcpy(at, &number32, sizeof number32);
	else
		memcpy(at, &number16, sizeof number16);
	return 0;
}

static int flag_read(struct reading *reading, const struct setting *setting, const struct json *value)
{
	memcpy((char *)reading->settings + setting->offset, &value->yes, sizeof value->yes);
	return 0;
}

static int (*const kind_reads[])(struct reading *reading, const struct setting *setting, const struct json *value) = {
	[SETTING_PATH] = path_read,
	[SETTING_NAME] = name_read,
	[SETTING_NUMBER] = number_read,
	[SETTING_FLAG] = flag_read,
};

static int key_refuse(struct reading *reading, const struct json *value)
{
	const char *names[ARRAY_LENGTH(table) + 1] = {NULL};
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
		names[i] = table[i].key;
	const char *nearest = word_nearest(value->key, strlen(value->key), names);
	struct buffer list;
	buffer_init(&list, 1024);
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
		buffer_printf(&list, "%s%s", i > 0 ? ", " : "", table[i].key);
	json_key_error(reading->document, value, reading->diag, "there is no such key: it is one of %s%s%s%s", buffer_text(&list),
		       nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
	buffer_done(&list);
	return ERROR_INPUT;
}

static int value_read(struct reading *reading, const struct json *value)
{
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		if (strcmp(table[i].key, value->key) != 0)
			continue;
		if (value->type == kind_types[table[i].kind])
			return kind_reads[table[i].kind](reading, &table[i], value);
		struct buffer type;
		buffer_init(&type, 64);
		json_type_print(kind_types[table[i].kind], &type);
		json_error(reading->document, value, reading->diag, "it is %s", buffer_text(&type));
		buffer_done(&type);
		return ERROR_INPUT;
	}
	return key_refuse(reading, value);
}

int settings_parse(const char *text, size_t length, const char *file, struct arena *arena, struct diag *diag,
		   struct settings *ret_settings)
{
	struct json_document document = {arena, file, text, length};
	struct settings settings;
	struct reading reading = {&document, arena, diag, &settings};
	struct json *root;
	settings_init(&settings);
	int error = json_read(&document, diag, &root);
	if (error == 0 && root->type != JSON_OBJECT) {
		json_error(&document, root, diag, "a configuration is an object: {\"store\": \"%s\", …}", STORE_DEFAULT);
		error = ERROR_INPUT;
	}
	for (const struct json *value = error == 0 ? root->child : NULL; value != NULL; value = value->next) {
		int bad = value_read(&reading, value);
		error = bad != 0 ? bad : error;
	}
	if (error != 0)
		return error;
	settings.file = arena_text(arena, file);
	*ret_settings = settings;
	return 0;
}

/* A whole small file.  One that somebody replaces by a device or a FIFO must not hold us up. */
static int file_read(const char *file, struct diag *diag, bool *ret_missing, struct buffer *ret_text)
{
	char bytes[4096];
	struct stat status;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	*ret_missing = fd < 0 && errno == ENOENT;
	if (*ret_missing)
		return 0;
	ssize_t got = fd < 0 || fstat(fd, &status) != 0 ? -1 : 0;
	if (got == 0 && !S_ISREG(status.st_mode)) {
		(void)close(fd);
		diag_error(diag, NULL, "%s: not a plain file", QUOTE(file));
		return ERROR_INPUT;
	}
	while (got >= 0 && !ret_text->full && (got = read(fd, bytes, sizeof bytes)) > 0)
		buffer_add(ret_text, bytes, (size_t)got);
	int saved = errno;
	if (fd >= 0)
		(void)close(fd);
	if (got < 0)
		diag_error(diag, NULL, "%s cannot be read: %s", QUOTE(file), strerror(saved));
	else if (ret_text->full)
		diag_error(diag, NULL, "%s has more than %d bytes: no configuration is that long", QUOTE(file), SETTINGS_MOST);
	return got < 0 ? ERROR_SYSTEM : ret_text->full ? ERROR_LIMIT : 0;
}

int settings_load(const char *file, struct arena *arena, struct diag *diag, struct settings *ret_settings)
{
	const char *path = file != NULL ? file : SETTINGS_FILE;
	struct buffer text;
	bool missing;
	buffer_init(&text, SETTINGS_MOST);
	int error = file_read(path, diag, &missing, &text);
	if (error == 0 && missing && file != NULL) {
		diag_error(diag, NULL, "%s: no such file", QUOTE(path));
		error = ERROR_INPUT;
	} else if (error == 0 && missing) {
		settings_init(ret_settings);
	} else if (error == 0) {
		error = settings_parse(buffer_text(&text), text.length, path, arena, diag, ret_settings);
	}
	buffer_done(&text);
	return error;
}

uint16_t settings_nfloggroup(void)
{
	struct arena *arena = arena_new();
	struct settings settings;
	if (settings_load(NULL, arena, NULL, &settings) != 0)
		settings_init(&settings);
	arena_free(arena);
	return settings.nfloggroup;
}

static uint64_t number_at(const char *at, size_t size)
{
	uint64_t number;
	uint32_t number32;
	uint16_t number16;
	if (size == sizeof number) {
		memcpy(&number, at, size);
		return number;
	}
	if (size == sizeof number32) {
		memcpy(&number32, at, size);
		return number32;
	}
	memcpy(&number16, at, sizeof number16);
	return number16;
}

static void value_print(const struct settings *settings, const struct setting *setting, struct buffer *buffer)
{
	const char *at = (const char *)settings + setting->offset;
	const char *text;
	if (setting->kind == SETTING_PATH || setting->kind == SETTING_NAME) {
		memcpy(&text, at, sizeof text);
		json_text_print(text, buffer);
	} else if (setting->kind == SETTING_FLAG) {
		buffer_add_text(buffer, settings->journal ? "true" : "false");
	} else {
		buffer_add_number(buffer, number_at(at, setting->size));
	}
}

void settings_print(const struct settings *settings, struct buffer *buffer)
{
	const char *comma = "{";
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		const char *text = NULL;
		if (table[i].kind == SETTING_NAME) {
			memcpy(&text, (const char *)settings + table[i].offset, sizeof text);
			if (text[0] == '\0')
				continue; /* the machine decides */
		}
		buffer_printf(buffer, "%s", comma);
		json_text_print(table[i].key, buffer);
		buffer_add_text(buffer, ": ");
		value_print(settings, &table[i], buffer);
		comma = ",\n ";
	}
	buffer_add_text(buffer, "}\n");
}
