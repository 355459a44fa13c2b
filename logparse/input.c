#include "logparse/input.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/mapping.h"

enum {
	RAW = 1 << 17,            /* bytes of one read */
	RATIO_MOST = 1200,        /* what is packed tighter is a bomb: deflate itself ends at 1032 */
	RATIO_FREE = 64 << 20,    /* so much may come out whatever the ratio */
};
#define SPOOL_MOST ((size_t)2 << 30)

enum packing { PACKED_NOT, PACKED_GZIP, PACKED_XZ, PACKED_ZSTD };

struct input {
	char *name;
	struct diag *diag;
	int fd;
	uint64_t size;            /* of the file; 0: unknown */
	uint64_t taken;           /* of it, packed */
	uint64_t given;           /* unpacked */
	enum packing packing;
	bool known;               /* packing has been looked at */
	bool ended;               /* the file has */
	bool finished;            /* a packed stream has ended whole */
	int failed;               /* the error that ended it, already said */
	uint8_t *raw;             /* as read, not yet unpacked */
	size_t raw_at, raw_end;
	uint8_t *head;            /* unpacked, looked at and not yet taken */
	size_t head_at, head_end, head_room;
	z_stream gzip;
	lzma_stream xz;
	ZSTD_DStream *zstd;
	/* Whole */
	const uint8_t *map;
	size_t map_length;
	struct mapping *mapping;  /* NULL: it is memory of ours */
	size_t forgotten;         /* bytes of it that need not stay in memory */
	void (*idle)(void *context);
	void *idle_context;
};

static int input_error(struct input *input, int error, const char *what)
{
	diag_error(input->diag, &(struct place){.file = input->name}, "%s", what);
	return error;
}

int input_open_fd(int fd, const char *name, struct diag *diag, struct input **ret_input)
{
	struct stat status;
	struct input *input = memory_alloc(sizeof(*input));
	*input = (struct input){.fd = fd, .diag = diag};
	size_t length = strlen(name) + 1;
	input->name = memory_alloc(length);
	memcpy(input->name, name, length);
	input->raw = memory_alloc(RAW);
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		input->size = (uint64_t)status.st_size;
	else if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		int error = input_error(input, ERROR_INPUT, "is a folder, not a log");
		input_close(input);
		return error;
	}
	*ret_input = input;
	return 0;
}

int input_open(const char *path, struct diag *diag, struct input **ret_input)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		int error = errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_SYSTEM;
		diag_error(diag, &(struct place){.file = path}, "cannot open it: %s", strerror(errno));
		return error;
	}
	return input_open_fd(fd, path, diag, ret_input);
}

void input_close(struct input *input)
{
	if (input == NULL)
		return;
	if (input->packing == PACKED_GZIP)
		inflateEnd(&input->gzip);
	if (input->packing == PACKED_XZ)
		lzma_end(&input->xz);
	ZSTD_freeDStream(input->zstd);
	if (input->mapping == NULL)
		free((void *)(uintptr_t)input->map);
	mapping_free(input->mapping);
	close(input->fd);
	free(input->name);
	free(input->raw);
	free(input->head);
	free(input);
}

const char *input_name(const struct input *input)
{
	return input->name;
}

void input_progress(const struct input *input, uint64_t *ret_done, uint64_t *ret_all)
{
	*ret_done = input->taken;
	*ret_all = input->size;
}

void input_idle(struct input *input, void (*idle)(void *context), void *context)
{
	/* A file never has to be waited for. */
	input->idle = input->size == 0 ? idle : NULL;
	input->idle_context = context;
}

