/* Packed logs: read through, in pieces, cut off, and as bombs. */
#include <lzma.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/error.h"
#include "logparse/input.h"
#include "tests/unit/logparse/log_expect.h"

enum { MOST = 256 << 20 };

/* --- Packing --- */

static void gzip_add(struct buffer *to, const void *bytes, size_t length)
{
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)length};
	cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	size_t most = deflateBound(&stream, (uLong)length) + 32;
	char *room = buffer_room(to, most);
	stream.next_out = (Bytef *)room;
	stream.avail_out = (uInt)most;
	cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	buffer_took(to, (char *)stream.next_out);
	deflateEnd(&stream);
}

static void xz_add(struct buffer *to, const void *bytes, size_t length)
{
	size_t most = lzma_stream_buffer_bound(length), done = 0;
	char *room = buffer_room(to, most);
	cr_assert_eq(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, bytes, length, (uint8_t *)room, &done, most), LZMA_OK);
	buffer_took(to, room + done);
}

static void zstd_add(struct buffer *to, const void *bytes, size_t length)
{
	size_t most = ZSTD_compressBound(length);
	char *room = buffer_room(to, most);
	size_t done = ZSTD_compress(room, most, bytes, length, 3);
	cr_assert(!ZSTD_isError(done));
	buffer_took(to, room + done);
}

static const struct {
	const char *name;
	void (*add)(struct buffer *to, const void *bytes, size_t length);
} packings[] = {{"gzip", gzip_add}, {"xz", xz_add}, {"zstd", zstd_add}};
enum { PACKINGS = 3 };

static struct input *opened(const void *bytes, size_t length, struct diag *diag)
{
	struct input *input = NULL;
	int fd = memfd_create("log", MFD_CLOEXEC);
	cr_assert(fd >= 0 && write(fd, bytes, length) == (ssize_t)length && lseek(fd, 0, SEEK_SET) == 0);
	diag_init(diag);
	cr_assert_eq(input_open_fd(fd, "log", diag, &input), 0);
	return input;
}

/* All that comes, in steps of so many bytes; the last result. */
static int64_t all_read(struct input *input, size_t step, struct buffer *ret_bytes)
{
	char *room = malloc(step);
	int64_t got;
	cr_assert_not_null(room);
	while ((got = input_read(input, room, step)) > 0)
		buffer_add(ret_bytes, room, (size_t)got);
	free(room);
	return got;
}

static void text_make(struct buffer *buffer, size_t length)
{
	uint32_t random = 1;
	buffer_init(buffer, MOST);
	while (buffer->length < length) {
		random = random * 1664525 + 1013904223;
		buffer_printf(buffer, "2026-11-21 10:00:00 203.0.113.%u %u\n", random >> 24, random >> 8 & 65535);
	}
}

static void same(const struct buffer *a, const struct buffer *b, size_t length, const char *what)
{
	cr_expect_eq(a->length, length, "%s: %zu bytes, not %zu", what, a->length, length);
	cr_expect(a->length <= b->length && memcmp(buffer_text(a), buffer_text(b), a->length) == 0, "%s", what);
}

/* --- Tests --- */

Test(input, reads_through_every_packing)
{
	static const size_t steps[] = {1 << 17, 4096, 7};
	struct buffer text, packed, got;
	struct diag diag;
	text_make(&text, 300000);
	for (size_t i = 0; i <= PACKINGS; i++)
		for (size_t j = 0; j < 3; j++) {
			buffer_init(&packed, MOST);
			buffer_init(&got, MOST);
			if (i < PACKINGS)
				packings[i].add(&packed, text.data, text.length);
			else
				buffer_add(&packed, text.data, text.length);
			struct input *input = opened(packed.data, packed.length, &diag);
			const uint8_t *head;
			size_t length;
			uint64_t done, all;
			/* A look takes nothing away, a longer one later on neither. */
			cr_expect_eq(input_peek(input, 10, &head, &length), 0);
			cr_expect(length == 10 && memcmp(head, text.data, 10) == 0);
			cr_expect_eq(input_peek(input, 70000, &head, &length), 0);
			cr_expect(length == 70000 && memcmp(head, text.data, 70000) == 0);
			cr_expect_eq(all_read(input, steps[j], &got), 0);
			same(&got, &text, text.length, i < PACKINGS ? packings[i].name : "plain");
			input_progress(input, &done, &all);
			cr_expect(done == packed.length && all == packed.length);
			input_close(input);
			/* The same as a whole. */
			input = opened(packed.data, packed.length, &diag);
			cr_expect_eq(input_whole(input, &head, &length), 0);
			cr_expect(length == text.length && memcmp(head, text.data, length) == 0);
			input_close(input);
			cr_expect_eq(diag.count, 0);
			diag_done(&diag);
			buffer_done(&packed);
			buffer_done(&got);
		}
	buffer_done(&text);
}

