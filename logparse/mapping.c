#include "logparse/mapping.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"

struct mapping {
	uint8_t *start;
	size_t length;
	int fd;                   /* the caller's */
	atomic_bool torn;
};

/* The handler looks here: no lock, and a slot is taken or NULL. */
enum { MAPPINGS_MOST = 1024 };
static _Atomic(struct mapping *) mappings[MAPPINGS_MOST];
static struct sigaction before;
static size_t page;

/* Zeros over what cannot be had: of a file that has become shorter all that is behind its end, so that this happens once
 * and not at every page; after a failure of the disk one page.  Only system calls. */
static bool cover(struct mapping *mapping, uint8_t *address)
{
	struct stat status;
	size_t offset = (size_t)(address - mapping->start) / page * page, length = page;
	if (fstat(mapping->fd, &status) == 0 && (uint64_t)status.st_size <= offset)
		length = (mapping->length - offset + page - 1) / page * page;
	atomic_store(&mapping->torn, true);
	return mmap(mapping->start + offset, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static void bus_error(int number, siginfo_t *info, void *context)
{
	uint8_t *address = info->si_addr;
	(void)context;
	for (size_t i = 0; i < MAPPINGS_MOST; i++) {
		struct mapping *mapping = atomic_load(&mappings[i]);
		if (mapping != NULL && address >= mapping->start && address < mapping->start + mapping->length && cover(mapping, address))
			return;
	}
	/* Nobody's: it happens again, and then as if this had not been here. */
	sigaction(number, &before, NULL);
}

static bool handler_install(void)
{
	struct sigaction action = {.sa_sigaction = bus_error, .sa_flags = SA_SIGINFO};
	if (page > 0)
		return true;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, &before) != 0)
		return false;
	page = (size_t)sysconf(_SC_PAGESIZE);
	return true;
}

struct mapping *mapping_new(int fd, size_t length)
{
	if (!handler_install())
		return NULL;
	void *start = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
	if (start == MAP_FAILED)
		return NULL;
	struct mapping *mapping = memory_alloc(sizeof(*mapping));
	*mapping = (struct mapping){.start = start, .length = length, .fd = fd};
	for (size_t i = 0; i < MAPPINGS_MOST; i++) {
		struct mapping *none = NULL;
		if (atomic_compare_exchange_strong(&mappings[i], &none, mapping))
			return mapping;
	}
	munmap(start, length);
	free(mapping);
	return NULL;
}

void mapping_free(struct mapping *mapping)
{
	if (mapping == NULL)
		return;
	for (size_t i = 0; i < MAPPINGS_MOST; i++) {
		struct mapping *mine = mapping;
		if (atomic_compare_exchange_strong(&mappings[i], &mine, NULL))
			break;
	}
	munmap(mapping->start, mapping->length);
	free(mapping);
}

const uint8_t *mapping_bytes(const struct mapping *mapping)
{
	return mapping->start;
}

bool mapping_torn(const struct mapping *mapping)
{
	return atomic_load(&mapping->torn);
}
