/* The boot file, as cordon-boot reads it at power-on: what is accepted is whole messages that add to our table, and
 * prints back to the same bytes. */
#include <string.h>

#include "bootcfg/boot/attribute.h"
#include "bootcfg/boot/bootfile.h"
#include "bootcfg/boot/bootload.h"
#include "core/base/error.h"
#include "tests/fuzz/fuzz.h"

static void check(const char *bytes, size_t length)
{
	struct bootfile_head head;
	const char *messages = NULL;
	struct diag diag;
	struct buffer body, text;
	char comment[BOOTLOAD_COMMENT];
	diag_init(&diag);
	buffer_init(&body, BOOTFILE_MOST);
	buffer_init(&text, BOOTFILE_MOST);
	int error = bootfile_parse(bytes, length, "boot", &diag, &head, &messages);
	FUZZ_ASSERT((error == 0) == (diag.errors == 0));
	FUZZ_ASSERT(error == 0 || error == ERROR_DAMAGED);
	if (error == 0) {
		FUZZ_ASSERT(messages + head.length == bytes + length);
		buffer_add(&body, messages, head.length);
		bootfile_print(&head, &body, &text);
		FUZZ_ASSERT(text.length == length && memcmp(buffer_text(&text), bytes, length) == 0);
		bootload_comment(messages, head.length, comment);
		FUZZ_ASSERT(strlen(comment) < sizeof(comment));
	}
	buffer_done(&body);
	buffer_done(&text);
	diag_done(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct bootfile_head head = {.mode = "stateful", .generation = 1, .made = 1};
	struct buffer body, text;
	/* As it is, and as the messages of a file whose checksum is right: that keeps a fuzzer out. */
	check((const char *)bytes, length);
	buffer_init(&body, BOOTFILE_MOST);
	buffer_init(&text, BOOTFILE_MOST);
	memset(head.digest, 'a', sizeof(head.digest) - 1);
	buffer_add(&body, bytes, length);
	bootfile_print(&head, &body, &text);
	check(buffer_text(&text), text.length);
	buffer_done(&body);
	buffer_done(&text);
	return 0;
}
