/* cordon boot: the rules from power-on until the service has applied policy. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/command.h"
#include "apps/session.h"
#include "apps/emit.h"
#include "apps/moment.h"
#include "apps/visit.h"
#include "bootcfg/boot/bootfile.h"
#include "bootcfg/boot/bootrun.h"
#include "bootcfg/boot/install.h"
#include "bootcfg/driver/driver.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static const struct option boot_options[] = {
	{.name = "root", .argument = "DIR", .help = "do it in a tree that is not booted (an image being built)", .kind = VALUE_FILE},
	{.name = "force", .help = "with load: even from a session over the network, which it may cut"},
	{.name = NULL},
};

static const char *const boot_examples[] = {
	"cordon boot install --root /srv/image",
	"makes the boot file of what the store of an image says, and installs what loads it before any network",
	"cordon boot status --root /srv/image",
	"says what is installed in a tree, whether it is what its store says, and whether it would load",
	NULL,
};

VALUES_DEFINE(boot_words, "install", "uninstall", "status", "load")

/* What every subcommand begins with. */
struct boot {
	struct invocation *invocation;
	char *root, *store;        /* root: "" for this machine, no '/' at its end */
	struct visit visit;
	struct install install;
	struct arena *arena;
};

/* The folder of this program. */
static char *own_folder(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	while (length > 1 && path[length - 1] != '/')
		length--;
	return length > 1 ? memory_text_n(path, (size_t)length - 1) : NULL;
}

static int boot_begin(struct boot *boot, bool with_store)
{
	struct invocation *invocation = boot->invocation;
	const char *root = invocation_option(invocation, "root");
	size_t length = root != NULL ? strlen(root) : 0;
	if (root != NULL && length == 0) {
		diag_error(invocation->diag, NULL, "--root: a folder is expected, not an empty text");
		return ERROR_INPUT;
	}
	while (length > 0 && root[length - 1] == '/')
		length--;
	boot->root = memory_text_n(root != NULL ? root : "", length);
	boot->arena = arena_new();
	char *beside = own_folder();
	int error = install_find(&boot->install, boot->root, beside, invocation->diag);
	free(beside);
	/* A tree has a store of its own. */
	if (boot->root[0] != '\0' && strcmp(invocation->store, STORE_DEFAULT) == 0) {
		boot->store = memory_alloc(strlen(boot->root) + sizeof(STORE_DEFAULT));
		memcpy(boot->store, boot->root, strlen(boot->root));
		memcpy(boot->store + strlen(boot->root), STORE_DEFAULT, sizeof(STORE_DEFAULT));
		invocation->store = boot->store;
	}
	if (error == 0 && with_store)
		error = visit_read(invocation, 0, &boot->visit);
	boot->install.state = boot->visit.state;
	return error;
}

static void boot_end(struct boot *boot)
{
	install_done(&boot->install);
	visit_done(&boot->visit);
	arena_free(boot->arena);
	if (boot->store != NULL)
		boot->invocation->store = STORE_DEFAULT;
	free(boot->root);
	free(boot->store);
}

/* --- Programs of the machine that must hear of a change --- */

/* Runs a program with what it prints on stderr; its exit code, 127 when it is not there. */
static int program_run(const char *const words[])
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		char *const *arguments = (char *const *)(const void *)words;
		dup2(STDERR_FILENO, STDOUT_FILENO);
		setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
		execvp(words[0], arguments);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

/* Tells systemd and makes the initial RAM disk again; an exit code. */
static int machine_tell(struct boot *boot)
{
	static const char *const reload[] = {"systemctl", "daemon-reload", NULL};
	static const char *const again[] = {"update-initramfs", "-u", NULL};
	struct diag *diag = boot->invocation->diag;
	struct stat status;
	int code = EXIT_DONE;
	if (boot->root[0] != '\0')
		return EXIT_DONE;
	if (boot->install.systemd && stat("/run/systemd/system", &status) == 0 && program_run(reload) != 0) {
		diag_error(diag, NULL, "systemctl daemon-reload failed: systemd knows the units after the next boot only");
		code = EXIT_FINDING;
	}
	int made = boot->install.initramfs ? program_run(again) : 0;
	if (made == 127) {
		diag_warning(diag, NULL, NULL, "there is no update-initramfs: the initial RAM disk stays as it is");
	} else if (made != 0) {
		diag_error(diag, NULL, "update-initramfs -u failed (exit code %d): the initial RAM disk stays as it was", made);
		code = EXIT_FINDING;
	}
	return code;
}

static void shortfalls_note(struct boot *boot)
{
	const struct install *install = &boot->install;
	struct diag *diag = boot->invocation->diag;
	const char *in = boot->root[0] != '\0' ? " in the tree" : "";
	if (!install->systemd)
		diag_warning(diag, "no-systemd", NULL, "there is no systemd%s: no units are installed, so something else must run %s/"
			     "cordon-boot " BOOTFILE " before any network", in, install->programs);
	else if (!install->service)
		diag_warning(diag, "no-service", NULL, "there is no cordond beside cordon-boot%s: the boot rules stay in force until "
			     "cordon apply", in);
	if (!install->initramfs)
		diag_note(diag, NULL, "there is no initramfs-tools%s: an initial RAM disk that brings up a network would do so before "
			  "the boot rules", in);
}

