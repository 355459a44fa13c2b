#include "core/policy/methods.h"

#include "core/base/attr.h"
#include "core/base/cursor.h"

/* Lifetimes that an offer may ask for.  Limits and defaults: windows-ipsec.md 1.2. */
enum { SECONDS_LEAST = 300, SECONDS_MOST = 172799, KILOBYTES_LEAST = 20480, KILOBYTES_MOST = 2147483647 };

static const char *const confs[] = {"DES", "3DES", "None", NULL};
static const char *const hashes[] = {"MD5", "SHA1", "None", NULL};
static const char *const groups[] = {"1", "2", "3", NULL};

static const char wrong_qm[] = "an offer is ESP[Conf,Auth], AH[Hash] or AH[Hash]+ESP[Conf,Auth], then a lifetime such as "
			       ":100000k/3600s where one is wanted; Conf is DES, 3DES or None, Auth and Hash are MD5 or "
			       "SHA1, Auth may be None; blanks separate offers";
static const char wrong_none[] = "ESP[None,None] protects nothing: write ESP[None,SHA1] or ESP[3DES,None]";
static const char wrong_life[] = "a lifetime is :<n>k/<n>s, :<n>k or :<n>s, with 20480 to 2147483647 kilobytes and 300 to "
				 "172799 seconds";
static const char wrong_mm[] = "an offer is Conf-Hash-Group, such as 3DES-SHA1-2: Conf is DES or 3DES, Hash is MD5 or SHA1, "
			       "Group is 1, 2 or 3 (768, 1024 or 2048 bits); blanks separate offers";
static const char wrong_semicolon[] = "blanks separate offers, not \";\" (Microsoft's examples with \";\" do not follow "
				      "the grammar of the same page)";
static const char wrong_qm_aes[] = "netsh ipsec knows no AES and no SHA256 here: Conf is DES, 3DES or None, Auth and Hash are MD5, "
				   "SHA1 or None";
static const char wrong_mm_aes[] = "netsh ipsec knows no AES and no SHA256 here: Conf is DES or 3DES, Hash is MD5 or SHA1";
static const char wrong_dhgroup[] = "the group is the third part of the offer: 3DES-SHA1-1, -2 or -3, without \"DHGroup\"";
static const char wrong_empty[] = "it is empty: leave the tag out for the system's default";
static const char wrong_many[] = "that is more than 64 offers";

/* Takes the longest run of letters and digits that is one of the names; NULL and nothing taken when it is none. */
static const char *name_take(struct cursor *cursor, const char *const names[])
{
	const char *at = cursor->at;
	while (at < cursor->end && (ascii_digit(*at) || (ascii_lower(*at) >= 'a' && ascii_lower(*at) <= 'z')))
		at++;
	for (; *names != NULL; names++) {
		if (ascii_equal_n(cursor->at, (size_t)(at - cursor->at), *names)) {
			cursor->at = at;
			return *names;
		}
	}
	return NULL;
}

/* Takes a word whatever its case. */
static bool text_take(struct cursor *cursor, const char *text)
{
	size_t length = strlen(text);
	if (cursor_left(cursor) < length || !ascii_equal_n(cursor->at, length, text))
		return false;
	cursor->at += length;
	return true;
}

static const char *esp_parse(struct cursor *word, struct buffer *out)
{
	const char *conf = name_take(word, confs);
	if (conf == NULL || !cursor_take(word, ','))
		return wrong_qm;
	const char *auth = name_take(word, hashes);
	if (auth == NULL || !cursor_take(word, ']'))
		return wrong_qm;
	if (ascii_equal(conf, "None") && ascii_equal(auth, "None"))
		return wrong_none;
	buffer_printf(out, "ESP[%s,%s]", conf, auth);
	return NULL;
}

static const char *ah_parse(struct cursor *word, struct buffer *out)
{
	const char *hash = name_take(word, hashes);
	if (hash == NULL || ascii_equal(hash, "None") || !cursor_take(word, ']'))
		return wrong_qm;
	buffer_printf(out, "AH[%s]", hash);
	if (!cursor_take(word, '+'))
		return NULL;
	if (!text_take(word, "ESP["))
		return wrong_qm;
	buffer_add_char(out, '+');
	return esp_parse(word, out);
}

