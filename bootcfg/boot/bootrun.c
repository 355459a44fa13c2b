#include "bootcfg/boot/bootrun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bootcfg/boot/bootfile.h"
#include "bootcfg/boot/bootload.h"
#include "bootcfg/driver/driver.h"
#include "core/base/error.h"

enum { BUILTIN_MOST = 64 << 10 };

struct run {
	const char *file, *by, *record;
	struct diag *diag;
	struct bootload *load;
	struct bootload_state state;   /* of the kernel, before */
	struct buffer bytes;           /* of the file */
	struct bootfile_head head;
	const char *messages;
	bool readable;
};

/* What was loaded, for `cordon status` and the service.  Not being able to write it down changes no rule. */
static void record_write(const struct run *run, enum driver_event event)
{
	const struct driver_row *row = driver_next(DRIVER_STARTUP_PERMIT, event);
	struct driver_record record = {.state = row->to, .event = event, .from = row->from, .time = (int64_t)time(NULL)};
	struct diag said;
	if (event != DRIVER_BOOT_FAILED)
		memcpy(record.digest, run->head.digest, sizeof(record.digest));
	snprintf(record.by, sizeof(record.by), "%s", run->by);
	diag_init(&said);
	if (driver_write(run->record, &record, &said) < 0)
		diag_warning(run->diag, NULL, NULL, "what was loaded could not be written down: %s",
			     said.count > 0 ? said.messages[0].text : run->record);
	diag_done(&said);
}

/* Sends it, and looks whether it is in force: 0 or a negative errno. */
static int rules_load(struct run *run, const char *messages, size_t length, enum bootload_how how, struct bootload_refusal *refusal)
{
	char comment[BOOTLOAD_COMMENT];
	struct bootload_state after;
	int error = bootload_send(run->load, messages, length, how, refusal);
	if (error == 0)
		error = bootload_state(run->load, &after);
	bootload_comment(messages, length, comment);
	if (error == 0 && (!after.in_force || strcmp(after.comment, comment) != 0))
		error = -ESTALE;
	return error;
}

static int builtin_load(struct run *run)
{
	struct bootload_refusal refusal;
	struct buffer messages;
	buffer_init(&messages, BUILTIN_MOST);
	bootblock_messages(&messages);
	enum bootload_how how = run->state.table ? BOOTLOAD_REBUILD : BOOTLOAD_FRESH;
	int error = rules_load(run, buffer_text(&messages), messages.length, how, &refusal);
	buffer_done(&messages);
	if (error < 0) {
		diag_error(run->diag, NULL, "the built-in block set could not be loaded either: %s; nothing contains this machine, so "
			   "its network must stay down", bootload_explain(error));
		return EXIT_SYSTEM;
	}
	diag_error(run->diag, NULL, "the built-in block set is in force: DHCP, loopback and neighbour discovery pass, everything else is "
		   "dropped; cordon boot install makes the boot file again");
	record_write(run, DRIVER_BOOT_FAILED);
	return EXIT_FINDING;
}

static int kept(struct run *run, const char *why)
{
	diag_error(run->diag, NULL, "%s; the rules in force stay (%s)", why, run->state.comment);
	return EXIT_FINDING;
}

static int permit_run(struct run *run)
{
	if (run->state.in_force && run->state.startup)
		return kept(run, "the boot file says permit, and start-up rules are in force (of an initial RAM disk made before: "
				 "update-initramfs -u makes it again); nothing is opened at boot: cordon lift does that");
	if (run->state.in_force)
		diag_note(run->diag, NULL, "what was applied is in force already, and stays");
	else
		diag_note(run->diag, NULL, "boot mode permit: no rules are loaded");
	if (!run->state.in_force)
		record_write(run, DRIVER_BOOT_PERMIT);
	return EXIT_DONE;
}

static int refused(struct run *run, int error, const struct bootload_refusal *refusal)
{
	const struct place place = {.file = run->file};
	if (refusal->message != SIZE_MAX)
		diag_error(run->diag, &place, "the kernel refuses message %zu: %s", refusal->message + 1, bootload_explain(error));
	else
		diag_error(run->diag, &place, "the kernel refuses it: %s", bootload_explain(error));
	return run->state.in_force ? kept(run, "the boot file was not loaded") : builtin_load(run);
}

static int file_load(struct run *run)
{
	char comment[BOOTLOAD_COMMENT];
	struct bootload_refusal refusal = {SIZE_MAX};
	enum bootload_how how = !run->state.table ? BOOTLOAD_FRESH : run->state.in_force ? BOOTLOAD_REPLACE : BOOTLOAD_REBUILD;
	if (run->head.length == 0)
		return permit_run(run);
	bootload_comment(run->messages, run->head.length, comment);
	if (run->state.in_force && strcmp(run->state.comment, comment) == 0) {
		diag_note(run->diag, NULL, "these rules are in force already");
		return EXIT_DONE;
	}
	if (run->state.in_force && !run->state.startup) {
		diag_note(run->diag, NULL, "what was applied is in force already, and stays");
		return EXIT_DONE;
	}
	int error = rules_load(run, run->messages, run->head.length, how, &refusal);
	if (error < 0)
		return refused(run, error, &refusal);
	diag_note(run->diag, NULL, "boot mode %s is in force%s", run->head.mode,
		  how == BOOTLOAD_REPLACE ? ", in place of the start-up rules that were" : "");
	record_write(run, bootfile_mode(&run->head) == BOOTMODE_BLOCK ? DRIVER_BOOT_BLOCK : DRIVER_BOOT_STATEFUL);
	return EXIT_DONE;
}

int bootrun(const char *file, const char *by, const char *record, struct diag *diag)
{
	struct run run = {.file = file, .by = by, .record = record, .diag = diag};
	run.readable = bootfile_read(file, diag, &run.bytes) == 0 &&
		       bootfile_parse(buffer_text(&run.bytes), run.bytes.length, file, diag, &run.head, &run.messages) == 0;
	int error = bootload_open(&run.load), code;
	if (error == 0)
		error = bootload_state(run.load, &run.state);
	if (error < 0) {
		diag_error(diag, NULL, "the kernel's rules cannot be reached: %s; nothing contains this machine, so its network must "
			   "stay down", bootload_explain(error));
		code = EXIT_SYSTEM;
	} else if (run.readable) {
		code = file_load(&run);
	} else {
		code = run.state.in_force ? kept(&run, "the boot file cannot be used") : builtin_load(&run);
	}
	bootload_close(run.load);
	buffer_done(&run.bytes);
	return code;
}
