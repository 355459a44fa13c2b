#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <sha256.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/boot/attribute.h"
#include "bootcfg/boot/bootfile.h"
#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

static const char magic[] = "cordon-boot 1\n";
static const char sha_word[] = "sha256 ";
enum { SHA_TEXT = 2 * SHA256_DIGEST_LENGTH, HEAD_MOST = 512, BLOCK = 64 << 10 };

static const struct {
	const char *name;
	enum bootmode mode;
} modes[] = {{"permit", BOOTMODE_PERMIT}, {"block", BOOTMODE_BLOCK}, {"stateful", BOOTMODE_STATEFUL}};

enum bootmode bootfile_mode(const struct bootfile_head *head)
{
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++)
		if (strcmp(head->mode, modes[i].name) == 0)
			return modes[i].mode;
	return BOOTMODE_BLOCK;
}

/* Of the lines before it and of the messages. */
static void checksum(const char *head, size_t head_length, const char *messages, size_t length, char ret_text[SHA_TEXT + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum[SHA256_DIGEST_LENGTH];
	SHA2_CTX context;
	SHA256Init(&context);
	SHA256Update(&context, (const uint8_t *)head, head_length);
	if (length > 0)
		SHA256Update(&context, (const uint8_t *)messages, length);
	SHA256Final(sum, &context);
	for (size_t i = 0; i < sizeof(sum); i++) {
		ret_text[2 * i] = digits[sum[i] >> 4];
		ret_text[2 * i + 1] = digits[sum[i] & 15];
	}
	ret_text[SHA_TEXT] = '\0';
}

void bootfile_print(const struct bootfile_head *head, const struct buffer *messages, struct buffer *ret_text)
{
	size_t begin = ret_text->length;
	char sum[SHA_TEXT + 1];
	buffer_printf(ret_text, "%smode %s\ndigest %s\ngeneration %llu\nmade %lld\nlength %zu\n", magic, head->mode, head->digest,
		      (unsigned long long)head->generation, (long long)head->made, messages->length);
	checksum(buffer_text(ret_text) + begin, ret_text->length - begin, buffer_text(messages), messages->length, sum);
	buffer_printf(ret_text, "%s%s\n\n", sha_word, sum);
	buffer_add(ret_text, buffer_text(messages), messages->length);
}

/* --- Parsing --- */

struct parse {
	const char *bytes, *file;
	struct cursor cursor;
	struct diag *diag;
};

static int damaged(const struct parse *parse, const char *at, const char *what)
{
	diag_error(parse->diag, &(struct place){.file = parse->file}, "damaged at byte %zu: %s; cordon boot install makes it again",
		   (size_t)(at - parse->bytes), what);
	return ERROR_DAMAGED;
}

/* "NAME VALUE\n": the value, not empty; false when the line is another. */
static bool line_take(struct cursor *cursor, const char *name, struct cursor *ret_value)
{
	size_t length = strlen(name);
	if (cursor_left(cursor) <= length || memcmp(cursor->at, name, length) != 0)
		return false;
	const char *value = cursor->at + length;
	size_t left = (size_t)(cursor->end - value);
	const char *end = memchr(value, '\n', left < HEAD_MOST ? left : HEAD_MOST);
	if (end == NULL || end == value)
		return false;
	*ret_value = cursor_of(value, (size_t)(end - value));
	cursor->at = end + 1;
	return true;
}

/* A number as it is printed: no sign, no zeros in front. */
static bool number_take(struct cursor *cursor, const char *name, uint64_t most, uint64_t *ret_number)
{
	struct cursor value;
	return line_take(cursor, name, &value) && number_parse(value.at, cursor_left(&value), most, ret_number) &&
	       (*value.at != '0' || cursor_left(&value) == 1);
}

static bool is_hex(struct cursor text)
{
	for (const char *at = text.at; at < text.end; at++)
		if (!ascii_digit(*at) && !(*at >= 'a' && *at <= 'f'))
			return false;
	return true;
}

static bool mode_take(struct cursor *cursor, struct bootfile_head *head)
{
	struct cursor value;
	if (!line_take(cursor, "mode ", &value))
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
		if (cursor_left(&value) == strlen(modes[i].name) && memcmp(value.at, modes[i].name, cursor_left(&value)) == 0) {
			memcpy(head->mode, modes[i].name, strlen(modes[i].name) + 1);
			return true;
		}
	}
	return false;
}