/* One part, <n>k or <n>s; *seen notes which are there already. */
static const char *life_part(struct cursor *word, struct buffer *out, unsigned *seen)
{
	static const struct {
		char unit;
		uint64_t least, most;
	} units[] = {{'k', KILOBYTES_LEAST, KILOBYTES_MOST}, {'s', SECONDS_LEAST, SECONDS_MOST}};
	uint64_t number;
	if (!cursor_number(word, KILOBYTES_MOST, &number) || word->at == word->end)
		return wrong_life;
	for (unsigned i = 0; i < ARRAY_LENGTH(units); i++) {
		if (ascii_lower(*word->at) != units[i].unit)
			continue;
		if (*seen >> i != 0 || number < units[i].least || number > units[i].most)
			return wrong_life;
		*seen |= 1u << i;
		word->at++;
		buffer_add_number(out, number);
		buffer_add_char(out, units[i].unit);
		return NULL;
	}
	return wrong_life;
}

static const char *life_parse(struct cursor *word, struct buffer *out)
{
	unsigned seen = 0;
	char before = ':';
	do {
		buffer_add_char(out, before);
		const char *wrong = life_part(word, out, &seen);
		if (wrong != NULL)
			return wrong;
		before = '/';
	} while (cursor_take(word, '/'));
	return NULL;
}

/* Whether a part of the word stands anywhere in it. */
static bool word_has(struct cursor word, const char *part)
{
	for (size_t length = strlen(part); cursor_left(&word) >= length; word.at++)
		if (ascii_equal_n(word.at, length, part))
			return true;
	return false;
}

/* The more exact answer for the mistakes that published examples make. */
static const char *wrong_better(struct cursor word, const char *wrong, const char *aes)
{
	if (memchr(word.at, ';', cursor_left(&word)) != NULL)
		return wrong_semicolon;
	if (word_has(word, "AES") || word_has(word, "SHA256") || word_has(word, "GCM"))
		return aes;
	if (word_has(word, "DHGroup"))
		return wrong_dhgroup;
	return wrong;
}

static const char *qm_parse(struct cursor word, struct buffer *out)
{
	struct cursor at = word;
	const char *wrong = wrong_qm;
	if (text_take(&at, "ESP["))
		wrong = esp_parse(&at, out);
	else if (text_take(&at, "AH["))
		wrong = ah_parse(&at, out);
	if (wrong == NULL && cursor_take(&at, ':'))
		wrong = life_parse(&at, out);
	if (wrong == NULL && at.at != at.end)
		wrong = wrong_qm;
	return wrong != NULL ? wrong_better(word, wrong, wrong_qm_aes) : NULL;
}

static const char *mm_parse(struct cursor word, struct buffer *out)
{
	struct cursor at = word;
	const char *conf = name_take(&at, confs);
	const char *hash = conf != NULL && cursor_take(&at, '-') ? name_take(&at, hashes) : NULL;
	const char *group = hash != NULL && cursor_take(&at, '-') ? name_take(&at, groups) : NULL;
	if (group == NULL || at.at != at.end || ascii_equal(conf, "None") || ascii_equal(hash, "None"))
		return wrong_better(word, wrong_mm, wrong_mm_aes);
	buffer_printf(out, "%s-%s-%s", conf, hash, group);
	return NULL;
}

static bool list_parse(const char *text, size_t length, struct buffer *canonical, const char **ret_wrong,
		       const char *(*parse)(struct cursor word, struct buffer *out))
{
	struct cursor cursor = cursor_of(text, length), word;
	struct buffer out;
	const char *wrong = NULL;
	size_t count = 0;
	buffer_init(&out, 1 << 16);
	for (cursor_skip_blanks(&cursor); wrong == NULL && cursor_word(&cursor, &word); cursor_skip_blanks(&cursor)) {
		if (count++ > 0)
			buffer_add_char(&out, ' ');
		wrong = count > METHODS_MOST ? wrong_many : parse(word, &out);
	}
	if (count == 0)
		wrong = wrong_empty;
	if (wrong != NULL)
		*ret_wrong = wrong;
	else if (canonical != NULL)
		buffer_add(canonical, out.data, out.length);
	buffer_done(&out);
	return wrong == NULL;
}

bool qmsecmethods_parse(const char *text, size_t length, struct buffer *canonical, const char **ret_wrong)
{
	return list_parse(text, length, canonical, ret_wrong, qm_parse);
}

bool mmsecmethods_parse(const char *text, size_t length, struct buffer *canonical, const char **ret_wrong)
{
	return list_parse(text, length, canonical, ret_wrong, mm_parse);
}