static ssize_t file_read(struct input *input, uint8_t *bytes, size_t most)
{
	ssize_t got;
	struct pollfd waits = {.fd = input->fd, .events = POLLIN};
	if (input->idle != NULL && poll(&waits, 1, 0) == 0)
		input->idle(input->idle_context);
	do
		got = read(input->fd, bytes, most);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Bytes of the file behind those that are there. */
static int raw_fill(struct input *input)
{
	if (input->raw_at == input->raw_end)
		input->raw_at = input->raw_end = 0;
	if (input->raw_end == RAW || input->ended)
		return 0;
	ssize_t got = file_read(input, input->raw + input->raw_end, RAW - input->raw_end);
	if (got < 0) {
		diag_error(input->diag, &(struct place){.file = input->name}, "cannot read it: %s", strerror(errno));
		return ERROR_SYSTEM;
	}
	input->ended = got == 0;
	input->raw_end += (size_t)got;
	input->taken += (uint64_t)got;
	return 0;
}

static int packing_open(struct input *input)
{
	static const struct { uint8_t magic[6]; uint8_t length, packing; } magics[] = {
		{{0x1f, 0x8b, 8}, 3, PACKED_GZIP}, {{0xfd, '7', 'z', 'X', 'Z', 0}, 6, PACKED_XZ}, {{0x28, 0xb5, 0x2f, 0xfd}, 4, PACKED_ZSTD},
	};
	int error = 0;
	if (input->known)
		return 0;
	while (error == 0 && !input->ended && input->raw_end < sizeof(magics[0].magic))
		error = raw_fill(input);
	input->known = true;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (input->raw_end >= magics[i].length && memcmp(input->raw, magics[i].magic, magics[i].length) == 0)
			input->packing = magics[i].packing;
	bool good = true;
	if (input->packing == PACKED_GZIP)
		good = inflateInit2(&input->gzip, 15 + 16) == Z_OK;
	else if (input->packing == PACKED_XZ)
		good = lzma_stream_decoder(&input->xz, 256 << 20, LZMA_CONCATENATED) == LZMA_OK;
	else if (input->packing == PACKED_ZSTD)
		good = (input->zstd = ZSTD_createDStream()) != NULL && !ZSTD_isError(ZSTD_DCtx_setParameter(input->zstd, ZSTD_d_windowLogMax, 27));
	return error != 0 ? error : good ? 0 : input_error(input, ERROR_SYSTEM, "no memory to unpack it");
}

/* One step of each packing: how much was written; sets finished at the end of a stream.  False: damaged. */
static bool gzip_step(struct input *input, uint8_t *bytes, size_t most, size_t *ret_written)
{
	z_stream *gzip = &input->gzip;
	if (input->finished) {
		/* Several members behind each other are one file. */
		inflateReset(gzip);
		input->finished = false;
	}
	gzip->next_in = input->raw + input->raw_at;
	gzip->avail_in = (uInt)(input->raw_end - input->raw_at);
	gzip->next_out = bytes;
	gzip->avail_out = (uInt)most;
	int result = inflate(gzip, Z_NO_FLUSH);
	input->raw_at = input->raw_end - gzip->avail_in;
	*ret_written = most - gzip->avail_out;
	input->finished = result == Z_STREAM_END;
	return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}

static bool xz_step(struct input *input, uint8_t *bytes, size_t most, size_t *ret_written)
{
	lzma_stream *xz = &input->xz;
	xz->next_in = input->raw + input->raw_at;
	xz->avail_in = input->raw_end - input->raw_at;
	xz->next_out = bytes;
	xz->avail_out = most;
	lzma_ret result = lzma_code(xz, input->ended ? LZMA_FINISH : LZMA_RUN);
	input->raw_at = input->raw_end - xz->avail_in;
	*ret_written = most - xz->avail_out;
	input->finished = result == LZMA_STREAM_END;
	return result == LZMA_OK || result == LZMA_STREAM_END || result == LZMA_BUF_ERROR;
}

static bool zstd_step(struct input *input, uint8_t *bytes, size_t most, size_t *ret_written)
{
	ZSTD_inBuffer in = {input->raw, input->raw_end, input->raw_at};
	ZSTD_outBuffer out = {bytes, most, 0};
	size_t result = ZSTD_decompressStream(input->zstd, &out, &in);
	input->raw_at = in.pos;
	*ret_written = out.pos;
	input->finished = result == 0;
	return !ZSTD_isError(result);
}

static int unpack_fail(struct input *input, int error, const char *what)
{
	input->failed = error;
	return input_error(input, error, what);
}

static int64_t unpack(struct input *input, uint8_t *bytes, size_t most)
{
	static bool (*const steps[])(struct input *, uint8_t *, size_t, size_t *) = {
		[PACKED_GZIP] = gzip_step, [PACKED_XZ] = xz_step, [PACKED_ZSTD] = zstd_step,
	};
	while (input->failed == 0) {
		size_t written = 0;
		int error = raw_fill(input);
		if (error < 0)
			return error;
		bool empty = input->raw_at == input->raw_end && input->ended;
		if (empty && (input->finished || input->packing == PACKED_NOT))
			return 0;
		if (!steps[input->packing](input, bytes, most, &written))
			return unpack_fail(input, ERROR_DAMAGED, "the packed data is damaged: what came before has been read");
		input->given += written;
		if (input->given > RATIO_FREE && input->given / RATIO_MOST > input->taken)
			return unpack_fail(input, ERROR_LIMIT, "unpacks to more than 1200 times its size: refused");
		if (written > 0)
			return (int64_t)written;
		if (empty && !input->finished)
			return unpack_fail(input, ERROR_DAMAGED, "the packed data ends too soon: what came before has been read");
	}
	return input->failed;
}

/* Where nothing is to be unpacked, straight to where it is wanted. */
static int64_t direct_read(struct input *input, uint8_t *bytes, size_t most)
{
	if (input->ended)
		return 0;
	ssize_t got = file_read(input, bytes, most);
	if (got < 0) {
		diag_error(input->diag, &(struct place){.file = input->name}, "cannot read it: %s", strerror(errno));
		return ERROR_SYSTEM;
	}
	input->ended = got == 0;
	input->taken += (uint64_t)got;
	input->given += (uint64_t)got;
	return got;
}

static int64_t bytes_next(struct input *input, uint8_t *bytes, size_t most)
{
	int error = packing_open(input);
	if (error < 0)
		return error;
	if (input->packing != PACKED_NOT)
		return unpack(input, bytes, most);
	if (input->raw_at == input->raw_end && most >= RAW)
		return direct_read(input, bytes, most);
	if (input->raw_at == input->raw_end && (error = raw_fill(input)) < 0)
		return error;
	size_t there = input->raw_end - input->raw_at, length = there < most ? there : most;
	memcpy(bytes, input->raw + input->raw_at, length);
	input->raw_at += length;
	input->given += length;
	return (int64_t)length;
}

/* Until there are `least` bytes. */
static int head_fill(struct input *input, size_t least, size_t most, const uint8_t **ret_bytes, size_t *ret_length)
{
	if (input->map != NULL) {
		*ret_bytes = input->map;
		*ret_length = input->map_length < most ? input->map_length : most;
		return 0;
	}
	if (input->head_room < most) {
		input->head = memory_resize(input->head, most);
		input->head_room = most;
	}
	while (input->head_end < least) {
		int64_t got = bytes_next(input, input->head + input->head_end, most - input->head_end);
		if (got < 0 && input->head_end == 0)
			return (int)got;
		if (got <= 0)
			break;
		input->head_end += (size_t)got;
	}
	*ret_bytes = input->head;
	*ret_length = input->head_end < most ? input->head_end : most;
	return 0;
}

int input_peek(struct input *input, size_t most, const uint8_t **ret_bytes, size_t *ret_length)
{
	return head_fill(input, most, most, ret_bytes, ret_length);
}

int input_peek_more(struct input *input, size_t most, const uint8_t **ret_bytes, size_t *ret_length)
{
	return head_fill(input, input->head_end < most ? input->head_end + 1 : most, most, ret_bytes, ret_length);
}

int64_t input_read(struct input *input, void *bytes, size_t most)
{
	if (input->head_at == input->head_end)
		return bytes_next(input, bytes, most);
	size_t there = input->head_end - input->head_at, length = there < most ? there : most;
	memcpy(bytes, input->head + input->head_at, length);
	input->head_at += length;
	return (int64_t)length;
}

/* Into memory, growing; the file is packed, or no plain file. */
static int spool(struct input *input)
{
	size_t length = 0, room = 1 << 20;
	uint8_t *bytes = memory_alloc(room);
	for (;;) {
		if (length == room) {
			if (room >= SPOOL_MOST) {
				free(bytes);
				return input_error(input, ERROR_LIMIT, "more than 2 GiB that cannot be mapped: unpack it into a file first");
			}
			bytes = memory_resize(bytes, room *= 2);
		}
		int64_t got = input_read(input, bytes + length, room - length);
		/* What is damaged further on is still worth reading up to there; that has been said. */
		if (got < 0 && (got != ERROR_DAMAGED || length == 0)) {
			free(bytes);
			return (int)got;
		}
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	input->map = bytes;
	input->map_length = length;
	return 0;
}

int input_whole(struct input *input, const uint8_t **ret_bytes, size_t *ret_length)
{
	int error = packing_open(input);
	if (error == 0 && input->map == NULL && input->packing == PACKED_NOT && input->size > 0 && input->size <= SIZE_MAX) {
		input->mapping = mapping_new(input->fd, (size_t)input->size);
		if (input->mapping != NULL) {
			input->map = mapping_bytes(input->mapping);
			input->map_length = (size_t)input->size;
			madvise((void *)(uintptr_t)input->map, input->map_length, MADV_SEQUENTIAL);
		}
	}
	if (error == 0 && input->map == NULL)
		error = spool(input);
	if (error == 0) {
		*ret_bytes = input->map;
		*ret_length = input->map_length;
	}
	return error;
}

const uint8_t *input_look(const struct input *input, uint64_t offset, size_t length, uint8_t *room)
{
	size_t done = 0;
	if (input->mapping == NULL)
		return input->map + offset;
	while (done < length) {
		ssize_t got = pread(input->fd, room + done, length - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	memset(room + done, 0, length - done);
	return room;
}

void input_forget(struct input *input, size_t offset)
{
	enum { STEP = 8 << 20 };
	if (input->mapping == NULL)
		return;
	input->taken = offset;
	while (input->forgotten + STEP <= offset) {
		madvise((void *)(uintptr_t)(input->map + input->forgotten), STEP, MADV_DONTNEED);
		input->forgotten += STEP;
	}
}

void input_release(struct input *input, size_t offset, size_t length)
{
	enum { PAGE = 4096 };
	size_t start = (offset + PAGE - 1) / PAGE * PAGE, end = (offset + length) / PAGE * PAGE;
	if (input->mapping != NULL && start < end)
		madvise((void *)(uintptr_t)(input->map + start), end - start, MADV_DONTNEED);
}

bool input_torn(const struct input *input)
{
	return input->mapping != NULL && mapping_torn(input->mapping);
}
