#include "bootcfg/lease.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/memory.h"

bool lease_address(struct cursor word, struct ip *ret_ip)
{
	const char *zone = memchr(word.at, '%', cursor_left(&word));
	return ip_parse(word.at, (size_t)((zone != NULL ? zone : word.end) - word.at), ret_ip);
}

enum {
	INTERFACES_MOST = 256, /* with a lease in one file */
	WORDS_MOST = 40,       /* of one statement */
	SERVERS_MOST = 128,    /* of one lease */
};

/* Where it comes from and where it goes. */
struct source {
	const char *file;
	int64_t now;
	struct diag *diag;
	lease_fn *add;
	void *context;
};

struct lease {
	struct cursor interface;
	struct ip servers[SERVERS_MOST];
	uint8_t kinds[SERVERS_MOST]; /* enum address_kind */
	size_t count;
	uint32_t line;
	bool expires, alive;             /* has a time of expiry; one of them is to come */
	bool released;
	int64_t starts;                  /* of the address of a lease6 that is being read */
};

struct statement {
	struct cursor words[WORDS_MOST];
	size_t count;
	uint32_t line;
	char end; /* ';', '{', '}' or 0 at the end of the text */
};

struct lexer {
	struct cursor cursor;
	uint32_t line;
};

static bool is_punctuation(char c)
{
	return c == ';' || c == '{' || c == '}' || c == ',' || c == '"' || c == '#';
}

static void lexer_skip(struct lexer *lexer)
{
	struct cursor *cursor = &lexer->cursor;
	bool comment = false;
	for (; cursor->at < cursor->end; cursor->at++) {
		char c = *cursor->at;
		lexer->line += c == '\n';
		comment = (comment && c != '\n') || (!comment && c == '#');
		if (!comment && !ascii_blank(c) && c != '\n' && c != '\r' && c != ',')
			return;
	}
}

/* The inside of a quoted text, escapes as they are. */
static struct cursor lexer_quoted(struct lexer *lexer)
{
	struct cursor *cursor = &lexer->cursor;
	const char *start = ++cursor->at;
	while (cursor->at < cursor->end && *cursor->at != '"') {
		if (*cursor->at == '\\' && cursor_left(cursor) > 1)
			cursor->at++;
		lexer->line += *cursor->at == '\n';
		cursor->at++;
	}
	struct cursor inside = {start, cursor->at};
	cursor_take(cursor, '"');
	return inside;
}

static struct cursor lexer_bare(struct lexer *lexer)
{
	struct cursor *cursor = &lexer->cursor;
	const char *start = cursor->at;
	while (cursor->at < cursor->end && !is_punctuation(*cursor->at) && !ascii_blank(*cursor->at) &&
	       *cursor->at != '\n' && *cursor->at != '\r')
		cursor->at++;
	return (struct cursor){start, cursor->at};
}

/* Commas separate like blanks; words past the limit are dropped. */
static void statement_take(struct lexer *lexer, struct statement *ret)
{
	ret->count = 0;
	lexer_skip(lexer);
	ret->line = lexer->line;
	while (lexer->cursor.at < lexer->cursor.end) {
		char c = *lexer->cursor.at;
		if (c == ';' || c == '{' || c == '}') {
			lexer->cursor.at++;
			ret->end = c;
			return;
		}
		struct cursor word = c == '"' ? lexer_quoted(lexer) : lexer_bare(lexer);
		if (ret->count < WORDS_MOST)
			ret->words[ret->count++] = word;
		lexer_skip(lexer);
	}
	ret->end = '\0';
}

static bool word_is(const struct statement *statement, size_t i, const char *text)
{
	return i < statement->count && ascii_equal_n(statement->words[i].at, cursor_left(&statement->words[i]), text);
}

static bool word_number(const struct statement *statement, size_t i, int64_t *ret_number)
{
	uint64_t number;
	if (i >= statement->count ||
	    !number_parse(statement->words[i].at, cursor_left(&statement->words[i]), INT64_MAX / 4, &number))
		return false;
	*ret_number = (int64_t)number;
	return true;
}

/* Three numbers between given separators, such as 2026/01/31. */
static bool triple_parse(struct cursor word, char separator, int ret[3])
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t number;
		if ((i > 0 && !cursor_take(&word, separator)) || !cursor_number(&word, 9999, &number))
			return false;
		ret[i] = (int)number;
	}
	return word.at == word.end;
}

/* `expire never`, `expire epoch SECONDS` or `expire WEEKDAY Y/M/D H:M:S` (UTC). */
static bool expiry_parse(const struct statement *statement, int64_t *ret_time)
{
	int date[3], clock[3];
	if (word_is(statement, 1, "never")) {
		*ret_time = INT64_MAX;
		return true;
	}
	if (word_is(statement, 1, "epoch"))
		return word_number(statement, 2, ret_time);
	if (statement->count < 4 || !triple_parse(statement->words[2], '/', date) ||
	    !triple_parse(statement->words[3], ':', clock))
		return false;
	if (date[1] < 1 || date[1] > 12 || date[2] < 1 || date[2] > 31 || clock[0] > 23 || clock[1] > 59 || clock[2] > 60)
		return false;
	struct tm tm = {.tm_year = date[0] - 1900, .tm_mon = date[1] - 1, .tm_mday = date[2],
			.tm_hour = clock[0], .tm_min = clock[1], .tm_sec = clock[2]};
	*ret_time = (int64_t)timegm(&tm);
	return true;
}

