/* The boot file as text: what is printed parses, and nothing else does. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/boot/attribute.h"
#include "bootcfg/boot/bootfile.h"
#include "bootcfg/boot/bootload.h"
#include "core/base/attr.h"
#include "core/base/error.h"

static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* A file of these messages. */
static struct buffer file_make(const char *mode, const struct buffer *messages)
{
	struct bootfile_head head = {.generation = 3, .made = 1700000000};
	struct buffer text;
	snprintf(head.mode, sizeof(head.mode), "%s", mode);
	memcpy(head.digest, digest, sizeof(head.digest));
	buffer_init(&text, BOOTFILE_MOST);
	bootfile_print(&head, messages, &text);
	return text;
}

static struct buffer block_file(void)
{
	struct buffer messages;
	buffer_init(&messages, 65536);
	bootblock_messages(&messages);
	struct buffer text = file_make("block", &messages);
	buffer_done(&messages);
	return text;
}

static int parse(const char *bytes, size_t length, struct bootfile_head *head, const char **messages)
{
	struct diag diag;
	diag_init(&diag);
	int error = bootfile_parse(bytes, length, "boot", &diag, head, messages);
	cr_expect_eq(error != 0, diag.errors == 1, "a refusal has one message");
	diag_done(&diag);
	return error;
}

Test(bootfile_text, what_is_printed_parses_to_the_same)
{
	struct bootfile_head head;
	const char *messages;
	struct buffer text = block_file(), block;
	buffer_init(&block, 65536);
	bootblock_messages(&block);
	cr_assert_eq(parse(buffer_text(&text), text.length, &head, &messages), 0);
	cr_expect_str_eq(head.mode, "block");
	cr_expect_str_eq(head.digest, digest);
	cr_expect_eq(head.generation, 3);
	cr_expect_eq(head.made, 1700000000);
	cr_expect_eq(head.length, block.length);
	cr_expect_eq(memcmp(messages, buffer_text(&block), block.length), 0);
	cr_expect_eq(bootfile_mode(&head), BOOTMODE_BLOCK);
	buffer_done(&block);
	buffer_done(&text);
}

Test(bootfile_text, permit_is_a_file_without_messages)
{
	struct bootfile_head head;
	const char *messages;
	struct buffer nothing, some;
	buffer_init(&nothing, 16);
	buffer_init(&some, 65536);
	bootblock_messages(&some);
	struct buffer text = file_make("permit", &nothing);
	cr_expect_eq(parse(buffer_text(&text), text.length, &head, &messages), 0);
	cr_expect_eq(head.length, 0);
	cr_expect_eq(bootfile_mode(&head), BOOTMODE_PERMIT);
	buffer_done(&text);
	text = file_make("stateful", &nothing);
	cr_expect_eq(parse(buffer_text(&text), text.length, &head, &messages), ERROR_DAMAGED, "stateful without rules");
	buffer_done(&text);
	text = file_make("permit", &some);
	cr_expect_eq(parse(buffer_text(&text), text.length, &head, &messages), ERROR_DAMAGED, "permit with rules");
	buffer_done(&text);
	buffer_done(&some);
}

Test(bootfile_text, any_byte_that_is_another_is_damage)
{
	static const char others[] = {1, 0x20, (char)0x80, (char)0xff};
	struct bootfile_head head = {.generation = 77};
	const char *messages = "untouched";
	struct buffer text = block_file();
	for (size_t at = 0; at < text.length; at++)
		for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
			text.data[at] = (char)(text.data[at] ^ others[i]);
			cr_assert_eq(bootfile_parse(text.data, text.length, "boot", NULL, &head, &messages), ERROR_DAMAGED,
				     "byte %zu, changed by %02x", at, (unsigned char)others[i]);
			text.data[at] = (char)(text.data[at] ^ others[i]);
		}
	cr_expect_str_eq(messages, "untouched");
	cr_expect_eq(head.generation, 77);
	buffer_done(&text);
}

