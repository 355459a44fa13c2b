#include "bootcfg/boot/bootfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bootcfg/boot/bootload.h"
#include "bootcfg/boot/bootmessages.h"
#include "bootcfg/boot/staging.h"
#include "bootcfg/driver/driver.h"
#include "bootcfg/target/nftables_plan.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/store.h"

enum { WORDS_MOST = 4096 };

/* --- Compile --- */

int bootfile_messages(const struct ruleset *ruleset, uint64_t generation, struct diag *diag, struct buffer *ret_messages)
{
	const struct nftables_options options = {.observe = false};
	struct plan *plan = plan_compile(ruleset, &options, generation);
	struct buffer text, words;
	buffer_init(&text, BOOTFILE_MOST);
	buffer_init(&words, WORDS_MOST);
	plan_print(plan, &text);
	int error = text.full ? -EFBIG : scratch_text(buffer_text(&text), ret_messages, &words);
	if (error == -EFBIG)
		diag_error(diag, NULL, "the boot rules need more than %d MiB", BOOTFILE_MOST >> 20);
	else if (error < 0)
		diag_error(diag, NULL, "the boot rules cannot be made: %s", buffer_text(&words));
	plan_free(plan);
	buffer_done(&text);
	buffer_done(&words);
	return error < 0 ? ERROR_SYSTEM : 0;
}

/* The rules of a boot mode ask no facts of the host: what asks them would not hold before there are any. */
int bootfile_compile(const struct state *state, bool service_enabled, uint64_t generation, struct diag *diag,
		     struct bootfile_head *ret_head, struct buffer *ret_messages)
{
	const char *why;
	enum bootmode mode = driver_bootmode(&state->config, state_assigned(state), service_enabled, &why);
	struct bootfile_head head = {.generation = generation, .made = (int64_t)time(NULL)};
	struct ruleset *ruleset = NULL;
	struct host host;
	const char *name = bootmode_name(mode);
	memcpy(head.mode, name, strlen(name) + 1);
	state_digest(state, head.digest);
	host_init(&host);
	int error = mode == BOOTMODE_PERMIT ? 0 : ruleset_build_boot(state, &host, mode, diag, &ruleset);
	if (ruleset != NULL)
		error = bootfile_messages(ruleset, generation, diag, ret_messages);
	ruleset_free(ruleset);
	host_done(&host);
	head.length = ret_messages->length;
	if (error == 0)
		*ret_head = head;
	return error;
}

/* --- Try --- */

int bootfile_try(const char *bytes, size_t length, const char *file, struct diag *diag)
{
	struct bootfile_head head;
	const char *messages;
	struct buffer back, words;
	int error = bootfile_parse(bytes, length, file, diag, &head, &messages);
	if (error < 0 || head.length == 0)
		return error;
	buffer_init(&back, BOOTFILE_MOST);
	buffer_init(&words, WORDS_MOST);
	error = scratch_messages(messages, head.length, &back, &words);
	bool same = error == 0 && back.length == head.length && memcmp(buffer_text(&back), messages, head.length) == 0;
	if (error == -EUSERS)
		diag_error(diag, NULL, "it cannot be tried: %s", buffer_text(&words));
	else if (error < 0)
		diag_error(diag, &(struct place){.file = file}, "it does not load: %s", buffer_text(&words));
	else if (!same)
		diag_error(diag, &(struct place){.file = file}, "it loads, but this kernel makes other rules of it; cordon boot "
			   "install makes it again");
	buffer_done(&back);
	buffer_done(&words);
	return error == -EUSERS ? ERROR_SYSTEM : same ? 0 : ERROR_DAMAGED;
}

/* --- Make --- */

/* Messages without the digest that their base chains' comments name: it changes with every change of the store, the
 * rules do not. */
static char *messages_plain(const char *messages, size_t length, const char *digest)
{
	char *copy = memory_text_n(messages, length), *end = copy + length;
	size_t size = strlen(digest);
	for (char *at = copy; (at = memmem(at, (size_t)(end - at), digest, size)) != NULL; at += size)
		memset(at, '0', size);
	return copy;
}

static bool messages_same(const struct bootfile_head *old, const char *old_messages, const struct bootfile_head *head,
			  const struct buffer *messages)
{
	if (strcmp(old->mode, head->mode) != 0 || old->length != messages->length)
		return false;
	char *first = messages_plain(old_messages, old->length, old->digest);
	char *second = messages_plain(buffer_text(messages), messages->length, head->digest);
	bool same = memcmp(first, second, messages->length) == 0;
	free(first);
	free(second);
	return same;
}

int bootfile_make(const struct state *state, bool service_enabled, const struct buffer *old, struct diag *diag,
		  bool *ret_same, struct buffer *ret_text)
{
	struct bootfile_head head, old_head = {.generation = 0};
	const char *old_messages = NULL;
	struct buffer messages;
	bool had = old != NULL && bootfile_parse(buffer_text(old), old->length, BOOTFILE, NULL, &old_head, &old_messages) == 0;
	buffer_init(&messages, BOOTFILE_MOST);
	/* First under the names of the old one, to see whether anything is new. */
	int error = bootfile_compile(state, service_enabled, had ? old_head.generation : 1, diag, &head, &messages);
	bool same = error == 0 && had && messages_same(&old_head, old_messages, &head, &messages);
	if (error == 0 && had && !same) {
		buffer_clear(&messages);
		error = bootfile_compile(state, service_enabled, old_head.generation % (UINT64_MAX / 8) + 1, diag, &head, &messages);
	}
	if (error == 0 && !same) {
		bootfile_print(&head, &messages, ret_text);
		if (ret_text->full) {
			diag_error(diag, NULL, "the boot rules need more than %d MiB", BOOTFILE_MOST >> 20);
			error = ERROR_SYSTEM;
		}
	}
	buffer_done(&messages);
	if (error == 0)
		*ret_same = same;
	return error;
}

/* --- The file follows the store --- */

struct bootfile_change {
	struct staging *staging;
};

int bootfile_stage(const char *root, const struct state *state, struct diag *diag, struct bootfile_change **ret_change)
{
	struct staging *staging = NULL;
	struct buffer old, text;
	bool link = false, same = true;
	mode_t mode = 0;
	*ret_change = NULL;
	if (!tree_has(root, BOOTFILE))
		return 0;
	buffer_init(&old, BOOTFILE_MOST);
	buffer_init(&text, BOOTFILE_MOST);
	int error = staging_new(root, diag, &staging);
	if (error == 0) {
		bool readable = tree_read(root, BOOTFILE, &old, &link, &mode) && !link;
		error = bootfile_make(state, driver_service_enabled(root), readable ? &old : NULL, diag, &same, &text);
	}
	if (error == 0 && !same)
		error = staging_file(staging, BOOTFILE, 0600, buffer_text(&text), text.length, diag);
	if (error == 0 && !same) {
		*ret_change = memory_alloc(sizeof(**ret_change));
		(*ret_change)->staging = staging;
		staging = NULL;
	}
	staging_free(staging);
	buffer_done(&old);
	buffer_done(&text);
	return error;
}

int bootfile_publish(struct bootfile_change *change, struct diag *diag)
{
	int error = change != NULL ? staging_publish(change->staging, diag) : 0;
	bootfile_discard(change);
	return error;
}

void bootfile_discard(struct bootfile_change *change)
{
	if (change == NULL)
		return;
	staging_free(change->staging);
	free(change);
}