/* --- The boot file --- */

/* The file as it is: *ret_text is initialised here.  False when there is none that parses, with messages. */
static bool file_load(struct boot *boot, struct buffer *ret_text, struct bootfile_head *ret_head)
{
	const char *messages;
	char *path = arena_printf(boot->arena, "%s%s", boot->root, BOOTFILE);
	return bootfile_read(path, boot->invocation->diag, ret_text) == 0 &&
	       bootfile_parse(buffer_text(ret_text), ret_text->length, path, boot->invocation->diag, ret_head, &messages) == 0;
}

static int install_run(struct boot *boot)
{
	struct invocation *invocation = boot->invocation;
	struct bootfile_head head;
	struct buffer text;
	bool changed = false;
	int error = install_put(&boot->install, invocation->diag, &changed);
	if (error < 0)
		return error_exit(error);
	invocation->changed |= changed;
	shortfalls_note(boot);
	int code = machine_tell(boot);
	if (!file_load(boot, &text, &head))
		code = EXIT_FINDING;
	else if (invocation->json) {
		buffer_add_char(invocation->output, '{');
		emit_member(invocation->output, "root", boot->root);
		emit_flag(invocation->output, "changed", changed);
		emit_member(invocation->output, "mode", head.mode);
		emit_number(invocation->output, "generation", head.generation);
		buffer_add_text(invocation->output, "}\n");
	} else if (!invocation->quiet) {
		buffer_printf(invocation->output, "%s: boot mode %s, from the next boot on (%s%s)\n",
			      changed ? "installed" : "installed already", head.mode, boot->root, BOOTFILE);
	}
	buffer_done(&text);
	return code;
}

static int uninstall_run(struct boot *boot)
{
	struct invocation *invocation = boot->invocation;
	bool changed = false;
	int error = install_remove(&boot->install, invocation->diag, &changed);
	if (error < 0)
		return error_exit(error);
	invocation->changed |= changed;
	int code = changed ? machine_tell(boot) : EXIT_DONE;
	if (invocation->json) {
		buffer_add_char(invocation->output, '{');
		emit_member(invocation->output, "root", boot->root);
		emit_flag(invocation->output, "changed", changed);
		buffer_add_text(invocation->output, "}\n");
	} else if (!invocation->quiet) {
		buffer_add_text(invocation->output, changed ? "uninstalled: the next boot permits everything; what is in force now stays\n"
							    : "nothing was installed\n");
	}
	return code;
}

/* --- Status --- */

struct findings {
	struct bootfile_head head;
	bool parsed;
	bool compared, current;    /* whether it could be compared with the store; the result */
	bool tried, loads;
	struct install_item *items;
	size_t item_count, wrong;  /* items that are not as they must be */
};

static void findings_make(struct boot *boot, struct findings *findings)
{
	struct buffer text, made;
	struct diag *diag = boot->invocation->diag;
	*findings = (struct findings){.parsed = false};
	install_list(&boot->install, boot->arena, &findings->items, &findings->item_count);
	for (size_t i = 0; i < findings->item_count; i++)
		findings->wrong += findings->items[i].is == INSTALL_MISSING || findings->items[i].is == INSTALL_OTHER;
	if (findings->items[0].is == INSTALL_MISSING)
		return;
	findings->parsed = file_load(boot, &text, &findings->head);
	buffer_init(&made, BOOTFILE_MOST);
	if (findings->parsed) {
		bool enabled = driver_service_enabled(boot->root);
		findings->compared = bootfile_make(boot->visit.state, enabled, &text, diag, &findings->current, &made) == 0;
		int error = bootfile_try(buffer_text(&text), text.length, BOOTFILE, diag);
		findings->tried = error != ERROR_SYSTEM;
		findings->loads = error == 0;
	}
	buffer_done(&made);
	buffer_done(&text);
}

static void status_json(const struct boot *boot, const struct findings *findings, bool good)
{
	struct buffer *output = boot->invocation->output;
	char made[MOMENT_TEXT];
	buffer_add_char(output, '{');
	emit_member(output, "root", boot->root);
	emit_flag(output, "good", good);
	emit_member(output, "mode", findings->parsed ? findings->head.mode : NULL);
	if (findings->parsed) {
		moment_print(findings->head.made, made);
		emit_number(output, "generation", findings->head.generation);
		emit_member(output, "made", made);
		emit_member(output, "digest", findings->head.digest);
	}
	if (findings->compared)
		emit_flag(output, "current", findings->current);
	if (findings->tried)
		emit_flag(output, "loads", findings->loads);
	emit_name(output, "items");
	buffer_add_char(output, '[');
	for (size_t i = 0; i < findings->item_count; i++) {
		buffer_add_text(output, i > 0 ? ",\n {" : "{");
		emit_member(output, "path", findings->items[i].path);
		emit_member(output, "what", findings->items[i].what);
		emit_member(output, "is", install_is_name(findings->items[i].is));
		buffer_add_char(output, '}');
	}
	buffer_add_text(output, "]}\n");
}