static bool digest_take(struct cursor *cursor, struct bootfile_head *head)
{
	struct cursor value;
	if (!line_take(cursor, "digest ", &value) || cursor_left(&value) != sizeof(head->digest) - 1 || !is_hex(value))
		return false;
	memcpy(head->digest, value.at, sizeof(head->digest) - 1);
	head->digest[sizeof(head->digest) - 1] = '\0';
	return true;
}

static int head_take(struct parse *parse, struct bootfile_head *head)
{
	struct cursor *cursor = &parse->cursor, sum;
	uint64_t made = 0, length = 0;
	char wanted[SHA_TEXT + 1];
	if (cursor_left(cursor) < sizeof(magic) - 1 || memcmp(cursor->at, magic, sizeof(magic) - 1) != 0)
		return damaged(parse, cursor->at, "it is no boot file of Cordon's");
	cursor->at += sizeof(magic) - 1;
	if (!mode_take(cursor, head))
		return damaged(parse, cursor->at, "\"mode permit\", \"mode block\" or \"mode stateful\" is expected");
	if (!digest_take(cursor, head))
		return damaged(parse, cursor->at, "\"digest\" and 64 hexadecimal digits are expected");
	if (!number_take(cursor, "generation ", UINT64_MAX / 4, &head->generation) || head->generation == 0)
		return damaged(parse, cursor->at, "\"generation\" and a number from 1 are expected");
	if (!number_take(cursor, "made ", INT64_MAX, &made))
		return damaged(parse, cursor->at, "\"made\" and a number are expected");
	if (!number_take(cursor, "length ", BOOTFILE_MOST, &length))
		return damaged(parse, cursor->at, "\"length\" and a number are expected");
	head->made = (int64_t)made;
	head->length = (size_t)length;
	const char *lines_end = cursor->at;
	if (!line_take(cursor, sha_word, &sum) || cursor_left(&sum) != SHA_TEXT || !cursor_take(cursor, '\n'))
		return damaged(parse, cursor->at, "\"sha256\", 64 hexadecimal digits and an empty line are expected");
	if (cursor_left(cursor) != head->length)
		return damaged(parse, cursor->at, "it does not end where it says");
	checksum(parse->bytes, (size_t)(lines_end - parse->bytes), cursor->at, head->length, wanted);
	return memcmp(wanted, sum.at, SHA_TEXT) == 0 ? 0 : damaged(parse, sum.at, "the checksum is another one");
}