/* Rotated logs packed one by one and put behind each other are one file; an empty one in between as well. */
Test(input, members_behind_each_other)
{
	struct buffer text, packed, got;
	struct diag diag;
	text_make(&text, 200000);
	for (size_t i = 0; i < PACKINGS; i++) {
		buffer_init(&packed, MOST);
		buffer_init(&got, MOST);
		packings[i].add(&packed, text.data, 1000);
		packings[i].add(&packed, text.data, 0);
		packings[i].add(&packed, text.data + 1000, 131072);
		packings[i].add(&packed, text.data + 132072, text.length - 132072);
		struct input *input = opened(packed.data, packed.length, &diag);
		cr_expect_eq(all_read(input, 8192, &got), 0);
		same(&got, &text, text.length, packings[i].name);
		cr_expect_eq(diag.count, 0);
		input_close(input);
		diag_done(&diag);
		buffer_done(&packed);
		buffer_done(&got);
	}
	buffer_done(&text);
}

/* What came before is given out, then it is said, once, and the end is an error and not an end. */
Test(input, cut_off_or_damaged)
{
	struct buffer text, packed, got;
	struct diag diag;
	text_make(&text, 20000);
	for (size_t i = 0; i < PACKINGS; i++) {
		buffer_init(&packed, MOST);
		packings[i].add(&packed, text.data, text.length);
		for (unsigned way = 0; way < 4; way++) {
			size_t length = way == 0 ? packed.length - 1 : way == 1 ? packed.length / 2 : way == 2 ? 7 : packed.length;
			buffer_init(&got, MOST);
			if (way == 3)
				packed.data[packed.length / 2] ^= 0x55;
			struct input *input = opened(packed.data, length, &diag);
			const uint8_t *head;
			size_t there;
			/* The look at the start runs into it already. */
			int error = input_peek(input, 65536, &head, &there);
			cr_expect(error == 0 || error == ERROR_DAMAGED, "%s", packings[i].name);
			cr_expect_eq(all_read(input, 4096, &got), ERROR_DAMAGED, "%s, %u", packings[i].name, way);
			cr_expect_eq(input_read(input, &(char){0}, 1), ERROR_DAMAGED);
			cr_expect(got.length <= text.length);
			/* zstd gives out whole blocks, and this is one. */
			if (way == 0 && i != 2)
				same(&got, &text, text.length, packings[i].name);
			cr_expect_eq(diag.count, 1, "%s, %u: %zu messages", packings[i].name, way, diag.count);
			cr_expect(diag.count > 0 && strstr(diag.messages[0].text, "what came before has been read") != NULL);
			input_close(input);
			diag_done(&diag);
			buffer_done(&got);
		}
		buffer_done(&packed);
	}
	buffer_done(&text);
}

/* Hundreds of megabytes of zeros in some kilobytes: refused after 64 MiB, and nothing like that is kept in memory. */
Test(input, bombs_are_bounded_and_said)
{
	struct buffer zeros, packed;
	struct diag diag;
	buffer_init(&zeros, MOST);
	char *room = buffer_room(&zeros, 32 << 20);
	memset(room, 0, 32 << 20);
	buffer_took(&zeros, room + (32 << 20));
	/* Deflate cannot pack tighter than 1 to 1032, and the others can. */
	for (size_t i = 1; i < PACKINGS; i++) {
		char block[65536];
		int64_t got;
		uint64_t all = 0;
		buffer_init(&packed, MOST);
		packings[i].add(&packed, zeros.data, zeros.length);
		size_t one = packed.length;
		(void)buffer_room(&packed, 9 * one);
		for (unsigned j = 0; j < 9; j++)
			buffer_add(&packed, packed.data, one);
		struct input *input = opened(packed.data, packed.length, &diag);
		while ((got = input_read(input, block, sizeof(block))) > 0)
			all += (uint64_t)got;
		cr_expect_eq(got, ERROR_LIMIT, "%s", packings[i].name);
		cr_expect_leq(all, packed.length * 1200 + (64 << 20), "%s: %llu", packings[i].name, (unsigned long long)all);
		cr_expect_geq(all, 64 << 20);
		cr_expect(diag.count == 1 && strstr(diag.messages[0].text, "unpacks to more than 1200 times its size: refused") != NULL);
		cr_expect_eq(input_read(input, block, 1), ERROR_LIMIT);
		input_close(input);
		diag_done(&diag);
		/* As a whole there is nothing of it. */
		input = opened(packed.data, packed.length, &diag);
		const uint8_t *head;
		size_t length;
		cr_expect_eq(input_whole(input, &head, &length), ERROR_LIMIT);
		input_close(input);
		diag_done(&diag);
		buffer_done(&packed);
	}
	buffer_done(&zeros);
}