static void lease_expiry(struct lease *lease, int64_t time, int64_t now)
{
	lease->expires = true;
	lease->alive = lease->alive || time > now;
}

static void lease_option(const struct source *source, struct lease *lease, const struct statement *statement,
			 const struct place *place)
{
	static const struct {
		const char *name;
		enum address_kind kind;
	} options[] = {
		{"dhcp-server-identifier", ADDRESS_DHCP},
		{"netbios-name-servers", ADDRESS_WINS},
		{"dhcp6.unicast", ADDRESS_DHCP},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
		if (!word_is(statement, 1, options[i].name))
			continue;
		for (size_t word = 2; word < statement->count; word++) {
			struct ip ip;
			if (!lease_address(statement->words[word], &ip)) {
				diag_note(source->diag, place, "skipped: %s is not an address",
					  QUOTE_N(statement->words[word].at, cursor_left(&statement->words[word])));
			} else if (lease->count < ARRAY_LENGTH(lease->servers)) {
				lease->servers[lease->count] = ip;
				lease->kinds[lease->count++] = (uint8_t)options[i].kind;
			}
		}
	}
}

static void lease_statement(const struct source *source, struct lease *lease, const struct statement *statement,
			    const struct place *place)
{
	int64_t number;
	if (word_is(statement, 0, "interface") && statement->count == 2) {
		lease->interface = statement->words[1];
	} else if (word_is(statement, 0, "option")) {
		lease_option(source, lease, statement, place);
	} else if (word_is(statement, 0, "expire")) {
		if (expiry_parse(statement, &number))
			lease_expiry(lease, number, source->now);
		else
			diag_note(source->diag, place, "skipped: this time of expiry is not understood");
	} else if (word_is(statement, 0, "starts")) {
		lease->starts = word_number(statement, 1, &number) ? number : 0;
	} else if (word_is(statement, 0, "max-life") && word_number(statement, 1, &number)) {
		/* 2^32 - 1 is for ever (RFC 8415). */
		lease_expiry(lease, number == UINT32_MAX ? INT64_MAX : lease->starts + number, source->now);
	} else if (word_is(statement, 0, "released")) {
		lease->released = true;
	}
}

/* Reads to the closing brace. */
static bool lease_read(const struct source *source, struct lexer *lexer, struct lease *lease)
{
	struct statement statement;
	unsigned depth = 1;
	while (depth > 0) {
		statement_take(lexer, &statement);
		struct place place = {.file = source->file, .line = statement.line};
		if (statement.end == '\0') {
			diag_note(source->diag, &place, "skipped: the lease that starts on line %u does not end", lease->line);
			return false;
		}
		if (statement.end == '{')
			depth++;
		else if (statement.end == '}')
			depth--;
		else
			lease_statement(source, lease, &statement, &place);
	}
	return true;
}

static bool cursor_equal(struct cursor a, struct cursor b)
{
	return cursor_left(&a) == cursor_left(&b) && memcmp(a.at, b.at, cursor_left(&a)) == 0;
}

/* Of one interface the last lease of its kind (lease, lease6) counts. */
static void lease_keep(struct lease **leases, size_t *count, const struct lease *lease)
{
	for (size_t i = 0; i < *count; i++) {
		if (cursor_equal((*leases)[i].interface, lease->interface)) {
			(*leases)[i] = *lease;
			return;
		}
	}
	if (*count == INTERFACES_MOST)
		return;
	*leases = memory_resize_array(*leases, *count + 1, sizeof(**leases));
	(*leases)[(*count)++] = *lease;
}

static void leases_take(const struct source *source, const struct lease *leases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct lease *lease = &leases[i];
		if (lease->released || (lease->expires && !lease->alive))
			continue;
		struct place place = {.file = source->file, .line = lease->line};
		for (size_t j = 0; j < lease->count; j++)
			source->add(source->context, (enum address_kind)lease->kinds[j], &lease->servers[j], &place);
	}
}

void lease_parse(const char *bytes, size_t length, const char *file, int64_t now, struct diag *diag, lease_fn *add, void *context)
{
	struct source source = {file, now, diag, add, context};
	struct lexer lexer = {cursor_of(bytes, length), 1};
	struct lease *leases[2] = {NULL, NULL};
	size_t counts[2] = {0, 0};
	struct statement statement;
	do {
		statement_take(&lexer, &statement);
		if (statement.end != '{')
			continue; /* default-duid "…"; and the like */
		struct lease lease = {.interface = cursor_text(""), .line = statement.line};
		bool six = word_is(&statement, 0, "lease6");
		bool known = six || word_is(&statement, 0, "lease");
		if (lease_read(&source, &lexer, &lease) && known)
			lease_keep(&leases[six], &counts[six], &lease);
	} while (statement.end != '\0');
	for (unsigned six = 0; six < 2; six++) {
		leases_take(&source, leases[six], counts[six]);
		free(leases[six]);
	}
}