static void status_text(const struct boot *boot, const struct findings *findings)
{
	struct buffer *output = boot->invocation->output;
	char made[MOMENT_TEXT];
	if (findings->parsed) {
		moment_print(findings->head.made, made);
		buffer_printf(output, "boot mode: %s\nmade: %s, generation %llu, of state %.12s\n", findings->head.mode, made,
			      (unsigned long long)findings->head.generation, findings->head.digest);
		buffer_printf(output, "store: %s\n", !findings->compared ? "could not be compared"
					: findings->current ? "the same"
							    : "says otherwise; cordon boot install makes the boot file again");
		buffer_printf(output, "loads: %s\n", !findings->tried ? "could not be tried" : findings->loads ? "yes" : "no");
	} else {
		buffer_add_text(output, findings->items[0].is == INSTALL_MISSING ? "boot file: there is none; cordon boot install makes it\n"
										   : "boot file: it cannot be used\n");
	}
	for (size_t i = 0; i < findings->item_count; i++)
		if (findings->items[i].is != INSTALL_NOT_NEEDED)
			buffer_printf(output, "%-10s %s%s (%s)\n", install_is_name(findings->items[i].is), boot->root,
				      findings->items[i].path, findings->items[i].what);
}

static int status_run(struct boot *boot)
{
	struct findings findings;
	findings_make(boot, &findings);
	bool good = findings.parsed && findings.wrong == 0 && findings.current && findings.loads;
	if (boot->invocation->json)
		status_json(boot, &findings, good);
	else if (!boot->invocation->quiet)
		status_text(boot, &findings);
	return good ? EXIT_DONE : EXIT_FINDING;
}

static int load_run(struct boot *boot)
{
	if (boot->root[0] != '\0') {
		diag_error(boot->invocation->diag, NULL, "boot load works on the running kernel: --root is for install, uninstall and status");
		return EXIT_INPUT;
	}
	struct session session;
	session_find(&session);
	if (session.remote && invocation_option(boot->invocation, "force") == NULL) {
		diag_error(boot->invocation->diag, NULL, "start-up rules may cut the session that you sit at, and nothing brings the old state back: "
			   "`cordon explain --mode boot` says what they do; --force loads them");
		return EXIT_INPUT;
	}
	int code = bootrun(BOOTFILE, "cordon", DRIVER_FILE, boot->invocation->diag);
	boot->invocation->changed |= code != EXIT_SYSTEM;
	return code;
}

static int boot_run(struct invocation *invocation)
{
	static const struct {
		const char *word;
		bool with_store;
		int (*run)(struct boot *boot);
	} rows[] = {
		{"install", true, install_run},
		{"uninstall", false, uninstall_run},
		{"status", true, status_run},
		{"load", false, load_run},
	};
	struct boot boot = {.invocation = invocation};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		if (strcmp(rows[i].word, invocation->words[0]) != 0)
			continue;
		int error = boot_begin(&boot, rows[i].with_store);
		int code = error < 0 ? error_exit(error) : rows[i].run(&boot);
		boot_end(&boot);
		return code;
	}
	diag_error(invocation->diag, NULL, "boot %s: install, uninstall, status or load is expected", QUOTE(invocation->words[0]));
	return EXIT_INPUT;
}

const struct command boot_command = {
	.name = "boot",
	.arguments = "install|uninstall|status|load",
	.help = "the rules from power-on until the service has applied policy",
	.details =
		"install makes the boot file, " BOOTFILE ", of the boot mode and the boot exemptions in the store, and installs what "
		"loads it before any network: cordon-boot.service, the service cordond.service, drop-ins that hold back "
		"systemd-networkd, NetworkManager, networking and ifup@ until it is loaded, and a hook of initramfs-tools that loads it "
		"in the initial RAM disk. From then on every change of the store makes the boot file again. All of it is put in place, "
		"or nothing.\n\n"
		"uninstall takes exactly that away. status says what is installed, whether the boot file is what the store says, and "
		"whether it would load, which is tried in a network namespace of its own; exit code 1 when one of these is not so. load "
		"puts the boot rules in force now, when nothing of Cordon's is.\n\n"
		"With --root DIR all of this but load is done in a tree that is not booted, with the store in that tree unless "
		"--store names another.\n\n"
		"When the boot file is missing, damaged or refused by the kernel, a block set that is built into cordon-boot is in force "
		"instead: DHCP, loopback and neighbour discovery pass, nothing else. When the kernel has no nftables at all, the network "
		"is held back; the way in is the console.",
	.options = boot_options,
	.examples = boot_examples,
	.least = 1,
	.most = 1,
	.word_at = boot_words,
	.run = boot_run,
};