Test(input, pipes_folders_and_what_is_not_there)
{
	struct diag diag;
	struct input *input = NULL;
	int ends[2];
	struct buffer got;
	const uint8_t *head;
	size_t length;
	diag_init(&diag);
	cr_expect_eq(input_open("/nowhere/at/all", &diag, &input), ERROR_NOT_FOUND);
	cr_expect_eq(input_open("/", &diag, &input), ERROR_INPUT);
	cr_expect_eq(diag.errors, 2);
	cr_expect_not_null(strstr(diag.messages[1].text, "is a folder, not a log"));
	/* A pipe: what is there can be looked at before the rest is, from the bytes on that tell whether it is packed. */
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], "first line", 10), 10);
	cr_assert_eq(input_open_fd(ends[0], "-", &diag, &input), 0);
	cr_expect_eq(input_peek_more(input, 1000, &head, &length), 0);
	cr_expect(length == 10 && memcmp(head, "first line", 10) == 0);
	cr_assert_eq(write(ends[1], " second", 7), 7);
	cr_expect_eq(input_peek_more(input, 1000, &head, &length), 0);
	cr_expect(length == 17 && memcmp(head, "first line second", 17) == 0);
	close(ends[1]);
	buffer_init(&got, 1000);
	cr_expect_eq(all_read(input, 3, &got), 0);
	cr_expect_str_eq(buffer_text(&got), "first line second");
	input_close(input);
	buffer_done(&got);
	diag_done(&diag);
	/* An empty one. */
	input = opened("", 0, &diag);
	cr_expect_eq(input_whole(input, &head, &length), 0);
	cr_expect_eq(length, 0);
	input_close(input);
	diag_done(&diag);
}

/* A packed log of any format is as good as one that is not. */
Test(input, packed_logs_of_every_format)
{
	for (const struct log_sample *sample = log_samples; sample->name != NULL; sample++) {
		struct buffer plain;
		struct log_reading whole;
		if (strcmp(sample->name, "evtx-dirty") == 0)
			continue;
		buffer_init(&plain, LOG_SAMPLE_MOST);
		sample->make(0, &plain);
		log_read(plain.data, plain.length, NULL, NULL, LOG_JSON, &whole);
		cr_expect_eq(whole.count, sample->least, "%s", sample->name);
		for (size_t i = 0; i < PACKINGS; i++) {
			struct buffer packed;
			struct log_reading reading;
			buffer_init(&packed, MOST);
			packings[i].add(&packed, plain.data, plain.length);
			log_read(packed.data, packed.length, NULL, NULL, LOG_JSON, &reading);
			cr_expect(reading.error == 0 && reading.json.length == whole.json.length &&
				  memcmp(buffer_text(&reading.json), buffer_text(&whole.json), whole.json.length) == 0, "%s, %s", sample->name, packings[i].name);
			log_reading_done(&reading);
			buffer_done(&packed);
		}
		log_reading_done(&whole);
		buffer_done(&plain);
	}
}

/* --- Files that change while they are read --- */

Test(input, what_a_file_loses_while_it_is_mapped_reads_as_zeros)
{
	enum { LENGTH = 1 << 20, LEFT = 4096 + 7 };
	struct diag diag;
	struct input *input = NULL;
	const uint8_t *bytes;
	size_t length;
	int fd = memfd_create("log", MFD_CLOEXEC);
	static char text[LENGTH];
	memset(text, 'x', sizeof(text));
	cr_assert(fd >= 0 && write(fd, text, LENGTH) == LENGTH && lseek(fd, 0, SEEK_SET) == 0);
	int same = dup(fd);
	diag_init(&diag);
	cr_assert_eq(input_open_fd(fd, "log", &diag, &input), 0);
	cr_assert_eq(input_whole(input, &bytes, &length), 0);
	cr_assert_eq(length, LENGTH);
	cr_expect_eq(bytes[LENGTH - 1], 'x');
	cr_expect_not(input_torn(input));
	cr_assert_eq(ftruncate(same, LEFT), 0);
	cr_expect_eq(bytes[LEFT - 1], 'x');
	cr_expect_eq(bytes[2 * 4096], 0);
	cr_expect_eq(bytes[LENGTH - 1], 0);
	cr_expect_eq(bytes[0], 'x');
	cr_expect(input_torn(input));
	input_close(input);
	diag_done(&diag);
	close(same);
}