/* What may be in a file: additions to our table, whose name is this attribute. */
static bool message_allowed(const struct netmessage *message)
{
	static const struct {
		uint16_t kind, table, flags;
	} kinds[] = {
		{NFT_MSG_NEWTABLE, NFTA_TABLE_NAME, NLM_F_CREATE},
		{NFT_MSG_NEWCHAIN, NFTA_CHAIN_TABLE, NLM_F_CREATE},
		{NFT_MSG_NEWCHAIN, NFTA_CHAIN_TABLE, NLM_F_CREATE | NLM_F_EXCL},
		{NFT_MSG_NEWRULE, NFTA_RULE_TABLE, NLM_F_CREATE | NLM_F_APPEND},
		{NFT_MSG_NEWSET, NFTA_SET_TABLE, NLM_F_CREATE | NLM_F_EXCL},
		{NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_TABLE, NLM_F_CREATE},
		{NFT_MSG_NEWOBJ, NFTA_OBJ_TABLE, NLM_F_CREATE},
	};
	struct attributes attributes = message->attributes;
	struct attribute table;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (kinds[i].kind != netmessage_kind(message) || message->header.nlmsg_flags != (NLM_F_REQUEST | kinds[i].flags))
			continue;
		if (message->header.nlmsg_len < MESSAGE_HEAD ||
		    message->header.nlmsg_len > BOOTFILE_MESSAGE || message->header.nlmsg_len % NLMSG_ALIGNTO != 0 ||
		    message->header.nlmsg_seq != 0 || message->header.nlmsg_pid != 0 ||
		    message->netfilter.nfgen_family != NFPROTO_INET || message->netfilter.version != NFNETLINK_V0 ||
		    message->netfilter.res_id != 0)
			return false;
		if (!attribute_find(attributes, kinds[i].table, &table) || !attribute_is(&table, "cordon"))
			return false;
		while (attribute_take(&attributes, &table))
			;
		return attributes.at == attributes.end;
	}
	return false;
}

static int messages_check(struct parse *parse, const struct bootfile_head *head)
{
	struct attributes rest = {parse->cursor.at, parse->cursor.end};
	struct netmessage message;
	if ((head->length > 0) == (bootfile_mode(head) == BOOTMODE_PERMIT))
		return damaged(parse, rest.at, "mode permit has no rules, and every other mode has some");
	while (netmessage_take(&rest, &message))
		if (!message_allowed(&message))
			return damaged(parse, message.bytes, "a message that is none of Cordon's");
	return rest.at == rest.end ? 0 : damaged(parse, rest.at, "a message that is cut off");
}

int bootfile_parse(const char *bytes, size_t length, const char *file, struct diag *diag, struct bootfile_head *ret_head,
		   const char **ret_messages)
{
	struct parse parse = {bytes, file, cursor_of(bytes, length), diag};
	struct bootfile_head head = {.length = 0};
	int error = head_take(&parse, &head);
	if (error == 0)
		error = messages_check(&parse, &head);
	if (error == 0) {
		*ret_head = head;
		*ret_messages = parse.cursor.at;
	}
	return error;
}

/* --- Reading --- */

static int read_error(const char *path, struct diag *diag, int error, const char *words)
{
	diag_error(diag, &(struct place){.file = path}, "%s", words);
	return error;
}

static int file_take(int descriptor, const char *path, struct diag *diag, struct buffer *bytes)
{
	struct stat status;
	if (fstat(descriptor, &status) < 0)
		return read_error(path, diag, ERROR_SYSTEM, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return read_error(path, diag, ERROR_DAMAGED, "it is no regular file");
	if (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return read_error(path, diag, ERROR_DAMAGED,
				  "others than root may write it, so it is not trusted; it must belong to root with mode 0600");
	if (status.st_size > BOOTFILE_MOST)
		return read_error(path, diag, ERROR_DAMAGED, "it is larger than a boot file may be");
	for (;;) {
		char block[BLOCK];
		ssize_t length = read(descriptor, block, sizeof(block));
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return read_error(path, diag, ERROR_SYSTEM, strerror(errno));
		if (length == 0)
			return bytes->full ? read_error(path, diag, ERROR_DAMAGED, "it is larger than a boot file may be") : 0;
		buffer_add(bytes, block, (size_t)length);
	}
}

int bootfile_read(const char *path, struct diag *diag, struct buffer *ret_bytes)
{
	buffer_init(ret_bytes, BOOTFILE_MOST);
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (descriptor < 0 && errno == ELOOP)
		return read_error(path, diag, ERROR_DAMAGED, "it is a symbolic link, and none is followed here");
	if (descriptor < 0)
		return read_error(path, diag, errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_SYSTEM, strerror(errno));
	int error = file_take(descriptor, path, diag, ret_bytes);
	(void)close(descriptor);
	return error;
}