Test(bootfile_text, what_is_cut_or_longer_is_damage)
{
	struct bootfile_head head;
	const char *messages;
	struct buffer text = block_file();
	for (size_t length = 0; length < text.length; length++) {
		/* A copy of just that size: the sanitizers see a read past its end. */
		char *copy = malloc(length + (length == 0));
		memcpy(copy, text.data, length);
		cr_assert_eq(bootfile_parse(copy, length, "boot", NULL, &head, &messages), ERROR_DAMAGED, "%zu bytes", length);
		free(copy);
	}
	buffer_add_char(&text, '\0');
	cr_expect_eq(parse(text.data, text.length, &head, &messages), ERROR_DAMAGED);
	buffer_done(&text);
}

/* Lines that say the same in another way, or something else, with a checksum that is right. */
Test(bootfile_text, only_the_one_form_is_taken)
{
	static const char *const heads[] = {
		"cordon-boot 2\nmode permit\ndigest D\ngeneration 1\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode Permit\ndigest D\ngeneration 1\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode \ndigest D\ngeneration 1\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode permit \ndigest D\ngeneration 1\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode permit\ndigest 00\ngeneration 1\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode permit\ndigest D0\ngeneration 1\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode permit\ndigest D\ngeneration 0\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode permit\ndigest D\ngeneration 01\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode permit\ndigest D\ngeneration -1\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode permit\ndigest D\ngeneration 99999999999999999999\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode permit\ndigest D\ngeneration 1\nmade -5\nlength 0\n",
		"cordon-boot 1\nmode permit\ndigest D\ngeneration 1\nmade 5\nlength 00\n",
		"cordon-boot 1\nmode permit\ndigest D\ngeneration 1\nmade 5\nlength 33554433\n",
		"cordon-boot 1\nmode permit\nmode permit\ndigest D\ngeneration 1\nmade 5\nlength 0\n",
		"cordon-boot 1\ndigest D\nmode permit\ngeneration 1\nmade 5\nlength 0\n",
		"cordon-boot 1\nmode permit\ndigest D\ngeneration 1\nmade 5\n",
		"",
	};
	struct bootfile_head head;
	const char *messages;
	for (size_t i = 0; i <= ARRAY_LENGTH(heads); i++) {
		struct buffer text;
		char sum[SHA256_DIGEST_STRING_LENGTH];
		const char *row = i < ARRAY_LENGTH(heads) ? heads[i] : "cordon-boot 1\nmode permit\ndigest D\ngeneration 1\nmade 5\nlength 0\n";
		const char *mark = strstr(row, "digest D");
		buffer_init(&text, 4096);
		buffer_add(&text, row, mark != NULL ? (size_t)(mark - row) + 7 : strlen(row));
		if (mark != NULL)
			buffer_printf(&text, "%s%s", digest, mark + 8);
		SHA256Data((const uint8_t *)buffer_text(&text), text.length, sum);
		buffer_printf(&text, "sha256 %s\n\n", sum);
		/* The last one is right: so it is the line that is refused, not the way it was made. */
		cr_expect_eq(parse(buffer_text(&text), text.length, &head, &messages), i < ARRAY_LENGTH(heads) ? ERROR_DAMAGED : 0,
			     "row %zu: %s", i, row);
		buffer_done(&text);
	}
}

enum { MESSAGE_FLAGS = 1, MESSAGE_TABLE = 2, MESSAGE_FAMILY = 4, MESSAGE_CUT = 8, MESSAGE_KIND = 16, MESSAGE_NUMBER = 32, MESSAGE_SHORT = 64 };

static void message_put(struct buffer *buffer, unsigned wrong)
{
	size_t begin = netmessage_begin(buffer, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | ((wrong & MESSAGE_KIND) ? NFT_MSG_DELTABLE : NFT_MSG_NEWTABLE)),
					(wrong & MESSAGE_FLAGS) ? NLM_F_CREATE | NLM_F_ACK : NLM_F_CREATE,
					(wrong & MESSAGE_FAMILY) ? NFPROTO_IPV4 : NFPROTO_INET, 0);
	attribute_put_text(buffer, NFTA_TABLE_NAME, (wrong & MESSAGE_TABLE) ? "cordon2" : "cordon");
	if (wrong & MESSAGE_CUT)
		buffer_add(buffer, "\xff\x00\x01\x00", 4);
	netmessage_end(buffer, begin);
	if (wrong & MESSAGE_NUMBER)
		buffer->data[begin + 8] = 1;
	if (wrong & MESSAGE_SHORT)
		buffer->data[begin] = 8;
}

Test(bootfile_text, only_additions_to_our_table_are_taken)
{
	static const struct {
		unsigned wrong;
		const char *label;
	} rows[] = {
		{0, "a right one"}, {MESSAGE_FLAGS, "other flags"}, {MESSAGE_TABLE, "another table"}, {MESSAGE_FAMILY, "another family"},
		{MESSAGE_CUT, "an attribute that is cut off"}, {MESSAGE_KIND, "a removal"}, {MESSAGE_NUMBER, "a number of its own"},
		{MESSAGE_SHORT, "a length that is too small"},
	};
	struct bootfile_head head;
	const char *messages;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct buffer buffer;
		buffer_init(&buffer, 4096);
		message_put(&buffer, 0);
		message_put(&buffer, rows[i].wrong);
		struct buffer text = file_make("stateful", &buffer);
		cr_expect_eq(parse(buffer_text(&text), text.length, &head, &messages), rows[i].wrong == 0 ? 0 : ERROR_DAMAGED, "%s", rows[i].label);
		buffer_done(&text);
		buffer_done(&buffer);
	}
}

/* --- Reading --- */

static char folder[64];

static void folder_make(void)
{
	snprintf(folder, sizeof(folder), "%s/cordon-test-XXXXXX", getenv("TMPDIR") != NULL && strlen(getenv("TMPDIR")) < 30 ? getenv("TMPDIR") : "/tmp");
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
}

static void folder_remove(void)
{
	static const char *const names[] = {"good", "open", "link"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		unlink(names[i]);
	rmdir("folder");
	cr_expect_eq(chdir("/"), 0);
	cr_expect_eq(rmdir(folder), 0);
}

static void file_put(const char *name, mode_t mode)
{
	int descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	cr_assert_geq(descriptor, 0);
	cr_assert_eq(write(descriptor, "abc", 3), 3);
	cr_assert_eq(fchmod(descriptor, mode), 0);
	close(descriptor);
}

Test(bootfile_text, only_a_file_of_roots_alone_is_read, .init = folder_make, .fini = folder_remove)
{
	static const struct {
		const char *name;
		int error;
	} rows[] = {{"good", 0}, {"open", ERROR_DAMAGED}, {"link", ERROR_DAMAGED}, {"folder", ERROR_DAMAGED}, {"none", ERROR_NOT_FOUND}};
	if (geteuid() != 0) {
		fprintf(stderr, "SKIPPED: needs root\n");
		return;
	}
	file_put("good", 0644);
	file_put("open", 0620);
	cr_assert_eq(symlink("good", "link"), 0);
	cr_assert_eq(mkdir("folder", 0700), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct buffer bytes;
		struct diag diag;
		diag_init(&diag);
		cr_expect_eq(bootfile_read(rows[i].name, &diag, &bytes), rows[i].error, "%s", rows[i].name);
		cr_expect_eq(diag.errors, rows[i].error == 0 ? 0 : 1, "%s", rows[i].name);
		if (rows[i].error == 0)
			cr_expect_str_eq(buffer_text(&bytes), "abc");
		buffer_done(&bytes);
		diag_done(&diag);
	}
	cr_assert_eq(chown("good", 12345, 0), 0);
	struct buffer bytes;
	cr_expect_eq(bootfile_read("good", NULL, &bytes), ERROR_DAMAGED, "it belongs to somebody else");
	buffer_done(&bytes);
}
